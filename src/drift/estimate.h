/*-------------------------------------------------------------------------
 *
 * estimate.h
 *	  Performance of a binary model without labels, from calibrated scores.
 *
 * Pure C.  Confidence-based performance estimation: a row of calibrated
 * probability p that is called positive is a true positive with probability p.
 * What a window of rows adds up to is six integers, which are exact whatever
 * the order in which they are added.  Blind to concept drift by construction:
 * a calibration says what scores meant, not what they mean.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ESTIMATE_H
#define MLOPS_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

/* Sums over rows; fixed point: 2^32 stands for 1. */
typedef struct EstimateSums
{
	int64_t		n;				/* rows */
	int64_t		n_called;		/* rows called positive: score >= threshold */
	int64_t		p_called;		/* fixed point: p of the rows called positive */
	int64_t		p_other;		/* of the others */
	int64_t		v_called;		/* p * (1 - p), likewise */
	int64_t		v_other;
} EstimateSums;

#define ESTIMATE_N_SUMS 6
#define ESTIMATE_N_METRICS 5
#define ESTIMATE_ONE (INT64_C(1) << 32)
#define ESTIMATE_MAX_ROWS (INT64_C(1) << 31)

typedef struct EstimateMetric
{
	const char *name;			/* static string, scikit-learn's */
	double		value;			/* NaN: not defined */
	double		std_error;		/* likewise */
} EstimateMetric;

/* Count a row of a probability from 0 to 1; false when there are too many rows. */
extern bool mlops_estimate_add(EstimateSums *sums, double score, double probability,
							   double threshold);

/* Add sums to others; false, and nothing added, when there are too many rows. */
extern bool mlops_estimate_merge(EstimateSums *into, const EstimateSums *from);

/* Whether the sums can come from rows; they count as hostile elsewhere. */
extern bool mlops_estimate_is_valid(const EstimateSums *sums);

/*
 * accuracy, precision, recall, f1 and specificity that are to be expected, with
 * the standard error that labels drawn by these probabilities give them
 * (Poisson binomial; by linearisation where the metric is a quotient).
 */
extern void mlops_estimate_metrics(const EstimateSums *sums,
								   EstimateMetric metrics[ESTIMATE_N_METRICS]);

#endif							/* MLOPS_ESTIMATE_H */
