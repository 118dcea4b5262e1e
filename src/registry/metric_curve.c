/*-------------------------------------------------------------------------
 *
 * metric_curve.c
 *	  Metrics along all thresholds: ROC, precision and recall, best F1.
 *
 * Standard errors: DeLong's for the area under the ROC curve, metric_common.c's
 * for average precision.
 *
 * Rows come in descending order of score; rows of equal score move together.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

/* The rows of one score. */
typedef struct ScoreStep
{
	size_t		next;			/* first row of the next step */
	double		positive;		/* their weights, by side */
	double		negative;
	double		positive_square;	/* sums of squared weights */
	double		negative_square;
} ScoreStep;

static ScoreStep
take_step(const MetricInput *input, const uint64_t *order, size_t first, float positive)
{
	ScoreStep	step = {.next = first};

	do
	{
		size_t		row = (uint32_t) order[step.next++];
		double		weight = mlops_metric_weight(input, row);

		if (input->label[row] == positive)
		{
			step.positive += weight;
			step.positive_square += weight * weight;
		}
		else
		{
			step.negative += weight;
			step.negative_square += weight * weight;
		}
	} while (step.next < input->n && order[step.next] >> 32 == order[first] >> 32);
	return step;
}

/* Weights of both sides, and the number of rows that have one. */
static void
sum_sides(const MetricInput *input, float positive, double weight[2], double count[2])
{
	MetricSum	sum[2] = {{0}};

	count[0] = count[1] = 0;
	for (size_t row = 0; row < input->n; row++)
	{
		int			side = input->label[row] == positive;
		double		w = mlops_metric_weight(input, row);

		mlops_metric_sum(&sum[side], w);
		count[side] += w > 0;
	}
	weight[0] = mlops_metric_total(&sum[0]);
	weight[1] = mlops_metric_total(&sum[1]);
}

/*
 * The standard error is DeLong's (DeLong, DeLong and Clarke-Pearson,
 * Biometrics 44, 1988): the variances of the share of negatives below each
 * positive and of the share of positives above each negative.
 */
MetricRatio
mlops_metric_roc_auc(MetricWork *work, const uint64_t *order, float positive, double *moved)
{
	const MetricInput *input = work->input;
	MetricRatio auc = {NAN, NAN};
	MetricSum	area = {0};
	MetricSum	variance[2] = {{0}};
	double		total[2];
	double		count[2];
	ScoreStep	step;

	sum_sides(input, positive, total, count);
	if (total[0] == 0 || total[1] == 0)
		return auc;

	for (int pass = 0; pass < 2; pass++)
	{
		double		above = 0;	/* positives of higher score */
		double		passed = 0; /* negatives of higher score */

		for (size_t i = 0; i < input->n && !mlops_metric_stopped(work, i); i = step.next)
		{
			step = take_step(input, order, i, positive);
			if (pass == 0)
				mlops_metric_sum(&area, step.negative * (above + step.positive / 2));
			else
			{
				double		below_share = (total[0] - passed - step.negative / 2) / total[0] - auc.value;
				double		above_share = (above + step.positive / 2) / total[1] - auc.value;

				mlops_metric_sum(&variance[1], step.positive_square * below_share * below_share);
				mlops_metric_sum(&variance[0], step.negative_square * above_share * above_share);
				for (size_t j = i; moved != NULL && j < step.next; j++)
				{
					size_t		row = (uint32_t) order[j];

					moved[row] += mlops_metric_weight(input, row) *
						(input->label[row] == positive ? below_share / total[1] : above_share / total[0]);
				}
			}
			above += step.positive;
			passed += step.negative;
		}
		if (pass == 0)
			auc.value = mlops_metric_total(&area) / total[0] / total[1];
	}
	if (count[0] > 1 && count[1] > 1)
		auc.std_error = sqrt(mlops_metric_total(&variance[0]) / (total[0] * total[0]) *
							 count[0] / (count[0] - 1) +
							 mlops_metric_total(&variance[1]) / (total[1] * total[1]) *
							 count[1] / (count[1] - 1));
	return auc;
}

/*
 * Sum of precisions, each times the rise of recall that it comes with.  The
 * weight of a row moves the rise at its own step and the precision there and
 * at all steps of lower score: the second pass keeps what is left of the sums
 * of rise / called (times found / called) from its step on.  NaN is the
 * standard error of a single positive.
 */
MetricRatio
mlops_metric_average_precision(MetricWork *work, const uint64_t *order)
{
	const MetricInput *input = work->input;
	MetricRatio average = {NAN, NAN};
	MetricSum	sum = {0};
	MetricSum	gain = {0};		/* of the precisions, by a positive */
	MetricSum	loss = {0};		/* and by any row */
	MetricSum	squares = {0};
	double		total[2];
	double		count[2];
	ScoreStep	step;

	sum_sides(input, 1, total, count);
	if (total[1] == 0)
		return average;

	for (int pass = 0; pass < 2; pass++)
	{
		double		found = 0;
		double		called = 0;
		double		sign = pass == 0 ? 1 : -1;

		for (size_t i = 0; i < input->n && !mlops_metric_stopped(work, i); i = step.next)
		{
			double		precision;

			step = take_step(input, order, i, 1);
			if (step.positive + step.negative == 0)
				continue;
			found += step.positive;
			called += step.positive + step.negative;
			precision = found / called;
			if (pass == 0)
				mlops_metric_sum(&sum, step.positive * precision);
			else
			{
				double		by_negative = -mlops_metric_total(&loss);
				double		by_positive = precision - average.value + mlops_metric_total(&gain) + by_negative;

				mlops_metric_sum(&squares, step.positive_square * by_positive * by_positive +
								 step.negative_square * by_negative * by_negative);
			}
			mlops_metric_sum(&gain, sign * step.positive / called);
			mlops_metric_sum(&loss, sign * step.positive * precision / called);
		}
		if (pass == 0)
			average.value = mlops_metric_total(&sum) / total[1];
	}
	if (count[1] > 1)
		average.std_error = mlops_metric_error(mlops_metric_total(&squares),
											   (size_t) (count[0] + count[1])) / total[1];
	return average;
}

double
mlops_metric_best_f1_threshold(const MetricInput *input)
{
	MetricWork	work = {.input = input};
	uint64_t   *order = mlops_metric_order(&work, input->score, input->n_scores, input->n, true);
	double		total[2];
	double		count[2];
	double		found = 0;
	double		called = 0;
	double		best = 0;
	double		threshold = 0.5;
	ScoreStep	step;

	if (order == NULL)
		return threshold;
	sum_sides(input, 1, total, count);
	for (size_t i = 0; i < input->n; i = step.next)
	{
		double		f1;

		step = take_step(input, order, i, 1);
		found += step.positive;
		called += step.positive + step.negative;
		f1 = called + total[1] > 0 ? 2 * found / (called + total[1]) : 0;
		if (f1 > best)
		{
			best = f1;
			threshold = mlops_metric_positive_score(input, (uint32_t) order[i]);
		}
	}
	free(order);
	return threshold;
}
