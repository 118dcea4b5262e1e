/*-------------------------------------------------------------------------
 *
 * forest_check.c
 *	  The layout of an image, and the checks that make scoring it safe.
 *
 * An image that was read from elsewhere -> forest_check.c -> forest_score.c.
 * After a successful check every index that scoring follows is in range and
 * every walk ends, and the derived sections say what the others do.  One pass,
 * no memory.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "forest/derive.h"

#define POLL_EVERY	65536		/* nodes between two polls */

static ForestStatus fail_check(ForestError *error, ForestStatus status, const char *format,...)
			__attribute__((format(printf, 3, 4)));

static ForestStatus
fail_check(ForestError *error, ForestStatus status, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return status;
}

/* Bytes of that many elements of a section; counts are below 2^33. */
uint64_t
mlops_image_section_size(ForestSection section, uint64_t count)
{
	static const uint16_t sizes[FOREST_N_SECTIONS] = {
		[SECTION_BASE] = sizeof(float),
		[SECTION_LINEAR] = sizeof(float),
		[SECTION_TREE] = sizeof(ForestTree),
		[SECTION_NODE] = sizeof(ForestNode),
		[SECTION_NODE_ID] = sizeof(int32_t),
		[SECTION_CATEGORY] = sizeof(uint32_t),
		[SECTION_VECTOR] = sizeof(float),
		[SECTION_STEP] = sizeof(ForestStep),
		[SECTION_AXIS] = sizeof(ForestAxis),
		[SECTION_CUT] = sizeof(float),
		[SECTION_BUCKET] = sizeof(uint32_t),
		[SECTION_TOP] = sizeof(ForestTop),
		[SECTION_TEST] = sizeof(ForestTest),
		[SECTION_SET] = sizeof(ForestSet),
		[SECTION_COVER] = sizeof(float),
		[SECTION_GAIN] = sizeof(float),
	};

	return count * sizes[section];
}

/* Compute where sections of these lengths lie; false when a length is absurd. */
bool
mlops_image_layout(const uint64_t count[FOREST_N_SECTIONS],
				   uint64_t offset[FOREST_N_SECTIONS], uint64_t *size)
{
	uint64_t	at = sizeof(Forest);

	for (int i = 0; i < FOREST_N_SECTIONS; i++)
	{
		if (count[i] > (uint64_t) UINT32_MAX * 2)
			return false;
		at = (at + FOREST_ALIGNMENT - 1) & ~(uint64_t) (FOREST_ALIGNMENT - 1);
		offset[i] = at;
		at += mlops_image_section_size(i, count[i]);
	}
	*size = (at + FOREST_ALIGNMENT - 1) & ~(uint64_t) (FOREST_ALIGNMENT - 1);
	return true;
}

uint32_t
mlops_forest_format(void)
{
	return FOREST_FORMAT;
}

ForestStatus
mlops_forest_check_header(const void *image, size_t image_size, ForestError *error)
{
	const Forest *forest = image;
	uint64_t	offset[FOREST_N_SECTIONS];
	uint64_t	size;

	if (image_size < sizeof(Forest) || (uintptr_t) forest % FOREST_ALIGNMENT != 0 ||
		memcmp(forest->magic, FOREST_MAGIC, sizeof(forest->magic)) != 0)
		return fail_check(error, FOREST_MALFORMED, "not a forest image");
	if (forest->format != FOREST_FORMAT || forest->byte_order != FOREST_BYTE_ORDER)
		return fail_check(error, FOREST_UNSUPPORTED, "forest image of another format or byte order");
	if (!mlops_image_layout(forest->count, offset, &size) ||
		memcmp(offset, forest->offset, sizeof(offset)) != 0 ||
		size != forest->size || size != image_size)
		return fail_check(error, FOREST_MALFORMED, "sections of the forest image do not fit");
	if (forest->n_features == 0 || forest->n_features > NODE_FEATURE_MASK ||
		forest->n_outputs == 0 || forest->transform >= N_TRANSFORMS ||
		forest->n_values != mlops_transform_n_values(forest->transform, forest->n_outputs) ||
		forest->count[SECTION_BASE] != forest->n_outputs ||
		forest->count[SECTION_NODE] != forest->count[SECTION_NODE_ID] ||
		forest->count[SECTION_NODE] != forest->count[SECTION_STEP] ||
		(forest->count[SECTION_TOP] != 0 &&
		 forest->count[SECTION_TOP] != forest->count[SECTION_TREE]) ||
		(forest->count[SECTION_COVER] > 0 &&
		 forest->count[SECTION_COVER] != forest->count[SECTION_NODE]) ||
		(forest->count[SECTION_GAIN] > 0 &&
		 forest->count[SECTION_GAIN] != forest->count[SECTION_NODE]) ||
		forest->count[SECTION_TREE] > INT32_MAX)
		return fail_check(error, FOREST_MALFORMED, "header of the forest image is inconsistent");
	if (forest->count[SECTION_LINEAR] > 0 &&
		(forest->count[SECTION_TREE] > 0 || forest->count[SECTION_LINEAR] !=
		 ((uint64_t) forest->n_features + 1) * forest->n_outputs))
		return fail_check(error, FOREST_MALFORMED, "weights of the forest image do not fit");
	return FOREST_OK;
}

/* Whether what a node refers to outside of its tree exists. */
static bool
check_value(const Forest *forest, const ForestTree *tree, const ForestNode *node, bool leaf)
{
	const uint32_t *words = mlops_image_section(forest, SECTION_CATEGORY);
	uint64_t	n_words = forest->count[SECTION_CATEGORY];
	uint64_t	index = node->value.index;

	if (leaf && tree->flags & TREE_VECTOR)
		return (index + 1) * forest->n_outputs <= forest->count[SECTION_VECTOR];
	if (!leaf && node->feature & NODE_CATEGORICAL)
		return tree->flags & TREE_CATEGORICAL &&
			index < n_words && (words[index] & ~CATEGORY_LIST) <= n_words - index - 1;
	return true;
}

/* Check one tree, whose nodes must be in breadth-first order.  Gains may be anything. */
static bool
check_tree(const Forest *forest, const ForestTree *tree, const ForestLimits *limits)
{
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	const float *cover = NULL;
	uint64_t	next_child = 1;
	uint64_t	level_end = 1;
	uint32_t	depth = 0;

	nodes += tree->first_node;
	if (forest->count[SECTION_COVER] > 0)
		cover = (const float *) mlops_image_section(forest, SECTION_COVER) + tree->first_node;
	for (uint32_t i = 0; i < tree->n_nodes; i++)
	{
		const ForestNode *node = &nodes[i];
		bool		leaf = node->left == i - 1;

		if (i % POLL_EVERY == POLL_EVERY - 1 && limits->interrupted && limits->interrupted())
			return false;
		/* A node that no split before it refers to would be unreachable. */
		if (i >= next_child)
			return false;
		if (i == level_end)
		{
			depth++;
			level_end = next_child;
		}
		if (leaf)
		{
			if (!isnan(node->threshold) || node->feature != 0)
				return false;
		}
		else
		{
			if (node->left != next_child || isnan(node->threshold) ||
				(node->feature & NODE_FEATURE_MASK) >= forest->n_features)
				return false;
			next_child += 2;
		}
		if (!check_value(forest, tree, node, leaf))
			return false;
		if (cover != NULL && !(cover[i] >= 0 && cover[i] <= FLT_MAX))
			return false;
	}
	return next_child == tree->n_nodes && depth == tree->depth &&
		depth <= FOREST_MAX_TREE_DEPTH;
}

/* Whether cuts and buckets of an axis, which are there, are as they have to be. */
static bool
check_cuts(const ForestAxis *axis, const float *cuts, const uint32_t *buckets)
{
	ForestAxis	derived = *axis;
	const float filler = NAN;
	uint32_t	n_before = 0;

	for (uint32_t i = 0; i < axis->n_cuts; i++)
		if (isnan(cuts[i]) || (i > 0 && cuts[i] <= cuts[i - 1]))
			return false;
	mlops_derive_buckets(cuts, &derived);
	if (memcmp(axis, &derived, sizeof(derived)) != 0)
		return false;
	for (uint32_t i = 0; i < (1u << axis->levels) - 1; i++)
		if (memcmp(&cuts[axis->n_cuts + i], &filler, sizeof(filler)) != 0)
			return false;
	for (uint32_t i = 0; i < axis->n_buckets; i++)
	{
		while (n_before < axis->n_cuts && mlops_axis_bucket(axis, cuts[n_before]) < i)
			n_before++;
		if (buckets[i] != n_before)
			return false;
	}
	return true;
}

/* Whether the axes are in order and fill their sections. */
static bool
check_axes(const Forest *forest, const ForestLimits *limits)
{
	const ForestAxis *axes = mlops_image_section(forest, SECTION_AXIS);
	const float *cuts = mlops_image_section(forest, SECTION_CUT);
	const uint32_t *buckets = mlops_image_section(forest, SECTION_BUCKET);
	uint64_t	first_cut = 0;
	uint64_t	first_bucket = 0;
	uint64_t	first_column = 0;

	for (uint64_t i = 0; i < forest->count[SECTION_AXIS]; i++)
	{
		const ForestAxis *axis = &axes[i];
		uint32_t	feature = axis->feature & NODE_FEATURE_MASK;
		bool		categorical = axis->feature & NODE_CATEGORICAL;
		uint64_t	n_cuts = axis->n_cuts;
		uint64_t	n_columns = (n_cuts + COLUMN_CUTS - 1) / COLUMN_CUTS;

		if (i % 256 == 0 && limits->interrupted && limits->interrupted())
			return false;
		if (i > 0 && ((axes[i - 1].feature & NODE_FEATURE_MASK) > feature ||
					  ((axes[i - 1].feature & NODE_FEATURE_MASK) == feature &&
					   (!categorical || axes[i - 1].feature & NODE_CATEGORICAL))))
			return false;
		if (feature >= forest->n_features || axis->feature & NODE_DEFAULT_LEFT ||
			axis->first_cut != first_cut || axis->first_column != first_column ||
			axis->first_bucket != first_bucket || axis->levels > 30 ||
			(n_cuts == 0) != categorical || (axis->n_buckets == 0) != categorical ||
			(categorical ? axis->levels != 0 || axis->n_columns == 0 ||
			 axis->n_columns > MAX_CATEGORY_COLUMNS || axis->origin != 0 || axis->scale != 0 :
			 axis->n_columns != n_columns))
			return false;
		first_column += axis->n_columns;
		first_cut += n_cuts + (1ull << axis->levels) - 1;
		first_bucket += axis->n_buckets;
		/* Kernels reckon with 32 bits, of bytes. */
		if (first_column > MAX_COLUMNS || first_cut > forest->count[SECTION_CUT] ||
			first_bucket > forest->count[SECTION_BUCKET] ||
			first_cut > UINT32_MAX / sizeof(float) || first_bucket > UINT32_MAX / sizeof(uint32_t))
			return false;
		if (!categorical && !check_cuts(axis, cuts + axis->first_cut, buckets + axis->first_bucket))
			return false;
	}
	return first_cut == forest->count[SECTION_CUT] && first_bucket == forest->count[SECTION_BUCKET];
}

/* Whether what was derived of a tree is what we would derive. */
static bool
check_derived(const Forest *forest, const DeriveSource *source, const ForestTree *tree,
			  uint64_t *n_tests, uint64_t *n_sets)
{
	const ForestStep *steps = mlops_image_section(forest, SECTION_STEP);
	const ForestTop *tops = mlops_image_section(forest, SECTION_TOP);
	const ForestTest *tests = mlops_image_section(forest, SECTION_TEST);
	const ForestSet *sets = mlops_image_section(forest, SECTION_SET);
	const uint32_t flags = TREE_STEPS | (forest->count[SECTION_TOP] > 0 ? TREE_TOP : 0);
	DerivedTop	derived;
	ForestTop  *top = &derived.top;

	if ((tree->flags & (TREE_STEPS | TREE_TOP)) !=
		(mlops_derive_flags(source, tree) & flags))
		return false;
	for (uint32_t i = 0; i < tree->n_nodes && tree->flags & TREE_STEPS; i++)
	{
		ForestStep	step = mlops_derive_step(source, tree, i);

		if (memcmp(&step, &steps[(uint64_t) tree->first_node + i], sizeof(step)) != 0)
			return false;
	}
	if (!(tree->flags & TREE_TOP))
		return true;
	if (!mlops_derive_top(source, tree, &derived))
		return false;
	top->first_test = (uint32_t) *n_tests;
	for (uint32_t i = 0; i < top->n_tests; i++)
		derived.tests[i].first_set += (uint32_t) *n_sets;
	if (memcmp(top, &tops[tree - source->trees], sizeof(*top)) != 0 ||
		top->n_tests > forest->count[SECTION_TEST] - *n_tests ||
		derived.n_sets > forest->count[SECTION_SET] - *n_sets ||
		memcmp(derived.tests, tests + *n_tests, top->n_tests * sizeof(ForestTest)) != 0 ||
		memcmp(derived.sets, sets + *n_sets, derived.n_sets * sizeof(ForestSet)) != 0)
		return false;
	*n_tests += top->n_tests;
	*n_sets += derived.n_sets;
	return true;
}

ForestStatus
mlops_forest_check(const void *image, size_t image_size,
				   const ForestLimits *limits, ForestError *error)
{
	const Forest *forest = image;
	ForestStatus status = mlops_forest_check_header(image, image_size, error);
	const ForestTree *trees;
	DeriveSource source;
	uint64_t	first = 0;
	uint64_t	n_tests = 0;
	uint64_t	n_sets = 0;

	if (status != FOREST_OK)
		return status;
	if (image_size > limits->max_image || forest->n_features > limits->max_features ||
		forest->n_outputs > limits->max_outputs)
		return fail_check(error, FOREST_TOO_LARGE, "forest image exceeds a limit");
	trees = mlops_image_section(forest, SECTION_TREE);
	if (!check_axes(forest, limits))
		return limits->interrupted && limits->interrupted() ?
			fail_check(error, FOREST_INTERRUPTED, "interrupted") :
			fail_check(error, FOREST_MALFORMED, "axes of the forest image are malformed");
	source = (DeriveSource)
	{
		.trees = trees,
			.nodes = mlops_image_section(forest, SECTION_NODE),
			.categories = mlops_image_section(forest, SECTION_CATEGORY),
			.axes = mlops_image_section(forest, SECTION_AXIS),
			.cuts = mlops_image_section(forest, SECTION_CUT),
			.n_trees = forest->count[SECTION_TREE],
			.n_axes = (uint32_t) forest->count[SECTION_AXIS],
			.n_features = forest->n_features,
	};
	for (uint64_t i = 0; i < forest->count[SECTION_TREE]; i++)
	{
		const ForestTree *tree = &trees[i];

		if (i % 256 == 0 && limits->interrupted && limits->interrupted())
			return fail_check(error, FOREST_INTERRUPTED, "interrupted");
		if (tree->first_node != first || tree->n_nodes == 0 ||
			tree->n_nodes > forest->count[SECTION_NODE] - first ||
			tree->group >= forest->n_outputs ||
			tree->flags & ~(TREE_CATEGORICAL | TREE_VECTOR | TREE_STEPS | TREE_TOP) ||
			!check_tree(forest, tree, limits) ||
			!check_derived(forest, &source, tree, &n_tests, &n_sets))
			return limits->interrupted && limits->interrupted() ?
				fail_check(error, FOREST_INTERRUPTED, "interrupted") :
				fail_check(error, FOREST_MALFORMED, "tree %llu of the forest image is malformed",
						   (unsigned long long) i);
		first += tree->n_nodes;
	}
	if (first != forest->count[SECTION_NODE] || n_tests != forest->count[SECTION_TEST] ||
		n_sets != forest->count[SECTION_SET])
		return fail_check(error, FOREST_MALFORMED, "forest image has nodes of no tree");
	return FOREST_OK;
}
