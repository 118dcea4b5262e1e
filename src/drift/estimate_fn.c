/*-------------------------------------------------------------------------
 *
 * estimate_fn.c
 *	  SQL functions of estimated performance.
 *
 * The state of the aggregates is bigint[6], the fields of EstimateSums: flat, to
 * be stored in a column, added up by anybody.
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
#include "drift/estimated.h"

PG_FUNCTION_INFO_V1(mlops_sql_estimate_add);
PG_FUNCTION_INFO_V1(mlops_sql_estimate_merge);
PG_FUNCTION_INFO_V1(mlops_sql_estimate_final);
PG_FUNCTION_INFO_V1(mlops_sql_estimate_metrics);
PG_FUNCTION_INFO_V1(mlops_sql_estimated_performance);

StaticAssertDecl(sizeof(EstimateSums) == ESTIMATE_N_SUMS * sizeof(int64),
				 "EstimateSums is an array of its fields");

/* The sums of an array, checked. */
static EstimateSums *
get_sums(ArrayType *array)
{
	EstimateSums *sums;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != ESTIMATE_N_SUMS || ARR_HASNULL(array) ||
		ARR_ELEMTYPE(array) != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("estimate state must have %d elements", ESTIMATE_N_SUMS),
				 errhint("Give what mlops.estimate returned.")));
	sums = (EstimateSums *) ARR_DATA_PTR(array);
	if (!mlops_estimate_is_valid(sums))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("estimate state holds sums that no rows have"),
				 errhint("Give what mlops.estimate returned.")));
	return sums;
}

/* The state, to be changed in place within an aggregate. */
static ArrayType *
get_state(FunctionCallInfo fcinfo)
{
	if (AggCheckCallContext(fcinfo, NULL))
		return PG_GETARG_ARRAYTYPE_P(0);
	return PG_GETARG_ARRAYTYPE_P_COPY(0);
}

static void
report_too_many(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("estimate counts too many rows"),
			 errdetail("One state holds fewer than 2^31 rows.")));
}

Datum
mlops_sql_estimate_add(PG_FUNCTION_ARGS)
{
	ArrayType  *state = get_state(fcinfo);
	double		score = PG_GETARG_FLOAT8(1);
	double		probability = PG_GETARG_FLOAT8(2);
	double		threshold = PG_GETARG_FLOAT8(3);

	if (!(probability >= 0 && probability <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("probability must be between 0 and 1"),
				 errhint("Give what mlops.predict_calibrated returned.")));
	if (!mlops_estimate_add(get_sums(state), score, probability, threshold))
		report_too_many();
	PG_RETURN_ARRAYTYPE_P(state);
}

Datum
mlops_sql_estimate_merge(PG_FUNCTION_ARGS)
{
	ArrayType  *state = get_state(fcinfo);

	if (!mlops_estimate_merge(get_sums(state), get_sums(PG_GETARG_ARRAYTYPE_P(1))))
		report_too_many();
	PG_RETURN_ARRAYTYPE_P(state);
}

/* A copy, because a window aggregate goes on changing its state. */
Datum
mlops_sql_estimate_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_ARRAYTYPE_P(PG_GETARG_ARRAYTYPE_P_COPY(0));
}

Datum
mlops_sql_estimate_metrics(PG_FUNCTION_ARGS)
{
	EstimateSums *sums = get_sums(PG_GETARG_ARRAYTYPE_P(0));

	InitMaterializedSRF(fcinfo, 0);
	mlops_drift_put_estimate(sums, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

Datum
mlops_sql_estimated_performance(PG_FUNCTION_ARGS)
{
	char	   *reference = mlops_argument_text(fcinfo, 0, "model_ref");
	char	   *query = mlops_argument_text(fcinfo, 1, "query");
	const char *score = PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));

	InitMaterializedSRF(fcinfo, 0);
	mlops_drift_estimate(reference, query, score, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
