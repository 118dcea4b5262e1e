/*-------------------------------------------------------------------------
 *
 * evaluate_window.h
 *	  Windows that are complete -> measures, statuses and metrics.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_EVALUATE_WINDOW_H
#define MLOPS_EVALUATE_WINDOW_H

#include "utils/timestamp.h"

#include "base/spi.h"

/* Evaluate all windows of a monitor that are due; outside of a scope. */
extern void mlops_evaluate_monitor(const char *monitor, TimestampTz now);

/* The chore of the dispatcher, of type ChoreWork. */
extern TimestampTz mlops_evaluate_work(const SpiScope *scope, TimestampTz now);

#endif							/* MLOPS_EVALUATE_WINDOW_H */
