/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  Versions against each other on the same rows.
 *
 * Writes nothing.  The difference to the first version has a confidence interval
 * where the metric is a mean of losses of single rows: rows are paired, so that
 * what is hard for both versions cancels out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/error.h"
#include "registry/evaluate.h"
#include "registry/judge.h"

#define COMPARE_COLUMNS 8

/* Two-sided 95 % of the normal distribution. */
#define Z_95 1.959963984540054

/* Standard error of mean(loss[i] / scale - base_loss[i] / base_scale). */
static double
get_paired_error(const MetricInput *input, double scale, const MetricInput *base, double base_scale)
{
	double		mean = 0;
	double		squares = 0;	/* Welford: sum of squares around the mean */
	double		n = 0;

	for (size_t row = 0; row < input->n; row++)
	{
		double		difference = mlops_metric_row_loss(input, row) / scale -
		mlops_metric_row_loss(base, row) / base_scale;
		double		step = difference - mean;

		CHECK_FOR_INTERRUPTS();
		if (isnan(difference))
			continue;			/* a row without a loss of its own */
		n++;
		mean += step / n;
		squares += step * (difference - mean);
	}
	return n > 1 ? sqrt(squares / (n - 1) / n) : NAN;
}

/*
 * Standard error of the difference of a metric; NaN unless it is made of the
 * losses of rows.  The root of a mean is linearised.
 */
static double
get_difference_error(const char *name, const MetricInput *input, const MetricInput *base,
					 double value, double base_value)
{
	MetricInput judged = *input;
	const char *primary = mlops_metric_primary(base->task, base->objective, NULL);

	/* both by the same loss, that of the first version */
	judged.objective = base->objective;
	judged.quantile = base->quantile;
	judged.tweedie_power = base->tweedie_power;
	if (strcmp(primary, "rmse") == 0)
	{
		if (strcmp(name, "mse") == 0)
			return get_paired_error(&judged, 1, base, 1);
		if (strcmp(name, "rmse") == 0 && value > 0 && base_value > 0)
			return get_paired_error(&judged, 2 * value, base, 2 * base_value);
		return NAN;
	}
	return strcmp(name, primary) == 0 ? get_paired_error(&judged, 1, base, 1) : NAN;
}

static void
put_comparison(const JudgedVersion *judged, const MetricValue *metric, double difference,
			   double error, ReturnSetInfo *result)
{
	Datum		row[COMPARE_COLUMNS];
	bool		nulls[COMPARE_COLUMNS] = {false};
	double		numbers[COMPARE_COLUMNS] = {
		0, 0, metric->value, metric->std_error, judged->input.n, difference,
		difference - Z_95 * error, difference + Z_95 * error
	};

	row[0] = CStringGetTextDatum(metric->name);
	row[1] = CStringGetTextDatum(psprintf("%s/%d", judged->version->model, judged->version->version));
	for (int i = 2; i < COMPARE_COLUMNS; i++)
	{
		row[i] = Float8GetDatum(numbers[i]);
		nulls[i] = isnan(numbers[i]);
	}
	row[4] = Int64GetDatum(judged->input.n);
	tuplestore_putvalues(result->setResult, result->setDesc, row, nulls);
}

void
mlops_registry_compare(char **references, int n_references, const char *query, const char *target,
					   bool unseen_only, ReturnSetInfo *result)
{
	Judgement  *judgement = mlops_judge_read(references, n_references, query, target, unseen_only);
	const JudgedVersion *first = &judgement->versions[0];
	MetricValue (*values)[METRIC_MAX] = palloc0(sizeof(*values) * n_references);
	int			n_values = 0;

	for (int i = 0; i < n_references; i++)
	{
		MetricInput input = judgement->versions[i].input;

		/* the same metrics for all of them */
		input.objective = first->input.objective;
		input.quantile = first->input.quantile;
		input.tweedie_power = first->input.tweedie_power;
		n_values = mlops_judge_compute(&input, values[i]);
	}

	for (int metric = 0; metric < n_values; metric++)
		for (int i = 0; i < n_references; i++)
		{
			const JudgedVersion *judged = &judgement->versions[i];
			double		value = values[i][metric].value;
			double		base = values[0][metric].value;
			double		error = NAN;

			if (i > 0)
				error = get_difference_error(values[0][metric].name, &judged->input,
											 &first->input, value, base);
			put_comparison(judged, &values[i][metric], i > 0 ? value - base : NAN, error, result);
		}

	if (first->input.n == 0)
		ereport(WARNING,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("query has no row%s", unseen_only ? " that all versions have not seen" : " to judge a model by")));
}

static double
find_value(const MetricValue *values, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i].value;
	return NAN;
}

/* Rows of the rarest class. */
static int64
count_rarest(const MetricInput *input)
{
	int			n_classes = input->task == METRIC_BINARY ? 2 : input->n_scores;
	int64	   *counts;
	int64		rarest = input->n;

	if (input->task != METRIC_BINARY && input->task != METRIC_MULTICLASS)
		return input->n;
	counts = palloc0(sizeof(int64) * n_classes);
	for (size_t row = 0; row < input->n; row++)
	{
		int			label = (int) input->label[row];

		CHECK_FOR_INTERRUPTS();
		if (label >= 0 && label < n_classes)
			counts[label]++;
	}
	for (int i = 0; i < n_classes; i++)
		rarest = Min(rarest, counts[i]);
	return rarest;
}

void
mlops_registry_compare_pair(const Judgement *judgement, const char *metric, PairedMetric *result)
{
	const MetricInput *first = &judgement->versions[0].input;
	MetricInput second = judgement->versions[1].input;
	MetricValue values[2][METRIC_MAX];
	const char *candidates[2] = {metric, NULL};
	int			n = mlops_judge_compute(first, values[0]);

	second.objective = first->objective;
	second.quantile = first->quantile;
	second.tweedie_power = first->tweedie_power;
	(void) mlops_judge_compute(&second, values[1]);
	candidates[1] = mlops_metric_primary(first->task, first->objective, NULL);
	for (int i = 0; i < lengthof(candidates); i++)
	{
		if (!candidates[i])
			continue;
		result->name = candidates[i];
		result->greater_is_better = mlops_metric_greater_is_better(candidates[i]);
		result->first = find_value(values[0], n, candidates[i]);
		result->second = find_value(values[1], n, candidates[i]);
		result->error = get_difference_error(candidates[i], &second, first, result->second,
											 result->first);
		if (!isnan(result->error))
			break;
	}
	result->n = first->n;
	result->n_class = count_rarest(first);
}
