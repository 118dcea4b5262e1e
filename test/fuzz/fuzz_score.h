/*-------------------------------------------------------------------------
 *
 * fuzz_score.h
 *	  Score rows with an image that was accepted, in every way there is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FUZZ_SCORE_H
#define MLOPS_FUZZ_SCORE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/forest_kernel.h"

#define FUZZ_ROWS 9				/* one more than go side by side */

static const ForestLimits fuzz_limits = {
	.max_image = 1 << 20,.max_features = 1000,.max_outputs = 100
};

/* Abort when margins differ; sign and payload of a NaN are nobody's business. */
static inline void
compare_margins(const float *ours, const float *theirs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(&ours[i], &theirs[i], sizeof(float)) != 0 &&
			!(isnan(ours[i]) && isnan(theirs[i])))
			abort();
}

static int	fuzz_budget;		/* polls until an explanation has to stop */

static inline bool
fuzz_interrupted(void)
{
	return fuzz_budget-- <= 0;
}

/* Explain a row; abort when something is not finite though all the leaves are. */
static inline void
fuzz_explain(const Forest *forest, const float *row, bool finite)
{
	uint32_t	n_features = mlops_forest_n_features(forest);
	double	   *contribution = malloc(sizeof(double) * (n_features + 1));
	uint32_t   *place = malloc(sizeof(uint32_t) * n_features);
	uint32_t   *n_splits = malloc(sizeof(uint32_t) * n_features);
	float	   *score = malloc(sizeof(float) * n_features);

	for (uint32_t output = 0; output < mlops_forest_n_outputs(forest) && output < 3; output++)
	{
		uint32_t	n = mlops_forest_place_features(forest, output, place);
		double	   *pair = calloc((size_t) n * (n + 1) / 2 + 1, sizeof(double));

		fuzz_budget = 50;
		if (mlops_forest_contributions(forest, row, output, fuzz_interrupted, contribution) ==
			FOREST_OK)
			for (uint32_t i = 0; i <= n_features; i++)
				if (finite && !isfinite(contribution[i]))
					abort();
		fuzz_budget = 50;
		mlops_forest_interactions(forest, row, output, fuzz_interrupted, contribution, place, pair);
		free(pair);
	}
	for (int type = IMPORTANCE_WEIGHT; type <= IMPORTANCE_TOTAL_COVER; type++)
		mlops_forest_importance(forest, type, NULL, score, n_splits);
	free(contribution);
	free(place);
	free(n_splits);
	free(score);
}

/*
 * Abort when the kernels disagree; what is read beyond its end, ASan tells.  An image
 * that was built has finite leaves.
 */
static inline void
fuzz_score(const Forest *forest, bool built)
{
	static const float values[] = {0, 1, 3, -2, NAN, INFINITY, -INFINITY, 1e7f, 33, 5e-45f};
	uint32_t	n_features = mlops_forest_n_features(forest);
	uint32_t	n_outputs = mlops_forest_n_outputs(forest);
	uint32_t	n_values = mlops_forest_n_values(forest);
	float	   *rows = malloc(sizeof(float) * n_features * FUZZ_ROWS);
	float	   *block = malloc(sizeof(float) * n_outputs * FUZZ_ROWS);
	float	   *margin = malloc(sizeof(float) * n_outputs);
	float	   *value = malloc(sizeof(float) * n_values);
	float	   *probability = malloc(sizeof(float) * n_outputs);
	int32_t    *leaf = malloc(sizeof(int32_t) * (forest->count[SECTION_TREE] + 1));

	for (size_t i = 0; i < (size_t) n_features * FUZZ_ROWS; i++)
		rows[i] = values[(i * 7 + i / n_features) % (sizeof(values) / sizeof(values[0]))];
	for (ForestKernel kernel = 0; kernel < N_KERNELS; kernel++)
	{
		if (!mlops_kernel_available(kernel))
			continue;
		mlops_kernel_margin_block(kernel, forest, rows, n_features, FUZZ_ROWS, block);
		for (int i = 0; i < FUZZ_ROWS; i++)
		{
			mlops_kernel_margin(kernel, forest, rows + (size_t) i * n_features, margin);
			compare_margins(margin, block + (size_t) i * n_outputs, n_outputs);
			mlops_kernel_margin(KERNEL_NODES, forest, rows + (size_t) i * n_features, margin);
			compare_margins(margin, block + (size_t) i * n_outputs, n_outputs);
		}
	}
	for (int i = 0; i < FUZZ_ROWS; i++)
	{
		mlops_forest_margin(forest, rows + (size_t) i * n_features, margin);
		mlops_forest_leaf(forest, rows + (size_t) i * n_features, leaf);
		mlops_forest_transform(forest, margin, value);
		mlops_forest_probability(forest, margin, probability);
	}
	fuzz_explain(forest, rows, built && !mlops_forest_is_linear(forest));
	free(rows);
	free(block);
	free(margin);
	free(value);
	free(probability);
	free(leaf);
}

#endif							/* MLOPS_FUZZ_SCORE_H */
