/*-------------------------------------------------------------------------
 *
 * fixed_row.c
 *	  Columns of fixed width -> float32 vector, straight from the tuple.
 *
 * Without NULLs every column stands at an offset known beforehand, and columns
 * of one type that follow each other in the row and in the vector are one run.
 * A row with NULLs is walked column by column.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"

#include "feature/encode_step.h"
#include "feature/fixed_row.h"

/* A column of the row, up to the last that is wanted. */
typedef struct FixedColumn
{
	int			slot;			/* place in the vector, -1: not wanted */
	int16		length;
	char		align;
	ValueKind	kind;
} FixedColumn;

/* Wanted columns of one type, side by side in row and vector. */
typedef struct FixedRun
{
	ValueKind	kind;
	int			n;
	int			offset;			/* of the first, in the row's data */
	int			slot;			/* of the first */
} FixedRun;

struct FixedRow
{
	const EncodePlan *plan;
	int			n_columns;
	FixedColumn *columns;
	int			n_runs;
	FixedRun   *runs;
};

/* Enter the columns of the tuple up to "last"; false when one has no fixed width. */
static bool
collect_columns(FixedRow *fixed, TupleDesc tupdesc, int last)
{
	fixed->n_columns = last + 1;
	fixed->columns = palloc0(fixed->n_columns * sizeof(FixedColumn));
	for (int i = 0; i <= last; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
		FixedColumn *column = &fixed->columns[i];

		if (attribute->attlen <= 0)
			return false;
		column->slot = -1;
		column->length = attribute->attlen;
		column->align = attribute->attalign;
	}
	for (int i = 0; i < fixed->plan->n_steps; i++)
	{
		const EncodeStep *step = &fixed->plan->steps[i];

		fixed->columns[step->column].slot = step->slot;
		fixed->columns[step->column].kind = step->value_type.kind;
	}
	return true;
}

/* Join the wanted columns to runs. */
static void
collect_runs(FixedRow *fixed)
{
	int			offset = 0;

	fixed->runs = palloc(fixed->n_columns * sizeof(FixedRun));
	for (int i = 0; i < fixed->n_columns; i++)
	{
		const FixedColumn *column = &fixed->columns[i];
		FixedRun   *run = &fixed->runs[fixed->n_runs];

		offset = att_align_nominal(offset, column->align);
		if (column->slot >= 0)
		{
			if (fixed->n_runs > 0 && run[-1].kind == column->kind &&
				run[-1].slot + run[-1].n == column->slot &&
				run[-1].offset + run[-1].n * column->length == offset)
				run[-1].n++;
			else
			{
				run->kind = column->kind;
				run->n = 1;
				run->offset = offset;
				run->slot = column->slot;
				fixed->n_runs++;
			}
		}
		offset += column->length;
	}
}

FixedRow *
mlops_fixed_row_create(const EncodePlan *plan, TupleDesc tupdesc)
{
	FixedRow   *fixed;
	int			last = -1;

	if (!mlops_encode_is_plain(plan))
		return NULL;
	for (int i = 0; i < plan->n_steps; i++)
		last = Max(last, plan->steps[i].column);
	fixed = palloc0(sizeof(FixedRow));
	fixed->plan = plan;
	if (!collect_columns(fixed, tupdesc, last))
		return NULL;
	collect_runs(fixed);
	return fixed;
}

/* One value of a plain kind, as it stands in a tuple. */
static inline float
read_value(ValueKind kind, const char *place)
{
	switch (kind)
	{
		case VALUE_FLOAT4:
			return *(const float *) place;
		case VALUE_FLOAT8:
			return (float) *(const double *) place;
		case VALUE_INT4:
			return (float) *(const int32 *) place;
		case VALUE_INT8:
			return (float) *(const int64 *) place;
		case VALUE_INT2:
			return *(const int16 *) place;
		case VALUE_BOOLEAN:
			return mlops_value_number(kind, BoolGetDatum(*place != 0));
		case VALUE_DATE:
			return mlops_value_number(kind, Int32GetDatum(*(const int32 *) place));
		default:
			return mlops_value_number(kind, fetch_att(place, FLOAT8PASSBYVAL, sizeof(int64)));
	}
}

/* The values of a run. */
static void
read_run(const FixedRun *run, const char *place, float *vector)
{
	switch (run->kind)
	{
		case VALUE_FLOAT4:
			memcpy(vector, place, run->n * sizeof(float));
			break;
		case VALUE_FLOAT8:
			for (int i = 0; i < run->n; i++)
				vector[i] = (float) ((const double *) place)[i];
			break;
		case VALUE_INT4:
			for (int i = 0; i < run->n; i++)
				vector[i] = (float) ((const int32 *) place)[i];
			break;
		case VALUE_INT2:
			for (int i = 0; i < run->n; i++)
				vector[i] = ((const int16 *) place)[i];
			break;
		case VALUE_BOOLEAN:
			for (int i = 0; i < run->n; i++)
				vector[i] = read_value(VALUE_BOOLEAN, place + i);
			break;
		case VALUE_DATE:
			for (int i = 0; i < run->n; i++)
				vector[i] = read_value(VALUE_DATE, place + i * sizeof(int32));
			break;
		default:
			for (int i = 0; i < run->n; i++)
				vector[i] = read_value(run->kind, place + i * sizeof(int64));
	}
}

bool
mlops_fixed_row_encode(const FixedRow *fixed, HeapTupleHeader row, float *vector)
{
	const char *data = (const char *) row + row->t_hoff;

	if (HeapTupleHeaderGetNatts(row) < fixed->n_columns)
		return false;
	if (row->t_infomask & HEAP_HASNULL)
	{
		int			offset = 0;

		for (int i = 0; i < fixed->n_columns; i++)
		{
			const FixedColumn *column = &fixed->columns[i];

			if (att_isnull(i, row->t_bits))
			{
				if (column->slot >= 0)
					vector[column->slot] = NAN;
				continue;
			}
			offset = att_align_nominal(offset, column->align);
			if (column->slot >= 0)
				vector[column->slot] = read_value(column->kind, data + offset);
			offset += column->length;
		}
	}
	else
		for (int i = 0; i < fixed->n_runs; i++)
			read_run(&fixed->runs[i], data + fixed->runs[i].offset,
					 vector + fixed->runs[i].slot);
	mlops_encode_check(fixed->plan, vector);
	return true;
}
