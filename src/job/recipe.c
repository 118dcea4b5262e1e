/*-------------------------------------------------------------------------
 *
 * recipe.c
 *	  How a model is made: the arguments of train and the session context.
 *
 * One table lists the arguments; building, overriding and reading all follow
 * it.  Times travel in ISO 8601, which every DateStyle and IntervalStyle reads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/json.h"
#include "base/session.h"
#include "base/settings.h"
#include "compat/pg_compat.h"
#include "job/params.h"
#include "job/recipe.h"

typedef enum ArgumentType
{
	ARGUMENT_TEXT,
	ARGUMENT_NAME,
	ARGUMENT_NAMES,
	ARGUMENT_INT,
	ARGUMENT_FLOAT,
	ARGUMENT_BOOL,
	ARGUMENT_INTERVAL,
	ARGUMENT_TIME,
	ARGUMENT_JSON
} ArgumentType;

typedef struct Argument
{
	const char *name;
	ArgumentType type;
} Argument;

static const Argument arguments[] = {
	{"model", ARGUMENT_TEXT},
	{"query", ARGUMENT_TEXT},
	{"target", ARGUMENT_NAME},
	{"params", ARGUMENT_JSON},
	{"task", ARGUMENT_TEXT},
	{"positive", ARGUMENT_TEXT},
	{"num_boost_round", ARGUMENT_INT},
	{"early_stopping_rounds", ARGUMENT_INT},
	{"split", ARGUMENT_TEXT},
	{"split_by", ARGUMENT_NAME},
	{"test_size", ARGUMENT_FLOAT},
	{"validation_size", ARGUMENT_FLOAT},
	{"gap", ARGUMENT_INTERVAL},
	{"refit", ARGUMENT_BOOL},
	{"key", ARGUMENT_NAMES},
	{"qid", ARGUMENT_NAME},
	{"weight", ARGUMENT_NAME},
	{"class_weight", ARGUMENT_TEXT},
	{"target_upper", ARGUMENT_NAME},
	{"include", ARGUMENT_NAMES},
	{"exclude", ARGUMENT_NAMES},
	{"as_of", ARGUMENT_TIME},
	{"label_delay", ARGUMENT_INTERVAL},
	{"threshold", ARGUMENT_TEXT},
	{"promote", ARGUMENT_TEXT},
	{"description", ARGUMENT_TEXT},
	{"tags", ARGUMENT_JSON}
};

StaticAssertDecl(lengthof(arguments) == RECIPE_N_ARGUMENTS, "train has that many arguments");

/* Settings that decide what the query means. */
static void
push_names(JsonbParseState **state, Datum datum)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(datum), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &elements, &nulls, &count);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column name must not be null")));
		mlops_json_push_string(state, WJB_ELEM, NameStr(*DatumGetName(elements[i])));
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_argument(JsonbParseState **state, const Argument *argument, Datum datum)
{
	JsonbValue	value;
	char		buffer[MAXDATELEN + 1];
	struct pg_itm itm;

	switch (argument->type)
	{
		case ARGUMENT_TEXT:
			mlops_json_push_string(state, WJB_VALUE, TextDatumGetCString(datum));
			break;
		case ARGUMENT_NAME:
			mlops_json_push_string(state, WJB_VALUE, NameStr(*DatumGetName(datum)));
			break;
		case ARGUMENT_NAMES:
			push_names(state, datum);
			break;
		case ARGUMENT_INT:
			value.type = jbvNumeric;
			value.val.numeric = int64_to_numeric(DatumGetInt32(datum));
			pushJsonbValue(state, WJB_VALUE, &value);
			break;
		case ARGUMENT_FLOAT:
			if (!isfinite(DatumGetFloat8(datum)))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"%s\" must be a finite number", argument->name)));
			value.type = jbvNumeric;
			value.val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, datum));
			pushJsonbValue(state, WJB_VALUE, &value);
			break;
		case ARGUMENT_BOOL:
			value.type = jbvBool;
			value.val.boolean = DatumGetBool(datum);
			pushJsonbValue(state, WJB_VALUE, &value);
			break;
		case ARGUMENT_INTERVAL:
			interval2itm(*DatumGetIntervalP(datum), &itm);
			EncodeInterval(&itm, INTSTYLE_ISO_8601, buffer);
			mlops_json_push_string(state, WJB_VALUE, pstrdup(buffer));
			break;
		case ARGUMENT_TIME:
			if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(datum)))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"%s\" must be a finite time", argument->name)));
			JsonEncodeDateTime(buffer, datum, TIMESTAMPTZOID, NULL);
			mlops_json_push_string(state, WJB_VALUE, pstrdup(buffer));
			break;
		case ARGUMENT_JSON:
			JsonbToJsonbValue(DatumGetJsonbP(datum), &value);
			pushJsonbValue(state, WJB_VALUE, &value);
			break;
	}
}

static JsonbValue *
get_key(Jsonb *json, const char *key)
{
	return json ? getKeyJsonValueFromContainer(&json->root, key, strlen(key), NULL) : NULL;
}

/* params given to retrain are laid over the base's; null removes one. */
static Datum
merge_params(Jsonb *base, Datum datum)
{
	JsonbValue *old = get_key(base, "params");

	if (!old)
		return datum;
	return DirectFunctionCall2(jsonb_concat,
							   JsonbPGetDatum(JsonbValueToJsonb(old)), datum);
}

Jsonb *
mlops_recipe_build(FunctionCallInfo fcinfo, int first_argument, const char *model,
				   Jsonb *base, bool capture)
{
	JsonbParseState *state = NULL;
	JsonbValue	boolean = {.type = jbvBool,.val.boolean = true};
	JsonbValue *kept;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	mlops_json_push_string(&state, WJB_KEY, "model");
	mlops_json_push_string(&state, WJB_VALUE, model);
	for (int i = 1; i < lengthof(arguments); i++)
	{
		const Argument *argument = &arguments[i];
		int			number = first_argument + i - 1;
		bool		given = !PG_ARGISNULL(number);
		Datum		datum = given ? PG_GETARG_DATUM(number) : (Datum) 0;

		kept = get_key(base, argument->name);
		if (argument->type == ARGUMENT_TIME && !given)
		{
			/* bound anew by every train and retrain */
			datum = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
			given = true;
		}
		if (!given && !kept)
			continue;
		mlops_json_push_string(&state, WJB_KEY, argument->name);
		if (!given)
			pushJsonbValue(&state, WJB_VALUE, kept);
		else if (base && strcmp(argument->name, "params") == 0)
			push_argument(&state, argument, merge_params(base, datum));
		else
			push_argument(&state, argument, datum);
	}
	if (base)
	{
		mlops_json_push_string(&state, WJB_KEY, "keep_frequent");
		pushJsonbValue(&state, WJB_VALUE, &boolean);
	}
	mlops_json_push_string(&state, WJB_KEY, "context");
	kept = get_key(base, "context");
	if (capture || !kept)
		(void) mlops_session_push(&state);
	else
		pushJsonbValue(&state, WJB_VALUE, kept);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* A string, or NULL when it is absent or empty: retrain unsets one with ''. */
static char *
get_string(Jsonb *json, const char *key)
{
	JsonbValue *value = get_key(json, key);

	if (!value || value->type != jbvString || value->val.string.len == 0)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A string of at least one character. */
static char *
get_required(Jsonb *json, const char *key)
{
	char	   *string = get_string(json, key);

	if (!string)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null or empty", key)));
	return string;
}

/* One of the words; NULL or the first one by default. */
static char *
get_word(Jsonb *json, const char *key, const char *const *words, int n_words, bool optional)
{
	char	   *string = get_string(json, key);
	StringInfoData list;

	if (!string)
		return optional ? NULL : pstrdup(words[0]);
	for (int i = 0; i < n_words; i++)
	{
		if (strcmp(string, words[i]) == 0)
			return string;
	}
	initStringInfo(&list);
	for (int i = 0; i < n_words; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : i == n_words - 1 ? " or " : ", ", words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" must be %s, not \"%s\"", key, list.data, string)));
}

static double
get_number(Jsonb *json, const char *key, double missing, double min, double max)
{
	JsonbValue *value = get_key(json, key);
	double		number;

	if (!value || value->type != jbvNumeric)
		return missing;
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
												NumericGetDatum(value->val.numeric)));
	if (!(number >= min && number <= max))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %g and %g, not %.15g", key, min, max, number)));
	return number;
}

static bool
get_bool(Jsonb *json, const char *key)
{
	JsonbValue *value = get_key(json, key);

	return value && value->type == jbvBool && value->val.boolean;
}

static Interval *
get_interval(Jsonb *json, const char *key)
{
	char	   *string = get_string(json, key);
	Interval   *interval;
	Interval	zero = {0};

	interval = DatumGetIntervalP(DirectFunctionCall3(interval_in,
													 CStringGetDatum(string ? string : "PT0S"),
													 ObjectIdGetDatum(InvalidOid),
													 Int32GetDatum(-1)));
	if (DatumGetBool(DirectFunctionCall2(interval_lt, IntervalPGetDatum(interval),
										 IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative", key)));
	return interval;
}

static List *
get_names(Jsonb *json, const char *key)
{
	JsonbValue *value = get_key(json, key);
	List	   *names = NIL;
	JsonbValue *element;

	if (!value || value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		return NIL;
	for (uint32 i = 0;
		 (element = getIthJsonbValueFromContainer(value->val.binary.data, i)) != NULL; i++)
	{
		if (element->type == jbvString)
			names = lappend(names, pnstrdup(element->val.string.val, element->val.string.len));
	}
	return names;
}

static Jsonb *
get_object(Jsonb *json, const char *key)
{
	JsonbValue *value = get_key(json, key);

	if (!value)
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a JSON object", key)));
	return JsonbValueToJsonb(value);
}

/* What the arguments demand of each other. */
static void
check_combinations(const Recipe *recipe)
{
	bool		by_column = strcmp(recipe->split, "hash") != 0;

	if (by_column && !recipe->split_by)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split => '%s' needs argument \"split_by\"", recipe->split),
				 errhint("Name the column with split_by => 'column'.")));
	if (!by_column && recipe->split_by)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"split_by\" needs split => 'time' or split => 'column'")));
	if (strcmp(recipe->split, "time") != 0 &&
		(recipe->gap->month != 0 || recipe->gap->day != 0 || recipe->gap->time != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"gap\" needs split => 'time'")));
	if (recipe->target_upper && recipe->task && strcmp(recipe->task, "survival") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"target_upper\" needs task => 'survival'")));
	if (recipe->task && strcmp(recipe->task, "ranking") == 0 && !recipe->qid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task => 'ranking' needs argument \"qid\""),
				 errhint("Name the column of the query identifier with qid => 'column'.")));
	if (recipe->qid && recipe->task && strcmp(recipe->task, "ranking") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"qid\" needs task => 'ranking'")));
	if (recipe->qid && recipe->key != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"qid\" and \"key\" exclude each other"),
				 errdetail("Ranking splits by qid.")));
}

static void
check_threshold(const Recipe *recipe)
{
	char	   *end;
	double		value;

	if (!recipe->threshold || strcmp(recipe->threshold, "f1") == 0)
		return;
	value = strtod(recipe->threshold, &end);
	if (end == recipe->threshold || *end != '\0' || !(value >= 0 && value <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"threshold\" must be a number between 0 and 1 or f1, not \"%s\"",
						recipe->threshold)));
}

Recipe *
mlops_recipe_parse(Jsonb *json)
{
	static const char *const tasks[] = {"regression", "binary", "multiclass", "ranking", "survival"};
	static const char *const splits[] = {"hash", "time", "column"};
	static const char *const class_weights[] = {"balanced"};
	static const char *const promotes[] = {"never", "if_not_worse", "gate"};
	Recipe	   *recipe = palloc0(sizeof(Recipe));
	char	   *promote;
	bool		needs_validation;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("recipe is not a JSON object")));
	recipe->model = get_required(json, "model");
	recipe->query = get_required(json, "query");
	recipe->target = get_required(json, "target");
	recipe->params = get_object(json, "params");
	recipe->task = get_word(json, "task", tasks, lengthof(tasks), true);
	recipe->positive = get_string(json, "positive");
	recipe->num_boost_round = get_number(json, "num_boost_round", 100, 1, 100000);
	recipe->early_stopping_rounds = get_number(json, "early_stopping_rounds", 0, 0, 100000);
	recipe->split = get_word(json, "split", splits, lengthof(splits), false);
	recipe->split_by = get_string(json, "split_by");
	recipe->test_size = get_number(json, "test_size", 0.2, 0.001, 0.999);
	recipe->gap = get_interval(json, "gap");
	recipe->refit = get_bool(json, "refit");
	recipe->key = get_names(json, "key");
	recipe->qid = get_string(json, "qid");
	recipe->weight = get_string(json, "weight");
	recipe->class_weight = get_word(json, "class_weight", class_weights,
									lengthof(class_weights), true);
	recipe->target_upper = get_string(json, "target_upper");
	recipe->include = get_names(json, "include");
	recipe->exclude = get_names(json, "exclude");
	recipe->label_delay = get_interval(json, "label_delay");
	recipe->threshold = get_string(json, "threshold");
	recipe->description = get_string(json, "description");
	recipe->tags = get_object(json, "tags");
	recipe->keep_frequent = get_bool(json, "keep_frequent");
	recipe->unless_digest = get_string(json, "unless_digest");
	recipe->context = get_object(json, "context");
	recipe->as_of = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
															CStringGetDatum(get_required(json, "as_of")),
															ObjectIdGetDatum(InvalidOid),
															Int32GetDatum(-1)));
	promote = get_word(json, "promote", promotes, lengthof(promotes), false);
	recipe->promote = strcmp(promote, "gate") == 0 ? PROMOTE_GATE :
		strcmp(promote, "if_not_worse") == 0 ? PROMOTE_IF_NOT_WORSE : PROMOTE_NEVER;
	if (recipe->promote == PROMOTE_GATE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("promote => 'gate' is not supported yet"),
				 errhint("Use promote => 'if_not_worse', or move the alias with mlops.set_alias.")));

	if (!recipe->task && recipe->target_upper)
		recipe->task = "survival";
	if (!recipe->task && recipe->qid)
		recipe->task = "ranking";
	if (!recipe->task && mlops_params_task(recipe->params) != TASK_UNDECIDED)
		recipe->task = pstrdup(mlops_dataset_task_name(mlops_params_task(recipe->params)));
	check_combinations(recipe);
	check_threshold(recipe);

	/* hold-out rows choose nothing, so what is chosen needs rows of its own */
	needs_validation = recipe->early_stopping_rounds > 0 ||
		(recipe->threshold && strcmp(recipe->threshold, "f1") == 0);
	recipe->validation_size = get_number(json, "validation_size",
										 needs_validation ? 0.1 : 0, 0, 0.9);
	if (needs_validation && recipe->validation_size <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("early stopping and threshold => 'f1' need a validation part"),
				 errhint("Leave out validation_size or give it a positive value.")));
	return recipe;
}

void
mlops_recipe_check_task(const Recipe *recipe, DatasetTask task)
{
	bool		classes = task == TASK_BINARY || task == TASK_MULTICLASS;

	if (task == TASK_UNDECIDED)
		return;
	if (recipe->threshold && task != TASK_BINARY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"threshold\" needs task binary, not %s",
						mlops_dataset_task_name(task))));
	if (recipe->class_weight && !classes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"class_weight\" needs task binary or multiclass, not %s",
						mlops_dataset_task_name(task)),
				 errhint("Argument task chooses how a number is taken.")));
}

void
mlops_recipe_fill_spec(const Recipe *recipe, DatasetSpec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->model = recipe->model;
	spec->query = recipe->query;
	spec->as_of = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
														  TimestampTzGetDatum(recipe->as_of),
														  IntervalPGetDatum(recipe->label_delay)));
	spec->target = recipe->target;
	spec->target_upper = recipe->target_upper;
	spec->weight = recipe->weight;
	spec->qid = recipe->qid;
	spec->split_by = recipe->split_by;
	spec->key = recipe->key;
	spec->include = recipe->include;
	spec->exclude = recipe->exclude;
	spec->task = recipe->task ? mlops_dataset_task_from_name(recipe->task) : TASK_UNDECIDED;
	spec->positive = recipe->positive;
	spec->keep_frequent = recipe->keep_frequent;
	spec->split = strcmp(recipe->split, "time") == 0 ? SPLIT_TIME :
		strcmp(recipe->split, "column") == 0 ? SPLIT_COLUMN : SPLIT_HASH;
	spec->test_size = recipe->test_size;
	spec->validation_size = recipe->validation_size;
	spec->gap = recipe->gap;
	spec->max_categories = mlops_max_categories;
	spec->max_columns = mlops_max_columns;
	spec->max_rows = (int64) mlops_max_rows * 1000;
	spec->max_bytes = (int64) mlops_max_spool_size << 20;
}

void
mlops_recipe_apply_context(const Recipe *recipe)
{
	/* ALTER ROLE ... SET role would run the query as somebody else */
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);
	for (int i = 0; i < MLOPS_N_SESSION_SETTINGS; i++)
	{
		JsonbValue *value = get_key(recipe->context, mlops_session_settings[i]);

		/* an empty search_path is one, too */
		if (value && value->type == jbvString)
			SetConfigOption(mlops_session_settings[i],
							pnstrdup(value->val.string.val, value->val.string.len),
							PGC_USERSET, PGC_S_SESSION);
	}
}
