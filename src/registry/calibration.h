/*-------------------------------------------------------------------------
 *
 * calibration.h
 *	  What a version knows of its scores: calibration and curve of thresholds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_CALIBRATION_H
#define MLOPS_CALIBRATION_H

#include "registry/metric.h"

/* Isotonic calibration; n_knots 0: none. */
typedef struct Calibration
{
	int64		n;				/* rows it was fitted on */
	int			n_knots;
	MetricKnot *knots;
} Calibration;

/* Counts along the thresholds; n_cuts 0: none. */
typedef struct ThresholdCurve
{
	int64		n;				/* rows that were counted */
	bool		weighted;
	int			n_cuts;
	MetricCut  *cuts;
} ThresholdCurve;

/* Whether the numbers are finite, in range and in order. */
extern bool mlops_calibration_is_valid(const Calibration *calibration);
extern bool mlops_calibration_curve_is_valid(const ThresholdCurve *curve);

/*
 * Store what is there of a version; "dataset" names the rows: test, validation or
 * query.  Without "replace", what is stored already stays.  No rights check.
 */
extern void mlops_calibration_store(const char *model, int version, const char *dataset,
									const Calibration *calibration, bool replace);
extern void mlops_calibration_store_curve(const char *model, int version, const char *dataset,
										  const ThresholdCurve *curve, bool replace);

/*
 * The stored calibration of a version, one chunk in the current context, or NULL.
 * By an index scan of its own, like mlops_registry_resolve; no rights check.
 */
extern Calibration *mlops_calibration_find(const char *model, int version);

/* Fit both on the rows of a query, which runs as the caller, who must own the model.
 * Returns the number of rows. */
extern int64 mlops_calibration_set(const char *reference, const char *query, const char *target);

#endif							/* MLOPS_CALIBRATION_H */
