/*-------------------------------------------------------------------------
 *
 * evaluate_fn.c
 *	  SQL functions that judge versions by the rows of a query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/argument.h"
#include "registry/calibration.h"
#include "registry/evaluate.h"
#include "registry/skew.h"

PG_FUNCTION_INFO_V1(mlops_sql_evaluate);
PG_FUNCTION_INFO_V1(mlops_sql_compare);
PG_FUNCTION_INFO_V1(mlops_sql_set_calibration);
PG_FUNCTION_INFO_V1(mlops_sql_check_skew);

static char *
get_target(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));
}

Datum
mlops_sql_evaluate(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_argument_text(fcinfo, 0, "model_ref");
	char	   *query = mlops_argument_text(fcinfo, 1, "query");

	InitMaterializedSRF(fcinfo, 0);
	mlops_registry_evaluate(reference, query, get_target(fcinfo),
							(ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

Datum
mlops_sql_compare(PG_FUNCTION_ARGS)
{
	char	   *query = mlops_argument_text(fcinfo, 1, "query");
	char	  **references;
	Datum	   *elements;
	bool	   *nulls;
	int			n = 0;

	if (!PG_ARGISNULL(0))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT,
						  &elements, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no version to compare"),
				 errhint("Give refs => '{name/1,name/2}'.")));
	references = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"refs\" must not contain nulls")));
		references[i] = TextDatumGetCString(elements[i]);
	}

	InitMaterializedSRF(fcinfo, 0);
	mlops_registry_compare(references, n, query, get_target(fcinfo),
						   PG_ARGISNULL(3) || PG_GETARG_BOOL(3),
						   (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

Datum
mlops_sql_set_calibration(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_argument_text(fcinfo, 0, "model_ref");
	char	   *query = mlops_argument_text(fcinfo, 1, "query");

	PG_RETURN_INT64(mlops_calibration_set(reference, query, get_target(fcinfo)));
}

Datum
mlops_sql_check_skew(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_argument_text(fcinfo, 0, "model_ref");
	char	   *query = mlops_argument_text(fcinfo, 1, "query");

	InitMaterializedSRF(fcinfo, 0);
	mlops_registry_check_skew(reference, query, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
