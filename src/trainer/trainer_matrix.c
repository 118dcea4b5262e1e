/*-------------------------------------------------------------------------
 *
 * trainer_matrix.c
 *	  Mapped rows as a matrix of libxgboost.
 *
 * libxgboost reads features and labels where they lie in the spool, by strides.
 * tree_method hist trains on a quantile matrix, which keeps one byte per value
 * but is slow to predict on; everything else gets a plain one, which keeps
 * eight.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/trainer_matrix.h"
#include "trainer/trainer_report.h"

#define MAX_INTERFACE 256

/* The iterator over parts that libxgboost calls back. */
typedef struct PartIterator
{
	const TrainerConfig *config;
	const TrainerPart *parts;
	int			n_parts;
	int			next;
	DMatrixHandle proxy;
} PartIterator;

/* Whether training bins the values beforehand: tree_method hist. */
static bool
is_quantile_matrix(const TrainerConfig *config)
{
	return strcmp(mlops_trainer_param(config, "booster", "gbtree"), "gblinear") != 0 &&
		strcmp(mlops_trainer_param(config, "tree_method", "hist"), "hist") == 0;
}

static void
describe_rows(char *interface, const float *rows, size_t n, uint32_t n_features, size_t row_size)
{
	snprintf(interface, MAX_INTERFACE,
			 "{\"data\":[%zu,true],\"shape\":[%zu,%u],\"strides\":[%zu,4],\"typestr\":\"<f4\",\"version\":3}",
			 (size_t) rows, n, n_features, row_size);
}

static void
describe_column(char *interface, const void *first, size_t n, size_t stride, const char *type)
{
	snprintf(interface, MAX_INTERFACE,
			 "{\"data\":[%zu,true],\"shape\":[%zu],\"strides\":[%zu],\"typestr\":\"%s\",\"version\":3}",
			 (size_t) first, n, stride, type);
}

/* Attach one float per row of the spool, "offset" bytes into it. */
static int
set_column(DMatrixHandle matrix, const TrainerPart *part, const char *field, uint32_t offset)
{
	char		interface[MAX_INTERFACE];

	describe_column(interface, part->rows + offset, part->n_rows, part->row_size, "<f4");
	return XGDMatrixSetInfoFromInterface(matrix, field, interface);
}

/* Attach an array of our own, of four bytes per element. */
static int
set_array(DMatrixHandle matrix, const char *field, const void *array, size_t n, const char *type)
{
	char		interface[MAX_INTERFACE];

	describe_column(interface, array, n, 4, type);
	return XGDMatrixSetInfoFromInterface(matrix, field, interface);
}

static int
set_types(const TrainerConfig *config, DMatrixHandle matrix)
{
	return XGDMatrixSetStrFeatureInfo(matrix, "feature_type", config->feature_kind,
									  config->n_features);
}

/* Attach labels, weights and groups of one part; 0, or what libxgboost returned. */
static int
set_info(const TrainerConfig *config, const TrainerPart *part, DMatrixHandle matrix)
{
	uint32_t	offset = part->label_offset;
	int			rc;

	if (config->task == METRIC_SURVIVAL && config->has_upper)
	{
		rc = set_column(matrix, part, "label_lower_bound", offset);
		if (rc == 0)
			rc = set_column(matrix, part, "label_upper_bound", offset + (uint32_t) sizeof(float));
	}
	else
		rc = set_column(matrix, part, "label", offset);
	if (rc == 0 && part->group_size != NULL)
		rc = set_array(matrix, "group", part->group_size, part->n_groups, "<u4");
	if (rc == 0 && part->weight != NULL)
		rc = set_array(matrix, "weight", part->weight,
					   part->group_size ? part->n_groups : part->n_rows, "<f4");
	return rc;
}

static void
reset_iterator(DataIterHandle handle)
{
	((PartIterator *) handle)->next = 0;
}

/* Give the next part that has rows; 0 after the last one. */
static int
next_part(DataIterHandle handle)
{
	PartIterator *iterator = handle;
	const TrainerPart *part;
	char		interface[MAX_INTERFACE];

	while (iterator->next < iterator->n_parts && iterator->parts[iterator->next].n_rows == 0)
		iterator->next++;
	if (iterator->next == iterator->n_parts)
		return 0;
	part = &iterator->parts[iterator->next++];

	describe_rows(interface, mlops_trainer_features(part, 0), part->n_rows, part->n_features,
				  part->row_size);
	/* here, or libxgboost would only complain of the rows that did not come */
	mlops_trainer_check(XGProxyDMatrixSetDataDense(iterator->proxy, interface));
	mlops_trainer_check(set_types(iterator->config, iterator->proxy));
	mlops_trainer_check(set_info(iterator->config, part, iterator->proxy));
	return 1;
}

static DMatrixHandle
make_quantile_matrix(const TrainerConfig *config, const TrainerPart *parts, int n_parts)
{
	PartIterator iterator = {.config = config,.parts = parts,.n_parts = n_parts};
	DMatrixHandle matrix;
	char		settings[128];
	int			rc;

	snprintf(settings, sizeof(settings), "{\"missing\":NaN,\"nthread\":%d,\"max_bin\":%d}",
			 config->threads, atoi(mlops_trainer_param(config, "max_bin", "256")));
	mlops_trainer_check(XGProxyDMatrixCreate(&iterator.proxy));
	rc = XGQuantileDMatrixCreateFromCallback(&iterator, iterator.proxy, NULL, reset_iterator,
											 next_part, settings, &matrix);
	mlops_trainer_check(rc);
	mlops_trainer_check(XGDMatrixFree(iterator.proxy));
	return matrix;
}

static DMatrixHandle
make_dense_matrix(const TrainerConfig *config, const float *rows, size_t n, size_t row_size)
{
	char		interface[MAX_INTERFACE];
	char		settings[64];
	DMatrixHandle matrix;

	describe_rows(interface, rows, n, config->n_features, row_size);
	snprintf(settings, sizeof(settings), "{\"missing\":NaN,\"nthread\":%d}", config->threads);
	mlops_trainer_check(XGDMatrixCreateFromDense(interface, settings, &matrix));
	mlops_trainer_check(set_types(config, matrix));
	return matrix;
}

/* Copy several parts into one: a plain matrix takes one block of rows only. */
static TrainerPart
merge_parts(const TrainerPart *parts, int n_parts)
{
	TrainerPart merged = parts[0];
	char	   *rows;
	size_t		n_rows = 0;
	size_t		n_groups = 0;

	for (int i = 0; i < n_parts; i++)
	{
		n_rows += parts[i].n_rows;
		n_groups += parts[i].n_groups;
	}
	merged.rows = rows = mlops_trainer_alloc(n_rows, merged.row_size);
	if (merged.weight)
		merged.weight = mlops_trainer_alloc(merged.group_size ? n_groups : n_rows, sizeof(float));
	if (merged.group_size)
		merged.group_size = mlops_trainer_alloc(n_groups, sizeof(uint32_t));

	n_rows = 0;
	n_groups = 0;
	for (int i = 0; i < n_parts; i++)
	{
		const TrainerPart *part = &parts[i];

		memcpy(rows + n_rows * part->row_size, part->rows, part->n_rows * part->row_size);
		if (merged.weight)
			memcpy(merged.weight + (merged.group_size ? n_groups : n_rows), part->weight,
				   (merged.group_size ? part->n_groups : part->n_rows) * sizeof(float));
		if (merged.group_size)
			memcpy(merged.group_size + n_groups, part->group_size,
				   part->n_groups * sizeof(uint32_t));
		n_rows += part->n_rows;
		n_groups += part->n_groups;
	}
	merged.n_rows = n_rows;
	merged.n_groups = n_groups;
	return merged;
}

static DMatrixHandle
make_plain_matrix(const TrainerConfig *config, const TrainerPart *part)
{
	DMatrixHandle matrix = make_dense_matrix(config, mlops_trainer_features(part, 0),
											 part->n_rows, part->row_size);

	mlops_trainer_check(set_info(config, part, matrix));
	return matrix;
}

DMatrixHandle
mlops_trainer_make_matrix(const TrainerConfig *config, const TrainerPart *parts, int n_parts,
						  bool to_train)
{
	bool		quantiles = to_train && is_quantile_matrix(config);

	/* 1.7 loses the weights of groups in all batches but the first */
	bool		merge = n_parts > 1 && (!quantiles || config->task == METRIC_RANKING);
	TrainerPart merged = {0};
	DMatrixHandle matrix;

	if (merge)
	{
		merged = merge_parts(parts, n_parts);
		parts = &merged;
		n_parts = 1;
	}
	if (quantiles)
		matrix = make_quantile_matrix(config, parts, n_parts);
	else
		matrix = make_plain_matrix(config, parts);
	mlops_trainer_check(set_types(config, matrix));
	mlops_trainer_check(XGDMatrixSetStrFeatureInfo(matrix, "feature_name", config->feature_name,
												   config->n_features));
	if (merge)
	{
		free((void *) merged.rows);
		free(merged.weight);
		free(merged.group_size);
	}
	return matrix;
}

DMatrixHandle
mlops_trainer_make_rows(const TrainerConfig *config, const TrainerPart *part, size_t first, size_t n)
{
	return make_dense_matrix(config, mlops_trainer_features(part, first), n, part->row_size);
}
