/*-------------------------------------------------------------------------
 *
 * trainer_verify.c
 *	  Prove that we will serve what libxgboost has trained.
 *
 * The stored bytes are read back by both libxgboost and our evaluator; on a
 * sample of the test part their margins and values must agree in every bit.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/trainer_evaluate.h"
#include "trainer/trainer_matrix.h"
#include "trainer/trainer_report.h"

/* Numbers of one block, so that its matrix stays small however wide it is. */
#define BLOCK_NUMBERS (1 << 20)
#define VERIFIED_ROWS 10000

static BoosterHandle
load_model(const TrainerConfig *config, const TrainerModel *model)
{
	BoosterHandle booster;
	char		threads[16];

	snprintf(threads, sizeof(threads), "%d", config->threads);
	mlops_trainer_check(XGBoosterCreate(NULL, 0, &booster));
	mlops_trainer_check(XGBoosterSetParam(booster, "nthread", threads));
	mlops_trainer_check(XGBoosterLoadModelFromBuffer(booster, model->bytes, model->size));
	return booster;
}

/* Compare n * n_values floats of ours with libxgboost's prediction of one type. */
static void
compare_block(BoosterHandle booster, DMatrixHandle rows, int type, const float *ours,
			  size_t n, uint32_t n_values, size_t first)
{
	char		settings[160];
	const uint64_t *shape;
	uint64_t	n_dimensions;
	uint64_t	n_theirs = 1;
	const float *theirs;

	snprintf(settings, sizeof(settings),
			 "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":true}",
			 type);
	mlops_trainer_check(XGBoosterPredictFromDMatrix(booster, rows, settings, &shape, &n_dimensions,
													&theirs));
	for (uint64_t i = 0; i < n_dimensions; i++)
		n_theirs *= shape[i];
	if (n_theirs != n * n_values)
		mlops_trainer_fail("self check failed: libxgboost predicts %zu numbers, mlops %zu",
						   (size_t) n_theirs, n * n_values);
	if (memcmp(ours, theirs, n_theirs * sizeof(float)) == 0)
		return;
	for (size_t i = 0; i < n_theirs; i++)
		if (memcmp(&ours[i], &theirs[i], sizeof(float)) != 0)
			mlops_trainer_fail("self check failed: in row %zu of the test part libxgboost predicts %.9g and mlops %.9g",
							   first + i / n_values, (double) theirs[i], (double) ours[i]);
}

void
mlops_trainer_verify(const TrainerConfig *config, const TrainerPart *parts, const TrainerModel *model)
{
	TrainerPart test = mlops_trainer_sample_part(&parts[SPOOL_TEST], VERIFIED_ROWS);
	Forest	   *forest = mlops_trainer_build_forest(model->bytes, model->size, NULL);
	BoosterHandle booster = load_model(config, model);
	uint32_t	n_outputs = mlops_forest_n_outputs(forest);
	uint32_t	n_values = mlops_forest_n_values(forest);
	size_t		block_rows = 1 + BLOCK_NUMBERS / ((size_t) config->n_features + n_outputs);
	float	   *margin = mlops_trainer_alloc(block_rows, n_outputs * sizeof(float));
	float	   *value = mlops_trainer_alloc(block_rows, n_values * sizeof(float));

	for (size_t first = 0; first < test.n_rows; first += block_rows)
	{
		size_t		n = test.n_rows - first < block_rows ? test.n_rows - first : block_rows;
		DMatrixHandle rows = mlops_trainer_make_rows(config, &test, first, n);

		mlops_forest_margin_block(forest, mlops_trainer_features(&test, first),
								  test.row_size / sizeof(float), n, margin);
		for (size_t i = 0; i < n; i++)
			mlops_forest_transform(forest, margin + i * n_outputs, value + i * n_values);
		compare_block(booster, rows, 1, margin, n, n_outputs, first);
		compare_block(booster, rows, 0, value, n, n_values, first);
		mlops_trainer_check(XGDMatrixFree(rows));
	}
	mlops_trainer_check(XGBoosterFree(booster));
	free(margin);
	free(value);
	free(forest);
}
