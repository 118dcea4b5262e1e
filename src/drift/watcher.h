/*-------------------------------------------------------------------------
 *
 * watcher.h
 *	  All that counting rows of one type for one monitor takes, ready.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WATCHER_H
#define MLOPS_WATCHER_H

#include "drift/row_plan.h"

typedef struct Watcher
{
	MemoryContext context;		/* of everything here */
	Monitor    *monitor;
	RowPlan    *plan;
	TupleDesc	desc;
	int			champion;		/* version; 0: none */
	List	   *sets;			/* of WatcherSet * */
	FoundRow	monitor_row;
	FoundRow	champion_row;
} Watcher;

/*
 * Make a watcher in a child of the current context; NULL when there is no such
 * monitor.  Errors when the rows do not have the columns that it names.
 */
extern Watcher *mlops_watcher_make(const char *name, TupleDesc desc);
extern void mlops_watcher_free(Watcher *watcher);

/*
 * Begin a statement: whether monitor, champion and references are those that the
 * watcher knows.  Cheap, and false when that is not known.
 */
extern bool mlops_watcher_stands(Watcher *watcher);

/* Columns of a version, 0 the champion; errors when it has no references. */
extern SetPlan *mlops_watcher_set(Watcher *watcher, int version);

#endif							/* MLOPS_WATCHER_H */
