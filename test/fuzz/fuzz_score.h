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

#include "forest/image.h"

#define FUZZ_ROWS 9				/* one more than go side by side */

static const ForestLimits fuzz_limits = {
	.max_image = 1 << 20,.max_features = 1000,.max_outputs = 100
};

/* Abort when the ways disagree; what is read beyond its end, ASan tells. */
static inline void
fuzz_score(const Forest *forest)
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
	mlops_forest_margin_block(forest, rows, n_features, FUZZ_ROWS, block);
	for (int i = 0; i < FUZZ_ROWS; i++)
	{
		mlops_forest_margin(forest, rows + (size_t) i * n_features, margin);
		mlops_forest_leaf(forest, rows + (size_t) i * n_features, leaf);
		mlops_forest_transform(forest, margin, value);
		mlops_forest_probability(forest, margin, probability);

		/* The sign and the payload of a NaN are nobody's business. */
		for (uint32_t k = 0; k < n_outputs; k++)
			if (memcmp(&margin[k], &block[i * n_outputs + k], sizeof(float)) != 0 &&
				!(isnan(margin[k]) && isnan(block[i * n_outputs + k])))
				abort();
	}
	free(rows);
	free(block);
	free(margin);
	free(value);
	free(probability);
	free(leaf);
}

#endif							/* MLOPS_FUZZ_SCORE_H */
