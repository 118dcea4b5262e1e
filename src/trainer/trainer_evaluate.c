/*-------------------------------------------------------------------------
 *
 * trainer_evaluate.c
 *	  Metrics of the finished model, from its stored bytes.
 *
 * Scores come from the same evaluator that will serve the model, built from
 * the bytes that will be stored.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/trainer_evaluate.h"
#include "trainer/trainer_report.h"

#define BLOCK_ROWS 256
#define MAX_BASELINE (512 * 1024 * 1024)

/* One part with the scores of one model. */
typedef struct ScoredPart
{
	MetricInput input;			/* owns score, label, upper, weight and group */
	char		objective[64];
} ScoredPart;

Forest *
mlops_trainer_build_forest(const void *bytes, size_t size, ForestDescription *description)
{
	ForestLimits limits = {.max_image = SIZE_MAX / 2,.max_features = UINT32_MAX,.max_outputs = UINT32_MAX};
	ForestError error = {""};
	Forest	   *forest;
	size_t		image_size;

	if (mlops_forest_build(bytes, size, &limits, &forest, &image_size, description, &error) != FOREST_OK)
		mlops_trainer_fail("model cannot be served: %s", error.message);
	return forest;
}

/* Turn a row of ours into a row of the baseline. */
static void
recode_row(const TrainerConfig *config, const float *ours, float *theirs)
{
	for (uint32_t i = 0; i < config->n_baseline; i++)
	{
		int32_t		source = config->baseline_source[i];
		const TrainerRecode *recode = &config->baseline_recode[i];

		theirs[i] = source < 0 ? NAN : ours[source];
		if (recode->n > 0 && !isnan(theirs[i]))
		{
			if (!(theirs[i] >= 0 && theirs[i] < (float) recode->n))
				mlops_trainer_fail("configuration: baseline_recode of feature %u is too short", i);
			theirs[i] = (float) recode->index[(uint32_t) theirs[i]];
		}
	}
}

/* Score all rows of a part; "recode" says that the forest is the baseline's. */
static float *
score_rows(const TrainerConfig *config, const TrainerPart *part, const Forest *forest, bool recode)
{
	uint32_t	n_outputs = mlops_forest_n_outputs(forest);
	float	   *scores = mlops_trainer_alloc(part->n_rows, n_outputs * sizeof(float));
	float	   *buffer = NULL;

	if (recode)
		buffer = mlops_trainer_alloc(BLOCK_ROWS, config->n_baseline * sizeof(float));
	for (size_t first = 0; first < part->n_rows; first += BLOCK_ROWS)
	{
		size_t		n = part->n_rows - first < BLOCK_ROWS ? part->n_rows - first : BLOCK_ROWS;
		const float *rows = mlops_trainer_features(part, first);
		size_t		stride = part->row_size / sizeof(float);
		float	   *score = scores + first * n_outputs;

		if (recode)
		{
			for (size_t i = 0; i < n; i++)
				recode_row(config, rows + i * stride, buffer + i * config->n_baseline);
			rows = buffer;
			stride = config->n_baseline;
		}
		mlops_forest_margin_block(forest, rows, stride, n, score);
		for (size_t i = 0; i < n; i++)
			mlops_forest_probability(forest, score + i * n_outputs, score + i * n_outputs);
	}
	free(buffer);
	return scores;
}

/* Fill what the metrics want beside the scores. */
static void
set_truth(const TrainerConfig *config, const TrainerPart *part, MetricInput *input)
{
	float	   *label = mlops_trainer_alloc(part->n_rows, sizeof(float));
	float	   *upper = NULL;
	float	   *weight = NULL;
	uint64_t   *group = NULL;

	if (config->has_upper)
		upper = mlops_trainer_alloc(part->n_rows, sizeof(float));
	if (config->has_weight)
		weight = mlops_trainer_alloc(part->n_rows, sizeof(float));
	if (config->task == METRIC_RANKING)
		group = mlops_trainer_alloc(part->n_rows, sizeof(uint64_t));
	for (size_t row = 0; row < part->n_rows; row++)
	{
		label[row] = mlops_trainer_label(part, row);
		if (upper)
			upper[row] = mlops_trainer_upper(part, row);
		if (weight)
			weight[row] = mlops_trainer_weight(part, row);
		if (group)
			group[row] = mlops_trainer_group(part, row);
	}
	input->task = config->task;
	input->n = part->n_rows;
	input->label = label;
	input->upper = upper;
	input->weight = weight;
	input->group = group;
}

static void
set_scores(const TrainerConfig *config, const TrainerPart *part, const void *bytes, size_t size,
		   bool recode, ScoredPart *scored)
{
	ForestDescription description;
	Forest	   *forest = mlops_trainer_build_forest(bytes, size, &description);

	if (mlops_forest_n_features(forest) != (recode ? config->n_baseline : config->n_features))
		mlops_trainer_fail("model has %u features, the rows have %u",
						   mlops_forest_n_features(forest),
						   recode ? config->n_baseline : config->n_features);
	memcpy(scored->objective, description.objective, sizeof(scored->objective));
	mlops_forest_free_description(&description);

	scored->input.score = score_rows(config, part, forest, recode);
	scored->input.n_scores = mlops_forest_n_outputs(forest);
	scored->input.objective = scored->objective;
	/* the first of several quantiles is the one that counts */
	scored->input.quantile = strtod(mlops_trainer_param(config, "quantile_alpha", "0.5") +
									(mlops_trainer_param(config, "quantile_alpha", "0.5")[0] == '['),
									NULL);
	scored->input.tweedie_power = strtod(mlops_trainer_param(config, "tweedie_variance_power", "1.5"), NULL);
	free(forest);
}

/* Compute and report all metrics, unweighted and, where rows have weights, weighted. */
static void
report_metrics(const MetricInput *input, TrainerMessageType type)
{
	for (int weighted = 0; weighted <= (input->weight != NULL); weighted++)
	{
		MetricInput variant = *input;
		MetricValue values[METRIC_MAX];
		int			n;

		if (!weighted)
			variant.weight = NULL;
		n = mlops_metric_compute(&variant, values, NULL);
		if (n < 0)
			mlops_trainer_fail("out of memory");
		for (int i = 0; i < n; i++)
			mlops_trainer_send_metric(type, values[i].name, weighted, values[i].value,
									  values[i].std_error, input->n);
	}
}

/* Report the mean difference of the losses of two models on the same rows. */
static void
report_loss(const MetricInput *model, const MetricInput *baseline)
{
	double		mean = 0;
	double		squares = 0;	/* Welford: sum of squares around the mean */
	size_t		n = 0;

	for (size_t row = 0; row < model->n; row++)
	{
		double		difference = mlops_metric_row_loss(model, row) - mlops_metric_row_loss(baseline, row);
		double		step = difference - mean;

		if (isnan(difference))
			continue;			/* a row without a loss of its own */
		n++;
		mean += step / (double) n;
		squares += step * (difference - mean);
	}
	mlops_trainer_send_metric(TRAINER_BASELINE_LOSS, "", false, n > 0 ? mean : NAN,
							  n > 1 ? sqrt(squares / (double) (n - 1) / (double) n) : NAN, n);
}

static void
judge_baseline(const TrainerConfig *config, const TrainerPart *test, const MetricInput *model)
{
	ScoredPart	baseline = {.input = *model};
	size_t		size;
	uint8_t    *bytes = mlops_trainer_read_all(TRAINER_FD_BASELINE, MAX_BASELINE, &size);

	set_scores(config, test, bytes, size, true, &baseline);
	free(bytes);
	if (baseline.input.n_scores != model->n_scores)
	{
		mlops_trainer_note("baseline has %u scores per row, the model %u: not compared",
						   baseline.input.n_scores, model->n_scores);
		return;
	}
	/* both are judged by the same loss: that of the new model */
	baseline.input.objective = model->objective;
	baseline.input.threshold = config->baseline_threshold;
	report_metrics(&baseline.input, TRAINER_BASELINE_METRIC);
	report_loss(model, &baseline.input);
}

static void
report_calibration(const MetricInput *input)
{
	MetricKnot *knots = mlops_trainer_alloc(METRIC_MAX_KNOTS, sizeof(MetricKnot));
	int			n = mlops_metric_calibrate(input, knots, NULL);

	if (n < 0)
		mlops_trainer_fail("out of memory");
	for (int i = 0; i < n; i++)
		mlops_trainer_send_knot(SPOOL_TEST, knots[i].score, knots[i].probability, input->n);
	free(knots);
}

static void
report_curve(const MetricInput *input, SpoolPart part)
{
	MetricCut	cuts[METRIC_MAX_CUTS];
	int			n = mlops_metric_curve(input, cuts, NULL);

	if (n < 0)
		mlops_trainer_fail("out of memory");
	for (int i = 0; i < n; i++)
		mlops_trainer_send_cut(part, cuts[i].threshold, cuts[i].positive, cuts[i].negative,
							   input->weight != NULL, input->n);
}

/* The curve of the validation part, and the threshold where it is to be chosen there. */
static double
judge_thresholds(const TrainerConfig *config, const TrainerPart *validation, const TrainerModel *model)
{
	ScoredPart	scored = {0};
	double		threshold = config->threshold;

	set_truth(config, validation, &scored.input);
	set_scores(config, validation, model->bytes, model->size, false, &scored);
	if (config->choose_threshold)
	{
		threshold = mlops_metric_best_f1_threshold(&scored.input);
		mlops_trainer_send_threshold(threshold);
	}
	report_curve(&scored.input, SPOOL_VALIDATION);
	free((void *) scored.input.score);
	free((void *) scored.input.label);
	free((void *) scored.input.weight);
	return threshold;
}

void
mlops_trainer_evaluate(const TrainerConfig *config, const TrainerPart *parts,
					   const TrainerModel *model, TrainerReference *reference)
{
	const TrainerPart *test = &parts[SPOOL_TEST];
	ScoredPart	scored = {0};
	double		threshold = config->threshold;

	if (config->task == METRIC_BINARY && parts[SPOOL_VALIDATION].n_rows > 0)
		threshold = judge_thresholds(config, &parts[SPOOL_VALIDATION], model);
	if (test->n_rows == 0)
		return;
	set_truth(config, test, &scored.input);
	set_scores(config, test, model->bytes, model->size, false, &scored);
	scored.input.threshold = threshold;
	report_metrics(&scored.input, TRAINER_METRIC);
	report_calibration(&scored.input);
	mlops_trainer_profile_scores(config, &scored.input, reference);
	if (parts[SPOOL_VALIDATION].n_rows == 0)
		report_curve(&scored.input, SPOOL_TEST);
	if (config->baseline)
		judge_baseline(config, test, &scored.input);
}
