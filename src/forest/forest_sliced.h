/*-------------------------------------------------------------------------
 *
 * forest_sliced.h
 *	  The kernel that slices blocks, in C with vectors of any size; a template.
 *
 * As forest_avx512.c does, each split in the top of a tree is compared for all
 * rows of a tile, and the paths are picked from the results; here a result is a
 * byte, not a bit.  It is for trees that are no deeper than a top.
 *
 * The file that includes this defines SLICED_VECTOR, the bytes of a vector, and
 * SLICED_TARGET, attributes of its functions, and calls score_tile.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "forest/forest_tile.h"

#define SLICED			SLICED_TARGET static
#define SLICED_INLINE	static inline __attribute__((always_inline)) SLICED_TARGET

#define SLICED_ROWS		256		/* so that the results stay in the nearest
								 * cache */
#define SIDE_ROWS		8		/* searched side by side */

typedef uint8_t Bytes __attribute__((vector_size(SLICED_VECTOR)));

#define TILE_VECTORS	(SLICED_ROWS / SLICED_VECTOR)

/* Where rows go, all ones for right: by position, and by level of the path. */
typedef struct TileMasks
{
	Bytes		split[TOP_SIZE][TILE_VECTORS];
	Bytes		path[TOP_LEVELS];
} TileMasks;

/* Ranks of some values among 2^levels - 1 cuts. */
SLICED_INLINE void
find_ranks(const float value[SIDE_ROWS], const float *cuts, uint32_t levels,
		   uint32_t rank[SIDE_ROWS])
{
	const float *at[SIDE_ROWS];

	for (int i = 0; i < SIDE_ROWS; i++)
		at[i] = cuts;
	for (size_t step = (size_t) 1 << levels >> 1; step > 0; step >>= 1)
	{
#pragma GCC unroll 8
		for (int i = 0; i < SIDE_ROWS; i++)
		{
			const float *next = at[i] + step;

			/*
			 * A conditional move, neither a branch nor a vector of single
			 * loads.
			 */
	__asm__("":"+r"(next));
			at[i] = value[i] >= next[-1] ? next : at[i];
		}
	}
	for (int i = 0; i < SIDE_ROWS; i++)
		rank[i] = (uint32_t) (at[i] - cuts);
}

/* Code of a category as a whole number; huge for those of no column. */
SLICED_INLINE uint32_t
find_code(float value)
{
	bool		known = value >= 0 && value < (float) (COLUMN_CUTS * MAX_CATEGORY_COLUMNS);

	return known ? (uint32_t) value : UINT32_MAX;
}

/* The byte that a rank or a code is in a column that starts at "first". */
SLICED_INLINE uint8_t
make_byte(uint32_t rank, uint32_t first, bool categorical)
{
	if (rank < first)
		return categorical ? COLUMN_OTHER : 0;
	return rank - first < COLUMN_CUTS ? (uint8_t) (rank - first) : COLUMN_CUTS;
}

/* Fill the columns of an axis. */
SLICED void
fill_columns(Tile *tile, const ForestAxis *axis)
{
	const float *cuts = mlops_image_section(tile->forest, SECTION_CUT);
	uint32_t	feature = axis->feature & NODE_FEATURE_MASK;
	bool		categorical = axis->feature & NODE_CATEGORICAL;
	uint8_t    *column = tile->bytes + (size_t) axis->first_column * tile->capacity;
	bool		any = false;

	for (uint32_t row = 0; row < tile->n_padded; row += SIDE_ROWS)
	{
		float		value[SIDE_ROWS];
		uint32_t	rank[SIDE_ROWS];

		for (uint32_t i = 0; i < SIDE_ROWS; i++)
		{
			value[i] = row + i < tile->n_rows ?
				tile->rows[(row + i) * tile->stride + feature] : 0;
			any |= isnan(value[i]);
		}
		if (categorical)
			for (uint32_t i = 0; i < SIDE_ROWS; i++)
				rank[i] = find_code(value[i]);
		else
			find_ranks(value, cuts + axis->first_cut, axis->levels, rank);
		for (uint32_t k = 0; k < axis->n_columns; k++)
			for (uint32_t i = 0; i < SIDE_ROWS; i++)
				column[(size_t) k * tile->capacity + row + i] = isnan(value[i]) ?
					COLUMN_MISSING : make_byte(rank[i], k * COLUMN_CUTS, categorical);
	}
	for (uint32_t k = 0; k < axis->n_columns && any; k++)
	{
		uint32_t	at = axis->first_column + k;
		const		Bytes *bytes = (const Bytes *) (tile->bytes + (size_t) at * tile->capacity);
		Bytes	   *lefts = (Bytes *) (tile->lefts + (size_t) at * tile->capacity);

		tile->missing[at / 64] |= 1ull << at % 64;
		for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
			lefts[i] = bytes[i] & (Bytes) (bytes[i] != COLUMN_MISSING);
	}
}

/* Results of the numeric splits in the top of a tree. */
SLICED_INLINE void
compare_splits(const Tile *tile, const ForestTop *top, TileMasks *masks)
{
	for (uint64_t left = top->splits; left != 0; left &= left - 1)
	{
		uint32_t	position = (uint32_t) __builtin_ctzll(left);
		const		Bytes *bytes = (const Bytes *) find_column(tile, top, position);
		Bytes		rank = (Bytes) {0} +top->rank[position];

		for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
			masks->split[position][i] = (Bytes) (bytes[i] >= rank);
	}
}

/* Results of the categorical splits. */
SLICED void
test_splits(const Tile *tile, const ForestTop *top, TileMasks *masks)
{
	const ForestTest *tests = mlops_image_section(tile->forest, SECTION_TEST);

	tests += top->first_test;
	for (uint32_t i = 0; i < top->n_tests; i++)
		memset(masks->split[tests[i].position], 0, sizeof(masks->split[0]));
	for (uint32_t i = 0; i < top->n_tests; i++)
	{
		const ForestTest *test = &tests[i];
		const uint8_t *codes = tile->bytes + (size_t) test->column * tile->capacity;
		uint8_t    *mask = (uint8_t *) masks->split[test->position];

		for (uint32_t row = 0; row < tile->n_padded; row++)
			mask[row] |= (uint8_t) -(test->set[codes[row] / 8] >> (codes[row] % 8) & 1);
	}
}

/* Results of some rows at the node of their path, "levels" below a position. */
SLICED_INLINE Bytes
pick_0(Bytes(*split)[TILE_VECTORS], const Bytes * path, uint32_t position)
{
	return split[position][0];
}

#define DEFINE_PICK(levels, below) \
	SLICED_INLINE Bytes \
	pick_##levels(Bytes (*split)[TILE_VECTORS], const Bytes *path, uint32_t position) \
	{ \
		Bytes		right = pick_##below(split, path + 1, 2 * position + 1); \
		Bytes		left = pick_##below(split, path + 1, 2 * position); \
\
		return left ^ ((left ^ right) & path[0]); \
	}

DEFINE_PICK(1, 0)
DEFINE_PICK(2, 1)
DEFINE_PICK(3, 2)
DEFINE_PICK(4, 3)
DEFINE_PICK(5, 4)

/* Numbers of the ends of the paths of some rows. */
SLICED_INLINE Bytes
find_ends(TileMasks *masks, uint32_t vector, uint32_t levels)
{
	Bytes(*split)[TILE_VECTORS] = (Bytes(*)[TILE_VECTORS]) & masks->split[0][vector];
	Bytes		path[TOP_LEVELS];
	Bytes		end = {0};

	if (levels > 0)
		end |= (path[0] = pick_0(split, path, 1)) & 32;
	if (levels > 1)
		end |= (path[1] = pick_1(split, path, 1)) & 16;
	if (levels > 2)
		end |= (path[2] = pick_2(split, path, 1)) & 8;
	if (levels > 3)
		end |= (path[3] = pick_3(split, path, 1)) & 4;
	if (levels > 4)
		end |= (path[4] = pick_4(split, path, 1)) & 2;
	if (levels > 5)
		end |= (path[5] = pick_5(split, path, 1)) & 1;
	return end;
}

/* Add a tree to the sums of the rows. */
SLICED void
add_tree(const Tile *tile, const ForestTree *tree, const ForestTop *top, TileMasks *masks)
{
	float	   *sums = tile->sums + (size_t) tree->group * tile->capacity;

	if (!(tree->flags & TREE_TOP))
	{
		mlops_tile_walk(tile, tree);
		return;
	}
	compare_splits(tile, top, masks);
	if (top->n_tests > 0)
		test_splits(tile, top, masks);
	for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
	{
		Bytes		end = top->levels == TOP_LEVELS ? find_ends(masks, i, TOP_LEVELS) :
		find_ends(masks, i, top->levels);
		uint8_t		ends[SLICED_VECTOR];

		memcpy(ends, &end, sizeof(end));
		for (uint32_t k = 0; k < SLICED_VECTOR; k++)
			sums[i * SLICED_VECTOR + k] += top->end.leaf[ends[k]];
	}
}

SLICED void
score_tile(Tile *tile)
{
	const Forest *forest = tile->forest;
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const ForestTop *tops = mlops_image_section(forest, SECTION_TOP);
	const ForestAxis *axes = mlops_image_section(forest, SECTION_AXIS);
	TileMasks	masks;

	/* Below a leaf the results are of earlier trees: any will do. */
	memset(&masks, 0, sizeof(masks));
	for (uint64_t i = 0; i < forest->count[SECTION_AXIS]; i++)
		fill_columns(tile, &axes[i]);
	for (uint64_t i = 0; i < forest->count[SECTION_TREE]; i++)
		add_tree(tile, &trees[i], &tops[i], &masks);
}

/* Whether no tree is deeper than a top. */
static bool
check_depths(const Forest *forest)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	bool		fit = true;

	for (uint64_t i = 0; i < forest->count[SECTION_TREE] && fit; i++)
		fit = trees[i].depth <= TOP_LEVELS;
	return fit;
}
