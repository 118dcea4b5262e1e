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

		if (node->feature & NODE_CATEGORICAL &&
			mlops_derive_highest_code(source->categories + node->value.index) >= MAX_CODES)
			return flags;
	}
	return flags | TREE_TOP;
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

/* Fill in a categorical split, but for its tests; false when the axis does not suit. */
static bool
derive_categorical(const DeriveSource *source, const ForestNode *node, uint32_t position,
				   ForestTop *top)
{
	const ForestAxis *axis = find_axis(source, node->feature & ~NODE_DEFAULT_LEFT);
	int64_t		highest = mlops_derive_highest_code(source->categories + node->value.index);

	if (axis == NULL || highest >= (int64_t) axis->n_columns * COLUMN_CUTS)
		return false;
	top->column[position] = (uint8_t) axis->first_column;
	top->column_high[position] = (uint8_t) (axis->first_column >> 8);
	top->rank[position] = COLUMN_MISSING;
	top->splits |= 1ull << position;
	top->categorical |= 1ull << position;
	if (node->feature & NODE_DEFAULT_LEFT)
		top->default_left |= 1ull << position;
	return true;
}

/* Put codes of a split's set that are in a column into a lane of sets; returns how many. */
static uint32_t
derive_sets(const uint32_t *set, uint32_t column, uint32_t lane, ForestSet *sets)
{
	bool		list = set[0] & CATEGORY_LIST;
	uint32_t	first = column * COLUMN_CUTS;
	uint32_t	n = list ? set[0] & ~CATEGORY_LIST : set[0] * 32;
	uint32_t	n_sets = 0;

	for (uint32_t i = list ? 0 : first; i < n; i++)
	{
		uint32_t	code = list ? set[1 + i] : i;

		if (code >= first + COLUMN_CUTS)
			break;
		if (code < first || (!list && !(set[1 + i / 32] >> (i % 32) & 1)))
			continue;
		code -= first;
		sets[code / SET_BITS].bits[lane] |= 1u << code % SET_BITS;
		n_sets = code / SET_BITS + 1;
	}
	return n_sets;
}

/* Make the tests of the categorical splits. */
static void
derive_tests(const DeriveSource *source, const DeriveLevels *levels, DerivedTop *derived)
{
	ForestTop  *top = &derived->top;
	ForestTest *test = NULL;
	bool		more = true;

	derived->n_sets = 0;
	for (uint32_t column = 0; more; column++, test = NULL)
	{
		uint32_t	lane = 0;

		more = false;
		for (uint32_t i = 0; i < levels->n_splits; i++)
		{
			const DeriveSplit *split = &levels->split[i];
			uint32_t	position = split->position;
			const uint32_t *set;
			uint32_t	of_axis;
			uint32_t	n_sets;
			int64_t		highest;

			if (!(split->node->feature & NODE_CATEGORICAL))
				continue;
			set = source->categories + split->node->value.index;
			highest = mlops_derive_highest_code(set);
			if (highest < (int64_t) column * COLUMN_CUTS)
				continue;
			more |= highest >= (int64_t) (column + 1) * COLUMN_CUTS;
			if (test == NULL || lane == TEST_LANES)
			{
				test = &derived->tests[top->n_tests++];
				memset(test, 0, sizeof(*test));
				test->first_set = derived->n_sets;
				memset(&derived->sets[test->first_set], 0, MAX_SETS * sizeof(ForestSet));
				lane = 0;
			}
			of_axis = (top->column[position] | (uint32_t) top->column_high[position] << 8) + column;
			test->positions |= 1ull << position;
			test->column[lane] = (uint8_t) of_axis;
			test->column_high[lane] = (uint8_t) (of_axis >> 8);
			n_sets = derive_sets(set, column, lane++, &derived->sets[test->first_set]);
			if (n_sets > test->n_sets)
				test->n_sets = n_sets;
			derived->n_sets = test->first_set + test->n_sets;
		}
	}
}

/*
 * The top of a tree that has TREE_TOP, and its tests.  False when the axes are
 * not those of the tree.
 */
bool
mlops_derive_top(const DeriveSource *source, const ForestTree *tree, DerivedTop *derived)
{
	const ForestNode *nodes = source->nodes + tree->first_node;
	ForestTop  *top = &derived->top;
	DeriveLevels levels;

	memset(top, 0, sizeof(*top));
	top->levels = tree->depth < TOP_LEVELS ? tree->depth : TOP_LEVELS;
	mlops_derive_levels(source, tree, &levels);
	for (uint32_t i = 0; i < levels.n_splits; i++)
	{
		const DeriveSplit *split = &levels.split[i];

		if (!(split->node->feature & NODE_CATEGORICAL ?
			  derive_categorical(source, split->node, split->position, top) :
			  derive_numeric(source, split->node, split->position, top)))
			return false;
	}
	derive_tests(source, &levels, derived);
	for (uint32_t i = 0; i < TOP_SIZE; i++)
	{
		if (tree->depth > TOP_LEVELS)
			top->end.node[i] = levels.end[i];
		else
			top->end.leaf[i] = nodes[levels.end[i]].value.leaf * tree->weight;
	}
	return true;
}
