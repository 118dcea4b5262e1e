/*-------------------------------------------------------------------------
 *
 * estimated.c
 *	  Estimated performance of a version on the rows of a query.
 *
 *	 query -> rows scored by the version -> calibrated -> sums, and ranking
 *
 * Scores and probabilities of all rows are held in memory, twelve bytes a row,
 * because the ranking metrics want them sorted.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "base/error.h"
#include "drift/estimated.h"
#include "drift/scored_rows.h"
#include "registry/calibration.h"

#define FIRST_ROWS 4096

/* All rows of the query. */
typedef struct Estimation
{
	const ModelVersion *version;
	const Calibration *calibration;
	EstimateSums sums;
	size_t		n;
	size_t		max;
	float	   *score;
	double	   *probability;
} Estimation;

static const Calibration *
find_calibration(const ModelVersion *version)
{
	const Calibration *calibration = NULL;

	if (strcmp(version->task, "binary") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("performance of model \"%s\" cannot be estimated, because its task is %s",
						version->model, version->task),
				 errhint("Estimates belong to binary classification.")));
	calibration = mlops_calibration_find(version->model, version->version);
	if (calibration == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" version %d has no calibration", version->model,
						version->version),
				 errhint("Its owner makes one with mlops.set_calibration.")));
	return calibration;
}

static void
add_score(Estimation *estimation, float score)
{
	double		p;

	if (isnan(score))
		return;
	if (!(score >= 0 && score <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("score %g is no probability", score),
				 errhint("Give scores as mlops.predict returned them.")));
	if (estimation->n == estimation->max)
	{
		estimation->max = Max(2 * estimation->max, FIRST_ROWS);
		if (estimation->score == NULL)
		{
			estimation->score = palloc(estimation->max * sizeof(float));
			estimation->probability = palloc(estimation->max * sizeof(double));
		}
		else
		{
			estimation->score = repalloc_huge(estimation->score, estimation->max * sizeof(float));
			estimation->probability = repalloc_huge(estimation->probability,
													estimation->max * sizeof(double));
		}
	}
	p = mlops_metric_interpolate(estimation->calibration->knots,
								 estimation->calibration->n_knots, score);
	if (!mlops_estimate_add(&estimation->sums, score, p, estimation->version->threshold))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("query returned too many rows")));
	estimation->score[estimation->n] = score;
	estimation->probability[estimation->n] = p;
	estimation->n++;
}

/* The probability of the positive class, as predict_proba has it. */
static float
get_score(const Estimation *estimation, const ScoredRows *rows, int row)
{
	float		score = rows->features[row];

	if (rows->forest != NULL)
		mlops_forest_probability(rows->forest, rows->margin + row, &score);
	/* the one objective of classes whose output is a margin */
	if (strcmp(estimation->version->objective, "binary:logitraw") == 0)
		score = 1 / (1 + exp(-(double) score));
	return score;
}

static void
put_metric(const char *name, double value, double std_error, int64 n, ReturnSetInfo *result)
{
	Datum		values[] = {
		CStringGetTextDatum(name), Float8GetDatum(value), Float8GetDatum(std_error), Int64GetDatum(n)
	};
	bool		nulls[] = {false, isnan(value), isnan(std_error), false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void
mlops_drift_put_estimate(const EstimateSums *sums, ReturnSetInfo *result)
{
	EstimateMetric metrics[ESTIMATE_N_METRICS];

	mlops_estimate_metrics(sums, metrics);
	for (int i = 0; i < ESTIMATE_N_METRICS; i++)
		put_metric(metrics[i].name, metrics[i].value, metrics[i].std_error, sums->n, result);
}

static void
put_ranking(const Estimation *estimation, ReturnSetInfo *result)
{
	MetricValue values[METRIC_MAX];
	int			n = mlops_metric_expected(estimation->score, estimation->probability,
										  estimation->n, values, mlops_registry_interrupted);

	CHECK_FOR_INTERRUPTS();
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	for (int i = 0; i < n; i++)
		put_metric(values[i].name, values[i].value, values[i].std_error, estimation->n, result);
}

void
mlops_drift_estimate(const char *reference, const char *query, const char *score,
					 ReturnSetInfo *result)
{
	Estimation	estimation = {0};
	ScoredRows *rows;

	estimation.version = mlops_registry_resolve(reference, MODEL_READ);
	estimation.calibration = find_calibration(estimation.version);
	rows = score != NULL ? mlops_scored_rows_open_scores(query, score) :
		mlops_scored_rows_open(estimation.version, query, NULL);
	/* what was calibrated is one score per row */
	if (rows->n_outputs > 1)
		elog(ERROR, "calibrated model predicts %u numbers", rows->n_outputs);
	while (mlops_scored_rows_next(rows))
		for (int i = 0; i < rows->n; i++)
			add_score(&estimation, get_score(&estimation, rows, i));
	mlops_scored_rows_end(rows);

	mlops_drift_put_estimate(&estimation.sums, result);
	put_ranking(&estimation, result);
}
