/*-------------------------------------------------------------------------
 *
 * params.h
 *	  The parameters of XGBoost that train takes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PARAMS_H
#define MLOPS_PARAMS_H

#include "feature/dataset.h"

typedef struct Params
{
	List	   *settings;		/* of char *: "name=value", in order, for
								 * XGBoost */
	int			threads;
	const char *booster;
	const char *objective;
	bool		plain_matrix;	/* not the quantile matrix of tree_method hist */
} Params;

/*
 * Check names, types, ranges and how they fit together, and the task; add
 * defaults.  At submit the task may be undecided and the signature NULL: what
 * depends on them is checked by the run.  Current memory context.
 */
extern Params *mlops_params_translate(Jsonb *json, DatasetTask task, bool has_upper,
									  const Signature *signature);

/* The task that the objective belongs to; TASK_UNDECIDED without one. */
extern DatasetTask mlops_params_task(Jsonb *json);

/* Error when early stopping does not go with the booster. */
extern void mlops_params_check_early_stopping(const Params *params, int early_stopping_rounds);

#endif							/* MLOPS_PARAMS_H */
