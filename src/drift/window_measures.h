/*-------------------------------------------------------------------------
 *
 * window_measures.h
 *	  Profiles of a window beside its references -> rows of drift_measure.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WINDOW_MEASURES_H
#define MLOPS_WINDOW_MEASURES_H

#include "base/spi.h"
#include "drift/judge.h"
#include "drift/monitor.h"
#include "drift/watch_set.h"

/* What a window is as a whole. */
typedef struct WindowVerdict
{
	DriftStatus status;			/* drift where any column or all features
								 * drift */
	int			streak;
} WindowVerdict;

/* Measure a window, judge it, and store its rows of drift_measure; the label's only with
 * "with_label". */
extern WindowVerdict mlops_window_measure(const SpiScope *scope, const Monitor *monitor,
										  const WatchSet *set, TimestampTz start, bool with_label);

#endif							/* MLOPS_WINDOW_MEASURES_H */
