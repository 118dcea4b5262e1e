/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  Rows -> deltas, one per version and window.
 *
 * Values are collected by column in blocks.  What ends within a block of few
 * rows becomes a delta of values; longer ones are counted into profiles, block
 * by block, which takes a fraction of the time of counting row by row.
 *
 * Memory is bounded: when many windows are open at once, all of them are
 * written and begun anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/spi_args.h"
#include "drift/profile_block.h"
#include "drift/realized.h"
#include "drift/tally.h"

#define BLOCK_ROWS 256
#define MAX_VALUE_ROWS 16		/* of a delta of values */
#define MAX_CHANGES 64			/* of labels, kept before they are counted */
#define MAX_BYTES (32 * 1024 * 1024)	/* of open windows */

/* A value in a block: a number, NaN if missing, or a cell, -1 if missing. */
typedef union BlockValue
{
	float		number;
	int32		cell;
} BlockValue;

typedef struct LabelChange
{
	DeltaValue	value;
	int			sign;
} LabelChange;

typedef struct TallyKey
{
	TimestampTz window_start;
	int64		version;
} TallyKey;

/* One version and window. */
typedef struct Tally
{
	TallyKey	key;
	SetPlan    *plan;
	int64		n_rows;
	int64		n_labels;
	BlockValue *block;			/* columns of block_rows values */
	int			block_rows;		/* first few, then BLOCK_ROWS */
	int			n_block;
	LabelChange *changes;		/* MAX_CHANGES of them */
	int			n_changes;
	Profile   **profiles;		/* NULL while all is in block and changes */
	EstimateSums estimate;
	Performance *realized;		/* NULL: nothing yet */
} Tally;

struct TallyBook
{
	MemoryContext context;		/* of book and deltas */
	MemoryContext open_context; /* of tallies and their table */
	MemoryContext row_context;	/* of one row */
	Watcher    *watcher;
	TimestampTz now;
	Tally	   *first;			/* most statements need no other */
	HTAB	   *others;			/* NULL: there are none */
	Tally	   *current;
	TimestampTz window_end;		/* of the current one */
	TimestampTz label_window;	/* of the latest late label, and its version */
	int			label_version;
	List	   *deltas;
	int64		n_entries;
	const char *problem;
};

/* The tally of a key, new or old. */
static Tally *
enter_tally(TallyBook *book, const TallyKey *key, bool *found)
{
	HASHCTL		control = {
		.keysize = sizeof(TallyKey),.entrysize = sizeof(Tally),.hcxt = book->open_context
	};
	Tally	   *tally;

	if (book->first == NULL)
	{
		*found = false;
		book->first = MemoryContextAllocZero(book->open_context, sizeof(Tally));
		book->first->key = *key;
		return book->first;
	}
	*found = memcmp(&book->first->key, key, sizeof(TallyKey)) == 0;
	if (*found)
		return book->first;
	if (book->others == NULL)
		book->others = hash_create("mlops windows of a statement", 16, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	tally = hash_search(book->others, key, HASH_ENTER, found);
	if (!*found)
		memset((char *) tally + sizeof(TallyKey), 0, sizeof(Tally) - sizeof(TallyKey));
	return tally;
}

TallyBook *
mlops_tally_begin(Watcher *watcher, TimestampTz now)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops tally",
												  ALLOCSET_SMALL_SIZES);
	TallyBook  *book = MemoryContextAllocZero(context, sizeof(TallyBook));

	book->context = context;
	book->open_context = AllocSetContextCreate(context, "mlops open windows", ALLOCSET_DEFAULT_SIZES);
	book->row_context = AllocSetContextCreate(context, "mlops row", ALLOCSET_SMALL_SIZES);
	book->watcher = watcher;
	book->now = now;
	book->label_window = DT_NOBEGIN;
	return book;
}

/* Value of a block, as a delta has it.  A label that is missing may come yet: it does not
 * count. */
static DeltaValue
get_block_value(const Tally *tally, int column, int row)
{
	BlockValue	value = tally->block[column * tally->block_rows + row];
	DeltaValue	result = {.kind = DELTA_MISSING};

	if (tally->plan->columns[column].place < 0)
		result.kind = DELTA_ABSENT;
	else if (mlops_profile_kind(tally->plan->set->columns[column].reference) == PROFILE_CATEGORICAL)
	{
		if (value.cell >= 0)
		{
			result.kind = DELTA_CELL;
			result.as.cell = value.cell;
		}
	}
	else if (!isnan(value.number))
	{
		result.kind = DELTA_NUMBER;
		result.as.number = value.number;
	}
	if (column == tally->plan->set->label && result.kind == DELTA_MISSING)
		result.kind = DELTA_ABSENT;
	return result;
}

/* Count the label changes and the block into profiles. */
static void
flush_tally(TallyBook *book, Tally *tally)
{
	const WatchSet *set = tally->plan->set;

	if (tally->profiles == NULL)
	{
		tally->profiles = MemoryContextAlloc(book->open_context, sizeof(Profile *) * set->n);
		for (int i = 0; i < set->n; i++)
		{
			size_t		size = mlops_profile_size(set->columns[i].reference);

			tally->profiles[i] = MemoryContextAlloc(book->open_context, size);
			memcpy(tally->profiles[i], set->columns[i].reference, size);
			(void) mlops_profile_clear(tally->profiles[i]);
		}
	}
	for (int i = 0; i < set->n && tally->n_block > 0; i++)
	{
		const BlockValue *column = tally->block + i * tally->block_rows;
		Profile    *profile = tally->profiles[i];
		int			missing = mlops_profile_value_cells(profile) + PROFILE_NULL;

		if (tally->plan->columns[i].place < 0)
			continue;
		if (i == set->label)
			for (int row = 0; row < tally->n_block; row++)
				mlops_delta_count(profile, get_block_value(tally, i, row), 1);
		else if (mlops_profile_kind(profile) == PROFILE_NUMERIC)
			mlops_profile_add_floats(profile, &column->number, 1, tally->n_block);
		else
			for (int row = 0; row < tally->n_block; row++)
				(void) mlops_profile_add_cell(profile, column[row].cell < 0 ? missing :
											  column[row].cell, 1, 0);
	}
	for (int i = 0; i < tally->n_changes; i++)
		mlops_delta_count(tally->profiles[set->label], tally->changes[i].value,
						  tally->changes[i].sign);
	tally->n_block = tally->n_changes = 0;
}

static void
put_values(DeltaWriter *writer, const Tally *tally)
{
	mlops_delta_put_byte(writer, 0);
	mlops_delta_put_unsigned(writer, tally->n_block + tally->n_changes);
	for (int row = 0; row < tally->n_block; row++)
	{
		mlops_delta_put_byte(writer, DELTA_ROW);
		for (int i = 0; i < tally->plan->set->n; i++)
			mlops_delta_put_value(writer, get_block_value(tally, i, row));
	}
	for (int i = 0; i < tally->n_changes; i++)
	{
		mlops_delta_put_byte(writer, tally->changes[i].sign > 0 ? DELTA_LABEL_ADDED : DELTA_LABEL_REMOVED);
		mlops_delta_put_value(writer, tally->changes[i].value);
	}
}

/* Whether a profile of the tally counted anything. */
static bool
is_counted(const Tally *tally, int column)
{
	if (tally->plan->columns[column].place < 0)
		return false;
	return tally->n_rows > 0 || column == tally->plan->set->label;
}

static void
put_tally(DeltaWriter *writer, const Tally *tally)
{
	const WatchSet *set = tally->plan->set;

	mlops_delta_put_byte(writer, DELTA_FORMAT);
	mlops_delta_put_u64(writer, set->digest);
	mlops_delta_put_signed(writer, tally->n_rows);
	mlops_delta_put_signed(writer, tally->n_labels);
	if (tally->profiles == NULL)
		put_values(writer, tally);
	else
	{
		mlops_delta_put_byte(writer, 1);
		for (int i = 0; i < set->n; i++)
			if (is_counted(tally, i))
			{
				mlops_delta_put_unsigned(writer, i + 1);
				mlops_delta_put_profile(writer, tally->profiles[i]);
			}
		mlops_delta_put_unsigned(writer, 0);
	}
	mlops_delta_put_estimate(writer, &tally->estimate);
	mlops_realized_put(tally->realized, writer);
}

/* Write a tally as a delta, unless it is empty. */
static void
write_tally(TallyBook *book, Tally *tally)
{
	MemoryContext old = MemoryContextSwitchTo(book->context);
	TallyDelta *result = palloc(sizeof(TallyDelta));
	size_t		size = 512;
	DeltaWriter writer;

	if (tally->n_rows == 0 && tally->n_changes == 0 && tally->profiles == NULL && tally->realized == NULL)
	{
		MemoryContextSwitchTo(old);
		return;
	}
	if (tally->profiles != NULL || tally->n_block + tally->n_changes > MAX_VALUE_ROWS)
		flush_tally(book, tally);
	for (;;)
	{
		result->delta = palloc(VARHDRSZ + size);
		writer.next = (uint8_t *) VARDATA(result->delta);
		writer.end = writer.next + size;
		put_tally(&writer, tally);
		if (writer.next <= writer.end)
			break;
		size = writer.next - (uint8_t *) VARDATA(result->delta);
		pfree(result->delta);
	}
	SET_VARSIZE(result->delta, writer.next - (uint8_t *) result->delta);
	result->version = tally->plan->set->version->version;
	result->window_start = tally->key.window_start;
	result->n_rows = tally->n_rows;
	book->deltas = lappend(book->deltas, result);
	MemoryContextSwitchTo(old);
}

/* Write all open tallies, and begin anew. */
static void
write_all(TallyBook *book)
{
	HASH_SEQ_STATUS scan;
	Tally	   *tally;

	if (book->first != NULL)
		write_tally(book, book->first);
	if (book->others != NULL)
	{
		hash_seq_init(&scan, book->others);
		while ((tally = hash_seq_search(&scan)) != NULL)
			write_tally(book, tally);
	}
	MemoryContextReset(book->open_context);
	book->first = book->current = NULL;
	book->others = NULL;
}

/* The tally of a version, 0 the champion, and time. */
static Tally *
find_tally(TallyBook *book, int version, TimestampTz time)
{
	const Monitor *monitor = book->watcher->monitor;
	TallyKey	key = {.window_start = DT_NOBEGIN,.version = version};
	Tally	   *tally = book->current;
	bool		found;

	if (tally != NULL && tally->key.version == version &&
		(monitor->window_rows > 0 || (time >= tally->key.window_start && time < book->window_end)))
		return tally;
	if (monitor->window_rows == 0)
		key.window_start = mlops_window_start(&monitor->window_size, time);
	if (MemoryContextMemAllocated(book->open_context, false) > MAX_BYTES)
		write_all(book);
	tally = enter_tally(book, &key, &found);
	if (!found)
	{
		tally->plan = mlops_watcher_set(book->watcher, version);
		if (tally->plan->problem != NULL)
			book->problem = tally->plan->problem;
	}
	book->current = tally;
	if (monitor->window_rows == 0)
		book->window_end = mlops_window_add(&monitor->window_size, key.window_start, 1);
	return tally;
}

/* Make room for a row: in a small block at first, as most statements have few. */
static void
make_room(TallyBook *book, Tally *tally)
{
	if (tally->block_rows > 0)
		flush_tally(book, tally);
	if (tally->block_rows == BLOCK_ROWS)
		return;
	tally->block_rows = tally->block_rows == 0 ? MAX_VALUE_ROWS : BLOCK_ROWS;
	tally->block = MemoryContextAlloc(book->open_context,
									  sizeof(BlockValue) * tally->block_rows * tally->plan->set->n);
}

/*
 * The version that a late label belongs to, where rows do not say: that of most rows of
 * their window, which may have been the champion then; 0: the champion of now.
 */
static int
find_window_version(TallyBook *book, TimestampTz time)
{
	const Monitor *monitor = book->watcher->monitor;
	TimestampTz start = mlops_window_start(&monitor->window_size, time);
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;

	if (book->label_window == start)
		return book->label_version;
	mlops_args_add_text(&args, monitor->name);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
	mlops_spi_begin(&scope, true);
	book->label_version = 0;
	if (mlops_spi_run(&scope, "SELECT version FROM mlops.drift_window WHERE monitor = $1"
					  " AND window_start = $2 ORDER BY n_rows DESC, version DESC LIMIT 1", &args) > 0)
		book->label_version = DatumGetInt32(mlops_spi_value(0, 1, &isnull));
	mlops_spi_end(&scope);
	book->label_window = start;
	return book->label_version;
}

/* Put the values of a row into the block. */
static void
add_to_block(TallyBook *book, Tally *tally, const Datum *values, const bool *nulls)
{
	const WatchSet *set = tally->plan->set;

	if (tally->n_block == tally->block_rows)
		make_room(book, tally);
	for (int i = 0; i < set->n; i++)
	{
		BlockValue *place = &tally->block[i * tally->block_rows + tally->n_block];
		const PlanColumn *column = &tally->plan->columns[i];
		DeltaValue	value;

		/* most columns of most tables */
		if (column->is_float8)
		{
			place->number = nulls[column->place] ? NAN : (float) DatumGetFloat8(values[column->place]);
			continue;
		}
		value = mlops_set_plan_value(tally->plan, i, values, nulls);
		if (mlops_profile_kind(set->columns[i].reference) == PROFILE_NUMERIC)
			place->number = value.kind == DELTA_NUMBER ? value.as.number : NAN;
		else
			place->cell = value.kind == DELTA_CELL ? value.as.cell : -1;
	}
	tally->n_block++;
}

void
mlops_tally_row(TallyBook *book, const Datum *values, const bool *nulls)
{
	RowPlan    *plan = book->watcher->plan;
	MemoryContext old = MemoryContextSwitchTo(book->row_context);
	Tally	   *tally = find_tally(book, mlops_row_plan_version(plan, values, nulls),
								   mlops_row_plan_time(plan, values, nulls, book->now));

	add_to_block(book, tally, values, nulls);
	tally->n_rows++;
	book->n_entries++;
	if (plan->label.place >= 0 && !nulls[plan->label.place])
		tally->n_labels++;
	if (plan->prediction.place >= 0)
		mlops_realized_estimate(tally->plan->set, plan, values, nulls, &tally->estimate);
	if (plan->prediction.place >= 0 && plan->label.place >= 0)
		mlops_realized_add(&tally->realized, book->open_context, tally->plan->set, plan, values, nulls, 1);
	if (book->watcher->monitor->window_rows > 0 &&
		tally->n_rows >= book->watcher->monitor->window_rows)
		write_all(book);
	MemoryContextSwitchTo(old);
	MemoryContextReset(book->row_context);
}

void
mlops_tally_label(TallyBook *book, const Datum *values, const bool *nulls, int sign)
{
	RowPlan    *plan = book->watcher->plan;
	MemoryContext old;
	Tally	   *tally;
	const WatchSet *set;
	TimestampTz time;
	int			version;

	if (plan->label.place < 0 || nulls[plan->label.place])
		return;
	old = MemoryContextSwitchTo(book->row_context);
	time = mlops_row_plan_time(plan, values, nulls, book->now);
	version = mlops_row_plan_version(plan, values, nulls);
	tally = find_tally(book, version != 0 ? version : find_window_version(book, time), time);
	set = tally->plan->set;
	if (set->label >= 0)
	{
		if (tally->changes == NULL)
			tally->changes = MemoryContextAlloc(book->open_context, sizeof(LabelChange) * MAX_CHANGES);
		else if (tally->n_changes == MAX_CHANGES)
			flush_tally(book, tally);
		tally->changes[tally->n_changes].value = mlops_set_plan_value(tally->plan, set->label, values, nulls);
		tally->changes[tally->n_changes++].sign = sign;
	}
	tally->n_labels += sign;
	book->n_entries++;
	if (plan->prediction.place >= 0)
		mlops_realized_add(&tally->realized, book->open_context, set, plan, values, nulls, sign);
	MemoryContextSwitchTo(old);
	MemoryContextReset(book->row_context);
}

List *
mlops_tally_finish(TallyBook *book)
{
	write_all(book);
	return book->deltas;
}

const char *
mlops_tally_problem(const TallyBook *book)
{
	return book->problem;
}

int64
mlops_tally_entries(const TallyBook *book)
{
	return book->n_entries;
}
