/*-------------------------------------------------------------------------
 *
 * forest_score.c
 *	  Rows -> margins -> values, from a checked image.
 *
 * Each margin is one float sum that starts at the base and adds the trees in
 * their order, as libxgboost does, so that results agree to the last bit.
 * What may be reordered is the walks, and that is where the time goes: a walk
 * waits for memory, so eight of them go side by side.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "forest/image.h"

#define LANES			8		/* walks side by side */
#define BLOCK_ROWS		64		/* rows that share the caches with a tree */
#define MAX_EVEN_DEPTH	24		/* deeper trees are seldom balanced */

size_t
mlops_forest_size(const Forest *forest)
{
	return forest->size;
}

uint32_t
mlops_forest_n_features(const Forest *forest)
{
	return forest->n_features;
}

uint32_t
mlops_forest_n_outputs(const Forest *forest)
{
	return forest->n_outputs;
}

uint32_t
mlops_forest_n_values(const Forest *forest)
{
	return forest->n_values;
}

/* One step of a walk; a leaf stays where it is.  Not for categorical splits. */
static inline uint32_t
step_node(const ForestNode *nodes, uint32_t at, const float *row)
{
	ForestNode	node = nodes[at];
	float		value = row[node.feature & NODE_FEATURE_MASK];
	bool		left = (value < node.threshold) |
	((value != value) & (node.feature >> 31));

	return node.left + !left;
}

/* Whether the category is in the set, which goes right; others go left. */
static bool
find_category(const uint32_t *set, float value)
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

/* Walk a tree of any kind to its leaf. */
static uint32_t
walk_tree(const Forest *forest, const ForestTree *tree, const float *row)
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	const uint32_t *categories = mlops_image_section(forest, SECTION_CATEGORY);
	uint32_t	at = 0;

	nodes += tree->first_node;
	while (nodes[at].left != at - 1)
	{
		const ForestNode *node = &nodes[at];
		float		value = row[node->feature & NODE_FEATURE_MASK];

		if (node->feature & NODE_CATEGORICAL && !isnan(value))
			at = node->left + find_category(categories + node->value.index, value);
		else
			at = step_node(nodes, at, row);
	}
	return at;
}

/* Whether walks of the tree may take a fixed number of steps. */
static inline bool
is_even_tree(const ForestTree *tree)
{
	return tree->depth <= MAX_EVEN_DEPTH && !(tree->flags & TREE_CATEGORICAL);
}

/* Walk one row through eight trees. */
static inline void
walk_trees(const Forest *forest, const ForestTree *trees, const float *row, uint32_t at[LANES])
{
	const ForestNode *all = mlops_image_section(forest, SECTION_NODE);
	const ForestNode *nodes[LANES];
	uint32_t	depth = 0;
	bool		even = true;

	for (int lane = 0; lane < LANES; lane++)
	{
		nodes[lane] = all + trees[lane].first_node;
		even &= is_even_tree(&trees[lane]);
		depth = trees[lane].depth > depth ? trees[lane].depth : depth;
		at[lane] = 0;
	}
	if (!even)
	{
		for (int lane = 0; lane < LANES; lane++)
			at[lane] = walk_tree(forest, &trees[lane], row);
		return;
	}
	for (; depth > 0; depth--)
	{
#pragma GCC unroll 8
		for (int lane = 0; lane < LANES; lane++)
			at[lane] = step_node(nodes[lane], at[lane], row);
	}
}

/* Walk eight rows through one tree. */
static inline void
walk_rows(const Forest *forest, const ForestTree *tree, const float *rows, size_t stride,
		  uint32_t at[LANES])
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);

	nodes += tree->first_node;
	for (int lane = 0; lane < LANES; lane++)
		at[lane] = is_even_tree(tree) ? 0 : walk_tree(forest, tree, rows + lane * stride);
	if (!is_even_tree(tree))
		return;
	for (uint32_t depth = tree->depth; depth > 0; depth--)
	{
#pragma GCC unroll 8
		for (int lane = 0; lane < LANES; lane++)
			at[lane] = step_node(nodes, at[lane], rows + lane * stride);
	}
}

/* Add a leaf to the margins of a row. */
static inline void
add_leaf(const Forest *forest, const ForestTree *tree, uint32_t at, float *margin)
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	const ForestNode *leaf = &nodes[(size_t) tree->first_node + at];

	if (tree->flags & TREE_VECTOR)
	{
		const float *vector = mlops_image_section(forest, SECTION_VECTOR);

		vector += (size_t) leaf->value.index * forest->n_outputs;
		for (uint32_t i = 0; i < forest->n_outputs; i++)
			margin[i] += vector[i] * tree->weight;
	}
	else
		margin[tree->group] += leaf->value.leaf * tree->weight;
}

/* gblinear: bias plus base, then the features that are present, in order. */
static void
score_linear(const Forest *forest, const float *row, float *margin)
{
	const float *base = mlops_image_section(forest, SECTION_BASE);
	const float *weights = mlops_image_section(forest, SECTION_LINEAR);
	size_t		n_outputs = forest->n_outputs;

	for (size_t output = 0; output < n_outputs; output++)
	{
		/* Every output gets the first base, as in libxgboost. */
		float		sum = weights[forest->n_features * n_outputs + output] + base[0];

		for (size_t i = 0; i < forest->n_features; i++)
			if (!isnan(row[i]))
				sum += row[i] * weights[i * n_outputs + output];
		margin[output] = sum;
	}
}

void
mlops_forest_margin(const Forest *forest, const float *row, float *margin)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	size_t		n_trees = forest->count[SECTION_TREE];
	uint32_t	at[LANES];
	size_t		i = 0;

	if (forest->count[SECTION_LINEAR] > 0)
	{
		score_linear(forest, row, margin);
		return;
	}
	memcpy(margin, mlops_image_section(forest, SECTION_BASE),
		   forest->n_outputs * sizeof(float));
	for (; i + LANES <= n_trees; i += LANES)
	{
		walk_trees(forest, trees + i, row, at);
		for (int lane = 0; lane < LANES; lane++)
			add_leaf(forest, trees + i + lane, at[lane], margin);
	}
	for (; i < n_trees; i++)
		add_leaf(forest, trees + i, walk_tree(forest, trees + i, row), margin);
}

/* Margins of a few rows: every tree is brought to the caches once. */
static void
score_rows(const Forest *forest, const float *rows, size_t stride, size_t n, float *margin)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	size_t		n_outputs = forest->n_outputs;
	uint32_t	at[LANES];

	for (size_t row = 0; row < n; row++)
		memcpy(margin + row * n_outputs, mlops_image_section(forest, SECTION_BASE),
			   n_outputs * sizeof(float));
	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
	{
		size_t		row = 0;

		for (; row + LANES <= n; row += LANES)
		{
			walk_rows(forest, trees + i, rows + row * stride, stride, at);
			for (int lane = 0; lane < LANES; lane++)
				add_leaf(forest, trees + i, at[lane], margin + (row + lane) * n_outputs);
		}
		for (; row < n; row++)
			add_leaf(forest, trees + i, walk_tree(forest, trees + i, rows + row * stride),
					 margin + row * n_outputs);
	}
}

void
mlops_forest_margin_block(const Forest *forest, const float *rows, size_t stride,
						  size_t n, float *margin)
{
	for (size_t row = 0; row < n; row += BLOCK_ROWS)
	{
		size_t		n_rows = n - row < BLOCK_ROWS ? n - row : BLOCK_ROWS;

		if (forest->count[SECTION_LINEAR] > 0)
			for (size_t i = row; i < row + n_rows; i++)
				score_linear(forest, rows + i * stride, margin + i * forest->n_outputs);
		else
			score_rows(forest, rows + row * stride, stride, n_rows,
					   margin + row * forest->n_outputs);
	}
}

void
mlops_forest_transform(const Forest *forest, const float *margin, float *values)
{
	mlops_transform_apply(forest->transform, forest->n_outputs, margin, values);
}

void
mlops_forest_probability(const Forest *forest, const float *margin, float *probability)
{
	mlops_transform_apply(forest->transform == TRANSFORM_SOFTMAX ?
						  TRANSFORM_SOFTPROB : forest->transform,
						  forest->n_outputs, margin, probability);
}

void
mlops_forest_leaf(const Forest *forest, const float *row, int32_t *leaf)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const int32_t *ids = mlops_image_section(forest, SECTION_NODE_ID);

	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
		leaf[i] = ids[trees[i].first_node + walk_tree(forest, trees + i, row)];
}
