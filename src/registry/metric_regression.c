/*-------------------------------------------------------------------------
 *
 * metric_regression.c
 *	  Metrics of regression.
 *
 * The deviances are defined for some labels and predictions only; one row
 * outside makes them NaN, where scikit-learn raises an error.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>

#include "registry/metric_common.h"

typedef double (*RowLoss) (const MetricInput *input, double label, double score);

static double
compute_squared(const MetricInput *input, double label, double score)
{
	return (label - score) * (label - score);
}

static double
compute_absolute(const MetricInput *input, double label, double score)
{
	return fabs(label - score);
}

double
mlops_metric_percentage(double label, double prediction)
{
	return fabs(label - prediction) / fmax(fabs(label), DBL_EPSILON);
}

static double
compute_percentage(const MetricInput *input, double label, double score)
{
	return mlops_metric_percentage(label, score);
}

static double
compute_squared_log(const MetricInput *input, double label, double score)
{
	double		difference;

	if (label < 0 || score < 0)
		return NAN;
	difference = log1p(label) - log1p(score);
	return difference * difference;
}

static double
compute_pinball(const MetricInput *input, double label, double score)
{
	double		alpha = input->quantile != 0 ? input->quantile : 0.5;
	double		difference = label - score;

	return difference >= 0 ? alpha * difference : (alpha - 1) * difference;
}

static double
compute_poisson(const MetricInput *input, double label, double score)
{
	if (label < 0 || score <= 0)
		return NAN;
	return 2 * ((label > 0 ? label * log(label / score) : 0) - label + score);
}

static double
compute_gamma(const MetricInput *input, double label, double score)
{
	if (label <= 0 || score <= 0)
		return NAN;
	return 2 * (log(score / label) + label / score - 1);
}

/* For powers between 1 and 2, as XGBoost has them. */
static double
compute_tweedie(const MetricInput *input, double label, double score)
{
	double		p = input->tweedie_power != 0 ? input->tweedie_power : 1.5;

	if (label < 0 || score <= 0 || p <= 1 || p >= 2)
		return NAN;
	return 2 * (pow(label, 2 - p) / ((1 - p) * (2 - p)) -
				label * pow(score, 1 - p) / (1 - p) + pow(score, 2 - p) / (2 - p));
}

/* Metrics that are means over rows; some only with the objective that fits. */
static const struct
{
	const char *name;
	RowLoss		loss;
	const char *objective;		/* NULL: always */
}			row_means[] = {
	{"mse", compute_squared, NULL},
	{"mae", compute_absolute, NULL},
	{"mape", compute_percentage, NULL},
	{"mean_squared_log_error", compute_squared_log, "reg:squaredlogerror"},
	{"mean_pinball_loss", compute_pinball, "reg:quantileerror"},
	{"mean_poisson_deviance", compute_poisson, "count:poisson"},
	{"mean_gamma_deviance", compute_gamma, "reg:gamma"},
	{"mean_tweedie_deviance", compute_tweedie, "reg:tweedie"},
};

#define N_ROW_MEANS (sizeof(row_means) / sizeof(row_means[0]))

static double
apply_loss(RowLoss loss, const MetricInput *input, size_t row)
{
	return loss(input, input->label[row], input->score[row * input->n_scores]);
}

double
mlops_metric_regression_loss(const MetricInput *input, size_t row)
{
	const char *primary = mlops_metric_primary(input->task, input->objective, NULL);

	for (size_t i = 0; i < N_ROW_MEANS; i++)
		if (strcmp(row_means[i].name, primary) == 0)
			return apply_loss(row_means[i].loss, input, row);
	return apply_loss(compute_squared, input, row); /* rmse */
}

/*
 * 1 - sum of squared errors / sum of squares around the mean label; "error"
 * holds the squared errors.  Constant labels give 1 for perfect predictions and
 * 0 for others, fewer than two rows NaN, as in scikit-learn.
 */
static void
add_r2(MetricWork *work, const double *error, double *square)
{
	const MetricInput *input = work->input;
	MetricSum	sum = {0};
	MetricSum	weights = {0};
	MetricSum	errors = {0};
	double		mean;
	MetricRatio ratio;

	for (size_t row = 0; row < input->n; row++)
	{
		double		weight = mlops_metric_weight(input, row);

		mlops_metric_sum(&sum, weight * input->label[row]);
		mlops_metric_sum(&weights, weight);
		mlops_metric_sum(&errors, weight * error[row]);
	}
	mean = mlops_metric_total(&sum) / mlops_metric_total(&weights);
	for (size_t row = 0; row < input->n; row++)
		square[row] = (input->label[row] - mean) * (input->label[row] - mean);

	ratio = mlops_metric_ratio(error, square, input->weight, input->n);
	if (input->n < 2 || mlops_metric_total(&weights) == 0)
		mlops_metric_add(work, "r2", NAN, NAN);
	else if (isnan(ratio.value))
		mlops_metric_add(work, "r2", mlops_metric_total(&errors) == 0 ? 1 : 0, NAN);
	else
		mlops_metric_add(work, "r2", 1 - ratio.value, ratio.std_error);
}

void
mlops_metric_judge_regression(MetricWork *work)
{
	const MetricInput *input = work->input;
	double	   *term = mlops_metric_alloc(work, input->n, sizeof(double));
	double	   *square = mlops_metric_alloc(work, input->n, sizeof(double));

	for (size_t i = 0; i < N_ROW_MEANS && work->status == 0; i++)
	{
		MetricRatio mean;

		if (row_means[i].objective && !mlops_metric_has_objective(input, row_means[i].objective))
			continue;
		for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
			term[row] = apply_loss(row_means[i].loss, input, row);
		mean = mlops_metric_ratio(term, NULL, input->weight, input->n);
		if (row_means[i].loss == compute_squared)
		{
			double		rmse = sqrt(mean.value);

			add_r2(work, term, square);
			/* by the derivative of the square root */
			mlops_metric_add(work, "rmse", rmse, rmse > 0 ? mean.std_error / (2 * rmse) : NAN);
		}
		mlops_metric_add(work, row_means[i].name, mean.value, mean.std_error);
	}
	free(term);
	free(square);
}
