/*-------------------------------------------------------------------------
 *
 * profile_row_fn.c
 *	  The aggregates over whole rows: profile(row, set), reference(row[, cells]).
 *
 * The state of profile is the flat set, updated in place.  The plan in fn_extra only
 * saves time: where fn_extra does not last from row to row it is made anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "drift/profile_datum.h"
#include "drift/profile_row.h"
#include "drift/profile_sort.h"
#include "drift/profile_value.h"

PG_FUNCTION_INFO_V1(mlops_sql_profile_add_row);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_combine);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_final);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_row);
PG_FUNCTION_INFO_V1(mlops_sql_reference_row_final);

/* What is known of the rows that come. */
typedef struct RowShape
{
	Oid			type;
	int32		typmod;
	TupleDesc	tupdesc;
	Datum	   *values;
	bool	   *isnull;
} RowShape;

typedef struct RowCache
{
	MemoryContext context;		/* of all below */
	RowShape	shape;
	ProfileRowPlan *plan;
} RowCache;

typedef struct RowSorts
{
	RowShape	shape;
	ProfileValue *values;		/* per attribute */
	ProfileSort **sorts;		/* likewise; NULL of dropped ones */
	MemoryContext row_context;
} RowSorts;

/* In the current context. */
static void
read_shape(RowShape *shape, HeapTupleHeader row)
{
	shape->type = HeapTupleHeaderGetTypeId(row);
	shape->typmod = HeapTupleHeaderGetTypMod(row);
	shape->tupdesc = lookup_rowtype_tupdesc_copy(shape->type, shape->typmod);
	shape->values = palloc(sizeof(Datum) * shape->tupdesc->natts);
	shape->isnull = palloc(sizeof(bool) * shape->tupdesc->natts);
}

static bool
has_shape(const RowShape *shape, HeapTupleHeader row)
{
	return shape->type == HeapTupleHeaderGetTypeId(row) && shape->typmod == HeapTupleHeaderGetTypMod(row);
}

static void
deform_row(RowShape *shape, HeapTupleHeader row)
{
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, shape->tupdesc, shape->values, shape->isnull);
}

/* The plan for this row and state, from fn_extra if it is there. */
static RowCache *
get_plan(FunctionCallInfo fcinfo, HeapTupleHeader row, const ProfileSet *state)
{
	RowCache   *cache = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (cache != NULL && has_shape(&cache->shape, row) && mlops_profile_row_fits(cache->plan, state))
		return cache;
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RowCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "mlops profile of rows",
											   ALLOCSET_DEFAULT_SIZES);
	}
	fcinfo->flinfo->fn_extra = NULL;
	MemoryContextReset(cache->context);
	caller = MemoryContextSwitchTo(cache->context);
	read_shape(&cache->shape, row);
	cache->plan = mlops_profile_row_plan(cache->shape.tupdesc, state, false);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

Datum
mlops_sql_profile_add_row(PG_FUNCTION_ARGS)
{
	MemoryContext context = mlops_profile_aggregate_context(fcinfo);
	ProfileSet *state;
	HeapTupleHeader row;
	RowCache   *cache;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("reference must not be null"),
				 errhint("Make one with mlops.reference().")));
	if (PG_ARGISNULL(0))
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		state = mlops_profile_set_clear(mlops_profile_set_copy(DatumGetProfileSet(PG_GETARG_DATUM(2))));
		MemoryContextSwitchTo(caller);
	}
	else
		state = (ProfileSet *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	row = PG_GETARG_HEAPTUPLEHEADER(1);
	cache = get_plan(fcinfo, row, state);
	deform_row(&cache->shape, row);
	mlops_profile_row_add(cache->plan, state, cache->shape.values, cache->shape.isnull);
	PG_RETURN_POINTER(state);
}

/* See mlops_sql_profile_combine. */
Datum
mlops_sql_profile_set_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = mlops_profile_aggregate_context(fcinfo);
	MemoryContext caller;
	ProfileSet *state;
	ProfileSet *more;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	more = DatumGetProfileSet(PG_GETARG_DATUM(1));
	caller = MemoryContextSwitchTo(context);
	state = PG_ARGISNULL(0) ? mlops_profile_set_copy(more) : DatumGetProfileSet(PG_GETARG_DATUM(0));
	MemoryContextSwitchTo(caller);
	if (!PG_ARGISNULL(0) && !mlops_profile_set_merge(state, more))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("profiles of different references do not merge"),
				 errhint("Group by what tells the references apart.")));
	PG_RETURN_POINTER(state);
}

Datum
mlops_sql_profile_set_final(PG_FUNCTION_ARGS)
{
	mlops_profile_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(mlops_profile_set_copy((ProfileSet *) PG_GETARG_POINTER(0)));
}

static void
end_sorts(Datum datum)
{
	RowSorts   *sorts = (RowSorts *) DatumGetPointer(datum);

	for (int i = 0; i < sorts->shape.tupdesc->natts; i++)
		if (sorts->sorts[i] != NULL)
			mlops_profile_sort_end(sorts->sorts[i]);
}

/* One sort per column; work_mem is for all together. */
static RowSorts *
start_sorts(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	RowSorts   *sorts = palloc0(sizeof(RowSorts));
	int			cells = mlops_profile_cells_argument(fcinfo);
	int			n;

	read_shape(&sorts->shape, row);
	n = sorts->shape.tupdesc->natts;
	sorts->values = palloc0(sizeof(ProfileValue) * n);
	sorts->sorts = palloc0(sizeof(ProfileSort *) * n);
	sorts->row_context = AllocSetContextCreate(CurrentMemoryContext, "mlops reference row",
											   ALLOCSET_SMALL_SIZES);
	AggRegisterCallback(fcinfo, end_sorts, PointerGetDatum(sorts));
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(sorts->shape.tupdesc, i);

		if (attribute->attisdropped)
			continue;
		mlops_profile_value_init(&sorts->values[i], attribute->atttypid);
		sorts->sorts[i] = mlops_profile_sort_start(sorts->values[i].kind, cells, 0, work_mem / n);
	}
	return sorts;
}

static void
sort_value(ProfileSort *sort, ProfileValue *value, Datum datum, bool isnull)
{
	const char *label;
	size_t		length;

	if (isnull)
		mlops_profile_sort_null(sort);
	else if (value->kind == PROFILE_NUMERIC)
		mlops_profile_sort_number(sort, mlops_profile_value_number(value, datum, false));
	else
	{
		label = mlops_profile_value_label(value, datum, &length);
		mlops_profile_sort_label(sort, label, length);
	}
}

Datum
mlops_sql_reference_add_row(PG_FUNCTION_ARGS)
{
	MemoryContext context = mlops_profile_aggregate_context(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	RowSorts   *sorts = PG_ARGISNULL(0) ? NULL : (RowSorts *) PG_GETARG_POINTER(0);
	HeapTupleHeader row;

	if (PG_ARGISNULL(1))
	{
		if (sorts == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(sorts);
	}
	row = PG_GETARG_HEAPTUPLEHEADER(1);
	if (sorts == NULL)
	{
		MemoryContextSwitchTo(context);
		sorts = start_sorts(fcinfo, row);
	}
	if (!has_shape(&sorts->shape, row))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rows of one group have different types"),
				 errhint("Group by what tells the types apart.")));
	deform_row(&sorts->shape, row);
	MemoryContextSwitchTo(sorts->row_context);
	for (int i = 0; i < sorts->shape.tupdesc->natts; i++)
		if (sorts->sorts[i] != NULL)
			sort_value(sorts->sorts[i], &sorts->values[i], sorts->shape.values[i], sorts->shape.isnull[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(sorts->row_context);
	PG_RETURN_POINTER(sorts);
}

Datum
mlops_sql_reference_row_final(PG_FUNCTION_ARGS)
{
	RowSorts   *sorts;
	Profile   **profiles;
	const char **names;
	int			n = 0;

	mlops_profile_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	sorts = (RowSorts *) PG_GETARG_POINTER(0);
	profiles = palloc(sizeof(Profile *) * sorts->shape.tupdesc->natts);
	names = palloc(sizeof(char *) * sorts->shape.tupdesc->natts);
	for (int i = 0; i < sorts->shape.tupdesc->natts; i++)
		if (sorts->sorts[i] != NULL)
		{
			names[n] = NameStr(TupleDescAttr(sorts->shape.tupdesc, i)->attname);
			profiles[n++] = mlops_profile_sort_finish(sorts->sorts[i]);
		}
	return ProfileSetGetDatum(mlops_profile_set_make(n, names, profiles));
}
