/*-------------------------------------------------------------------------
 *
 * watcher.c
 *	  All that counting rows of one type for one monitor takes, ready.
 *
 * Made once in a session and table, then asked in every statement whether it
 * still holds: by the rows it was made from (registry/found_row.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "drift/watcher.h"

/* Versions that a watcher keeps; with more it is made anew. */
#define MAX_SETS 16

Watcher *
mlops_watcher_make(const char *name, TupleDesc desc)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops watcher",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Watcher    *watcher = palloc0(sizeof(Watcher));

	watcher->context = context;
	watcher->monitor = mlops_monitor_find(name, &watcher->monitor_row);
	if (watcher->monitor != NULL)
	{
		watcher->desc = CreateTupleDescCopy(desc);
		watcher->champion = mlops_registry_find_alias(watcher->monitor->model, "champion",
													  &watcher->champion_row);
		watcher->plan = mlops_row_plan_make(watcher->monitor, watcher->desc);
	}
	MemoryContextSwitchTo(old);
	if (watcher->monitor != NULL)
		return watcher;
	MemoryContextDelete(context);
	return NULL;
}

void
mlops_watcher_free(Watcher *watcher)
{
	MemoryContextDelete(watcher->context);
}

bool
mlops_watcher_stands(Watcher *watcher)
{
	ListCell   *cell;

	if (!mlops_found_row_stands(&watcher->monitor_row, GetActiveSnapshot()) ||
		!mlops_found_row_stands(&watcher->champion_row, GetActiveSnapshot()) ||
		list_length(watcher->sets) > MAX_SETS)
		return false;
	foreach(cell, watcher->sets)
		if (!mlops_watch_set_stands(((SetPlan *) lfirst(cell))->set))
		return false;
	return true;
}

static SetPlan *
make_set(Watcher *watcher, int version)
{
	MemoryContext old = MemoryContextSwitchTo(watcher->context);
	WatchSet   *set = mlops_watch_set_find(watcher->monitor->model, version);
	SetPlan    *plan;

	if (set == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" version %d has no references", watcher->monitor->model, version),
				 errhint("Its owner makes them with mlops.set_reference.")));
	plan = mlops_set_plan_make(watcher->plan, set, watcher->desc);
	watcher->sets = lappend(watcher->sets, plan);
	MemoryContextSwitchTo(old);
	return plan;
}

SetPlan *
mlops_watcher_set(Watcher *watcher, int version)
{
	ListCell   *cell;

	if (version == 0)
		version = watcher->champion;
	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no champion", watcher->monitor->model),
				 errhint("Set one with mlops.set_alias.")));
	foreach(cell, watcher->sets)
	{
		SetPlan    *plan = lfirst(cell);

		if (plan->set->version->version == version)
			return plan;
	}
	return make_set(watcher, version);
}
