/*-------------------------------------------------------------------------
 *
 * profile_aggregate_fn.c
 *	  The aggregates profile(value, reference) and profile_merge(profile).
 *
 * The state is the profile itself, in the aggregate's context and updated in place:
 * no other type, so that partial aggregates of any kind can move it about, and
 * nothing kept in fn_extra, which not every caller keeps from row to row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "drift/profile_datum.h"
#include "drift/profile_value.h"

PG_FUNCTION_INFO_V1(mlops_sql_profile_add_float8);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_boolean);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_date);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_time);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_timestamp);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_interval);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_text);
PG_FUNCTION_INFO_V1(mlops_sql_profile_add_enum);
PG_FUNCTION_INFO_V1(mlops_sql_profile_combine);
PG_FUNCTION_INFO_V1(mlops_sql_profile_final);

/* A state that counts on the cells of the reference, the third argument. */
static Profile *
start_state(FunctionCallInfo fcinfo, ProfileKind kind, MemoryContext context)
{
	Profile    *reference = DatumGetProfile(PG_GETARG_DATUM(2));
	MemoryContext caller;
	Profile    *state;

	if (mlops_profile_kind(reference) != kind)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 kind == PROFILE_NUMERIC ? errmsg("values are numbers and the reference has labels") :
				 errmsg("values are labels and the reference has numbers"),
				 kind == PROFILE_NUMERIC ? errhint("Cast the value to text.") :
				 errhint("Cast the value to a number.")));
	caller = MemoryContextSwitchTo(context);
	state = mlops_profile_clear(mlops_profile_copy(reference));
	MemoryContextSwitchTo(caller);
	return state;
}

/*
 * The state to count into.  All rows of a group need the same reference; that is checked
 * where it costs nothing, that is, if the argument lies there in the flat.
 */
static inline Profile *
get_state(FunctionCallInfo fcinfo, ProfileKind kind)
{
	MemoryContext context;
	Profile    *state;
	struct varlena *reference;

	if (!AggCheckCallContext(fcinfo, &context))
		mlops_profile_aggregate_context(fcinfo);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("reference must not be null"),
				 errhint("Make one with mlops.reference().")));
	if (PG_ARGISNULL(0))
		return start_state(fcinfo, kind, context);
	state = (Profile *) PG_GETARG_POINTER(0);
	reference = (struct varlena *) PG_GETARG_POINTER(2);
	if (!VARATT_IS_EXTENDED(reference) &&
		mlops_profile_digest((Profile *) reference) != mlops_profile_digest(state))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows of one group have different references"),
				 errhint("Group by what tells the references apart.")));
	return state;
}

static Datum
add_number(FunctionCallInfo fcinfo, double (*convert) (Datum))
{
	Profile    *state = get_state(fcinfo, PROFILE_NUMERIC);

	if (PG_ARGISNULL(1))
		mlops_profile_add_null(state);
	else
		mlops_profile_add_number(state, convert(PG_GETARG_DATUM(1)));
	PG_RETURN_POINTER(state);
}

Datum
mlops_sql_profile_add_float8(PG_FUNCTION_ARGS)
{
	Profile    *state = get_state(fcinfo, PROFILE_NUMERIC);

	if (PG_ARGISNULL(1))
		mlops_profile_add_null(state);
	else
		mlops_profile_add_number(state, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

static double
convert_boolean(Datum datum)
{
	return DatumGetBool(datum) ? 1 : 0;
}

Datum
mlops_sql_profile_add_boolean(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, convert_boolean);
}

Datum
mlops_sql_profile_add_date(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_date);
}

Datum
mlops_sql_profile_add_time(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_time);
}

Datum
mlops_sql_profile_add_timestamp(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_timestamp);
}

Datum
mlops_sql_profile_add_interval(PG_FUNCTION_ARGS)
{
	return add_number(fcinfo, mlops_profile_interval);
}

Datum
mlops_sql_profile_add_text(PG_FUNCTION_ARGS)
{
	Profile    *state = get_state(fcinfo, PROFILE_CATEGORICAL);

	if (PG_ARGISNULL(1))
		mlops_profile_add_null(state);
	else
	{
		text	   *label = PG_GETARG_TEXT_PP(1);

		mlops_profile_add_label(state, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	}
	PG_RETURN_POINTER(state);
}

Datum
mlops_sql_profile_add_enum(PG_FUNCTION_ARGS)
{
	Profile    *state = get_state(fcinfo, PROFILE_CATEGORICAL);

	if (PG_ARGISNULL(1))
		mlops_profile_add_null(state);
	else
	{
		char	   *label = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(1)));

		mlops_profile_add_label(state, label, strlen(label));
	}
	PG_RETURN_POINTER(state);
}

/* Of two states, and of a state and a profile.  Either may come from a tuple, with a
 * short header; the first is ours to change once it is a copy. */
Datum
mlops_sql_profile_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = mlops_profile_aggregate_context(fcinfo);
	MemoryContext caller;
	Profile    *state;
	Profile    *more;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	more = DatumGetProfile(PG_GETARG_DATUM(1));
	caller = MemoryContextSwitchTo(context);
	state = PG_ARGISNULL(0) ? mlops_profile_copy(more) : DatumGetProfile(PG_GETARG_DATUM(0));
	MemoryContextSwitchTo(caller);
	if (!PG_ARGISNULL(0) && !mlops_profile_merge(state, more))
	{
		if (mlops_profile_same_cells(state, more))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("profile counts too many rows"),
					 errhint("A cell counts at most 2^40 rows.")));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("profiles of different references do not merge"),
				 errhint("Group by what tells the references apart.")));
	}
	PG_RETURN_POINTER(state);
}

/* A copy, because a window goes on counting. */
Datum
mlops_sql_profile_final(PG_FUNCTION_ARGS)
{
	mlops_profile_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(mlops_profile_copy((Profile *) PG_GETARG_POINTER(0)));
}
