/*-------------------------------------------------------------------------
 *
 * forest_walk.c
 *	  The walk over nodes, for trees of every kind, and for leaf numbers.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "forest/forest_kernel.h"

/* Whether the category is in the set, which goes right; others go left. */
bool
mlops_image_find_category(const uint32_t *set, float value)
{
	uint32_t	n_words = set[0] & ~CATEGORY_LIST;
	uint32_t	low = 0;
	uint32_t	high = n_words;
	uint32_t	code;

	/* Negative, huge and infinite codes were never seen: they go left. */
	if (!(value >= 0 && value < (float) FOREST_MAX_CATEGORY))
		return false;
	code = (uint32_t) value;
	set++;
	if (!(set[-1] & CATEGORY_LIST))
		return code / 32 < n_words && (set[code / 32] >> (code % 32) & 1);
	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (set[middle] < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n_words && set[low] == code;
}

uint32_t
mlops_walk_tree(const Forest *forest, const ForestTree *tree, uint32_t at, const float *row)
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	const uint32_t *categories = mlops_image_section(forest, SECTION_CATEGORY);

	nodes += tree->first_node;
	while (nodes[at].left != at - 1)
	{
		const ForestNode *node = &nodes[at];
		float		value = row[node->feature & NODE_FEATURE_MASK];
		bool		right;

		if (isnan(value))
			right = !(node->feature & NODE_DEFAULT_LEFT);
		else if (node->feature & NODE_CATEGORICAL)
			right = mlops_image_find_category(categories + node->value.index, value);
		else
			right = !(value < node->threshold);
		at = node->left + right;
	}
	return at;
}

void
mlops_walk_add_leaf(const Forest *forest, const ForestTree *tree, uint32_t at,
					float *margin, size_t apart)
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	const ForestNode *leaf = &nodes[(size_t) tree->first_node + at];

	if (tree->flags & TREE_VECTOR)
	{
		const float *vector = mlops_image_section(forest, SECTION_VECTOR);

		vector += (size_t) leaf->value.index * forest->n_outputs;
		for (uint32_t i = 0; i < forest->n_outputs; i++)
			margin[i * apart] += vector[i] * tree->weight;
	}
	else
		margin[tree->group * apart] += leaf->value.leaf * tree->weight;
}
