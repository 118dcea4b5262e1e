/*-------------------------------------------------------------------------
 *
 * profile_reference_fn.c
 *	  The aggregate reference(value[, cells]): a sample -> cells, counted.
 *
 * The state sorts, on disk if need be; it cannot be combined, and as the result
 * ends the sort, not be used as a window function.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "drift/profile_datum.h"
#include "drift/profile_sort.h"
#include "drift/profile_value.h"

PG_FUNCTION_INFO_V1(mlops_sql_reference_add_float8);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_boolean);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_date);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_time);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_timestamp);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_interval);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_text);
PG_FUNCTION_INFO_V1(mlops_sql_reference_add_enum);
PG_FUNCTION_INFO_V1(mlops_sql_reference_final);

static void
end_sort(Datum sort)
{
	mlops_profile_sort_end((ProfileSort *) DatumGetPointer(sort));
}

/* The state, made at the first row. */
static ProfileSort *
get_sort(FunctionCallInfo fcinfo, ProfileKind kind)
{
	MemoryContext context = mlops_profile_aggregate_context(fcinfo);
	MemoryContext caller;
	ProfileSort *sort;

	if (!PG_ARGISNULL(0))
		return (ProfileSort *) PG_GETARG_POINTER(0);
	caller = MemoryContextSwitchTo(context);
	sort = mlops_profile_sort_start(kind, mlops_profile_cells_argument(fcinfo), 0, work_mem);
	AggRegisterCallback(fcinfo, end_sort, PointerGetDatum(sort));
	MemoryContextSwitchTo(caller);
	return sort;
}

static Datum
add_number(FunctionCallInfo fcinfo, double (*convert) (Datum))
{
	ProfileSort *sort = get_sort(fcinfo, PROFILE_NUMERIC);

	if (PG_ARGISNULL(1))
		mlops_profile_sort_null(sort);
	else
		mlops_profile_sort_number(sort, convert(PG_GETARG_DATUM(1)));
	PG_RETURN_POINTER(sort);
}

static double
convert_float8(Datum datum)
{
	return DatumGetFloat8(datum);
}

static double
convert_boolean(Datum datum)
{
	return DatumGetBool(datum) ? 1 : 0;
}

Datum
mlops_sql_reference_add_float8(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, convert_float8);
}

Datum
mlops_sql_reference_add_boolean(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, convert_boolean);
}

Datum
mlops_sql_reference_add_date(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_date);
}

Datum
mlops_sql_reference_add_time(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_time);
}

Datum
mlops_sql_reference_add_timestamp(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_timestamp);
}

Datum
mlops_sql_reference_add_interval(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_interval);
}

Datum
mlops_sql_reference_add_text(PG_FUNCTION_ARGS)
{
	ProfileSort *sort = get_sort(fcinfo, PROFILE_CATEGORICAL);

	if (PG_ARGISNULL(1))
		mlops_profile_sort_null(sort);
	else
	{
		text	   *label = PG_GETARG_TEXT_PP(1);

		mlops_profile_sort_label(sort, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	}
	PG_RETURN_POINTER(sort);
}

Datum
mlops_sql_reference_add_enum(PG_FUNCTION_ARGS)
{
	ProfileSort *sort = get_sort(fcinfo, PROFILE_CATEGORICAL);

	if (PG_ARGISNULL(1))
		mlops_profile_sort_null(sort);
	else
	{
		char	   *label = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(1)));

		mlops_profile_sort_label(sort, label, strlen(label));
	}
	PG_RETURN_POINTER(sort);
}

Datum
mlops_sql_reference_final(PG_FUNCTION_ARGS)
{
	mlops_profile_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(mlops_profile_sort_finish((ProfileSort *) PG_GETARG_POINTER(0)));
}
