/*-------------------------------------------------------------------------
 *
 * prediction.c
 *	  Margins of a scored row -> the results of the predict functions.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "serve/prediction.h"

const float *
mlops_prediction_values(ServedModel *served)
{
	mlops_forest_transform(served->forest, served->margin, served->values);
	return served->values;
}

static bool
has_value(const ServedModel *served)
{
	return served->n_outputs == 1 && served->n_values == 1;
}

void
mlops_prediction_require_value(const ServedModel *served)
{
	const ModelVersion *version = served->version;

	if (!has_value(served))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" version %d predicts %u numbers for a row",
						version->model, version->version, served->n_outputs),
				 version->n_classes > 0 ?
				 errhint("Use mlops.predict_class for the most likely class, or mlops.predict_array for all numbers.") :
				 errhint("Use mlops.predict_array for all numbers.")));
}

double
mlops_prediction_value(ServedModel *served)
{
	if (!has_value(served))
		mlops_stat_refuse(served->stat);
	mlops_prediction_require_value(served);
	return mlops_prediction_values(served)[0];
}

int32 *
mlops_prediction_leaves(ServedModel *served, int *n_trees)
{
	int32	   *leaf;

	*n_trees = mlops_forest_n_trees(served->forest);
	if (*n_trees == 0)
	{
		mlops_stat_refuse(served->stat);
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" version %d has no trees", served->version->model,
						served->version->version),
				 errhint("Leaves belong to the boosters gbtree and dart.")));
	}
	leaf = palloc(*n_trees * sizeof(int32));
	mlops_forest_leaf(served->forest, served->vector, leaf);
	return leaf;
}

/* Demand a model whose outputs tell its classes apart. */
static void
require_classes(const ServedModel *served)
{
	const ModelVersion *version = served->version;

	if (version->n_classes == 0)
	{
		mlops_stat_refuse(served->stat);
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" version %d does not predict classes",
						version->model, version->version),
				 errdetail("Its task is %s.", version->task),
				 errhint("Use mlops.predict or mlops.predict_array.")));
	}
	if (served->n_outputs != version->n_classes &&
		!(served->n_outputs == 1 && version->n_classes == 2))
	{
		mlops_stat_refuse(served->stat);
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" version %d predicts %u numbers for %d classes",
						version->model, version->version, served->n_outputs,
						version->n_classes),
				 errhint("Use mlops.predict_array.")));
	}
}

/* Probabilities of the row into served->values[n_outputs]. */
static void
compute_probabilities(ServedModel *served)
{
	require_classes(served);
	mlops_forest_probability(served->forest, served->margin, served->values);
	/* the one objective of classes whose output is a margin */
	if (strcmp(served->version->objective, "binary:logitraw") == 0)
		served->values[0] = 1 / (1 + exp(-served->margin[0]));
}

void
mlops_prediction_probabilities(ServedModel *served, double *probability)
{
	compute_probabilities(served);
	if (served->n_outputs == 1)
	{
		/* in single precision, as XGBoost's scikit-learn interface */
		probability[0] = 1.0f - served->values[0];
		probability[1] = served->values[0];
		return;
	}
	for (uint32 i = 0; i < served->n_outputs; i++)
		probability[i] = served->values[i];
}

/* Index of the greatest number, the first of equal ones. */
static int
find_greatest(const float *values, uint32 n)
{
	uint32		greatest = 0;

	for (uint32 i = 1; i < n; i++)
		if (values[i] > values[greatest])
			greatest = i;
	return greatest;
}

const char *
mlops_prediction_class(ServedModel *served)
{
	const ModelVersion *version = served->version;
	int			index;

	compute_probabilities(served);
	if (served->n_outputs == 1)
		index = served->values[0] >= version->threshold;
	else if (served->n_values == 1)
		/* multi:softmax decides by itself, from the margins */
		index = (int) mlops_prediction_values(served)[0];
	else
		index = find_greatest(served->values, served->n_outputs);

	if (index < 0 || index >= version->n_classes)
		elog(ERROR, "class %d of %d", index, version->n_classes);
	return version->classes[index];
}

/* Look the calibration up, for as long as the model is bound. */
static void
bind_calibration(ServedModel *served)
{
	const ModelVersion *version = served->version;
	Calibration *found = NULL;
	Size		size;

	require_classes(served);
	if (served->n_outputs == 1)
		found = mlops_calibration_find(version->model, version->version);
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" version %d has no calibration", version->model,
						version->version),
				 strcmp(version->task, "binary") == 0 ?
				 errhint("Its owner makes one with mlops.set_calibration.") :
				 errhint("Calibrations belong to binary classification; use mlops.predict_proba.")));

	size = sizeof(Calibration) + found->n_knots * sizeof(MetricKnot);
	served->calibration = MemoryContextAlloc(GetMemoryChunkContext(served->vector), size);
	memcpy(served->calibration, found, size);
	served->calibration->knots = (MetricKnot *) (served->calibration + 1);
	pfree(found);
}

double
mlops_prediction_calibrated(ServedModel *served)
{
	if (served->calibration == NULL)
		bind_calibration(served);
	compute_probabilities(served);
	return mlops_metric_interpolate(served->calibration->knots, served->calibration->n_knots,
									served->values[0]);
}
