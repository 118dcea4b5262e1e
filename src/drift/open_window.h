/*-------------------------------------------------------------------------
 *
 * open_window.h
 *	  A window of a monitor with its profiles, to be added to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_OPEN_WINDOW_H
#define MLOPS_OPEN_WINDOW_H

#include "base/spi.h"
#include "drift/delta.h"
#include "drift/monitor.h"
#include "drift/performance_state.h"
#include "drift/watch_set.h"

typedef struct OpenWindow
{
	const Monitor *monitor;
	const WatchSet *set;
	TimestampTz start;
	TimestampTz end;
	int64		n_rows;
	int64		n_labels;
	Profile   **profiles;		/* as in the set */
	bool	   *touched;		/* since it was loaded */
	EstimateSums estimate;
	Performance *realized;		/* NULL: none */
	bool		replaced;		/* its profiles were on other cells, and are
								 * begun anew */
} OpenWindow;

/*
 * Load a window from our tables, or begin it; in the current context.  "arrived" is
 * when the rows came that are about to be added: the start of a new window with
 * window_rows, where "start" is DT_NOBEGIN and stands for the window that is not full.
 */
extern OpenWindow *mlops_open_window_load(const SpiScope *scope, const Monitor *monitor,
										  const WatchSet *set, TimestampTz start, TimestampTz arrived);

/* Add a delta; NULL, or why it cannot be. */
extern const char *mlops_open_window_add(OpenWindow *window, const bytea *delta, TimestampTz arrived);

/* Whether it has its window_rows. */
extern bool mlops_open_window_is_full(const OpenWindow *window);

/* Write what was added, and when the window is to be evaluated. */
extern void mlops_open_window_save(const SpiScope *scope, OpenWindow *window, TimestampTz now);

/* Profiles that the window has counted: an array of set->n, NULL where it has none, in
 * the current context. */
extern Profile **mlops_open_window_profiles(const SpiScope *scope, const char *monitor,
											const WatchSet *set, TimestampTz start);

#endif							/* MLOPS_OPEN_WINDOW_H */
