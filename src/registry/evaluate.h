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

/* Judge one version and record it as a run; rows of function evaluate. */
extern void mlops_registry_evaluate(const char *reference, const char *query, const char *target,
									ReturnSetInfo *result);

/* Judge versions on the same rows; rows of function compare. */
extern void mlops_registry_compare(char **references, int n_references, const char *query,
								   const char *target, bool unseen_only, ReturnSetInfo *result);

#endif							/* MLOPS_EVALUATE_H */
