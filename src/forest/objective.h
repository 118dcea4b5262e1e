/*-------------------------------------------------------------------------
 *
 * objective.h
 *	  XGBoost's objectives: from base score to margin, from margin to value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_OBJECTIVE_H
#define MLOPS_FOREST_OBJECTIVE_H

#include <stdbool.h>
#include <stdint.h>

/* Stored in images: append only. */
typedef enum ObjectiveTransform
{
	TRANSFORM_IDENTITY,
	TRANSFORM_LOGISTIC,
	TRANSFORM_EXP,
	TRANSFORM_EXP_DOUBLE,		/* exponential in double precision */
	TRANSFORM_SOFTMAX,			/* the class index */
	TRANSFORM_SOFTPROB,
	TRANSFORM_HINGE,
	TRANSFORM_EXPECTILE,
	TRANSFORM_SORT,
	N_TRANSFORMS
} ObjectiveTransform;

typedef struct Objective Objective;

extern const Objective *mlops_objective_find(const char *name);
extern const char *mlops_objective_name(const Objective *objective);
extern bool mlops_objective_is_multiclass(const Objective *objective);
extern ObjectiveTransform mlops_objective_transform(const Objective *objective,
													const int version[3]);
extern bool mlops_objective_base_margin(const Objective *objective, const int version[3],
										float *base, uint32_t n_outputs);

extern uint32_t mlops_transform_n_values(ObjectiveTransform transform, uint32_t n_outputs);
extern void mlops_transform_apply(ObjectiveTransform transform, uint32_t n_outputs,
								  const float *margin, float *values);

#endif							/* MLOPS_FOREST_OBJECTIVE_H */
