/*-------------------------------------------------------------------------
 *
 * split.c
 *	  Which part of a data set a row belongs to.
 *
 * A hash split gives a key, a group or (without either) a whole row the same
 * side in every version of a model: the hash covers the model's name and values,
 * never positions, dictionaries or other rows.  A time split makes the newest
 * rows the hold-out; a column split does as it is told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplesort.h"

#include "base/error.h"
#include "compat/pg_compat.h"
#include "feature/mix.h"
#include "feature/split.h"

struct Split
{
	MemoryContext context;
	const DatasetSpec *spec;
	DatasetColumns *columns;
	bool		hashed;			/* parts, or the validation part, go by hash */
	int			n_units;		/* columns that make the unit of the split:
								 * key or qid; 0: the whole row */
	RoleColumn *units;
	StringInfoData buffer;		/* what is hashed, behind the model's name */
	int			prefix;
	uint64		seed;			/* hash of the model's name */
	uint32	   *words;			/* whole row as it is hashed */

	/* time split */
	Tuplesortstate *times;
	int64		n_times;
	int64		train_end;		/* rows before are in training or validation */
	int64		test_start;		/* rows between train_end and here are dropped */
	int64		validation_gap; /* likewise for the validation part */
	int64		validation_start;
};

static void
check_split_column(const Split *split)
{
	const RoleColumn *column = &split->columns->split_by;
	const Interval *gap = split->spec->gap;
	bool		has_gap = gap != NULL && (gap->time != 0 || gap->day != 0 || gap->month != 0);
	ValueKind	kind = column->value_type.kind;
	bool		suits;

	if (split->spec->split != SPLIT_TIME && split->spec->split != SPLIT_COLUMN)
		return;
	if (column->column < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this split needs split_by"),
				 errhint("Name the column that says %s.", split->spec->split == SPLIT_TIME ?
						 "how new a row is" : "which part a row belongs to")));
	suits = split->spec->split == SPLIT_TIME ?
		(mlops_value_is_time(kind) && kind != VALUE_TIME) || mlops_value_is_integer(kind) :
		kind == VALUE_BOOLEAN || mlops_value_is_label(kind);
	if (!suits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\", named by split_by, is of type %s", column->name,
						format_type_be(column->value_type.type)),
				 split->spec->split == SPLIT_TIME ?
				 errhint("A time split needs a date, a timestamp or an integer.") :
				 errhint("A column split needs a boolean (true: hold-out), or a text that is train, validation or test.")));
	if (has_gap && (split->spec->split != SPLIT_TIME || !mlops_value_is_time(kind)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("gap needs a time split by a date or timestamp")));
}

Split *
mlops_split_create(const DatasetSpec *spec, DatasetColumns *columns)
{
	Split	   *split = palloc0(sizeof(Split));

	split->context = CurrentMemoryContext;
	split->spec = spec;
	split->columns = columns;
	check_split_column(split);
	split->hashed = spec->split == SPLIT_HASH ||
		(spec->split == SPLIT_COLUMN && spec->validation_size > 0 &&
		 columns->split_by.value_type.kind == VALUE_BOOLEAN);
	if (columns->qid.column >= 0)
	{
		split->n_units = 1;
		split->units = &columns->qid;
	}
	else
	{
		split->n_units = columns->n_keys;
		split->units = columns->keys;
	}
	initStringInfo(&split->buffer);
	if (spec->model != NULL)
		appendStringInfoString(&split->buffer, spec->model);
	split->seed = mlops_label_set_hash(split->buffer.data, split->buffer.len);
	appendStringInfoChar(&split->buffer, '\0');
	split->prefix = split->buffer.len;
	return split;
}

bool
mlops_split_is_late(const Split *split)
{
	return split->spec->split == SPLIT_TIME;
}

/* Hash of key or qid: model's name, 0, then each value's length and text. */
static uint64
hash_units(Split *split, const Datum *values, const bool *isnull)
{
	StringInfo	buffer = &split->buffer;

	buffer->len = split->prefix;
	for (int i = 0; i < split->n_units; i++)
	{
		RoleColumn *unit = &split->units[i];
		const char *label;
		size_t		length;

		if (isnull[unit->column])
		{
			pq_sendint32(buffer, PG_UINT32_MAX);
			continue;
		}
		label = mlops_value_label(&unit->value_type, values[unit->column], &length);
		pq_sendint32(buffer, length);
		appendBinaryStringInfo(buffer, label, length);
	}
	return hash_bytes_extended((unsigned char *) buffer->data, buffer->len, 0);
}

/* Hash of features and target; a category counts by its label, not by its code. */
static uint64
hash_row(Split *split, const float *vector, uint64 target_hash)
{
	const EncodePlan *plan = split->columns->features;
	int			n = plan->n_features;

	if (split->words == NULL)
		split->words = MemoryContextAlloc(split->context, (n + 2) * sizeof(uint32));
	for (int i = 0; i < n; i++)
	{
		float		value = vector[i] + 0.0f;	/* -0 -> 0 */

		memcpy(&split->words[i], &value, sizeof(value));
		if (isnan(value))
			split->words[i] = 0x7fc00000;
	}
	for (int i = 0; i < plan->n_steps; i++)
	{
		const EncodeStep *step = &plan->steps[i];

		if (mlops_value_is_label(step->value_type.kind) && !isnan(vector[step->slot]))
			split->words[step->slot] = (uint32) step->label_hash;
	}
	split->words[n] = (uint32) target_hash;
	split->words[n + 1] = (uint32) (target_hash >> 32);
	return hash_bytes_extended((unsigned char *) split->words, (n + 2) * sizeof(uint32), split->seed);
}

/* Uniform number in [0, 1) */
static double
get_fraction(uint64 hash)
{
	return (hash >> 11) / (double) (UINT64CONST(1) << 53);
}

/* Microseconds since 2000-01-01, or the integer. */
static int64
read_time(const RoleColumn *column, Datum value)
{
	switch (column->value_type.kind)
	{
		case VALUE_INT2:
			return DatumGetInt16(value);
		case VALUE_INT4:
			return DatumGetInt32(value);
		case VALUE_DATE:
			return DatumGetTimestamp(DirectFunctionCall1(date_timestamp, value));
		default:
			return DatumGetInt64(value);
	}
}

static void
put_time(Split *split, int64 time)
{
	if (split->times == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(split->context);

		split->times = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
											 maintenance_work_mem / 2, NULL,
											 TUPLESORT_RANDOMACCESS);
		MemoryContextSwitchTo(old_context);
	}
	tuplesort_putdatum(split->times, Int64GetDatum(time), false);
	split->n_times++;
}

static DatasetPart
read_part(RoleColumn *column, Datum value)
{
	size_t		length;
	const char *label;

	if (column->value_type.kind == VALUE_BOOLEAN)
		return DatumGetBool(value) ? PART_TEST : PART_TRAIN;
	label = mlops_value_label(&column->value_type, value, &length);
	if (length == 5 && memcmp(label, "train", 5) == 0)
		return PART_TRAIN;
	if (length == 10 && memcmp(label, "validation", 10) == 0)
		return PART_VALIDATION;
	if (length == 4 && memcmp(label, "test", 4) == 0)
		return PART_TEST;
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_INVALID_DATASET),
			 errmsg("column \"%s\" holds \"%.*s\", which is no part of a data set",
					column->name, (int) Min(length, 100), label),
			 errhint("Parts are train, validation and test.")));
}

DatasetPart
mlops_split_row(Split *split, const Datum *values, const bool *isnull,
				const float *vector, uint64 target_hash, int64 *time)
{
	const DatasetSpec *spec = split->spec;
	RoleColumn *column = &split->columns->split_by;
	DatasetPart part = PART_TRAIN;
	uint64		hash;

	*time = 0;
	if (spec->split == SPLIT_NONE)
		return PART_TEST;
	if (spec->split != SPLIT_HASH)
	{
		if (isnull[column->column])
			return PART_DROPPED;
		if (spec->split == SPLIT_TIME)
		{
			*time = read_time(column, values[column->column]);
			put_time(split, *time);
			return PART_TRAIN;
		}
		part = read_part(column, values[column->column]);
	}
	if (!split->hashed || part != PART_TRAIN)
		return part;

	hash = split->n_units > 0 ? hash_units(split, values, isnull) :
		hash_row(split, vector, target_hash);
	if (spec->split == SPLIT_HASH && get_fraction(hash) < spec->test_size)
		return PART_TEST;
	/* mixed again, the same hash is independent of the first cut */
	return get_fraction(mlops_mix64(hash)) < spec->validation_size ? PART_VALIDATION : PART_TRAIN;
}

uint64
mlops_split_group(Split *split, const Datum *values, const bool *isnull)
{
	RoleColumn *qid = &split->columns->qid;
	Datum		value;
	const char *label;
	size_t		length;

	if (qid->column < 0)
		return 0;
	if (isnull[qid->column])
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\", named by qid, holds NULL", qid->name),
				 errhint("Leave such rows out of the query.")));
	value = values[qid->column];
	switch (qid->value_type.kind)
	{
		case VALUE_INT2:
			return (int64) DatumGetInt16(value);
		case VALUE_INT4:
			return (int64) DatumGetInt32(value);
		case VALUE_INT8:
			return DatumGetInt64(value);
		default:
			label = mlops_value_label(&qid->value_type, value, &length);
			return mlops_label_set_hash(label, length);
	}
}

/* Time of the row at an index of the sorted times. */
static int64
find_time(Tuplesortstate *times, int64 index)
{
	Datum		value;
	bool		isnull;

	tuplesort_rescan(times);
	if (!tuplesort_skiptuples(times, index, true) ||
		!tuplesort_getdatum_compat(times, true, &value, &isnull))
		elog(ERROR, "no time at index " INT64_FORMAT, index);
	return DatumGetInt64(value);
}

static int64
count_before(Tuplesortstate *times, int64 time)
{
	int64		n = 0;
	Datum		value;
	bool		isnull;

	tuplesort_rescan(times);
	while (tuplesort_getdatum_compat(times, true, &value, &isnull) && DatumGetInt64(value) < time)
	{
		CHECK_FOR_INTERRUPTS();
		n++;
	}
	return n;
}

static int64
subtract_gap(const Split *split, int64 time)
{
	const Interval *gap = split->spec->gap;
	PGFunction	subtract = split->columns->split_by.value_type.kind == VALUE_TIMESTAMPTZ ?
	timestamptz_mi_interval : timestamp_mi_interval;

	if (gap == NULL || !mlops_value_is_time(split->columns->split_by.value_type.kind))
		return time;
	time = DatumGetInt64(DirectFunctionCall2(subtract, TimestampGetDatum(time), IntervalPGetDatum(gap)));
	return time;
}

void
mlops_split_cut(Split *split)
{
	const DatasetSpec *spec = split->spec;
	int64		n_train;

	if (split->times == NULL)
		return;
	tuplesort_performsort(split->times);

	/* rows as old as the first of the hold-out belong to it */
	split->test_start = PG_INT64_MAX;
	if (spec->test_size > 0)
		split->test_start = find_time(split->times,
									  Min((int64) floor(split->n_times * (1 - spec->test_size)),
										  split->n_times - 1));
	split->train_end = split->test_start == PG_INT64_MAX ? PG_INT64_MAX :
		subtract_gap(split, split->test_start);
	split->validation_start = split->validation_gap = split->train_end;
	n_train = count_before(split->times, split->train_end);
	if (spec->validation_size > 0 && n_train > 0)
	{
		split->validation_start = find_time(split->times,
											Min((int64) floor(n_train * (1 - spec->validation_size)),
												n_train - 1));
		split->validation_gap = subtract_gap(split, split->validation_start);
	}
	tuplesort_end(split->times);
	split->times = NULL;
}

DatasetPart
mlops_split_time(const Split *split, int64 time)
{
	if (time >= split->test_start)
		return PART_TEST;
	if (time >= split->train_end)
		return PART_DROPPED;
	if (time >= split->validation_start)
		return PART_VALIDATION;
	return time >= split->validation_gap ? PART_DROPPED : PART_TRAIN;
}
