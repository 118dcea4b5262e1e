/*-------------------------------------------------------------------------
 *
 * active.c
 *	  The runs that a dispatcher looks after.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "job/active.h"
#include "job/queue.h"

static List *active = NIL;		/* of ActiveRun *, for the life of the process */

List *
mlops_active_list(void)
{
	return list_copy(active);
}

ActiveRun *
mlops_active_add(const Attempt *attempt, TimestampTz started_at)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	ActiveRun  *run = palloc0(sizeof(ActiveRun));

	run->attempt = *attempt;
	run->started_at = started_at;
	run->listed = true;
	active = lappend(active, run);
	MemoryContextSwitchTo(old);
	return run;
}

static ActiveRun *
find_run(const Attempt *attempt)
{
	ListCell   *cell;

	foreach(cell, active)
	{
		ActiveRun  *run = lfirst(cell);

		if (run->attempt.run == attempt->run && run->attempt.attempt == attempt->attempt)
			return run;
	}
	return NULL;
}

bool
mlops_active_has(const Attempt *attempt)
{
	return find_run(attempt) != NULL;
}

void
mlops_active_forget(ActiveRun *run)
{
	mlops_handover_remove(&run->attempt);
	active = list_delete_ptr(active, run);
	if (run->handle)
		pfree(run->handle);
	pfree(run);
}

int
mlops_active_count_executors(void)
{
	int			count = 0;
	ListCell   *cell;

	foreach(cell, active)
		count += ((ActiveRun *) lfirst(cell))->retry_at == 0;
	return count;
}

/* End the executor of a run; whether there is one. */
static bool
end_executor(ActiveRun *run)
{
	bool		alive = mlops_watch_is_alive(run, GetCurrentTimestamp());

	if (alive)
		mlops_watch_terminate(run);
	return alive;
}

void
mlops_active_match(const List *rows)
{
	ListCell   *cell;

	foreach(cell, active)
		((ActiveRun *) lfirst(cell))->listed = false;
	foreach(cell, rows)
	{
		RunningRun *row = lfirst(cell);
		ActiveRun  *run = find_run(&row->attempt);

		if (!run)
			run = mlops_active_add(&row->attempt, row->started_at);
		run->listed = true;
		run->cancel |= row->cancel;
	}
	foreach(cell, mlops_active_list())
	{
		ActiveRun  *run = lfirst(cell);

		if (run->listed)
			continue;
		(void) end_executor(run);
		mlops_active_forget(run);
	}
}

bool
mlops_active_end_all(void)
{
	bool		left = false;
	ListCell   *cell;

	foreach(cell, mlops_active_list())
	{
		ActiveRun  *run = lfirst(cell);

		if (end_executor(run))
			left = true;
		else
			mlops_active_forget(run);
	}
	return left;
}
