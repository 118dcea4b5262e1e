/*-------------------------------------------------------------------------
 *
 * pull.h
 *	  Runs that pull the query of a monitor for one window.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PULL_H
#define MLOPS_PULL_H

#include "drift/monitor.h"
#include "job/training.h"

/* Check a monitor's query, as the current user; its columns, in the current context. */
extern TupleDesc mlops_pull_describe(const char *query);

/* Enqueue the pull of a window, as the monitor's owner.  Returns the run. */
extern int64 mlops_pull_submit(const SpiScope *scope, const Monitor *monitor, TimestampTz start);

/* Start of the latest window that is complete. */
extern TimestampTz mlops_pull_latest(const Monitor *monitor, TimestampTz now);

/* Executor's side: run the query of the recipe, and leave deltas. */
extern void mlops_pull_run(TrainingRun *run);

/* Dispatcher's side: put the deltas in place of what the window had, and end the run. */
extern void mlops_pull_record(const Attempt *attempt, const RunResult *result);

/* The chore of the dispatcher, of type ChoreWork: enqueue the pulls that are due. */
extern TimestampTz mlops_pull_work(const SpiScope *scope, TimestampTz now);

#endif							/* MLOPS_PULL_H */
