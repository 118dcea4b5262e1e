/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  One running run, as the dispatcher sees it.
 *
 * A run is alive while its executor's worker handle says so, or, for a run that
 * an earlier dispatcher started, while somebody holds its lock.  When it is not
 * alive any more, what its executor left decides: a valid result is published or
 * recorded as a failure, nothing is a crash.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "base/settings.h"
#include "job/locks.h"
#include "job/publish.h"
#include "job/queue.h"
#include "job/step.h"
#include "job/watch.h"

#define PROGRESS_INTERVAL_MS 500
#define ADOPTED_CHECK_MS 1000	/* how often a lock is looked for */
#define START_TIMEOUT_MS 30000	/* from the claim to the executor's lock */
#define LOCK_RETRY_MS 2000		/* after a lock timeout */
#define INTERRUPTED_MS 300		/* a server that shuts down ends this process
								 * before */
#define CRASH_DELAY_S 300
#define STOP_MS 5000			/* an executor should have stopped */

/* How a run ends that makes no version. */
typedef struct Ending
{
	const Attempt *attempt;
	const char *status;
	const char *sqlstate;
	const char *error;
} Ending;

/* What publishing takes. */
typedef struct Publishing
{
	const Attempt *attempt;
	const RunResult *result;
	bytea	   *model;
} Publishing;

typedef struct ProgressCopy
{
	const Attempt *attempt;
	const Progress *progress;
} ProgressCopy;

static void
copy_progress(const SpiScope *scope, void *arg)
{
	ProgressCopy *copy = arg;

	(void) mlops_queue_progress(scope, copy->attempt, copy->progress);
}

static void
end_run(const SpiScope *scope, void *arg)
{
	Ending	   *ending = arg;

	(void) mlops_queue_end(scope, ending->attempt, ending->status, ending->sqlstate, ending->error);
}

static void
publish_run(const SpiScope *scope, void *arg)
{
	Publishing *publication = arg;

	(void) mlops_publish_result(publication->attempt, publication->result, publication->model);
}

static void
count_crash(const SpiScope *scope, void *arg)
{
	ActiveRun  *run = arg;
	bool		restarted = run->started_at < PgStartTime;

	mlops_queue_count_crash(scope, &run->attempt, restarted ? 0 : CRASH_DELAY_S);
}

bool
mlops_watch_is_alive(ActiveRun *run, TimestampTz now)
{
	pid_t		pid;

	if (run->handle)
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(run->handle, &pid);

		return status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED;
	}
	if (TimestampDifferenceExceeds(run->checked_at, now, ADOPTED_CHECK_MS))
	{
		run->checked_at = now;
		run->pid = mlops_locks_holder(run->attempt.run);
	}
	if (run->pid != 0)
		return true;

	/* it may be on its way to the lock, unless the server has restarted since */
	return mlops_handover_exists(&run->attempt) && run->started_at > PgStartTime &&
		!TimestampDifferenceExceeds(run->started_at, now, START_TIMEOUT_MS) &&
		mlops_handover_read_result(&run->attempt) == NULL;
}

void
mlops_watch_terminate(ActiveRun *run)
{
	/* whoever holds the lock right now, never a pid from earlier */
	int			pid = run->handle ? 0 : mlops_locks_holder(run->attempt.run);

	if (run->handle)
		TerminateBackgroundWorker(run->handle);
	else if (pid != 0)
		(void) kill(pid, SIGTERM);
}

/* Copy the executor's progress into the row when it changed. */
static void
update_progress(ActiveRun *run, TimestampTz now)
{
	Progress   *progress;
	ProgressCopy copy;
	char		summary[sizeof(run->progress)];

	if (!TimestampDifferenceExceeds(run->progress_at, now, PROGRESS_INTERVAL_MS))
		return;
	run->progress_at = now;
	progress = mlops_handover_read_progress(&run->attempt);
	if (!progress)
		return;
	snprintf(summary, sizeof(summary), INT64_FORMAT " %d %.17g %s", progress->n_rows,
			 progress->round, progress->metric_value, progress->phase ? progress->phase : "");
	if (strcmp(summary, run->progress) == 0)
		return;
	copy.attempt = &run->attempt;
	copy.progress = progress;
	if (mlops_step_try(copy_progress, &copy, "record progress"))
		strlcpy(run->progress, summary, sizeof(run->progress));
}

static bool
finish_without_version(ActiveRun *run, const char *status, const char *sqlstate, const char *error)
{
	Ending		ending = {.attempt = &run->attempt,.status = status,
	.sqlstate = sqlstate,.error = error};

	return mlops_step_try(end_run, &ending, "end a run");
}

/* No result: count a crash. */
static bool
finish_crash(ActiveRun *run)
{
	if (!mlops_step_try(count_crash, run, "requeue a run"))
		return false;
	ereport(LOG,
			(errmsg("attempt %d of mlops run " INT64_FORMAT " ended without a result",
					run->attempt.attempt, run->attempt.run)));
	return true;
}

static bool
finish_success(ActiveRun *run, const RunResult *result, TimestampTz now)
{
	Publishing	publication = {.attempt = &run->attempt,.result = result};
	ErrorData  *error;

	/* publishing looks whether this kind of run must leave one */
	if (result->model_size != 0)
		publication.model = mlops_handover_read_model(&run->attempt, result);
	if (result->model_size != 0 && !publication.model)
		return finish_without_version(run, "failed", "XX001",
									  "the model that the trainer left is damaged");
	error = mlops_step_do(publish_run, &publication);
	if (!error)
		return true;
	if (mlops_step_is_transient(error))
	{
		run->retry_at = TimestampTzPlusMilliseconds(now, LOCK_RETRY_MS);
		return false;
	}
	return finish_without_version(run, "failed", unpack_sql_state(error->sqlerrcode),
								  error->detail ?
								  psprintf("%s\nDETAIL:  %s", error->message, error->detail) :
								  error->message);
}

/* The executor is gone: settle the run by what it left. */
static bool
finish_run(ActiveRun *run, TimestampTz now, bool publish)
{
	RunResult  *result;

	if (run->cancel)
		return finish_without_version(run, "canceled", NULL, NULL);
	if (!publish || now < run->retry_at)
		return false;
	result = mlops_handover_read_result(&run->attempt);
	if (run->timed_out)
		return finish_without_version(run, "failed", "57014",
									  psprintf("the run exceeded mlops.max_run_time (%d s)",
											   mlops_max_run_time));
	if (!result)
		return finish_crash(run);
	if (result->succeeded)
		return finish_success(run, result, now);
	if (strcmp(result->sqlstate, "57P01") == 0 && !run->interrupted)
	{
		run->interrupted = true;
		run->retry_at = TimestampTzPlusMilliseconds(now, INTERRUPTED_MS);
		return false;
	}
	return finish_without_version(run, result->canceled ? "canceled" : "failed",
								  result->sqlstate, result->error);
}

/*
 * Have the executor exit.  One that does not, since the query is in code that never
 * looks for interrupts, is waited for: to kill it would restart the server.
 */
static void
stop_run(ActiveRun *run, TimestampTz now)
{
	mlops_watch_terminate(run);
	if (run->stop_at == 0)
		run->stop_at = now;
	if (run->stop_logged || !TimestampDifferenceExceeds(run->stop_at, now, STOP_MS))
		return;
	run->stop_logged = true;
	ereport(LOG,
			(errmsg("mlops run " INT64_FORMAT " has not stopped yet", run->attempt.run),
			 errdetail("Its executor was asked to exit %d seconds ago.", STOP_MS / 1000)));
}

bool
mlops_watch_run(ActiveRun *run, TimestampTz now, bool publish)
{
	if (run->retry_at != 0 || !mlops_watch_is_alive(run, now))
		return finish_run(run, now, publish);
	if (mlops_max_run_time > 0 &&
		now >= TimestampTzPlusMilliseconds(run->started_at, mlops_max_run_time * INT64CONST(1000)))
		run->timed_out = true;
	if (run->cancel || run->timed_out)
		stop_run(run, now);
	else
		update_progress(run, now);
	return false;
}
