/*-------------------------------------------------------------------------
 *
 * metric_sum.h
 *	  A sum that keeps what rounding loses (Neumaier).
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_METRIC_SUM_H
#define MLOPS_METRIC_SUM_H

#include <math.h>

typedef struct MetricSum
{
	double		sum;
	double		lost;
} MetricSum;

static inline void
mlops_metric_sum(MetricSum *sum, double value)
{
	double		total = sum->sum + value;

	if (fabs(sum->sum) >= fabs(value))
		sum->lost += (sum->sum - total) + value;
	else
		sum->lost += (value - total) + sum->sum;
	sum->sum = total;
}

static inline double
mlops_metric_total(const MetricSum *sum)
{
	/* an overflow leaves NaN in "lost" */
	return isfinite(sum->lost) ? sum->sum + sum->lost : sum->sum;
}

#endif							/* MLOPS_METRIC_SUM_H */
