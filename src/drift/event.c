/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Events of monitors: opened, told and closed.
 *
 * Everything is decided anew from the windows of the champion, so that nothing is
 * lost or done twice when the dispatcher is interrupted.  A monitor has at most one
 * open event per cause, which an index keeps.
 *
 * Whoever connects may listen, so a notification carries no name and no figure of
 * the data: the event's id finds them, under row security.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/async.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"

#include "base/spi_args.h"
#include "drift/event.h"
#include "drift/window.h"
#include "registry/metric.h"

#define CHANNEL "mlops"
#define MAX_QUEUE_USAGE 0.9
#define MIN_PERFORMANCE_ROWS 30
#define CLOSING_WINDOWS 2

/* An event to open, or an open one. */
typedef struct Event
{
	int64		id;
	const char *kind;
	char	   *cause;
	int			version;
	TimestampTz window_start;
	bool		has_window;
	Jsonb	   *details;
	const char *action;
	bool		settled;		/* nothing follows any more */
} Event;

static char *
copy_text(MemoryContext context, uint64 row, int column)
{
	char	   *string = mlops_spi_text(row, column);

	return string ? MemoryContextStrdup(context, string) : NULL;
}

static int64
get_int64(uint64 row, int column)
{
	bool		isnull;
	Datum		value = mlops_spi_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* The metric that is watched, and its direction. */
static void
choose_metric(EventMonitor *monitor, char *metric, const char *task_name, const char *objective)
{
	MetricTask	task;

	if (!mlops_metric_task_from_name(task_name, &task))
		elog(ERROR, "no such task: \"%s\"", task_name);
	if (metric)
	{
		monitor->metric = metric;
		monitor->greater_is_better = mlops_metric_greater_is_better(metric);
	}
	else
		monitor->metric = pstrdup(mlops_metric_primary(task, objective, &monitor->greater_is_better));
}

List *
mlops_event_monitors(const SpiScope *scope, MemoryContext context)
{
	SpiArgs		args = {0};
	List	   *monitors = NIL;
	uint64		n;

	n = mlops_spi_run(scope,
					  "SELECT m.name, m.model, a.version, m.consecutive, m.action, m.psi_threshold,"
					  " m.min_rows, m.metric, m.metric_floor, m.retrain_rows,"
					  " greatest(v.created_at, (SELECT max(e.opened_at) FROM mlops.drift_event e"
					  " WHERE e.monitor = m.name AND e.cause = 'age')), m.retrain_age,"
					  " s.n_rows, v.task, v.objective"
					  " FROM mlops.monitor m"
					  " JOIN mlops.alias a ON a.model = m.model AND a.alias = 'champion'"
					  " JOIN mlops.model_version v ON v.model = a.model AND v.version = a.version"
					  " LEFT JOIN mlops.monitor_state s ON s.monitor = m.name"
					  " WHERE NOT m.paused ORDER BY m.name", &args);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		EventMonitor *monitor = palloc0(sizeof(EventMonitor));
		bool		isnull;
		Datum		value;

		monitor->name = copy_text(context, i, 1);
		monitor->model = copy_text(context, i, 2);
		monitor->version = DatumGetInt32(mlops_spi_value(i, 3, &isnull));
		monitor->consecutive = DatumGetInt32(mlops_spi_value(i, 4, &isnull));
		monitor->action = copy_text(context, i, 5);
		monitor->psi_threshold = DatumGetFloat8(mlops_spi_value(i, 6, &isnull));
		monitor->min_rows = get_int64(i, 7);
		value = mlops_spi_value(i, 9, &isnull);
		monitor->metric_floor = isnull ? NAN : DatumGetFloat8(value);
		monitor->retrain_rows = get_int64(i, 10);
		value = mlops_spi_value(i, 12, &isnull);
		monitor->age_at = isnull ? DT_NOEND :
			mlops_window_shift(DatumGetTimestampTz(mlops_spi_value(i, 11, &isnull)),
							   DatumGetIntervalP(value));
		monitor->n_rows = get_int64(i, 13);
		choose_metric(monitor, copy_text(context, i, 8), mlops_spi_text(i, 14), mlops_spi_text(i, 15));
		monitors = lappend(monitors, monitor);
		MemoryContextSwitchTo(old);
	}
	return monitors;
}

/*
 * Tell listeners, when this transaction commits.  Not when the server's queue is
 * nearly full, because somebody does not read it: the commit would fail, and with
 * it the dispatcher.
 */
static void
notify(int64 event, const char *kind, const char *state)
{
	double		usage = DatumGetFloat8(DirectFunctionCall1(pg_notification_queue_usage, (Datum) 0));

	if (usage > MAX_QUEUE_USAGE)
	{
		ereport(LOG,
				(errmsg("mlops did not tell of event " INT64_FORMAT ": the queue of notifications is %.0f %% full",
						event, usage * 100)));
		return;
	}
	Async_Notify(CHANNEL, psprintf("{\"event\": " INT64_FORMAT ", \"kind\": \"%s\", \"state\": \"%s\"}",
								   event, kind, state));
}

/* Open an event unless there is one, or was one at the same window. */
static void
open_event(const SpiScope *scope, const EventMonitor *monitor, const Event *event, TimestampTz now)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, monitor->name);
	mlops_args_add_text(&args, monitor->model);
	mlops_args_add_int4(&args, monitor->version);
	mlops_args_add_text(&args, event->kind);
	mlops_args_add_text(&args, event->cause);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(event->window_start), !event->has_window);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	mlops_args_add_jsonb(&args, event->details);
	mlops_args_add_text(&args, event->action);
	mlops_args_add_text(&args, strcmp(event->action, "alert") == 0 ? "alerted" : "pending");
	mlops_args_add(&args, INT8OID, Int64GetDatum(monitor->n_rows), false);
	if (mlops_spi_run(scope,
					  "INSERT INTO mlops.drift_event (monitor, model, version, kind, cause, window_start,"
					  " opened_at, details, action, outcome, n_rows, outcome_at, notified_at)"
					  " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $7, $7"
					  " WHERE NOT EXISTS (SELECT FROM mlops.drift_event WHERE monitor = $1 AND cause = $5"
					  " AND (closed_at IS NULL OR version = $3 AND window_start = $6)) RETURNING id",
					  &args) > 0)
		notify(get_int64(0, 1), event->kind, "opened");
}

static void
close_event(const SpiScope *scope, const Event *event, const char *reason, TimestampTz now)
{
	SpiArgs		args = {0};

	mlops_args_add_id(&args, event->id);
	mlops_args_add_text(&args, reason);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	mlops_spi_run(scope,
				  "UPDATE mlops.drift_event SET closed_at = $3, close_reason = $2, notified_at = $3"
				  " WHERE id = $1 AND closed_at IS NULL", &args);
	notify(event->id, event->kind, "closed");
}

void
mlops_event_settle(const SpiScope *scope, int64 event, const char *outcome, const char *reason)
{
	SpiArgs		args = {0};

	mlops_args_add_id(&args, event);
	mlops_args_add_text(&args, outcome);
	mlops_args_add_text(&args, reason);
	if (mlops_spi_run(scope,
					  "UPDATE mlops.drift_event SET outcome = $2, outcome_reason = left($3, 2000),"
					  " outcome_at = clock_timestamp(), notified_at = clock_timestamp()"
					  " WHERE id = $1 RETURNING kind", &args) > 0)
		notify(event, mlops_spi_text(0, 1), outcome);
}

/* Start the arguments of a statement on the champion's windows: $1 monitor, $2 version. */
static void
add_windows(SpiArgs *args, const EventMonitor *monitor)
{
	mlops_args_add_text(args, monitor->name);
	mlops_args_add_int4(args, monitor->version);
}

/* Events by what drifted in the latest window, and in enough before it. */
static List *
find_drift(const SpiScope *scope, const EventMonitor *monitor, MemoryContext context)
{
	SpiArgs		args = {0};
	List	   *events = NIL;
	uint64		n;

	add_windows(&args, monitor);
	mlops_args_add_int4(&args, monitor->consecutive);
	n = mlops_spi_run(scope,
					  "WITH w AS (SELECT window_start FROM mlops.drift_window"
					  " WHERE monitor = $1 AND version = $2 AND evaluated_at IS NOT NULL"
					  " ORDER BY window_start DESC LIMIT 1),"
					  " d AS (SELECT CASE WHEN m.role IN ('feature', 'label') THEN 'columns' ELSE m.role END"
					  " AS cause, m.* FROM w JOIN mlops.drift_measure m"
					  " ON m.monitor = $1 AND m.version = $2 AND m.window_start = w.window_start)"
					  " SELECT d.cause, d.window_start, jsonb_strip_nulls(jsonb_build_object("
					  " 'psi', max(d.psi) FILTER (WHERE d.cause <> 'columns'),"
					  " 'psi_critical', max(d.psi_critical) FILTER (WHERE d.cause <> 'columns'),"
					  " 'drifted_share', max(d.drifted_share), 'columns', (SELECT jsonb_agg(c) FROM"
					  " (SELECT role, name, psi, psi_critical, importance, streak FROM d"
					  " WHERE cause = 'columns' AND status = 'drift'"
					  " ORDER BY coalesce(importance, 0) * psi DESC, psi DESC, name LIMIT 10) c)))"
					  " FROM d WHERE d.status = 'drift' AND d.streak >= $3"
					  " GROUP BY d.cause, d.window_start", &args);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Event	   *event = palloc0(sizeof(Event));
		bool		isnull;

		event->kind = "drift";
		event->cause = copy_text(context, i, 1);
		event->window_start = DatumGetTimestampTz(mlops_spi_value(i, 2, &isnull));
		event->has_window = true;
		event->details = DatumGetJsonbPCopy(mlops_spi_value(i, 3, &isnull));
		event->action = strcmp(event->cause, "columns") == 0 ? "alert" : monitor->action;
		events = lappend(events, event);
		MemoryContextSwitchTo(old);
	}
	return events;
}

/*
 * How many of the latest windows, at most "limit", after a time have the watched
 * metric on the wanted side of the floor.  Fills in an event about the latest one
 * unless it is NULL.
 */
static int64
count_performance(const SpiScope *scope, const EventMonitor *monitor, const char *kind,
				  bool below, TimestampTz after, int limit, Event *event)
{
	SpiArgs		args = {0};
	bool		isnull;
	int64		count;

	add_windows(&args, monitor);
	mlops_args_add_text(&args, kind);
	mlops_args_add_text(&args, monitor->metric);
	mlops_args_add_float8(&args, monitor->metric_floor);
	mlops_args_add_float8(&args, monitor->greater_is_better ? 1 : -1);
	mlops_args_add(&args, INT8OID, Int64GetDatum(Max(monitor->min_rows, MIN_PERFORMANCE_ROWS)), false);
	mlops_args_add_int4(&args, limit);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(after), false);
	mlops_args_add_bool(&args, below);
	mlops_spi_run(scope,
				  "WITH p AS (SELECT window_start, value, std_error, n, value * $6 < $5 * $6 AS below"
				  " FROM mlops.drift_performance WHERE monitor = $1 AND version = $2 AND kind = $3"
				  " AND metric = $4 AND value IS NOT NULL AND n >= $7 AND window_start > $9"
				  " ORDER BY window_start DESC LIMIT $8)"
				  " SELECT count(*) FILTER (WHERE below = $10), max(window_start),"
				  " (SELECT jsonb_strip_nulls(jsonb_build_object('metric', $4, 'value', value,"
				  " 'std_error', std_error, 'floor', $5, 'n', n)) FROM p ORDER BY window_start DESC LIMIT 1)"
				  " FROM p", &args);
	count = get_int64(0, 1);
	if (event && count > 0)
	{
		event->window_start = DatumGetTimestampTz(mlops_spi_value(0, 2, &isnull));
		event->has_window = true;
		event->details = DatumGetJsonbPCopy(mlops_spi_value(0, 3, &isnull));
	}
	return count;
}

/* Open an event for each kind of performance that stays below the floor. */
static void
open_performance(const SpiScope *scope, const EventMonitor *monitor, TimestampTz now)
{
	static char *const kinds[] = {"realized", "estimated"};

	for (int i = 0; i < lengthof(kinds) && !isnan(monitor->metric_floor); i++)
	{
		Event		event = {.kind = "performance",.cause = kinds[i],.action = monitor->action};

		if (count_performance(scope, monitor, kinds[i], true, DT_NOBEGIN, monitor->consecutive,
							  &event) == monitor->consecutive)
			open_event(scope, monitor, &event, now);
	}
}

/* Rows that came since the champion and since the last such event. */
static void
open_rows(const SpiScope *scope, const EventMonitor *monitor, TimestampTz now)
{
	Event		event = {.kind = "rows",.cause = "rows",.action = monitor->action};
	SpiArgs		args = {0};
	bool		isnull;

	if (monitor->retrain_rows == 0)
		return;
	add_windows(&args, monitor);
	mlops_args_add_id(&args, monitor->n_rows);
	mlops_args_add_id(&args, monitor->retrain_rows);
	if (mlops_spi_run(scope,
					  "SELECT jsonb_build_object('rows', n, 'limit', $4) FROM (SELECT least("
					  " (SELECT coalesce(sum(w.n_rows), 0)::bigint FROM mlops.drift_window w"
					  " WHERE w.monitor = $1 AND w.version = $2),"
					  " $3 - coalesce((SELECT max(e.n_rows) FROM mlops.drift_event e"
					  " WHERE e.monitor = $1 AND e.cause = 'rows'), 0)) AS n) r WHERE n >= $4", &args) == 0)
		return;
	event.details = DatumGetJsonbPCopy(mlops_spi_value(0, 1, &isnull));
	open_event(scope, monitor, &event, now);
}

static void
open_age(const SpiScope *scope, const EventMonitor *monitor, TimestampTz now)
{
	Event		event = {.kind = "age",.cause = "age",.action = monitor->action};
	SpiArgs		args = {0};
	bool		isnull;

	if (now < monitor->age_at)
		return;
	mlops_args_add_text(&args, monitor->model);
	mlops_args_add_int4(&args, monitor->version);
	mlops_spi_run(scope,
				  "SELECT jsonb_build_object('created_at', created_at) FROM mlops.model_version"
				  " WHERE model = $1 AND version = $2", &args);
	event.details = DatumGetJsonbPCopy(mlops_spi_value(0, 1, &isnull));
	open_event(scope, monitor, &event, now);
}

/* Open events of the monitor, whatever the version. */
static List *
find_open(const SpiScope *scope, const EventMonitor *monitor, MemoryContext context)
{
	SpiArgs		args = {0};
	List	   *events = NIL;
	uint64		n;

	mlops_args_add_text(&args, monitor->name);
	n = mlops_spi_run(scope,
					  "SELECT id, kind, cause, version, window_start,"
					  " outcome NOT IN ('pending', 'queued', 'comparing') FROM mlops.drift_event"
					  " WHERE monitor = $1 AND closed_at IS NULL ORDER BY id", &args);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Event	   *event = palloc0(sizeof(Event));
		bool		isnull;

		event->id = get_int64(i, 1);
		event->kind = copy_text(context, i, 2);
		event->cause = copy_text(context, i, 3);
		event->version = DatumGetInt32(mlops_spi_value(i, 4, &isnull));
		event->window_start = DatumGetTimestampTz(mlops_spi_value(i, 5, &isnull));
		event->settled = DatumGetBool(mlops_spi_value(i, 6, &isnull));
		events = lappend(events, event);
		MemoryContextSwitchTo(old);
	}
	return events;
}

/*
 * Whether the two latest windows after the event's that say anything are all right,
 * or have an excuse.
 */
static bool
has_calmed_down(const SpiScope *scope, const EventMonitor *monitor, const Event *event)
{
	SpiArgs		args = {0};
	bool		isnull;
	bool		calm[CLOSING_WINDOWS];
	TimestampTz window_start[CLOSING_WINDOWS];
	int			n;

	add_windows(&args, monitor);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(event->window_start), false);
	mlops_args_add_text(&args, event->cause);
	mlops_args_add_int4(&args, CLOSING_WINDOWS);
	n = mlops_spi_run(scope,
					  "SELECT d.window_start, bool_and(d.status <> 'drift') AND bool_or(d.status = 'ok')"
					  " FROM (SELECT window_start"
					  " FROM mlops.drift_window WHERE monitor = $1 AND version = $2 AND window_start > $3"
					  " AND evaluated_at IS NOT NULL AND status <> 'insufficient'"
					  " ORDER BY window_start DESC LIMIT $5) w"
					  " JOIN mlops.drift_measure d ON d.monitor = $1 AND d.version = $2"
					  " AND d.window_start = w.window_start"
					  " WHERE CASE WHEN d.role IN ('feature', 'label') THEN 'columns' ELSE d.role END = $4"
					  " GROUP BY d.window_start", &args);
	if (n < CLOSING_WINDOWS)
		return false;
	for (int i = 0; i < CLOSING_WINDOWS; i++)
	{
		window_start[i] = DatumGetTimestampTz(mlops_spi_value(i, 1, &isnull));
		calm[i] = DatumGetBool(mlops_spi_value(i, 2, &isnull));
	}
	for (int i = 0; i < CLOSING_WINDOWS; i++)
		if (!calm[i] && !(strcmp(event->cause, "dataset") == 0 &&
						  mlops_event_is_excused(scope, monitor, window_start[i])))
			return false;
	return true;
}

/* Why an open event is over; NULL: it is not. */
static const char *
find_end(const SpiScope *scope, const EventMonitor *monitor, const Event *event)
{
	if (event->version != monitor->version)
		return psprintf("version %d is the champion", monitor->version);
	if (strcmp(event->kind, "drift") == 0)
		return has_calmed_down(scope, monitor, event) ? "two windows are ok" : NULL;
	if (strcmp(event->kind, "performance") == 0)
	{
		if (isnan(monitor->metric_floor))
			return "the monitor has no metric_floor any more";
		return count_performance(scope, monitor, event->cause, false, event->window_start,
								 CLOSING_WINDOWS, NULL) == CLOSING_WINDOWS ?
			"two windows are ok" : NULL;
	}
	return event->settled ? "settled" : NULL;
}

void
mlops_event_update(const SpiScope *scope, const EventMonitor *monitor, TimestampTz now)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *events = find_open(scope, monitor, context);
	ListCell   *cell;

	foreach(cell, events)
	{
		const char *end = find_end(scope, monitor, lfirst(cell));

		if (end)
			close_event(scope, lfirst(cell), end, now);
	}
	events = find_drift(scope, monitor, context);
	foreach(cell, events)
	{
		Event	   *event = lfirst(cell);

		if (strcmp(event->cause, "dataset") != 0 ||
			!mlops_event_is_excused(scope, monitor, event->window_start))
			open_event(scope, monitor, event, now);
	}
	open_performance(scope, monitor, now);
	open_rows(scope, monitor, now);
	open_age(scope, monitor, now);
}
