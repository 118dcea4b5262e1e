/*-------------------------------------------------------------------------
 *
 * prediction_log_fn.c
 *	  SQL entry points of the log of predictions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "serve/prediction_log.h"
#include "serve/prediction_log_partition.h"

PG_FUNCTION_INFO_V1(mlops_sql_predict_logged);
PG_FUNCTION_INFO_V1(mlops_sql_record_outcome);
PG_FUNCTION_INFO_V1(mlops_sql_make_partitions);

#define RESULT_COLUMNS 5

/* What one call of predict_logged remembers between rows. */
typedef struct LoggedCall
{
	FmgrInfo	scorer;			/* the function, whose fn_extra is the call
								 * site */
	TupleDesc	tupdesc;
	NullableDatum args[FLEXIBLE_ARRAY_MEMBER];	/* reference and row */
} LoggedCall;

static LoggedCall *
get_call(FunctionCallInfo fcinfo)
{
	LoggedCall *call = fcinfo->flinfo->fn_extra;
	MemoryContext caller;
	TupleDesc	tupdesc;

	if (call != NULL)
		return call;
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	call = palloc0(offsetof(LoggedCall, args) + PG_NARGS() * sizeof(NullableDatum));
	call->scorer = *fcinfo->flinfo;
	call->tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
	MemoryContextSwitchTo(caller);
	return fcinfo->flinfo->fn_extra = call;
}

/* Score the row with a version; false when it is NULL. */
static bool
score_row(LoggedCall *call, FunctionCallInfo fcinfo, const char *reference,
		  LoggedPrediction *logged)
{
	int			n_args = PG_NARGS() - 1;
	ServedModel *served;

	memcpy(call->args, fcinfo->args + 1, n_args * sizeof(NullableDatum));
	call->args[0].value = CStringGetTextDatum(reference);
	call->args[0].isnull = false;
	served = mlops_call_site_score(&call->scorer, 1, n_args, call->args);
	if (served == NULL)
		return false;
	mlops_prediction_log_take(served, logged);
	return true;
}

Datum
mlops_sql_predict_logged(PG_FUNCTION_ARGS)
{
	LoggedCall *call = get_call(fcinfo);
	ModelReference reference;
	LoggedPrediction logged;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {false};

	mlops_registry_require_writable("predict_logged");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	mlops_registry_parse_reference(text_to_cstring(PG_GETARG_TEXT_PP(0)), &reference);
	if (!score_row(call, fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)), &logged))
		PG_RETURN_NULL();
	logged.arm = reference.alias;
	mlops_prediction_log_write(&logged, 1, PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1));

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
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(call->tupdesc, values, nulls)));
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
