/*-------------------------------------------------------------------------
 *
 * reading.c
 *	  The transaction in which an executor runs a stored query.
 *
 * READ ONLY lets NOTIFY, and up to 15 lo_create, pass.  A subtransaction around
 * the query undoes them; a top-level abort would give up the lock on the run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "job/reading.h"

void
mlops_reading_begin(const Recipe *recipe)
{
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	XactIsoLevel = XACT_REPEATABLE_READ;
	XactReadOnly = true;
	mlops_recipe_apply_context(recipe);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
}

void
mlops_reading_end(void)
{
	MemoryContext context = CurrentMemoryContext;

	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	disable_timeout(STATEMENT_TIMEOUT, false);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}
