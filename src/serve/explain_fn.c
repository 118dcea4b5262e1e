/*-------------------------------------------------------------------------
 *
 * explain_fn.c
 *	  SQL entry points that explain predictions and models.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "serve/explanation.h"

PG_FUNCTION_INFO_V1(mlops_sql_explain);
PG_FUNCTION_INFO_V1(mlops_sql_explain_interactions);
PG_FUNCTION_INFO_V1(mlops_sql_importance);

Datum
mlops_sql_explain(PG_FUNCTION_ARGS)
{
	ServedModel *served;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	served = mlops_call_site_score(fcinfo->flinfo, 0, PG_NARGS(), fcinfo->args);
	if (served != NULL)
		mlops_explanation_contributions(served, (ReturnSetInfo *) fcinfo->resultinfo);
	PG_RETURN_NULL();
}

Datum
mlops_sql_explain_interactions(PG_FUNCTION_ARGS)
{
	ServedModel *served;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	served = mlops_call_site_score(fcinfo->flinfo, 0, PG_NARGS(), fcinfo->args);
	if (served != NULL)
		mlops_explanation_interactions(served, (ReturnSetInfo *) fcinfo->resultinfo);
	PG_RETURN_NULL();
}

Datum
mlops_sql_importance(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	mlops_explanation_importance(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								 text_to_cstring(PG_GETARG_TEXT_PP(1)),
								 (ReturnSetInfo *) fcinfo->resultinfo);
	PG_RETURN_NULL();
}
