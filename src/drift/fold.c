/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  Deltas -> windows.
 *
 * A bounded batch of deltas is deleted and added to the profiles of their windows
 * in one transaction, so that each counts exactly once, whenever the server dies.
 *
 * The table of deltas has no index.  It is read by ranges of row addresses, from
 * where the last batch ended, because rows that are deleted stay in the way until
 * VACUUM.
 *
 * Locks: the monitor's row of monitor_state, for the rest of the transaction; a
 * monitor that somebody else has locked is left alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/spi_args.h"
#include "drift/fold.h"
#include "drift/open_window.h"

#define BATCH_ROWS 2000

typedef struct DeltaRow
{
	char	   *monitor;
	int			version;
	TimestampTz window_start;	/* DT_NOBEGIN: by rows */
	TimestampTz created_at;
	bytea	   *delta;			/* NULL: an error */
	char	   *error;
} DeltaRow;

/* One monitor in a batch. */
typedef struct FoldedMonitor
{
	Monitor    *monitor;		/* NULL: it is gone */
	char	   *name;
	WatchSet   *set;			/* of the latest version that was met */
	OpenWindow *window;			/* to be saved */
	int64		n_rows;
	int64		n_labels;
	int64		n_errors;
	char	   *error;			/* the latest */
} FoldedMonitor;

static ItemPointerData fold_from;	/* of this session: where the next batch
									 * begins */
static bool fold_started = false;
static bool behind = false;

bool
mlops_fold_is_behind(void)
{
	return behind;
}

static void
note_error(FoldedMonitor *folded, const char *error)
{
	folded->n_errors++;
	folded->error = pstrdup(error);
}

/* Monitors among the next rows, those first that nobody has locked: their names. */
static Datum
lock_monitors(const SpiScope *scope, const char *monitor, SpiArgs *args)
{
	uint64		n;
	Datum	   *names;

	mlops_args_add(args, TIDOID, PointerGetDatum(&fold_from), false);
	mlops_args_add_int4(args, BATCH_ROWS);
	mlops_args_add_text(args, monitor);
	n = mlops_spi_run(scope,
					  "SELECT monitor FROM mlops.monitor_state WHERE monitor IN"
					  " (SELECT d.monitor FROM (SELECT monitor FROM mlops.drift_state"
					  " WHERE ctid >= $1 LIMIT $2) d) AND (monitor = $3 OR $3 IS NULL)"
					  " ORDER BY monitor FOR UPDATE SKIP LOCKED", args);
	names = palloc(sizeof(Datum) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		names[i] = CStringGetTextDatum(mlops_spi_text(i, 1));
	return PointerGetDatum(construct_array(names, (int) n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * Take the next rows out of the table: those of locked monitors and of monitors that
 * are gone.  Returns how many rows were looked at; moves on.
 */
static int64
take_rows(const SpiScope *scope, const char *monitor, List **rows)
{
	SpiArgs		args = {0};
	Datum		locked = lock_monitors(scope, monitor, &args);
	uint64		n;
	bool		isnull;
	int64		seen;

	mlops_args_add(&args, TEXTARRAYOID, locked, false);
	(void) mlops_spi_run(scope,
						 "SELECT count(*), max(ctid) FROM (SELECT ctid FROM mlops.drift_state"
						 " WHERE ctid >= $1 LIMIT $2) d", &args);
	seen = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	if (seen == 0)
		return 0;
	args.types[1] = TIDOID;
	args.values[1] = mlops_spi_value(0, 2, &isnull);
	n = mlops_spi_run(scope,
					  "WITH taken AS (DELETE FROM mlops.drift_state WHERE ctid >= $1 AND ctid <= $2"
					  " AND (monitor = $3 OR $3 IS NULL) AND (monitor = ANY ($4)"
					  " OR NOT EXISTS (SELECT FROM mlops.monitor m WHERE m.name = drift_state.monitor))"
					  " RETURNING monitor, version, window_start, created_at, delta, error)"
					  " SELECT * FROM taken ORDER BY monitor, version, window_start, created_at", &args);
	fold_from = *(ItemPointer) DatumGetPointer(args.values[1]);
	for (uint64 i = 0; i < n; i++)
	{
		DeltaRow   *row = palloc0(sizeof(DeltaRow));
		Datum		value;

		row->monitor = mlops_spi_text(i, 1);
		row->version = DatumGetInt32(mlops_spi_value(i, 2, &isnull));
		row->window_start = DatumGetTimestampTz(mlops_spi_value(i, 3, &isnull));
		if (isnull)
			row->window_start = DT_NOBEGIN;
		row->created_at = DatumGetTimestampTz(mlops_spi_value(i, 4, &isnull));
		value = mlops_spi_value(i, 5, &isnull);
		row->delta = isnull ? NULL : DatumGetByteaPP(value);
		row->error = mlops_spi_text(i, 6);
		*rows = lappend(*rows, row);
	}
	return seen;
}

/* Save the window at hand. */
static void
save_window(const SpiScope *scope, FoldedMonitor *folded, TimestampTz now)
{
	if (folded->window == NULL)
		return;
	if (folded->window->replaced)
		note_error(folded, "references have been replaced: a window was begun anew");
	mlops_open_window_save(scope, folded->window, now);
	folded->window = NULL;
}

/* The window that a row belongs to; NULL, and an error noted, when its version has no
 * references any more. */
static OpenWindow *
get_window(const SpiScope *scope, FoldedMonitor *folded, const DeltaRow *row, TimestampTz now)
{
	OpenWindow *window = folded->window;

	if (window != NULL && window->set->version->version == row->version &&
		!mlops_open_window_is_full(window) &&
		(folded->monitor->window_rows > 0 || window->start == row->window_start))
		return window;
	save_window(scope, folded, now);
	if (folded->set == NULL || folded->set->version->version != row->version)
		folded->set = mlops_watch_set_find(folded->monitor->model, row->version);
	if (folded->set == NULL)
	{
		note_error(folded, psprintf("version %d has no references", row->version));
		return NULL;
	}
	if ((folded->monitor->window_rows > 0) != TIMESTAMP_IS_NOBEGIN(row->window_start))
	{
		note_error(folded, "rows were counted for another kind of window");
		return NULL;
	}
	folded->window = mlops_open_window_load(scope, folded->monitor, folded->set,
											row->window_start, row->created_at);
	return folded->window;
}

static void
fold_row(const SpiScope *scope, FoldedMonitor *folded, const DeltaRow *row, TimestampTz now)
{
	OpenWindow *window;
	int64		n_rows;
	int64		n_labels;
	const char *why;

	if (row->error != NULL)
		note_error(folded, row->error);
	if (row->delta == NULL || folded->monitor == NULL)
		return;
	window = get_window(scope, folded, row, now);
	if (window == NULL)
		return;
	n_rows = window->n_rows;
	n_labels = window->n_labels;
	why = mlops_open_window_add(window, row->delta, row->created_at);
	if (why != NULL)
		note_error(folded, psprintf("rows could not be added to a window: %s", why));
	folded->n_rows += window->n_rows - n_rows;
	folded->n_labels += window->n_labels - n_labels;
}

/* Save what is left of a monitor, and its totals. */
static void
end_monitor(const SpiScope *scope, FoldedMonitor *folded, TimestampTz now)
{
	SpiArgs		args = {0};

	if (folded->monitor == NULL)
		return;
	save_window(scope, folded, now);
	mlops_args_add_text(&args, folded->name);
	mlops_args_add(&args, INT8OID, Int64GetDatum(folded->n_rows), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(folded->n_labels), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(folded->n_errors), false);
	mlops_args_add_text(&args, folded->error);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	(void) mlops_spi_run(scope,
						 "UPDATE mlops.monitor_state SET n_rows = n_rows + $2, n_labels = n_labels + $3,"
						 " n_errors = n_errors + $4, last_error = coalesce(left($5, 1000), last_error),"
						 " last_error_at = CASE WHEN $5 IS NULL THEN last_error_at ELSE $6 END"
						 " WHERE monitor = $1", &args);
}

/* Fold the next batch, of one monitor or (NULL) of all.  Returns whether there may be
 * more. */
static bool
fold_some(const SpiScope *scope, const char *monitor, TimestampTz now)
{
	List	   *rows = NIL;
	FoldedMonitor folded = {0};
	ListCell   *cell;
	bool		more;

	if (!fold_started)
		ItemPointerSet(&fold_from, 0, 1);
	fold_started = true;
	more = take_rows(scope, monitor, &rows) == BATCH_ROWS;
	if (!more)
		fold_started = false;	/* from the beginning */
	foreach(cell, rows)
	{
		DeltaRow   *row = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (folded.name == NULL || strcmp(folded.name, row->monitor) != 0)
		{
			end_monitor(scope, &folded, now);
			memset(&folded, 0, sizeof(folded));
			folded.name = row->monitor;
			folded.monitor = mlops_monitor_find(row->monitor, NULL);
		}
		fold_row(scope, &folded, row, now);
	}
	end_monitor(scope, &folded, now);
	return more;
}

TimestampTz
mlops_fold_work(const SpiScope *scope, TimestampTz now)
{
	behind = fold_some(scope, NULL, now);
	return behind ? now : DT_NOEND;
}

void
mlops_fold_monitor(const char *monitor, TimestampTz now)
{
	SpiScope	scope;
	bool		more = true;

	/* a scope per batch gives back its memory */
	for (fold_started = false; more;)
	{
		CHECK_FOR_INTERRUPTS();
		mlops_spi_begin(&scope, false);
		more = fold_some(&scope, monitor, now);
		mlops_spi_end(&scope);
	}
	fold_started = false;
}
