/*-------------------------------------------------------------------------
 *
 * batch_query.c
 *	  Rows of a query -> predictions, a block at a time.
 *
 *	 query, which may be parallel -> receiver -> encode -> block -> scores ->
 *		tuplestore, which spills at work_mem
 *
 * So memory does not depend on the number of rows.  The reference is resolved
 * once, and all rows are predicted by one version.
 *
 * Locks: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/error.h"
#include "compat/pg_compat.h"
#include "feature/encode.h"
#include "feature/query.h"
#include "serve/batch.h"
#include "serve/batch_query.h"
#include "serve/prediction.h"

#define BLOCK_ROWS 1024

/* Keys wait in no more than about this. */
#define MAX_KEY_BYTES (1024 * 1024)

#define RESULT_COLUMNS 4

typedef struct BatchQuery
{
	DestReceiver base;			/* must be first */
	MemoryContext context;		/* of the whole query */
	MemoryContext row_context;	/* reset for each row */
	MemoryContext block_context;	/* reset for each block */
	ServedModel *served;
	EncodePlan *encode;
	Batch	   *batch;
	const char *key_name;		/* NULL: none, likewise below */
	ExprState  *key;			/* column::text */
	EState	   *estate;
	Datum		keys[BLOCK_ROWS];
	bool		key_nulls[BLOCK_ROWS];
	Size		key_bytes;		/* of the waiting keys */
	ReturnSetInfo *result;
} BatchQuery;

/* Hand the waiting rows on. */
static void
flush_rows(BatchQuery *state)
{
	ServedModel *served = state->served;
	float	   *margin = served->margin;
	bool		has_value = served->n_outputs == 1 && served->n_values == 1;
	bool		has_class = served->version->n_classes > 0;
	MemoryContext caller = MemoryContextSwitchTo(state->block_context);

	mlops_batch_score(state->batch);
	for (int i = 0; i < state->batch->n_rows; i++)
	{
		Datum		values[RESULT_COLUMNS] = {0};
		bool		nulls[RESULT_COLUMNS] = {false};

		served->margin = state->batch->margin + (Size) i * served->n_outputs;
		values[0] = state->keys[i];
		nulls[0] = state->key_nulls[i];
		nulls[1] = !has_value;
		if (has_value)
			values[1] = Float8GetDatum(mlops_prediction_value(served));
		nulls[2] = !has_class;
		if (has_class)
			values[2] = CStringGetTextDatum(mlops_prediction_class(served));
		values[3] = Int32GetDatum(served->version->version);
		tuplestore_putvalues(state->result->setResult, state->result->setDesc, values, nulls);
	}
	served->margin = margin;
	state->batch->n_rows = 0;
	state->key_bytes = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(state->block_context);
}

/* Keep the key of the row that comes next into the block. */
static void
keep_key(BatchQuery *state, TupleTableSlot *slot)
{
	int			i = state->batch->n_rows;
	ExprContext *econtext;
	Datum		value;

	state->key_nulls[i] = true;
	if (state->key == NULL)
		return;
	econtext = GetPerTupleExprContext(state->estate);
	ResetExprContext(econtext);
	econtext->ecxt_scantuple = slot;
	value = ExecEvalExprSwitchContext(state->key, econtext, &state->key_nulls[i]);
	if (!state->key_nulls[i])
	{
		MemoryContext caller = MemoryContextSwitchTo(state->block_context);
		text	   *key = DatumGetTextPCopy(value);

		state->keys[i] = PointerGetDatum(key);
		state->key_bytes += VARSIZE(key);
		MemoryContextSwitchTo(caller);
	}
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	BatchQuery *state = (BatchQuery *) self;
	MemoryContext caller;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	keep_key(state, slot);

	MemoryContextReset(state->row_context);
	caller = MemoryContextSwitchTo(state->row_context);
	mlops_stat_watch(&state->batch->call, state->batch->stat);
	mlops_encode_row(state->encode, slot->tts_values, slot->tts_isnull,
					 mlops_batch_next(state->batch));
	mlops_stat_unwatch(&state->batch->call);
	MemoryContextSwitchTo(caller);
	state->batch->n_rows++;

	if (mlops_batch_is_full(state->batch) || state->key_bytes > MAX_KEY_BYTES)
		flush_rows(state);
	return true;
}

/* Number of the key column. */
static int
find_key(TupleDesc tupdesc, const char *name)
{
	int			found = -1;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" occurs more than once", name),
					 errhint("Give the columns different names with AS.")));
		found = i;
	}
	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\", named by key, does not exist in the query", name),
				 errhint("Select it, or give key => NULL.")));
	return found;
}

/*
 * column::text without the casts that somebody has made for a type of his own: his
 * function would run with the caller's rights for want of a look at the type.
 */
static Node *
cast_key(Var *var)
{
	CoerceViaIO *output;

	if (getBaseType(var->vartype) < FirstNormalObjectId)
		return coerce_to_target_type(NULL, (Node *) var, var->vartype, TEXTOID, -1,
									 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
	output = makeNode(CoerceViaIO);
	output->arg = (Expr *) var;
	output->resulttype = TEXTOID;
	output->resultcollid = DEFAULT_COLLATION_OID;
	output->coerceformat = COERCE_EXPLICIT_CAST;
	output->location = -1;
	return (Node *) output;
}

/* Prepare the cast, which is that of SQL and not always the output function. */
static void
prepare_key(BatchQuery *state, TupleDesc tupdesc)
{
	Form_pg_attribute column = TupleDescAttr(tupdesc, find_key(tupdesc, state->key_name));
	Var		   *var = makeVar(1, column->attnum, column->atttypid, column->atttypmod,
							  column->attcollation, 0);
	Node	   *cast = cast_key(var);

	if (cast == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_COERCE),
				 errmsg("column \"%s\", named by key, cannot be cast to text", state->key_name),
				 errhint("Cast it in the query.")));
	state->estate = CreateExecutorState();
	state->key = ExecPrepareExpr((Expr *) cast, state->estate);
}

static void
start_receiver(DestReceiver *self, int operation, TupleDesc tupdesc)
{
	BatchQuery *state = (BatchQuery *) self;
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	state->encode = mlops_encode_plan(state->served->signature, tupdesc);
	if (state->key_name != NULL)
		prepare_key(state, tupdesc);
	MemoryContextSwitchTo(caller);
}

static void
ignore_receiver(DestReceiver *self)
{
}

void
mlops_batch_query(const char *reference, const char *query, const char *key,
				  ReturnSetInfo *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops batch query",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	BatchQuery *state = palloc0(sizeof(BatchQuery));
	QueryFacts	facts;

	state->base.receiveSlot = receive_row;
	state->base.rStartup = start_receiver;
	state->base.rShutdown = ignore_receiver;
	state->base.rDestroy = ignore_receiver;
	state->base.mydest = DestTuplestore;
	state->context = context;
	state->row_context = AllocSetContextCreate(context, "mlops batch row",
											   ALLOCSET_DEFAULT_SIZES);
	state->block_context = AllocSetContextCreate(context, "mlops batch block",
												 ALLOCSET_DEFAULT_SIZES);
	state->key_name = key;
	state->result = result;
	state->served = mlops_call_site_open(reference);
	state->batch = mlops_batch_create(state->served, BLOCK_ROWS);
	mlops_query_examine(mlops_query_parse(query), &facts);

	mlops_query_run(query, GetCurrentTransactionStartTimestamp(), &state->base);
	flush_rows(state);
	if (state->estate != NULL)
		FreeExecutorState(state->estate);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
