/*-------------------------------------------------------------------------
 *
 * performance.h
 *	  Labels beside predictions -> counts and sums from which metrics follow.
 *
 * Pure C.  A state is one flat image whose first four bytes belong to the
 * caller (the length of a varlena); it is updated in place, merged in any order
 * with equal bits, and a row that was added can be taken out again.  What needs
 * more room says PERFORMANCE_NO_ROOM and has changed nothing: allocate
 * need->size bytes, mlops_performance_grow, try again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PERFORMANCE_H
#define MLOPS_PERFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drift/exact_sum.h"
#include "registry/metric.h"

/* What a state counts. */
#define PERFORMANCE_HITS 1		/* right and wrong predictions */
#define PERFORMANCE_CELLS 2		/* label by prediction, positive or not */
#define PERFORMANCE_CLASSES 4	/* label by prediction, any labels */
#define PERFORMANCE_VALUES 8	/* errors of numbers */
#define PERFORMANCE_LOSSES 16	/* errors of probabilities */
#define PERFORMANCE_BINS 32		/* labels by bins of the score */
#define PERFORMANCE_SQUARES 64	/* squares of the errors, for standard errors */

#define PERFORMANCE_REGRESSION (PERFORMANCE_VALUES | PERFORMANCE_SQUARES)
#define PERFORMANCE_BINARY \
	(PERFORMANCE_CELLS | PERFORMANCE_LOSSES | PERFORMANCE_BINS | PERFORMANCE_SQUARES)
#define PERFORMANCE_MULTICLASS PERFORMANCE_CLASSES

#define PERFORMANCE_MAX_CLASSES 256
#define PERFORMANCE_MAX_LABEL_BYTES (1024 * 1024)	/* of all classes */

/*
 * Bins of scores: sixteen per halving of the distance to 0 and to 1, down to
 * 2^-17; one for what is nearer on each side, and one for 0.5.
 */
#define PERFORMANCE_N_BINS 515

typedef enum PerformanceStatus
{
	PERFORMANCE_OK,
	PERFORMANCE_NO_ROOM,
	PERFORMANCE_NOT_FINITE,		/* label, prediction or score */
	PERFORMANCE_NOT_PROBABILITY,	/* score outside of 0 .. 1 */
	PERFORMANCE_BAD_WEIGHT,
	PERFORMANCE_TOO_MANY_CLASSES,	/* or labels too long */
	PERFORMANCE_MISMATCH,		/* states of different kinds */
	PERFORMANCE_OVERFLOW
} PerformanceStatus;

/* How precision, recall and F1 of several classes become one number. */
typedef enum PerformanceAverage
{
	AVERAGE_NONE,
	AVERAGE_MACRO,
	AVERAGE_MICRO,
	AVERAGE_WEIGHTED
} PerformanceAverage;

typedef struct Performance
{
	uint32_t	length;			/* of the varlena; not ours */
	uint32_t	size;			/* of the whole image */
	uint32_t	magic;
	uint16_t	format;
	uint16_t	parts;
	uint16_t	n_classes;
	uint8_t		average;		/* what the caller wants of it */
	uint8_t		is_weighted;	/* some weight was not 1 */
	uint32_t	label_bytes;
	uint32_t	pending;		/* pieces since the last carry */
	ExactWindow count_window;
	ExactWindow sum_window;
	uint32_t	unused;			/* 0 */
	int64_t		n_rows;
	int64_t		n_scored;		/* rows with a score */
	/* limbs of the counts, of the sums; end of each label, labels in order */
	int64_t		limb[];
} Performance;

typedef struct PerformanceRow
{
	double		weight;			/* 1 without weights */
	int			sign;			/* 1, or -1 to take it out */
	double		label;			/* VALUES */
	double		prediction;
	bool		actual;			/* CELLS, LOSSES, BINS: is positive */
	bool		called;			/* CELLS: called positive; HITS: right */
	double		score;			/* LOSSES, BINS: probability; NaN: none */
	const char *label_text;		/* CLASSES */
	size_t		label_length;
	const char *prediction_text;
	size_t		prediction_length;
} PerformanceRow;

typedef struct PerformanceNeed
{
	size_t		size;
	ExactWindow count_window;
	ExactWindow sum_window;
	const char *label;			/* to be added, or NULL */
	size_t		label_length;
} PerformanceNeed;

extern size_t mlops_performance_size(unsigned parts);

/* Write an empty state of mlops_performance_size(parts) bytes. */
extern void mlops_performance_init(Performance *p, unsigned parts);

/* Count a row. */
extern PerformanceStatus mlops_performance_add(Performance *p, const PerformanceRow *row, PerformanceNeed *need);

/* Count a row whose loss is known; LOSSES. */
extern PerformanceStatus mlops_performance_add_loss(Performance *p, double loss, double weight,
													PerformanceNeed *need);

extern PerformanceStatus mlops_performance_merge(Performance *into, const Performance *from, PerformanceNeed *need);

/* Copy to "into", which has need->size bytes, with the room that is needed. */
extern void mlops_performance_grow(const Performance *p, const PerformanceNeed *need, Performance *into);

/* Make equal states of equal contents equal in their bytes; "size" may shrink. */
extern PerformanceStatus mlops_performance_settle(Performance *p, PerformanceNeed *need);

/* Settled and sound?  Else "why". */
extern bool mlops_performance_check(const Performance *p, size_t size, const char **why);

/* A settled state as few bytes, and back. */
extern size_t mlops_performance_packed_max(const Performance *p);
extern size_t mlops_performance_pack(const Performance *p, uint8_t *bytes);

/* Bytes of the state; 0 with "why" when there is none in it. */
extern size_t mlops_performance_unpacked_size(const uint8_t *bytes, size_t size, const char **why);
extern bool mlops_performance_unpack(const uint8_t *bytes, size_t size, Performance *into, const char **why);

/* What a status means, for messages. */
extern const char *mlops_performance_message(PerformanceStatus status);

/* Bin of a probability, in ascending order. */
extern int	mlops_performance_bin(double p);

/* Metrics */

typedef enum PerformanceMetric
{
	PERFORMANCE_ACCURACY,
	PERFORMANCE_BALANCED_ACCURACY,
	PERFORMANCE_MATTHEWS,
	PERFORMANCE_PRECISION,		/* by "average" for CLASSES */
	PERFORMANCE_RECALL,
	PERFORMANCE_F1,
	PERFORMANCE_SPECIFICITY,
	PERFORMANCE_LOG_LOSS,
	PERFORMANCE_BRIER_SCORE,
	PERFORMANCE_CALIBRATION_ERROR,
	PERFORMANCE_ROC_AUC,		/* by BINS, likewise the next */
	PERFORMANCE_AVERAGE_PRECISION,
	PERFORMANCE_MSE,
	PERFORMANCE_RMSE,
	PERFORMANCE_MAE,
	PERFORMANCE_MAPE,
	PERFORMANCE_R2
} PerformanceMetric;

/*
 * Value and standard error of one metric, whose parts the state must have; NaN
 * where not defined.  Weighted states have no standard errors.
 */
extern MetricValue mlops_performance_metric(const Performance *p, PerformanceMetric metric,
											PerformanceAverage average);

/* All metrics of a state; returns their number, at most METRIC_MAX. */
extern int	mlops_performance_metrics(const Performance *p, MetricValue *values);

/* Rows behind a metric, by its name. */
extern int64_t mlops_performance_rows(const Performance *p, const char *metric);

/* Access to the parts, for performance*.c */

typedef struct PerformanceLayout
{
	size_t		hits;			/* first count of each part: wrong, right */
	size_t		cells;			/* 2 * actual + called */
	size_t		values;			/* one: the weights */
	size_t		losses;			/* likewise */
	size_t		bins;			/* negatives, positives of each bin */
	size_t		classes;		/* n_classes * label + prediction */
	size_t		n_counts;
	size_t		value_sums;		/* first sum: enum ValueSum */
	size_t		loss_sums;		/* enum LossSum, then calibration */
	size_t		square_sums;	/* of values or losses */
	size_t		n_sums;
} PerformanceLayout;

enum ValueSum
{
	SUM_LABEL,
	SUM_LABEL_SQUARE,
	SUM_ABSOLUTE,
	SUM_SQUARED,
	SUM_PERCENTAGE,
	N_VALUE_SUMS
};

enum LossSum
{
	SUM_LOG_LOSS,
	SUM_BRIER,
	SUM_CALIBRATION,			/* METRIC_CALIBRATION_BINS of them */
	N_LOSS_SUMS = SUM_CALIBRATION + METRIC_CALIBRATION_BINS
};

enum SquareSum
{
	SQUARE_FIRST,				/* squared error; log loss */
	SQUARE_SECOND,				/* percentage; Brier score */
	N_SQUARE_SUMS
};

extern PerformanceLayout mlops_performance_layout(unsigned parts, size_t n_classes);
extern size_t mlops_performance_image_size(unsigned parts, size_t n_classes, size_t label_bytes,
										   ExactWindow count_window, ExactWindow sum_window);
extern const char *mlops_performance_label(const Performance *p, int i, size_t *length);

static inline int64_t *
mlops_performance_count(const Performance *p, size_t i)
{
	return (int64_t *) p->limb + i * p->count_window.n;
}

static inline int64_t *
mlops_performance_sum(const Performance *p, const PerformanceLayout *layout, size_t i)
{
	return mlops_performance_count(p, layout->n_counts) + i * p->sum_window.n;
}

/* End of each label. */
static inline uint32_t *
mlops_performance_label_ends(const Performance *p, const PerformanceLayout *layout)
{
	return (uint32_t *) mlops_performance_sum(p, layout, layout->n_sums);
}

#endif							/* MLOPS_PERFORMANCE_H */
