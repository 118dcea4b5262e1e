/*-------------------------------------------------------------------------
 *
 * prediction_log_fn.c
 *	  SQL entry points of the log of predictions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "serve/logged_call.h"
#include "serve/prediction_log_partition.h"

PG_FUNCTION_INFO_V1(mlops_sql_predict_logged);
PG_FUNCTION_INFO_V1(mlops_sql_record_outcome);
PG_FUNCTION_INFO_V1(mlops_sql_make_partitions);

#define RESULT_COLUMNS 5

Datum
mlops_sql_predict_logged(PG_FUNCTION_ARGS)
{
	LoggedCall *call = mlops_logged_call_get(fcinfo);
	LoggedPrediction logged;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {false};

	mlops_registry_require_writable("predict_logged");
	if (!mlops_logged_call_predict(call, fcinfo, &logged))
		PG_RETURN_NULL();
	values[0] = Int64GetDatum(logged.id);
	values[1] = Float8GetDatum(logged.prediction);
	nulls[1] = !logged.has_prediction;
	nulls[2] = logged.class == NULL;
	if (!nulls[2])
		values[2] = CStringGetTextDatum(logged.class);
	values[3] = Int32GetDatum(logged.version);
	nulls[4] = logged.arm == NULL;
	if (!nulls[4])
		values[4] = CStringGetTextDatum(logged.arm);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(mlops_logged_call_tupdesc(call), values, nulls)));
}

Datum
mlops_sql_record_outcome(PG_FUNCTION_ARGS)
{
	static const char *const argument_names[] = {"model", "key", "value", "event_at"};
	char	   *value = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	for (int i = 0; i < lengthof(argument_names); i++)
		if (PG_ARGISNULL(i) && i != 2)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", argument_names[i])));
	PG_RETURN_INT64(mlops_prediction_log_record(text_to_cstring(PG_GETARG_TEXT_PP(0)),
												text_to_cstring(PG_GETARG_TEXT_PP(1)), value,
												PG_GETARG_TIMESTAMPTZ(3),
												PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4)));
}

Datum
mlops_sql_make_partitions(PG_FUNCTION_ARGS)
{
	mlops_prediction_log_make_partitions();
	PG_RETURN_VOID();
}
