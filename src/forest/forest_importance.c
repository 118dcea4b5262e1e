/*-------------------------------------------------------------------------
 *
 * forest_importance.c
 *	  How much a model uses its features, from a checked image.
 *
 * Sums over the splits in single precision and in libxgboost's order (trees in
 * turn, right before left), so that they agree to the last bit.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "forest/image.h"

/* What a split adds to the score of its feature. */
static const float *
find_statistics(const Forest *forest, ForestImportance importance)
{
	ForestSection section = SECTION_COVER;

	if (importance == IMPORTANCE_GAIN || importance == IMPORTANCE_TOTAL_GAIN)
		section = SECTION_GAIN;
	return forest->count[section] == forest->count[SECTION_NODE] ?
		mlops_image_section(forest, section) : NULL;
}

/* Add the splits of one tree; "stack" has room for a level more than it has. */
static void
add_tree(const Forest *forest, const ForestTree *tree, const float *statistics, uint32_t *stack,
		 float *score, uint32_t *n_splits)
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	uint32_t	n = 0;

	nodes += tree->first_node;
	stack[n++] = 0;
	while (n > 0)
	{
		uint32_t	at = stack[--n];
		uint32_t	feature = nodes[at].feature & NODE_FEATURE_MASK;

		if (nodes[at].left == at - 1)
			continue;
		n_splits[feature]++;
		if (statistics != NULL)
			score[feature] += statistics[tree->first_node + at];
		stack[n++] = nodes[at].left;
		stack[n++] = nodes[at].left + 1;
	}
}

ForestStatus
mlops_forest_importance(const Forest *forest, ForestImportance importance,
						bool (*interrupted) (void), float *score, uint32_t *n_splits)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const float *statistics = NULL;
	ForestStatus status = FOREST_OK;
	uint32_t   *stack;

	memset(score, 0, forest->n_features * sizeof(float));
	memset(n_splits, 0, forest->n_features * sizeof(uint32_t));
	if (importance != IMPORTANCE_WEIGHT)
	{
		statistics = find_statistics(forest, importance);
		if (statistics == NULL || mlops_forest_is_linear(forest))
			return FOREST_UNSUPPORTED;
	}
	if (mlops_forest_is_linear(forest))
	{
		if (forest->n_outputs > 1)
			return FOREST_UNSUPPORTED;
		memcpy(score, mlops_image_section(forest, SECTION_LINEAR),
			   forest->n_features * sizeof(float));
		memset(n_splits, 0xff, forest->n_features * sizeof(uint32_t));
		return FOREST_OK;
	}

	stack = malloc((FOREST_MAX_TREE_DEPTH + 2) * sizeof(uint32_t));
	if (stack == NULL)
		return FOREST_NO_MEMORY;
	for (size_t i = 0; i < forest->count[SECTION_TREE] && status == FOREST_OK; i++)
	{
		if (interrupted != NULL && interrupted())
			status = FOREST_INTERRUPTED;
		else
			add_tree(forest, &trees[i], statistics, stack, score, n_splits);
	}
	free(stack);

	for (uint32_t i = 0; i < forest->n_features; i++)
	{
		if (importance == IMPORTANCE_WEIGHT)
			score[i] = (float) n_splits[i];
		else if ((importance == IMPORTANCE_GAIN || importance == IMPORTANCE_COVER) &&
				 n_splits[i] > 0)
			score[i] /= (float) n_splits[i];
	}
	return status;
}
