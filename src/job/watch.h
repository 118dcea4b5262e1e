/*-------------------------------------------------------------------------
 *
 * watch.h
 *	  One running run, as the dispatcher sees it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WATCH_H
#define MLOPS_WATCH_H

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

#include "job/handover.h"

typedef struct ActiveRun
{
	Attempt		attempt;
	BackgroundWorkerHandle *handle; /* NULL: adopted from an earlier
									 * dispatcher */
	TimestampTz started_at;
	bool		listed;			/* in the latest look at the table */
	bool		cancel;			/* asked for */
	bool		timed_out;
	TimestampTz stop_at;		/* 0, or when the executor was asked to exit */
	bool		stop_logged;	/* that it did not */
	bool		interrupted;	/* its result said so at the last look */
	TimestampTz checked_at;		/* last look for the lock of an adopted run */
	int			pid;			/* what it found; 0: nobody */
	TimestampTz progress_at;	/* last copy of the progress */
	char		progress[128];	/* what was copied, in short */
	TimestampTz retry_at;		/* 0, or the executor is gone and this is the
								 * next attempt to finish the run */
} ActiveRun;

/*
 * Copy the run's progress, stop it if it should stop, and settle it when its
 * executor is gone.  True when it has been settled: forget it then.  Publishing
 * may wait for a lock until the timeout; without "publish" that comes later.
 */
extern bool mlops_watch_run(ActiveRun *run, TimestampTz now, bool publish);

/* Whether the executor's process is there or about to be. */
extern bool mlops_watch_is_alive(ActiveRun *run, TimestampTz now);

/* Ask the executor to exit. */
extern void mlops_watch_terminate(ActiveRun *run);

#endif							/* MLOPS_WATCH_H */
