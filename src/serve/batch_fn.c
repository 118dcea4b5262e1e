/*-------------------------------------------------------------------------
 *
 * batch_fn.c
 *	  SQL entry points of prediction in batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"

#include "base/argument.h"
#include "serve/batch_array.h"
#include "serve/batch_query.h"

PG_FUNCTION_INFO_V1(mlops_sql_predict_batch);
PG_FUNCTION_INFO_V1(mlops_sql_predict_agg_step);
PG_FUNCTION_INFO_V1(mlops_sql_predict_agg_final);

Datum
mlops_sql_predict_batch(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_argument_text(fcinfo, 0, "model");
	char	   *query = mlops_argument_text(fcinfo, 1, "query");

	InitMaterializedSRF(fcinfo, 0);
	mlops_batch_query(reference, query, PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2)),
					  (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

Datum
mlops_sql_predict_agg_step(PG_FUNCTION_ARGS)
{
	BatchArray *array = PG_ARGISNULL(0) ? NULL : (BatchArray *) PG_GETARG_POINTER(0);
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "predict_agg_step called outside an aggregate");
	if (array == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		array = mlops_batch_array_create();
		MemoryContextSwitchTo(caller);
	}
	mlops_batch_array_add(array, mlops_call_site_encode(fcinfo->flinfo, 1, PG_NARGS() - 1,
														fcinfo->args + 1));
	PG_RETURN_POINTER(array);
}

Datum
mlops_sql_predict_agg_final(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "predict_agg_final called outside an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(mlops_batch_array_get((BatchArray *) PG_GETARG_POINTER(0)));
}
