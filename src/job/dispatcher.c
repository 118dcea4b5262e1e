/*-------------------------------------------------------------------------
 *
 * dispatcher.c
 *	  The worker that starts, watches and finishes the runs of one database.
 *
 * Short-lived: started at the commit of an enqueuing transaction or by the
 * launcher, gone when nothing runs and nothing is due.  It keeps the books as
 * the extension's owner and never runs user code.  Executors that an earlier
 * dispatcher started are adopted by their locks and finished from their files.
 *
 * Each piece of work is a transaction with a subtransaction in it, so that an
 * error concerns one run only and the session lock survives.
 *
 * Locks: JOB_LOCK_DISPATCHER for as long as it works.  A second dispatcher exits
 * at once: the first looks at the queue once more after it has let go.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "base/spi.h"
#include "job/dispatcher.h"
#include "job/executor.h"
#include "job/launcher.h"
#include "job/locks.h"
#include "job/publish.h"
#include "job/queue.h"
#include "job/submitter.h"

#define TICK_MS 100
#define PROGRESS_INTERVAL_MS 500
#define ADOPTED_CHECK_MS 1000	/* how often a lock is looked for */
#define START_TIMEOUT_MS 30000	/* from the claim to the executor's lock */
#define RETRY_MS 2000			/* after a lock timeout, or without a worker slot */
#define CRASH_DELAY_S 300
#define MAX_FAILED_TICKS 10

/* A running run, as this dispatcher sees it. */
typedef struct ActiveRun
{
	Attempt		attempt;
	BackgroundWorkerHandle *handle; /* NULL: adopted */
	TimestampTz started_at;
	bool		listed;			/* in the latest look at the table */
	bool		cancel;			/* asked for */
	bool		timed_out;
	bool		interrupted;	/* its result said so at the last look */
	TimestampTz checked_at;		/* last look for the lock */
	int			pid;			/* what it found; 0: nobody */
	TimestampTz progress_at;	/* last copy of the progress */
	TimestampTz retry_at;		/* no earlier attempt to finish it */
	Progress	progress;		/* numbers of the last copy; no strings */
} ActiveRun;

/* Arguments and results of one step. */
typedef struct Step
{
	ActiveRun  *run;
	int64		id;
	List	   *rows;
	const Progress *progress;
	const RunResult *result;
	bytea	   *model;
	const char *status;
	const char *sqlstate;
	const char *error;
	Attempt		attempt;
	Oid			submitter;
	int			delay;
	bool		found;
	TimestampTz time;
} Step;

static MemoryContext run_context;	/* active runs */
static MemoryContext tick_context;	/* reset by every tick */
static List *active = NIL;
static TimestampTz start_pause = 0; /* start nothing before */
static bool extension_gone = false;

void
mlops_dispatcher_describe(BackgroundWorker *worker, Oid database)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "mlops", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, "mlops_dispatcher_main", sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_name, "mlops dispatcher", BGW_MAXLEN);
	strlcpy(worker->bgw_type, "mlops dispatcher", BGW_MAXLEN);
	worker->bgw_main_arg = ObjectIdGetDatum(database);
}

/*
 * Do one piece of work in a transaction of its own.  Returns NULL, or the error
 * in tick_context; the session goes on then.
 */
static ErrorData *
do_step(void (*work) (const SpiScope *scope, Step *step), Step *step)
{
	ErrorData  *volatile error = NULL;

	StartTransactionCommand();
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		SpiScope	scope;

		PushActiveSnapshot(GetTransactionSnapshot());
		mlops_spi_begin(&scope, false);
		work(&scope, step);
		mlops_spi_end(&scope);
		PopActiveSnapshot();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(tick_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	CommitTransactionCommand();
	MemoryContextSwitchTo(tick_context);
	return error;
}

/* The same, for work whose failure only the server log needs to know. */
static bool
try_step(void (*work) (const SpiScope *scope, Step *step), Step *step, const char *what)
{
	ErrorData  *error = do_step(work, step);

	if (error)
		ereport(LOG,
				(errmsg("mlops dispatcher could not %s: %s", what, error->message)));
	return error == NULL;
}

/* Errors that go away when somebody else ends a transaction. */
static bool
is_transient(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

static void
list_runs(const SpiScope *scope, Step *step)
{
	step->rows = mlops_queue_active(scope, tick_context);
}

static void
cancel_waiting(const SpiScope *scope, Step *step)
{
	mlops_queue_cancel_waiting(scope, step->id);
}

static void
find_holder(const SpiScope *scope, Step *step)
{
	step->run->pid = mlops_locks_holder(scope, step->run->attempt.run);
}

static void
find_due(const SpiScope *scope, Step *step)
{
	step->id = mlops_queue_next_due(scope, step->id);
}

static void
find_next_time(const SpiScope *scope, Step *step)
{
	step->found = mlops_queue_next_time(scope, &step->time);
}

static void
claim_run(const SpiScope *scope, Step *step)
{
	step->found = mlops_queue_claim(scope, step->id, &step->attempt, &step->submitter);
	if (step->found)
		mlops_submitter_check(step->submitter);
}

/* Fail a queued run that must not start. */
static void
refuse_run(const SpiScope *scope, Step *step)
{
	if (mlops_queue_claim(scope, step->id, &step->attempt, &step->submitter))
		(void) mlops_queue_end(scope, &step->attempt, "failed", step->sqlstate, step->error);
}

static void
requeue_run(const SpiScope *scope, Step *step)
{
	(void) mlops_queue_requeue(scope, &step->attempt, step->delay, step->found);
}

static void
end_run(const SpiScope *scope, Step *step)
{
	(void) mlops_queue_end(scope, &step->attempt, step->status, step->sqlstate, step->error);
}

static void
publish_run(const SpiScope *scope, Step *step)
{
	(void) mlops_publish_result(&step->attempt, step->result, step->model);
}

static void
copy_progress(const SpiScope *scope, Step *step)
{
	(void) mlops_queue_progress(scope, &step->attempt, step->progress);
}

static void
terminate_adopted(const SpiScope *scope, Step *step)
{
	/* the holder of the lock right now, never a pid from earlier */
	step->run->pid = mlops_locks_holder(scope, step->run->attempt.run);
	if (step->run->pid != 0)
		(void) DirectFunctionCall2(pg_terminate_backend, Int32GetDatum(step->run->pid),
								   Int64GetDatum(0));
}

static ActiveRun *
add_active(const Attempt *attempt, TimestampTz started_at)
{
	MemoryContext old = MemoryContextSwitchTo(run_context);
	ActiveRun  *run = palloc0(sizeof(ActiveRun));

	run->attempt = *attempt;
	run->started_at = started_at;
	run->listed = true;
	active = lappend(active, run);
	MemoryContextSwitchTo(old);
	return run;
}

static void
forget_run(ActiveRun *run)
{
	mlops_handover_remove(&run->attempt);
	active = list_delete_ptr(active, run);
	if (run->handle)
		pfree(run->handle);
	pfree(run);
}

static ActiveRun *
find_active(const Attempt *attempt)
{
	ListCell   *cell;

	foreach(cell, active)
	{
		ActiveRun  *run = lfirst(cell);

		if (run->attempt.run == attempt->run && run->attempt.attempt == attempt->attempt)
			return run;
	}
	return NULL;
}

static bool
is_active(const Attempt *attempt)
{
	return find_active(attempt) != NULL;
}

/* Whether the executor's process is there or about to be. */
static bool
is_alive(ActiveRun *run, TimestampTz now)
{
	pid_t		pid;
	Step		step = {.run = run};

	if (run->handle)
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(run->handle, &pid);

		return status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED;
	}
	if (TimestampDifferenceExceeds(run->checked_at, now, ADOPTED_CHECK_MS))
	{
		run->checked_at = now;
		if (!try_step(find_holder, &step, "look for an executor"))
			return true;
	}
	if (run->pid != 0)
		return true;
	/* it may be on its way to the lock, unless the server has restarted since */
	return run->started_at > PgStartTime &&
		!TimestampDifferenceExceeds(run->started_at, now, START_TIMEOUT_MS) &&
		mlops_handover_read_result(&run->attempt) == NULL;
}

static void
terminate_run(ActiveRun *run)
{
	Step		step = {.run = run};

	if (run->handle)
		TerminateBackgroundWorker(run->handle);
	else
		(void) try_step(terminate_adopted, &step, "terminate an executor");
}

/* Copy the executor's progress into the row when it changed. */
static void
update_progress(ActiveRun *run, TimestampTz now)
{
	Step		step = {.run = run,.attempt = run->attempt};
	Progress   *progress;

	if (!TimestampDifferenceExceeds(run->progress_at, now, PROGRESS_INTERVAL_MS))
		return;
	run->progress_at = now;
	progress = mlops_handover_read_progress(&run->attempt);
	if (!progress ||
		(progress->n_rows == run->progress.n_rows && progress->round == run->progress.round &&
		 progress->num_round == run->progress.num_round &&
		 progress->metric_value == run->progress.metric_value &&
		 run->progress.phase && progress->phase && strcmp(progress->phase, run->progress.phase) == 0))
		return;
	step.progress = progress;
	if (!try_step(copy_progress, &step, "record progress"))
		return;
	if (run->progress.phase)
		pfree(run->progress.phase);
	run->progress = *progress;
	run->progress.phase = progress->phase ? MemoryContextStrdup(run_context, progress->phase) : NULL;
	run->progress.metric_name = NULL;
}

/* End a run that made no version. */
static void
finish_without_version(ActiveRun *run, const char *status, const char *sqlstate, const char *error)
{
	Step		step = {.run = run,.attempt = run->attempt,.status = status,
	.sqlstate = sqlstate,.error = error};

	if (try_step(end_run, &step, "end a run"))
		forget_run(run);
}

/* No result: count a crash, or start again at once after a restart of the server. */
static void
finish_crash(ActiveRun *run)
{
	Step		step = {.run = run,.attempt = run->attempt,.found = true};
	bool		restarted = run->started_at < PgStartTime;

	step.delay = restarted ? 0 : CRASH_DELAY_S;
	if (!try_step(requeue_run, &step, "requeue a run"))
		return;
	if (!restarted)
		ereport(LOG,
				(errmsg("mlops run " INT64_FORMAT " ended without a result in attempt %d",
						run->attempt.run, run->attempt.attempt)));
	forget_run(run);
}

static void
finish_success(ActiveRun *run, const RunResult *result, TimestampTz now)
{
	Step		step = {.run = run,.attempt = run->attempt,.result = result};
	ErrorData  *error;

	step.model = mlops_handover_read_model(&run->attempt, result);
	if (!step.model)
	{
		finish_without_version(run, "failed", "XX001", "the model left by the trainer is damaged");
		return;
	}
	error = do_step(publish_run, &step);
	if (!error)
		forget_run(run);
	else if (is_transient(error))
		run->retry_at = TimestampTzPlusMilliseconds(now, RETRY_MS);
	else
		finish_without_version(run, "failed", unpack_sql_state(error->sqlerrcode),
							   error->detail ? psprintf("%s\nDETAIL:  %s", error->message, error->detail) :
							   error->message);
}

/* The executor is gone: settle the run by what it left. */
static void
finish_run(ActiveRun *run, TimestampTz now)
{
	RunResult  *result;

	if (now < run->retry_at)
		return;
	result = mlops_handover_read_result(&run->attempt);
	if (run->cancel)
		finish_without_version(run, "canceled", NULL, NULL);
	else if (run->timed_out)
		finish_without_version(run, "failed", "57014",
							   psprintf("the run exceeded mlops.max_run_time (%d s)", mlops_max_run_time));
	else if (!result)
		finish_crash(run);
	else if (result->succeeded)
		finish_success(run, result, now);
	else if (strcmp(result->sqlstate, "57P01") == 0 && !run->interrupted)
	{
		/* when the server shuts down, this process does not see the next tick */
		run->interrupted = true;
		run->retry_at = TimestampTzPlusMilliseconds(now, 3 * TICK_MS);
	}
	else
		finish_without_version(run, result->canceled ? "canceled" : "failed",
							   result->sqlstate, result->error);
}

static void
watch_run(ActiveRun *run, TimestampTz now)
{
	if (!is_alive(run, now))
	{
		finish_run(run, now);
		return;
	}
	if (mlops_max_run_time > 0 &&
		TimestampDifferenceExceeds(run->started_at, now, mlops_max_run_time * INT64CONST(1000)))
		run->timed_out = true;
	if (run->cancel || run->timed_out)
		terminate_run(run);
	else
		update_progress(run, now);
}

/* Start the executor of a claimed run; false when there is no worker slot. */
static bool
start_executor(const Attempt *attempt, Oid submitter, TimestampTz now)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	MemoryContext old = MemoryContextSwitchTo(run_context);
	bool		started;

	mlops_executor_describe(&worker, attempt, submitter);
	started = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(old);
	if (started)
		add_active(attempt, now)->handle = handle;
	return started;
}

/*
 * Start what is due and allowed.  Returns whether something due is left that
 * this dispatcher should stay for.
 */
static bool
start_due_runs(TimestampTz now)
{
	int64		skip = 0;

	while (mlops_max_concurrent_runs > 0)
	{
		Step		step = {.id = skip};
		ErrorData  *error;

		CHECK_FOR_INTERRUPTS();
		if (!try_step(find_due, &step, "look for due runs") || step.id == 0)
			return false;
		if (list_length(active) >= mlops_max_concurrent_runs || now < start_pause)
			return true;

		error = do_step(claim_run, &step);
		if (error && is_transient(error))
		{
			if (skip != 0)
				return true;
			skip = step.id;
		}
		else if (error)
		{
			step.sqlstate = unpack_sql_state(error->sqlerrcode);
			step.error = error->message;
			if (!try_step(refuse_run, &step, "refuse a run"))
				return true;
		}
		else if (step.found && !start_executor(&step.attempt, step.submitter, now))
		{
			ereport(LOG,
					(errmsg("mlops found no free worker slot for run " INT64_FORMAT, step.id),
					 errhint("Raise max_worker_processes.")));
			start_pause = TimestampTzPlusMilliseconds(now, RETRY_MS);
			step.delay = 0;
			step.found = false;
			(void) try_step(requeue_run, &step, "requeue a run");
			return true;
		}
	}
	return false;
}

/* Bring the list of active runs in line with the table. */
static bool
refresh_runs(void)
{
	Step		step = {0};
	ListCell   *cell;

	if (!try_step(list_runs, &step, "list runs"))
		return false;
	foreach(cell, active)
		((ActiveRun *) lfirst(cell))->listed = false;
	foreach(cell, step.rows)
	{
		QueuedRun  *row = lfirst(cell);

		if (row->running)
		{
			ActiveRun  *run = find_active(&row->attempt);

			if (!run)
				run = add_active(&row->attempt, row->started_at);
			run->listed = true;
			run->cancel |= row->cancel;
		}
		else
		{
			Step		cancel = {.id = row->attempt.run};

			(void) try_step(cancel_waiting, &cancel, "cancel a run");
		}
	}
	foreach(cell, list_copy(active))
	{
		ActiveRun  *run = lfirst(cell);

		if (!run->listed)
		{
			if (run->handle)
				TerminateBackgroundWorker(run->handle);
			forget_run(run);
		}
	}
	return true;
}

/* One round of work; returns whether there is a reason to stay. */
static bool
tick(bool first)
{
	static int	failed_ticks = 0;
	TimestampTz now;
	ListCell   *cell;
	bool		due;

	MemoryContextReset(tick_context);
	MemoryContextSwitchTo(tick_context);
	if (!refresh_runs())
	{
		if (++failed_ticks < MAX_FAILED_TICKS)
			return true;
		/* the extension is gone, most likely */
		foreach(cell, active)
			terminate_run(lfirst(cell));
		return false;
	}
	failed_ticks = 0;
	if (first)
		mlops_handover_sweep(is_active);

	now = GetCurrentTimestamp();
	foreach(cell, list_copy(active))
		watch_run(lfirst(cell), now);
	due = start_due_runs(now);
	return active != NIL || due;
}

static void
sleep_until_next_tick(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, TICK_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	pgstat_report_stat(false);
}

/* Take the dispatcher's lock; false when somebody has it. */
static bool
take_lock(void)
{
	bool		taken;

	StartTransactionCommand();
	extension_gone = !OidIsValid(get_extension_oid("mlops", true));
	taken = !extension_gone && mlops_locks_acquire(JOB_LOCK_DISPATCHER, 0);
	CommitTransactionCommand();
	return taken;
}

static void
release_lock(void)
{
	StartTransactionCommand();
	mlops_locks_release(JOB_LOCK_DISPATCHER, 0);
	CommitTransactionCommand();
}

/* Settings of roles and databases must not reach the bookkeeping. */
static void
pin_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", ""}, {"role", "none"}, {"session_replication_role", "origin"},
		{"statement_timeout", "0"}, {"lock_timeout", "500ms"},
		{"idle_in_transaction_session_timeout", "0"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"}, {"default_transaction_deferrable", "off"},
		{"synchronous_commit", "local"}, {"zero_damaged_pages", "off"}, {"jit", "off"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	if (GetConfigOption("transaction_timeout", true, false))
		SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
}

void
mlops_dispatcher_main(Datum main_arg)
{
	Step		step = {0};
	bool		due;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, SIG_IGN);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (RecoveryInProgress())
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(main_arg), InvalidOid, 0);
	pin_settings();
	pgstat_report_activity(STATE_IDLE, NULL);
	run_context = AllocSetContextCreate(TopMemoryContext, "mlops active runs", ALLOCSET_DEFAULT_SIZES);
	tick_context = AllocSetContextCreate(TopMemoryContext, "mlops tick", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(tick_context);

	do
	{
		if (!take_lock())
			proc_exit(0);
		for (bool first = true; tick(first); first = false)
			sleep_until_next_tick();
		release_lock();

		/* whoever enqueued before the release saw the lock and went away */
		MemoryContextSwitchTo(tick_context);
		step.id = 0;
		due = mlops_max_concurrent_runs > 0 &&
			try_step(find_due, &step, "look for due runs") && step.id != 0;
	} while (due);

	if (try_step(find_next_time, &step, "look for the next run") && step.found)
		mlops_launcher_set_due(main_arg, step.time);
	proc_exit(0);
}
