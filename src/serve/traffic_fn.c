/*-------------------------------------------------------------------------
 *
 * traffic_fn.c
 *	  SQL entry points of traffic.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "registry/registry.h"
#include "serve/traffic.h"

PG_FUNCTION_INFO_V1(mlops_sql_set_traffic);
PG_FUNCTION_INFO_V1(mlops_sql_route);

Datum
mlops_sql_set_traffic(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"name\" must not be null")));
	mlops_traffic_set(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					  PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1),
					  PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2),
					  PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)));
	PG_RETURN_VOID();
}

Datum
mlops_sql_route(PG_FUNCTION_ARGS)
{
	char	   *model;
	const char *alias;
	TupleDesc	tupdesc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mlops_registry_check_model_name(model);
	alias = mlops_traffic_route(mlops_traffic_find(model), model,
								PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1));
	values[0] = Int32GetDatum(mlops_registry_resolve(psprintf("%s@%s", model, alias),
													 MODEL_PREDICT)->version);
	values[1] = CStringGetTextDatum(alias);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
