/*-------------------------------------------------------------------------
 *
 * monitor.h
 *	  A row of mlops.monitor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_MONITOR_H
#define MLOPS_MONITOR_H

#include "utils/jsonb.h"

#include "drift/window.h"
#include "registry/found_row.h"

/* Names become part of names of triggers. */
#define MONITOR_MAX_NAME 46

typedef struct Monitor
{
	char	   *name;
	char	   *model;
	bool		paused;
	Oid			relation;		/* InvalidOid: query mode */
	char	   *query;			/* NULL: relation mode */
	char	  **key;
	int			n_key;
	char	   *time_column;	/* NULL where not given, likewise below */
	char	   *label;
	char	   *prediction;
	char	   *version_column;
	WindowSize	window_size;
	int64		window_rows;	/* 0: by time */
	bool		fail;			/* on_error */
	Oid			owner;
	Jsonb	   *context;
	Interval	lateness;
	Interval	label_delay;
	double		psi_threshold;
	double		alpha;
	int			consecutive;
	WindowSize	season;			/* 0, 0: none */
	char	   *sample_key;
	int64		min_rows;		/* 0: none */
	Interval   *schedule;
	char	   *retrain_query;	/* NULL: that of the champion's recipe */
} Monitor;

/*
 * Find a monitor by an index scan of its own under the active snapshot: no rights
 * check.  Allocates in the current context; NULL when there is none.  "row" is to
 * find it again (found_row.h), or NULL.
 */
extern Monitor *mlops_monitor_find(const char *name, FoundRow *row);

/* The same of a monitor that the current user may change, being an owner of its
 * model; one error for a missing and a forbidden one. */
extern Monitor *mlops_monitor_require(const char *name);

/* When a window is to be evaluated, and its performance. */
extern TimestampTz mlops_monitor_due(const Monitor *monitor, TimestampTz window_end);
extern TimestampTz mlops_monitor_label_due(const Monitor *monitor, TimestampTz window_end);

#endif							/* MLOPS_MONITOR_H */
