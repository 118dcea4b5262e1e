/*-------------------------------------------------------------------------
 *
 * support_fn.c
 *	  Planner support of the predict functions: what a call costs.
 *
 * Answers when the model is a constant that the current user may use; in all
 * other cases the planner falls back on COST and ROWS of the function.  Never
 * an error: a statement must not fail for a model that it may never reach.
 * Looks at the registry only; no forest is built.
 *
 * Locks: AccessShareLock on the tables of the registry.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_sql_predict_support);

/*
 * Costs in units of cpu_operator_cost, which stands for 6 to 8 ns on the machines
 * that we measured: binding a statement, a row without its trees, one node.
 */
#define STATEMENT_COST 1000.0
#define ROW_COST 50.0
#define NODE_COST 0.3

/* Bytes of a node in the model bytes, about. */
#define UBJ_NODE_SIZE 38.0
#define JSON_NODE_SIZE 64.0

/* Longer ones are no references. */
#define MAX_REFERENCE 200

/* The planner asks many times for one statement. */
#define MAX_ESTIMATES 4

/* Later transactions plan by the estimate of an earlier one for so many ms: another
 * look takes a tenth of a short statement. */
#define MAX_AGE 1000

typedef struct Estimate
{
	char		reference[MAX_REFERENCE];	/* empty: unused */
	StatementKey key;			/* under which it was made, or last used */
	TimestampTz made_at;		/* start of the statement */
	bool		known;
	double		per_row;
	int			n_classes;
} Estimate;

static Estimate estimates[MAX_ESTIMATES];
static int	next_estimate;

/* Nodes that a row visits: those of balanced trees. */
static double
estimate_visits(const ModelFacts *facts)
{
	double		node_size = facts->is_json ? JSON_NODE_SIZE : UBJ_NODE_SIZE;

	if (facts->n_trees <= 0)
		return 0;
	return facts->n_trees * log2(1 + facts->size / node_size / facts->n_trees);
}

/* Fill in what the reference stands for now. */
static void
look_up(Estimate *estimate)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops planner support",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ModelFacts	facts = {0};

	estimate->known = mlops_registry_peek(estimate->reference, &facts);
	estimate->per_row = ROW_COST + NODE_COST * estimate_visits(&facts);
	estimate->n_classes = facts.n_classes;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/*
 * Whether the estimate holds for a statement of this key.  A transaction sees its
 * own changes; changes of others, and rights that were taken, within MAX_AGE.
 */
static bool
is_current(const Estimate *estimate, const StatementKey *key)
{
	return mlops_statement_same(&estimate->key, key) ||
		(estimate->known && estimate->key.user == key->user &&
		 estimate->key.transaction != key->transaction &&
		 !TimestampDifferenceExceeds(estimate->made_at, GetCurrentStatementStartTimestamp(),
									 MAX_AGE));
}

/* Estimate for the reference; NULL when it stands for nothing. */
static const Estimate *
get_estimate(const char *reference)
{
	Estimate   *estimate = NULL;
	StatementKey key;
	Estimate	fresh;

	mlops_statement_key(&key);
	for (int i = 0; i < MAX_ESTIMATES && estimate == NULL; i++)
		if (strcmp(estimates[i].reference, reference) == 0)
			estimate = &estimates[i];
	if (estimate == NULL)
	{
		estimate = &estimates[next_estimate];
		next_estimate = (next_estimate + 1) % MAX_ESTIMATES;
	}
	else if (is_current(estimate, &key))
	{
		estimate->key = key;
		return estimate->known ? estimate : NULL;
	}

	fresh.key = key;
	fresh.made_at = GetCurrentStatementStartTimestamp();
	strlcpy(fresh.reference, reference, MAX_REFERENCE);
	look_up(&fresh);
	*estimate = fresh;
	return estimate->known ? estimate : NULL;
}

/* Estimate for a call; NULL when there is none. */
static const Estimate *
estimate_call(Node *call)
{
	List	   *args;
	Const	   *model;
	char	   *reference;

	if (call == NULL || !IsA(call, FuncExpr))
		return NULL;
	args = ((FuncExpr *) call)->args;
	if (args == NIL || !IsA(linitial(args), Const))
		return NULL;
	model = linitial_node(Const, args);
	if (model->constisnull || model->consttype != TEXTOID ||
		!IsTransactionState() || !ActiveSnapshotSet())
		return NULL;
	reference = TextDatumGetCString(model->constvalue);
	return reference[0] != '\0' && strlen(reference) < MAX_REFERENCE ?
		get_estimate(reference) : NULL;
}

Datum
mlops_sql_predict_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	const Estimate *estimate;

	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;

		estimate = estimate_call(cost->node);
		if (estimate != NULL)
		{
			cost->startup = STATEMENT_COST * cpu_operator_cost;
			cost->per_tuple = estimate->per_row * cpu_operator_cost;
			PG_RETURN_POINTER(request);
		}
	}
	else if (IsA(request, SupportRequestRows))
	{
		SupportRequestRows *rows = (SupportRequestRows *) request;

		estimate = estimate_call(rows->node);
		if (estimate != NULL && estimate->n_classes > 0)
		{
			rows->rows = estimate->n_classes;
			PG_RETURN_POINTER(request);
		}
	}
	PG_RETURN_POINTER(NULL);
}
