/*-------------------------------------------------------------------------
 *
 * evaluate_window.c
 *	  Windows that are complete -> measures, statuses and metrics.
 *
 * A window that gets more rows later is due again, and evaluated anew.
 *
 * Locks: the monitor's row of monitor_state, as the fold.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/spi_args.h"
#include "drift/estimate.h"
#include "drift/evaluate_window.h"
#include "drift/fold.h"
#include "drift/open_window.h"
#include "drift/window_measures.h"

#define BATCH_WINDOWS 50
#define BEHIND_MS 200			/* while rows are still being folded */
#define LOCKED_MS 1000			/* while a monitor is locked */

typedef struct DueWindow
{
	char	   *monitor;
	int			version;
	TimestampTz start;
	TimestampTz end;
	bool		drift;			/* what is due */
	bool		performance;
} DueWindow;

/* The windows that are due, and locks on their monitors. */
static List *
take_due(const SpiScope *scope, const char *monitor, TimestampTz now, bool *more)
{
	SpiArgs		args = {0};
	List	   *windows = NIL;
	uint64		n;
	bool		isnull;

	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	mlops_args_add_text(&args, monitor);
	mlops_args_add_int4(&args, BATCH_WINDOWS);
	n = mlops_spi_run(scope,
					  "WITH due AS (SELECT w.monitor, w.version, w.window_start, w.window_end, w.due_at <= $1 AS drift,"
					  " w.label_due_at <= $1 AS performance FROM mlops.drift_window w"
					  " JOIN mlops.monitor m ON m.name = w.monitor"
					  " WHERE (w.due_at <= $1 OR w.label_due_at <= $1) AND NOT m.paused"
					  " AND (w.monitor = $2 OR $2 IS NULL) ORDER BY w.window_start, w.monitor, w.version LIMIT $3),"
					  " locked AS (SELECT monitor FROM mlops.monitor_state"
					  " WHERE monitor IN (SELECT d.monitor FROM due d) ORDER BY monitor FOR UPDATE SKIP LOCKED)"
					  " SELECT * FROM due WHERE monitor IN (SELECT l.monitor FROM locked l)"
					  " ORDER BY monitor, version, window_start", &args);
	for (uint64 i = 0; i < n; i++)
	{
		DueWindow  *window = palloc0(sizeof(DueWindow));

		window->monitor = mlops_spi_text(i, 1);
		window->version = DatumGetInt32(mlops_spi_value(i, 2, &isnull));
		window->start = DatumGetTimestampTz(mlops_spi_value(i, 3, &isnull));
		window->end = DatumGetTimestampTz(mlops_spi_value(i, 4, &isnull));
		window->drift = DatumGetBool(mlops_spi_value(i, 5, &isnull)) && !isnull;
		window->performance = DatumGetBool(mlops_spi_value(i, 6, &isnull)) && !isnull;
		windows = lappend(windows, window);
	}
	*more = n > 0;				/* also for windows that become due by these */
	return windows;
}

static void
add_key(SpiArgs *args, const DueWindow *due)
{
	mlops_args_add_text(args, due->monitor);
	mlops_args_add_int4(args, due->version);
	mlops_args_add(args, TIMESTAMPTZOID, TimestampTzGetDatum(due->start), false);
}

static void
store_metric(const SpiScope *scope, const DueWindow *due, const char *kind, const char *metric,
			 double value, double std_error, int64 n)
{
	SpiArgs		args = {0};

	add_key(&args, due);
	mlops_args_add_text(&args, kind);
	mlops_args_add_text(&args, metric);
	mlops_args_add_float8(&args, value);
	mlops_args_add_float8(&args, std_error);
	mlops_args_add(&args, INT8OID, Int64GetDatum(n), false);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.drift_performance (monitor, version, window_start, kind, metric,"
						 " value, std_error, n) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", &args);
}

/* Store the metrics of a window, as far as its labels have come. */
static void
evaluate_performance(const SpiScope *scope, const Monitor *monitor, const WatchSet *set,
					 const DueWindow *due)
{
	OpenWindow *window = mlops_open_window_load(scope, monitor, set, due->start, due->start);
	SpiArgs		args = {0};

	add_key(&args, due);
	(void) mlops_spi_run(scope, "DELETE FROM mlops.drift_performance"
						 " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
	if (window->realized != NULL)
	{
		MetricValue values[METRIC_MAX];
		int			n = mlops_performance_metrics(window->realized, values);

		for (int i = 0; i < n; i++)
			store_metric(scope, due, "realized", values[i].name, values[i].value, values[i].std_error,
						 mlops_performance_rows(window->realized, values[i].name));
	}
	if (window->estimate.n > 0)
	{
		EstimateMetric values[ESTIMATE_N_METRICS];

		mlops_estimate_metrics(&window->estimate, values);
		for (int i = 0; i < ESTIMATE_N_METRICS; i++)
			store_metric(scope, due, "estimated", values[i].name, values[i].value, values[i].std_error,
						 window->estimate.n);
	}
}

static void
evaluate_window(const SpiScope *scope, const Monitor *monitor, const WatchSet *set,
				const DueWindow *due, TimestampTz now)
{
	SpiArgs		args = {0};

	add_key(&args, due);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	/* the label's drift is judged when the labels are complete */
	if (due->drift || (due->performance && monitor->label != NULL))
	{
		bool		has_labels = now >= mlops_monitor_label_due(monitor, due->end);
		WindowVerdict verdict = mlops_window_measure(scope, monitor, set, due->start, has_labels);

		mlops_args_add_text(&args, mlops_drift_status_name(verdict.status));
		mlops_args_add_int4(&args, verdict.streak);

		/*
		 * what changes afterwards changes the streaks of the windows that
		 * follow
		 */
		(void) mlops_spi_run(scope,
							 "UPDATE mlops.drift_window SET due_at = $4 WHERE (monitor, version, window_start) ="
							 " (SELECT n.monitor, n.version, n.window_start FROM mlops.drift_window n, mlops.drift_window w"
							 " WHERE w.monitor = $1 AND w.version = $2 AND w.window_start = $3"
							 " AND (w.status, w.streak) IS DISTINCT FROM ($5, $6)"
							 " AND n.monitor = $1 AND n.version = $2 AND n.window_start > $3"
							 " ORDER BY n.window_start LIMIT 1) AND evaluated_at IS NOT NULL AND due_at IS NULL", &args);
		(void) mlops_spi_run(scope,
							 "UPDATE mlops.drift_window SET due_at = NULL, evaluated_at = $4,"
							 " closed_at = coalesce(closed_at, $4), status = $5, streak = $6"
							 " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
		args.n = 4;
	}
	if (due->performance)
	{
		evaluate_performance(scope, monitor, set, due);
		(void) mlops_spi_run(scope,
							 "UPDATE mlops.drift_window SET label_due_at = NULL, performance_at = $4"
							 " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
	}
}

/* A version whose references are gone leaves windows that cannot be evaluated. */
static void
close_window(const SpiScope *scope, const DueWindow *due)
{
	SpiArgs		args = {0};

	add_key(&args, due);
	(void) mlops_spi_run(scope,
						 "UPDATE mlops.drift_window SET due_at = NULL, label_due_at = NULL,"
						 " closed_at = coalesce(closed_at, now()), status = 'insufficient'"
						 " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
}

static void
note_check(const SpiScope *scope, const char *monitor, TimestampTz now)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, monitor);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	(void) mlops_spi_run(scope, "UPDATE mlops.monitor_state SET last_checked_at = $2"
						 " WHERE monitor = $1", &args);
}

/*
 * Evaluate some of the windows that are due, the earliest first: of all monitors that
 * nobody else is working on, or of "monitor".  Returns whether there may be more.
 */
static bool
evaluate_some(const SpiScope *scope, const char *monitor, TimestampTz now)
{
	bool		more;
	List	   *windows = take_due(scope, monitor, now, &more);
	Monitor    *known = NULL;
	WatchSet   *set = NULL;
	ListCell   *cell;

	foreach(cell, windows)
	{
		DueWindow  *due = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (known == NULL || strcmp(known->name, due->monitor) != 0)
		{
			known = mlops_monitor_find(due->monitor, NULL);
			set = NULL;
			note_check(scope, due->monitor, now);
		}
		if (known == NULL)
			continue;
		if (set == NULL || set->version->version != due->version)
			set = mlops_watch_set_find(known->model, due->version);
		if (set == NULL)
			close_window(scope, due);
		else
			evaluate_window(scope, known, set, due, now);
	}
	return more;
}

TimestampTz
mlops_evaluate_work(const SpiScope *scope, TimestampTz now)
{
	SpiArgs		args = {0};
	TimestampTz next;
	bool		isnull;

	if (mlops_fold_is_behind())
		return TimestampTzPlusMilliseconds(now, BEHIND_MS);
	if (evaluate_some(scope, NULL, now))
		return now;
	(void) mlops_spi_run(scope,
						 "SELECT min(least(w.due_at, w.label_due_at)) FROM mlops.drift_window w"
						 " JOIN mlops.monitor m ON m.name = w.monitor WHERE NOT m.paused"
						 " AND (w.due_at IS NOT NULL OR w.label_due_at IS NOT NULL)", &args);
	next = DatumGetTimestampTz(mlops_spi_value(0, 1, &isnull));
	/* what is due already belongs to a monitor that somebody has locked */
	return isnull ? DT_NOEND : Max(next, TimestampTzPlusMilliseconds(now, LOCKED_MS));
}

void
mlops_evaluate_monitor(const char *monitor, TimestampTz now)
{
	SpiScope	scope;
	bool		more = true;

	/* a scope per batch gives back its memory */
	while (more)
	{
		CHECK_FOR_INTERRUPTS();
		mlops_spi_begin(&scope, false);
		more = evaluate_some(&scope, monitor, now);
		mlops_spi_end(&scope);
	}
}
