/*-------------------------------------------------------------------------
 *
 * performance_input.h
 *	  Arguments of the performance aggregates -> rows of a performance state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PERFORMANCE_INPUT_H
#define MLOPS_PERFORMANCE_INPUT_H

#include "fmgr.h"

#include "drift/performance_state.h"
#include "feature/value.h"

/* How a label or prediction of any type becomes text, or positive or not. */
typedef struct PerformanceLabel
{
	int			argument;
	ValueType	type;
	bool		as_digit;		/* a boolean beside numbers: 1 or 0 */
} PerformanceLabel;

/* What a call knows of its arguments' types; lives with the call site. */
typedef struct PerformanceCall
{
	PerformanceLabel label;		/* argument 1 */
	PerformanceLabel prediction;	/* argument 2, unless it is a score */
} PerformanceCall;

/* Types of argument 1 and, with has_prediction, 2; looked up once. */
extern PerformanceCall *mlops_performance_call(FunctionCallInfo fcinfo, bool has_prediction);

/* Text of a label that is not NULL; in place or in the current context. */
extern const char *mlops_performance_label_text(FunctionCallInfo fcinfo, PerformanceLabel *label, size_t *length);

/*
 * Is it the positive class?  "positive" is the number of the argument that names
 * it; where that is 0 or NULL true and 1 are positive, false and 0 are not, and
 * everything else is an error.
 */
extern bool mlops_performance_is_positive(FunctionCallInfo fcinfo, PerformanceLabel *label, int positive);

/* "average" of an argument; NULL is AVERAGE_NONE. */
extern PerformanceAverage mlops_performance_average(FunctionCallInfo fcinfo, int argument);

/*
 * State of an aggregate, argument 0: a new one with "parts" where it is NULL.
 * An error outside of aggregates, for the state is updated in place.
 */
extern Performance *mlops_performance_get_state(FunctionCallInfo fcinfo, unsigned parts, PerformanceAverage average);

/* A state that a user may have made; an error unless it has one of "parts". */
extern Performance *mlops_performance_get_value(FunctionCallInfo fcinfo, int argument, unsigned parts);

/* Error for a score, label or prediction that is NaN or infinite. */
extern void mlops_performance_check_finite(double value);

#endif							/* MLOPS_PERFORMANCE_INPUT_H */
