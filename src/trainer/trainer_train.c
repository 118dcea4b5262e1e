/*-------------------------------------------------------------------------
 *
 * trainer_train.c
 *	  Boosting: from matrices to model bytes.
 *
 * The bytes depend on rows, parameters and library version only: our settings
 * exclude what would make them depend on the number of threads.  Hold-out rows
 * choose nothing; their metrics are only recorded.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "trainer/trainer_matrix.h"
#include "trainer/trainer_report.h"
#include "trainer/trainer_train.h"

/* Names of the parts in metric lines; without "-" and ":", which separate. */
static const char *const part_name[SPOOL_N_PARTS] = {"train", "validation", "test"};

/*
 * Rounds of larger parts are judged by a sample of this many rows, because
 * judging a row costs about as much as training on it.  Not the validation
 * part, which chooses.
 */
#define JUDGED_ROWS 10000

/* What watching the rounds needs. */
typedef struct RoundWatch
{
	int			n;				/* matrices to judge */
	DMatrixHandle matrix[SPOOL_N_PARTS];
	SpoolPart	part[SPOOL_N_PARTS];
	size_t		n_rows[SPOOL_N_PARTS];	/* by part */
	double		validation;		/* last metric of the validation part */
	bool		greater_is_better;
	int			best_round;
	double		best;
} RoundWatch;

static void
set_param(BoosterHandle booster, const char *name, const char *value)
{
	mlops_trainer_check(XGBoosterSetParam(booster, name, value));
}

static bool
has_param(const TrainerConfig *config, const char *name)
{
	return mlops_trainer_param(config, name, NULL) != NULL;
}

/*
 * Whether training itself must run in one thread to be reproducible: the
 * linear booster adds gradients up per thread, ranking before 2.0 and row
 * sampling from 3.1 on draw from one generator per thread.
 */
static bool
needs_one_thread(const TrainerConfig *config)
{
	int			major;
	int			minor;
	int			patch;

	XGBoostVersion(&major, &minor, &patch);
	return strcmp(mlops_trainer_param(config, "booster", "gbtree"), "gblinear") == 0 ||
		(config->task == METRIC_RANKING && major < 2) ||
		(strtod(mlops_trainer_param(config, "subsample", "1"), NULL) != 1 &&
		 (major > 3 || (major == 3 && minor > 0)));
}

static void
set_params(const TrainerConfig *config, const TrainerPart *train, BoosterHandle booster)
{
	char		number[16];
	int			threads = config->threads;

	set_param(booster, "objective", mlops_trainer_objective(config));
	for (uint32_t i = 0; i < config->n_params; i++)
		set_param(booster, config->param_name[i], config->param_value[i]);

	/*
	 * libxgboost's own defaults differ between versions or are not
	 * reproducible
	 */
	if (strcmp(mlops_trainer_param(config, "booster", "gbtree"), "gblinear") == 0)
	{
		if (!has_param(config, "updater"))
			set_param(booster, "updater", "coord_descent");
	}
	else if (!has_param(config, "tree_method"))
		set_param(booster, "tree_method", "hist");

	/* 3.0 estimates 0 or 1 from constant labels, and then refuses it */
	if (config->task == METRIC_BINARY && train->label_min == train->label_max &&
		!has_param(config, "base_score"))
		set_param(booster, "base_score", "0.5");

	if (config->task == METRIC_MULTICLASS)
	{
		snprintf(number, sizeof(number), "%u", config->n_classes);
		set_param(booster, "num_class", number);
	}
	if (config->threads > 1 && needs_one_thread(config))
	{
		mlops_trainer_note("trained in one thread, because libxgboost makes other models of these parameters in several");
		threads = 1;
	}
	snprintf(number, sizeof(number), "%d", threads);
	set_param(booster, "nthread", number);
	set_param(booster, "validate_parameters", "1");
}

static BoosterHandle
make_booster(const TrainerConfig *config, const TrainerPart *train,
			 const DMatrixHandle * matrices, int n)
{
	BoosterHandle booster;

	mlops_trainer_check(XGBoosterCreate(matrices, (bst_ulong) n, &booster));
	set_params(config, train, booster);
	return booster;
}

/* Names and types travel in the model; libxgboost does not copy them from the matrix. */
static void
name_features(const TrainerConfig *config, BoosterHandle booster)
{
	mlops_trainer_check(XGBoosterSetStrFeatureInfo(booster, "feature_name", config->feature_name,
												   config->n_features));
	mlops_trainer_check(XGBoosterSetStrFeatureInfo(booster, "feature_type", config->feature_kind,
												   config->n_features));
}

static TrainerModel
save_model(const TrainerConfig *config, BoosterHandle booster, int n_rounds)
{
	TrainerModel model;
	const char *bytes;
	bst_ulong	size;

	name_features(config, booster);
	mlops_trainer_check(XGBoosterSaveModelToBuffer(booster, "{\"format\":\"ubj\"}", &size, &bytes));
	model.bytes = mlops_trainer_alloc(size, 1);
	memcpy(model.bytes, bytes, size);
	model.size = size;
	model.n_rounds = n_rounds;
	return model;
}

/* The direction of XGBoost's own metrics; "ndcg@10-" is "ndcg". */
static bool
is_greater_better(const char *metric)
{
	static const char *const greater[] = {
		"auc", "aucpr", "pre", "map", "ndcg", "interval-regression-accuracy"
	};
	size_t		length = strcspn(metric, "@");

	while (length > 0 && metric[length - 1] == '-')
		length--;
	for (size_t i = 0; i < sizeof(greater) / sizeof(greater[0]); i++)
		if (strlen(greater[i]) == length && strncmp(metric, greater[i], length) == 0)
			return true;
	return false;
}

/* Report "\tpart-metric:value" and remember the validation part's. */
static void
take_metric(RoundWatch *watch, int round, char *item)
{
	char	   *metric = strchr(item, '-');
	char	   *colon = strrchr(item, ':');
	double		value;

	if (metric == NULL || colon == NULL || colon < metric)
		mlops_trainer_fail("libxgboost reported a metric in a form that is not known: \"%.64s\"", item);
	*metric++ = '\0';
	*colon = '\0';
	value = strtod(colon + 1, NULL);

	for (int i = 0; i < SPOOL_N_PARTS; i++)
		if (strcmp(item, part_name[i]) == 0)
		{
			mlops_trainer_send_round((SpoolPart) i, round, metric, value, watch->n_rows[i]);
			if (i == SPOOL_VALIDATION)
			{
				watch->validation = value;
				watch->greater_is_better = is_greater_better(metric);
			}
		}
}

static void
judge_round(RoundWatch *watch, BoosterHandle booster, int round)
{
	const char *names[SPOOL_N_PARTS];
	const char *result;
	char	   *line;
	char	   *next;
	char	   *item;

	for (int i = 0; i < watch->n; i++)
		names[i] = part_name[watch->part[i]];
	mlops_trainer_check(XGBoosterEvalOneIter(booster, round, watch->matrix, names,
											 (bst_ulong) watch->n, &result));
	line = mlops_trainer_alloc(strlen(result) + 1, 1);
	strcpy(line, result);
	next = line;
	(void) strsep(&next, "\t"); /* the round's number */
	while ((item = strsep(&next, "\t")) != NULL)
		take_metric(watch, round, item);
	free(line);
}

/* Whether early stopping ends the training after this round. */
static bool
is_stopping(RoundWatch *watch, int patience, int round)
{
	bool		better = watch->greater_is_better ? watch->validation > watch->best :
	watch->validation < watch->best;

	if (!isnan(watch->validation) && (watch->best_round < 0 || better))
	{
		watch->best_round = round;
		watch->best = watch->validation;
	}
	if (watch->best_round < 0)
		mlops_trainer_fail("early stopping: the metric of the validation part is not a number");
	return round - watch->best_round >= patience;
}

/* Judge rounds by a part; "train" is its matrix if it has one already. */
static void
watch_part(RoundWatch *watch, const TrainerConfig *config, const TrainerPart *parts, SpoolPart part,
		   DMatrixHandle train)
{
	TrainerPart sample = parts[part];

	if (part != SPOOL_VALIDATION)
		sample = mlops_trainer_sample_part(&parts[part], JUDGED_ROWS);
	if (train == NULL || sample.n_rows < parts[part].n_rows)
		train = mlops_trainer_make_matrix(config, &sample, 1, false);
	watch->matrix[watch->n] = train;
	watch->part[watch->n] = part;
	watch->n_rows[part] = sample.n_rows;
	watch->n++;
}

/* Boost; returns the booster, cut after its best round, and the number of its rounds. */
static BoosterHandle
boost_rounds(const TrainerConfig *config, RoundWatch *watch, DMatrixHandle train,
			 BoosterHandle booster, int *n_rounds)
{
	int			round;

	for (round = 0; round < config->num_boost_round; round++)
	{
		mlops_trainer_check(XGBoosterUpdateOneIter(booster, round, train));
		mlops_trainer_check_log();
		judge_round(watch, booster, round);
		if (config->early_stopping_rounds > 0 &&
			is_stopping(watch, config->early_stopping_rounds, round))
		{
			round++;
			break;
		}
	}
	*n_rounds = round;

	if (config->early_stopping_rounds > 0)
	{
		mlops_trainer_send_stopped(watch->best_round);
		if (watch->best_round + 1 < round)
		{
			BoosterHandle best;

			mlops_trainer_check(XGBoosterSlice(booster, 0, watch->best_round + 1, 1, &best));
			mlops_trainer_check(XGBoosterFree(booster));
			booster = best;
			*n_rounds = watch->best_round + 1;
		}
	}
	return booster;
}

TrainerModel
mlops_trainer_train(const TrainerConfig *config, const TrainerPart *parts)
{
	RoundWatch	watch = {.best_round = -1};
	DMatrixHandle train = mlops_trainer_make_matrix(config, &parts[SPOOL_TRAIN], 1, true);
	DMatrixHandle known[SPOOL_N_PARTS + 1];
	int			n_known;
	BoosterHandle booster;
	TrainerModel model;
	int			n_rounds;

	watch_part(&watch, config, parts, SPOOL_TRAIN, train);
	if (parts[SPOOL_TEST].n_rows > 0)
		watch_part(&watch, config, parts, SPOOL_TEST, NULL);
	if (config->early_stopping_rounds > 0)
		watch_part(&watch, config, parts, SPOOL_VALIDATION, NULL);

	/*
	 * the booster keeps predictions of the matrices it knows from round to
	 * round
	 */
	memcpy(known, watch.matrix, sizeof(watch.matrix));
	known[watch.n] = train;
	n_known = watch.matrix[0] == train ? watch.n : watch.n + 1;

	mlops_trainer_send(TRAINER_PHASE, "training");
	booster = make_booster(config, &parts[SPOOL_TRAIN], known, n_known);
	booster = boost_rounds(config, &watch, train, booster, &n_rounds);
	model = save_model(config, booster, n_rounds);

	mlops_trainer_check(XGBoosterFree(booster));
	for (int i = 0; i < n_known; i++)
		mlops_trainer_check(XGDMatrixFree(known[i]));
	return model;
}

TrainerModel
mlops_trainer_refit(const TrainerConfig *config, const TrainerPart *parts, int n_rounds)
{
	DMatrixHandle all = mlops_trainer_make_matrix(config, parts, SPOOL_N_PARTS, true);
	BoosterHandle booster = make_booster(config, &parts[SPOOL_TRAIN], &all, 1);
	TrainerModel model;

	for (int round = 0; round < n_rounds; round++)
		mlops_trainer_check(XGBoosterUpdateOneIter(booster, round, all));
	model = save_model(config, booster, n_rounds);
	mlops_trainer_check(XGBoosterFree(booster));
	mlops_trainer_check(XGDMatrixFree(all));
	return model;
}
