/*-------------------------------------------------------------------------
 *
 * locks.h
 *	  Session locks that say who is alive.
 *
 * Lock tag (userlock, database, run id high, run id low, kind), default lock
 * method: a user's query cannot drop them with pg_advisory_unlock_all().  A
 * top-level abort drops them; whoever goes on after one takes them again.  Exit
 * callbacks registered after the first acquire run while the locks are held.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_LOCKS_H
#define MLOPS_LOCKS_H

typedef enum JobLock
{
	JOB_LOCK_RUN = 1,			/* held by the executor of the run */
	JOB_LOCK_DISPATCHER			/* held by the dispatcher of the database */
} JobLock;

/* Take the lock for this session if it is free.  Within a transaction. */
extern bool mlops_locks_acquire(JobLock kind, int64 id);
extern void mlops_locks_release(JobLock kind, int64 id);

/* Process that holds the lock of a run, or 0.  Also where the extension is gone. */
extern int	mlops_locks_holder(int64 run);

#endif							/* MLOPS_LOCKS_H */
