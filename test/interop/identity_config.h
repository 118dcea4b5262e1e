/*-------------------------------------------------------------------------
 *
 * identity_config.h
 *	  The configurations that identity.c compares.
 *
 *-------------------------------------------------------------------------
 */
#ifndef IDENTITY_CONFIG_H
#define IDENTITY_CONFIG_H

typedef enum LabelKind
{
	LABEL_REAL,
	LABEL_BINARY,
	LABEL_CLASS,
	LABEL_COUNT,
	LABEL_POSITIVE,
	LABEL_RANK,
	LABEL_INTERVAL,				/* of survival:aft */
	LABEL_CENSORED				/* of survival:cox: negative when censored */
} LabelKind;

typedef struct Configuration
{
	const char *name;
	const char *objective;
	const char *parameters;		/* "a=1 b=2" */
	LabelKind	label;
	int			rounds;
	int			n_features;
	int			n_categorical;	/* the first features */
	double		missing;		/* share of missing values */
	int			n_classes;
	int			n_targets;
	int			slice;			/* keep that many rounds */
	int			best_iteration; /* set the attribute */
	int			since;			/* first version, 100 * major + minor; 0: any */
	int			until;			/* first version that lacks it; 0: none does */
} Configuration;

#define TREES	.rounds = 9,.n_features = 12,.missing = 0.1

static const Configuration configurations[] = {
	/* every objective */
	{"squarederror", "reg:squarederror", "", LABEL_REAL, TREES},
	{"squaredlogerror", "reg:squaredlogerror", "", LABEL_POSITIVE, TREES},
	{"pseudohubererror", "reg:pseudohubererror", "", LABEL_REAL, TREES},
	{"absoluteerror", "reg:absoluteerror", "", LABEL_REAL, TREES},
	{"reg logistic", "reg:logistic", "", LABEL_BINARY, TREES},
	{"logistic", "binary:logistic", "", LABEL_BINARY, TREES},
	{"logitraw", "binary:logitraw", "", LABEL_BINARY, TREES},
	{"hinge", "binary:hinge", "", LABEL_BINARY, TREES},
	{"poisson", "count:poisson", "", LABEL_COUNT, TREES},
	{"gamma", "reg:gamma", "", LABEL_POSITIVE, TREES},
	{"tweedie", "reg:tweedie", "tweedie_variance_power=1.3", LABEL_POSITIVE, TREES},
	{"aft", "survival:aft", "aft_loss_distribution=logistic", LABEL_INTERVAL, TREES},
	{"cox", "survival:cox", "", LABEL_CENSORED, TREES},
	{"pairwise", "rank:pairwise", "", LABEL_RANK, TREES},
	{"ndcg", "rank:ndcg", "", LABEL_RANK, TREES},
	{"map", "rank:map", "", LABEL_BINARY, TREES},
	{"softmax", "multi:softmax", "", LABEL_CLASS, TREES,.n_classes = 3},
	{"softprob", "multi:softprob", "", LABEL_CLASS, TREES,.n_classes = 5},
	{"quantile", "reg:quantileerror", "quantile_alpha=0.3", LABEL_REAL, TREES,.since = 200},
	{"quantiles", "reg:quantileerror", "quantile_alpha=[0.1,0.5,0.9]", LABEL_REAL, TREES,
	.since = 201},
	{"expectiles", "reg:expectileerror", "expectile_alpha=[0.2,0.5,0.8] base_score=0.4",
	LABEL_REAL, TREES,.since = 303},
	{"expectile", "reg:expectileerror", "expectile_alpha=0.2", LABEL_REAL, TREES,.since = 303},

	/* how trees are grown */
	{"exact", "reg:squarederror", "tree_method=exact", LABEL_REAL, TREES},
	{"exact pruned", "reg:squarederror", "tree_method=exact gamma=3 max_depth=8", LABEL_REAL,
	TREES},
	{"exact pruned classes", "multi:softprob", "tree_method=exact gamma=1 max_depth=8",
	LABEL_CLASS, TREES,.n_classes = 4},
	{"exact logistic", "binary:logistic", "tree_method=exact", LABEL_BINARY, TREES},
	{"approx", "reg:squarederror", "tree_method=approx", LABEL_REAL, TREES},
	{"approx logistic", "binary:logistic", "tree_method=approx gamma=0.5", LABEL_BINARY, TREES},
	{"lossguide", "binary:logistic", "grow_policy=lossguide max_leaves=40 max_depth=0",
	LABEL_BINARY, TREES},
	{"lossguide deep", "reg:squarederror",
		"grow_policy=lossguide max_leaves=300 max_depth=0 min_child_weight=0 lambda=0 eta=1",
	LABEL_CENSORED, TREES},
	{"deep", "reg:squarederror", "max_depth=16 min_child_weight=0", LABEL_REAL, TREES},
	{"stumps", "binary:logistic", "max_depth=1", LABEL_BINARY,.rounds = 61,.n_features = 12},
	{"constant label", "count:poisson", "base_score=2", LABEL_POSITIVE,.rounds = 1,
	.n_features = 1},
	{"many trees", "binary:logistic", "max_depth=3 eta=0.1", LABEL_BINARY,.rounds = 203,
	.n_features = 20,.missing = 0.02},
	{"sampled", "binary:logistic", "subsample=0.5 colsample_bynode=0.5 max_delta_step=1",
	LABEL_BINARY, TREES},
	{"monotone", "reg:squarederror", "monotone_constraints=(1,-1,0,1)", LABEL_REAL,
	.rounds = 9,.n_features = 4},

	/* missing values and numbers of features */
	{"no missing", "reg:squarederror", "", LABEL_REAL,.rounds = 9,.n_features = 12},
	{"mostly missing", "binary:logistic", "", LABEL_BINARY,.rounds = 9,.n_features = 12,
	.missing = 0.8},
	{"one feature", "reg:squarederror", "", LABEL_REAL,.rounds = 9,.n_features = 1,
	.missing = 0.3},
	{"wide", "reg:squarederror", "", LABEL_REAL,.rounds = 9,.n_features = 300,.missing = 0.3},

	/* intercepts */
	{"base 0.999", "binary:logistic", "base_score=0.999", LABEL_BINARY, TREES},
	{"base 7.3", "reg:squarederror", "base_score=7.3", LABEL_REAL, TREES},
	{"base negative", "reg:squarederror", "base_score=-123.456", LABEL_REAL, TREES},
	{"base small", "count:poisson", "base_score=0.0001", LABEL_COUNT, TREES},
	{"base classes", "multi:softprob", "base_score=0.25", LABEL_CLASS, TREES,.n_classes = 3},

	/* dart */
	{"dart", "binary:logistic", "booster=dart rate_drop=0.3", LABEL_BINARY, TREES},
	{"dart forest", "reg:squarederror",
		"booster=dart rate_drop=0.5 normalize_type=forest skip_drop=0.2 base_score=7.3",
	LABEL_REAL, TREES},
	{"dart classes", "multi:softprob", "booster=dart rate_drop=0.3 sample_type=weighted",
	LABEL_CLASS, TREES,.n_classes = 3},
	{"dart parallel", "count:poisson", "booster=dart rate_drop=0.3 num_parallel_tree=3",
	LABEL_COUNT, TREES},
	{"dart categories", "binary:logistic", "booster=dart rate_drop=0.3", LABEL_BINARY, TREES,
	.n_categorical = 4},

	/* gblinear */
	{"linear", "reg:squarederror", "booster=gblinear", LABEL_REAL, TREES},
	{"linear logistic", "binary:logistic", "booster=gblinear updater=coord_descent",
	LABEL_BINARY, TREES},
	{"linear classes", "multi:softprob", "booster=gblinear", LABEL_CLASS, TREES,.n_classes = 3},
	{"linear poisson", "count:poisson", "booster=gblinear eta=0.01 base_score=1.5",
	LABEL_COUNT, TREES},

	{"linear targets", "reg:squarederror", "booster=gblinear", LABEL_REAL, TREES,.n_targets = 3},

	/* categories */
	{"one-hot", "reg:squarederror", "max_cat_to_onehot=1000", LABEL_REAL, TREES,
	.n_categorical = 5},
	{"partition", "reg:squarederror", "max_cat_to_onehot=1", LABEL_REAL, TREES,
	.n_categorical = 5},
	{"partition approx", "binary:logistic", "tree_method=approx max_cat_to_onehot=1",
	LABEL_BINARY, TREES,.n_categorical = 5},
	{"one-hot approx", "binary:logistic", "tree_method=approx max_cat_to_onehot=1000",
	LABEL_BINARY, TREES,.n_categorical = 5},
	{"categories only", "multi:softprob", "max_cat_to_onehot=4", LABEL_CLASS,.rounds = 9,
	.n_features = 5,.n_categorical = 5,.missing = 0.2,.n_classes = 3},
	{"categories lossguide", "binary:logistic",
		"grow_policy=lossguide max_leaves=30 max_depth=0", LABEL_BINARY, TREES,
	.n_categorical = 3},
	{"categories poisson", "count:poisson", "", LABEL_COUNT, TREES,.n_categorical = 2},
	/* with up to 432 labels, in two columns of bytes */
	{"many categories", "reg:squarederror", "max_cat_to_onehot=1 min_child_weight=0",
	LABEL_REAL,.rounds = 9,.n_features = 40,.n_categorical = 40,.missing = 0.1},
	{"categories deep", "binary:logistic", "max_depth=9 min_child_weight=0", LABEL_BINARY,
	.rounds = 9,.n_features = 30,.n_categorical = 25,.missing = 0.1},
	{"one category", "reg:squarederror", "max_cat_to_onehot=1 min_child_weight=0", LABEL_REAL,
	.rounds = 9,.n_features = 4,.n_categorical = 4},

	/* several trees and outputs per round */
	{"forest", "reg:squarederror",
		"num_parallel_tree=8 subsample=0.6 colsample_bynode=0.5 eta=1", LABEL_REAL,
	.rounds = 1,.n_features = 12,.missing = 0.1},
	{"boosted forest", "binary:logistic", "num_parallel_tree=3 subsample=0.6", LABEL_BINARY,
	TREES},
	{"forest of classes", "multi:softmax", "num_parallel_tree=3 subsample=0.6", LABEL_CLASS,
	TREES,.n_classes = 4},
	{"targets", "reg:squarederror", "", LABEL_REAL, TREES,.n_targets = 3},
	{"labels", "binary:logistic", "", LABEL_BINARY, TREES,.n_targets = 4},
	{"targets parallel", "reg:squarederror", "num_parallel_tree=2 subsample=0.6", LABEL_REAL,
	TREES,.n_targets = 2},
	{"targets categories", "reg:squarederror", "", LABEL_REAL, TREES,.n_targets = 2,
	.n_categorical = 4},
	{"vector leaf", "reg:squarederror", "multi_strategy=multi_output_tree", LABEL_REAL, TREES,
	.n_targets = 3,.since = 200},
	{"vector leaf labels", "binary:logistic", "multi_strategy=multi_output_tree",
	LABEL_BINARY, TREES,.n_targets = 4,.since = 200},
	{"vector leaf classes", "multi:softprob", "multi_strategy=multi_output_tree",
	LABEL_CLASS, TREES,.n_classes = 3,.since = 200},
	{"vector leaf parallel", "reg:squarederror",
		"multi_strategy=multi_output_tree num_parallel_tree=2 subsample=0.6", LABEL_REAL, TREES,
	.n_targets = 3,.since = 200},
	{"vector leaf dart", "reg:squarederror",
		"multi_strategy=multi_output_tree rate_drop=0.3 one_drop=1", LABEL_REAL, TREES,
	.n_targets = 2,.since = 303},
	{"vector leaf categories", "reg:squarederror", "multi_strategy=multi_output_tree",
	LABEL_REAL, TREES,.n_targets = 2,.n_categorical = 4,.since = 303},

	/* part of the rounds */
	{"sliced", "binary:logistic", "", LABEL_BINARY, TREES,.slice = 5},
	{"sliced classes", "multi:softprob", "num_parallel_tree=2 subsample=0.6", LABEL_CLASS,
	TREES,.n_classes = 3,.slice = 4},
	{"best iteration", "binary:logistic", "", LABEL_BINARY, TREES,.best_iteration = 4},
	{"best iteration classes", "multi:softprob", "num_parallel_tree=2 subsample=0.6",
	LABEL_CLASS, TREES,.n_classes = 3,.best_iteration = 5},
	{"best iteration dart", "reg:squarederror", "booster=dart rate_drop=0.3", LABEL_REAL,
	TREES,.best_iteration = 3},
};

#endif							/* IDENTITY_CONFIG_H */
