/*-------------------------------------------------------------------------
 *
 * evaluate.h
 *	  How good versions are on the rows of a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_EVALUATE_H
#define MLOPS_EVALUATE_H

#include "nodes/execnodes.h"

struct Judgement;

/* Judge one version and record it as a run; rows of function evaluate. */
extern void mlops_registry_evaluate(const char *reference, const char *query, const char *target,
									ReturnSetInfo *result);

/* Judge versions on the same rows; rows of function compare. */
extern void mlops_registry_compare(char **references, int n_references, const char *query,
								   const char *target, bool unseen_only, ReturnSetInfo *result);

/* A metric of the second of two judged versions against the first, on the same rows. */
typedef struct PairedMetric
{
	const char *name;
	bool		greater_is_better;
	double		first;			/* NaN: not defined; likewise below */
	double		second;
	double		error;			/* standard error of the difference */
	int64		n;
	int64		n_class;		/* rows of the rarest class; n without classes */
} PairedMetric;

/*
 * Compare by the named metric or, where that one has no standard error of the
 * difference, by the one that decides between versions of the task.
 */
extern void mlops_registry_compare_pair(const struct Judgement *judgement, const char *metric,
										PairedMetric *result);

#endif							/* MLOPS_EVALUATE_H */
