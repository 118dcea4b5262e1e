/*-------------------------------------------------------------------------
 *
 * comparison.h
 *	  A run that compares a challenger with the champion.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_COMPARISON_H
#define MLOPS_COMPARISON_H

#include "job/training.h"
#include "registry/evaluate.h"

/*
 * In the executor: compare the recipe's versions on rows that neither was trained
 * on; leaves the figures in the result.
 */
extern void mlops_comparison_run(TrainingRun *run);

/* In the dispatcher: the figures from the result; false when they are not there. */
extern bool mlops_comparison_read(const RunResult *result, PairedMetric *pair);

/* Queue a comparison for an event; returns the run. */
extern int64 mlops_comparison_submit(const SpiScope *scope, int64 event);

#endif							/* MLOPS_COMPARISON_H */
