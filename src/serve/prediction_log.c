/*-------------------------------------------------------------------------
 *
 * prediction_log.c
 *	  Predictions that are written down, and what came of them.
 *
 *	 scored row -> LoggedPrediction -> row of mlops.prediction_log
 *	 key and outcome -> update of the rows that it applies to
 *
 * An outcome lives in the row that it is about: realized performance is a scan of
 * one table, and a day's outcomes go with the day.
 *
 * Locks: rows of the log that an outcome applies to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/sequence.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/error.h"
#include "base/settings.h"
#include "serve/prediction.h"
#include "serve/prediction_log.h"

#define UNSEEN_LABEL "(unseen)"

static const char insert_statement[] =
"INSERT INTO mlops.prediction_log (id, model, version, arm, shadow, key, prediction, class,"
" probabilities, features, predicted_by) OVERRIDING SYSTEM VALUE"
" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/* The latest predictions until $3. */
static const char latest_statement[] =
"SELECT pg_catalog.max(predicted_at) FROM mlops.prediction_log"
" WHERE model = $1 AND key = $2 AND predicted_at <= $3"
" AND ($4 OR pg_catalog.pg_has_role($5::pg_catalog.oid, predicted_by, 'USAGE'))";

/* Kept by the session. */
static SPIPlanPtr insert_plan = NULL;
static SPIPlanPtr latest_plan = NULL;

static JsonbValue
make_json_string(const char *string)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	return value;
}

/* A finite number, with the fewest digits that are the same float. */
static JsonbValue
make_json_number(float number)
{
	char		digits[FLOAT_SHORTEST_DECIMAL_LEN];
	JsonbValue	value;

	float_to_shortest_decimal_buf(number, digits);
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
															ObjectIdGetDatum(InvalidOid),
															Int32GetDatum(-1)));
	return value;
}

static JsonbValue
make_json_feature(const Feature *feature, float number)
{
	JsonbValue	value;

	if (isnan(number))
		value.type = jbvNull;
	else if (feature->kind == FEATURE_CATEGORY)
		return make_json_string(number < feature->n_categories ?
								feature->categories[(int) number] : UNSEEN_LABEL);
	else if (feature->kind == FEATURE_BOOLEAN)
	{
		value.type = jbvBool;
		value.val.boolean = number != 0;
	}
	else
		return make_json_number(number);
	return value;
}

/* The row as the model saw it, by name. */
static Jsonb *
make_json_features(const ServedModel *served)
{
	const Signature *signature = served->signature;
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < signature->n_features; i++)
	{
		JsonbValue	name = make_json_string(signature->features[i].name);
		JsonbValue	value = make_json_feature(&signature->features[i], served->vector[i]);

		pushJsonbValue(&state, WJB_KEY, &name);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

void
mlops_prediction_log_take(ServedModel *served, LoggedPrediction *logged)
{
	const ModelVersion *version = served->version;

	memset(logged, 0, sizeof(*logged));
	/* the binding that holds the version may go with the next arm */
	logged->model = pstrdup(version->model);
	logged->version = version->version;
	if (version->n_classes > 0)
		logged->class = pstrdup(mlops_prediction_class(served));
	if (version->n_classes > 0 && served->n_outputs > 1)
	{
		logged->n_probabilities = version->n_classes;
		logged->probability = palloc(version->n_classes * sizeof(double));
		mlops_prediction_probabilities(served, logged->probability);
	}
	else
	{
		logged->has_prediction = true;
		logged->prediction = mlops_prediction_value(served);
	}
	if (mlops_log_features)
		logged->features = make_json_features(served);
}

static Datum
make_probability_array(const LoggedPrediction *logged)
{
	Datum	   *elements = palloc(logged->n_probabilities * sizeof(Datum));

	for (int i = 0; i < logged->n_probabilities; i++)
		elements[i] = Float8GetDatum(logged->probability[i]);
	return PointerGetDatum(construct_array(elements, logged->n_probabilities, FLOAT8OID,
										   sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
add_row(SpiArgs *args, const LoggedPrediction *logged, const text *key, Oid user)
{
	args->n = 0;
	mlops_args_add_id(args, logged->id);
	mlops_args_add_text(args, logged->model);
	mlops_args_add_int4(args, logged->version);
	mlops_args_add_text(args, logged->arm);
	mlops_args_add_bool(args, logged->shadow);
	mlops_args_add(args, TEXTOID, PointerGetDatum(key), key == NULL);
	mlops_args_add(args, FLOAT8OID, Float8GetDatum(logged->prediction), !logged->has_prediction);
	mlops_args_add_text(args, logged->class);
	mlops_args_add(args, FLOAT8ARRAYOID,
				   logged->probability != NULL ? make_probability_array(logged) : (Datum) 0,
				   logged->probability == NULL);
	mlops_args_add_jsonb(args, logged->features);
	mlops_args_add_role(args, user);
}

/*
 * Run a statement whose plan, made once for the session, does not depend on the
 * parameters: planning over all partitions takes longer than running.
 */
static void
run_kept(SPIPlanPtr *kept, const char *sql, SpiArgs *args)
{
	if (*kept == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(sql, args->n, args->types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*kept = plan;
	}
	if (SPI_execute_plan(*kept, args->values, args->nulls, false, 0) < 0 || SPI_processed != 1)
		elog(ERROR, "could not execute \"%s\"", sql);
}

void
mlops_prediction_log_write(LoggedPrediction *logged, int n, const text *key)
{
	Oid			user = GetUserId();
	SpiScope	scope;

	mlops_spi_begin(&scope, false);
	for (int i = 0; i < n; i++)
	{
		SpiArgs		args;

		logged[i].id = nextval_internal(mlops_relation("prediction_log_id_seq"), false);
		add_row(&args, &logged[i], key, user);
		run_kept(&insert_plan, insert_statement, &args);
	}
	mlops_spi_end(&scope);
}

/* Error unless the value can be an outcome of the model's task. */
static void
check_outcome(const SpiScope *scope, const char *model, const char *value)
{
	SpiArgs		args = {0};
	bool		isnull;
	bool		has_classes;

	mlops_args_add_text(&args, model);
	mlops_args_add_text(&args, value);
	if (mlops_spi_run(scope,
					  "SELECT classes IS NOT NULL, $2 = ANY (classes), pg_catalog.array_to_string(classes, ', ')"
					  " FROM mlops.model WHERE name = $1 AND task IS NOT NULL", &args) == 0)
		return;					/* without a version, nothing was predicted */
	has_classes = DatumGetBool(mlops_spi_value(0, 1, &isnull));
	if (has_classes && !DatumGetBool(mlops_spi_value(0, 2, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a class of model \"%s\"", value, model),
				 errhint("Its classes are: %s.", mlops_spi_text(0, 3))));
	if (!has_classes &&
		!isfinite(DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(value)))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the outcome of a prediction must be finite"),
				 errhint("Use value => NULL where there is no outcome.")));
}

/* Start of the time within which predictions are meant; false when there are none. */
static bool
find_start(SpiArgs *args, const Interval *horizon, TimestampTz event_at,
		   TimestampTz *start)
{
	bool		isnull;

	if (horizon != NULL)
	{
		*start = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
														 TimestampTzGetDatum(event_at),
														 IntervalPGetDatum(horizon)));
		if (*start > event_at)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("horizon must not be negative"),
					 errhint("The outcome applies to predictions from event_at - horizon to event_at.")));
		return true;
	}
	run_kept(&latest_plan, latest_statement, args);
	*start = DatumGetTimestampTz(mlops_spi_value(0, 1, &isnull));
	return !isnull;
}

int64
mlops_prediction_log_record(const char *model, const char *key, const char *value,
							TimestampTz event_at, const Interval *horizon)
{
	Oid			user = GetUserId();
	SpiScope	scope;
	SpiArgs		args = {0};
	TimestampTz start;
	int64		n = 0;

	mlops_registry_require_writable("record_outcome");
	mlops_registry_check_model_name(model);
	mlops_registry_require(model, MODEL_PREDICT);
	if (TIMESTAMP_NOT_FINITE(event_at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event_at must be finite"),
				 errhint("It is the time at which the outcome came true.")));

	mlops_args_add_text(&args, model);
	mlops_args_add_text(&args, key);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(event_at), false);
	mlops_args_add_bool(&args, mlops_registry_permits(model, user, MODEL_OWN));
	mlops_args_add_role(&args, user);
	mlops_spi_begin(&scope, false);
	if (value != NULL)
		check_outcome(&scope, model, value);
	if (find_start(&args, horizon, event_at, &start))
	{
		mlops_args_add(&args, TIMESTAMPTZOID,
					   TimestampTzGetDatum(horizon != NULL ? event_at : start), false);
		mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
		mlops_args_add_text(&args, value);
		n = mlops_spi_run(&scope,
						  "UPDATE mlops.prediction_log SET"
						  " corrections = CASE WHEN outcome_recorded_at IS NULL"
						  " OR (outcome IS NOT DISTINCT FROM $8 AND outcome_at = $3) THEN corrections"
						  " ELSE coalesce(corrections, '[]') || pg_catalog.jsonb_build_object("
						  "'value', outcome, 'event_at', outcome_at, 'recorded_at', outcome_recorded_at) END,"
						  " outcome = $8, outcome_at = $3,"
						  " outcome_recorded_at = pg_catalog.now(), outcome_recorded_by = $5"
						  " WHERE model = $1 AND key = $2 AND predicted_at >= $7 AND predicted_at <= $6"
						  " AND ($4 OR pg_catalog.pg_has_role($5::pg_catalog.oid, predicted_by, 'USAGE'))",
						  &args);
	}
	mlops_spi_end(&scope);
	return n;
}
