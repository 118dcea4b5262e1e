/*-------------------------------------------------------------------------
 *
 * attach.h
 *	  Triggers of a monitor on the tables that it watches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ATTACH_H
#define MLOPS_ATTACH_H

#include "drift/monitor.h"

typedef enum WatchEvent
{
	WATCH_INSERT,
	WATCH_UPDATE				/* labels that come late */
} WatchEvent;

#define N_WATCH_EVENTS 2

/* Whether a monitor needs triggers for the event. */
extern bool mlops_attach_wants(const Monitor *monitor, WatchEvent event);

/* Name of the trigger; palloc'ed. */
extern char *mlops_attach_trigger_name(const char *monitor, WatchEvent event);

/* Refuse what triggers cannot watch, or the current user may not read. */
extern void mlops_attach_check(Oid relation);

/* Whether the monitor's owner may still read all rows of the table. */
extern bool mlops_attach_permits(const Monitor *monitor);

/*
 * Make the triggers on all tables of the tree, as the current user, who needs the
 * privilege TRIGGER on those that lack one; drop those on other tables.
 */
extern void mlops_attach_sync(const Monitor *monitor);

/* Drop all triggers of a monitor. */
extern void mlops_attach_remove(const Monitor *monitor);

#endif							/* MLOPS_ATTACH_H */
