/*-------------------------------------------------------------------------
 *
 * realized.h
 *	  Labels beside predictions of watched rows -> states of performance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_REALIZED_H
#define MLOPS_REALIZED_H

#include "drift/row_plan.h"

typedef struct Realized Realized;

/* Count a row, sign -1 takes it out again; nothing where label or prediction is missing
 * or cannot be judged.  *state is made in "context" when it is NULL. */
extern void mlops_realized_add(Realized **state, MemoryContext context, const WatchSet *set,
							   const RowPlan *plan, const Datum *values, const bool *nulls, int sign);

/* Count the prediction of a row for estimates, if it is a calibrated probability. */
extern void mlops_realized_estimate(const WatchSet *set, const RowPlan *plan, const Datum *values,
									const bool *nulls, EstimateSums *sums);

/* Write a state, or none, at the end of a delta. */
extern void mlops_realized_put(const Realized *state, DeltaWriter *writer);

#endif							/* MLOPS_REALIZED_H */
