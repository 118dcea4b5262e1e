/*-------------------------------------------------------------------------
 *
 * kernel.c
 *	  Speed of the kernels of forest/ against libxgboost, in one process.
 *
 * Usage: kernel [part of the name of configurations [repeats]]
 *
 * Trains models with libxgboost on seeded random rows, then scores other rows:
 * libxgboost in place, all rows at once and row by row, and each of our kernels
 * in blocks and row by row.  All take turns in every repeat; times are CPU times
 * of one thread, and the least of a method's repeats counts.  Each line also
 * says by how much the median is above the least, in percent.  Results that
 * are not bit-identical end the run.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xgboost/c_api.h>

#include "forest/forest_kernel.h"

#include "../random.h"

#define MAX_REPEATS		99
#define SINGLE_ROWS		500		/* scored row by row */

typedef struct Configuration
{
	const char *name;
	int			n_trees;
	int			n_features;
	int			depth;
	int			n_categorical;	/* the first features */
	int			n_train;
	int			n_rows;
} Configuration;

static const Configuration configurations[] = {
	{"25 x 10, depth 6", 25, 10, 6, 0, 20000, 50000},
	{"25 x 10, depth 10", 25, 10, 10, 0, 20000, 50000},
	{"100 x 28, depth 6", 100, 28, 6, 0, 20000, 50000},
	{"100 x 28, depth 10", 100, 28, 10, 0, 20000, 50000},
	{"100 x 28, depth 6, 8 categorical", 100, 28, 6, 8, 20000, 50000},
	{"500 x 28, depth 6", 500, 28, 6, 0, 10000, 20000},
	{"500 x 28, depth 10", 500, 28, 10, 0, 10000, 10000},
	{"1000 x 100, depth 6", 1000, 100, 6, 0, 4000, 10000},
	{"1000 x 100, depth 10", 1000, 100, 10, 0, 4000, 5000},
};

typedef enum Method
{
	LIBRARY_BATCH,
	LIBRARY_SINGLE,
	FIRST_BLOCK,				/* of each kernel, then row by row */
	FIRST_SINGLE = FIRST_BLOCK + N_KERNELS,
	N_METHODS = FIRST_SINGLE + N_KERNELS
} Method;

/* Walks over nodes are what others fall back to, and not measured. */
static bool
check_method(Method method)
{
	ForestKernel kernel = (ForestKernel) ((method - FIRST_BLOCK) % N_KERNELS);

	return method < FIRST_BLOCK || (kernel != KERNEL_NODES && mlops_kernel_available(kernel));
}

static double
draw_normal(void)
{
	return sqrt(-2 * log(1 - draw_uniform())) * cos(2 * M_PI * draw_uniform());
}

static void
check_call(int rc, const char *call)
{
	if (rc == 0)
		return;
	fprintf(stderr, "kernel: %s: %s\n", call, XGBGetLastError());
	exit(1);
}

#define XGB(call) check_call(call, #call)

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static float *
make_rows(const Configuration *config, size_t n, double missing)
{
	float	   *rows = malloc(n * config->n_features * sizeof(float));

	for (size_t i = 0; i < n * config->n_features; i++)
	{
		rows[i] = i % config->n_features < config->n_categorical ?
			(float) (draw() % 30) : (float) draw_normal();
		if (draw_uniform() < missing)
			rows[i] = NAN;
	}
	return rows;
}

static void
set_types(const Configuration *config, DMatrixHandle matrix)
{
	const char **types = malloc(config->n_features * sizeof(char *));

	for (int i = 0; i < config->n_features; i++)
		types[i] = i < config->n_categorical ? "c" : "float";
	XGB(XGDMatrixSetStrFeatureInfo(matrix, "feature_type", types, config->n_features));
	free(types);
}

/* Train on rows of which a tenth is missing. */
static BoosterHandle
train_model(const Configuration *config)
{
	float	   *rows = make_rows(config, config->n_train, 0.1);
	float	   *labels = malloc(config->n_train * sizeof(float));
	char		depth[16];
	DMatrixHandle matrix;
	BoosterHandle booster;

	for (int i = 0; i < config->n_train; i++)
	{
		double		signal = 1.5 * draw_normal();

		for (int k = 0; k < config->n_features; k++)
		{
			float		value = rows[(size_t) i * config->n_features + k];

			if (!isnan(value))
				signal += k < config->n_categorical ? ((int) value * 7 % 5 - 2) * 0.4 :
					k % 3 ? value : value * value - 1;
		}
		labels[i] = signal > 0;
	}
	XGB(XGDMatrixCreateFromMat(rows, config->n_train, config->n_features, NAN, &matrix));
	XGB(XGDMatrixSetFloatInfo(matrix, "label", labels, config->n_train));
	set_types(config, matrix);
	XGB(XGBoosterCreate(&matrix, 1, &booster));
	snprintf(depth, sizeof(depth), "%d", config->depth);
	XGB(XGBoosterSetParam(booster, "objective", "binary:logistic"));
	XGB(XGBoosterSetParam(booster, "tree_method", "hist"));
	XGB(XGBoosterSetParam(booster, "max_depth", depth));
	XGB(XGBoosterSetParam(booster, "eta", "0.1"));
	XGB(XGBoosterSetParam(booster, "nthread", "1"));
	for (int i = 0; i < config->n_trees; i++)
		XGB(XGBoosterUpdateOneIter(booster, i, matrix));
	XGB(XGDMatrixFree(matrix));
	free(rows);
	free(labels);
	return booster;
}

/* Margins by libxgboost, in place. */
static void
predict_library(const Configuration *config, BoosterHandle booster, DMatrixHandle proxy,
				const float *rows, size_t n, float *margin)
{
	const		bst_ulong *shape;
	const float *result;
	bst_ulong	dim;
	char		array[160];

	snprintf(array, sizeof(array), "{\"data\":[%llu,true],\"shape\":[%zu,%d],"
			 "\"typestr\":\"<f4\",\"version\":3}",
			 (unsigned long long) (uintptr_t) rows, n, config->n_features);
	XGB(XGBoosterPredictFromDense(booster, array,
								  "{\"type\":1,\"training\":false,\"iteration_begin\":0,"
								  "\"iteration_end\":0,\"missing\":NaN,\"strict_shape\":false,"
								  "\"cache_id\":0}", proxy, &shape, &dim, &result));
	memcpy(margin, result, n * sizeof(float));
}

/* Score with one method; returns the nanoseconds of a row. */
static double
run_method(const Configuration *config, Method method, BoosterHandle booster,
		   DMatrixHandle proxy, const Forest *forest, const float *rows, float *margin)
{
	size_t		n_features = config->n_features;
	bool		single = method == LIBRARY_SINGLE || method >= FIRST_SINGLE;
	size_t		n = single ? SINGLE_ROWS : (size_t) config->n_rows;
	double		start = cpu_seconds();

	if (method == LIBRARY_BATCH)
		predict_library(config, booster, proxy, rows, n, margin);
	else if (method == LIBRARY_SINGLE)
		for (size_t i = 0; i < n; i++)
			predict_library(config, booster, proxy, rows + i * n_features, 1, margin + i);
	else if (single)
		for (size_t i = 0; i < n; i++)
			mlops_kernel_margin((ForestKernel) (method - FIRST_SINGLE), forest,
								rows + i * n_features, margin + i);
	else
		mlops_kernel_margin_block((ForestKernel) (method - FIRST_BLOCK), forest, rows,
								  n_features, n, margin);
	return (cpu_seconds() - start) / (double) n * 1e9;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
run_configuration(const Configuration *config, BoosterHandle booster, const Forest *forest,
				  double missing, int repeats)
{
	static double times[N_METHODS][MAX_REPEATS];
	float	   *rows = make_rows(config, config->n_rows, missing);
	float	   *expected = malloc(config->n_rows * sizeof(float));
	float	   *margin = malloc(config->n_rows * sizeof(float));
	DMatrixHandle proxy;

	XGB(XGProxyDMatrixCreate(&proxy));
	set_types(config, proxy);
	predict_library(config, booster, proxy, rows, config->n_rows, expected);
	for (int repeat = 0; repeat < repeats; repeat++)
		for (Method method = 0; method < N_METHODS; method++)
		{
			bool		single = method == LIBRARY_SINGLE || method >= FIRST_SINGLE;

			if (!check_method(method))
				continue;
			times[method][repeat] = run_method(config, method, booster, proxy, forest, rows, margin);
			if (memcmp(margin, expected,
					   (single ? SINGLE_ROWS : (size_t) config->n_rows) * sizeof(float)) != 0)
			{
				fprintf(stderr, "kernel: %s: method %d differs\n", config->name, method);
				exit(1);
			}
		}
	printf("%s, %.0f %% missing, %d nodes, %.0f kB\n", config->name, missing * 100,
		   (int) forest->count[SECTION_NODE], (double) forest->size / 1024);
	for (Method method = 0; method < N_METHODS; method++)
	{
		bool		single = method == LIBRARY_SINGLE || method >= FIRST_SINGLE;
		bool		library = method < FIRST_BLOCK;

		if (!check_method(method))
			continue;
		qsort(times[method], repeats, sizeof(double), compare_doubles);
		printf("  %-10s %-6s %9.1f ns a row  %6.2f x  +%.0f %%\n",
			   library ? "libxgboost" : mlops_kernel_name((method - FIRST_BLOCK) % N_KERNELS),
			   single ? "single" : "block", times[method][0],
			   times[single ? LIBRARY_SINGLE : LIBRARY_BATCH][0] / times[method][0],
			   (times[method][repeats / 2] / times[method][0] - 1) * 100);
	}
	fflush(stdout);
	XGB(XGDMatrixFree(proxy));
	free(rows);
	free(expected);
	free(margin);
}

int
main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	int			repeats = argc > 2 ? atoi(argv[2]) : 5;
	const ForestLimits limits = {.max_image = 1 << 28,.max_features = 1000,.max_outputs = 10};

	if (repeats < 1 || repeats > MAX_REPEATS)
		return 2;
	XGB(XGBSetGlobalConfig("{\"verbosity\":0}"));
	state = 42;
	printf("kernel: seed 42, %d repeats, CPU time of one thread, least of the repeats\n", repeats);
	for (size_t i = 0; i < sizeof(configurations) / sizeof(configurations[0]); i++)
	{
		const Configuration *config = &configurations[i];
		BoosterHandle booster;
		const char *bytes;
		bst_ulong	length;
		Forest	   *forest;
		size_t		size;
		ForestError error;

		if (strstr(config->name, part) == NULL)
			continue;
		booster = train_model(config);
		XGB(XGBoosterSaveModelToBuffer(booster, "{\"format\":\"ubj\"}", &length, &bytes));
		if (mlops_forest_build(bytes, length, &limits, &forest, &size, NULL, &error) != FOREST_OK)
		{
			fprintf(stderr, "kernel: %s: %s\n", config->name, error.message);
			return 1;
		}
		run_configuration(config, booster, forest, 0, repeats);
		run_configuration(config, booster, forest, 0.1, repeats);
		XGB(XGBoosterFree(booster));
		free(forest);
	}
	return 0;
}
