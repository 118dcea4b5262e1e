/*-------------------------------------------------------------------------
 *
 * metric_cli.c
 *	  Metrics on demand, for metric_sklearn.py.
 *
 * Reads inputs from standard input until its end: a line
 *	 task objective n n_scores has_weight has_upper has_group threshold quantile power
 * and then the arrays of metric.h as raw bytes; answers a line "name value
 * error" per metric, "loss" with the mean and number of the row losses,
 * "best_f1" with the threshold, for binary tasks those of print_curves, and an
 * empty line.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "registry/metric.h"

/* Read count elements, or return NULL when they are not there. */
static void *
read_array(size_t count, size_t size, int present)
{
	void	   *array;

	if (!present)
		return NULL;
	array = malloc(count * size + 1);
	if (array == NULL || fread(array, size, count, stdin) != count)
		exit(2);
	return array;
}

static void
print_loss(const MetricInput *input)
{
	double		sum = 0;
	size_t		n = 0;

	for (size_t row = 0; row < input->n; row++)
	{
		double		loss = mlops_metric_row_loss(input, row);

		if (!isnan(loss))
		{
			sum += loss;
			n++;
		}
	}
	printf("loss %.17g %zu\n", n ? sum / (double) n : NAN, n);
}

/* Calibration and curve: "knot.i score probability", "at.i probability" for the
 * score i/64, "cut.i threshold positive", "cut_negative.i negative". */
static void
print_curves(const MetricInput *input)
{
	static MetricKnot knots[METRIC_MAX_KNOTS];
	static MetricCut cuts[METRIC_MAX_CUTS];
	int			n_knots = mlops_metric_calibrate(input, knots, NULL);
	int			n_cuts = mlops_metric_curve(input, cuts, NULL);

	for (int i = 0; i < n_knots; i++)
		printf("knot.%d %.17g %.17g\n", i, knots[i].score, knots[i].probability);
	for (int i = 0; i <= 64; i++)
		printf("at.%d %.17g 0\n", i, mlops_metric_interpolate(knots, n_knots, i / 64.0));
	for (int i = 0; i < n_cuts; i++)
		printf("cut.%d %.17g %.17g\ncut_negative.%d %.17g 0\n", i, cuts[i].threshold,
			   cuts[i].positive, i, cuts[i].negative);
}

int
main(void)
{
	int			task;
	int			has_weight;
	int			has_upper;
	int			has_group;
	char		objective[64];
	MetricInput input = {0};
	MetricValue values[METRIC_MAX];

	while (scanf("%d %63s %zu %" SCNu32 " %d %d %d %lf %lf %lf", &task, objective, &input.n,
				 &input.n_scores, &has_weight, &has_upper, &has_group, &input.threshold,
				 &input.quantile, &input.tweedie_power) == 10)
	{
		int			n;

		if (getchar() != '\n')
			return 2;
		input.task = (MetricTask) task;
		input.objective = objective;
		input.score = read_array(input.n * input.n_scores, sizeof(float), 1);
		input.label = read_array(input.n, sizeof(float), 1);
		input.upper = read_array(input.n, sizeof(float), has_upper);
		input.weight = read_array(input.n, sizeof(float), has_weight);
		input.group = read_array(input.n, sizeof(uint64_t), has_group);

		n = mlops_metric_compute(&input, values, NULL);
		for (int i = 0; i < n; i++)
			printf("%s %.17g %.17g\n", values[i].name, values[i].value, values[i].std_error);
		print_loss(&input);
		if (input.task == METRIC_BINARY)
			print_curves(&input);
		printf("best_f1 %.17g 0\n\n",
			   input.task == METRIC_BINARY ? mlops_metric_best_f1_threshold(&input) : NAN);
		fflush(stdout);
		free((void *) input.score);
		free((void *) input.label);
		free((void *) input.upper);
		free((void *) input.weight);
		free((void *) input.group);
	}
	return 0;
}
