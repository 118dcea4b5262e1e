/*-------------------------------------------------------------------------
 *
 * metric_rank.c
 *	  Metrics of ranking: means over groups.
 *
 * ndcg is scikit-learn's ndcg_score: the gain of a row is its label, rows of
 * equal score share their discounts.  map is the mean of scikit-learn's
 * average_precision_score, rows with a positive label being relevant.  A group
 * without a relevant row counts 0 in both.  The weight of a group is that of
 * its first row.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

/* The rows of one group, by descending score. */
typedef struct GroupRows
{
	size_t		first;
	size_t		n;
	uint64_t   *order;			/* rows, counted from the first */
} GroupRows;

static size_t
find_group_end(const MetricInput *input, size_t first)
{
	size_t		end = first + 1;

	while (end < input->n && input->group[end] == input->group[first])
		end++;
	return end;
}

static double
compute_discount(size_t position)
{
	return 1 / log2((double) position + 2);
}

static float
take_label(const MetricInput *input, const GroupRows *rows, uint64_t element)
{
	return input->label[rows->first + (uint32_t) element];
}

static double
compute_ndcg(MetricWork *work, const GroupRows *rows)
{
	uint64_t   *best = mlops_metric_order(work, work->input->label + rows->first, 1, rows->n, true);
	MetricSum	gain = {0};
	MetricSum	best_gain = {0};
	size_t		next;

	if (best == NULL)
		return NAN;
	for (size_t i = 0; i < rows->n; i = next)
	{
		double		labels = 0;
		double		discounts = 0;

		for (next = i; next < rows->n && rows->order[next] >> 32 == rows->order[i] >> 32; next++)
		{
			labels += take_label(work->input, rows, rows->order[next]);
			discounts += compute_discount(next);
			mlops_metric_sum(&best_gain, take_label(work->input, rows, best[next]) * compute_discount(next));
		}
		mlops_metric_sum(&gain, labels / (double) (next - i) * discounts);
	}
	free(best);
	return best_gain.sum > 0 ? mlops_metric_total(&gain) / mlops_metric_total(&best_gain) : 0;
}

static double
compute_average_precision(const MetricInput *input, const GroupRows *rows)
{
	MetricSum	sum = {0};
	double		found = 0;
	size_t		next;

	for (size_t i = 0; i < rows->n; i = next)
	{
		double		relevant = 0;

		for (next = i; next < rows->n && rows->order[next] >> 32 == rows->order[i] >> 32; next++)
			relevant += take_label(input, rows, rows->order[next]) > 0;
		found += relevant;
		mlops_metric_sum(&sum, relevant * found / (double) next);
	}
	return found > 0 ? mlops_metric_total(&sum) / found : 0;
}

static bool
open_group(MetricWork *work, size_t first, GroupRows *rows)
{
	const MetricInput *input = work->input;

	rows->first = first;
	rows->n = find_group_end(input, first) - first;
	rows->order = mlops_metric_order(work, input->score + first * input->n_scores,
									 input->n_scores, rows->n, true);
	return rows->order != NULL;
}

/* 1 - ndcg of the group at its first row; its other rows have no loss of their own. */
double
mlops_metric_group_loss(const MetricInput *input, size_t row)
{
	MetricWork	work = {.input = input};
	GroupRows	rows;
	double		loss;

	if (row > 0 && input->group[row] == input->group[row - 1])
		return NAN;
	if (!open_group(&work, row, &rows))
		return NAN;
	loss = 1 - compute_ndcg(&work, &rows);
	free(rows.order);
	return loss;
}

void
mlops_metric_judge_ranking(MetricWork *work)
{
	const MetricInput *input = work->input;
	double	   *ndcg = mlops_metric_alloc(work, input->n, sizeof(double));
	double	   *map = mlops_metric_alloc(work, input->n, sizeof(double));
	float	   *weight = mlops_metric_alloc(work, input->n, sizeof(float));
	size_t		n = 0;
	GroupRows	rows;
	MetricRatio ratio;

	for (size_t row = 0; row < input->n && work->status == 0; row += rows.n)
	{
		if (mlops_metric_stopped(work, n * 64) || !open_group(work, row, &rows))
			break;
		ndcg[n] = compute_ndcg(work, &rows);
		map[n] = compute_average_precision(input, &rows);
		weight[n] = (float) mlops_metric_weight(input, row);
		free(rows.order);
		n++;
	}
	if (work->status == 0)
	{
		ratio = mlops_metric_ratio(ndcg, NULL, weight, n);
		mlops_metric_add(work, "ndcg", ratio.value, ratio.std_error);
		ratio = mlops_metric_ratio(map, NULL, weight, n);
		mlops_metric_add(work, "map", ratio.value, ratio.std_error);
	}
	free(ndcg);
	free(map);
	free(weight);
}
