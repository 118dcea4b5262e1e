/*-------------------------------------------------------------------------
 *
 * params.c
 *	  The parameters of XGBoost that train takes.
 *
 * An allow-list under XGBoost's own names: libxgboost itself takes eta = NaN,
 * ignores names that it does not know, and reads files that a parameter names.
 * What is not in the table below is refused with the nearest name that is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/fmgrprotos.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "job/params.h"
#include "job/params_constraint.h"
#include "job/params_metric.h"

/* Boosters that a parameter goes with. */
#define TREE	1				/* gbtree and dart */
#define DART	2
#define LINEAR	4
#define ANY		(TREE | DART | LINEAR)

typedef enum ParamType
{
	PARAM_INT,
	PARAM_FLOAT,				/* min <= value <= max */
	PARAM_POSITIVE,				/* 0 < value <= max */
	PARAM_OPEN,					/* min < value < max */
	PARAM_BOOL,
	PARAM_WORD,					/* one of the words */
	PARAM_METRIC,
	PARAM_QUANTILES,			/* a number or an array of numbers in (0, 1) */
	PARAM_MONOTONE,
	PARAM_INTERACTION
} ParamType;

typedef struct Param
{
	const char *name;
	ParamType	type;
	int			boosters;
	double		min;
	double		max;
	const char *words;			/* separated by one space */
	const char *only;			/* objective that it belongs to, or its prefix */
} Param;

#define HUGE_NUMBER 1e30

static const Param params[] = {
	{"booster", PARAM_WORD, ANY, 0, 0, "gbtree dart gblinear", NULL},
	{"objective", PARAM_WORD, ANY, 0, 0, "", NULL}, /* see objectives[] */
	{"eval_metric", PARAM_METRIC, ANY, 0, 0, NULL, NULL},
	{"base_score", PARAM_FLOAT, ANY, -HUGE_NUMBER, HUGE_NUMBER, NULL, NULL},
	{"seed", PARAM_INT, ANY, 0, 2147483647, NULL, NULL},
	{"seed_per_iteration", PARAM_BOOL, ANY, 0, 0, NULL, NULL},
	{"nthread", PARAM_INT, ANY, 1, 256, NULL, NULL},
	{"scale_pos_weight", PARAM_POSITIVE, ANY, 0, HUGE_NUMBER, NULL, "binary:"},

	{"eta", PARAM_POSITIVE, ANY, 0, 1, NULL, NULL},
	{"learning_rate", PARAM_POSITIVE, ANY, 0, 1, NULL, NULL},
	{"gamma", PARAM_FLOAT, TREE, 0, HUGE_NUMBER, NULL, NULL},
	{"min_split_loss", PARAM_FLOAT, TREE, 0, HUGE_NUMBER, NULL, NULL},
	{"max_depth", PARAM_INT, TREE, 0, 64, NULL, NULL},
	{"min_child_weight", PARAM_FLOAT, TREE, 0, HUGE_NUMBER, NULL, NULL},
	{"max_delta_step", PARAM_FLOAT, TREE, 0, HUGE_NUMBER, NULL, NULL},
	{"subsample", PARAM_POSITIVE, TREE, 0, 1, NULL, NULL},
	{"sampling_method", PARAM_WORD, TREE, 0, 0, "uniform", NULL},
	{"colsample_bytree", PARAM_POSITIVE, TREE, 0, 1, NULL, NULL},
	{"colsample_bylevel", PARAM_POSITIVE, TREE, 0, 1, NULL, NULL},
	{"colsample_bynode", PARAM_POSITIVE, TREE, 0, 1, NULL, NULL},
	{"lambda", PARAM_FLOAT, ANY, 0, HUGE_NUMBER, NULL, NULL},
	{"reg_lambda", PARAM_FLOAT, ANY, 0, HUGE_NUMBER, NULL, NULL},
	{"alpha", PARAM_FLOAT, ANY, 0, HUGE_NUMBER, NULL, NULL},
	{"reg_alpha", PARAM_FLOAT, ANY, 0, HUGE_NUMBER, NULL, NULL},
	{"tree_method", PARAM_WORD, TREE, 0, 0, "hist approx exact auto", NULL},
	{"grow_policy", PARAM_WORD, TREE, 0, 0, "depthwise lossguide", NULL},
	{"max_leaves", PARAM_INT, TREE, 0, 1000000, NULL, NULL},
	{"max_bin", PARAM_INT, TREE, 2, 65535, NULL, NULL},
	{"num_parallel_tree", PARAM_INT, TREE, 1, 1000, NULL, NULL},
	{"max_cat_to_onehot", PARAM_INT, TREE, 1, 1000000, NULL, NULL},
	{"max_cat_threshold", PARAM_INT, TREE, 1, 1000000, NULL, NULL},
	{"multi_strategy", PARAM_WORD, TREE, 0, 0, "one_output_per_tree multi_output_tree", NULL},
	{"monotone_constraints", PARAM_MONOTONE, TREE, 0, 0, NULL, NULL},
	{"interaction_constraints", PARAM_INTERACTION, TREE, 0, 0, NULL, NULL},

	{"sample_type", PARAM_WORD, DART, 0, 0, "uniform weighted", NULL},
	{"normalize_type", PARAM_WORD, DART, 0, 0, "tree forest", NULL},
	{"rate_drop", PARAM_FLOAT, DART, 0, 1, NULL, NULL},
	{"skip_drop", PARAM_FLOAT, DART, 0, 1, NULL, NULL},
	{"one_drop", PARAM_BOOL, DART, 0, 0, NULL, NULL},

	{"updater", PARAM_WORD, LINEAR, 0, 0, "coord_descent", NULL},
	{"feature_selector", PARAM_WORD, LINEAR, 0, 0, "cyclic shuffle random greedy thrifty", NULL},
	{"top_k", PARAM_INT, LINEAR, 0, 1000000, NULL, NULL},

	{"tweedie_variance_power", PARAM_OPEN, ANY, 1, 2, NULL, "reg:tweedie"},
	{"huber_slope", PARAM_POSITIVE, ANY, 0, HUGE_NUMBER, NULL, "reg:pseudohubererror"},
	{"quantile_alpha", PARAM_QUANTILES, ANY, 0, 1, NULL, "reg:quantileerror"},
	{"expectile_alpha", PARAM_QUANTILES, ANY, 0, 1, NULL, "reg:expectileerror"},
	{"aft_loss_distribution", PARAM_WORD, ANY, 0, 0, "normal logistic extreme", "survival:aft"},
	{"aft_loss_distribution_scale", PARAM_POSITIVE, ANY, 0, HUGE_NUMBER, NULL, "survival:aft"},
	{"lambdarank_pair_method", PARAM_WORD, ANY, 0, 0, "topk mean", "rank:"},
	{"lambdarank_num_pair_per_sample", PARAM_INT, ANY, 1, 1000000, NULL, "rank:"},
	{"lambdarank_normalization", PARAM_BOOL, ANY, 0, 0, NULL, "rank:"},
	{"lambdarank_score_normalization", PARAM_BOOL, ANY, 0, 0, NULL, "rank:"},
	{"lambdarank_unbiased", PARAM_BOOL, ANY, 0, 0, NULL, "rank:"},
	{"lambdarank_bias_norm", PARAM_FLOAT, ANY, 0, HUGE_NUMBER, NULL, "rank:"},
	{"ndcg_exp_gain", PARAM_BOOL, ANY, 0, 0, NULL, "rank:"}
};

typedef struct Objective
{
	const char *name;
	DatasetTask task;
} Objective;

/* The first one of a task is its default. */
static const Objective objectives[] = {
	{"reg:squarederror", TASK_REGRESSION},
	{"reg:squaredlogerror", TASK_REGRESSION},
	{"reg:absoluteerror", TASK_REGRESSION},
	{"reg:pseudohubererror", TASK_REGRESSION},
	{"reg:quantileerror", TASK_REGRESSION},
	{"reg:expectileerror", TASK_REGRESSION},
	{"reg:logistic", TASK_REGRESSION},
	{"reg:gamma", TASK_REGRESSION},
	{"reg:tweedie", TASK_REGRESSION},
	{"count:poisson", TASK_REGRESSION},
	{"binary:logistic", TASK_BINARY},
	{"multi:softprob", TASK_MULTICLASS},
	{"rank:ndcg", TASK_RANKING},
	{"rank:map", TASK_RANKING},
	{"rank:pairwise", TASK_RANKING},
	{"survival:cox", TASK_SURVIVAL},
	{"survival:aft", TASK_SURVIVAL}
};

/* Names that people know from elsewhere, and what to do instead. */
static const char *const refused[][2] = {
	{"device", "Training runs on the CPU."},
	{"gpu_id", "Training runs on the CPU."},
	{"predictor", "Training runs on the CPU."},
	{"n_jobs", "The parameter is called nthread."},
	{"random_state", "The parameter is called seed."},
	{"n_estimators", "Use the argument num_boost_round."},
	{"num_boost_round", "It is an argument of its own: num_boost_round => 100."},
	{"num_round", "Use the argument num_boost_round."},
	{"early_stopping_rounds", "It is an argument of its own: early_stopping_rounds => 20."},
	{"num_class", "It is counted in the target."},
	{"class_weight", "It is an argument of its own: class_weight => 'balanced'."},
	{"verbosity", "Progress is in mlops.progress, and metrics per round are in mlops.metric."},
	{"missing", "A missing value is NULL."},
	{"enable_categorical", "Columns of text and enum types are categories."},
	{"process_type", "A new version is trained from the start."},
	{"disable_default_eval_metric", "Choose the metrics with eval_metric."}
};

/* What depends on other parameters. */
typedef struct Context
{
	int			boosters;
	DatasetTask task;
	const char *objective;		/* NULL: not known yet */
	const Signature *signature; /* NULL: not known yet */
	const char *param;			/* being translated */
} Context;

static const Param *
find_param(const char *name)
{
	for (int i = 0; i < lengthof(params); i++)
	{
		if (strcmp(params[i].name, name) == 0)
			return &params[i];
	}
	return NULL;
}

/* The error for a name that is not in the table. */
static void
refuse_name(const char *name)
{
	const char *nearest = NULL;
	int			best = Min(strlen(name) / 2 + 1, 4);	/* further away is
														 * another word */

	for (int i = 0; i < lengthof(refused); i++)
	{
		if (strcmp(refused[i][0], name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" is not available", name),
					 errhint("%s", refused[i][1])));
	}
	for (int i = 0; i < lengthof(params) && strlen(name) < 64; i++)
	{
		int			distance = varstr_levenshtein(name, strlen(name), params[i].name,
												  strlen(params[i].name), 1, 1, 1, true);

		if (distance < best)
		{
			best = distance;
			nearest = params[i].name;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized parameter \"%s\"", name),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("The parameters are listed under train in docs/reference.md.")));
}

static void
refuse_value(const char *name, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"%s\" must be %s", name, expected)));
}

/* A number, given as JSON number or as a string that is one. */
static double
get_number(const char *name, const JsonbValue *value)
{
	if (value->type == jbvNumeric)
		return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												  NumericGetDatum(value->val.numeric)));
	if (value->type == jbvString && value->val.string.len > 0)
	{
		char	   *string = pnstrdup(value->val.string.val, value->val.string.len);
		char	   *end;
		double		number = strtod(string, &end);

		if (*end == '\0')
			return number;
	}
	refuse_value(name, "a number");
	return 0;
}

static char *
get_string(const char *name, const JsonbValue *value)
{
	if (value->type != jbvString)
		refuse_value(name, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The shortest text that reads back as the number. */
static char *
format_number(double number)
{
	return psprintf("%.9g", number);
}

static char *
translate_number(const Param *param, const JsonbValue *value)
{
	double		number = get_number(param->name, value);
	bool		whole = param->type == PARAM_INT;
	bool		fits = isfinite(number) &&
	(param->type == PARAM_POSITIVE ? number > 0 && number <= param->max :
	 param->type == PARAM_OPEN ? number > param->min && number < param->max :
	 number >= param->min && number <= param->max && (!whole || number == floor(number)));

	if (!fits && param->type == PARAM_POSITIVE)
		refuse_value(param->name, psprintf("greater than 0 and at most %.10g", param->max));
	if (!fits)
		refuse_value(param->name, psprintf("%s %s %.10g and %.10g", whole ? "an integer" : "a number",
										   param->type == PARAM_OPEN ? "strictly between" : "between",
										   param->min, param->max));
	return whole ? psprintf("%.0f", number) : format_number(number);
}

static char *
translate_bool(const Param *param, const JsonbValue *value)
{
	bool		result;

	if (value->type == jbvBool)
		return value->val.boolean ? "1" : "0";
	if (value->type == jbvNumeric)
	{
		double		number = get_number(param->name, value);

		if (number == 0 || number == 1)
			return number == 1 ? "1" : "0";
	}
	else if (value->type == jbvString && parse_bool(get_string(param->name, value), &result))
		return result ? "1" : "0";
	refuse_value(param->name, "true or false");
	return NULL;
}

/* Whether "word" is one of the words. */
static bool
is_one_of(const char *words, const char *word)
{
	size_t		length = strlen(word);

	for (const char *at = words; length > 0 && (at = strstr(at, word)) != NULL; at += length)
	{
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	}
	return false;
}

static char *
translate_word(const Param *param, const JsonbValue *value)
{
	char	   *word = get_string(param->name, value);
	StringInfoData list;

	if (is_one_of(param->words, word))
		return word;
	initStringInfo(&list);
	for (const char *c = param->words; *c; c++)
	{
		if (*c == ' ')
			appendStringInfoString(&list, ", ");
		else
			appendStringInfoChar(&list, *c);
	}
	refuse_value(param->name, psprintf("one of %s, not \"%s\"", list.data, word));
	return NULL;
}

/* The objective and whether it goes with the task. */
static char *
translate_objective(const JsonbValue *value, DatasetTask task)
{
	char	   *name = get_string("objective", value);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(objectives); i++)
	{
		bool		fits = task == TASK_UNDECIDED || objectives[i].task == task;

		if (fits && strcmp(objectives[i].name, name) == 0)
			return name;
		if (fits)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", objectives[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 task == TASK_UNDECIDED ? errmsg("objective \"%s\" is not available", name) :
			 errmsg("objective \"%s\" is not available for the task %s", name,
					mlops_dataset_task_name(task)),
			 errhint("Use one of: %s.", list.data)));
}

/* A number or an array of numbers, each in (0, 1). */
static char *
translate_quantiles(const Param *param, const JsonbValue *value)
{
	StringInfoData list;
	JsonbValue *element;
	Param		one = *param;

	one.type = PARAM_OPEN;
	if (value->type != jbvBinary)
		return translate_number(&one, value);
	if (!JsonContainerIsArray(value->val.binary.data))
		refuse_value(param->name, "a number or an array of numbers");
	initStringInfo(&list);
	for (uint32 i = 0;
		 (element = getIthJsonbValueFromContainer(value->val.binary.data, i)) != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? "," : "[", translate_number(&one, element));
	if (list.len == 0)
		refuse_value(param->name, "a number or an array of numbers");
	appendStringInfoChar(&list, ']');
	return list.data;
}

static char *
translate_value(const Param *param, const JsonbValue *value, const Context *context)
{
	switch (param->type)
	{
		case PARAM_INT:
		case PARAM_FLOAT:
		case PARAM_POSITIVE:
		case PARAM_OPEN:
			return translate_number(param, value);
		case PARAM_BOOL:
			return translate_bool(param, value);
		case PARAM_WORD:
			return translate_word(param, value);
		case PARAM_METRIC:
			return mlops_params_metric(value, context->task, context->objective);
		case PARAM_QUANTILES:
			return translate_quantiles(param, value);
		case PARAM_MONOTONE:
			return mlops_params_monotone(value, context->signature);
		case PARAM_INTERACTION:
			return mlops_params_interaction(value, context->signature);
	}
	return NULL;
}

/* Two names of one parameter: XGBoost takes any of the two. */
static void
refuse_synonyms(Jsonb *json)
{
	static const char *const synonyms[][2] = {
		{"eta", "learning_rate"},
		{"gamma", "min_split_loss"},
		{"lambda", "reg_lambda"},
		{"alpha", "reg_alpha"}
	};

	for (int i = 0; i < lengthof(synonyms); i++)
	{
		const char *first = synonyms[i][0];
		const char *second = synonyms[i][1];
		JsonbValue	values[2];

		if (getKeyJsonValueFromContainer(&json->root, first, strlen(first), &values[0]) &&
			getKeyJsonValueFromContainer(&json->root, second, strlen(second), &values[1]) &&
			values[0].type != jbvNull && values[1].type != jbvNull)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameters \"%s\" and \"%s\" are the same", first, second),
					 errhint("Give one of them; in retrain, null removes the other.")));
	}
}

static void
add_setting(Params *result, const char *name, const char *value)
{
	result->settings = lappend(result->settings, psprintf("%s=%s", name, value));
}

/* One key of the object; a null counts as absent. */
static void
translate_param(Params *result, const char *name, const JsonbValue *value, const Context *context)
{
	const Param *param = find_param(name);

	if (!param)
		refuse_name(name);
	if (value->type == jbvNull || strcmp(name, "booster") == 0 || strcmp(name, "objective") == 0)
		return;					/* the two were translated before */
	if ((param->boosters & context->boosters) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" has no effect with booster \"%s\"", name, result->booster)));
	if (param->only && context->objective &&
		strncmp(context->objective, param->only, strlen(param->only)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" has no effect with objective \"%s\"", name,
						context->objective)));

	if (param->type == PARAM_METRIC && value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data))
	{
		JsonbValue *element;

		for (uint32 i = 0;
			 (element = getIthJsonbValueFromContainer(value->val.binary.data, i)) != NULL; i++)
			add_setting(result, name,
						mlops_params_metric(element, context->task, context->objective));
		return;
	}
	if (strcmp(name, "nthread") == 0)
	{
		result->threads = atoi(translate_number(param, value));
		if (result->threads > mlops_max_threads)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"nthread\" must be at most %d, not %d", mlops_max_threads,
							result->threads),
					 errhint("The limit is mlops.max_threads.")));
		return;
	}
	if (strcmp(name, "tree_method") == 0)
		result->plain_matrix = strcmp(get_string(name, value), "hist") != 0;
	add_setting(result, name, translate_value(param, value, context));
}

/* Booster and objective come first: the others depend on them. */
static void
translate_basis(Params *result, Jsonb *json, DatasetTask task, bool has_upper, Context *context)
{
	JsonbValue	value;

	result->booster = "gbtree";
	if (getKeyJsonValueFromContainer(&json->root, "booster", 7, &value) && value.type != jbvNull)
		result->booster = translate_word(find_param("booster"), &value);
	context->boosters = strcmp(result->booster, "gblinear") == 0 ? LINEAR :
		strcmp(result->booster, "dart") == 0 ? TREE | DART : TREE;

	if (getKeyJsonValueFromContainer(&json->root, "objective", 9, &value) && value.type != jbvNull)
		result->objective = translate_objective(&value, task);
	else if (has_upper)
		result->objective = "survival:aft";
	for (int i = 0; i < lengthof(objectives) && !result->objective; i++)
	{
		if (objectives[i].task == task)
			result->objective = objectives[i].name;
	}
	context->objective = result->objective;
	if (has_upper && strcmp(result->objective, "survival:aft") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"target_upper\" needs objective \"survival:aft\", not \"%s\"",
						result->objective)));
	if (!has_upper && result->objective && strcmp(result->objective, "survival:aft") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("objective \"survival:aft\" needs argument \"target_upper\""),
				 errhint("Name the column with the upper end of each interval: the target where it was observed, NULL or infinity where it is censored.")));
	if (result->objective)
		add_setting(result, "objective", result->objective);
	add_setting(result, "booster", result->booster);
}

DatasetTask
mlops_params_task(Jsonb *json)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&json->root, "objective", 9, &value) != NULL &&
		value.type == jbvString)
	{
		for (int i = 0; i < lengthof(objectives); i++)
		{
			if (strlen(objectives[i].name) == value.val.string.len &&
				memcmp(objectives[i].name, value.val.string.val, value.val.string.len) == 0)
				return objectives[i].task;
		}
	}
	return TASK_UNDECIDED;
}

Params *
mlops_params_translate(Jsonb *json, DatasetTask task, bool has_upper, const Signature *signature)
{
	Params	   *result = palloc0(sizeof(Params));
	Context		context = {.signature = signature,.task = task};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	bool		has_seed = getKeyJsonValueFromContainer(&json->root, "seed", 4, &key) != NULL;

	refuse_synonyms(json);
	result->threads = mlops_max_threads;
	translate_basis(result, json, task, has_upper, &context);
	result->plain_matrix = context.boosters == LINEAR;
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue	value;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		translate_param(result, pnstrdup(key.val.string.val, key.val.string.len), &value, &context);
	}
	if (!has_seed)
		add_setting(result, "seed", "0");
	return result;
}

void
mlops_params_check_early_stopping(const Params *translated, int early_stopping_rounds)
{
	if (early_stopping_rounds > 0 && strcmp(translated->booster, "gbtree") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("early stopping is not available with booster \"%s\"", translated->booster),
				 errdetail("Its rounds do not stand on their own, so a model cannot be cut at the best one."),
				 errhint("Leave out early_stopping_rounds, or use booster gbtree.")));
}
