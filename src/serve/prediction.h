/*-------------------------------------------------------------------------
 *
 * prediction.h
 *	  Margins of a scored row -> the results of the predict functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PREDICTION_H
#define MLOPS_PREDICTION_H

#include "serve/call_site.h"

/* XGBoost's own numbers for the row: values[n_values]. */
extern const float *mlops_prediction_values(ServedModel *served);

/* The one number of a model with one output; an error for others, also before
 * there is a row. */
extern double mlops_prediction_value(ServedModel *served);
extern void mlops_prediction_require_value(const ServedModel *served);

/* Probabilities in the order of version->classes; an error unless the model
 * tells classes apart. */
extern void mlops_prediction_probabilities(ServedModel *served, double *probability);

/* Leaf of the row in every tree, as XGBoost numbers them; palloc'ed.  An error
 * for a model without trees. */
extern int32 *mlops_prediction_leaves(ServedModel *served, int *n_trees);

/* Calibrated probability of the positive class; an error for a version without
 * calibration. */
extern double mlops_prediction_calibrated(ServedModel *served);

/* Label of the predicted class; likewise. */
extern const char *mlops_prediction_class(ServedModel *served);

#endif							/* MLOPS_PREDICTION_H */
