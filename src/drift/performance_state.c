/*-------------------------------------------------------------------------
 *
 * performance_state.c
 *	  Performance states in the server's memory, and their errors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "drift/performance_state.h"

Performance *
mlops_performance_new(unsigned parts)
{
	Performance *state = palloc(mlops_performance_size(parts));

	mlops_performance_init(state, parts);
	SET_VARSIZE(state, state->size);
	return state;
}

static void
enlarge(Performance **state, const PerformanceNeed *need)
{
	Performance *larger = palloc(need->size);

	mlops_performance_grow(*state, need, larger);
	SET_VARSIZE(larger, larger->size);
	*state = larger;
}

PerformanceStatus
mlops_performance_put(Performance **state, const PerformanceRow *row)
{
	PerformanceNeed need;
	PerformanceStatus status;

	while ((status = mlops_performance_add(*state, row, &need)) == PERFORMANCE_NO_ROOM)
		enlarge(state, &need);
	return status;
}

PerformanceStatus
mlops_performance_put_loss(Performance **state, double loss, double weight)
{
	PerformanceNeed need;
	PerformanceStatus status;

	while ((status = mlops_performance_add_loss(*state, loss, weight, &need)) == PERFORMANCE_NO_ROOM)
		enlarge(state, &need);
	return status;
}

PerformanceStatus
mlops_performance_join(Performance **into, const Performance *from)
{
	PerformanceNeed need;
	PerformanceStatus status;

	while ((status = mlops_performance_merge(*into, from, &need)) == PERFORMANCE_NO_ROOM)
		enlarge(into, &need);
	return status;
}

Performance *
mlops_performance_result(const Performance *state)
{
	Performance *result = palloc(state->size);
	PerformanceNeed need;
	PerformanceStatus status;

	memcpy(result, state, state->size);
	while ((status = mlops_performance_settle(result, &need)) == PERFORMANCE_NO_ROOM)
		enlarge(&result, &need);
	if (status != PERFORMANCE_OK)
		mlops_performance_fail(status);
	SET_VARSIZE(result, result->size);
	return result;
}

static void
fail_to_read(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid value of type mlops.performance: %s", why),
			 errhint("Make such values with the aggregate mlops.performance.")));
}

Performance *
mlops_performance_read(const void *bytes, size_t size)
{
	const char *why;
	size_t		image_size = mlops_performance_unpacked_size(bytes, size, &why);
	Performance *state;

	if (image_size == 0)
		fail_to_read(why);
	state = palloc(image_size);
	if (!mlops_performance_unpack(bytes, size, state, &why))
		fail_to_read(why);
	for (int i = 0; i < state->n_classes; i++)
	{
		size_t		length;
		const char *label = mlops_performance_label(state, i, &length);

		pg_verifymbstr(label, length, false);
	}
	SET_VARSIZE(state, state->size);
	return state;
}

void
mlops_performance_fail(PerformanceStatus status)
{
	switch (status)
	{
		case PERFORMANCE_NOT_FINITE:
		case PERFORMANCE_NOT_PROBABILITY:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s", mlops_performance_message(status)),
					 status == PERFORMANCE_NOT_FINITE ?
					 errhint("Leave such rows out with FILTER or NULLIF(value, 'NaN').") :
					 errhint("Scores are from 0 to 1 here; mlops.roc_auc and mlops.average_precision take any.")));
			break;
		case PERFORMANCE_BAD_WEIGHT:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s", mlops_performance_message(status)),
					 errhint("Weights are finite numbers of 0 or more.")));
			break;
		case PERFORMANCE_TOO_MANY_CLASSES:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("labels and predictions have more than %d classes, or more than 1 MB of names",
							PERFORMANCE_MAX_CLASSES),
					 errhint("Predictions of numbers are judged by mlops.mse, mlops.mae and mlops.r2; mlops.accuracy takes any number of classes.")));
			break;
		case PERFORMANCE_MISMATCH:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s", mlops_performance_message(status)),
					 errhint("Merge states that were made with the same arguments.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("%s", mlops_performance_message(status))));
	}
	pg_unreachable();
}
