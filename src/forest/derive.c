/*-------------------------------------------------------------------------
 *
 * derive.c
 *	  One tree in the forms that the fast kernels take.
 *
 * forest_build.c -> derive_sections.c -> derive.c when an image is made;
 * forest_check.c -> derive.c compares an image that was read with the same.
 * The source is checked already: every index in it is in range.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "forest/derive.h"

#define MAX_CODES	(COLUMN_CUTS * MAX_CATEGORY_COLUMNS)

/* Find the splits of the upper levels, and where paths through them end. */
void
mlops_derive_levels(const DeriveSource *source, const ForestTree *tree, DeriveLevels *levels)
{
	const ForestNode *nodes = source->nodes + tree->first_node;
	uint8_t		position[2 * TOP_SIZE];

	levels->n_splits = 0;
	position[0] = 1;
	/* Breadth first, the nodes of these levels are the first ones. */
	for (uint32_t i = 0; i < 1 + 2 * levels->n_splits; i++)
	{
		uint32_t	low = position[i];
		uint32_t	high = low + 1;

		if (low < TOP_SIZE && nodes[i].left != i - 1)
		{
			levels->split[levels->n_splits].node = &nodes[i];
			levels->split[levels->n_splits++].position = low;
			position[nodes[i].left] = (uint8_t) (2 * low);
			position[nodes[i].left + 1] = (uint8_t) (2 * low + 1);
			continue;
		}
		for (; low < TOP_SIZE; low *= 2)
			high *= 2;
		for (; low < high; low++)
			levels->end[low - TOP_SIZE] = i;
	}
}

/* Highest code of a set; -1 when it is empty, INT64_MAX when it takes too long. */
int64_t
mlops_derive_highest_code(const uint32_t *set)
{
	uint32_t	n_words = set[0] & ~CATEGORY_LIST;

	if (n_words > MAX_CODES / 32)
		return INT64_MAX;
	if (set[0] & CATEGORY_LIST)
	{
		for (uint32_t i = 1; i < n_words; i++)
			if (set[i] >= set[i + 1])
				return INT64_MAX;
		return n_words > 0 ? set[n_words] : -1;
	}
	for (uint32_t word = n_words; word > 0; word--)
		if (set[word] != 0)
			return (int64_t) word * 32 - 1 - __builtin_clz(set[word]);
	return -1;
}

/* Which derived sections have the tree. */
uint32_t
mlops_derive_flags(const DeriveSource *source, const ForestTree *tree)
{
	uint32_t	flags = 0;
	uint32_t	n_tests = 0;
	bool		steps = tree->n_nodes <= UINT16_MAX && !(tree->flags & TREE_CATEGORICAL) &&
	source->n_features <= UINT16_MAX / 2;
	const ForestNode *nodes = source->nodes + tree->first_node;
	DeriveLevels levels;

	/* What is missing is not below -inf, where this says left. */
	for (uint32_t i = 0; i < tree->n_nodes && steps; i++)
		steps = nodes[i].left == i - 1 || nodes[i].threshold != -INFINITY;
	if (steps)
		flags |= TREE_STEPS;

	if (tree->flags & TREE_VECTOR)
		return flags;
	mlops_derive_levels(source, tree, &levels);
	for (uint32_t i = 0; i < levels.n_splits; i++)
	{
		const ForestNode *node = levels.split[i].node;
		int64_t		code;

		if (!(node->feature & NODE_CATEGORICAL))
			continue;
		code = mlops_derive_highest_code(source->categories + node->value.index);
		if (code >= MAX_CODES)
			return flags;
		n_tests += code < 0 ? 1 : (uint32_t) (code / COLUMN_CUTS + 1);
	}
	return n_tests > MAX_TESTS ? flags : flags | TREE_TOP;
}

/* A node of a tree that has TREE_STEPS. */
ForestStep
mlops_derive_step(const DeriveSource *source, const ForestTree *tree, uint32_t at)
{
	const ForestNode *node = &source->nodes[(uint64_t) tree->first_node + at];
	ForestStep	step;

	if (node->left == at - 1)
	{
		if (tree->flags & TREE_VECTOR)
			step.value.vector = node->value.index;
		else
			step.value.leaf = node->value.leaf * tree->weight;
		step.feature = (uint16_t) (2 * source->n_features);
		step.right = (uint16_t) (at + 1);
		return step;
	}
	step.value.threshold = node->threshold;
	step.feature = (uint16_t) ((node->feature & NODE_FEATURE_MASK) +
							   (node->feature & NODE_DEFAULT_LEFT ? source->n_features : 0));
	step.right = (uint16_t) (node->left + 1);
	return step;
}

/* The axis of a feature; NULL when there is none. */
static const ForestAxis *
find_axis(const DeriveSource *source, uint32_t feature)
{
	uint32_t	low = 0;
	uint32_t	high = source->n_axes;

	/* A feature's numeric axis comes before its categorical one. */
#define AXIS_KEY(feature) ((uint64_t) ((feature) & NODE_FEATURE_MASK) * 2 + \
						   (((feature) & NODE_CATEGORICAL) != 0))
	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (AXIS_KEY(source->axes[middle].feature) < AXIS_KEY(feature))
			low = middle + 1;
		else
			high = middle;
	}
	if (low < source->n_axes && AXIS_KEY(source->axes[low].feature) == AXIS_KEY(feature))
		return &source->axes[low];
	return NULL;
#undef AXIS_KEY
}

/* Fill in a numeric split; false when the axis lacks its threshold. */
static bool
derive_numeric(const DeriveSource *source, const ForestNode *node, uint32_t position,
			   ForestTop *top)
{
	const ForestAxis *axis = find_axis(source, node->feature & NODE_FEATURE_MASK);
	uint32_t	low = 0;
	uint32_t	high = axis != NULL ? axis->n_cuts : 0;
	const float *cuts;
	uint32_t	column;

	if (axis == NULL)
		return false;
	cuts = source->cuts + axis->first_cut;
	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (cuts[middle] < node->threshold)
			low = middle + 1;
		else
			high = middle;
	}
	if (low >= axis->n_cuts || cuts[low] != node->threshold)
		return false;
	column = axis->first_column + low / COLUMN_CUTS;
	top->column[position] = (uint8_t) column;
	top->column_high[position] = (uint8_t) (column >> 8);
	top->rank[position] = (uint8_t) (low % COLUMN_CUTS + 1);
	top->splits |= 1ull << position;
	if (node->feature & NODE_DEFAULT_LEFT)
		top->default_left |= 1ull << position;
	return true;
}

/* Append the tests of a categorical split; false when the axis lacks a column. */
static bool
derive_categorical(const DeriveSource *source, const ForestNode *node, uint32_t position,
				   ForestTop *top, ForestTest *tests)
{
	const uint32_t *set = source->categories + node->value.index;
	const ForestAxis *axis = find_axis(source, node->feature & ~NODE_DEFAULT_LEFT);
	int64_t		highest = mlops_derive_highest_code(set);
	uint32_t	n_words = set[0] & ~CATEGORY_LIST;
	uint32_t	n_columns = highest < 0 ? 1 : (uint32_t) (highest / COLUMN_CUTS + 1);

	if (axis == NULL || n_columns > axis->n_columns)
		return false;
	top->categorical |= 1ull << position;
	top->rank[position] = (uint8_t) top->n_tests;
	for (uint32_t column = 0; column < n_columns; column++)
	{
		ForestTest *test = &tests[top->n_tests];
		uint32_t	first = column * COLUMN_CUTS;
		bool		any = column == 0;

		memset(test, 0, sizeof(*test));
		test->column = (uint16_t) (axis->first_column + column);
		test->position = (uint16_t) position;
		if (column == 0 && !(node->feature & NODE_DEFAULT_LEFT))
			test->set[COLUMN_MISSING / 8] |= 1 << COLUMN_MISSING % 8;
		for (uint32_t i = 0; i < (set[0] & CATEGORY_LIST ? n_words : n_words * 32); i++)
		{
			uint32_t	code = set[0] & CATEGORY_LIST ? set[1 + i] : i;

			if (code < first || code >= first + COLUMN_CUTS ||
				(!(set[0] & CATEGORY_LIST) && !(set[1 + i / 32] >> (i % 32) & 1)))
				continue;
			test->set[(code - first) / 8] |= (uint8_t) (1 << (code - first) % 8);
			any = true;
		}
		top->n_tests += any;
	}
	return true;
}

/*
 * The top of a tree that has TREE_TOP, and its tests, MAX_TESTS at most; sets
 * all of the top but first_test.  False when the axes are not those of the tree.
 */
bool
mlops_derive_top(const DeriveSource *source, const ForestTree *tree,
				 ForestTop *top, ForestTest *tests)
{
	const ForestNode *nodes = source->nodes + tree->first_node;
	DeriveLevels levels;

	memset(top, 0, sizeof(*top));
	top->levels = tree->depth < TOP_LEVELS ? tree->depth : TOP_LEVELS;
	mlops_derive_levels(source, tree, &levels);
	for (uint32_t i = 0; i < levels.n_splits; i++)
	{
		const DeriveSplit *split = &levels.split[i];

		if (!(split->node->feature & NODE_CATEGORICAL ?
			  derive_categorical(source, split->node, split->position, top, tests) :
			  derive_numeric(source, split->node, split->position, top)))
			return false;
	}
	for (uint32_t i = 0; i < TOP_SIZE; i++)
	{
		if (tree->depth > TOP_LEVELS)
			top->end.node[i] = levels.end[i];
		else
			top->end.leaf[i] = nodes[levels.end[i]].value.leaf * tree->weight;
	}
	return true;
}
