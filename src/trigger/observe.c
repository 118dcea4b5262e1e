/*-------------------------------------------------------------------------
 *
 * observe.c
 *	  Rows of a statement on a watched table -> mlops.drift_state.
 *
 * Runs as the writer, in his statement: so do output functions of his types.  He needs
 * no right on our tables, as inserting the deltas checks none.
 *
 * Counting is guarded by a subtransaction that writes nothing and so never gets
 * a transaction id.  The insert stands outside of it: thousands of statements in
 * one transaction leave no overflow of subtransactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/spi_args.h"
#include "drift/tally.h"
#include "job/wake.h"
#include "trigger/observe.h"

/* Triggers whose watchers a session keeps. */
#define MAX_WATCHERS 128

#define N_STATE_COLUMNS 7		/* of mlops.drift_state */

typedef struct KnownTrigger
{
	Oid			trigger;
	Oid			relation;
	bool		valid;			/* the table has not changed since */
	Watcher    *watcher;
} KnownTrigger;

/* One call. */
typedef struct Observation
{
	TriggerData *data;
	WatchEvent	event;
	Watcher    *watcher;		/* NULL: nothing to do */
	List	   *deltas;			/* of TallyDelta * */
	const char *problem;
	ErrorData  *error;
} Observation;

static HTAB *known_triggers = NULL;
static int	depth = 0;			/* of calls within calls, by a user's
								 * functions */

/* Callback of the relation cache; InvalidOid stands for all. */
static void
forget_relation(Datum argument, Oid relation)
{
	HASH_SEQ_STATUS scan;
	KnownTrigger *known;

	hash_seq_init(&scan, known_triggers);
	while ((known = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relation) || known->relation == relation)
			known->valid = false;
}

static void
forget_watcher(KnownTrigger *known)
{
	if (known->watcher != NULL)
		mlops_watcher_free(known->watcher);
	known->watcher = NULL;
}

/* Place of a trigger in the session's table. */
static KnownTrigger *
find_known(Oid trigger, Oid relation)
{
	KnownTrigger *known;
	bool		found;

	if (known_triggers == NULL)
	{
		HASHCTL		control = {
			.keysize = sizeof(Oid),.entrysize = sizeof(KnownTrigger),.hcxt = CacheMemoryContext
		};

		known_triggers = hash_create("mlops watched tables", MAX_WATCHERS, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	}
	if (hash_get_num_entries(known_triggers) >= MAX_WATCHERS)
	{
		HASH_SEQ_STATUS scan;

		hash_seq_init(&scan, known_triggers);
		while ((known = hash_seq_search(&scan)) != NULL)
		{
			forget_watcher(known);
			(void) hash_search(known_triggers, &known->trigger, HASH_REMOVE, NULL);
		}
	}
	known = hash_search(known_triggers, &trigger, HASH_ENTER, &found);
	if (!found)
	{
		known->watcher = NULL;
		known->relation = relation;
		known->valid = false;
	}
	return known;
}

/* Whether the trigger is the one that the monitor has on this table. */
static bool
is_genuine(const Observation *observation)
{
	Oid			relation = RelationGetRelid(observation->data->tg_relation);
	const Trigger *trigger = observation->data->tg_trigger;
	Monitor    *monitor = mlops_monitor_find(trigger->tgargs[0], NULL);

	return monitor != NULL &&
		strcmp(trigger->tgname, mlops_attach_trigger_name(monitor->name, observation->event)) == 0 &&
		(monitor->relation == relation ||
		 (observation->data->tg_relation->rd_rel->relispartition &&
		  list_member_oid(get_partition_ancestors(relation), monitor->relation)));
}

/*
 * Make a watcher in the current context, or NULL.  Anybody may make triggers that
 * call us with the name of any monitor: of those nothing is noted, no error either.
 */
static Watcher *
make_watcher(const Observation *observation)
{
	return !is_genuine(observation) ? NULL :
		mlops_watcher_make(observation->data->tg_trigger->tgargs[0],
						   RelationGetDescr(observation->data->tg_relation));
}

/* The watcher for this call, or NULL. */
static Watcher *
get_watcher(const Observation *observation)
{
	KnownTrigger *known;
	Watcher    *watcher;

	/* the caller may be using those of the session */
	if (depth > 1)
		return make_watcher(observation);
	known = find_known(observation->data->tg_trigger->tgoid,
					   RelationGetRelid(observation->data->tg_relation));
	if (known->watcher != NULL && known->valid && mlops_watcher_stands(known->watcher))
		return known->watcher;
	forget_watcher(known);
	known->valid = true;
	watcher = make_watcher(observation);
	if (watcher != NULL)
		MemoryContextSetParent(watcher->context, CacheMemoryContext);
	known->watcher = watcher;
	return watcher;
}

/* Fetch the next row of a transition table, as far as the plan looks. */
static bool
fetch_row(Tuplestorestate *rows, TupleTableSlot *slot, const Watcher *watcher)
{
	CHECK_FOR_INTERRUPTS();
	if (!tuplestore_gettupleslot(rows, true, false, slot))
		return false;
	slot_getsomeattrs(slot, Max(watcher->plan->n_values, 1));
	return true;
}

static void
rewind_rows(Tuplestorestate *rows)
{
	tuplestore_select_read_pointer(rows, 0);
	tuplestore_rescan(rows);
}

static void
count_inserted(Observation *observation, TallyBook *book)
{
	Tuplestorestate *rows = observation->data->tg_newtable;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(observation->data->tg_relation),
													&TTSOpsMinimalTuple);

	rewind_rows(rows);
	while (fetch_row(rows, slot, observation->watcher))
		mlops_tally_row(book, slot->tts_values, slot->tts_isnull);
	ExecDropSingleTupleTableSlot(slot);
}

/* Whether a column has the same value in two rows. */
static bool
is_same(const PlanColumn *column, TupleTableSlot *a, TupleTableSlot *b)
{
	Form_pg_attribute attribute = TupleDescAttr(a->tts_tupleDescriptor, column->place);

	if (a->tts_isnull[column->place] || b->tts_isnull[column->place])
		return a->tts_isnull[column->place] == b->tts_isnull[column->place];
	return datum_image_eq(a->tts_values[column->place], b->tts_values[column->place],
						  attribute->attbyval, attribute->attlen);
}

/* Whether two rows are versions of one row, with one label. */
static bool
is_unchanged(const RowPlan *plan, TupleTableSlot *old, TupleTableSlot *new)
{
	for (int i = 0; i < plan->monitor->n_key; i++)
		if (!is_same(&plan->key[i], old, new))
			return false;
	return is_same(&plan->label, old, new);
}

/*
 * Count changed labels as corrections: the old one out, the new one in.  The two
 * tables have the rows in one order; where they have not, because a row left a
 * partition and was refused by the next, a pair with other keys is two corrections,
 * and what does not cancel is right all the same.
 */
static void
count_updated(Observation *observation, TallyBook *book)
{
	TupleDesc	desc = RelationGetDescr(observation->data->tg_relation);
	TupleTableSlot *old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	TupleTableSlot *new = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	const Watcher *watcher = observation->watcher;
	bool		more_old;
	bool		more_new;

	rewind_rows(observation->data->tg_oldtable);
	rewind_rows(observation->data->tg_newtable);
	do
	{
		more_old = fetch_row(observation->data->tg_oldtable, old, watcher);
		more_new = fetch_row(observation->data->tg_newtable, new, watcher);
		if (more_old && more_new && is_unchanged(watcher->plan, old, new))
			continue;
		if (more_old)
			mlops_tally_label(book, old->tts_values, old->tts_isnull, -1);
		if (more_new)
			mlops_tally_label(book, new->tts_values, new->tts_isnull, 1);
	} while (more_old || more_new);
	ExecDropSingleTupleTableSlot(old);
	ExecDropSingleTupleTableSlot(new);
}

/* All that may fail. */
static void
count_rows(Observation *observation)
{
	TallyBook  *book;

	observation->watcher = get_watcher(observation);
	if (observation->watcher == NULL || observation->watcher->monitor->paused)
		return;
	if (!mlops_attach_permits(observation->watcher->monitor))
	{
		observation->problem = "the monitor's owner may not read the table, or not all rows of it, any more";
		return;
	}
	/* a version's columns are known before rows are read as far as they go */
	if (observation->watcher->monitor->version_column == NULL && observation->event == WATCH_INSERT)
		(void) mlops_watcher_set(observation->watcher, 0);
	book = mlops_tally_begin(observation->watcher, GetCurrentTransactionStartTimestamp());
	if (observation->event == WATCH_INSERT)
		count_inserted(observation, book);
	else
		count_updated(observation, book);
	observation->deltas = mlops_tally_finish(book);
	observation->problem = mlops_tally_problem(book);
}

/* Errors that are not ours to hide. */
static bool
is_for_user(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

/* Count in a subtransaction; an error of it goes into the observation. */
static void
count_guarded(Observation *observation)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			outer_depth = depth;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		depth++;
		count_rows(observation);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		observation->error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	depth = outer_depth;
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* A row of mlops.drift_state: a delta, or an error. */
static void
fill_row(Datum *values, bool *nulls, const char *monitor, const TallyDelta *delta, const char *error)
{
	memset(nulls, false, sizeof(bool) * N_STATE_COLUMNS);
	values[0] = CStringGetTextDatum(monitor);
	values[1] = Int32GetDatum(delta ? delta->version : 0);
	values[2] = TimestampTzGetDatum(delta ? delta->window_start : 0);
	values[3] = Int64GetDatum(delta ? delta->n_rows : 0);
	values[4] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[5] = PointerGetDatum(delta ? delta->delta : NULL);
	values[6] = error ? CStringGetTextDatum(error) : (Datum) 0;
	nulls[1] = nulls[5] = delta == NULL;
	nulls[2] = delta == NULL || TIMESTAMP_IS_NOBEGIN(delta->window_start);
	nulls[6] = error == NULL;
}

/* Whether the table is as we made it: nothing to check, no index, no trigger. */
static bool
is_plain(Relation rel)
{
	const TupleConstr *constraints = RelationGetDescr(rel)->constr;

	return !rel->rd_rel->relhasindex && rel->trigdesc == NULL &&
		(constraints == NULL || constraints->num_check == 0) &&
		RelationGetDescr(rel)->natts == N_STATE_COLUMNS;
}

/*
 * Insert without SPI, which would take longer than all the rest of a statement of one
 * row: there is no key to check and no code to run, hence no user to be.
 */
static void
insert_plain(Relation rel, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	memcpy(slot->tts_values, values, sizeof(Datum) * N_STATE_COLUMNS);
	memcpy(slot->tts_isnull, nulls, sizeof(bool) * N_STATE_COLUMNS);
	ExecStoreVirtualTuple(slot);
	simple_table_tuple_insert(rel, slot);
	ExecDropSingleTupleTableSlot(slot);
}

/* Insert as the extension's owner, where somebody has added to the table. */
static void
insert_by_statement(const Datum *values, const bool *nulls)
{
	static const Oid types[N_STATE_COLUMNS] = {
		TEXTOID, INT4OID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, BYTEAOID, TEXTOID
	};
	SpiScope	scope;
	SpiArgs		args = {0};

	for (int i = 0; i < N_STATE_COLUMNS; i++)
		mlops_args_add(&args, types[i], values[i], nulls[i]);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope, "INSERT INTO mlops.drift_state"
						 " (monitor, version, window_start, n_rows, created_at, delta, error)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7)", &args);
	mlops_spi_end(&scope);
}

static void
insert_row(Relation rel, const char *monitor, const TallyDelta *delta, const char *error)
{
	Datum		values[N_STATE_COLUMNS];
	bool		nulls[N_STATE_COLUMNS];

	fill_row(values, nulls, monitor, delta, error);
	if (is_plain(rel))
		insert_plain(rel, values, nulls);
	else
		insert_by_statement(values, nulls);
}

static void
insert_rows(const Observation *observation, const char *error)
{
	const char *monitor = observation->data->tg_trigger->tgargs[0];
	Relation	rel = table_open(mlops_relation("drift_state"), RowExclusiveLock);
	ListCell   *cell;

	foreach(cell, observation->deltas)
		insert_row(rel, monitor, lfirst(cell), NULL);
	if (error != NULL)
		insert_row(rel, monitor, NULL, error);
	table_close(rel, NoLock);
	mlops_wake_for_fold();
}

void
mlops_observe(TriggerData *data, WatchEvent event)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops observation",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Observation observation = {.data = data,.event = event};
	const char *error;

	count_guarded(&observation);
	error = observation.problem;
	if (observation.error != NULL)
	{
		if (is_for_user(observation.error) ||
			(observation.watcher != NULL && observation.watcher->monitor->fail))
			ReThrowError(observation.error);
		observation.deltas = NIL;
		error = observation.error->message;
	}
	if (observation.deltas != NIL || error != NULL)
		insert_rows(&observation, error);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
