/*-------------------------------------------------------------------------
 *
 * measure.h
 *	  How far two profiles on the same cells are apart; pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_MEASURE_H
#define MLOPS_MEASURE_H

#include "drift/profile.h"

/*
 * Numbers that are not defined are NaN: intervals and shifts of labels, everything
 * but counts, psi_noise and psi_critical when one side has no rows.
 */
typedef struct DriftMeasures
{
	int64_t		n_reference;
	int64_t		n_current;
	double		psi;			/* population stability index */
	double		psi_noise;		/* what it is on average without drift */
	double		psi_critical;	/* what it exceeds with probability alpha
								 * without drift */
	double		kl;				/* of the reference from the current; natural
								 * logarithm */
	double		js;				/* Jensen-Shannon distance, base 2: 0 to 1 */
	double		hellinger;		/* distance, 0 to 1 */
	double		tv;				/* total variation, 0 to 1 */
	double		l_infinity;		/* largest change of a cell's share */
	double		chi2;			/* of the two-sample test; see contingency.h */
	double		g;
	int			df;
	double		p_value;		/* at least the smallest double above 0 */
	double		log10_p;
	double		ks_low;			/* bounds of the Kolmogorov-Smirnov distance */
	double		ks_high;
	double		wasserstein_low;	/* bounds of the first Wasserstein
									 * distance, in units of the column */
	double		wasserstein_high;
	double		mean_shift;		/* of the means, in standard deviations of the
								 * reference */
	double		null_rate_change;	/* of the share of missing values */
	double		unseen_rate;	/* share of current rows whose label the
								 * reference does not have */
	double		out_of_range_rate;	/* share of current rows below the least
									 * or above the greatest number of the
									 * reference */
} DriftMeasures;

typedef enum DriftStatus
{
	DRIFT_OK,
	DRIFT_FOUND,
	DRIFT_INSUFFICIENT
} DriftStatus;

/* All numbers undefined, no rows. */
extern void mlops_measure_clear(DriftMeasures *measures);

/* Measure; false when the profiles do not have the same cells. */
extern bool mlops_measure_drift(const Profile *reference, const Profile *current, double alpha,
								DriftMeasures *measures);

#endif							/* MLOPS_MEASURE_H */
