/*-------------------------------------------------------------------------
 *
 * realized.c
 *	  Labels beside predictions of watched rows -> states of performance.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "drift/realized.h"

void
mlops_realized_add(Realized **state, MemoryContext context, const WatchSet *set,
				   const RowPlan *plan, const Datum *values, const bool *nulls, int sign)
{
}

void
mlops_realized_estimate(const WatchSet *set, const RowPlan *plan, const Datum *values,
						const bool *nulls, EstimateSums *sums)
{
	const PlanColumn *column = &plan->prediction;
	float		score;

	if (set->calibration == NULL || nulls[column->place] ||
		!(mlops_value_is_number(column->type.kind)))
		return;
	score = mlops_value_number(column->type.kind, values[column->place]);
	if (score >= 0 && score <= 1)
		(void) mlops_estimate_add(sums, score,
								  mlops_metric_interpolate(set->calibration->knots,
														   set->calibration->n_knots, score),
								  set->version->threshold);
}

void
mlops_realized_put(const Realized *state, DeltaWriter *writer)
{
	mlops_delta_put_unsigned(writer, 0);
}
