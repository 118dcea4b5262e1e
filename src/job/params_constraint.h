/*-------------------------------------------------------------------------
 *
 * params_constraint.h
 *	  Constraints on features, by name, in the form that XGBoost reads.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PARAMS_CONSTRAINT_H
#define MLOPS_PARAMS_CONSTRAINT_H

#include "feature/signature.h"

/*
 * monotone_constraints: {"feature": 1, ...}, or an array of -1, 0 and 1 in the
 * order of the features.  interaction_constraints: an array of arrays of feature
 * names.  Without a signature only the form is checked and the result is "".
 */
extern char *mlops_params_monotone(const JsonbValue *value, const Signature *signature);
extern char *mlops_params_interaction(const JsonbValue *value, const Signature *signature);

#endif							/* MLOPS_PARAMS_CONSTRAINT_H */
