/*-------------------------------------------------------------------------
 *
 * realized.h
 *	  Labels and predictions of watched rows -> states of performance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_REALIZED_H
#define MLOPS_REALIZED_H

#include "drift/performance_state.h"
#include "drift/row_plan.h"

/* Count a row, sign -1 takes it out again; nothing where label or prediction is missing
 * or cannot be judged.  *state is made in "context" when it is NULL. */
extern void mlops_realized_add(Performance **state, MemoryContext context, const WatchSet *set,
							   RowPlan *plan, const Datum *values, const bool *nulls, int sign);

/* Count the prediction of a row for estimates, if it is a calibrated probability. */
extern void mlops_realized_estimate(const WatchSet *set, const RowPlan *plan, const Datum *values,
									const bool *nulls, EstimateSums *sums);

/* Write a state, NULL for none, at the end of a delta. */
extern void mlops_realized_put(const Performance *state, DeltaWriter *writer);

#endif							/* MLOPS_REALIZED_H */
