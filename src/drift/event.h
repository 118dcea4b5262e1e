/*-------------------------------------------------------------------------
 *
 * event.h
 *	  Events of monitors: opened, told and closed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_EVENT_H
#define MLOPS_EVENT_H

#include "utils/timestamp.h"

#include "base/spi.h"

/* A monitor that is not paused and whose model has a champion. */
typedef struct EventMonitor
{
	char	   *name;
	char	   *model;
	int			version;		/* the champion */
	int			consecutive;
	char	   *action;
	double		psi_threshold;
	int64		min_rows;		/* 0: none */
	char	   *metric;			/* that is watched */
	bool		greater_is_better;
	double		metric_floor;	/* NaN: none */
	int64		retrain_rows;	/* 0: none */
	TimestampTz age_at;			/* when the champion gets too old */
	int64		n_rows;			/* counted so far */
} EventMonitor;

/* All of them, as EventMonitor * in "context". */
extern List *mlops_event_monitors(const SpiScope *scope, MemoryContext context);

/*
 * Open and close the events of a monitor by the windows that were evaluated.
 * Each opening is told; what it starts is left to others (outcome pending).
 */
extern void mlops_event_update(const SpiScope *scope, const EventMonitor *monitor, TimestampTz now);

/* Record what has become of an event, and tell it.  "reason" may be NULL. */
extern void mlops_event_settle(const SpiScope *scope, int64 event, const char *outcome,
							   const char *reason);

/*
 * Whether the drift of a window is no reason to train, though the features weighted
 * by importance say so: without the columns that move with time there is none.
 */
extern bool mlops_event_is_excused(const SpiScope *scope, const EventMonitor *monitor,
								   TimestampTz window_start);

#endif							/* MLOPS_EVENT_H */
