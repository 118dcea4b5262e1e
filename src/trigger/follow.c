/*-------------------------------------------------------------------------
 *
 * follow.c
 *	  Keep the triggers of monitors on all partitions of what they watch.
 *
 * Called by an event trigger, as the user of the command, whose rights making the
 * triggers takes: who attaches a partition owns it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/spi_args.h"
#include "trigger/attach.h"
#include "trigger/follow.h"

/* Monitors whose tree the command touched: names, in the current context. */
static List *
find_monitors(void)
{
	MemoryContext context = CurrentMemoryContext;
	SpiScope	scope;
	SpiArgs		args = {0};
	List	   *names = NIL;
	uint64		n = 0;

	mlops_spi_begin(&scope, true);
	/* most databases have none: do not look at the command then */
	if (mlops_spi_run(&scope, "SELECT FROM mlops.monitor WHERE relation IS NOT NULL LIMIT 1", &args) > 0)
		n = mlops_spi_run(&scope,
						  "SELECT DISTINCT m.name FROM pg_event_trigger_ddl_commands() c, mlops.monitor m"
						  " WHERE c.classid = 'pg_class'::regclass AND (m.relation = c.objid"
						  " OR m.relation IN (SELECT relid FROM pg_partition_ancestors(c.objid)))", &args);
	for (uint64 i = 0; i < n; i++)
	{
		char	   *name = mlops_spi_text(i, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		names = lappend(names, pstrdup(name));
		MemoryContextSwitchTo(old);
	}
	mlops_spi_end(&scope);
	return names;
}

static void
follow_all(void)
{
	ListCell   *cell;
	List	   *names;

	PushActiveSnapshot(GetTransactionSnapshot());
	names = find_monitors();
	foreach(cell, names)
	{
		Monitor    *monitor = mlops_monitor_find(lfirst(cell), NULL);

		if (monitor == NULL || get_rel_relkind(monitor->relation) == '\0')
			continue;
		if (get_rel_relispartition(monitor->relation))
			ereport(WARNING,
					(errmsg("monitor \"%s\" does not count rows that come through the parent of \"%s\"",
							monitor->name, get_rel_name(monitor->relation)),
					 errhint("Make a monitor of the parent.")));
		mlops_attach_sync(monitor);
	}
	PopActiveSnapshot();
}

void
mlops_follow_tables(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	if (creating_extension || IsBinaryUpgrade)
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		follow_all();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError((ErrorData *) error);
	ereport(WARNING,
			(errmsg("monitors could not follow the change of tables: %s", error->message),
			 errhint("Use mlops.alter_monitor(name) to bring the triggers of a monitor in line.")));
}
