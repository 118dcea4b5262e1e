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

/*
 * Evaluate some of the windows that are due, the earliest first: of all monitors that
 * nobody else is working on, or of "monitor".  Returns whether there may be more.
 */
extern bool mlops_evaluate_some(const SpiScope *scope, const char *monitor, TimestampTz now);

/* The chore of the dispatcher, of type ChoreWork. */
extern TimestampTz mlops_evaluate_work(const SpiScope *scope, TimestampTz now);

#endif							/* MLOPS_EVALUATE_WINDOW_H */
