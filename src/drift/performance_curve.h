/*-------------------------------------------------------------------------
 *
 * performance_curve.h
 *	  Areas under the ROC curve and the precision-recall curve, step by step.
 *
 * Steps come in descending order of score; what has the same score, or lies in
 * the same bin, is one step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PERFORMANCE_CURVE_H
#define MLOPS_PERFORMANCE_CURVE_H

#include "registry/metric_sum.h"

typedef struct PerformanceCurve
{
	double		positive;		/* weights of the steps so far */
	double		negative;
	MetricSum	area;			/* negatives times positives above them */
	MetricSum	precision;		/* positives times the precision at their step */
} PerformanceCurve;

static inline void
mlops_performance_step(PerformanceCurve *curve, double positive, double negative)
{
	if (positive + negative == 0)
		return;
	mlops_metric_sum(&curve->area, negative * (curve->positive + positive / 2));
	curve->positive += positive;
	curve->negative += negative;
	mlops_metric_sum(&curve->precision, positive * (curve->positive / (curve->positive + curve->negative)));
}

/* NaN unless both classes have weight. */
static inline double
mlops_performance_roc_auc(const PerformanceCurve *curve)
{
	if (!(curve->positive > 0 && curve->negative > 0))
		return NAN;
	return mlops_metric_total(&curve->area) / curve->positive / curve->negative;
}

/* NaN without positives. */
static inline double
mlops_performance_average_precision(const PerformanceCurve *curve)
{
	return curve->positive > 0 ? mlops_metric_total(&curve->precision) / curve->positive : NAN;
}

#endif							/* MLOPS_PERFORMANCE_CURVE_H */
