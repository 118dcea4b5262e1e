/*-------------------------------------------------------------------------
 *
 * pull_schedule.c
 *	  When the queries of monitors are pulled.
 *
 * Every window once when it is complete, one after another, and again when its
 * labels are; with a schedule also in between.  After a pause of the server the
 * last MAX_CATCH_UP windows are made up for.  An owner who may not have runs any
 * more is found out at their start: that is a failure like another.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/spi_args.h"
#include "job/pull.h"

#define MAX_CATCH_UP 10
#define MAX_FAILURES 5			/* in a row, then the monitor pauses */
#define BUSY_MS 1000			/* while a pull of the monitor is under way */

/* A monitor in query mode, locked. */
typedef struct Pulled
{
	Monitor    *monitor;
	TimestampTz queried_until;	/* DT_NOBEGIN: nothing yet */
	TimestampTz next_check_at;	/* DT_NOEND: no schedule */
	TimestampTz again_at;		/* earliest window to be pulled again, and its
								 * start */
	TimestampTz again;
	bool		busy;
} Pulled;

/* Runs that have failed since: count them, and pause who fails always. */
static void
note_failures(const SpiScope *scope)
{
	SpiArgs		args = {0};

	mlops_args_add_int4(&args, MAX_FAILURES);
	(void) mlops_spi_run(scope,
						 "WITH failed AS (UPDATE mlops.monitor_state s SET query_run = NULL,"
						 " n_errors = s.n_errors + 1, failures = s.failures + 1,"
						 " last_error = left(r.error, 1000), last_error_at = r.ended_at,"
						 " pause_reason = CASE WHEN s.failures + 1 >= $1"
						 " THEN 'the query failed ' || s.failures + 1 || ' times in a row' END"
						 " FROM mlops.run r WHERE r.id = s.query_run AND r.status IN ('failed', 'quarantined')"
						 " RETURNING s.monitor, s.failures)"
						 " UPDATE mlops.monitor m SET paused = true, altered_at = now() FROM failed f"
						 " WHERE m.name = f.monitor AND f.failures >= $1", &args);
}

/* All monitors in query mode that are at work, locked; those somebody else has are left
 * alone. */
static List *
list_pulled(const SpiScope *scope)
{
	SpiArgs		args = {0};
	List	   *result = NIL;
	bool		isnull;
	uint64		n;

	n = mlops_spi_run(scope,
					  "WITH s AS (SELECT s.* FROM mlops.monitor_state s JOIN mlops.monitor m ON m.name = s.monitor"
					  " WHERE m.query IS NOT NULL AND NOT m.paused ORDER BY s.monitor FOR UPDATE OF s SKIP LOCKED)"
					  " SELECT s.monitor, s.queried_until, s.next_check_at, w.pull_at, w.window_start,"
					  " r.id IS NOT NULL FROM s"
					  " LEFT JOIN LATERAL (SELECT w.pull_at, w.window_start FROM mlops.drift_window w"
					  " WHERE w.monitor = s.monitor AND w.pull_at IS NOT NULL ORDER BY w.pull_at LIMIT 1) w ON true"
					  " LEFT JOIN mlops.run r ON r.id = s.query_run AND r.status IN ('queued', 'running')", &args);
	for (uint64 i = 0; i < n; i++)
	{
		Pulled	   *pulled = palloc0(sizeof(Pulled));

		pulled->monitor = mlops_monitor_find(mlops_spi_text(i, 1), NULL);
		pulled->queried_until = DatumGetTimestampTz(mlops_spi_value(i, 2, &isnull));
		if (isnull)
			pulled->queried_until = DT_NOBEGIN;
		pulled->next_check_at = DatumGetTimestampTz(mlops_spi_value(i, 3, &isnull));
		if (isnull)
			pulled->next_check_at = DT_NOBEGIN;
		pulled->again_at = DatumGetTimestampTz(mlops_spi_value(i, 4, &isnull));
		if (isnull)
			pulled->again_at = DT_NOEND;
		pulled->again = DatumGetTimestampTz(mlops_spi_value(i, 5, &isnull));
		pulled->busy = DatumGetBool(mlops_spi_value(i, 6, &isnull));
		if (pulled->monitor != NULL)
			result = lappend(result, pulled);
	}
	return result;
}

/* Store a time of the monitor's state. */
static void
set_time(const SpiScope *scope, const Monitor *monitor, const char *column, TimestampTz time)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, monitor->name);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(time), false);
	(void) mlops_spi_run(scope, psprintf("UPDATE mlops.monitor_state SET %s = $2 WHERE monitor = $1",
										 column), &args);
}

/* Start of the window that is next to be pulled when it is complete. */
static TimestampTz
find_next_window(const Pulled *pulled, TimestampTz now)
{
	const WindowSize *size = &pulled->monitor->window_size;
	TimestampTz current = mlops_window_start(size, now);

	if (TIMESTAMP_IS_NOBEGIN(pulled->queried_until))
		return current;
	return Max(pulled->queried_until, mlops_window_add(size, current, -MAX_CATCH_UP));
}

/* Do what is due for one monitor; returns when it is next. */
static TimestampTz
pull_monitor(const SpiScope *scope, Pulled *pulled, TimestampTz now)
{
	const Monitor *monitor = pulled->monitor;
	const WindowSize *size = &monitor->window_size;
	TimestampTz window = find_next_window(pulled, now);
	TimestampTz end = mlops_window_add(size, window, 1);
	TimestampTz due = mlops_monitor_due(monitor, end);
	TimestampTz check_at = DT_NOEND;

	if (pulled->busy)
		return TimestampTzPlusMilliseconds(now, BUSY_MS);
	if (TIMESTAMP_IS_NOBEGIN(pulled->queried_until))
		set_time(scope, monitor, "queried_until", window);
	if (monitor->schedule != NULL)
		check_at = TIMESTAMP_IS_NOBEGIN(pulled->next_check_at) ? now : pulled->next_check_at;
	if (due <= now)
	{
		(void) mlops_pull_submit(scope, monitor, window);
		set_time(scope, monitor, "queried_until", end);
	}
	else if (pulled->again_at <= now)
		(void) mlops_pull_submit(scope, monitor, pulled->again);
	else if (check_at <= now)
	{
		(void) mlops_pull_submit(scope, monitor, mlops_window_start(size, now));
		set_time(scope, monitor, "next_check_at", mlops_window_shift(now, monitor->schedule));
	}
	else
		return Min(Min(due, pulled->again_at), check_at);
	return TimestampTzPlusMilliseconds(now, BUSY_MS);
}

TimestampTz
mlops_pull_work(const SpiScope *scope, TimestampTz now)
{
	TimestampTz next = DT_NOEND;
	ListCell   *cell;
	List	   *list;

	note_failures(scope);
	list = list_pulled(scope);
	foreach(cell, list)
	{
		TimestampTz again;

		CHECK_FOR_INTERRUPTS();
		again = pull_monitor(scope, lfirst(cell), now);
		next = Min(next, again);
	}
	return next;
}
