/*-------------------------------------------------------------------------
 *
 * pull.c
 *	  Runs that pull the query of a monitor for one window.
 *
 * The query runs in an executor whose session user is the monitor's owner, read
 * only, with $1 and $2 start and end of the window.  The executor hands deltas
 * over, one line per version: the version and the delta in hexadecimal digits.  The
 * dispatcher puts them in place of what an earlier pull of the window counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "drift/open_window.h"
#include "drift/tally.h"
#include "feature/query.h"
#include "job/pull.h"
#include "job/queue.h"
#include "job/reading.h"

#define MAX_ENTITIES 10000000	/* of a sample key in one window */

/* Rows of the query, counted. */
typedef struct PullReceiver
{
	DestReceiver base;
	const Monitor *monitor;
	TimestampTz start;
	Watcher    *watcher;
	TallyBook  *book;
	PlanColumn	entity;			/* of the sample key; place -1: none */
	HTAB	   *entities;		/* hashes of those that were counted */
	MemoryContext context;		/* of all this; outlives the query */
	MemoryContext row_context;
	int64		n_rows;
} PullReceiver;

TupleDesc
mlops_pull_describe(const char *query)
{
	Query	   *tree = mlops_query_parse_times(query, QUERY_MAX_TIMES);
	QueryFacts	facts;

	mlops_query_examine(tree, &facts);
	if (facts.temporary != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query reads temporary relation \"%s\"", facts.temporary),
				 errdetail("It runs in a session of its own.")));
	return ExecCleanTypeFromTL(tree->targetList);
}

TimestampTz
mlops_pull_latest(const Monitor *monitor, TimestampTz now)
{
	return mlops_window_add(&monitor->window_size,
							mlops_window_start(&monitor->window_size, now), -1);
}

int64
mlops_pull_submit(const SpiScope *scope, const Monitor *monitor, TimestampTz start)
{
	TimestampTz end = mlops_window_add(&monitor->window_size, start, 1);
	SpiArgs		args = {0};
	bool		isnull;
	int64		run;

	mlops_args_add_text(&args, monitor->name);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(end), false);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.run (kind, model, submitted_by, recipe)"
						 " SELECT 'monitor', m.model, m.owner, jsonb_build_object('model', m.model,"
						 " 'query', m.query, 'target', coalesce(m.label, 'label'), 'context', m.context,"
						 " 'as_of', now(), 'monitor', m.name, 'window_start', $2, 'window_end', $3)"
						 " FROM mlops.monitor m WHERE m.name = $1 RETURNING id", &args);
	run = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	args.n = 1;
	mlops_args_add_id(&args, run);
	(void) mlops_spi_run(scope, "UPDATE mlops.monitor_state SET query_run = $2 WHERE monitor = $1", &args);
	return run;
}

static char *
get_text(const Jsonb *json, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &json->root), key, strlen(key),
									 &value) == NULL || value.type != jbvString)
		elog(ERROR, "recipe of a monitor has no \"%s\"", key);
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static TimestampTz
get_time(const Jsonb *json, const char *key)
{
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(get_text(json, key)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Executor's side */

static void
start_rows(DestReceiver *self, int operation, TupleDesc desc)
{
	PullReceiver *receiver = (PullReceiver *) self;
	HASHCTL		control = {
		.keysize = sizeof(uint64),.entrysize = sizeof(uint64),.hcxt = receiver->context
	};
	MemoryContext old = MemoryContextSwitchTo(receiver->context);

	receiver->row_context = AllocSetContextCreate(receiver->context, "mlops row", ALLOCSET_SMALL_SIZES);
	receiver->watcher = mlops_watcher_make(receiver->monitor->name, desc);
	if (receiver->watcher == NULL)
		elog(ERROR, "monitor \"%s\" vanished", receiver->monitor->name);
	/* all rows are of the window that was asked for */
	receiver->watcher->plan->time.place = -1;
	receiver->watcher->plan->n_values = desc->natts;
	receiver->book = mlops_tally_begin(receiver->watcher, receiver->start);
	mlops_row_plan_find(desc, receiver->monitor->sample_key, &receiver->entity);
	if (receiver->entity.place >= 0)
		receiver->entities = hash_create("mlops entities of a window", 1024, &control,
										 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(old);
}

/* Whether the row's entity has been counted already; a NULL is one of its own. */
static bool
is_repeated(PullReceiver *receiver, TupleTableSlot *slot)
{
	PlanColumn *column = &receiver->entity;
	bool		found;
	size_t		length;
	const char *label;
	uint64		hash;
	MemoryContext old;

	if (column->place < 0 || slot->tts_isnull[column->place])
		return false;
	MemoryContextReset(receiver->row_context);
	old = MemoryContextSwitchTo(receiver->row_context);
	label = mlops_value_label(&column->type, slot->tts_values[column->place], &length);
	hash = hash_bytes_extended((const unsigned char *) label, (int) length, 0);
	MemoryContextSwitchTo(old);
	(void) hash_search(receiver->entities, &hash, HASH_ENTER, &found);
	if (hash_get_num_entries(receiver->entities) > MAX_ENTITIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a window has more than %d values of column \"%s\"", MAX_ENTITIES,
						receiver->monitor->sample_key),
				 errhint("Let the query return one row of each, or use shorter windows.")));
	return found;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	PullReceiver *receiver = (PullReceiver *) self;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	if (is_repeated(receiver, slot))
		return true;
	receiver->n_rows++;
	mlops_tally_row(receiver->book, slot->tts_values, slot->tts_isnull);
	return true;
}

static void
ignore_end(DestReceiver *self)
{
}

/* Deltas as text. */
static char *
print_deltas(List *deltas)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, deltas)
	{
		const TallyDelta *delta = lfirst(cell);
		int			size = VARSIZE(delta->delta) - VARHDRSZ;

		appendStringInfo(&out, "%d ", delta->version);
		enlargeStringInfo(&out, 2 * size + 2);
		out.len += hex_encode(VARDATA(delta->delta), size, out.data + out.len);
		appendStringInfoChar(&out, '\n');
	}
	return out.data;
}

void
mlops_pull_run(TrainingRun *run)
{
	PullReceiver receiver = {
		.base = {.receiveSlot = receive_row,.rStartup = start_rows,.rShutdown = ignore_end,
		.rDestroy = ignore_end,.mydest = DestTuplestore}
	};
	TimestampTz times[QUERY_MAX_TIMES] = {
		get_time(run->json, "window_start"), get_time(run->json, "window_end")
	};

	mlops_training_phase(run, "reading");
	mlops_reading_begin(run->recipe);
	receiver.monitor = mlops_monitor_find(get_text(run->json, "monitor"), NULL);
	if (receiver.monitor == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MONITOR),
				 errmsg("the monitor was dropped")));
	receiver.start = times[0];
	receiver.context = CurrentMemoryContext;
	mlops_query_run_times(run->recipe->query, QUERY_MAX_TIMES, times, &receiver.base);
	if (receiver.book != NULL)
	{
		run->result.payload = print_deltas(mlops_tally_finish(receiver.book));
		if (mlops_tally_problem(receiver.book) != NULL)
			mlops_training_note(run, mlops_tally_problem(receiver.book));
	}
	run->result.n_rows = receiver.n_rows;
	mlops_reading_end();
	mlops_training_phase(run, "publishing");
}

/* Dispatcher's side */

/* The next line of a payload: version and delta; false: no more, or what it is not. */
static bool
read_delta(const char **next, int *version, bytea **delta)
{
	const char *line = *next;
	const char *end = strchr(line, '\n');
	char	   *digits;
	uint64		size;

	if (end == NULL)
		return false;
	*version = strtol(line, &digits, 10);
	if (*version <= 0 || *digits != ' ' || (end - digits - 1) % 2 != 0)
		return false;
	size = (end - digits - 1) / 2;
	*delta = palloc(VARHDRSZ + size + 1);
	SET_VARSIZE(*delta, VARHDRSZ + size);
	/* an error for what is no hexadecimal digit */
	(void) hex_decode(digits + 1, end - digits - 1, VARDATA(*delta));
	*next = end + 1;
	return true;
}

/* Count the deltas into a window that has nothing yet; returns the rows. */
static int64
store_deltas(const SpiScope *scope, const Monitor *monitor, TimestampTz start, const char *payload,
			 TimestampTz now)
{
	const char *next = payload != NULL ? payload : "";
	OpenWindow *window = NULL;
	int			version;
	bytea	   *delta;
	int64		n_rows = 0;

	while (read_delta(&next, &version, &delta))
	{
		WatchSet   *set = mlops_watch_set_find(monitor->model, version);
		const char *why;

		if (set == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("version %d has no references", version)));
		window = mlops_open_window_load(scope, monitor, set, start, now);
		n_rows -= window->n_rows;
		why = mlops_open_window_add(window, delta, now);
		if (why != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("what the query counted cannot be added: %s", why)));
		n_rows += window->n_rows;
		mlops_open_window_save(scope, window, now);
	}
	return n_rows;
}

/* A window without rows is one, too: of the champion. */
static void
store_empty(const SpiScope *scope, const Monitor *monitor, TimestampTz start, TimestampTz now)
{
	int			version = mlops_registry_find_alias(monitor->model, "champion", NULL);
	WatchSet   *set = version != 0 ? mlops_watch_set_find(monitor->model, version) : NULL;

	if (set != NULL)
		mlops_open_window_save(scope, mlops_open_window_load(scope, monitor, set, start, now), now);
}

/* A pulled window is complete: evaluate it now, and pull again when its labels are. */
static void
finish_window(const SpiScope *scope, const Monitor *monitor, TimestampTz start, int64 n_rows,
			  TimestampTz now)
{
	TimestampTz end = mlops_window_add(&monitor->window_size, start, 1);
	TimestampTz label_due = mlops_monitor_label_due(monitor, end);
	SpiArgs		args = {0};

	mlops_args_add_text(&args, monitor->name);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(label_due),
				   monitor->label == NULL || label_due <= now);
	(void) mlops_spi_run(scope,
						 "UPDATE mlops.drift_window SET due_at = now(), pull_at = $3,"
						 " label_due_at = CASE WHEN label_due_at IS NOT NULL THEN now() END"
						 " WHERE monitor = $1 AND window_start = $2", &args);
	args.n = 1;
	mlops_args_add(&args, INT8OID, Int64GetDatum(n_rows), false);
	(void) mlops_spi_run(scope, "UPDATE mlops.monitor_state SET n_rows = n_rows + $2, failures = 0"
						 " WHERE monitor = $1", &args);
}

void
mlops_pull_record(const Attempt *attempt, const RunResult *result)
{
	TimestampTz now = GetCurrentTimestamp();
	SpiScope	scope;
	SpiArgs		args = {0};
	Jsonb	   *recipe;
	Monitor    *monitor;
	TimestampTz start;
	int64		n_rows;
	bool		isnull;

	mlops_spi_begin(&scope, false);
	mlops_args_add_id(&args, attempt->run);
	(void) mlops_spi_run(&scope, "SELECT recipe FROM mlops.run WHERE id = $1", &args);
	recipe = DatumGetJsonbPCopy(mlops_spi_value(0, 1, &isnull));
	start = get_time(recipe, "window_start");
	monitor = mlops_monitor_find(get_text(recipe, "monitor"), NULL);
	if (monitor != NULL && monitor->query != NULL)
	{
		args.n = 0;
		mlops_args_add_text(&args, monitor->name);
		mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
		(void) mlops_spi_run(&scope, "SELECT FROM mlops.monitor_state WHERE monitor = $1 AND $2 IS NOT NULL"
							 " FOR UPDATE", &args);
		(void) mlops_spi_run(&scope, "DELETE FROM mlops.drift_window"
							 " WHERE monitor = $1 AND window_start = $2", &args);
		n_rows = store_deltas(&scope, monitor, start, result->payload, now);
		if (n_rows == 0)
			store_empty(&scope, monitor, start, now);
		finish_window(&scope, monitor, start, n_rows, now);
	}
	args.n = 0;
	mlops_args_add_id(&args, attempt->run);
	mlops_args_add(&args, INT8OID, Int64GetDatum(result->n_rows), false);
	(void) mlops_spi_run(&scope, "UPDATE mlops.run SET n_rows = $2 WHERE id = $1", &args);
	(void) mlops_queue_end(&scope, attempt, "succeeded", NULL, NULL);
	mlops_spi_end(&scope);
}
