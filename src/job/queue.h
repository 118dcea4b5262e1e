/*-------------------------------------------------------------------------
 *
 * queue.h
 *	  Rows of mlops.run as a queue.
 *
 * Every change of a running row names its attempt and takes effect only while
 * the row is still running that attempt; "false" means it is not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_QUEUE_H
#define MLOPS_QUEUE_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "job/handover.h"

/* A row that is running. */
typedef struct RunningRun
{
	Attempt		attempt;
	bool		cancel;			/* asked for */
	TimestampTz started_at;		/* 0: before the promotion of this server */
} RunningRun;

/* Enqueue a training for a role; checks the limit of the role.  Returns the id. */
extern int64 mlops_queue_insert(const char *model, Jsonb *recipe, int num_round,
								int parent_version, Oid submitter);

/* Running runs, as RunningRun * in "context". */
extern List *mlops_queue_active(const SpiScope *scope, MemoryContext context);

/* Set or, with two NULLs, take away the limits of a role; see table role_limit. */
extern void mlops_queue_set_role_limit(Oid role, NullableDatum concurrent, NullableDatum queued);

/*
 * The run to start next, other than "skip"; 0: none is due.  A role with fewer
 * running runs goes first, then the one whose turn comes after the role "after".
 */
extern int64 mlops_queue_next_due(const SpiScope *scope, int64 skip, Oid after);

/* Whether anything is left for a dispatcher to do now. */
extern bool mlops_queue_has_work(const SpiScope *scope);

/* Earliest start of a queued run; false: there is none. */
extern bool mlops_queue_next_time(const SpiScope *scope, TimestampTz *due);

/* Lock a queued run and start its next attempt. */
extern bool mlops_queue_claim(const SpiScope *scope, int64 run, Attempt *attempt, Oid *submitter);

/* Back to its place in the queue: the attempt has not started. */
extern void mlops_queue_unclaim(const SpiScope *scope, const Attempt *attempt);

/* Back to the queue, to be started after "delay" seconds, which each further crash
 * doubles; the third quarantines the run instead. */
extern void mlops_queue_count_crash(const SpiScope *scope, const Attempt *attempt, int delay);

/* End a run that made no version. */
extern bool mlops_queue_end(const SpiScope *scope, const Attempt *attempt, const char *status,
							const char *sqlstate, const char *error);

/* Fail a queued run that must not start. */
extern void mlops_queue_refuse(const SpiScope *scope, int64 run, const char *sqlstate,
							   const char *error);

/*
 * Cancel queued runs that somebody wants canceled, as many as one statement should,
 * and remove the requests of runs that have ended.
 */
extern void mlops_queue_cancel_waiting(const SpiScope *scope);

extern bool mlops_queue_progress(const SpiScope *scope, const Attempt *attempt,
								 const Progress *progress);

#endif							/* MLOPS_QUEUE_H */
