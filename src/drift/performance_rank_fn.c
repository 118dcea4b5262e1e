/*-------------------------------------------------------------------------
 *
 * performance_rank_fn.c
 *	  SQL entry points of the exact areas under the ROC and the
 *	  precision-recall curve.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "drift/performance_input.h"
#include "drift/performance_rank.h"

/* state, label, score [, positive [, weight]]; rows with a NULL are left out */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_rank);
Datum
mlops_sql_performance_add_rank(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, false);
	bool		is_weighted = PG_NARGS() > 4;
	PerformanceRank *rank;
	double		weight;
	double		score;
	bool		positive;

	/*
	 * the state is "internal": without the check of create() it could be
	 * anything
	 */
	if (PG_ARGISNULL(0))
		rank = mlops_performance_rank_create(fcinfo);
	else
		rank = (PerformanceRank *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (is_weighted && PG_ARGISNULL(4)))
		PG_RETURN_POINTER(rank);

	weight = is_weighted ? PG_GETARG_FLOAT8(4) : 1;
	if (!(weight >= 0) || isinf(weight))
		mlops_performance_fail(PERFORMANCE_BAD_WEIGHT);
	positive = mlops_performance_is_positive(fcinfo, &call->label, PG_NARGS() > 3 ? 3 : 0);
	score = PG_GETARG_FLOAT8(2);
	mlops_performance_check_finite(score);
	if (weight > 0)
		mlops_performance_rank_put(rank, positive, score, weight);
	PG_RETURN_POINTER(rank);
}

static const PerformanceCurve *
get_curve(FunctionCallInfo fcinfo)
{
	static const PerformanceCurve empty;

	if (AggCheckCallContext(fcinfo, NULL) != AGG_CONTEXT_AGGREGATE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function works in an aggregate only"),
				 errhint("Call the aggregate itself, for instance mlops.roc_auc(label, score).")));
	return PG_ARGISNULL(0) ? &empty : mlops_performance_rank_finish((PerformanceRank *) PG_GETARG_POINTER(0));
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_rank_roc_auc);
Datum
mlops_sql_performance_rank_roc_auc(PG_FUNCTION_ARGS)
{
	double		area = mlops_performance_roc_auc(get_curve(fcinfo));

	if (isnan(area))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(area);
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_rank_average_precision);
Datum
mlops_sql_performance_rank_average_precision(PG_FUNCTION_ARGS)
{
	double		average = mlops_performance_average_precision(get_curve(fcinfo));

	if (isnan(average))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(average);
}
