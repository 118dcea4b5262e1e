/*-------------------------------------------------------------------------
 *
 * estimate.c
 *	  Performance of a binary model without labels, from calibrated scores.
 *
 * The labels of the rows are taken for independent draws.  Then the true
 * positives and the false negatives are independent, of means p_called and
 * p_other and of variances v_called and v_other, and the other two cells of
 * the confusion matrix follow from them.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "drift/estimate.h"

static int64_t
make_fixed(double value)
{
	return (int64_t) llround(value * (double) ESTIMATE_ONE);
}

bool
mlops_estimate_add(EstimateSums *sums, double score, double probability, double threshold)
{
	int64_t		p = make_fixed(probability);
	int64_t		v = make_fixed(probability * (1 - probability));

	if (sums->n >= ESTIMATE_MAX_ROWS - 1)
		return false;
	sums->n++;
	if (score >= threshold)
	{
		sums->n_called++;
		sums->p_called += p;
		sums->v_called += v;
	}
	else
	{
		sums->p_other += p;
		sums->v_other += v;
	}
	return true;
}

bool
mlops_estimate_merge(EstimateSums *into, const EstimateSums *from)
{
	if (into->n > ESTIMATE_MAX_ROWS - 1 - from->n)
		return false;
	into->n += from->n;
	into->n_called += from->n_called;
	into->p_called += from->p_called;
	into->p_other += from->p_other;
	into->v_called += from->v_called;
	into->v_other += from->v_other;
	return true;
}

/* Sums of n rows; p * (1 - p) is at most a quarter. */
static bool
is_side_valid(int64_t n, int64_t p, int64_t v)
{
	return p >= 0 && p <= n * ESTIMATE_ONE && v >= 0 && v <= n * (ESTIMATE_ONE / 4);
}

bool
mlops_estimate_is_valid(const EstimateSums *sums)
{
	return sums->n >= 0 && sums->n < ESTIMATE_MAX_ROWS &&
		sums->n_called >= 0 && sums->n_called <= sums->n &&
		is_side_valid(sums->n_called, sums->p_called, sums->v_called) &&
		is_side_valid(sums->n - sums->n_called, sums->p_other, sums->v_other);
}

static double
make_double(int64_t fixed)
{
	return (double) fixed / (double) ESTIMATE_ONE;
}

/* upper / lower, and the standard error sqrt(variance) / scale. */
static EstimateMetric
make_metric(const char *name, double upper, double lower, double variance, double scale)
{
	EstimateMetric metric = {name, NAN, NAN};

	if (lower > 0)
	{
		metric.value = upper / lower;
		metric.std_error = sqrt(variance) / scale;
	}
	return metric;
}

void
mlops_estimate_metrics(const EstimateSums *sums, EstimateMetric metrics[ESTIMATE_N_METRICS])
{
	double		n = (double) sums->n;
	double		called = (double) sums->n_called;
	double		tp = make_double(sums->p_called);
	double		fn = make_double(sums->p_other);
	double		fp = called - tp;
	double		tn = n - called - fn;
	double		vc = make_double(sums->v_called);
	double		vo = make_double(sums->v_other);
	double		all = called + tp + fn; /* 2 tp + fp + fn */

	metrics[0] = make_metric("accuracy", tp + tn, n, vc + vo, n);
	metrics[1] = make_metric("precision", tp, called, vc, called);
	metrics[2] = make_metric("recall", tp, tp + fn, fn * fn * vc + tp * tp * vo,
							 (tp + fn) * (tp + fn));
	metrics[3] = make_metric("f1", 2 * tp, all,
							 4 * ((all - tp) * (all - tp) * vc + tp * tp * vo), all * all);
	metrics[4] = make_metric("specificity", tn, tn + fp, fp * fp * vo + tn * tn * vc,
							 (tn + fp) * (tn + fp));
}
