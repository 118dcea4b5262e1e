/*-------------------------------------------------------------------------
 *
 * performance_metric.c
 *	  Counts and sums -> metrics, under scikit-learn's names and values.
 *
 * Where scikit-learn divides by zero and says 0, a metric is NaN; only within
 * averages over classes that 0 counts.  Standard errors are those of
 * registry/metric_common.c, whose rows are grouped here by what they have in
 * common.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "drift/performance_curve.h"
#include "drift/performance_image.h"

static const MetricValue undefined = {NULL, NAN, NAN};

/* Label by prediction, and the sums of its rows and columns. */
typedef struct ClassTable
{
	const Performance *p;
	size_t		first;			/* count of cell 0, 0 */
	int			n;
	double		total;
	double		n_seen;
	double		actual[PERFORMANCE_MAX_CLASSES];
	double		predicted[PERFORMANCE_MAX_CLASSES];
	double		right[PERFORMANCE_MAX_CLASSES];
	bool		seen[PERFORMANCE_MAX_CLASSES];
} ClassTable;

static double
get_count(const Performance *p, size_t i)
{
	return mlops_exact_value(mlops_performance_count(p, i), p->count_window);
}

static double
get_sum(const Performance *p, size_t i)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);

	return mlops_exact_value(mlops_performance_sum(p, &layout, i), p->sum_window);
}

/* Sum of (term - mean)^2 from the number of a count, and of the sums of the terms and their squares. */
static double
get_spread(const Performance *p, size_t weights, size_t terms, size_t squares)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);

	return mlops_exact_spread(mlops_performance_count(p, weights), p->count_window,
							  mlops_performance_sum(p, &layout, terms),
							  mlops_performance_sum(p, &layout, squares), p->sum_window);
}

static double
get_cell(const ClassTable *table, int label, int prediction)
{
	return get_count(table->p, table->first + (size_t) label * table->n + prediction);
}

static void
load_table(const Performance *p, ClassTable *table)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);

	memset(table, 0, sizeof(*table));
	table->p = p;
	table->first = p->parts & PERFORMANCE_CELLS ? layout.cells : layout.classes;
	table->n = p->parts & PERFORMANCE_CELLS ? 2 : p->n_classes;
	for (int i = 0; i < table->n; i++)
		for (int j = 0; j < table->n; j++)
		{
			double		count = get_cell(table, i, j);

			table->actual[i] += count;
			table->predicted[j] += count;
			table->total += count;
			if (i == j)
				table->right[i] = count;
		}
	/* rows without weight show a class, rows taken out do not */
	for (int i = 0; i < table->n; i++)
	{
		table->seen[i] = p->is_weighted || table->actual[i] != 0 || table->predicted[i] != 0;
		table->n_seen += table->seen[i];
	}
}

/* scikit-learn's quotient: 0 where there is nothing to divide by. */
static double
divide(double upper, double lower)
{
	return upper > 0 ? upper / lower : 0;
}

/* From the sum over rows of the squares of what each moves, divided by "divisor". */
static double
get_error(const Performance *p, double squares, double n, double divisor)
{
	if (p->is_weighted || n < 2)
		return NAN;
	return sqrt(fmax(squares, 0) * n / (n - 1)) / divisor;
}

/*
 * Quotient of sums over the four cells, each with what one of its rows adds to
 * the upper and to the lower sum.
 */
static MetricValue
get_ratio(const ClassTable *table, const int upper[4], const int lower[4])
{
	MetricValue value = undefined;
	double		uppers = 0;
	double		lowers = 0;
	double		squares = 0;

	for (int i = 0; i < 4; i++)
	{
		uppers += upper[i] * get_cell(table, i / 2, i % 2);
		lowers += lower[i] * get_cell(table, i / 2, i % 2);
	}
	if (!(lowers > 0))
		return value;
	value.value = uppers / lowers;
	for (int i = 0; i < 4; i++)
	{
		double		residual = upper[i] - value.value * lower[i];

		squares += get_cell(table, i / 2, i % 2) * residual * residual;
	}
	value.std_error = get_error(table->p, squares, table->total, lowers);
	return value;
}

/* Share of right predictions. */
static MetricValue
get_accuracy(const Performance *p, double right, double total)
{
	MetricValue value = undefined;

	if (!(total > 0))
		return value;
	value.value = right / total;
	value.std_error = get_error(p, right * (total - right) / total, total, total);
	return value;
}

/* Mean recall of the classes among the labels. */
static MetricValue
get_balanced_accuracy(const ClassTable *table)
{
	MetricValue value = undefined;
	double		sum = 0;
	double		squares = 0;
	int			n = 0;

	for (int i = 0; i < table->n; i++)
	{
		double		recall = divide(table->right[i], table->actual[i]);

		if (!(table->actual[i] > 0))
			continue;
		sum += recall;
		squares += recall * (1 - recall) / table->actual[i];
		n++;
	}
	if (n < 2)
		return value;
	value.value = sum / n;
	value.std_error = get_error(table->p, squares, table->total, n);
	return value;
}

/* Without a standard error. */
static MetricValue
get_matthews(const ClassTable *table)
{
	MetricValue value = undefined;
	double		total = table->total;
	double		right = 0;
	double		both = 0;
	double		actual = total * total;
	double		predicted = total * total;

	for (int i = 0; i < table->n; i++)
	{
		right += table->right[i];
		both += table->actual[i] * table->predicted[i];
		actual -= table->actual[i] * table->actual[i];
		predicted -= table->predicted[i] * table->predicted[i];
	}
	if (actual > 0 && predicted > 0)
		value.value = (right * total - both) / sqrt(actual * predicted);
	return value;
}

/* Precision, recall or F1 of one class. */
static double
get_class_metric(const ClassTable *table, PerformanceMetric metric, int i)
{
	if (metric == PERFORMANCE_PRECISION)
		return divide(table->right[i], table->predicted[i]);
	if (metric == PERFORMANCE_RECALL)
		return divide(table->right[i], table->actual[i]);
	return divide(2 * table->right[i], table->actual[i] + table->predicted[i]);
}

/* How far the weight of a row moves the metric of a class that it has or is called. */
static double
move_class_metric(const ClassTable *table, PerformanceMetric metric, int class, int label, int prediction)
{
	double		value = get_class_metric(table, metric, class);
	bool		hit = label == prediction;

	if (metric == PERFORMANCE_PRECISION)
		return class == prediction ? (hit - value) / table->predicted[class] : 0;
	if (metric == PERFORMANCE_RECALL)
		return class == label ? (hit - value) / table->actual[class] : 0;
	return ((hit ? 2 : 0) - (hit ? 2 : 1) * value) / (table->actual[class] + table->predicted[class]);
}

static MetricValue
get_average(const ClassTable *table, PerformanceMetric metric, PerformanceAverage average)
{
	MetricValue value = undefined;
	double		sum = 0;
	double		squares = 0;
	double		divisor = average == AVERAGE_WEIGHTED ? table->total : table->n_seen;

	for (int i = 0; i < table->n; i++)
		if (table->seen[i])
			sum += get_class_metric(table, metric, i) * (average == AVERAGE_WEIGHTED ? table->actual[i] : 1);
	if (!(table->total > 0))
		return value;
	value.value = sum / divisor;

	for (int i = 0; i < table->n && !table->p->is_weighted; i++)
		for (int j = 0; j < table->n; j++)
		{
			double		moved = move_class_metric(table, metric, i, i, j);
			double		other = i == j ? 0 : move_class_metric(table, metric, j, i, j);
			double		count = get_cell(table, i, j);

			if (count == 0)
				continue;
			if (average == AVERAGE_WEIGHTED)
				moved = get_class_metric(table, metric, i) - value.value +
					table->actual[i] * moved + table->actual[j] * other;
			else
				moved += other;
			squares += count * moved * moved;
		}
	value.std_error = get_error(table->p, squares, table->total, divisor);
	return value;
}

static MetricValue
get_class_value(const Performance *p, PerformanceMetric metric, PerformanceAverage average)
{
	/* by actual, then called: tn, fp, fn, tp */
	static const int called[] = {0, 1, 0, 1};
	static const int actual[] = {0, 0, 1, 1};
	static const int negative[] = {1, 1, 0, 0};
	static const int both[] = {0, 1, 1, 2};
	static const int true_negative[] = {1, 0, 0, 0};
	static const int true_positive[] = {0, 0, 0, 1};
	static const int twice[] = {0, 0, 0, 2};
	ClassTable	table;
	double		right = 0;

	load_table(p, &table);
	for (int i = 0; i < table.n; i++)
		right += table.right[i];
	if (metric == PERFORMANCE_ACCURACY || average == AVERAGE_MICRO)
		return get_accuracy(p, right, table.total);
	if (metric == PERFORMANCE_BALANCED_ACCURACY)
		return get_balanced_accuracy(&table);
	if (metric == PERFORMANCE_MATTHEWS)
		return get_matthews(&table);
	if (average != AVERAGE_NONE)
		return get_average(&table, metric, average);
	if (table.n != 2)
		return undefined;
	switch (metric)
	{
		case PERFORMANCE_PRECISION:
			return get_ratio(&table, true_positive, called);
		case PERFORMANCE_RECALL:
			return get_ratio(&table, true_positive, actual);
		case PERFORMANCE_SPECIFICITY:
			return get_ratio(&table, true_negative, negative);
		default:
			return get_ratio(&table, twice, both);
	}
}

/* Mean of terms whose sum and sum of squares are known. */
static MetricValue
get_mean(const Performance *p, size_t weights, size_t sum, size_t squares)
{
	MetricValue value = undefined;
	double		total = get_count(p, weights);

	if (!(total > 0))
		return value;
	value.value = get_sum(p, sum) / total;
	if (p->parts & PERFORMANCE_SQUARES)
		value.std_error = get_error(p, get_spread(p, weights, sum, squares), total, total);
	return value;
}

/*
 * Mean over rows of score - label, with the sign of the bin's sum: the bins'
 * distances weighted by their rows.
 */
static MetricValue
get_calibration_error(const Performance *p, const PerformanceLayout *layout)
{
	MetricValue value = undefined;
	double		total = get_count(p, layout->losses);
	MetricSum	sum = {0};

	if (!(total > 0))
		return value;
	for (int i = 0; i < METRIC_CALIBRATION_BINS; i++)
		mlops_metric_sum(&sum, fabs(get_sum(p, layout->loss_sums + SUM_CALIBRATION + i)));
	value.value = mlops_metric_total(&sum) / total;
	value.std_error = get_error(p, get_sum(p, layout->loss_sums + SUM_BRIER) -
								value.value * value.value * total, total, total);
	return value;
}

/*
 * 1 - sum of squared errors / sum of squares around the mean label.  Constant
 * labels give 1 for perfect predictions and 0 for others, as in scikit-learn.
 */
static MetricValue
get_r2(const Performance *p, const PerformanceLayout *layout)
{
	MetricValue value = undefined;
	size_t		sums = layout->value_sums;
	double		errors = get_sum(p, sums + SUM_SQUARED);
	double		spread;

	if (p->n_rows < 2 || !(get_count(p, layout->values) > 0))
		return value;
	spread = get_spread(p, layout->values, sums + SUM_LABEL, sums + SUM_LABEL_SQUARE);
	if (spread > 0)
		value.value = 1 - errors / spread;
	else if (spread == 0)
		value.value = errors == 0;
	return value;
}

/* Standard error of the area under the ROC curve by DeLong; see metric_curve.c. */
static double
get_roc_error(const Performance *p, const PerformanceLayout *layout, const PerformanceCurve *total, double area)
{
	double		above = 0;
	double		passed = 0;
	double		positives = 0;
	double		negatives = 0;

	if (p->is_weighted || total->positive < 2 || total->negative < 2)
		return NAN;
	for (int i = PERFORMANCE_N_BINS - 1; i >= 0; i--)
	{
		double		negative = get_count(p, layout->bins + 2 * i);
		double		positive = get_count(p, layout->bins + 2 * i + 1);
		double		below_share = (total->negative - passed - negative / 2) / total->negative - area;
		double		above_share = (above + positive / 2) / total->positive - area;

		positives += positive * below_share * below_share;
		negatives += negative * above_share * above_share;
		above += positive;
		passed += negative;
	}
	return sqrt(positives / total->positive / (total->positive - 1) +
				negatives / total->negative / (total->negative - 1));
}

/* Standard error of the average precision; see metric_curve.c. */
static double
get_precision_error(const Performance *p, const PerformanceLayout *layout, const PerformanceCurve *total, double average)
{
	double		gain = 0;		/* sums over the steps from the last one up */
	double		loss = 0;
	double		squares = 0;
	double		found = total->positive;
	double		called = total->positive + total->negative;

	if (p->is_weighted || total->positive < 2)
		return NAN;
	for (int i = 0; i < PERFORMANCE_N_BINS; i++)
	{
		double		negative = get_count(p, layout->bins + 2 * i);
		double		positive = get_count(p, layout->bins + 2 * i + 1);
		double		precision;
		double		moved;

		if (positive + negative == 0)
			continue;
		precision = found / called;
		gain += positive / called;
		loss += positive * precision / called;
		moved = precision - average + gain - loss;
		squares += positive * moved * moved + negative * loss * loss;
		found -= positive;
		called -= positive + negative;
	}
	return get_error(p, squares, total->positive + total->negative, total->positive);
}

static MetricValue
get_curve_value(const Performance *p, const PerformanceLayout *layout, PerformanceMetric metric)
{
	MetricValue value = undefined;
	PerformanceCurve curve = {0};

	for (int i = PERFORMANCE_N_BINS - 1; i >= 0; i--)
		mlops_performance_step(&curve, get_count(p, layout->bins + 2 * i + 1),
							   get_count(p, layout->bins + 2 * i));
	if (metric == PERFORMANCE_ROC_AUC)
	{
		value.value = mlops_performance_roc_auc(&curve);
		value.std_error = get_roc_error(p, layout, &curve, value.value);
	}
	else
	{
		value.value = mlops_performance_average_precision(&curve);
		value.std_error = get_precision_error(p, layout, &curve, value.value);
	}
	return value;
}

MetricValue
mlops_performance_metric(const Performance *p, PerformanceMetric metric, PerformanceAverage average)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	MetricValue value;

	switch (metric)
	{
		case PERFORMANCE_LOG_LOSS:
			return get_mean(p, layout.losses, layout.loss_sums + SUM_LOG_LOSS, layout.square_sums + SQUARE_FIRST);
		case PERFORMANCE_BRIER_SCORE:
			return get_mean(p, layout.losses, layout.loss_sums + SUM_BRIER, layout.square_sums + SQUARE_SECOND);
		case PERFORMANCE_CALIBRATION_ERROR:
			return get_calibration_error(p, &layout);
		case PERFORMANCE_ROC_AUC:
		case PERFORMANCE_AVERAGE_PRECISION:
			return get_curve_value(p, &layout, metric);
		case PERFORMANCE_MSE:
			return get_mean(p, layout.values, layout.value_sums + SUM_SQUARED, layout.square_sums + SQUARE_FIRST);
		case PERFORMANCE_RMSE:
			value = mlops_performance_metric(p, PERFORMANCE_MSE, average);
			value.value = sqrt(value.value);
			/* by the derivative of the square root */
			value.std_error = value.value > 0 ? value.std_error / (2 * value.value) : NAN;
			return value;
		case PERFORMANCE_MAE:
			return get_mean(p, layout.values, layout.value_sums + SUM_ABSOLUTE, layout.value_sums + SUM_SQUARED);
		case PERFORMANCE_MAPE:
			return get_mean(p, layout.values, layout.value_sums + SUM_PERCENTAGE, layout.square_sums + SQUARE_SECOND);
		case PERFORMANCE_R2:
			return get_r2(p, &layout);
		case PERFORMANCE_ACCURACY:
			if (p->parts & PERFORMANCE_HITS)
				return get_accuracy(p, get_count(p, layout.hits + 1),
									get_count(p, layout.hits) + get_count(p, layout.hits + 1));
			/* FALLTHROUGH */
		default:
			return get_class_value(p, metric, average);
	}
}

/* What metrics() shows of the parts, under the names of registry/metric*.c. */
static const struct
{
	const char *name;
	unsigned	part;
	PerformanceMetric metric;
	PerformanceAverage average;
}			shown[] = {
	{"accuracy", PERFORMANCE_HITS, PERFORMANCE_ACCURACY, AVERAGE_NONE},
	{"accuracy", PERFORMANCE_CELLS, PERFORMANCE_ACCURACY, AVERAGE_NONE},
	{"balanced_accuracy", PERFORMANCE_CELLS, PERFORMANCE_BALANCED_ACCURACY, AVERAGE_NONE},
	{"precision", PERFORMANCE_CELLS, PERFORMANCE_PRECISION, AVERAGE_NONE},
	{"recall", PERFORMANCE_CELLS, PERFORMANCE_RECALL, AVERAGE_NONE},
	{"specificity", PERFORMANCE_CELLS, PERFORMANCE_SPECIFICITY, AVERAGE_NONE},
	{"f1", PERFORMANCE_CELLS, PERFORMANCE_F1, AVERAGE_NONE},
	{"matthews_corrcoef", PERFORMANCE_CELLS, PERFORMANCE_MATTHEWS, AVERAGE_NONE},
	{"accuracy", PERFORMANCE_CLASSES, PERFORMANCE_ACCURACY, AVERAGE_NONE},
	{"balanced_accuracy", PERFORMANCE_CLASSES, PERFORMANCE_BALANCED_ACCURACY, AVERAGE_NONE},
	{"precision_macro", PERFORMANCE_CLASSES, PERFORMANCE_PRECISION, AVERAGE_MACRO},
	{"recall_macro", PERFORMANCE_CLASSES, PERFORMANCE_RECALL, AVERAGE_MACRO},
	{"f1_macro", PERFORMANCE_CLASSES, PERFORMANCE_F1, AVERAGE_MACRO},
	{"f1_weighted", PERFORMANCE_CLASSES, PERFORMANCE_F1, AVERAGE_WEIGHTED},
	{"matthews_corrcoef", PERFORMANCE_CLASSES, PERFORMANCE_MATTHEWS, AVERAGE_NONE},
	{"log_loss", PERFORMANCE_LOSSES, PERFORMANCE_LOG_LOSS, AVERAGE_NONE},
	{"brier_score", PERFORMANCE_LOSSES, PERFORMANCE_BRIER_SCORE, AVERAGE_NONE},
	{"calibration_error", PERFORMANCE_LOSSES, PERFORMANCE_CALIBRATION_ERROR, AVERAGE_NONE},
	{"roc_auc", PERFORMANCE_BINS, PERFORMANCE_ROC_AUC, AVERAGE_NONE},
	{"average_precision", PERFORMANCE_BINS, PERFORMANCE_AVERAGE_PRECISION, AVERAGE_NONE},
	{"mse", PERFORMANCE_VALUES, PERFORMANCE_MSE, AVERAGE_NONE},
	{"rmse", PERFORMANCE_VALUES, PERFORMANCE_RMSE, AVERAGE_NONE},
	{"mae", PERFORMANCE_VALUES, PERFORMANCE_MAE, AVERAGE_NONE},
	{"mape", PERFORMANCE_VALUES, PERFORMANCE_MAPE, AVERAGE_NONE},
	{"r2", PERFORMANCE_VALUES, PERFORMANCE_R2, AVERAGE_NONE},
};

#define N_SHOWN (sizeof(shown) / sizeof(shown[0]))

int
mlops_performance_metrics(const Performance *p, MetricValue *values)
{
	int			n = 0;

	for (size_t i = 0; i < N_SHOWN; i++)
	{
		if (!(p->parts & shown[i].part))
			continue;
		values[n] = mlops_performance_metric(p, shown[i].metric, shown[i].average);
		values[n++].name = shown[i].name;
	}
	return n;
}

int64_t
mlops_performance_rows(const Performance *p, const char *metric)
{
	for (size_t i = 0; i < N_SHOWN; i++)
		if (strcmp(shown[i].name, metric) == 0 && p->parts & shown[i].part)
			return shown[i].part & (PERFORMANCE_LOSSES | PERFORMANCE_BINS) ? p->n_scored : p->n_rows;
	return 0;
}
