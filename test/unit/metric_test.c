/*-------------------------------------------------------------------------
 *
 * metric_test.c
 *	  Metrics with answers known by hand, and inputs without an answer.
 *
 * Agreement with scikit-learn is tested in test/interop.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "registry/metric.h"
#include "unit.h"

#define CLOSE(a, b) (fabs((a) - (b)) < 1e-12)

/* Value of one metric; NaN, and a failed check, when it is not there. */
static MetricValue
compute_metric(const MetricInput *input, const char *name)
{
	MetricValue values[METRIC_MAX];
	MetricValue none = {name, NAN, NAN};
	int			n = mlops_metric_compute(input, values, NULL);

	for (int i = 0; i < n; i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i];
	CHECK(false, name);
	return none;
}

/* Every value of the input is NaN, and there are some. */
static bool
is_undefined(const MetricInput *input)
{
	MetricValue values[METRIC_MAX];
	int			n = mlops_metric_compute(input, values, NULL);

	for (int i = 0; i < n; i++)
		if (!isnan(values[i].value) || !isnan(values[i].std_error))
			return false;
	return n > 0;
}

static void
test_regression(void)
{
	float		score[] = {1, 2, 3, 6};
	float		label[] = {1, 2, 4, 4};
	MetricInput input = {.task = METRIC_REGRESSION,.n = 4,.n_scores = 1,.score = score,.label = label};
	float		weight[] = {0, 0, 1, 1};

	CHECK(CLOSE(compute_metric(&input, "mse").value, 1.25), "squares 0 0 1 4");
	CHECK(CLOSE(compute_metric(&input, "rmse").value, sqrt(1.25)), "rmse");
	CHECK(CLOSE(compute_metric(&input, "mae").value, 0.75), "mae");
	CHECK(CLOSE(compute_metric(&input, "mape").value, 0.1875), "mape");
	CHECK(CLOSE(compute_metric(&input, "r2").value, 1 - 5 / 6.75), "r2");
	/* variance of 0 0 1 4 is 10.75 / 3 */
	CHECK(CLOSE(compute_metric(&input, "mse").std_error, sqrt(10.75 / 3 / 4)), "standard error");
	input.weight = weight;
	CHECK(CLOSE(compute_metric(&input, "mse").value, 2.5), "weights");
	CHECK(CLOSE(mlops_metric_row_loss(&input, 3), 4), "row loss");

	input.objective = "reg:absoluteerror";
	CHECK(CLOSE(mlops_metric_row_loss(&input, 3), 2), "row loss of the objective");
	input.objective = "reg:gamma";
	label[0] = 0;
	CHECK(isnan(compute_metric(&input, "mean_gamma_deviance").value) == false, "a row without weight");
	input.weight = NULL;
	CHECK(isnan(compute_metric(&input, "mean_gamma_deviance").value), "gamma of label 0");
}

static void
test_constant_labels(void)
{
	float		score[] = {1, 1, 1};
	float		label[] = {1, 1, 1};
	MetricInput input = {.task = METRIC_REGRESSION,.n = 3,.n_scores = 1,.score = score,.label = label};

	CHECK(compute_metric(&input, "r2").value == 1, "perfect");
	score[0] = 2;
	CHECK(compute_metric(&input, "r2").value == 0, "constant labels");
	input.n = 1;
	CHECK(isnan(compute_metric(&input, "r2").value), "one row");
	CHECK(isnan(compute_metric(&input, "mse").std_error), "no error from one row");
}

static void
test_binary(void)
{
	float		score[] = {0.9f, 0.8f, 0.8f, 0.3f, 0.1f};
	float		label[] = {1, 1, 0, 1, 0};
	MetricInput input = {.task = METRIC_BINARY,.n = 5,.n_scores = 1,.score = score,.label = label,
	.threshold = 0.5};

	CHECK(CLOSE(compute_metric(&input, "accuracy").value, 0.6), "accuracy");
	CHECK(CLOSE(compute_metric(&input, "precision").value, 2 / 3.0), "precision");
	CHECK(CLOSE(compute_metric(&input, "recall").value, 2 / 3.0), "recall");
	CHECK(CLOSE(compute_metric(&input, "f1").value, 2 / 3.0), "f1");
	CHECK(CLOSE(compute_metric(&input, "balanced_accuracy").value, (2 / 3.0 + 0.5) / 2), "balanced accuracy");
	/* 6 pairs: 4 in order, one tie, one against */
	CHECK(CLOSE(compute_metric(&input, "roc_auc").value, 4.5 / 6), "roc_auc");
	CHECK(CLOSE(compute_metric(&input, "average_precision").value, (1 + 2 / 3.0 + 3 / 4.0) / 3), "average precision");
	/* the weights of the rows move it by 53, 5, -59, 1 and 0 of 432 */
	CHECK(CLOSE(compute_metric(&input, "average_precision").std_error, sqrt(6316.0 * 5 / 4) / 432), "its standard error");
	/* at 0.3 all positives are found among 4 */
	CHECK(mlops_metric_best_f1_threshold(&input) == score[3], "best threshold");
	input.threshold = score[1];
	CHECK(CLOSE(compute_metric(&input, "recall").value, 2 / 3.0), "the threshold itself is positive");
	input.threshold = 2;
	CHECK(isnan(compute_metric(&input, "precision").value), "nothing called positive");
	CHECK(compute_metric(&input, "f1").value == 0, "nothing found");
}

/* Knots and cuts, by hand; too many of them; what has none. */
static void
test_isotonic(void)
{
	static MetricKnot knots[METRIC_MAX_KNOTS];
	static MetricCut cuts[METRIC_MAX_CUTS];
	static float many[30000];
	static float many_labels[30000];
	float		score[] = {0.5f, 0.25f, 0.75f, 0.75f, 0.125f};
	float		label[] = {0, 1, 1, 1, 0};
	float		weight[] = {3, 1, 1, 1, 0};
	const MetricKnot level[] = {{0.011947249062359333, 0}, {0.013315490446984768, 1.0 / 36},
	{0.0432167612016201, 1.0 / 36}};
	MetricInput input = {.task = METRIC_BINARY,.n = 5,.n_scores = 1,.score = score,.label = label,
	.objective = "binary:logistic"};
	bool		ascends = true;
	int			n;

	/* 0 at 1/8, then 1 and 0 pooled to 1/2, then 1 */
	CHECK(mlops_metric_calibrate(&input, knots, NULL) == 4, "knots");
	CHECK(knots[0].score == 0.125 && knots[0].probability == 0, "first");
	CHECK(knots[1].score == 0.25 && knots[1].probability == 0.5, "pooled");
	CHECK(knots[2].score == 0.5 && knots[2].probability == 0.5, "pooled");
	CHECK(knots[3].score == 0.75 && knots[3].probability == 1, "tied");
	CHECK(mlops_metric_interpolate(knots, 4, 0) == 0, "below");
	CHECK(mlops_metric_interpolate(knots, 4, 0.625) == 0.75, "between");
	CHECK(mlops_metric_interpolate(knots, 4, 0.3) == 0.5, "within");
	CHECK(mlops_metric_interpolate(knots, 4, 1) == 1, "above");
	CHECK(isnan(mlops_metric_interpolate(knots, 4, NAN)), "not a number");
	CHECK(mlops_metric_interpolate(level, 3, level[1].score) == 1.0 / 36, "at a knot");
	CHECK(mlops_metric_curve(&input, cuts, NULL) == 4, "cuts");
	CHECK(cuts[0].threshold == 0.75 && cuts[0].positive == 2 && cuts[0].negative == 0, "highest");
	CHECK(cuts[3].threshold == 0.125 && cuts[3].positive == 3 && cuts[3].negative == 2, "lowest");

	input.weight = weight;
	CHECK(mlops_metric_calibrate(&input, knots, NULL) == 3, "knots by weight");
	CHECK(knots[0].score == 0.25 && knots[0].probability == 0.25, "by weight");
	input.n = 0;
	CHECK(mlops_metric_calibrate(&input, knots, NULL) == 0, "no rows");
	CHECK(mlops_metric_curve(&input, cuts, NULL) == 0, "no rows");
	CHECK(isnan(mlops_metric_interpolate(knots, 0, 0.5)), "no knots");
	input.n = 5;
	memset(weight, 0, sizeof(weight));
	CHECK(mlops_metric_calibrate(&input, knots, NULL) == 0, "no weight");
	input.weight = NULL;
	score[0] = NAN;
	CHECK(mlops_metric_calibrate(&input, knots, NULL) == 0, "no score");
	score[0] = 1.5f;
	CHECK(mlops_metric_curve(&input, cuts, NULL) == 0, "no probability");
	input.objective = "binary:logitraw";
	CHECK(mlops_metric_curve(&input, cuts, NULL) == 4 && cuts[0].threshold == (float) (1 / (1 + exp(-1.5))), "margins");
	input.n_scores = 2;
	CHECK(mlops_metric_calibrate(&input, knots, NULL) == 0, "two scores");

	/* weights that ascend make a block of each score */
	for (int i = 0; i < 30000; i++)
	{
		many[i] = (float) (i / 2) / 15000;
		many_labels[i] = i % 2;
	}
	input = (MetricInput)
	{
		.task = METRIC_BINARY,.n = 30000,.n_scores = 1,.score = many,.label = many_labels,
			.weight = malloc(30000 * sizeof(float))
	};
	for (int i = 0; i < 30000; i++)
		((float *) input.weight)[i] = i % 2 ? (float) (1 + i) : 1;
	n = mlops_metric_calibrate(&input, knots, NULL);
	CHECK(n > METRIC_MAX_KNOTS / 3 && n <= METRIC_MAX_KNOTS, "bounded");
	for (int i = 1; i < n; i++)
		ascends = ascends && knots[i].score > knots[i - 1].score && knots[i].probability > knots[i - 1].probability;
	CHECK(ascends && knots[0].score == 0 && knots[n - 1].score == (float) 14999 / 15000, "from end to end");
	n = mlops_metric_curve(&input, cuts, NULL);
	CHECK(n > 190 && n <= METRIC_MAX_CUTS && cuts[n - 1].threshold == 0, "bounded");
	free((void *) input.weight);
}

/* A threshold is a probability, also where the scores are margins. */
static void
test_margins(void)
{
	float		score[] = {-2, -0.4f, 0.2f, 0.3f};
	float		label[] = {0, 1, 0, 1};
	MetricInput input = {.task = METRIC_BINARY,.n = 4,.n_scores = 1,.score = score,.label = label,
	.objective = "binary:logitraw",.threshold = 0.5};

	CHECK(compute_metric(&input, "recall").value == 0.5, "recall");
	CHECK(compute_metric(&input, "precision").value == 0.5, "precision");
	CHECK(mlops_metric_best_f1_threshold(&input) == (float) (1 / (1 + exp(0.4))), "best threshold");
}

static void
test_one_class(void)
{
	float		score[] = {0.9f, 0, 1};
	float		label[] = {0, 0, 0};
	MetricInput input = {.task = METRIC_BINARY,.n = 3,.n_scores = 1,.score = score,.label = label,
	.threshold = 0.5};

	CHECK(isnan(compute_metric(&input, "roc_auc").value), "roc_auc");
	CHECK(isnan(compute_metric(&input, "average_precision").value), "average precision");
	CHECK(isnan(compute_metric(&input, "recall").value), "recall");
	CHECK(isnan(compute_metric(&input, "balanced_accuracy").value), "balanced accuracy");
	CHECK(mlops_metric_best_f1_threshold(&input) == 0.5, "threshold");
	CHECK(isfinite(compute_metric(&input, "log_loss").value), "certain and wrong");
	score[0] = 1.5f;
	CHECK(isnan(compute_metric(&input, "log_loss").value), "no probability");
	CHECK(isnan(compute_metric(&input, "calibration_error").value), "no probability");
	CHECK(isfinite(compute_metric(&input, "accuracy").value), "but an accuracy");
}

static void
test_calibration(void)
{
	/* the edge 0.5 belongs to the bin below it */
	float		score[] = {0.5f, 0.41f, 0.59f, 1, 0};
	float		label[] = {1, 0, 1, 1, 0};
	MetricInput input = {.task = METRIC_BINARY,.n = 5,.n_scores = 1,.score = score,.label = label};
	double		wanted = (fabs(0.5 + (double) 0.41f - 1) + fabs((double) 0.59f - 1)) / 5;

	CHECK(CLOSE(compute_metric(&input, "calibration_error").value, wanted), "bins");
	input.n = 1;
	CHECK(isnan(compute_metric(&input, "calibration_error").std_error), "no error from one row");
}

static void
test_multiclass(void)
{
	float		score[] = {0.5f, 0.25f, 0.25f, 0.25f, 0.5f, 0.25f, 0.25f, 0.5f, 0.25f, 0.25f, 0.25f, 0.5f};
	float		label[] = {0, 1, 2, 2};
	MetricInput input = {.task = METRIC_MULTICLASS,.n = 4,.n_scores = 3,.score = score,.label = label};

	CHECK(CLOSE(compute_metric(&input, "accuracy").value, 0.75), "accuracy");
	CHECK(CLOSE(compute_metric(&input, "log_loss").value, (3 * log(2) + log(4)) / 4), "log loss");
	CHECK(CLOSE(compute_metric(&input, "recall_macro").value, (1 + 1 + 0.5) / 3), "recall");
	CHECK(CLOSE(compute_metric(&input, "precision_macro").value, (1 + 0.5 + 1) / 3), "precision");
	CHECK(CLOSE(compute_metric(&input, "f1_weighted").value, (1 + 2 / 3.0 + 2 * 2 / 3.0) / 4), "f1");
	CHECK(CLOSE(compute_metric(&input, "roc_auc_ovr").value, (1 + 5 / 6.0 + 0.75) / 3), "roc_auc");
	/* the rows of class 2 move the recalls by 1/4 and -1/4 */
	CHECK(CLOSE(compute_metric(&input, "recall_macro").std_error, sqrt(0.125 * 4 / 3) / 3), "standard error");
	CHECK(isnan(compute_metric(&input, "roc_auc_ovr").std_error), "single rows of two classes");
	CHECK(CLOSE(mlops_metric_row_loss(&input, 2), log(4)), "row loss");
	label[0] = 1;
	CHECK(isnan(compute_metric(&input, "roc_auc_ovr").value), "a class is missing");
	label[0] = 3;
	CHECK(is_undefined(&input), "a class too many");
	label[0] = 0.5f;
	CHECK(is_undefined(&input), "half a class");
}

static void
test_ranking(void)
{
	float		score[] = {3, 2, 1, 7, 7, 1};
	float		label[] = {0, 1, 0, 2, 0, 0};
	uint64_t	group[] = {9, 9, 9, 4, 4, 8};
	MetricInput input = {.task = METRIC_RANKING,.n = 6,.n_scores = 1,.score = score,.label = label,.group = group};
	double		first = 1 / log2(3);
	double		second = (1 + 1 / log2(3)) / 2;

	CHECK(CLOSE(compute_metric(&input, "ndcg").value, (first + second + 0) / 3), "ndcg");
	CHECK(CLOSE(compute_metric(&input, "map").value, (0.5 + 0.5 + 0) / 3), "map");
	CHECK(CLOSE(mlops_metric_row_loss(&input, 0), 1 - first), "loss of a group");
	CHECK(isnan(mlops_metric_row_loss(&input, 1)), "only its first row has one");
	CHECK(mlops_metric_row_loss(&input, 5) == 1, "nothing to find");
	input.group = NULL;
	CHECK(is_undefined(&input), "no groups");
}

static void
test_survival(void)
{
	/* events at 1, 3 and 5, censored at 3 and 4 */
	float		cox[] = {1, 3, 5, -3, -4};
	float		risk[] = {9, 5, 1, 5, 7};
	MetricInput input = {.task = METRIC_SURVIVAL,.n = 5,.n_scores = 1,.score = risk,.label = cox,
	.objective = "survival:cox"};
	float		lower[] = {1, 3, 5, 3, 4};
	float		upper[] = {1, 3, 5, INFINITY, INFINITY};
	float		time[] = {1, 5, 9, 5, 3};

	/*
	 * 1 is before all others: 4 of 4; 3 before 5: 1, before >3: half, before
	 * >4: 0
	 */
	CHECK(CLOSE(compute_metric(&input, "concordance_index").value, 5.5 / 7), "Cox");
	CHECK(isnan(mlops_metric_row_loss(&input, 0)), "Cox has no row loss");
	input.objective = "survival:aft";
	input.label = lower;
	input.upper = upper;
	input.score = time;
	CHECK(CLOSE(compute_metric(&input, "concordance_index").value, 5.5 / 7), "AFT");
	CHECK(CLOSE(mlops_metric_row_loss(&input, 1), log(5 / 3.0)), "AFT event");
	CHECK(mlops_metric_row_loss(&input, 3) == 0, "AFT censored and later");
	CHECK(CLOSE(mlops_metric_row_loss(&input, 4), log(4 / 3.0)), "AFT censored and earlier");
	upper[0] = 0;
	CHECK(is_undefined(&input), "upper below lower");
	input.n = 1;
	upper[0] = 1;
	CHECK(is_undefined(&input), "one row has no pair");
}

static void
test_invalid(void)
{
	float		values[] = {1, 0, 1};
	float		wrong[] = {1, NAN, 1};
	MetricTask	tasks[] = {METRIC_REGRESSION, METRIC_BINARY, METRIC_MULTICLASS, METRIC_RANKING, METRIC_SURVIVAL};
	uint64_t	group[] = {1, 1, 1};

	for (int i = 0; i < 5; i++)
	{
		MetricInput input = {.task = tasks[i],.n = 3,.n_scores = 1,.score = wrong,.label = values,.group = group};

		CHECK(is_undefined(&input), "NaN score");
		wrong[1] = INFINITY;
		CHECK(is_undefined(&input), "infinite score");
		input.score = values;
		input.label = wrong;
		CHECK(is_undefined(&input), "infinite label");
		wrong[1] = -1;
		input.label = values;
		input.weight = wrong;
		CHECK(is_undefined(&input), "negative weight");
		wrong[1] = NAN;
		input.weight = NULL;
		input.n = 0;
		CHECK(is_undefined(&input), "no rows");
	}
}

static int	calls_left;

static bool
interrupt_later(void)
{
	return calls_left-- <= 0;
}

/* An interruption at any poll ends the computation and leaks nothing. */
static void
test_interruption(void)
{
	size_t		n = 150000;
	float	   *score = malloc(n * sizeof(float));
	float	   *label = malloc(n * sizeof(float));
	float	   *time = malloc(n * sizeof(float));
	uint64_t   *group = malloc(n * sizeof(uint64_t));
	MetricTask	tasks[] = {METRIC_REGRESSION, METRIC_BINARY, METRIC_RANKING, METRIC_SURVIVAL};

	srandom(1);
	for (size_t i = 0; i < n; i++)
	{
		score[i] = (float) random() / (float) RAND_MAX;
		label[i] = random() % 2;
		time[i] = 1 + (float) (random() % 1000);
		group[i] = i / 1000;
	}
	for (int t = 0; t < 4; t++)
	{
		MetricInput input = {.task = tasks[t],.n = n,.n_scores = 1,.score = score,.label = tasks[t] == METRIC_SURVIVAL ? time : label,.group = group,
		.objective = "survival:cox"};
		MetricValue values[METRIC_MAX];
		int			result = -2;

		for (int calls = 0; calls < 1000 && result == -2; calls++)
		{
			calls_left = calls;
			result = mlops_metric_compute(&input, values, interrupt_later);
			CHECK(calls > 0 || result == -2, "the first poll");
		}
		CHECK(result > 0, "in the end it is done");
	}
	free(score);
	free(label);
	free(time);
	free(group);
}

static void
test_names(void)
{
	bool		greater;

	CHECK(strcmp(mlops_metric_primary(METRIC_REGRESSION, "reg:squarederror", &greater), "rmse") == 0 && !greater, "regression");
	CHECK(strcmp(mlops_metric_primary(METRIC_REGRESSION, "count:poisson", &greater), "mean_poisson_deviance") == 0 && !greater, "Poisson");
	CHECK(strcmp(mlops_metric_primary(METRIC_BINARY, "binary:logistic", &greater), "log_loss") == 0 && !greater, "binary");
	CHECK(strcmp(mlops_metric_primary(METRIC_MULTICLASS, NULL, NULL), "log_loss") == 0, "multiclass");
	CHECK(strcmp(mlops_metric_primary(METRIC_RANKING, "rank:ndcg", &greater), "ndcg") == 0 && greater, "ranking");
	CHECK(strcmp(mlops_metric_primary(METRIC_SURVIVAL, "survival:cox", &greater), "concordance_index") == 0 && greater, "survival");
	CHECK(mlops_metric_greater_is_better("roc_auc") && !mlops_metric_greater_is_better("brier_score"), "direction");
}

int
main(void)
{
	test_regression();
	test_constant_labels();
	test_binary();
	test_isotonic();
	test_margins();
	test_one_class();
	test_calibration();
	test_multiclass();
	test_ranking();
	test_survival();
	test_invalid();
	test_interruption();
	test_names();
	return unit_finish("metric");
}
