/*-------------------------------------------------------------------------
 *
 * explanation.h
 *	  What a prediction, or a model, is made of -> rows of a result.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_EXPLANATION_H
#define MLOPS_EXPLANATION_H

#include "nodes/execnodes.h"

#include "serve/call_site.h"

/* (class, feature, value, contribution) for every margin and feature, and the base. */
extern void mlops_explanation_contributions(ServedModel *served, ReturnSetInfo *result);

/* (class, feature1, feature2, contribution) likewise, and for the pairs that interact. */
extern void mlops_explanation_interactions(ServedModel *served, ReturnSetInfo *result);

/* (feature, importance) of the features that are used; the type by its name. */
extern void mlops_explanation_importance(const char *reference, const char *type,
										 ReturnSetInfo *result);

#endif							/* MLOPS_EXPLANATION_H */
