/*-------------------------------------------------------------------------
 *
 * estimated.h
 *	  Estimated performance of a version on the rows of a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ESTIMATED_H
#define MLOPS_ESTIMATED_H

#include "nodes/execnodes.h"

#include "drift/estimate.h"

/*
 * Rows of metric, value, standard error and number of rows, by the version's
 * calibration and threshold; needs the right read.  "score" names a column of stored
 * scores; NULL: the rows are scored anew.
 */
extern void mlops_drift_estimate(const char *reference, const char *query, const char *score,
								 ReturnSetInfo *result);

/* The rows that sums alone give. */
extern void mlops_drift_put_estimate(const EstimateSums *sums, ReturnSetInfo *result);

#endif							/* MLOPS_ESTIMATED_H */
