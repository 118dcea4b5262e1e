/*-------------------------------------------------------------------------
 *
 * metric_class.c
 *	  Metrics of classification.
 *
 * Probabilities count as float64.  Precision, recall and F1 of a binary task
 * are NaN where scikit-learn divides by zero and says 0; averages over classes
 * take that 0, as scikit-learn does.  Balanced accuracy of one class is NaN.
 * Standard errors are of metric_common.c's kind: quotients are linearised,
 * averages over classes add what the weight of a row moves in each class.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>

#include "registry/metric_common.h"

/* What multiclass averages over its classes. */
enum
{
	PRECISION_MACRO,
	RECALL_MACRO,
	F1_MACRO,
	F1_WEIGHTED,
	N_AVERAGES
};

/* What happened to the rows of one class, in weights. */
typedef struct ClassCount
{
	double		actual;
	double		predicted;
	double		right;
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
		return (double) mlops_metric_positive_score(input, row) >= input->threshold;
	for (uint32_t i = 1; i < input->n_scores; i++)
		if (score[i] > score[best])
			best = i;
	return best;
}

double
mlops_metric_log_loss(bool positive, double p)
{
	p = clip_probability(p);
	return -log(positive ? p : 1 - p);
}

double
mlops_metric_class_log_loss(const double *p, int n, int label)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += clip_probability(p[i]);
	return -log(clip_probability(p[label]) / sum);
}

/* scikit-learn's log_loss: clipped, and made to sum to one. */
static double
compute_log_loss(const MetricInput *input, size_t row)
{
	double		sum = 0;

	if (input->task == METRIC_BINARY)
	{
		double		p = take_probability(input, row);

		return isnan(p) ? NAN : mlops_metric_log_loss(input->label[row] == 1, p);
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
			count[label].right += weight;
	}
}

/* scikit-learn's quotient: 0 where there is nothing to divide by. */
static double
divide(double upper, double lower)
{
	return upper > 0 ? upper / lower : 0;
}

/* How far a row's weight moves the recall of its class. */
static double
move_recall(const ClassCount *label, bool hit)
{
	return (hit - divide(label->right, label->actual)) / label->actual;
}

/* Mean recall of the classes among the labels. */
static void
add_balanced_accuracy(MetricWork *work, const ClassCount *count, uint32_t n_classes)
{
	const MetricInput *input = work->input;
	MetricSum	squares = {0};
	double		sum = 0;
	int			n = 0;
	size_t		n_counted = 0;

	for (uint32_t i = 0; i < n_classes; i++)
	{
		sum += divide(count[i].right, count[i].actual);
		n += count[i].actual > 0;
	}
	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
	{
		uint32_t	label = (uint32_t) input->label[row];
		double		weight = mlops_metric_weight(input, row);
		double		moved;

		if (weight == 0)
			continue;
		moved = weight * move_recall(&count[label], predict_class(input, row) == label);
		mlops_metric_sum(&squares, moved * moved);
		n_counted++;
	}
	mlops_metric_add(work, "balanced_accuracy", n < 2 ? NAN : sum / n,
					 mlops_metric_error(mlops_metric_total(&squares), n_counted) / n);
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

int
mlops_metric_calibration_bin(double p)
{
	int			bin = 0;

	while (bin < METRIC_CALIBRATION_BINS - 1 && p > (bin + 1) * (1.0 / METRIC_CALIBRATION_BINS))
		bin++;
	return bin;
}

/*
 * Expected calibration error: over ten bins of equal width, closed above as in
 * scikit-learn's calibration_curve, the mean distance between mean probability
 * and share of positives, weighted by the bins' rows.  That is the mean of the
 * rows' errors, each with the sign of its bin.
 */
static void
add_calibration_error(MetricWork *work, double *term)
{
	const MetricInput *input = work->input;
	MetricSum	distance[METRIC_CALIBRATION_BINS] = {{0}};

	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
	{
		double		p = take_probability(input, row);
		double		weight = mlops_metric_weight(input, row);

		term[row] = p - input->label[row];
		if (weight > 0)
			mlops_metric_sum(&distance[mlops_metric_calibration_bin(p)], weight * term[row]);
	}
	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
	{
		double		total = mlops_metric_total(&distance[mlops_metric_calibration_bin(take_probability(input, row))]);

		term[row] *= (total > 0) - (total < 0);
	}
	add_ratio(work, "calibration_error", term, NULL);
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
		add_calibration_error(work, upper);
		order = mlops_metric_order(work, input->score, input->n_scores, input->n, true);
	}
	if (order != NULL)
	{
		MetricRatio auc = mlops_metric_roc_auc(work, order, 1, NULL);
		MetricRatio average = mlops_metric_average_precision(work, order);

		mlops_metric_add(work, "roc_auc", auc.value, auc.std_error);
		mlops_metric_add(work, "average_precision", average.value, average.std_error);
	}
	free(order);
	free(upper);
	free(lower);
}

static double
compute_f1(const ClassCount *count)
{
	return divide(2 * count->right, count->predicted + count->actual);
}

/* How far a row's weight moves the F1 of a class that it has or is called. */
static double
move_f1(const ClassCount *count, bool hit)
{
	return ((hit ? 2 : 0) - (hit ? 2 : 1) * compute_f1(count)) / (count->predicted + count->actual);
}

/*
 * How far a row's weight moves the sums that become averages; of f1_weighted,
 * whose divisor moves too, the linearised quotient.
 */
static void
move_averages(const ClassCount *label, const ClassCount *predicted, double weighted, double moved[N_AVERAGES])
{
	bool		hit = label == predicted;
	double		by_label = move_f1(label, hit);
	double		by_predicted = hit ? 0 : move_f1(predicted, hit);

	moved[PRECISION_MACRO] = (hit - divide(predicted->right, predicted->predicted)) / predicted->predicted;
	moved[RECALL_MACRO] = move_recall(label, hit);
	moved[F1_MACRO] = by_label + by_predicted;
	moved[F1_WEIGHTED] = compute_f1(label) - weighted +
		label->actual * by_label + predicted->actual * by_predicted;
}

static void
add_averages(MetricWork *work, const ClassCount *count, uint32_t n_classes)
{
	static const char *const names[] = {"precision_macro", "recall_macro", "f1_macro", "f1_weighted"};
	const MetricInput *input = work->input;
	double		sum[N_AVERAGES] = {0};
	double		divisor[N_AVERAGES] = {0};
	double		moved[N_AVERAGES];
	MetricSum	squares[N_AVERAGES] = {{0}};
	size_t		n_counted = 0;

	for (uint32_t i = 0; i < n_classes; i++)
	{
		if (!count[i].seen)
			continue;
		sum[PRECISION_MACRO] += divide(count[i].right, count[i].predicted);
		sum[RECALL_MACRO] += divide(count[i].right, count[i].actual);
		sum[F1_MACRO] += compute_f1(&count[i]);
		sum[F1_WEIGHTED] += compute_f1(&count[i]) * count[i].actual;
		for (int j = 0; j < N_AVERAGES; j++)
			divisor[j] += j == F1_WEIGHTED ? count[i].actual : 1;
	}
	for (size_t row = 0; row < input->n && !mlops_metric_stopped(work, row); row++)
	{
		double		weight = mlops_metric_weight(input, row);

		if (weight == 0)
			continue;
		move_averages(&count[(uint32_t) input->label[row]], &count[predict_class(input, row)],
					  sum[F1_WEIGHTED] / divisor[F1_WEIGHTED], moved);
		for (int j = 0; j < N_AVERAGES; j++)
			mlops_metric_sum(&squares[j], weight * weight * moved[j] * moved[j]);
		n_counted++;
	}
	/* no rows: 0 / 0 makes all of them NaN */
	for (int j = 0; j < N_AVERAGES; j++)
		mlops_metric_add(work, names[j], sum[j] / divisor[j],
						 mlops_metric_error(mlops_metric_total(&squares[j]), n_counted) / divisor[j]);
}

/*
 * Mean over the classes; NaN unless every class is among the labels.  The
 * movements of the classes' areas add up row by row; as in roc_auc a single row
 * of a class is too few for a standard error.
 */
static void
add_roc_auc_ovr(MetricWork *work, const ClassCount *count, uint32_t n_classes, double *moved)
{
	const MetricInput *input = work->input;
	MetricSum	squares = {0};
	double		sum = 0;
	double		known = 0;		/* NaN: no standard error */
	size_t		n_counted = 0;

	memset(moved, 0, input->n * sizeof(double));
	for (uint32_t i = 0; i < n_classes && !isnan(sum); i++)
	{
		uint64_t   *order;
		MetricRatio auc;

		if (count[i].actual == 0)
		{
			sum = NAN;
			break;
		}
		order = mlops_metric_order(work, input->score + i, n_classes, input->n, true);
		if (order == NULL)
			return;
		auc = mlops_metric_roc_auc(work, order, (float) i, moved);
		free(order);
		sum += auc.value;
		known += auc.std_error;
	}
	for (size_t row = 0; row < input->n; row++)
	{
		mlops_metric_sum(&squares, moved[row] * moved[row]);
		n_counted += mlops_metric_weight(input, row) > 0;
	}
	mlops_metric_add(work, "roc_auc_ovr", sum / n_classes, isnan(known) ? NAN :
					 mlops_metric_error(mlops_metric_total(&squares), n_counted) / n_classes);
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
		add_roc_auc_ovr(work, count, input->n_scores, term);
	}
	free(count);
	free(term);
}
