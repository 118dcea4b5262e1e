/*-------------------------------------------------------------------------
 *
 * calibration.c
 *	  Calibrations and curves of thresholds of versions: check and store.
 *
 * The trainer fits them on rows that it did not learn from, set_calibration on
 * the rows of a query.  One row each per version.
 *
 * Locks: the rows that are written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "registry/calibration.h"
#include "registry/judge.h"

static bool
is_share(double value)
{
	return value >= 0 && value <= 1;
}

bool
mlops_calibration_is_valid(const Calibration *calibration)
{
	const MetricKnot *knots = calibration->knots;

	if (calibration->n_knots < 0 || calibration->n_knots > METRIC_MAX_KNOTS || calibration->n < 0)
		return false;
	for (int i = 0; i < calibration->n_knots; i++)
		if (!is_share(knots[i].score) || !is_share(knots[i].probability) ||
			(i > 0 && (knots[i].score <= knots[i - 1].score ||
					   knots[i].probability < knots[i - 1].probability)))
			return false;
	return true;
}

bool
mlops_calibration_curve_is_valid(const ThresholdCurve *curve)
{
	const MetricCut *cuts = curve->cuts;

	if (curve->n_cuts < 0 || curve->n_cuts > METRIC_MAX_CUTS || curve->n < 0)
		return false;
	for (int i = 0; i < curve->n_cuts; i++)
		if (!is_share(cuts[i].threshold) || !isfinite(cuts[i].positive) ||
			!isfinite(cuts[i].negative) || cuts[i].positive < 0 || cuts[i].negative < 0 ||
			(i > 0 && (cuts[i].threshold >= cuts[i - 1].threshold ||
					   cuts[i].positive < cuts[i - 1].positive ||
					   cuts[i].negative < cuts[i - 1].negative)))
			return false;
	return true;
}

/* Add every stride-th number as float8[]. */
static void
add_numbers(SpiArgs *args, const double *numbers, int stride, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i * stride]);
	mlops_args_add(args, FLOAT8ARRAYOID,
				   PointerGetDatum(construct_array(elements, n, FLOAT8OID, sizeof(float8),
												   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
				   false);
}

static void
add_key(SpiArgs *args, const char *model, int version, const char *dataset, int64 n)
{
	mlops_args_add_text(args, model);
	mlops_args_add_int4(args, version);
	mlops_args_add_text(args, dataset);
	mlops_args_add(args, INT8OID, Int64GetDatum(n), false);
}

void
mlops_calibration_store(const char *model, int version, const char *dataset,
						const Calibration *calibration, bool replace)
{
	const int	stride = sizeof(MetricKnot) / sizeof(double);
	SpiScope	scope;
	SpiArgs		args = {0};

	if (calibration->n_knots == 0)
		return;
	add_key(&args, model, version, dataset, calibration->n);
	add_numbers(&args, &calibration->knots->score, stride, calibration->n_knots);
	add_numbers(&args, &calibration->knots->probability, stride, calibration->n_knots);
	mlops_args_add_bool(&args, replace);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.model_calibration AS c"
						 " (model, version, dataset, n, score, probability)"
						 " VALUES ($1, $2, $3, $4, $5, $6)"
						 " ON CONFLICT (model, version) DO UPDATE SET dataset = EXCLUDED.dataset,"
						 " n = EXCLUDED.n, score = EXCLUDED.score,"
						 " probability = EXCLUDED.probability WHERE $7", &args);
	mlops_spi_end(&scope);
}

void
mlops_calibration_store_curve(const char *model, int version, const char *dataset,
							  const ThresholdCurve *curve, bool replace)
{
	const int	stride = sizeof(MetricCut) / sizeof(double);
	SpiScope	scope;
	SpiArgs		args = {0};

	if (curve->n_cuts == 0)
		return;
	add_key(&args, model, version, dataset, curve->n);
	mlops_args_add_bool(&args, curve->weighted);
	add_numbers(&args, &curve->cuts->threshold, stride, curve->n_cuts);
	add_numbers(&args, &curve->cuts->positive, stride, curve->n_cuts);
	add_numbers(&args, &curve->cuts->negative, stride, curve->n_cuts);
	mlops_args_add_bool(&args, replace);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.model_curve AS c"
						 " (model, version, dataset, n, weighted, threshold, positive, negative)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
						 " ON CONFLICT (model, version) DO UPDATE SET dataset = EXCLUDED.dataset,"
						 " n = EXCLUDED.n, weighted = EXCLUDED.weighted,"
						 " threshold = EXCLUDED.threshold, positive = EXCLUDED.positive,"
						 " negative = EXCLUDED.negative WHERE $9", &args);
	mlops_spi_end(&scope);
}

/* Error when a metric function says that it could not. */
static int
check_status(int status)
{
	CHECK_FOR_INTERRUPTS();
	if (status < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return status;
}

int64
mlops_calibration_set(const char *reference, const char *query, const char *target)
{
	ModelVersion *version;
	Judgement  *judgement;
	const MetricInput *input;
	Calibration calibration = {0};
	ThresholdCurve curve = {0};

	mlops_registry_require_writable("set_calibration");
	version = mlops_registry_resolve(reference, MODEL_OWN);
	if (strcmp(version->task, "binary") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" cannot be calibrated, because its task is %s",
						version->model, version->task),
				 errhint("Calibrations belong to binary classification.")));
	judgement = mlops_judge_read(unconstify(char **, &reference), 1, query, target, false);
	input = &judgement->versions[0].input;
	calibration.n = curve.n = input->n;
	calibration.knots = palloc(sizeof(MetricKnot) * METRIC_MAX_KNOTS);
	calibration.n_knots = check_status(mlops_metric_calibrate(input, calibration.knots,
															  mlops_registry_interrupted));
	curve.cuts = palloc(sizeof(MetricCut) * METRIC_MAX_CUTS);
	curve.n_cuts = check_status(mlops_metric_curve(input, curve.cuts, mlops_registry_interrupted));
	if (calibration.n_knots == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 input->n == 0 ? errmsg("query has no row to calibrate by") :
				 errmsg("the scores of model \"%s\" version %d are no probabilities",
						version->model, version->version),
				 input->n == 0 ? errhint("Select rows with a target that is not NULL.") :
				 errhint("Its objective is %s.", version->objective)));
	mlops_calibration_store(version->model, version->version, "query", &calibration, true);
	mlops_calibration_store_curve(version->model, version->version, "query", &curve, true);
	return input->n;
}
