/*-------------------------------------------------------------------------
 *
 * reference_fn.c
 *	  SQL functions of the references of versions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "drift/reference.h"

PG_FUNCTION_INFO_V1(mlops_sql_set_reference);

static char *
get_text(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

Datum
mlops_sql_set_reference(PG_FUNCTION_ARGS)
{
	char	   *model_ref = get_text(fcinfo, 0, "model_ref");
	char	   *query = get_text(fcinfo, 1, "query");
	const char *target = PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));

	PG_RETURN_INT64(mlops_reference_set(model_ref, query, target));
}
