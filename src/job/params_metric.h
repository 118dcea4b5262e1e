/*-------------------------------------------------------------------------
 *
 * params_metric.h
 *	  The evaluation metrics of XGBoost that train takes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PARAMS_METRIC_H
#define MLOPS_PARAMS_METRIC_H

#include "utils/jsonb.h"

#include "feature/dataset.h"

/*
 * Check one metric, name or name@number, and that it suits task and objective as
 * far as they are known (TASK_UNDECIDED, NULL).  Current memory context.
 */
extern char *mlops_params_metric(const JsonbValue *value, DatasetTask task,
								 const char *objective);

#endif							/* MLOPS_PARAMS_METRIC_H */
