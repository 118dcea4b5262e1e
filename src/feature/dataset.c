/*-------------------------------------------------------------------------
 *
 * dataset.c
 *	  Query -> encoded rows in canonical order, with digest and statistics.
 *
 *	 query -> receiver -> encode -> [temporary file -> final codes and parts]
 *		-> sort -> next row
 *
 * The way through the temporary file is taken when codes or parts depend on
 * rows that come later: category dictionaries and classes not fixed before, and
 * time splits.  Until then a category and a class go by the number in which
 * they came.
 *
 * Memory is bounded by maintenance_work_mem and the dictionaries; temporary
 * files, sorts and the digest belong to the current resource owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "base/error.h"
#include "compat/pg_compat.h"
#include "feature/columns.h"
#include "feature/dataset_state.h"
#include "feature/query.h"

#define PROGRESS_ROWS 10000

typedef struct Receiver
{
	DestReceiver base;
	struct DatasetState *state;
} Receiver;

static void
report_progress(const struct DatasetState *state, const char *phase, int64 n)
{
	if (state->spec->progress != NULL && n % PROGRESS_ROWS == 0)
		state->spec->progress(phase, n);
}

/* Hand a row whose codes are final on to the sort. */
static void
put_row(struct DatasetState *state)
{
	StoredRow  *stored = state->row;
	DatasetRow	row = {stored->features, stored->label, stored->upper, stored->weight,
	stored->group, stored->part};

	if (stored->part == PART_DROPPED)
	{
		state->n_in_gap++;
		return;
	}
	if (state->class_rows != NULL && row.label >= 0 && row.label < state->n_class_rows)
		state->class_rows[row.part * state->n_class_rows + (int) row.label]++;
	state->dataset->n_part[row.part]++;
	mlops_sorter_put(state->sorter, &row);
}

static float
read_weight(struct DatasetState *state, const Datum *values, const bool *isnull)
{
	const RoleColumn *column = &state->columns->weight;
	float		weight;

	if (column->column < 0)
		return 1;
	weight = isnull[column->column] ? NAN :
		mlops_value_number(column->value_type.kind, values[column->column]);
	if (isinf(weight))
		mlops_value_overflow(column->name);
	if (isnan(weight) || weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\", named by weight, holds %s", column->name,
						isnull[column->column] ? "NULL" : isnan(weight) ? "NaN" : "a negative number"),
				 errhint("Weights must be 0 or more.")));
	state->has_weight = state->has_weight || weight > 0;
	return weight;
}

static void
encode_row(struct DatasetState *state, const Datum *values, const bool *isnull)
{
	StoredRow  *row = state->row;
	MemoryContext old_context = MemoryContextSwitchTo(state->row_context);

	MemoryContextReset(state->row_context);
	if (!mlops_target_read(state->target, values, isnull, &row->label, &row->upper))
	{
		state->n_without_target++;
		MemoryContextSwitchTo(old_context);
		return;
	}
	row->weight = read_weight(state, values, isnull);
	row->group = mlops_split_group(state->split, values, isnull);
	mlops_encode_row(state->columns->features, values, isnull, row->features);
	row->part = mlops_split_row(state->split, values, isnull, row->features, state->target->hash,
								&row->time);
	MemoryContextSwitchTo(old_context);
	if (row->part == PART_DROPPED)
		state->n_without_part++;
	else if (state->file == NULL)
		put_row(state);
	else
	{
		BufFileWrite(state->file, row, state->row_size);
		state->n_stored++;
	}
}

/* The width of the vector is known: make what depends on it. */
static void
start_rows(struct DatasetState *state)
{
	EncodePlan *plan = state->columns->features;
	MemoryContext old_context = MemoryContextSwitchTo(state->context);
	bool		late = mlops_split_is_late(state->split) || state->target->mode == TARGET_COLLECT;

	mlops_columns_place(state->spec, plan);
	for (int i = 0; i < plan->n_steps; i++)
		late = late || plan->steps[i].labels != NULL;
	plan->hash_labels = state->spec->split != SPLIT_NONE;
	state->row_size = offsetof(StoredRow, features) + plan->n_features * sizeof(float);
	state->row = palloc0(state->row_size);
	if (late)
		state->file = BufFileCreateTemp(false);
	else
		mlops_dataset_start_sort(state);
	MemoryContextSwitchTo(old_context);
}

/* Learn the width of arrays from this row; true when all are known. */
static bool
learn_widths(struct DatasetState *state, const Datum *values, const bool *isnull)
{
	EncodePlan *plan = state->columns->features;
	bool		complete = true;

	for (int i = 0; i < plan->n_steps; i++)
	{
		EncodeStep *step = &plan->steps[i];

		if (step->width == 0 && !isnull[step->column])
		{
			step->width = mlops_value_array_length(values[step->column], step->name);
			if (step->width == 0)
				ereport(ERROR,
						(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						 errmsg("column \"%s\" holds an empty array", step->name),
						 errhint("Use NULL where all elements are missing.")));
		}
		complete = complete && step->width > 0;
	}
	return complete;
}

/* Encode the rows that came before the first array of some column. */
static void
replay_rows(struct DatasetState *state)
{
	TupleTableSlot *slot;

	if (state->waiting == NULL)
		return;
	slot = MakeSingleTupleTableSlot(state->tupdesc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(state->waiting, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		encode_row(state, slot->tts_values, slot->tts_isnull);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(state->waiting);
	state->waiting = NULL;
}

static void
keep_waiting(struct DatasetState *state, TupleTableSlot *slot)
{
	MemoryContext old_context = MemoryContextSwitchTo(state->context);

	if (state->waiting == NULL)
		state->waiting = tuplestore_begin_heap(false, false, work_mem);
	tuplestore_puttupleslot(state->waiting, slot);
	MemoryContextSwitchTo(old_context);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	struct DatasetState *state = ((Receiver *) self)->state;

	CHECK_FOR_INTERRUPTS();
	state->n_read++;
	if (state->spec->max_rows > 0 && state->n_read > state->spec->max_rows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("query returned more than mlops.max_rows (" INT64_FORMAT ") rows",
						state->spec->max_rows),
				 errhint("Select fewer rows, or raise mlops.max_rows.")));
	report_progress(state, "reading", state->n_read);

	slot_getallattrs(slot);
	if (state->row == NULL)
	{
		if (!learn_widths(state, slot->tts_values, slot->tts_isnull))
		{
			keep_waiting(state, slot);
			return true;
		}
		start_rows(state);
		replay_rows(state);
	}
	encode_row(state, slot->tts_values, slot->tts_isnull);
	return true;
}

static void
start_receiver(DestReceiver *self, int operation, TupleDesc tupdesc)
{
	struct DatasetState *state = ((Receiver *) self)->state;
	MemoryContext old_context = MemoryContextSwitchTo(state->context);

	state->tupdesc = CreateTupleDescCopy(tupdesc);
	state->columns = mlops_columns_resolve(state->spec, state->tupdesc);
	state->target = mlops_target_create(state->spec, state->columns);
	state->split = mlops_split_create(state->spec, state->columns);
	MemoryContextSwitchTo(old_context);
}

static void
ignore_receiver(DestReceiver *self)
{
}

/* Give stored rows their final codes and parts. */
static void
recode_rows(struct DatasetState *state, const int *classes)
{
	EncodePlan *plan = state->columns->features;
	StoredRow  *row = state->row;

	if (BufFileSeek(state->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind a temporary file: %m")));
	for (int64 n = 1; n <= state->n_stored; n++)
	{
		CHECK_FOR_INTERRUPTS();
		BufFileReadExact(state->file, row, state->row_size);
		for (int i = 0; i < plan->n_steps; i++)
		{
			float	   *slot = &row->features[plan->steps[i].slot];

			if (state->codes[i] != NULL && !isnan(*slot))
				*slot = state->codes[i][(int) *slot];
		}
		if (classes != NULL)
			row->upper = row->label = classes[(int) row->label];
		if (mlops_split_is_late(state->split))
			row->part = mlops_split_time(state->split, row->time);
		put_row(state);
		report_progress(state, "sorting", n);
	}
	BufFileClose(state->file);
	state->file = NULL;
}

Dataset *
mlops_dataset_read(const DatasetSpec *spec)
{
	struct DatasetState *state = palloc0(sizeof(struct DatasetState));
	Dataset    *dataset = palloc0(sizeof(Dataset));
	Receiver	receiver = {{receive_row, start_receiver, ignore_receiver, ignore_receiver, DestTuplestore}, state};
	QueryFacts	facts;
	int		   *classes;

	state->spec = spec;
	state->dataset = dataset;
	state->context = CurrentMemoryContext;
	state->row_context = AllocSetContextCreate(CurrentMemoryContext, "mlops dataset row",
											   ALLOCSET_DEFAULT_SIZES);
	dataset->state = state;
	mlops_query_examine(mlops_query_parse(spec->query), &facts);
	mlops_query_run(spec->query, spec->as_of, &receiver.base);

	if (state->row == NULL)
	{
		mlops_dataset_check_widths(state);
		start_rows(state);
		replay_rows(state);
	}
	mlops_dataset_check_rows(state);
	mlops_dataset_finish_features(state);
	classes = mlops_target_finish(state->target);
	dataset->task = state->target->task;
	dataset->classes = state->target->classes;
	dataset->n_classes = state->target->n_classes;
	if (state->file != NULL)
	{
		mlops_split_cut(state->split);
		mlops_dataset_start_sort(state);
		recode_rows(state, classes);
	}
	mlops_dataset_check_parts(state);
	mlops_dataset_digest_schema(state);
	mlops_sorter_sort(state->sorter, dataset->signature);
	return dataset;
}

bool
mlops_dataset_next(Dataset *dataset, DatasetRow *row)
{
	return mlops_sorter_next(dataset->state->sorter, row, dataset->digest);
}

void
mlops_dataset_end(Dataset *dataset)
{
	mlops_sorter_end(dataset->state->sorter);
}

const DatasetColumn *
mlops_dataset_column(const Dataset *dataset, int i)
{
	return mlops_sorter_column(dataset->state->sorter, i);
}

Jsonb *
mlops_dataset_columns(const Dataset *dataset)
{
	return mlops_sorter_columns(dataset->state->sorter);
}
