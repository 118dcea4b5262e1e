/*-------------------------------------------------------------------------
 *
 * judge.h
 *	  What counts as drift: the rule for one column and for many; pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_JUDGE_H
#define MLOPS_JUDGE_H

#include "drift/measure.h"

/*
 * The rule: drift when PSI reaches both the threshold and its critical value at
 * these sample sizes, and the adjusted p is below alpha; else insufficient when
 * there are so few rows that noise alone would exceed the threshold; else ok.
 */
extern DriftStatus mlops_drift_judge(double psi, double psi_critical, double p_adjusted,
									 int64_t n_current, double threshold, double alpha);

/* Benjamini-Hochberg, in place; NaN stays and does not count. */
extern void mlops_adjust_p(double *log10_p, int n);

/* One column of a check: measures in, the rest out. */
typedef struct DriftColumn
{
	DriftMeasures measures;
	bool		is_feature;
	double		importance;		/* of a feature: share of the model's gain, or
								 * NaN */
	double		log10_p_adjusted;
	double		p_adjusted;
	DriftStatus status;
} DriftColumn;

/* All features of a check as one. */
typedef struct DriftSummary
{
	int64_t		n_reference;	/* the most of a column, likewise n_current */
	int64_t		n_current;
	double		psi;			/* mean by importance; unweighted when no
								 * feature has any; likewise psi_critical */
	double		psi_critical;
	double		p_adjusted;		/* that no feature drifts */
	double		drifted_share;	/* of all columns */
	DriftStatus status;
} DriftSummary;

/* Judge the columns together: p adjusted for their number. */
extern void mlops_drift_judge_columns(DriftColumn *columns, int n, double threshold, double alpha,
									  DriftSummary *summary);

extern const char *mlops_drift_status_name(DriftStatus status);

/* A probability by its logarithm; above 0. */
extern double mlops_drift_power10(double log10_p);

#endif							/* MLOPS_JUDGE_H */
