/*-------------------------------------------------------------------------
 *
 * wait.c
 *	  Wait for a run and tell how it goes.
 *
 * Looks with the latest snapshot, whatever the isolation of the caller, and
 * starts a dispatcher when the run seems to need one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "job/wait.h"
#include "job/wake.h"
#include "registry/registry.h"

#define POLL_MS 100
#define NOTICE_INTERVAL_MS 500
#define WAKE_INTERVAL_MS 5000

/* What one look at the run shows; strings in the context of the look. */
typedef struct RunLook
{
	bool		own;			/* made by the current transaction */
	bool		train;			/* it trains */
	char	   *status;
	char	   *progress;
	char	   *model;
	char	   *version;
	char	   *champion;
	char	   *sqlstate;
	char	   *error;
	char	   *notes;
} RunLook;

/* Error unless the caller may see the run; the same for one that is not there. */
static void
require_run(int64 run)
{
	if (!mlops_registry_permits_run(run, GetUserId(), MODEL_READ))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_RUN),
				 errmsg("run " INT64_FORMAT " does not exist", run)));
}

static void
look_at_run(int64 run, RunLook *look)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;

	PushActiveSnapshot(GetLatestSnapshot());
	require_run(run);
	mlops_spi_begin(&scope, true);
	mlops_args_add_id(&args, run);
	if (mlops_spi_run(&scope,
					  "SELECT r.xmin, r.status, r.model, r.version, a.version, r.sqlstate, r.error,"
					  " concat_ws(', ', coalesce(r.phase, r.status),"
					  " CASE WHEN r.phase IN ('reading', 'sorting') THEN r.n_rows || ' rows' END,"
					  " CASE WHEN r.phase = 'training' THEN"
					  " 'round ' || r.round || ' of ' || r.num_round END,"
					  " CASE WHEN r.phase = 'training' THEN"
					  " r.metric_name || ' ' || round(r.metric_value::numeric, 6) END),"
					  " nullif(array_to_string(r.notes, E'\\n'), ''), r.kind = 'train'"
					  " FROM mlops.run r"
					  " LEFT JOIN mlops.alias a ON a.model = r.model AND a.alias = 'champion'"
					  " WHERE r.id = $1", &args) == 0)
		elog(ERROR, "run " INT64_FORMAT " vanished", run);
	old = MemoryContextSwitchTo(context);
	look->own = TransactionIdIsCurrentTransactionId(DatumGetTransactionId(mlops_spi_value(0, 1, &isnull)));
	look->status = mlops_spi_text(0, 2);
	look->model = mlops_spi_text(0, 3);
	look->version = mlops_spi_text(0, 4);
	look->champion = mlops_spi_text(0, 5);
	look->sqlstate = mlops_spi_text(0, 6);
	look->error = mlops_spi_text(0, 7);
	look->progress = mlops_spi_text(0, 8);
	look->notes = mlops_spi_text(0, 9);
	look->train = DatumGetBool(mlops_spi_value(0, 10, &isnull));
	MemoryContextSwitchTo(old);
	mlops_spi_end(&scope);
	PopActiveSnapshot();
}

static bool
has_ended(const RunLook *look)
{
	return strcmp(look->status, "queued") != 0 && strcmp(look->status, "running") != 0;
}

/* The last line: what exists now, and what to do next. */
static void
report_end(int64 run, const RunLook *look, bool strict)
{
	int			level = strict ? ERROR : NOTICE;

	if (strcmp(look->status, "succeeded") != 0)
		ereport(level,
				(errcode(look->sqlstate && strlen(look->sqlstate) == 5 ?
						 MAKE_SQLSTATE(look->sqlstate[0], look->sqlstate[1], look->sqlstate[2],
									   look->sqlstate[3], look->sqlstate[4]) :
						 ERRCODE_MLOPS_TRAINING_FAILED),
				 errmsg("run " INT64_FORMAT " of model \"%s\" %s%s%s", run, look->model,
						strcmp(look->status, "failed") == 0 ? "failed" :
						strcmp(look->status, "canceled") == 0 ? "was canceled" : "was quarantined",
						look->error ? ": " : "", look->error ? look->error : "")));
	else if (!look->train)
		/* a run that pulled rows for a monitor, or compared versions */
		ereport(NOTICE,
				(errmsg("run " INT64_FORMAT " of model \"%s\" has succeeded", run, look->model),
				 look->notes ? errdetail("%s", look->notes) : 0));
	else if (look->champion && strcmp(look->champion, look->version) == 0)
		ereport(NOTICE,
				(errmsg("run " INT64_FORMAT " made version %s of model \"%s\", which is the champion",
						run, look->version, look->model),
				 look->notes ? errdetail("%s", look->notes) : 0));
	else
		ereport(NOTICE,
				(errmsg("run " INT64_FORMAT " made version %s of model \"%s\"; %s%s",
						run, look->version, look->model,
						look->champion ? "the champion is version " : "there is no champion",
						look->champion ? look->champion : ""),
				 look->notes ? errdetail("%s", look->notes) : 0,
				 errhint("Promote it with: SELECT mlops.set_alias('%s', 'champion', %s)",
						 look->model, look->version)));
}

/* End of the waiting; infinity: there is none. */
static TimestampTz
compute_deadline(const Interval *timeout)
{
	if (!timeout)
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   IntervalPGetDatum(unconstify(Interval *, timeout))));
}

void
mlops_wait_for_run(int64 run, const Interval *timeout, void (*between) (void), bool strict)
{
	const TimestampTz deadline = compute_deadline(timeout);
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "mlops wait",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	char		told[200] = "";
	TimestampTz told_at = 0;
	TimestampTz woken_at = 0;

	PG_TRY();
	{
		for (;;)
		{
			TimestampTz now = GetCurrentTimestamp();
			RunLook		look;

			MemoryContextReset(context);
			MemoryContextSwitchTo(context);
			look_at_run(run, &look);
			if (look.own)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
						 errmsg("run " INT64_FORMAT " starts only when this transaction commits", run),
						 errhint("Wait for it in a later statement, or use CALL mlops.train_wait(...).")));
			if (has_ended(&look))
			{
				report_end(run, &look, strict);
				break;
			}
			if (TimestampDifferenceExceeds(told_at, now, NOTICE_INTERVAL_MS) &&
				strcmp(told, look.progress) != 0)
			{
				ereport(NOTICE, (errmsg("run " INT64_FORMAT ": %s", run, look.progress)));
				strlcpy(told, look.progress, sizeof(told));
				told_at = now;
			}
			if (now >= deadline)
			{
				ereport(NOTICE,
						(errmsg("run " INT64_FORMAT " is still %s", run, look.status)));
				break;
			}
			if (TimestampDifferenceExceeds(woken_at, now, WAKE_INTERVAL_MS) && !RecoveryInProgress())
			{
				mlops_wake_now();
				woken_at = now;
			}
			if (between)
				between();
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MS,
							 PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	PG_END_TRY();
}

Datum
mlops_wait_fetch(int64 run)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	Datum		row;

	PushActiveSnapshot(GetLatestSnapshot());
	require_run(run);
	mlops_spi_begin(&scope, true);
	mlops_args_add_id(&args, run);
	if (mlops_spi_run(&scope, "SELECT r FROM mlops.run r WHERE r.id = $1", &args) == 0)
		elog(ERROR, "run " INT64_FORMAT " vanished", run);
	row = mlops_spi_value(0, 1, &isnull);
	old = MemoryContextSwitchTo(context);
	row = datumCopy(row, false, -1);
	MemoryContextSwitchTo(old);
	mlops_spi_end(&scope);
	PopActiveSnapshot();
	return row;
}
