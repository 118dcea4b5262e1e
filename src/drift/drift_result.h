/*-------------------------------------------------------------------------
 *
 * drift_result.h
 *	  Measures of drift as values of SQL, in the order of mlops.drift_result.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DRIFT_RESULT_H
#define MLOPS_DRIFT_RESULT_H

#include "postgres.h"

#include "drift/judge.h"

#define DRIFT_MEASURES 23

/* values[DRIFT_MEASURES], nulls[DRIFT_MEASURES]; NaN becomes NULL. */
extern void mlops_drift_result_put(const DriftMeasures *measures, Datum *values, bool *nulls);

/* A number, or NULL for NaN. */
extern void mlops_drift_result_put_number(double number, Datum *value, bool *isnull);

/* Errors for a threshold or alpha out of range. */
extern void mlops_drift_check_settings(double threshold, double alpha);

#endif							/* MLOPS_DRIFT_RESULT_H */
