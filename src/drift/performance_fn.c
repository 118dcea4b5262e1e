/*-------------------------------------------------------------------------
 *
 * performance_fn.c
 *	  SQL entry points of type mlops.performance: input and output, merging,
 *	  metrics.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "drift/performance_input.h"

static bytea *
pack_state(const Performance *state)
{
	bytea	   *bytes = palloc(VARHDRSZ + mlops_performance_packed_max(state));

	SET_VARSIZE(bytes, VARHDRSZ + mlops_performance_pack(state, (uint8_t *) VARDATA(bytes)));
	return bytes;
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_in);
Datum
mlops_sql_performance_in(PG_FUNCTION_ARGS)
{
	char	   *string = PG_GETARG_CSTRING(0);
	bytea	   *bytes;

	/* bytea has another notation too */
	if (strncmp(string, "\\x", 2) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type mlops.performance"),
				 errhint("It starts with \\x; make such values with the aggregate mlops.performance.")));
	bytes = DatumGetByteaPP(DirectFunctionCall1(byteain, CStringGetDatum(string)));
	PG_RETURN_POINTER(mlops_performance_read(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)));
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_out);
Datum
mlops_sql_performance_out(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = pack_state(mlops_performance_result(mlops_performance_get_value(fcinfo, 0, UINT_MAX)));
	size_t		size = VARSIZE(bytes) - VARHDRSZ;
	char	   *string = palloc(2 * size + 3);

	string[0] = '\\';
	string[1] = 'x';
	string[2 + hex_encode(VARDATA(bytes), size, string + 2)] = '\0';
	PG_RETURN_CSTRING(string);
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_recv);
Datum
mlops_sql_performance_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;

	PG_RETURN_POINTER(mlops_performance_read(pq_getmsgbytes(message, size), size));
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_send);
Datum
mlops_sql_performance_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(pack_state(mlops_performance_result(mlops_performance_get_value(fcinfo, 0, UINT_MAX))));
}

/* State of an aggregate and another one; either may be NULL. */
PG_FUNCTION_INFO_V1(mlops_sql_performance_combine);
Datum
mlops_sql_performance_combine(PG_FUNCTION_ARGS)
{
	Performance *state;
	Performance *other;
	PerformanceStatus status;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	other = mlops_performance_get_value(fcinfo, 1, UINT_MAX);
	state = mlops_performance_get_state(fcinfo, other->parts, other->average);
	status = mlops_performance_join(&state, other);
	if (status != PERFORMANCE_OK)
		mlops_performance_fail(status);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_final);
Datum
mlops_sql_performance_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(mlops_performance_result(mlops_performance_get_value(fcinfo, 0, UINT_MAX)));
}

PG_FUNCTION_INFO_V1(mlops_sql_metrics);
Datum
mlops_sql_metrics(PG_FUNCTION_ARGS)
{
	const Performance *state = mlops_performance_get_value(fcinfo, 0, UINT_MAX);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MetricValue values[METRIC_MAX];
	int			n = mlops_performance_metrics(state, values);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < n; i++)
	{
		Datum		row[4] = {
			CStringGetTextDatum(values[i].name),
			Float8GetDatum(values[i].value),
			Float8GetDatum(values[i].std_error),
			Int64GetDatum(mlops_performance_rows(state, values[i].name))
		};
		bool		nulls[4] = {false, isnan(values[i].value), isnan(values[i].std_error), false};

		tuplestore_putvalues(result->setResult, result->setDesc, row, nulls);
	}
	return (Datum) 0;
}

/* The last step of each aggregate: one metric of the state. */
static Datum
get_metric(FunctionCallInfo fcinfo, PerformanceMetric metric, unsigned parts)
{
	const Performance *state = mlops_performance_get_value(fcinfo, 0, parts);
	double		value = mlops_performance_metric(state, metric, state->average).value;

	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

#define METRIC_FUNCTION(name, metric, parts) \
	extern PGDLLEXPORT Datum mlops_sql_performance_##name(PG_FUNCTION_ARGS); \
	Datum \
	mlops_sql_performance_##name(PG_FUNCTION_ARGS) \
	{ \
		return get_metric(fcinfo, metric, parts); \
	} \
	PG_FUNCTION_INFO_V1(mlops_sql_performance_##name)

METRIC_FUNCTION(accuracy, PERFORMANCE_ACCURACY, PERFORMANCE_HITS);
METRIC_FUNCTION(balanced_accuracy, PERFORMANCE_BALANCED_ACCURACY, PERFORMANCE_CLASSES);
METRIC_FUNCTION(matthews_corrcoef, PERFORMANCE_MATTHEWS, PERFORMANCE_CLASSES);
METRIC_FUNCTION(precision, PERFORMANCE_PRECISION, PERFORMANCE_CELLS | PERFORMANCE_CLASSES);
METRIC_FUNCTION(recall, PERFORMANCE_RECALL, PERFORMANCE_CELLS | PERFORMANCE_CLASSES);
METRIC_FUNCTION(f1, PERFORMANCE_F1, PERFORMANCE_CELLS | PERFORMANCE_CLASSES);
METRIC_FUNCTION(specificity, PERFORMANCE_SPECIFICITY, PERFORMANCE_CELLS);
METRIC_FUNCTION(log_loss, PERFORMANCE_LOG_LOSS, PERFORMANCE_LOSSES);
METRIC_FUNCTION(brier_score, PERFORMANCE_BRIER_SCORE, PERFORMANCE_LOSSES);
METRIC_FUNCTION(calibration_error, PERFORMANCE_CALIBRATION_ERROR, PERFORMANCE_LOSSES);
METRIC_FUNCTION(roc_auc, PERFORMANCE_ROC_AUC, PERFORMANCE_BINS);
METRIC_FUNCTION(average_precision, PERFORMANCE_AVERAGE_PRECISION, PERFORMANCE_BINS);
METRIC_FUNCTION(mse, PERFORMANCE_MSE, PERFORMANCE_VALUES);
METRIC_FUNCTION(rmse, PERFORMANCE_RMSE, PERFORMANCE_VALUES);
METRIC_FUNCTION(mae, PERFORMANCE_MAE, PERFORMANCE_VALUES);
METRIC_FUNCTION(mape, PERFORMANCE_MAPE, PERFORMANCE_VALUES);
METRIC_FUNCTION(r2, PERFORMANCE_R2, PERFORMANCE_VALUES);
