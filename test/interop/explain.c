/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Compare our contributions, interactions and importances with libxgboost's.
 *
 * Usage: explain [models per configuration] [rows per model] [seed]
 *        explain time [seed]
 *
 * Trains seeded random models of the configurations of identity_config.h and
 * of some of its own, and explains seeded random rows in both libraries.  What
 * has to hold: contributions and interactions differ by less than TOLERANCE of
 * the model's greatest margin (libxgboost computes in single precision), ours
 * add up to the margin within SUM_TOLERANCE of it, the rows of the interactions
 * add up to the contributions, and importances are equal to the last bit.
 * "time" prints the time per row in both.  Exits with 1 after any difference.
 *
 *-------------------------------------------------------------------------
 */
#include <time.h>

#include "forest/forest.h"

#include "random_models.h"

#define TOLERANCE		1e-4
#define SUM_TOLERANCE	1e-5
#define MAX_WIDTH		20		/* features, to compare interactions */
#define PAIR_ROWS		12		/* rows likewise: libxgboost is slow */
#define MAX_SHOWN		5

#define SIX		.rounds = 9,.n_features = 12,.missing = 0.1

static const Configuration more_configurations[] = {
	{"depth 1", "binary:logistic", "max_depth=1", LABEL_BINARY, SIX},
	{"depth 2", "binary:logistic", "max_depth=2", LABEL_BINARY, SIX},
	{"depth 3", "reg:squarederror", "max_depth=3", LABEL_REAL, SIX},
	{"depth 4", "binary:logistic", "max_depth=4", LABEL_BINARY, SIX,.n_categorical = 2},
	{"depth 5", "reg:squarederror", "max_depth=5", LABEL_REAL, SIX},
	{"depth 7", "binary:logistic", "max_depth=7 min_child_weight=0", LABEL_BINARY, SIX},
	{"depth 8", "reg:squarederror", "max_depth=8", LABEL_REAL, SIX},
	{"depth 9", "reg:squarederror", "max_depth=9", LABEL_REAL, SIX},
	{"depth 10", "multi:softprob", "max_depth=10 min_child_weight=0", LABEL_CLASS, SIX,
	.n_classes = 3},
	{"depth 30", "reg:squarederror", "max_depth=30 min_child_weight=0 lambda=0 eta=1 colsample_bynode=0.2",
	LABEL_REAL,.rounds = 4,.n_features = 60,.missing = 0.2},
	{"no regularisation", "binary:logistic", "max_depth=9 min_child_weight=0 lambda=0 eta=1",
	LABEL_BINARY, SIX},
};

/* What "time" measures. */
static const Configuration timed_configurations[] = {
	{"100 trees, depth 6, 28 features", "binary:logistic", "", LABEL_BINARY,.rounds = 100,
	.n_features = 28,.missing = 0.05},
	{"100 trees, depth 10, 28 features", "reg:squarederror", "max_depth=10", LABEL_REAL,
	.rounds = 100,.n_features = 28,.missing = 0.05},
	{"300 trees, depth 3, 10 features", "binary:logistic", "max_depth=3", LABEL_BINARY,
	.rounds = 300,.n_features = 10},
	{"100 trees, depth 6, categories", "binary:logistic", "", LABEL_BINARY,.rounds = 100,
	.n_features = 12,.n_categorical = 4},
};

typedef struct Counts
{
	uint64_t	configurations;
	uint64_t	failed;
	uint64_t	models;
	uint64_t	compared;
	uint64_t	mismatches;
	int			shown;			/* of the configuration at hand */
	double		largest;		/* difference of a contribution, relative */
	double		largest_pair;
	double		largest_sum;	/* |sum - margin|, relative */
} Counts;

static void
report(Counts *counts, const Configuration *config, const char *what, double ours, double theirs)
{
	counts->mismatches++;
	if (counts->shown++ < MAX_SHOWN)
		printf("explain: %s: %s is %.9g, libxgboost has %.9g\n", config->name, what, ours, theirs);
}

static double
find_greatest(const float *values, size_t n)
{
	double		greatest = 0;

	for (size_t i = 0; i < n; i++)
		greatest = fmax(greatest, fabs(values[i]));
	return greatest > 0 ? greatest : 1;
}

/* Note a difference. */
static void
compare(Counts *counts, const Configuration *config, const char *what, double ours, double theirs,
		double scale, double tolerance, double *largest)
{
	double		difference = fabs(ours - theirs) / scale;

	/* the values of some rows make libxgboost overflow */
	if (isinf(theirs) && (float) ours == theirs)
		difference = 0;
	counts->compared++;
	if (!(difference <= tolerance))
		report(counts, config, what, ours, theirs);
	if (difference > *largest)
		*largest = difference;
}

/* Compare the contributions of one row and output. */
static void
compare_contributions(Counts *counts, const Configuration *config, const double *ours,
					  const float *theirs, double margin, double scale)
{
	double		sum = 0;

	for (int i = 0; i <= config->n_features; i++)
	{
		compare(counts, config, "a contribution", ours[i], theirs[i], scale, TOLERANCE,
				&counts->largest);
		sum += ours[i];
	}
	compare(counts, config, "a sum", sum, margin, scale, SUM_TOLERANCE, &counts->largest_sum);
}

/* Compare the interactions of one row and output; theirs may be NULL. */
static void
compare_pairs(Counts *counts, const Configuration *config, const Forest *forest, const float *row,
			  uint32_t output, const double *contribution, const float *theirs, double scale)
{
	size_t		width = (size_t) config->n_features + 1;
	uint32_t	place[MAX_FEATURES];
	uint32_t	n = mlops_forest_place_features(forest, output, place);
	double	   *pair = calloc((size_t) n * (n + 1) / 2 + 1, sizeof(double));
	double	   *again = malloc(width * sizeof(double));

	if (mlops_forest_interactions(forest, row, output, NULL, again, place, pair) != FOREST_OK)
		report(counts, config, "the status of interactions", 1, 0);
	for (size_t i = 0; i < width; i++)
	{
		double		sum = 0;

		for (size_t j = 0; j < width; j++)
		{
			double		ours = 0;

			if (i == width - 1 || j == width - 1)
				ours = i == j ? again[i] : 0;
			else if (place[i] != UINT32_MAX && place[j] != UINT32_MAX)
			{
				size_t		a = place[i] > place[j] ? place[i] : place[j];
				size_t		b = place[i] > place[j] ? place[j] : place[i];

				ours = pair[a * (a + 1) / 2 + b];
			}
			if (theirs != NULL)
				compare(counts, config, "an interaction", ours, theirs[i * width + j], scale,
						TOLERANCE, &counts->largest_pair);
			sum += ours;
		}
		if (!(fabs(sum - contribution[i]) <= 1e-12 * scale) || again[i] != contribution[i])
			report(counts, config, "a row of interactions", sum, contribution[i]);
	}
	free(pair);
	free(again);
}

static void
compare_importance(Counts *counts, const Configuration *config, BoosterHandle booster,
				   const Forest *forest)
{
	static const char *const names[] = {"weight", "gain", "cover", "total_gain", "total_cover"};
	bool		linear = strstr(config->parameters, "gblinear") != NULL;

	if (config->best_iteration > 0)
		return;
	for (int type = IMPORTANCE_WEIGHT; type <= IMPORTANCE_TOTAL_COVER; type++)
	{
		float		score[MAX_FEATURES];
		uint32_t	n_splits[MAX_FEATURES];
		char		string[64];
		const char **features;
		const float *theirs;
		const		bst_ulong *shape;
		bst_ulong	n;
		bst_ulong	dim;
		int			found = 0;

		if (mlops_forest_importance(forest, type, NULL, score, n_splits) != FOREST_OK)
		{
			if (!linear || (type == IMPORTANCE_WEIGHT && config->n_classes + config->n_targets == 0))
				report(counts, config, "the status of an importance", 1, 0);
			continue;
		}
		snprintf(string, sizeof(string), "{\"importance_type\":\"%s\"}", names[type]);
		XGB(XGBoosterFeatureScore(booster, string, &n, &features, &dim, &shape, &theirs));
		for (int i = 0; i < config->n_features; i++)
			found += n_splits[i] > 0;
		if (found != (int) n)
			report(counts, config, "a number of features", found, n);
		for (bst_ulong i = 0; i < n; i++)
		{
			int			feature = atoi(features[i] + 1);

			counts->compared++;
			if (memcmp(&score[feature], &theirs[i], sizeof(float)) != 0 || n_splits[feature] == 0)
				report(counts, config, names[type], score[feature], theirs[i]);
		}
	}
}

static Forest *
read_model(const Configuration *config, BoosterHandle booster)
{
	const ForestLimits limits = {.max_image = 1 << 28,.max_features = 100000,.max_outputs = 1000};
	ForestError error;
	Forest	   *forest;
	const char *bytes;
	bst_ulong	length;
	size_t		size;

	XGB(XGBoosterSaveModelToBuffer(booster, "{\"format\":\"ubj\"}", &length, &bytes));
	if (mlops_forest_build(bytes, length, &limits, &forest, &size, NULL, &error) == FOREST_OK)
		return forest;
	fprintf(stderr, "explain: %s: %s\n", config->name, error.message);
	exit(1);
}

static void
run_model(Counts *counts, const Configuration *config, int model, size_t n)
{
	BoosterHandle booster = train_model(config, model);
	Forest	   *forest = read_model(config, booster);
	bool		linear = strstr(config->parameters, "gblinear") != NULL;
	size_t		n_outputs = mlops_forest_n_outputs(forest);
	size_t		width = (size_t) config->n_features + 1;
	size_t		n_paired = width > MAX_WIDTH ? 0 : n < PAIR_ROWS ? n : PAIR_ROWS;
	float	   *rows = malloc(sizeof(float) * n * config->n_features);
	double	   *ours = malloc(sizeof(double) * width);
	float	   *pairs = NULL;
	float	   *margin;
	float	   *theirs;
	DMatrixHandle matrix;
	DMatrixHandle few;
	double		scale;
	size_t		count;

	fill_rows(config, rows, n, true);
	matrix = make_matrix(config, rows, n);
	margin = predict_library(config, booster, matrix, PREDICT_MARGIN, &count);
	scale = find_greatest(margin, count);
	theirs = predict_library(config, booster, matrix, PREDICT_CONTRIBUTIONS, &count);
	if (count != n * n_outputs * width)
	{
		report(counts, config, "the number of contributions", (double) (n * n_outputs * width),
			   (double) count);
		n = n_paired = 0;
	}

	/*
	 * libxgboost has no interactions of gblinear, and says so in too short an
	 * array
	 */
	if (!linear && n_paired > 0)
	{
		few = make_matrix(config, rows, n_paired);
		pairs = predict_library(config, booster, few, PREDICT_INTERACTIONS, &count);
		XGB(XGDMatrixFree(few));
	}
	for (size_t i = 0; i < n * n_outputs; i++)
	{
		const float *row = rows + i / n_outputs * config->n_features;
		uint32_t	output = (uint32_t) (i % n_outputs);

		if (mlops_forest_contributions(forest, row, output, NULL, ours) != FOREST_OK)
			report(counts, config, "the status of contributions", 1, 0);
		compare_contributions(counts, config, ours, theirs + i * width, margin[i], scale);
		if (i / n_outputs < n_paired)
			compare_pairs(counts, config, forest, row, output, ours,
						  pairs ? pairs + i * width * width : NULL, scale);
	}
	compare_importance(counts, config, booster, forest);
	counts->models++;
	XGB(XGDMatrixFree(matrix));
	XGB(XGBoosterFree(booster));
	free(forest);
	free(rows);
	free(ours);
	free(theirs);
	free(pairs);
	free(margin);
}

static void
run_configurations(Counts *counts, const Configuration *configs, size_t n_configs, int version,
				   int n_models, size_t n_rows, uint64_t seed)
{
	for (size_t i = 0; i < n_configs; i++)
	{
		const Configuration *config = &configs[i];
		uint64_t	before = counts->mismatches;

		if (version < config->since || (config->until > 0 && version >= config->until))
			continue;

		/*
		 * libxgboost 3.0 does not explain trees with vectors in their leaves;
		 * 3.3 does
		 */
		if (version < 303 && strstr(config->parameters, "multi_output_tree") != NULL)
			continue;
		counts->shown = 0;
		for (int model = 0; model < n_models; model++)
		{
			state = seed * 1000003 + i * 1009 + (uint64_t) model;
			run_model(counts, config, model, n_rows);
		}
		counts->configurations++;
		counts->failed += counts->mismatches > before;
	}
}

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Print the least CPU time per row of both libraries, which take turns. */
static void
time_configuration(const Configuration *config, uint64_t seed)
{
	enum
	{
		N_ROWS = 300, N_TURNS = 7, N_PAIRED = 3
	};
	BoosterHandle booster;
	Forest	   *forest;
	float	   *rows = malloc(sizeof(float) * N_ROWS * config->n_features);
	double	   *ours = malloc(sizeof(double) * (config->n_features + 1));
	DMatrixHandle matrix;
	DMatrixHandle few;
	double		best[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
	uint32_t	place[MAX_FEATURES];
	double	   *pair;
	size_t		n_pairs;
	size_t		count;

	state = seed;
	booster = train_model(config, 0);
	forest = read_model(config, booster);
	fill_rows(config, rows, N_ROWS, false);
	matrix = make_matrix(config, rows, N_ROWS);
	few = make_matrix(config, rows, N_PAIRED);
	n_pairs = mlops_forest_place_features(forest, 0, place);
	n_pairs = n_pairs * (n_pairs + 1) / 2;
	pair = malloc(n_pairs * sizeof(double));
	for (int turn = 0; turn < N_TURNS; turn++)
	{
		double		start = read_clock();

		free(predict_library(config, booster, matrix, PREDICT_CONTRIBUTIONS, &count));
		best[0] = fmin(best[0], (read_clock() - start) / N_ROWS);
		start = read_clock();
		for (int i = 0; i < N_ROWS; i++)
			mlops_forest_contributions(forest, rows + (size_t) i * config->n_features, 0, NULL, ours);
		best[1] = fmin(best[1], (read_clock() - start) / N_ROWS);
		start = read_clock();
		free(predict_library(config, booster, few, PREDICT_INTERACTIONS, &count));
		best[2] = fmin(best[2], (read_clock() - start) / N_PAIRED);
		start = read_clock();
		for (int i = 0; i < N_PAIRED; i++)
		{
			memset(pair, 0, n_pairs * sizeof(double));
			mlops_forest_interactions(forest, rows + (size_t) i * config->n_features, 0, NULL, ours,
									  place, pair);
		}
		best[3] = fmin(best[3], (read_clock() - start) / N_PAIRED);
	}
	printf("explain: %s: contributions %.1f us, libxgboost %.1f us, ratio %.1f; "
		   "interactions %.1f us, libxgboost %.1f us, ratio %.0f\n", config->name,
		   best[1] * 1e6, best[0] * 1e6, best[0] / best[1],
		   best[3] * 1e6, best[2] * 1e6, best[2] / best[3]);
	XGB(XGDMatrixFree(matrix));
	XGB(XGDMatrixFree(few));
	XGB(XGBoosterFree(booster));
	free(forest);
	free(rows);
	free(ours);
	free(pair);
}

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

int
main(int argc, char **argv)
{
	bool		timed = argc > 1 && strcmp(argv[1], "time") == 0;
	int			n_models = argc > 1 && !timed ? atoi(argv[1]) : 2;
	size_t		n_rows = argc > 2 && !timed ? (size_t) atol(argv[2]) : 100;
	uint64_t	seed = argc > 2 + !timed ? strtoull(argv[2 + !timed], NULL, 10) : 1;
	Counts		counts = {0};
	int			major;
	int			minor;
	int			patch;

	XGBoostVersion(&major, &minor, &patch);
	XGB(XGBSetGlobalConfig("{\"verbosity\":0}"));
	printf("explain: libxgboost %d.%d.%d, seed %llu\n", major, minor, patch,
		   (unsigned long long) seed);
	if (timed)
	{
		for (size_t i = 0; i < LENGTH(timed_configurations); i++)
			time_configuration(&timed_configurations[i], seed);
		return 0;
	}
	run_configurations(&counts, configurations, LENGTH(configurations), major * 100 + minor,
					   n_models, n_rows, seed);
	run_configurations(&counts, more_configurations, LENGTH(more_configurations),
					   major * 100 + minor, n_models, n_rows, seed + 1);
	printf("explain: %llu configurations, %llu models, %llu numbers, %llu mismatches; largest "
		   "difference of a contribution %.2g, of an interaction %.2g, of a sum %.2g of the margin\n",
		   (unsigned long long) counts.configurations, (unsigned long long) counts.models,
		   (unsigned long long) counts.compared, (unsigned long long) counts.mismatches,
		   counts.largest, counts.largest_pair, counts.largest_sum);
	printf("explain: %llu passed, %llu failed\n",
		   (unsigned long long) (counts.configurations - counts.failed),
		   (unsigned long long) counts.failed);
	return counts.mismatches > 0;
}
