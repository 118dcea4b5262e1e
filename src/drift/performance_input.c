/*-------------------------------------------------------------------------
 *
 * performance_input.c
 *	  Arguments of the performance aggregates -> rows of a performance state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "drift/performance_image.h"
#include "drift/performance_input.h"

static void
find_type(FunctionCallInfo fcinfo, PerformanceLabel *label, int argument)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argument);

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine the type of a label or prediction"),
				 errhint("Call the aggregate itself, not the function behind it.")));
	label->argument = argument;
	mlops_value_init(&label->type, type);
}

PerformanceCall *
mlops_performance_call(FunctionCallInfo fcinfo, bool has_prediction)
{
	PerformanceCall *call = fcinfo->flinfo->fn_extra;
	MemoryContext old_context;

	if (call != NULL)
		return call;
	old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	call = palloc0(sizeof(PerformanceCall));
	find_type(fcinfo, &call->label, 1);
	if (has_prediction)
	{
		find_type(fcinfo, &call->prediction, 2);
		call->label.as_digit = mlops_value_is_number(call->prediction.type.kind);
		call->prediction.as_digit = mlops_value_is_number(call->label.type.kind);
	}
	MemoryContextSwitchTo(old_context);
	fcinfo->flinfo->fn_extra = call;
	return call;
}

const char *
mlops_performance_label_text(FunctionCallInfo fcinfo, PerformanceLabel *label, size_t *length)
{
	Datum		value = PG_GETARG_DATUM(label->argument);

	if (label->as_digit && label->type.kind == VALUE_BOOLEAN)
	{
		*length = 1;
		return DatumGetBool(value) ? "1" : "0";
	}
	return mlops_value_label(&label->type, value, length);
}

static bool
is_string(const char *string, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(string, wanted, length) == 0;
}

static void
fail_without_positive(const char *string, size_t length)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("label \"%s\" does not say whether it is positive", pnstrdup(string, length)),
			 errhint("Name the positive class in the argument \"positive\", or for several classes how to average.")));
}

/* A boolean beside the name of the positive class, in any spelling of booleans. */
static bool
match_boolean(bool value, const text *positive)
{
	bool		wanted;

	if (!parse_bool_with_len(VARDATA_ANY(positive), VARSIZE_ANY_EXHDR(positive), &wanted))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("positive class \"%s\" is not one of a boolean label", text_to_cstring(positive)),
				 errhint("The classes of a boolean are true and false.")));
	return value == wanted;
}

bool
mlops_performance_is_positive(FunctionCallInfo fcinfo, PerformanceLabel *label, int positive)
{
	Datum		value = PG_GETARG_DATUM(label->argument);
	const char *string;
	size_t		length;

	if (positive > 0 && !PG_ARGISNULL(positive))
	{
		struct varlena *wanted = PG_GETARG_TEXT_PP(positive);

		if (label->type.kind == VALUE_BOOLEAN)
			return match_boolean(DatumGetBool(value), wanted);
		string = mlops_value_label(&label->type, value, &length);
		return length == VARSIZE_ANY_EXHDR(wanted) && memcmp(string, VARDATA_ANY(wanted), length) == 0;
	}
	if (label->type.kind == VALUE_BOOLEAN)
		return DatumGetBool(value);
	if (label->type.kind == VALUE_INT4 && (DatumGetInt32(value) == 0 || DatumGetInt32(value) == 1))
		return DatumGetInt32(value);
	string = mlops_value_label(&label->type, value, &length);
	if (is_string(string, length, "1") || is_string(string, length, "true"))
		return true;
	if (!is_string(string, length, "0") && !is_string(string, length, "false"))
		fail_without_positive(string, length);
	return false;
}

PerformanceAverage
mlops_performance_average(FunctionCallInfo fcinfo, int argument)
{
	struct varlena *average;
	const char *string;
	size_t		length;

	if (PG_ARGISNULL(argument))
		return AVERAGE_NONE;
	average = PG_GETARG_TEXT_PP(argument);
	string = VARDATA_ANY(average);
	length = VARSIZE_ANY_EXHDR(average);
	if (is_string(string, length, "macro"))
		return AVERAGE_MACRO;
	if (is_string(string, length, "micro"))
		return AVERAGE_MICRO;
	if (!is_string(string, length, "weighted"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no average is called \"%s\"", text_to_cstring(average)),
				 errhint("Averages are macro, micro and weighted.")));
	return AVERAGE_WEIGHTED;
}

static bool
is_state(const Performance *state)
{
	return VARSIZE(state) >= sizeof(Performance) && state->size == VARSIZE(state) &&
		state->magic == PERFORMANCE_MAGIC;
}

Performance *
mlops_performance_get_state(FunctionCallInfo fcinfo, unsigned parts, PerformanceAverage average)
{
	Performance *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function works in an aggregate only"),
				 errhint("Call the aggregate itself, for instance mlops.accuracy(label, prediction).")));
	if (PG_ARGISNULL(0))
	{
		state = mlops_performance_new(parts);
		state->average = average;
		return state;
	}
	/* in place; only an initial value of somebody else's aggregate is a copy */
	state = (Performance *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	if (!is_state(state) || state->parts != parts)
		mlops_performance_fail(PERFORMANCE_MISMATCH);
	if (state->average != average)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("average is not the same for all rows"),
				 errhint("Give \"average\" as a constant.")));
	return state;
}

Performance *
mlops_performance_get_value(FunctionCallInfo fcinfo, int argument, unsigned parts)
{
	Performance *state = (Performance *) PG_DETOAST_DATUM(PG_GETARG_DATUM(argument));

	if (!is_state(state) || !(state->parts & parts))
		mlops_performance_fail(PERFORMANCE_MISMATCH);
	return state;
}

void
mlops_performance_check_finite(double value)
{
	if (!isfinite(value))
		mlops_performance_fail(PERFORMANCE_NOT_FINITE);
}
