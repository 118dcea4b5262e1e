/*-------------------------------------------------------------------------
 *
 * metric.h
 *	  Quality of predictions, under scikit-learn's names and values.
 *
 * Pure C, shared by evaluate, compare and the trainer.  Scores come in, not
 * hard labels, wherever the metric wants scores.  A metric that is not defined
 * for the rows at hand (one class, no rows) is NaN and becomes NULL in SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_METRIC_H
#define MLOPS_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum MetricTask
{
	METRIC_REGRESSION,
	METRIC_BINARY,
	METRIC_MULTICLASS,
	METRIC_RANKING,
	METRIC_SURVIVAL
} MetricTask;

/*
 * The rows to judge.  Scores, by task:
 *	 regression  one prediction per row (n_scores >= 1: quantiles, the first counts)
 *	 binary      probability of the positive class; label 0 or 1
 *	 multiclass  n_scores = number of classes, probabilities; label = class index
 *	 ranking     one score; groups are contiguous, in group[]
 *	 survival    one score = risk (higher is earlier) for Cox, time for AFT;
 *				 label/upper as XGBoost has them
 */
typedef struct MetricInput
{
	MetricTask	task;
	size_t		n;
	uint32_t	n_scores;		/* scores of one row */
	const float *score;			/* n * n_scores */
	const float *label;			/* n */
	const float *upper;			/* n; upper bounds (AFT), else NULL */
	const float *weight;		/* n, or NULL */
	const uint64_t *group;		/* n, or NULL */
	double		threshold;		/* binary: positive from here */
	const char *objective;		/* XGBoost's name: chooses deviances, Cox or
								 * AFT */
	double		quantile;		/* reg:quantileerror: its alpha; 0: 0.5 */
	double		tweedie_power;	/* reg:tweedie: its variance power; 0: 1.5 */
} MetricInput;

#define METRIC_MAX 32

typedef struct MetricValue
{
	const char *name;			/* static string */
	double		value;			/* NaN: not defined */
	double		std_error;		/* NaN: none */
} MetricValue;

/*
 * Compute all metrics of the task; returns their number (at most METRIC_MAX),
 * or -1 when memory is short.  "interrupted" may be NULL; when it says true,
 * returns -2.
 */
extern int	mlops_metric_compute(const MetricInput *input, MetricValue *values,
								 bool (*interrupted) (void));

/* Task of a name such as "binary"; false when there is none. */
extern bool mlops_metric_task_from_name(const char *name, MetricTask *task);

/* The metric that decides between versions: its name, and whether more is better. */
extern const char *mlops_metric_primary(MetricTask task, const char *objective, bool *greater_is_better);

/* Whether more of the named metric is better. */
extern bool mlops_metric_greater_is_better(const char *name);

/*
 * Loss of one row (log loss, squared error, ...), whose mean orders versions;
 * differences of it give paired confidence intervals.
 */
extern double mlops_metric_row_loss(const MetricInput *input, size_t row);

/* Loss of a probability of the positive class as scikit-learn's log_loss has it, clipped. */
extern double mlops_metric_log_loss(bool positive, double p);

/* Likewise of the probabilities of n classes, made to sum to one. */
extern double mlops_metric_class_log_loss(const double *p, int n, int label);

/* Bins of equal width of the calibration error, closed above. */
#define METRIC_CALIBRATION_BINS 10
extern int	mlops_metric_calibration_bin(double p);

/* |label - prediction| / |label|, with scikit-learn's least divisor. */
extern double mlops_metric_percentage(double label, double prediction);

/* Probability threshold that maximises F1; 0.5 when undefined. */
extern double mlops_metric_best_f1_threshold(const MetricInput *input);

/* A corner of a calibration: the score, and the probability that it stands for. */
typedef struct MetricKnot
{
	double		score;			/* ascending */
	double		probability;	/* likewise */
} MetricKnot;

/* What happens when rows are called positive from a threshold on. */
typedef struct MetricCut
{
	double		threshold;
	double		positive;		/* rows at or above it, by label, in weights */
	double		negative;
} MetricCut;

#define METRIC_MAX_KNOTS 2000
#define METRIC_MAX_CUTS 202

/*
 * Isotonic regression of a binary task's labels on its scores, with the knots of
 * scikit-learn's IsotonicRegression; of more than METRIC_MAX_KNOTS evenly many.
 * Returns their number, 0 where none is defined, or as mlops_metric_compute.
 */
extern int	mlops_metric_calibrate(const MetricInput *input, MetricKnot *knots,
								   bool (*interrupted) (void));

/* Linear between knots, constant outside of them. */
extern double mlops_metric_interpolate(const MetricKnot *knots, int n, double score);

/*
 * Cuts at all distinct scores of a binary task, the highest first; of more than
 * 200 those at 200 quantiles of the rows, the lowest and the one of the best F1.
 * Returns their number, likewise.
 */
extern int	mlops_metric_curve(const MetricInput *input, MetricCut *cuts,
							   bool (*interrupted) (void));

/*
 * roc_auc and average_precision that are to be expected of n rows of these
 * scores, each positive with its probability.  Returns their number, likewise.
 */
extern int	mlops_metric_expected(const float *score, const double *probability, size_t n,
								  MetricValue *values, bool (*interrupted) (void));

#endif							/* MLOPS_METRIC_H */
