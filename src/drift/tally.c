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

#include "drift/realized.h"
#include "drift/tally.h"

#define BLOCK_ROWS 64
#define MAX_VALUE_ROWS 16		/* of a delta of values */
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
	BlockValue *block;			/* columns of BLOCK_ROWS values */
	int			n_block;
	LabelChange *changes;		/* BLOCK_ROWS of them */
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
	HTAB	   *tallies;
	Tally	   *current;
	TimestampTz window_end;		/* of the current one */
	List	   *deltas;
	int64		n_entries;
	const char *problem;
};

static void
open_tallies(TallyBook *book)
{
	HASHCTL		control = {
		.keysize = sizeof(TallyKey),.entrysize = sizeof(Tally),.hcxt = book->open_context
	};

	book->tallies = hash_create("mlops windows of a statement", 16, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	book->current = NULL;
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
	open_tallies(book);
	return book;
}

/* Value of a block, as a delta has it.  A label that is missing may come yet: it does not
 * count. */
static DeltaValue
get_block_value(const Tally *tally, int column, int row)
{
	BlockValue	value = tally->block[column * BLOCK_ROWS + row];
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
		const BlockValue *column = tally->block + i * BLOCK_ROWS;
		Profile    *profile = tally->profiles[i];
		int			missing = mlops_profile_value_cells(profile) + PROFILE_NULL;

		if (tally->plan->columns[i].place < 0)
			continue;
		if (i == set->label)
			for (int row = 0; row < tally->n_block; row++)
				mlops_delta_count(profile, get_block_value(tally, i, row), 1);
		else if (mlops_profile_kind(profile) == PROFILE_NUMERIC)
			for (int row = 0; row < tally->n_block; row++)
			{
				if (isnan(column[row].number))
					mlops_profile_add_null(profile);
				else
					mlops_profile_add_number(profile, column[row].number);
			}
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

/* Write a tally as a delta. */
static void
write_tally(TallyBook *book, Tally *tally)
{
	MemoryContext old = MemoryContextSwitchTo(book->context);
	TallyDelta *result = palloc(sizeof(TallyDelta));
	size_t		size = 512;
	DeltaWriter writer;

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

	hash_seq_init(&scan, book->tallies);
	while ((tally = hash_seq_search(&scan)) != NULL)
		if (tally->n_rows > 0 || tally->n_changes > 0 || tally->profiles != NULL ||
			tally->realized != NULL)
			write_tally(book, tally);
	MemoryContextReset(book->open_context);
	open_tallies(book);
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
	tally = hash_search(book->tallies, &key, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) tally + sizeof(TallyKey), 0, sizeof(Tally) - sizeof(TallyKey));
		tally->plan = mlops_watcher_set(book->watcher, version);
		if (tally->plan->problem != NULL)
			book->problem = tally->plan->problem;
	}
	book->current = tally;
	if (monitor->window_rows == 0)
		book->window_end = mlops_window_add(&monitor->window_size, key.window_start, 1);
	return tally;
}

/* Put the values of a row into the block. */
static void
add_to_block(TallyBook *book, Tally *tally, const Datum *values, const bool *nulls)
{
	const WatchSet *set = tally->plan->set;

	if (tally->block == NULL)
		tally->block = MemoryContextAlloc(book->open_context,
										  sizeof(BlockValue) * BLOCK_ROWS * set->n);
	else if (tally->n_block == BLOCK_ROWS)
		flush_tally(book, tally);
	for (int i = 0; i < set->n; i++)
	{
		BlockValue *place = &tally->block[i * BLOCK_ROWS + tally->n_block];
		DeltaValue	value = mlops_set_plan_value(tally->plan, i, values, nulls);

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

	if (plan->label.place < 0 || nulls[plan->label.place])
		return;
	old = MemoryContextSwitchTo(book->row_context);
	tally = find_tally(book, mlops_row_plan_version(plan, values, nulls),
					   mlops_row_plan_time(plan, values, nulls, book->now));
	set = tally->plan->set;
	if (set->label >= 0)
	{
		if (tally->changes == NULL)
			tally->changes = MemoryContextAlloc(book->open_context, sizeof(LabelChange) * BLOCK_ROWS);
		else if (tally->n_changes == BLOCK_ROWS)
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
