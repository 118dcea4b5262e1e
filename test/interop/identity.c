/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Compare our scores with libxgboost's, bit for bit.
 *
 * S08 and S09 of the catalogue of faults.
 *
 * Usage: identity [models per configuration] [rows per model] [seed]
 *
 * Trains seeded random models of every configuration of identity_config.h that
 * the linked libxgboost knows, reads them back from JSON and UBJSON bytes, and
 * scores seeded random rows, odd ones among them, in both libraries.  What has
 * to be equal: margins of every kernel, one row at a time and in blocks, values,
 * leaf numbers, and the images from both formats.  Prints the counts; exits with 1 after any
 * difference.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/forest_kernel.h"

#include "random_models.h"

#define MAX_SHOWN		5		/* differences shown per configuration */

typedef struct Counts
{
	uint64_t	configurations;
	uint64_t	failed;			/* configurations with a difference */
	uint64_t	models;
	uint64_t	rows;
	uint64_t	floats;
	uint64_t	kernel[N_KERNELS][2];	/* floats one row at a time, in blocks */
	uint64_t	mismatches;
	int			shown;			/* of the configuration at hand */
} Counts;

static int	library;			/* version: 100 * major + minor */

static void
compare(Counts *counts, const Configuration *config, const char *what,
		const float *ours, const float *theirs, size_t n, size_t row)
{
	counts->floats += n;
	if (memcmp(ours, theirs, n * sizeof(float)) == 0)
		return;
	for (size_t i = 0; i < n; i++)
	{
		if (memcmp(ours + i, theirs + i, sizeof(float)) == 0)
			continue;
		counts->mismatches++;
		if (counts->shown++ < MAX_SHOWN)
			printf("identity: %s: %s %zu of row %zu is %.9g, libxgboost has %.9g\n",
				   config->name, what, i, row, ours[i], theirs[i]);
	}
}

static void
report(Counts *counts, const Configuration *config, const char *what)
{
	counts->mismatches++;
	if (counts->shown++ < MAX_SHOWN)
		printf("identity: %s: %s\n", config->name, what);
}

/* The library's answers to the rows of one model. */
typedef struct Answers
{
	float	   *margin;
	float	   *value;
	float	   *leaf;			/* NULL for gblinear */
	size_t		n_margins;
	size_t		n_values;
	size_t		n_leaves;
} Answers;

/* Margins of every kernel, one row at a time and in blocks of odd sizes. */
static void
score_kernels(Counts *counts, const Configuration *config, const Forest *forest,
			  const float *rows, size_t n, size_t n_outputs, const Answers *answers)
{
	static const size_t sizes[] = {1, 7, 15, 16, 17, 63, 64, 65, 127, 511, 512, 513, 1100};
	float	   *margin = malloc(n * n_outputs * sizeof(float));

	for (ForestKernel kernel = 0; kernel < N_KERNELS; kernel++)
	{
		size_t		which = draw();
		size_t		size;

		if (!mlops_kernel_available(kernel))
			continue;
		for (size_t i = 0; i < n; i++)
			mlops_kernel_margin(kernel, forest, rows + i * config->n_features,
								margin + i * n_outputs);
		for (size_t i = 0; i < n; i++)
			compare(counts, config, mlops_kernel_name(kernel), margin + i * n_outputs,
					answers->margin + i * n_outputs, n_outputs, i);
		memset(margin, 0xff, n * n_outputs * sizeof(float));
		for (size_t i = 0; i < n; i += size)
		{
			size = sizes[which++ % (sizeof(sizes) / sizeof(sizes[0]))];
			if (size > n - i)
				size = n - i;
			mlops_kernel_margin_block(kernel, forest, rows + i * config->n_features,
									  config->n_features, size, margin + i * n_outputs);
		}
		for (size_t i = 0; i < n; i++)
			compare(counts, config, mlops_kernel_name(kernel), margin + i * n_outputs,
					answers->margin + i * n_outputs, n_outputs, i);
		counts->kernel[kernel][0] += n * n_outputs;
		counts->kernel[kernel][1] += n * n_outputs;
	}
	free(margin);
}

static void
score_model(Counts *counts, const Configuration *config, const Forest *forest,
			const ForestDescription *description, const float *rows, size_t n,
			const Answers *answers)
{
	size_t		n_outputs = description->n_outputs;
	size_t		n_values = description->n_values;
	size_t		n_trees = description->n_trees;
	float	   *block = malloc(n * n_outputs * sizeof(float));
	float	   *margin = malloc((n_outputs + n_values) * sizeof(float));
	float	   *value = margin + n_outputs;
	int32_t    *leaf = malloc((n_trees + 1) * sizeof(int32_t));
	float	   *leaf_float = malloc((n_trees + 1) * sizeof(float));

	if (answers->n_margins != n * n_outputs || answers->n_values != n * n_values ||
		(answers->leaf && answers->n_leaves != n * n_trees))
	{
		report(counts, config, "the shape of predictions differs");
		n = 0;
	}
	score_kernels(counts, config, forest, rows, n, n_outputs, answers);
	mlops_forest_margin_block(forest, rows, config->n_features, n, block);
	for (size_t i = 0; i < n; i++)
	{
		const float *row = rows + i * config->n_features;

		mlops_forest_margin(forest, row, margin);
		mlops_forest_transform(forest, margin, value);
		compare(counts, config, "margin", margin, answers->margin + i * n_outputs, n_outputs, i);
		compare(counts, config, "margin in a block", block + i * n_outputs,
				answers->margin + i * n_outputs, n_outputs, i);
		compare(counts, config, "value", value, answers->value + i * n_values, n_values, i);
		if (answers->leaf == NULL)
			continue;
		mlops_forest_leaf(forest, row, leaf);
		for (size_t k = 0; k < n_trees; k++)
			leaf_float[k] = (float) leaf[k];
		compare(counts, config, "leaf", leaf_float, answers->leaf + i * n_trees, n_trees, i);
	}
	free(block);
	free(margin);
	free(leaf);
	free(leaf_float);
}

/* Splits name categories of the features that have them, and none that were not drawn. */
static void
check_categories(Counts *counts, const Configuration *config,
				 const ForestDescription *description, bool has_trees)
{
	bool		split = false;

	for (int i = 0; i < (int) description->n_features; i++)
	{
		int			drawn = i < config->n_categorical ? (int) count_labels(i) : 0;

		if ((int) description->n_categories[i] > drawn)
			report(counts, config, "a split names a category that was not drawn");
		split |= description->n_categories[i] > 0;
	}
	if (split != (config->n_categorical > 0 && has_trees))
		report(counts, config, "categorical splits differ from what the configuration says");
}

static void
run_model(Counts *counts, const Configuration *config, int model, size_t n)
{
	static const char *const formats[] = {"{\"format\":\"ubj\"}", "{\"format\":\"json\"}"};
	const ForestLimits limits = {.max_image = 1 << 28,.max_features = 100000,.max_outputs = 1000};
	BoosterHandle booster = train_model(config, model);
	float	   *rows = malloc(sizeof(float) * n * config->n_features);
	Forest	   *forest[2] = {NULL, NULL};
	size_t		size[2] = {0, 0};
	Answers		answers = {0};
	DMatrixHandle matrix;

	fill_rows(config, rows, n, true);
	matrix = make_matrix(config, rows, n);
	answers.margin = predict_library(config, booster, matrix, PREDICT_MARGIN,
									 &answers.n_margins);
	answers.value = predict_library(config, booster, matrix, PREDICT_VALUE, &answers.n_values);
	if (strstr(config->parameters, "gblinear") == NULL)
		answers.leaf = predict_library(config, booster, matrix, PREDICT_LEAF, &answers.n_leaves);
	for (int i = 0; i < 2; i++)
	{
		ForestDescription description;
		ForestError error;
		const char *bytes;
		bst_ulong	length;

		XGB(XGBoosterSaveModelToBuffer(booster, formats[i], &length, &bytes));
		if (mlops_forest_build(bytes, length, &limits, &forest[i], &size[i],
							   &description, &error) != FOREST_OK)
		{
			report(counts, config, error.message);
			continue;
		}
		if (mlops_forest_check(forest[i], size[i], &limits, &error) != FOREST_OK)
			report(counts, config, error.message);
		check_categories(counts, config, &description, answers.leaf != NULL);
		score_model(counts, config, forest[i], &description, rows, n, &answers);
		mlops_forest_free_description(&description);
	}
	if (size[0] != size[1] || (size[0] > 0 && memcmp(forest[0], forest[1], size[0]) != 0))
		report(counts, config, "images from JSON and UBJSON differ");
	counts->models++;
	counts->rows += n;
	XGB(XGDMatrixFree(matrix));
	XGB(XGBoosterFree(booster));
	free(forest[0]);
	free(forest[1]);
	free(answers.margin);
	free(answers.value);
	free(answers.leaf);
	free(rows);
}

int
main(int argc, char **argv)
{
	int			n_models = argc > 1 ? atoi(argv[1]) : 2;
	size_t		n_rows = argc > 2 ? (size_t) atol(argv[2]) : 1000;
	uint64_t	seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	Counts		counts = {0};
	int			major;
	int			minor;
	int			patch;

	XGBoostVersion(&major, &minor, &patch);
	library = major * 100 + minor;
	XGB(XGBSetGlobalConfig("{\"verbosity\":0}"));
	printf("identity: libxgboost %d.%d.%d, seed %llu\n", major, minor, patch,
		   (unsigned long long) seed);
	for (size_t i = 0; i < sizeof(configurations) / sizeof(configurations[0]); i++)
	{
		const Configuration *config = &configurations[i];
		uint64_t	before = counts.mismatches;

		if (library < config->since || (config->until > 0 && library >= config->until))
			continue;
		counts.shown = 0;
		for (int model = 0; model < n_models; model++)
		{
			state = seed * 1000003 + i * 1009 + (uint64_t) model;
			run_model(&counts, config, model, n_rows);
		}
		counts.configurations++;
		counts.failed += counts.mismatches > before;
	}
	printf("identity: %llu configurations, %llu models, %llu rows, %llu floats, %llu mismatches\n",
		   (unsigned long long) counts.configurations, (unsigned long long) counts.models,
		   (unsigned long long) counts.rows, (unsigned long long) counts.floats,
		   (unsigned long long) counts.mismatches);
	for (ForestKernel kernel = 0; kernel < N_KERNELS; kernel++)
	{
		if (!mlops_kernel_available(kernel))
			printf("identity: this processor lacks kernel %s\n", mlops_kernel_name(kernel));
		else
			printf("identity: kernel %s: %llu margins one row at a time, %llu in blocks\n",
				   mlops_kernel_name(kernel), (unsigned long long) counts.kernel[kernel][0],
				   (unsigned long long) counts.kernel[kernel][1]);
	}
	printf("identity: %llu passed, %llu failed\n",
		   (unsigned long long) (counts.configurations - counts.failed),
		   (unsigned long long) counts.failed);
	return counts.mismatches > 0;
}
