/*-------------------------------------------------------------------------
 *
 * argument.c
 *	  Arguments of SQL functions that are not strict and must not be NULL.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/argument.h"

void
mlops_argument_require(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

char *
mlops_argument_text(FunctionCallInfo fcinfo, int i, const char *name)
{
	mlops_argument_require(fcinfo, i, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}
