/*-------------------------------------------------------------------------
 *
 * reference_fn.c
 *	  SQL functions of the references of versions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/argument.h"
#include "drift/reference.h"

PG_FUNCTION_INFO_V1(mlops_sql_set_reference);

Datum
mlops_sql_set_reference(PG_FUNCTION_ARGS)
{
	char	   *model_ref = mlops_argument_text(fcinfo, 0, "model_ref");
	char	   *query = mlops_argument_text(fcinfo, 1, "query");
	const char *target = PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));

	PG_RETURN_INT64(mlops_reference_set(model_ref, query, target));
}
