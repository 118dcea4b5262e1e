/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The static worker that starts dispatchers; only with preload.
 *
 * Without it a dispatcher starts at the commit that enqueues something.  The
 * launcher adds what that cannot do: work that is due later, work left over by a
 * restart of the server or by a prepared transaction, and a second attempt when
 * no worker slot was free.  It reads shared catalogs only, so it never keeps a
 * database from being dropped.
 *
 * Locks: LauncherShared.mutex, a spinlock, guards every field of the shared
 * table; held for a few instructions, because commit callbacks take it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "job/dispatcher.h"
#include "job/launcher.h"

#define MAX_DATABASES 64		/* with a due time at once; more are probed */
#define PROBE_INTERVAL_MS 300000	/* between probes of all databases */
#define PROBE_TIMEOUT_MS 2000	/* for one database, then the next */
#define RETRY_MS 5000			/* when no worker slot is free */
#define SLOTS_LOG_MS 3600000	/* until that is logged again */

typedef struct DueDatabase
{
	Oid			database;		/* InvalidOid: free slot */
	TimestampTz due;
} DueDatabase;

typedef struct LauncherShared
{
	slock_t		mutex;
	Latch	   *latch;			/* of the launcher, or NULL */
	bool		probe_all;		/* a due time did not fit */
	TimestampTz slots_logged_at;	/* when somebody said that there are none */
	DueDatabase due[MAX_DATABASES];
} LauncherShared;

static LauncherShared *shared = NULL;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(LauncherShared)));
}

static void
start_shmem(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("mlops launcher", sizeof(LauncherShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(*shared));
		SpinLockInit(&shared->mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
mlops_launcher_init(void)
{
	BackgroundWorker worker = {0};

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shmem;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 10;
	strlcpy(worker.bgw_library_name, "mlops", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "mlops_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "mlops launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "mlops launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

void
mlops_launcher_set_due(Datum database, TimestampTz due)
{
	DueDatabase *slot = NULL;
	Latch	   *latch = NULL;

	if (!shared)
		return;
	SpinLockAcquire(&shared->mutex);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		DueDatabase *entry = &shared->due[i];

		if (entry->database == DatumGetObjectId(database))
		{
			slot = entry;
			break;
		}
		if (!OidIsValid(entry->database) && !slot)
			slot = entry;
	}
	if (!slot)
		shared->probe_all = true;
	else if (!OidIsValid(slot->database) || due < slot->due)
	{
		slot->database = DatumGetObjectId(database);
		slot->due = due;
	}
	else
		slot = NULL;			/* nothing new: every writer to a watched
								 * table comes here */
	if (slot || shared->probe_all)
		latch = shared->latch;
	SpinLockRelease(&shared->mutex);
	if (latch)
		SetLatch(latch);
}

bool
mlops_launcher_is_there(void)
{
	return shared != NULL;
}

bool
mlops_launcher_log_slots(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		log;

	if (!shared)
		return true;
	SpinLockAcquire(&shared->mutex);
	log = TimestampDifferenceExceeds(shared->slots_logged_at, now, SLOTS_LOG_MS);
	if (log)
		shared->slots_logged_at = now;
	SpinLockRelease(&shared->mutex);
	return log;
}

static void
forget_latch(int code, Datum arg)
{
	SpinLockAcquire(&shared->mutex);
	shared->latch = NULL;
	SpinLockRelease(&shared->mutex);
}

/* Take a database that is due out of the table; InvalidOid: none. */
static Oid
take_due(TimestampTz now)
{
	Oid			database = InvalidOid;

	SpinLockAcquire(&shared->mutex);
	for (int i = 0; i < MAX_DATABASES && !OidIsValid(database); i++)
	{
		DueDatabase *entry = &shared->due[i];

		if (OidIsValid(entry->database) && entry->due <= now)
		{
			database = entry->database;
			entry->database = InvalidOid;
		}
	}
	SpinLockRelease(&shared->mutex);
	return database;
}

/* Whether all databases should be probed out of turn; forgets it. */
static bool
take_probe(void)
{
	bool		probe;

	SpinLockAcquire(&shared->mutex);
	probe = shared->probe_all;
	shared->probe_all = false;
	SpinLockRelease(&shared->mutex);
	return probe;
}

/* When there is something to do next, but for the regular probe. */
static TimestampTz
find_next_time(void)
{
	TimestampTz next = DT_NOEND;

	SpinLockAcquire(&shared->mutex);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		if (OidIsValid(shared->due[i].database))
			next = Min(next, shared->due[i].due);
	}
	if (shared->probe_all)
		next = 0;
	SpinLockRelease(&shared->mutex);
	return next;
}

/* Databases that may hold the extension, as a list of OIDs. */
static List *
list_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *databases = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		/* a negative limit but -1: DROP DATABASE was interrupted */
		if (database->datallowconn && !database->datistemplate && database->datconnlimit >= -1)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(old);
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

static void
sleep_ms(long timeout)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		/* mlops.max_concurrent_runs may have been 0 */
		SpinLockAcquire(&shared->mutex);
		shared->probe_all = true;
		SpinLockRelease(&shared->mutex);
	}
}

/*
 * Start a dispatcher.  With "wait" give it a moment to find that there is
 * nothing to do, so that probes do not take all worker slots at once.
 */
static void
start_dispatcher(Oid database, bool wait)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	TimestampTz start = GetCurrentTimestamp();
	pid_t		pid;

	mlops_dispatcher_describe(&worker, database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		mlops_launcher_set_due(ObjectIdGetDatum(database),
							   TimestampTzPlusMilliseconds(start, RETRY_MS));
		return;
	}
	while (wait && GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED &&
		   !TimestampDifferenceExceeds(start, GetCurrentTimestamp(), PROBE_TIMEOUT_MS))
		sleep_ms(100);
	pfree(handle);
}

void
mlops_launcher_main(Datum main_arg)
{
	TimestampTz probe_at = 0;
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, SIG_IGN);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	before_shmem_exit(forget_latch, (Datum) 0);
	SpinLockAcquire(&shared->mutex);
	shared->latch = MyLatch;
	SpinLockRelease(&shared->mutex);
	context = AllocSetContextCreate(TopMemoryContext, "mlops launcher", ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		Oid			database;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		while (OidIsValid(database = take_due(now)))
		{
			/* it may have been dropped */
			if (list_member_oid(list_databases(), database))
				start_dispatcher(database, false);
		}
		if (take_probe() || now >= probe_at)
		{
			ListCell   *cell;

			foreach(cell, list_databases())
				start_dispatcher(lfirst_oid(cell), true);
			probe_at = TimestampTzPlusMilliseconds(now, PROBE_INTERVAL_MS);
		}

		/* after the pauses above, which reset the latch */
		sleep_ms(TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												 Min(find_next_time(), probe_at)));
	}
}
