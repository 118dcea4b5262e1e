/*-------------------------------------------------------------------------
 *
 * metric_survival.c
 *	  Metrics of survival: Harrell's concordance index.
 *
 * Two rows are comparable when the event of one certainly came before that of
 * the other; the pair is concordant when the scores say so too, and counts one
 * half when they are equal.  Every row is an interval in which its event lies:
 * [t, t] for an event, [t, infinity] for a censored one, [lower, upper] of AFT.
 * A row that is no exact event starts just after its lower bound, so that an
 * event at t is before a row censored at t.  The weight of a pair is the
 * product of its rows' weights.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

typedef struct SurvivalRows
{
	size_t		n;
	float	   *start;			/* the event is not before */
	float	   *end;			/* the event is not after */
	float	   *late;			/* predicted: greater is later */
	uint32_t   *rank;			/* of "late", from 1; equal values share one */
	uint32_t	n_ranks;
	double	   *tree;			/* Fenwick tree: weights by rank */
	double	   *concordant;		/* weight of the pairs of each row */
	double	   *comparable;
} SurvivalRows;

static void
add_to_tree(SurvivalRows *rows, uint32_t rank, double weight)
{
	for (; rank <= rows->n_ranks; rank += rank & -rank)
		rows->tree[rank] += weight;
}

/* Weight of ranks 1 to "rank". */
static double
sum_tree(const SurvivalRows *rows, uint32_t rank)
{
	double		sum = 0;

	for (; rank > 0; rank -= rank & -rank)
		sum += rows->tree[rank];
	return sum;
}

/*
 * Add to each row its pairs with the rows before it, "before" meaning that
 * their end is below its start and agreeing that their rank is lower.
 */
static void
sweep_rows(MetricWork *work, SurvivalRows *rows, const float *end, const float *start)
{
	uint64_t   *by_end = mlops_metric_order(work, end, 1, rows->n, false);
	uint64_t   *by_start = by_end ? mlops_metric_order(work, start, 1, rows->n, false) : NULL;
	size_t		next = 0;
	double		total = 0;

	memset(rows->tree, 0, ((size_t) rows->n_ranks + 1) * sizeof(double));
	for (size_t i = 0; by_start && i < rows->n && !mlops_metric_stopped(work, i); i++)
	{
		uint32_t	row = (uint32_t) by_start[i];
		double		lower;

		for (; next < rows->n && end[(uint32_t) by_end[next]] < start[row]; next++)
		{
			uint32_t	before = (uint32_t) by_end[next];
			double		weight = mlops_metric_weight(work->input, before);

			add_to_tree(rows, rows->rank[before], weight);
			total += weight;
		}
		lower = sum_tree(rows, rows->rank[row] - 1);
		rows->concordant[row] += (lower + sum_tree(rows, rows->rank[row])) / 2;
		rows->comparable[row] += total;
	}
	free(by_end);
	free(by_start);
}

static void
reverse_rows(SurvivalRows *rows)
{
	for (size_t row = 0; row < rows->n; row++)
	{
		rows->start[row] = -rows->start[row];
		rows->end[row] = -rows->end[row];
		rows->rank[row] = rows->n_ranks + 1 - rows->rank[row];
	}
}

static void
set_ranks(MetricWork *work, SurvivalRows *rows)
{
	uint64_t   *order = mlops_metric_order(work, rows->late, 1, rows->n, false);

	for (size_t i = 0; order && i < rows->n; i++)
	{
		rows->n_ranks += i == 0 || order[i] >> 32 != order[i - 1] >> 32;
		rows->rank[(uint32_t) order[i]] = rows->n_ranks;
	}
	free(order);
}

/* The interval of a row's event, and its prediction. */
static void
set_rows(const MetricInput *input, SurvivalRows *rows)
{
	for (size_t row = 0; row < input->n; row++)
	{
		float		score = input->score[row * input->n_scores];
		float		lower = input->label[row];
		float		upper = input->upper ? input->upper[row] : lower;

		if (mlops_metric_has_objective(input, "survival:cox"))
		{
			/* a negative label is a time of censoring, the score a risk */
			upper = lower < 0 ? INFINITY : lower;
			lower = fabsf(lower);
			score = -score;
		}
		rows->start[row] = upper > lower ? nextafterf(lower, INFINITY) : lower;
		rows->end[row] = upper;
		rows->late[row] = score;
	}
}

/*
 * The standard error is the infinitesimal jackknife, as in R's
 * survival::concordance: how far the weight of each row moves the index.
 */
static void
add_concordance(MetricWork *work, SurvivalRows *rows)
{
	const MetricInput *input = work->input;
	MetricSum	concordant = {0};
	MetricSum	comparable = {0};
	MetricSum	squares = {0};
	double		total;
	double		index;

	sweep_rows(work, rows, rows->end, rows->start);
	for (size_t row = 0; row < rows->n; row++)
	{
		double		weight = mlops_metric_weight(input, row);

		mlops_metric_sum(&concordant, weight * rows->concordant[row]);
		mlops_metric_sum(&comparable, weight * rows->comparable[row]);
	}
	total = mlops_metric_total(&comparable);
	index = total > 0 ? mlops_metric_total(&concordant) / total : NAN;

	/* the same seen from the other row of each pair */
	reverse_rows(rows);
	sweep_rows(work, rows, rows->start, rows->end);
	for (size_t row = 0; row < rows->n; row++)
	{
		double		moved = mlops_metric_weight(input, row) *
		(rows->concordant[row] - index * rows->comparable[row]);

		mlops_metric_sum(&squares, moved * moved);
	}
	mlops_metric_add(work, "concordance_index", index, sqrt(mlops_metric_total(&squares)) / total);
}

void
mlops_metric_judge_survival(MetricWork *work)
{
	size_t		n = work->input->n;
	SurvivalRows rows = {.n = n};

	rows.start = mlops_metric_alloc(work, n, sizeof(float));
	rows.end = mlops_metric_alloc(work, n, sizeof(float));
	rows.late = mlops_metric_alloc(work, n, sizeof(float));
	rows.rank = mlops_metric_alloc(work, n, sizeof(uint32_t));
	rows.tree = mlops_metric_alloc(work, n + 1, sizeof(double));
	rows.concordant = mlops_metric_alloc(work, n, sizeof(double));
	rows.comparable = mlops_metric_alloc(work, n, sizeof(double));
	if (work->status == 0)
	{
		set_rows(work->input, &rows);
		set_ranks(work, &rows);
	}
	if (work->status == 0)
		add_concordance(work, &rows);
	free(rows.start);
	free(rows.end);
	free(rows.late);
	free(rows.rank);
	free(rows.tree);
	free(rows.concordant);
	free(rows.comparable);
}

/*
 * AFT: the distance of the predicted time from the interval, in logarithms.
 * Cox ranks rows against each other, so that no row has a loss of its own.
 */
double
mlops_metric_survival_loss(const MetricInput *input, size_t row)
{
	double		score = log(input->score[row * input->n_scores]);
	double		lower = log(input->label[row]);
	double		upper = log(input->upper ? input->upper[row] : input->label[row]);

	if (mlops_metric_has_objective(input, "survival:cox") || isnan(score) || isnan(lower))
		return NAN;
	return score < lower ? lower - score : score > upper ? score - upper : 0;
}
