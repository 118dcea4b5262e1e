/*-------------------------------------------------------------------------
 *
 * realized.c
 *	  Labels and predictions of watched rows -> states of performance.
 *
 * A prediction is what mlops.predict gives, or a class.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "drift/realized.h"

/* Parts of the state for a task; 0: it has no performance here. */
static unsigned
get_parts(const ModelVersion *version)
{
	if (strcmp(version->task, "regression") == 0)
		return PERFORMANCE_REGRESSION;
	if (strcmp(version->task, "binary") == 0)
		return PERFORMANCE_BINARY;
	if (strcmp(version->task, "multiclass") == 0)
		return PERFORMANCE_MULTICLASS;
	return 0;
}

static bool
is_numeric(const PlanColumn *column)
{
	return mlops_value_is_number(column->type.kind);
}

static double
get_number(const PlanColumn *column, const Datum *values)
{
	return mlops_value_number(column->type.kind, values[column->place]);
}

/* Whether the column's label is the positive class. */
static bool
is_positive(const ModelVersion *version, PlanColumn *column, const Datum *values)
{
	size_t		length;
	const char *label = mlops_value_label(&column->type, values[column->place], &length);

	return version->n_classes == 2 && strlen(version->classes[1]) == length &&
		memcmp(label, version->classes[1], length) == 0;
}

/* Fill in label and prediction; false: they cannot be judged. */
static bool
fill_row(const ModelVersion *version, RowPlan *plan, const Datum *values, PerformanceRow *row)
{
	PlanColumn *label = &plan->label;
	PlanColumn *prediction = &plan->prediction;

	switch (get_parts(version))
	{
		case PERFORMANCE_REGRESSION:
			if (mlops_value_is_label(label->type.kind) || mlops_value_is_label(prediction->type.kind))
				return false;
			row->label = get_number(label, values);
			row->prediction = get_number(prediction, values);
			return true;
		case PERFORMANCE_BINARY:
			row->actual = is_positive(version, label, values);
			if (!is_numeric(prediction))
			{
				row->called = is_positive(version, prediction, values);
				return true;
			}
			row->score = get_number(prediction, values);
			row->called = row->score >= version->threshold;
			return !isnan(row->score);
		default:
			row->label_text = mlops_value_label(&label->type, values[label->place], &row->label_length);
			row->prediction_text = mlops_value_label(&prediction->type, values[prediction->place],
													 &row->prediction_length);
			return true;
	}
}

void
mlops_realized_add(Performance **state, MemoryContext context, const WatchSet *set,
				   RowPlan *plan, const Datum *values, const bool *nulls, int sign)
{
	PerformanceRow row = {.weight = 1,.sign = sign,.score = NAN};
	unsigned	parts = get_parts(set->version);
	MemoryContext old;

	if (parts == 0 || nulls[plan->label.place] || nulls[plan->prediction.place] ||
		!fill_row(set->version, plan, values, &row))
		return;
	old = MemoryContextSwitchTo(context);
	if (*state == NULL)
		*state = mlops_performance_new(parts);
	/* a row that is no number or no probability says nothing */
	(void) mlops_performance_put(state, &row);
	MemoryContextSwitchTo(old);
}

void
mlops_realized_estimate(const WatchSet *set, const RowPlan *plan, const Datum *values,
						const bool *nulls, EstimateSums *sums)
{
	const PlanColumn *column = &plan->prediction;
	double		score;

	if (set->calibration == NULL || nulls[column->place] || !is_numeric(column))
		return;
	score = get_number(column, values);
	if (score >= 0 && score <= 1)
		(void) mlops_estimate_add(sums, score,
								  mlops_metric_interpolate(set->calibration->knots,
														   set->calibration->n_knots, score),
								  set->version->threshold);
}

void
mlops_realized_put(const Performance *state, DeltaWriter *writer)
{
	Performance *settled;
	uint8_t    *bytes;
	size_t		size;

	if (state == NULL)
	{
		mlops_delta_put_unsigned(writer, 0);
		return;
	}
	settled = mlops_performance_result(state);
	bytes = palloc(mlops_performance_packed_max(settled));
	size = mlops_performance_pack(settled, bytes);
	mlops_delta_put_unsigned(writer, size);
	mlops_delta_put_bytes(writer, bytes, size);
	pfree(bytes);
	pfree(settled);
}
