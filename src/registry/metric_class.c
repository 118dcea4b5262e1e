/*-------------------------------------------------------------------------
 *
 * metric_class.c
 *	  Metrics of classification.
 *
 * Probabilities count as float64.  Precision, recall and F1 of a binary task
 * are NaN where scikit-learn divides by zero and says 0; averages over classes
 * take that 0, as scikit-learn does.  Balanced accuracy of one class is NaN.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>

#include "registry/metric_common.h"

#define N_BINS 10

/* What happened to the rows of one class, in weights. */
typedef struct ClassCount
{
	double		actual;
	double		predicted;
	double		right;
	double		right_square;	/* sums of squared weights */
	double		wrong_square;
	bool		seen;			/* as label or prediction */
} ClassCount;

static double
clip_probability(double p)
{
	return fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON);
}

/* Probability of the positive class; NaN if the score is none. */
static double
take_probability(const MetricInput *input, size_t row)
{
	double		score = input->score[row];

	if (mlops_metric_has_objective(input, "binary:logitraw"))
		return 1 / (1 + exp(-score));
	return score >= 0 && score <= 1 ? score : NAN;
}

static uint32_t
predict_class(const MetricInput *input, size_t row)
{
	const float *score = &input->score[row * input->n_scores];
	uint32_t	best = 0;

	if (input->task == METRIC_BINARY)
		return (double) score[0] >= input->threshold;
	for (uint32_t i = 1; i < input->n_scores; i++)
		if (score[i] > score[best])
			best = i;
	return best;
}

/* scikit-learn's log_loss: clipped, and made to sum to one. */
static double
compute_log_loss(const MetricInput *input, size_t row)
{
	double		sum = 0;

	if (input->task == METRIC_BINARY)
	{
		double		p = take_probability(input, row);

		if (isnan(p))
			return NAN;
		p = clip_probability(p);
		return -log(input->label[row] == 1 ? p : 1 - p);
	}
	for (uint32_t i = 0; i < input->n_scores; i++)
	{
		double		p = input->score[row * input->n_scores + i];

		if (p < 0 || p > 1)
			return NAN;
		sum += clip_probability(p);
	}
	return -log(clip_probability(input->score[row * input->n_scores + (uint32_t) input->label[row]]) / sum);
}

double
mlops_metric_class_loss(const MetricInput *input, size_t row)
{
	if (mlops_metric_has_objective(input, "binary:hinge"))
		return predict_class(input, row) != (uint32_t) input->label[row];
	return compute_log_loss(input, row);
}

static void
add_ratio(MetricWork *work, const char *name, const double *upper, const double *lower)
{
	MetricRatio ratio = mlops_metric_ratio(upper, lower, work->input->weight, work->input->n);

	mlops_metric_add(work, name, ratio.value, ratio.std_error);
}

static void
count_classes(MetricWork *work, ClassCount *count)
{
	const MetricInput *input = work->input;

	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
	{
		uint32_t	label = (uint32_t) input->label[row];
		uint32_t	predicted = predict_class(input, row);
		double		weight = mlops_metric_weight(input, row);

		count[label].actual += weight;
		count[label].seen = true;
		count[predicted].predicted += weight;
		count[predicted].seen = true;
		if (label == predicted)
		{
			count[label].right += weight;
			count[label].right_square += weight * weight;
		}
		else
			count[label].wrong_square += weight * weight;
	}
}

/* Mean recall of the classes among the labels; their variances are binomial. */
static void
add_balanced_accuracy(MetricWork *work, const ClassCount *count, uint32_t n_classes)
{
	double		sum = 0;
	double		variance = 0;
	int			n = 0;

	for (uint32_t i = 0; i < n_classes; i++)
	{
		double		recall;

		if (count[i].actual == 0)
			continue;
		recall = count[i].right / count[i].actual;
		n++;
		sum += recall;
		variance += (count[i].right_square * (1 - recall) * (1 - recall) +
					 count[i].wrong_square * recall * recall) / (count[i].actual * count[i].actual);
	}
	if (n < 2)
		mlops_metric_add(work, "balanced_accuracy", NAN, NAN);
	else
		mlops_metric_add(work, "balanced_accuracy", sum / n, sqrt(variance) / n);
}

/* Accuracy, balanced accuracy and log loss, which both kinds have. */
static void
add_common(MetricWork *work, const ClassCount *count, uint32_t n_classes, double *term)
{
	const MetricInput *input = work->input;

	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
		term[row] = predict_class(input, row) == (uint32_t) input->label[row];
	add_ratio(work, "accuracy", term, NULL);
	add_balanced_accuracy(work, count, n_classes);
	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
		term[row] = compute_log_loss(input, row);
	add_ratio(work, "log_loss", term, NULL);
}

static void
add_precision_recall(MetricWork *work, double *upper, double *lower)
{
	const MetricInput *input = work->input;

	for (size_t row = 0; row < input->n; row++)
	{
		lower[row] = predict_class(input, row);
		upper[row] = lower[row] * input->label[row];
	}
	add_ratio(work, "precision", upper, lower);
	for (size_t row = 0; row < input->n; row++)
		lower[row] = input->label[row];
	add_ratio(work, "recall", upper, lower);
	for (size_t row = 0; row < input->n; row++)
	{
		lower[row] = input->label[row] + predict_class(input, row);
		upper[row] *= 2;
	}
	add_ratio(work, "f1", upper, lower);
}

/*
 * Expected calibration error: over ten bins of equal width, closed above as in
 * scikit-learn's calibration_curve, the mean distance between mean probability
 * and share of positives, weighted by the bins' rows.
 */
static void
add_calibration_error(MetricWork *work)
{
	const MetricInput *input = work->input;
	MetricSum	distance[N_BINS] = {{0}};
	MetricSum	total = {0};
	double		sum = 0;

	for (size_t row = 0; row < input->n; row++)
	{
		double		p = take_probability(input, row);
		double		weight = mlops_metric_weight(input, row);
		int			bin = 0;

		if (isnan(p))
			sum = NAN;
		while (bin < N_BINS - 1 && p > (bin + 1) * (1.0 / N_BINS))
			bin++;
		mlops_metric_sum(&distance[bin], weight * (p - input->label[row]));
		mlops_metric_sum(&total, weight);
	}
	for (int bin = 0; bin < N_BINS; bin++)
		sum += fabs(mlops_metric_total(&distance[bin]));
	if (mlops_metric_total(&total) == 0)
		sum = NAN;
	mlops_metric_add(work, "calibration_error", sum / mlops_metric_total(&total), NAN);
}

void
mlops_metric_judge_binary(MetricWork *work)
{
	const MetricInput *input = work->input;
	ClassCount	count[2] = {{0}};
	double	   *upper = mlops_metric_alloc(work, input->n, sizeof(double));
	double	   *lower = mlops_metric_alloc(work, input->n, sizeof(double));
	uint64_t   *order = NULL;

	if (work->status == 0)
	{
		count_classes(work, count);
		add_common(work, count, 2, upper);
		for (size_t row = 0; row < input->n; row++)
		{
			double		error = take_probability(input, row) - input->label[row];

			upper[row] = error * error;
		}
		add_ratio(work, "brier_score", upper, NULL);
		add_precision_recall(work, upper, lower);
		add_calibration_error(work);
		order = mlops_metric_order(work, input->score, input->n_scores, input->n, true);
	}
	if (order != NULL)
	{
		MetricRatio auc = mlops_metric_roc_auc(work, order, 1);

		mlops_metric_add(work, "roc_auc", auc.value, auc.std_error);
		mlops_metric_add(work, "average_precision", mlops_metric_average_precision(work, order), NAN);
	}
	free(order);
	free(upper);
	free(lower);
}

static void
add_averages(MetricWork *work, const ClassCount *count, uint32_t n_classes)
{
	double		precision = 0;
	double		recall = 0;
	double		f1 = 0;
	double		weighted = 0;
	double		total = 0;
	double		n = 0;

	for (uint32_t i = 0; i < n_classes; i++)
	{
		double		class_f1 = 0;

		if (!count[i].seen)
			continue;
		n++;
		if (count[i].right > 0)
		{
			precision += count[i].right / count[i].predicted;
			recall += count[i].right / count[i].actual;
			class_f1 = 2 * count[i].right / (count[i].predicted + count[i].actual);
		}
		f1 += class_f1;
		weighted += class_f1 * count[i].actual;
		total += count[i].actual;
	}
	/* n = 0 makes all of them NaN */
	mlops_metric_add(work, "precision_macro", precision / n, NAN);
	mlops_metric_add(work, "recall_macro", recall / n, NAN);
	mlops_metric_add(work, "f1_macro", f1 / n, NAN);
	mlops_metric_add(work, "f1_weighted", weighted / total, NAN);
}

/* Mean over the classes; NaN unless every class is among the labels. */
static void
add_roc_auc_ovr(MetricWork *work, const ClassCount *count, uint32_t n_classes)
{
	double		sum = 0;

	for (uint32_t i = 0; i < n_classes && !isnan(sum); i++)
	{
		uint64_t   *order;

		if (count[i].actual == 0)
		{
			sum = NAN;
			break;
		}
		order = mlops_metric_order(work, work->input->score + i, n_classes, work->input->n, true);
		if (order == NULL)
			return;
		sum += mlops_metric_roc_auc(work, order, (float) i).value;
		free(order);
	}
	mlops_metric_add(work, "roc_auc_ovr", sum / n_classes, NAN);
}

void
mlops_metric_judge_multiclass(MetricWork *work)
{
	const MetricInput *input = work->input;
	ClassCount *count = mlops_metric_alloc(work, input->n_scores, sizeof(ClassCount));
	double	   *term = mlops_metric_alloc(work, input->n, sizeof(double));

	if (work->status == 0)
	{
		count_classes(work, count);
		add_common(work, count, input->n_scores, term);
		add_averages(work, count, input->n_scores);
		add_roc_auc_ovr(work, count, input->n_scores);
	}
	free(count);
	free(term);
}
