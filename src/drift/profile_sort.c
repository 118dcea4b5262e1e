/*-------------------------------------------------------------------------
 *
 * profile_sort.c
 *	  Values of a column in any order -> its reference.
 *
 * Numbers are read twice from the sort: for the cells, and to count them. Labels
 * once, because equal ones stand together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "drift/profile_datum.h"
#include "drift/profile_sort.h"

struct ProfileSort
{
	ProfileKind kind;
	int			cells;
	unsigned	flags;
	Tuplesortstate *sort;		/* finite numbers, or labels */
	int64		n;				/* in the sort */
	int64		special[N_PROFILE_SPECIALS];
	MemoryContext row_context;	/* reset for every label */
};

ProfileSort *
mlops_profile_sort_start(ProfileKind kind, int cells, unsigned flags, int memory)
{
	ProfileSort *sort = palloc0(sizeof(ProfileSort));

	sort->kind = kind;
	sort->cells = cells > 0 ? cells :
		kind == PROFILE_NUMERIC ? PROFILE_NUMERIC_CELLS : PROFILE_CATEGORICAL_CELLS;
	sort->flags = flags;
	sort->row_context = AllocSetContextCreate(CurrentMemoryContext, "mlops profile sort", ALLOCSET_SMALL_SIZES);
	sort->sort = kind == PROFILE_NUMERIC ?
		tuplesort_begin_datum(FLOAT8OID, Float8LessOperator, InvalidOid, false, memory, NULL,
							  TUPLESORT_RANDOMACCESS) :
		tuplesort_begin_datum(TEXTOID, TextLessOperator, C_COLLATION_OID, false, memory, NULL,
							  TUPLESORT_NONE);
	return sort;
}

void
mlops_profile_sort_number(ProfileSort *sort, double value)
{
	if (sort->flags & PROFILE_SINGLE)
		value = (float) value;
	if (isfinite(value))
	{
		tuplesort_putdatum(sort->sort, Float8GetDatum(value), false);
		sort->n++;
	}
	else if (isnan(value))
		sort->special[sort->flags & PROFILE_SINGLE ? PROFILE_NULL : PROFILE_NAN]++;
	else
		sort->special[value > 0 ? PROFILE_PLUS_INF : PROFILE_MINUS_INF]++;
}

void
mlops_profile_sort_label(ProfileSort *sort, const char *label, size_t length)
{
	char		buffer[PROFILE_MAX_LABEL];
	MemoryContext caller;

	label = mlops_profile_short_label(label, &length, buffer);
	caller = MemoryContextSwitchTo(sort->row_context);
	tuplesort_putdatum(sort->sort, PointerGetDatum(cstring_to_text_with_len(label, length)), false);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(sort->row_context);
	sort->n++;
}

void
mlops_profile_sort_null(ProfileSort *sort)
{
	sort->special[PROFILE_NULL]++;
}

static Profile *
build_profile(ProfileBuilder *builder)
{
	Profile    *profile = palloc(mlops_profile_build_size(builder));

	return mlops_profile_build(builder, profile);
}

static bool
next_number(ProfileSort *sort, double *value)
{
	Datum		datum;
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	if (!tuplesort_getdatum_compat(sort->sort, true, &datum, &isnull))
		return false;
	*value = DatumGetFloat8(datum);
	return true;
}

static Profile *
build_numeric(ProfileSort *sort, ProfileBuilder *builder)
{
	double		value;
	Profile    *profile;

	while (next_number(sort, &value))
		mlops_profile_builder_add_number(builder, value);
	profile = build_profile(builder);
	tuplesort_rescan(sort->sort);
	while (next_number(sort, &value))
		mlops_profile_add_number(profile, value);
	return profile;
}

static void
give_label(ProfileBuilder *builder, text *label, int64 count)
{
	if (label == NULL)
		return;
	mlops_profile_builder_add_label(builder, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label), count);
	pfree(label);
}

static Profile *
build_categorical(ProfileSort *sort, ProfileBuilder *builder)
{
	Datum		datum;
	bool		isnull;
	text	   *group = NULL;
	int64		count = 0;

	while (tuplesort_getdatum_compat(sort->sort, true, &datum, &isnull))
	{
		text	   *label = (text *) DatumGetPointer(datum);

		CHECK_FOR_INTERRUPTS();
		if (group != NULL && VARSIZE_ANY_EXHDR(label) == VARSIZE_ANY_EXHDR(group) &&
			memcmp(VARDATA_ANY(label), VARDATA_ANY(group), VARSIZE_ANY_EXHDR(label)) == 0)
		{
			count++;
			pfree(label);
			continue;
		}
		give_label(builder, group, count);
		group = label;
		count = 1;
	}
	give_label(builder, group, count);
	return build_profile(builder);
}

Profile *
mlops_profile_sort_finish(ProfileSort *sort)
{
	ProfileBuilder *builder = palloc(mlops_profile_builder_size(sort->kind, sort->cells));
	Profile    *profile;

	mlops_profile_builder_init(builder, sort->kind, sort->cells, sort->flags, sort->n);
	tuplesort_performsort(sort->sort);
	profile = sort->kind == PROFILE_NUMERIC ? build_numeric(sort, builder) :
		build_categorical(sort, builder);
	for (int i = 0; i < N_PROFILE_SPECIALS; i++)
		if (sort->special[i] > 0)
			mlops_profile_add_cell(profile, mlops_profile_value_cells(profile) + i, sort->special[i], 0);
	pfree(builder);
	ProfileGetDatum(profile);
	return profile;
}

void
mlops_profile_sort_end(ProfileSort *sort)
{
	tuplesort_end(sort->sort);
}
