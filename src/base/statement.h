/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  Tells whether two calls of a function see the same database.
 *
 * What a function remembers in fn_extra outlives a statement: PL/pgSQL keeps
 * it for simple expressions.  It holds as long as the key below stays equal; an
 * unfamiliar snapshot merely costs another look.
 *
 * Within one transaction two MVCC snapshots with the same bounds, numbers of
 * running transactions and command id see the same rows: a transaction only
 * ever leaves the set of running ones below xmax.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_STATEMENT_H
#define MLOPS_STATEMENT_H

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"

#include "compat/pg_compat.h"

typedef struct StatementKey
{
	uint64		completion_count;
	Oid			user;
	LocalTransactionId transaction;
	SubTransactionId subtransaction;
	CommandId	command;
	TransactionId xmin;
	TransactionId xmax;
	uint32		n_running;
	uint32		n_running_sub;
} StatementKey;

static inline void
mlops_statement_key(StatementKey *key)
{
	Snapshot	snapshot = GetActiveSnapshot();

	memset(key, 0, sizeof(*key));
	key->completion_count = snapshot->snapXactCompletionCount;
	key->user = GetUserId();
	key->transaction = MyLocalTransactionId_compat();
	key->subtransaction = GetCurrentSubTransactionId();
	key->command = snapshot->curcid;
	key->xmin = snapshot->xmin;
	key->xmax = snapshot->xmax;
	key->n_running = snapshot->xcnt;
	key->n_running_sub = snapshot->subxcnt;
}

static inline bool
mlops_statement_same(const StatementKey *a, const StatementKey *b)
{
	return memcmp(a, b, sizeof(StatementKey)) == 0;
}

#endif							/* MLOPS_STATEMENT_H */
