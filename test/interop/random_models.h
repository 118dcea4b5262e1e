/*-------------------------------------------------------------------------
 *
 * random_models.h
 *	  Seeded random models of libxgboost, rows for them, and its answers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RANDOM_MODELS_H
#define RANDOM_MODELS_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "../random.h"
#include "identity_config.h"

#define TRAIN_ROWS		500
#define MAX_FEATURES	300

/* The types of prediction of XGBoosterPredictFromDMatrix. */
#define PREDICT_VALUE	0
#define PREDICT_MARGIN	1
#define PREDICT_CONTRIBUTIONS 2
#define PREDICT_INTERACTIONS 4
#define PREDICT_LEAF	6

static double
draw_normal(void)
{
	double		sum = -6;

	for (int i = 0; i < 12; i++)
		sum += draw_uniform();
	return sum;
}

static void
check_call(int rc, const char *call)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s\n", call, XGBGetLastError());
	exit(1);
}

#define XGB(call) check_call(call, #call)

static int
count_labels(int feature)
{
	return 3 + feature * 11;
}

/* A value of a feature as in training data. */
static float
draw_value(const Configuration *config, int feature)
{
	if (feature < config->n_categorical)
		return (float) (draw() % count_labels(feature));
	switch (feature % 4)
	{
		case 0:
			return (float) draw_normal();
		case 1:
			return (float) (draw() % 10);
		case 2:
			return (float) exp(3 * draw_normal());
		default:
			return draw() % 4 ? 0.0f : (float) draw_normal();
	}
}

/* A value that training data do not have. */
static float
draw_odd_value(const Configuration *config, int feature)
{
	static const float numbers[] = {
		0.0f, -0.0f, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN, 1e-45f, -1e-45f, 1e-40f,
		1e30f, -1e30f, 16777216.0f
	};
	static const float codes[] = {
		-1.0f, -0.5f, -0.0f, 0.5f, 1.5f, 2.999f, 31.0f, 32.0f, 63.5f, 64.0f, 1000.0f,
		16777215.0f, 16777216.0f, 4294967296.0f, -1e30f, FLT_MAX
	};

	if (feature < config->n_categorical)
		return codes[draw() % (sizeof(codes) / sizeof(codes[0]))];
	return numbers[draw() % (sizeof(numbers) / sizeof(numbers[0]))];
}

static void
fill_rows(const Configuration *config, float *rows, size_t n, bool odd)
{
	double		missing = odd ? fmax(config->missing, 0.05) : config->missing;

	for (size_t i = 0; i < n * config->n_features; i++)
	{
		int			feature = (int) (i % config->n_features);

		rows[i] = odd && draw() % 50 == 0 ? draw_odd_value(config, feature) :
			draw_value(config, feature);
		if (draw_uniform() < missing)
			rows[i] = NAN;
	}
}

/* A label that depends on the row, so that trees have something to find. */
static float
draw_label(const Configuration *config, const float *row)
{
	double		signal = 0.3 * draw_normal();
	double		normal;

	for (int i = 0; i < config->n_features && i < 8; i++)
		if (!isnan(row[i]))
			signal += (i % 2 ? 1 : -1) * atan(row[i] - (i < config->n_categorical ? 5 : 0.2));
	normal = signal;
	switch (config->label)
	{
		case LABEL_BINARY:
			return normal > 0;
		case LABEL_CLASS:
			return (float) ((int) floor(fabs(normal) * 2) % config->n_classes);
		case LABEL_COUNT:
		case LABEL_RANK:
			return (float) ((int) floor(fabs(normal)) % 5);
		case LABEL_POSITIVE:
			return (float) (fabs(normal) + 0.1);
		case LABEL_CENSORED:
			return (float) ((fabs(normal) + 0.1) * (draw() % 4 ? 1 : -1));
		case LABEL_REAL:
		default:
			return (float) normal;
	}
}

static void
set_labels(const Configuration *config, DMatrixHandle matrix, const float *rows)
{
	int			width = config->n_targets > 0 ? config->n_targets : 1;
	float	   *labels = calloc((size_t) TRAIN_ROWS * width, sizeof(float));
	char		array[256];

	for (int i = 0; i < TRAIN_ROWS; i++)
		for (int k = 0; k < width; k++)
			labels[i * width + k] = draw_label(config, rows + (size_t) i * config->n_features);
	if (width > 1)
	{
		snprintf(array, sizeof(array), "{\"data\":[%llu,true],\"shape\":[%d,%d],"
				 "\"typestr\":\"<f4\",\"version\":3}",
				 (unsigned long long) (uintptr_t) labels, TRAIN_ROWS, width);
		XGB(XGDMatrixSetInfoFromInterface(matrix, "label", array));
	}
	else
		XGB(XGDMatrixSetFloatInfo(matrix, "label", labels, TRAIN_ROWS));
	if (config->label == LABEL_INTERVAL)
	{
		for (int i = 0; i < TRAIN_ROWS; i++)
			labels[i] = fabsf(labels[i]) + 0.1f;
		XGB(XGDMatrixSetFloatInfo(matrix, "label_lower_bound", labels, TRAIN_ROWS));
		for (int i = 0; i < TRAIN_ROWS; i++)
			labels[i] = i % 3 ? labels[i] : INFINITY;
		XGB(XGDMatrixSetFloatInfo(matrix, "label_upper_bound", labels, TRAIN_ROWS));
	}
	if (config->label == LABEL_RANK)
	{
		unsigned	groups[TRAIN_ROWS / 20];

		for (int i = 0; i < TRAIN_ROWS / 20; i++)
			groups[i] = 20;
		XGB(XGDMatrixSetUIntInfo(matrix, "group", groups, TRAIN_ROWS / 20));
	}
	free(labels);
}

static DMatrixHandle
make_matrix(const Configuration *config, const float *rows, size_t n)
{
	const char *types[MAX_FEATURES];
	DMatrixHandle matrix;

	XGB(XGDMatrixCreateFromMat(rows, n, config->n_features, NAN, &matrix));
	for (int i = 0; i < config->n_features; i++)
		types[i] = i < config->n_categorical ? "c" : "float";
	if (config->n_categorical > 0)
		XGB(XGDMatrixSetStrFeatureInfo(matrix, "feature_type", types, config->n_features));
	return matrix;
}

/* Set parameters given as "a=1 b=2". */
static void
set_parameters(BoosterHandle booster, const char *parameters)
{
	char		string[512];
	char	   *next = string;
	char	   *pair;

	snprintf(string, sizeof(string), "%s", parameters);
	while ((pair = strsep(&next, " ")) != NULL)
	{
		char	   *value = strchr(pair, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		XGB(XGBoosterSetParam(booster, pair, value));
	}
}

static BoosterHandle
train_model(const Configuration *config, int model)
{
	float	   *rows = malloc(sizeof(float) * TRAIN_ROWS * config->n_features);
	BoosterHandle booster;
	BoosterHandle sliced;
	DMatrixHandle matrix;
	char		number[32];

	fill_rows(config, rows, TRAIN_ROWS, false);
	matrix = make_matrix(config, rows, TRAIN_ROWS);
	set_labels(config, matrix, rows);
	XGB(XGBoosterCreate(&matrix, 1, &booster));
	XGB(XGBoosterSetParam(booster, "objective", config->objective));
	XGB(XGBoosterSetParam(booster, "nthread", "1"));
	if (strstr(config->parameters, "tree_method") == NULL &&
		strstr(config->parameters, "gblinear") == NULL)
		XGB(XGBoosterSetParam(booster, "tree_method", "hist"));
	snprintf(number, sizeof(number), "%d", model);
	XGB(XGBoosterSetParam(booster, "seed", number));
	if (config->n_classes > 0)
	{
		snprintf(number, sizeof(number), "%d", config->n_classes);
		XGB(XGBoosterSetParam(booster, "num_class", number));
	}
	/* Every other model has the intercept that the library chooses. */
	if (model % 2 == 1 && strstr(config->parameters, "base_score") == NULL)
		XGB(XGBoosterSetParam(booster, "base_score", "0.3"));
	set_parameters(booster, config->parameters);
	for (int i = 0; i < config->rounds; i++)
		XGB(XGBoosterUpdateOneIter(booster, i, matrix));
	if (config->slice > 0)
	{
		XGB(XGBoosterSlice(booster, 0, config->slice, 1, &sliced));
		XGB(XGBoosterFree(booster));
		booster = sliced;
	}
	if (config->best_iteration > 0)
	{
		snprintf(number, sizeof(number), "%d", config->best_iteration);
		XGB(XGBoosterSetAttr(booster, "best_iteration", number));
	}
	XGB(XGDMatrixFree(matrix));
	free(rows);
	return booster;
}

/* The library's answer; copied, since the next call overwrites it. */
static float *
predict_library(const Configuration *config, BoosterHandle booster, DMatrixHandle matrix,
				int type, size_t *count)
{
	const		bst_ulong *shape;
	const float *result;
	bst_ulong	dim;
	float	   *copy;
	char		string[160];

	/* libxgboost fails to give leaves of vector trees in their strict shape. */
	snprintf(string, sizeof(string), "{\"type\":%d,\"training\":false,\"iteration_begin\":0,"
			 "\"iteration_end\":%d,\"strict_shape\":%s}", type,
			 config->best_iteration > 0 ? config->best_iteration + 1 : 0,
			 type == PREDICT_LEAF ? "false" : "true");
	XGB(XGBoosterPredictFromDMatrix(booster, matrix, string, &shape, &dim, &result));
	*count = 1;
	for (bst_ulong i = 0; i < dim; i++)
		*count *= shape[i];
	copy = malloc((*count + 1) * sizeof(float));
	memcpy(copy, result, *count * sizeof(float));
	return copy;
}

#endif							/* RANDOM_MODELS_H */
