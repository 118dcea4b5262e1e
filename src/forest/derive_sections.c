/*-------------------------------------------------------------------------
 *
 * derive_sections.c
 *	  The sections of all trees -> the sections derived from them.
 *
 * forest_build.c -> derive_sections.c, before the image is laid out.  First the
 * axes, from all thresholds in order, then tree by tree what refers to them.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "forest/derive.h"

#define POLL_EVERY	65536

/* What there is to go by while deriving. */
typedef struct Derivation
{
	DeriveSource *source;
	ForestTree *trees;
	size_t		max_size;		/* of a section */
	bool		(*interrupted) (void);
	Buffer	   *section;
	ForestStatus status;
} Derivation;

static bool
poll_interrupt(Derivation *derivation)
{
	if (derivation->status == FOREST_OK && derivation->interrupted && derivation->interrupted())
		derivation->status = FOREST_INTERRUPTED;
	return derivation->status == FOREST_OK;
}

/* Room for "size" more bytes of a section; NULL after an error. */
static void *
extend_section(Derivation *derivation, ForestSection section, uint64_t size)
{
	Buffer	   *buffer = &derivation->section[section];
	void	   *place = NULL;

	if (derivation->status != FOREST_OK)
		return NULL;
	if (size > derivation->max_size || buffer->used > derivation->max_size - size)
		derivation->status = FOREST_TOO_LARGE;
	else if ((place = mlops_buffer_extend(buffer, size)) == NULL)
		derivation->status = FOREST_NO_MEMORY;
	return place;
}

/* Make room for a section whose length is known: growing it takes twice the memory. */
static void
reserve_section(Derivation *derivation, ForestSection section, uint64_t size)
{
	if (derivation->status != FOREST_OK)
		return;
	if (size > derivation->max_size)
		derivation->status = FOREST_TOO_LARGE;
	else if (!mlops_buffer_reserve(&derivation->section[section], size))
		derivation->status = FOREST_NO_MEMORY;
}

/*
 * Keys that sort by feature, numeric before categorical, and by threshold or by
 * highest code.  Both zeros are one threshold.
 */
static uint64_t
make_key(const DeriveSource *source, const ForestNode *node)
{
	uint64_t	feature = node->feature & NODE_FEATURE_MASK;
	float		threshold = node->threshold + 0.0f;
	uint32_t	bits;

	if (node->feature & NODE_CATEGORICAL)
	{
		int64_t		code = mlops_derive_highest_code(source->categories + node->value.index);

		return (feature * 2 + 1) << 32 | (uint32_t) (code < 0 ? 0 : code);
	}
	memcpy(&bits, &threshold, sizeof(bits));
	bits ^= bits >> 31 ? UINT32_MAX : 0x80000000u;
	return feature << 33 | bits;
}

static float
key_threshold(uint64_t key)
{
	uint32_t	bits = (uint32_t) key;
	float		threshold;

	bits ^= bits >> 31 ? 0x80000000u : UINT32_MAX;
	memcpy(&threshold, &bits, sizeof(threshold));
	return threshold;
}

/* Sort keys, a byte at a time; "other" is as long.  Returns the sorted array. */
static uint64_t *
sort_keys(Derivation *derivation, uint64_t *keys, uint64_t *other, uint64_t n)
{
	for (int shift = 0; shift < 64 && poll_interrupt(derivation); shift += 8)
	{
		uint64_t	count[257] = {0};
		uint64_t   *swap = keys;

		for (uint64_t i = 0; i < n; i++)
			count[(keys[i] >> shift & 255) + 1]++;
		if (n == 0 || count[(keys[0] >> shift & 255) + 1] == n)
			continue;
		for (int i = 0; i < 256; i++)
			count[i + 1] += count[i];
		for (uint64_t i = 0; i < n; i++)
			other[count[keys[i] >> shift & 255]++] = keys[i];
		keys = other;
		other = swap;
	}
	return keys;
}

/* Append the cuts of keys[0 .. n) and the buckets of their axis. */
static void
add_cuts(Derivation *derivation, const uint64_t *keys, uint64_t n, ForestAxis *axis)
{
	uint32_t	first_bucket = (uint32_t) (derivation->section[SECTION_BUCKET].used / sizeof(uint32_t));
	uint32_t	first_cut = (uint32_t) (derivation->section[SECTION_CUT].used / sizeof(float));
	uint64_t	n_cuts = 1;
	uint32_t	n_before = 0;
	float	   *cuts;
	uint32_t   *buckets;

	for (uint64_t i = 1; i < n; i++)
		n_cuts += keys[i] != keys[i - 1];
	cuts = extend_section(derivation, SECTION_CUT, n_cuts * sizeof(float));
	if (cuts == NULL)
		return;
	for (uint64_t i = 0, at = 0; i < n; i++)
		if (i == 0 || keys[i] != keys[i - 1])
			cuts[at++] = key_threshold(keys[i]);
	axis->first_cut = first_cut;
	axis->n_cuts = (uint32_t) n_cuts;
	axis->n_columns = (uint32_t) ((n_cuts + COLUMN_CUTS - 1) / COLUMN_CUTS);
	axis->first_bucket = first_bucket;
	mlops_derive_buckets(cuts, axis);
	buckets = extend_section(derivation, SECTION_BUCKET, axis->n_buckets * sizeof(uint32_t));
	for (uint32_t i = 0; i < axis->n_buckets && buckets != NULL; i++)
	{
		while (n_before < n_cuts && mlops_axis_bucket(axis, cuts[n_before]) < i)
			n_before++;
		buckets[i] = n_before;
	}
	cuts = extend_section(derivation, SECTION_CUT, ((1ull << axis->levels) - 1) * sizeof(float));
	for (uint32_t i = 0; i < (1u << axis->levels) - 1 && cuts != NULL; i++)
		cuts[i] = NAN;
}

/* Append the axis of keys[0 .. n), which are of one feature. */
static void
add_axis(Derivation *derivation, const uint64_t *keys, uint64_t n, uint32_t *n_columns)
{
	ForestAxis	axis = {.feature = (uint32_t) (keys[0] >> 33)};
	ForestAxis *place;

	axis.first_column = *n_columns;
	if (keys[0] >> 32 & 1)
	{
		axis.feature |= NODE_CATEGORICAL;
		axis.first_cut = (uint32_t) (derivation->section[SECTION_CUT].used / sizeof(float));
		axis.first_bucket = (uint32_t) (derivation->section[SECTION_BUCKET].used / sizeof(uint32_t));
		axis.n_columns = (uint32_t) keys[n - 1] / COLUMN_CUTS + 1;
	}
	else
		add_cuts(derivation, keys, n, &axis);
	*n_columns += axis.n_columns;
	place = extend_section(derivation, SECTION_AXIS, sizeof(axis));
	if (place != NULL)
		*place = axis;
}

/* Whether 32 bits are enough for what the kernels reckon with. */
static bool
check_lengths(const Derivation *derivation, uint32_t n_columns)
{
	return n_columns <= MAX_COLUMNS && derivation->section[SECTION_CUT].used <= UINT32_MAX &&
		derivation->section[SECTION_BUCKET].used <= UINT32_MAX;
}

/* Collect the thresholds of the upper levels and make axes of them. */
static void
derive_axes(Derivation *derivation)
{
	const DeriveSource *source = derivation->source;
	Buffer		keys = {0};
	Buffer		other = {0};
	DeriveLevels levels;
	uint64_t   *sorted;
	uint64_t	n;
	uint32_t	n_columns = 0;

	for (uint64_t i = 0; i < source->n_trees && derivation->status == FOREST_OK; i++)
	{
		if (i % 256 == 0)
			poll_interrupt(derivation);
		if (!(derivation->trees[i].flags & TREE_TOP))
			continue;
		mlops_derive_levels(source, &source->trees[i], &levels);
		for (uint32_t k = 0; k < levels.n_splits; k++)
		{
			uint64_t	key = make_key(source, levels.split[k].node);

			if (!mlops_buffer_append(&keys, &key, sizeof(key)))
				derivation->status = FOREST_NO_MEMORY;
		}
	}
	n = keys.used / sizeof(uint64_t);
	if (n > 0 && mlops_buffer_extend(&other, keys.used) == NULL)
		derivation->status = FOREST_NO_MEMORY;
	sorted = sort_keys(derivation, keys.data, other.data, n);
	for (uint64_t i = 0, begin = 0; i < n && derivation->status == FOREST_OK; i++)
	{
		if (i + 1 < n && sorted[i + 1] >> 32 == sorted[begin] >> 32)
			continue;
		add_axis(derivation, sorted + begin, i + 1 - begin, &n_columns);
		begin = i + 1;
		if (!check_lengths(derivation, n_columns))
			break;
	}
	mlops_buffer_free(&keys);
	mlops_buffer_free(&other);

	/* Too many columns for the kernels that use them: go without. */
	if (check_lengths(derivation, n_columns))
		return;
	for (uint64_t i = 0; i < source->n_trees; i++)
		derivation->trees[i].flags &= ~TREE_TOP;
	mlops_buffer_free(&derivation->section[SECTION_AXIS]);
	mlops_buffer_free(&derivation->section[SECTION_CUT]);
	mlops_buffer_free(&derivation->section[SECTION_BUCKET]);
}

/* Append the steps of a tree. */
static void
add_steps(Derivation *derivation, const ForestTree *tree)
{
	ForestStep *steps = extend_section(derivation, SECTION_STEP,
									   (uint64_t) tree->n_nodes * sizeof(ForestStep));

	if (steps == NULL)
		return;
	memset(steps, 0, (size_t) tree->n_nodes * sizeof(ForestStep));
	for (uint32_t i = 0; i < tree->n_nodes && tree->flags & TREE_STEPS; i++)
	{
		if (i % POLL_EVERY == POLL_EVERY - 1)
			poll_interrupt(derivation);
		steps[i] = mlops_derive_step(derivation->source, tree, i);
	}
}

/* Append bytes to a section. */
static void
append_section(Derivation *derivation, ForestSection section, const void *bytes, uint64_t size)
{
	void	   *place = size > 0 ? extend_section(derivation, section, size) : NULL;

	if (place != NULL)
		memcpy(place, bytes, size);
}

/* Append the top of a tree. */
static void
add_top(Derivation *derivation, const ForestTree *tree)
{
	uint64_t	first_test = derivation->section[SECTION_TEST].used / sizeof(ForestTest);
	uint64_t	first_set = derivation->section[SECTION_SET].used / sizeof(ForestSet);
	DerivedTop	derived;
	ForestTop  *top = &derived.top;

	memset(top, 0, sizeof(*top));
	if (tree->flags & TREE_TOP)
	{
		mlops_derive_top(derivation->source, tree, &derived);
		top->first_test = (uint32_t) first_test;
		for (uint32_t i = 0; i < top->n_tests; i++)
			derived.tests[i].first_set += (uint32_t) first_set;
		append_section(derivation, SECTION_TEST, derived.tests, top->n_tests * sizeof(ForestTest));
		append_section(derivation, SECTION_SET, derived.sets, derived.n_sets * sizeof(ForestSet));
		if (first_set + derived.n_sets > UINT32_MAX)
			derivation->status = FOREST_TOO_LARGE;
	}
	append_section(derivation, SECTION_TOP, top, sizeof(*top));
}

ForestStatus
mlops_derive_sections(DeriveSource *source, ForestTree *trees, size_t max_size,
					  bool (*interrupted) (void), Buffer section[FOREST_N_SECTIONS])
{
	Derivation	derivation = {
		.source = source,
		.trees = trees,
		.max_size = max_size,
		.interrupted = interrupted,
		.section = section,
	};
	bool		any = false;
	uint64_t	n_nodes = 0;

	for (uint64_t i = 0; i < source->n_trees && poll_interrupt(&derivation); i++)
		trees[i].flags |= mlops_derive_flags(source, &trees[i]);
	derive_axes(&derivation);
	source->axes = section[SECTION_AXIS].data;
	source->n_axes = (uint32_t) (section[SECTION_AXIS].used / sizeof(ForestAxis));
	source->cuts = section[SECTION_CUT].data;
	for (uint64_t i = 0; i < source->n_trees; i++)
	{
		any |= (trees[i].flags & TREE_TOP) != 0;
		n_nodes += trees[i].n_nodes;
	}
	reserve_section(&derivation, SECTION_STEP, n_nodes * sizeof(ForestStep));
	if (any)
		reserve_section(&derivation, SECTION_TOP, source->n_trees * sizeof(ForestTop));
	for (uint64_t i = 0; i < source->n_trees && poll_interrupt(&derivation); i++)
	{
		add_steps(&derivation, &trees[i]);
		if (any)
			add_top(&derivation, &trees[i]);
	}
	return derivation.status;
}
