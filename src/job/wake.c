/*-------------------------------------------------------------------------
 *
 * wake.c
 *	  Start the dispatcher of this database.
 *
 * Registering a worker is not transactional, so it happens after the commit,
 * where an error would be a PANIC: the worker is described beforehand, and the
 * callback allocates nothing, looks nothing up and ignores the result.  When no
 * worker slot is free, the launcher tries again, if there is one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "job/dispatcher.h"
#include "job/launcher.h"
#include "job/wake.h"

static bool callback_registered = false;
static bool wake_pending = false;	/* this transaction enqueued something */
static bool fold_pending = false;	/* it added to windows of monitors */
static BackgroundWorker dispatcher;

static void
wake_after_commit(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (wake_pending && !RegisterDynamicBackgroundWorker(&dispatcher, NULL))
				mlops_launcher_set_due(dispatcher.bgw_main_arg, 0);
			else if (fold_pending)
				mlops_launcher_set_due(ObjectIdGetDatum(MyDatabaseId),
									   TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
																   mlops_monitor_interval * 1000));
			wake_pending = fold_pending = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			wake_pending = fold_pending = false;
			break;
		default:
			break;
	}
}

static void
register_callback(void)
{
	if (!callback_registered)
	{
		RegisterXactCallback(wake_after_commit, NULL);
		callback_registered = true;
	}
}

void
mlops_wake_at_commit(void)
{
	register_callback();
	mlops_dispatcher_describe(&dispatcher, MyDatabaseId);
	wake_pending = true;
}

void
mlops_wake_for_fold(void)
{
	register_callback();
	fold_pending = true;
}

void
mlops_wake_now(void)
{
	mlops_dispatcher_describe(&dispatcher, MyDatabaseId);
	if (!RegisterDynamicBackgroundWorker(&dispatcher, NULL))
		mlops_launcher_set_due(dispatcher.bgw_main_arg, GetCurrentTimestamp());
}
