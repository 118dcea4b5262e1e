/*-------------------------------------------------------------------------
 *
 * step.c
 *	  One piece of the dispatcher's work, contained in a transaction.
 *
 * The work is done in a subtransaction: an error rolls that back, while the
 * transaction around it commits, because an abort would drop session locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "job/step.h"

#define LOG_INTERVAL_MS 60000
#define MAX_LOGGED 16			/* failures at a time that are kept apart */

/* A failure that was logged. */
typedef struct LoggedFailure
{
	char		line[256];
	TimestampTz at;
} LoggedFailure;

bool
mlops_step_is_possible(void)
{
	bool		exists;

	StartTransactionCommand();
	exists = OidIsValid(get_extension_oid("mlops", true));
	CommitTransactionCommand();
	return exists;
}

ErrorData *
mlops_step_do(void (*work) (const SpiScope *scope, void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	/* for now(), which would stay at the start of the process */
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		SpiScope	scope;

		/* cancels, which lock timeouts need, reach only the work itself */
		QueryCancelPending = false;
		QueryCancelHoldoffCount = 0;
		PushActiveSnapshot(GetTransactionSnapshot());
		mlops_spi_begin(&scope, false);
		work(&scope, arg);
		mlops_spi_end(&scope);
		PopActiveSnapshot();
		QueryCancelHoldoffCount = 1;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		QueryCancelHoldoffCount = 1;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return error;
}

/* A failure that repeats, as while somebody holds a lock, is logged once a minute. */
void
mlops_step_log(const ErrorData *error, const char *what)
{
	static LoggedFailure logged[MAX_LOGGED];
	LoggedFailure *entry = &logged[0];
	TimestampTz now = GetCurrentTimestamp();
	char		line[sizeof(entry->line)];

	snprintf(line, sizeof(line), "%s: %s", what, error->message);
	for (int i = 0; i < MAX_LOGGED && strcmp(line, entry->line) != 0; i++)
	{
		if (strcmp(line, logged[i].line) == 0 || logged[i].at < entry->at)
			entry = &logged[i];
	}
	if (strcmp(line, entry->line) == 0 &&
		!TimestampDifferenceExceeds(entry->at, now, LOG_INTERVAL_MS))
		return;
	strlcpy(entry->line, line, sizeof(entry->line));
	entry->at = now;
	ereport(LOG,
			(errmsg("mlops dispatcher could not %s: %s", what, error->message)));
}

bool
mlops_step_try(void (*work) (const SpiScope *scope, void *arg), void *arg, const char *what)
{
	ErrorData  *error = mlops_step_do(work, arg);

	if (error)
		mlops_step_log(error, what);
	return error == NULL;
}

bool
mlops_step_is_transient(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}
