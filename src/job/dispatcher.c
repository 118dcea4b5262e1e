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
 * Each piece of work is a step of its own, so that an error concerns one run only.
 * It never waits: rows that somebody has locked are tried again later.
 *
 * Locks: JOB_LOCK_DISPATCHER for as long as it works.  A second dispatcher exits
 * at once: the first looks at the queue once more after it has let go.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "job/dispatcher.h"
#include "job/executor.h"
#include "job/launcher.h"
#include "job/locks.h"
#include "job/queue.h"
#include "job/step.h"
#include "job/submitter.h"
#include "job/upkeep.h"
#include "job/watch.h"
#include "registry/registry.h"

#define TICK_MS 100
#define SLOT_RETRY_MS 2000		/* without a free worker slot */
#define MAX_FAILED_LOOKS 10
#define MAX_STARTS 50			/* in one tick */
#define STARVED_MS 30000		/* without a slot for any executor */
#define RETURN_MS 1000			/* after giving up the own slot: this to four
								 * times as long */

/* A queued run on its way to an executor. */
typedef struct Claim
{
	int64		run;
	bool		claimed;
	Attempt		attempt;
	Oid			submitter;
	ErrorData  *error;			/* why it was not claimed */
} Claim;

static MemoryContext run_context;	/* active runs */
static MemoryContext tick_context;	/* reset by every tick */
static List *active = NIL;
static Oid	last_submitter = InvalidOid;	/* whose turn was the latest */
static TimestampTz start_pause = 0; /* start nothing before */
static TimestampTz starved_since = 0;	/* first start without a worker slot */
static bool gave_up = false;	/* leaving although something is due */
static int	failed_looks = 0;	/* at the table, in a row */

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

static void
list_runs(const SpiScope *scope, void *arg)
{
	*(List **) arg = mlops_queue_active(scope, tick_context);
}

static void
cancel_waiting(const SpiScope *scope, void *arg)
{
	mlops_queue_cancel_waiting(scope);
}

/* In: a run to skip, or 0.  Out: the run that is due first, or 0. */
static void
find_due(const SpiScope *scope, void *arg)
{
	int64	   *run = arg;

	*run = mlops_queue_next_due(scope, *run, last_submitter);
}

static void
find_work(const SpiScope *scope, void *arg)
{
	*(bool *) arg = mlops_queue_has_work(scope);
}

static void
find_next_time(const SpiScope *scope, void *arg)
{
	TimestampTz *due = arg;

	if (!mlops_queue_next_time(scope, due))
		*due = DT_NOEND;
}

static void
claim_run(const SpiScope *scope, void *arg)
{
	Claim	   *claim = arg;

	claim->claimed = mlops_queue_claim(scope, claim->run, &claim->attempt, &claim->submitter);
	if (claim->claimed)
	{
		mlops_submitter_check(claim->submitter);
		mlops_handover_create(&claim->attempt);
	}
}

/* Fail a queued run that must not start. */
static void
refuse_run(const SpiScope *scope, void *arg)
{
	Claim	   *claim = arg;

	mlops_queue_refuse(scope, claim->run, unpack_sql_state(claim->error->sqlerrcode),
					   claim->error->message);
}

static void
unclaim_run(const SpiScope *scope, void *arg)
{
	Claim	   *claim = arg;

	mlops_queue_unclaim(scope, &claim->attempt);
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

static void
sweep(const SpiScope *scope, void *arg)
{
	mlops_handover_sweep(is_active);
}

static void
sweep_roles(const SpiScope *scope, void *arg)
{
	mlops_registry_sweep_roles();
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
 * Claim a run and start its executor.  False when that has to wait: somebody has
 * locked the row or the run, or there is no worker slot.
 */
static bool
start_run(int64 run, TimestampTz now)
{
	static bool slots_logged = false;
	Claim		claim = {.run = run};

	/* an executor of this number has not ended, as after DROP EXTENSION */
	if (mlops_locks_holder(run) != 0)
		return false;
	claim.error = mlops_step_do(claim_run, &claim);
	if (claim.error && mlops_step_is_transient(claim.error))
		return false;
	if (claim.error)
		return mlops_step_try(refuse_run, &claim, "refuse a run");
	if (!claim.claimed)
		return true;
	last_submitter = claim.submitter;
	if (start_executor(&claim.attempt, claim.submitter, now))
	{
		starved_since = 0;
		return true;
	}

	if (starved_since == 0)
		starved_since = now;
	start_pause = TimestampTzPlusMilliseconds(now, SLOT_RETRY_MS);
	mlops_handover_remove(&claim.attempt);
	(void) mlops_step_try(unclaim_run, &claim, "put a run back");
	if (!slots_logged && mlops_launcher_log_slots())
		ereport(LOG,
				(errmsg("mlops found no free worker slot for run " INT64_FORMAT, run),
				 errhint("Raise max_worker_processes.")));
	slots_logged = true;
	return false;
}

/* Runs whose executor is there: those that wait to be published hold no place. */
static int
count_executors(void)
{
	int			count = 0;
	ListCell   *cell;

	foreach(cell, active)
		count += ((ActiveRun *) lfirst(cell))->retry_at == 0;
	return count;
}

/*
 * Start what is due and allowed.  Returns whether something due is left that
 * this dispatcher should stay for.
 */
static bool
start_due_runs(TimestampTz now)
{
	int64		skip = 0;

	for (int i = 0; mlops_max_concurrent_runs > 0; i++)
	{
		int64		run = skip;

		CHECK_FOR_INTERRUPTS();
		if (i == MAX_STARTS)
			return true;		/* running ones need a look, too */
		if (!mlops_step_try(find_due, &run, "look for due runs") || run == 0)
			return skip != 0;
		if (count_executors() >= mlops_max_concurrent_runs || now < start_pause)
			return true;
		if (!start_run(run, now))
		{
			if (skip != 0)
				return true;
			skip = run;
		}
	}
	return false;
}

/* End executors of runs that left the table, or of all; whether one of all is left. */
static bool
drop_runs(bool all)
{
	bool		left = false;
	ListCell   *cell;

	foreach(cell, list_copy(active))
	{
		ActiveRun  *run = lfirst(cell);
		bool		alive;

		if (run->listed && !all)
			continue;
		alive = mlops_watch_is_alive(run, GetCurrentTimestamp());
		if (alive)
			mlops_watch_terminate(run);
		left |= alive;
		if (!alive || !all)
			forget_run(run);
	}
	return left;
}

/* Bring the list of active runs in line with the table. */
static bool
refresh_runs(void)
{
	List	   *rows = NIL;
	ListCell   *cell;
	ErrorData  *error;

	error = mlops_step_do(list_runs, &rows);
	if (error)
	{
		mlops_step_log(error, "list runs");
		failed_looks += mlops_step_is_transient(error) ? 0 : 1;
		return false;
	}
	failed_looks = 0;
	foreach(cell, active)
		((ActiveRun *) lfirst(cell))->listed = false;
	foreach(cell, rows)
	{
		RunningRun *row = lfirst(cell);
		ActiveRun  *run = find_active(&row->attempt);

		if (!run)
			run = add_active(&row->attempt, row->started_at);
		run->listed = true;
		run->cancel |= row->cancel;
	}
	(void) drop_runs(false);
	return true;
}

/*
 * Whether the slot that is missing may be our own, with dispatchers of other
 * databases in the others.  It is given up then; without a launcher not at once,
 * since the next one starts only when somebody asks for it.
 */
static bool
is_starved(TimestampTz now)
{
	return starved_since != 0 &&
		TimestampDifferenceExceeds(starved_since, now, mlops_launcher_is_there() ? 0 : STARVED_MS);
}

/*
 * Look after the active runs.  One wait for a lock at most: of the runs that
 * waited before, only the one whose turn it is tries again, after the others.
 */
static void
watch_runs(TimestampTz now)
{
	List	   *runs = list_copy(active);
	ActiveRun  *retry = NULL;
	bool		waited = false;
	ListCell   *cell;

	foreach(cell, runs)
	{
		ActiveRun  *run = lfirst(cell);

		if (run->retry_at != 0 && (!retry || run->retry_at < retry->retry_at))
			retry = run;
	}
	if (retry)
		runs = lappend(list_delete_ptr(runs, retry), retry);
	foreach(cell, runs)
	{
		ActiveRun  *run = lfirst(cell);
		TimestampTz retry_at = run->retry_at;

		if (mlops_watch_run(run, now, !waited && (retry_at == 0 || run == retry)))
		{
			forget_run(run);
			mlops_upkeep_wake();
		}
		else
			waited |= run->retry_at != retry_at;
	}
}

/* One round of work; returns whether there is a reason to stay. */
static bool
tick(bool first)
{
	TimestampTz now;
	bool		due;

	MemoryContextReset(tick_context);
	MemoryContextSwitchTo(tick_context);
	if (!refresh_runs())
	{
		if (failed_looks < MAX_FAILED_LOOKS)
			return true;
		/* else a later dispatcher finishes what they do */
		return !mlops_step_is_possible() && drop_runs(true);
	}
	if (first)
	{
		(void) mlops_step_try(sweep, NULL, "remove old files");
		mlops_upkeep_wake();
	}

	now = GetCurrentTimestamp();
	watch_runs(now);
	(void) mlops_step_try(cancel_waiting, NULL, "cancel runs");
	due = start_due_runs(now);
	if (first)
		(void) mlops_step_try(sweep_roles, NULL, "take out dropped roles");
	if (!due)
		starved_since = 0;
	mlops_upkeep_run(now);
	due |= mlops_upkeep_next() <= now;
	gave_up = active == NIL && is_starved(now);
	return active != NIL || (due && !gave_up);
}

static void
reload_settings(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

static void
sleep_until_next_tick(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, TICK_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	reload_settings();
	pgstat_report_stat(false);
}

/* Take the dispatcher's lock; false when somebody has it, or there is nothing to
 * dispatch in this database. */
static bool
take_lock(void)
{
	bool		taken;

	if (!mlops_step_is_possible())
		return false;
	StartTransactionCommand();
	taken = mlops_locks_acquire(JOB_LOCK_DISPATCHER, 0);
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
		{"idle_in_transaction_session_timeout", "0"}, {"exit_on_error", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"}, {"default_transaction_deferrable", "off"},
		{"synchronous_commit", "local"}, {"zero_damaged_pages", "off"}, {"jit", "off"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	if (GetConfigOption("transaction_timeout", true, false))
		SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
}

/* Have the launcher start another one a little later. */
static void
come_back(void)
{
	mlops_launcher_set_due(ObjectIdGetDatum(MyDatabaseId),
						   TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   pg_prng_uint64_range(&pg_global_prng_state,
																			RETURN_MS, 4 * RETURN_MS)));
}

/* After pg_terminate_backend or an error outside of a step. */
static void
come_back_after_failure(int code, Datum arg)
{
	if (code != 0)
		come_back();
}

/*
 * When the next one is needed: for a run, for a chore, or for rows that came
 * since the chores were called for the last time.
 */
static TimestampTz
find_return(TimestampTz started_at)
{
	TimestampTz next = mlops_upkeep_next();
	TimestampTz run = DT_NOEND;
	TimestampTz now = GetCurrentTimestamp();

	if (mlops_max_concurrent_runs > 0 &&
		mlops_step_try(find_next_time, &run, "look for the next run"))
		next = Min(next, run);
	if (TimestampDifferenceExceeds(started_at, now, mlops_monitor_interval * 1000))
		next = Min(next, TimestampTzPlusMilliseconds(now, mlops_monitor_interval * 1000));
	return next;
}

void
mlops_dispatcher_main(Datum main_arg)
{
	TimestampTz started_at = GetCurrentTimestamp();
	TimestampTz next;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (RecoveryInProgress())
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(main_arg), InvalidOid, 0);
	before_shmem_exit(come_back_after_failure, (Datum) 0);
	HOLD_CANCEL_INTERRUPTS();
	pin_settings();

	/*
	 * A SIGHUP that came before its handler was lost, and with it perhaps a
	 * larger mlops.max_concurrent_runs: whom the launcher sends for that
	 * finds our lock and leaves.
	 */
	ConfigReloadPending = true;
	reload_settings();
	pgstat_report_activity(STATE_IDLE, NULL);
	run_context = AllocSetContextCreate(TopMemoryContext, "mlops active runs", ALLOCSET_DEFAULT_SIZES);
	tick_context = AllocSetContextCreate(TopMemoryContext, "mlops tick", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(tick_context);

	for (bool more = true; more;)
	{
		if (!take_lock())
			proc_exit(0);
		for (bool first = true; tick(first); first = false)
			sleep_until_next_tick();
		release_lock();
		if (gave_up)
		{
			come_back();
			proc_exit(0);
		}
		/* back off: until the launcher's next round, or until somebody asks */
		if (failed_looks >= MAX_FAILED_LOOKS)
			proc_exit(0);

		/*
		 * whoever committed before the release may have seen the lock and
		 * gone, also after raising mlops.max_concurrent_runs from 0
		 */
		reload_settings();
		more = false;
		if (mlops_step_try(find_work, &more, "look for work") && more)
			sleep_until_next_tick();
	}

	next = find_return(started_at);
	if (next != DT_NOEND)
		mlops_launcher_set_due(main_arg, next);
	proc_exit(0);
}
