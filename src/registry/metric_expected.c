/*-------------------------------------------------------------------------
 *
 * metric_expected.c
 *	  Ranking metrics that are to be expected of rows whose labels are not known.
 *
 * Each row counts as a positive one by its probability and as a negative one by
 * the rest: roc_auc_score and average_precision_score of scikit-learn over both
 * halves with these sample weights.  The standard error is that of labels which
 * are drawn by the probabilities, linearised: the root of the sum over rows of
 * p (1 - p) times the square of how far the metric moves with p.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

/* Rows of one score, and what lies at or above it. */
typedef struct ScoreTie
{
	size_t		first;			/* in the order */
	size_t		end;
	double		positive;		/* of the tie */
	double		negative;
	double		positive_above; /* before the tie */
	double		negative_above;
} ScoreTie;

static size_t
collect_ties(MetricWork *work, const uint64_t *order, const double *probability, size_t n,
			 ScoreTie *ties)
{
	MetricSum	positive = {0};
	MetricSum	negative = {0};
	size_t		n_ties = 0;

	for (size_t i = 0; i < n && !mlops_metric_stopped(work, i);)
	{
		ScoreTie   *tie = &ties[n_ties++];

		tie->first = i;
		tie->positive_above = mlops_metric_total(&positive);
		tie->negative_above = mlops_metric_total(&negative);
		do
		{
			double		p = probability[(uint32_t) order[i]];

			tie->positive += p;
			tie->negative += 1 - p;
			i++;
		} while (i < n && order[i] >> 32 == order[tie->first] >> 32);
		tie->end = i;
		mlops_metric_sum(&positive, tie->positive);
		mlops_metric_sum(&negative, tie->negative);
	}
	return n_ties;
}

/* Sum over the rows of a tie of p * (1 - p). */
static double
get_variance(const ScoreTie *tie, const uint64_t *order, const double *probability)
{
	double		variance = 0;

	for (size_t i = tie->first; i < tie->end; i++)
	{
		double		p = probability[(uint32_t) order[i]];

		variance += p * (1 - p);
	}
	return variance;
}

static void
add_roc_auc(MetricWork *work, const uint64_t *order, const double *probability,
			const ScoreTie *ties, size_t n_ties, double positive, double negative)
{
	MetricSum	area = {0};
	MetricSum	squares = {0};
	double		value;

	if (!(positive > 0 && negative > 0))
	{
		mlops_metric_add(work, "roc_auc", NAN, NAN);
		return;
	}
	for (size_t i = 0; i < n_ties; i++)
		mlops_metric_sum(&area, ties[i].negative * (ties[i].positive_above + ties[i].positive / 2));
	value = mlops_metric_total(&area) / (positive * negative);

	for (size_t i = 0; i < n_ties; i++)
	{
		const ScoreTie *tie = &ties[i];
		double		below = negative - tie->negative_above - tie->negative / 2;
		double		above = tie->positive_above + tie->positive / 2;
		double		moved = (below - above) / (positive * negative) - value / positive + value / negative;

		mlops_metric_sum(&squares, moved * moved * get_variance(tie, order, probability));
	}
	mlops_metric_add(work, "roc_auc", value, sqrt(mlops_metric_total(&squares)));
}

static void
add_average_precision(MetricWork *work, const uint64_t *order, const double *probability,
					  const ScoreTie *ties, size_t n_ties, double positive)
{
	MetricSum	sum = {0};
	MetricSum	below = {0};	/* positive / rank of the ties from here on */
	MetricSum	squares = {0};
	double		value;

	if (!(positive > 0))
	{
		mlops_metric_add(work, "average_precision", NAN, NAN);
		return;
	}
	for (size_t i = 0; i < n_ties; i++)
		mlops_metric_sum(&sum, ties[i].positive * (ties[i].positive_above + ties[i].positive) / (double) ties[i].end);
	value = mlops_metric_total(&sum) / positive;

	for (size_t i = n_ties; i-- > 0;)
	{
		const ScoreTie *tie = &ties[i];
		double		precision = (tie->positive_above + tie->positive) / (double) tie->end;
		double		moved;

		mlops_metric_sum(&below, tie->positive / (double) tie->end);
		moved = (precision + mlops_metric_total(&below) - value) / positive;
		mlops_metric_sum(&squares, moved * moved * get_variance(tie, order, probability));
	}
	mlops_metric_add(work, "average_precision", value, sqrt(mlops_metric_total(&squares)));
}

int
mlops_metric_expected(const float *score, const double *probability, size_t n,
					  MetricValue *values, bool (*interrupted) (void))
{
	MetricWork	work = {.values = values,.interrupted = interrupted};
	uint64_t   *order = mlops_metric_order(&work, score, 1, n, true);
	ScoreTie   *ties = NULL;

	if (order != NULL)
		ties = mlops_metric_alloc(&work, n, sizeof(ScoreTie));
	if (ties != NULL)
	{
		size_t		n_ties = collect_ties(&work, order, probability, n, ties);
		const ScoreTie *last = n_ties > 0 ? &ties[n_ties - 1] : NULL;
		double		positive = last ? last->positive_above + last->positive : 0;
		double		negative = last ? last->negative_above + last->negative : 0;

		add_roc_auc(&work, order, probability, ties, n_ties, positive, negative);
		add_average_precision(&work, order, probability, ties, n_ties, positive);
	}
	free(ties);
	free(order);
	return work.status != 0 ? work.status : work.n_values;
}
