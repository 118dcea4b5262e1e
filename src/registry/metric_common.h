/*-------------------------------------------------------------------------
 *
 * metric_common.h
 *	  What the metrics of all tasks share.  Private to metric*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_METRIC_COMMON_H
#define MLOPS_METRIC_COMMON_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "registry/metric.h"
#include "registry/metric_sum.h"

#define METRIC_NO_MEMORY (-1)
#define METRIC_INTERRUPTED (-2)

typedef struct MetricWork
{
	const MetricInput *input;
	MetricValue *values;
	int			n_values;
	int			status;			/* 0, METRIC_NO_MEMORY or METRIC_INTERRUPTED */
	bool		(*interrupted) (void);
} MetricWork;

/* The quotient of two sums over rows, and its standard error. */
typedef struct MetricRatio
{
	double		value;			/* NaN when the lower sum is 0 */
	double		std_error;
} MetricRatio;

extern void mlops_metric_add(MetricWork *work, const char *name, double value, double std_error);

/* calloc that sets the status when memory is short. */
extern void *mlops_metric_alloc(MetricWork *work, size_t count, size_t size);

/*
 * sum(weight * upper) / sum(weight * lower), lower NULL: 1; weight NULL: 1.
 * The standard error is that of the linearised ratio, for means sd / sqrt(n).
 */
extern MetricRatio mlops_metric_ratio(const double *upper, const double *lower,
									  const float *weight, size_t n);

/*
 * Standard error from "squares", the sum over rows of (weight * how far the
 * metric moves with the weight)^2; NaN from fewer than two rows of any weight.
 */
extern double mlops_metric_error(double squares, size_t n_counted);

/*
 * Rows in ascending or descending order of n keys that lie "stride" floats
 * apart; equal keys in the order of rows.  The lower half of an element is the
 * row, the upper half is the same for equal keys.  NULL: see the status.
 */
extern uint64_t *mlops_metric_order(MetricWork *work, const float *key, size_t stride, size_t n,
									bool descending);

/*
 * Area under the ROC curve of one class against the others.  "moved", unless
 * NULL, gets weight * how far the area moves with the weight added to each row.
 */
extern MetricRatio mlops_metric_roc_auc(MetricWork *work, const uint64_t *order, float positive,
										double *moved);
extern MetricRatio mlops_metric_average_precision(MetricWork *work, const uint64_t *order);

/* The share of the term of row "row" in the metric that the objective asks for. */
extern double mlops_metric_regression_loss(const MetricInput *input, size_t row);
extern double mlops_metric_class_loss(const MetricInput *input, size_t row);
extern double mlops_metric_group_loss(const MetricInput *input, size_t row);
extern double mlops_metric_survival_loss(const MetricInput *input, size_t row);

extern void mlops_metric_judge_regression(MetricWork *work);
extern void mlops_metric_judge_binary(MetricWork *work);
extern void mlops_metric_judge_multiclass(MetricWork *work);
extern void mlops_metric_judge_ranking(MetricWork *work);
extern void mlops_metric_judge_survival(MetricWork *work);

static inline double
mlops_metric_weight(const MetricInput *input, size_t row)
{
	return input->weight ? input->weight[row] : 1;
}

static inline bool
mlops_metric_has_objective(const MetricInput *input, const char *objective)
{
	return input->objective != NULL && strcmp(input->objective, objective) == 0;
}

/*
 * Score of the positive class of a binary row on the scale of thresholds, in
 * single precision like predict_proba: binary:logitraw gives a margin.
 */
static inline float
mlops_metric_positive_score(const MetricInput *input, size_t row)
{
	float		score = input->score[row * input->n_scores];

	if (mlops_metric_has_objective(input, "binary:logitraw"))
		return (float) (1 / (1 + exp(-(double) score)));
	return score;
}

/* Ask now and then whether to go on. */
static inline bool
mlops_metric_stopped(MetricWork *work, size_t row)
{
	if (row % 65536 == 0 && work->interrupted != NULL && work->interrupted())
		work->status = METRIC_INTERRUPTED;
	return work->status != 0;
}

#endif							/* MLOPS_METRIC_COMMON_H */
