/*-------------------------------------------------------------------------
 *
 * forest_sliced.h
 *	  The kernel that slices blocks, in C with vectors of any size; a template.
 *
 * As forest_avx512.c does, each split in the top of a tree is compared for all
 * rows of a tile, and the paths are picked from the results; here a result is a
 * byte, not a bit.
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

typedef uint8_t Bytes __attribute__((vector_size(SLICED_VECTOR)));
typedef uint32_t Words __attribute__((vector_size(SLICED_VECTOR)));
typedef int32_t Integers __attribute__((vector_size(SLICED_VECTOR)));
typedef float Floats __attribute__((vector_size(SLICED_VECTOR)));

#define TILE_VECTORS	(SLICED_ROWS / SLICED_VECTOR)

/* Where rows go, all ones for right: by position, and by level of the path. */
typedef struct TileMasks
{
	Bytes		split[TOP_SIZE][TILE_VECTORS];
	Bytes		path[TOP_LEVELS];
} TileMasks;

/* Look up where searches start that ranks of values on an axis take. */
SLICED_INLINE void
find_buckets(const ForestAxis *axis, const Floats * value, uint32_t n, Words * bucket)
{
	Floats		last = (Floats) {0} +(float) (axis->n_buckets - 1);

	/*
	 * As mlops_axis_bucket; what is not above 0, NaN too, falls into the
	 * first.
	 */
	for (uint32_t i = 0; i < n / (SLICED_VECTOR / 4); i++)
	{
		Floats		at = (value[i] - axis->origin) * axis->scale;

		at = (Floats) ((Words) at & (Words) (at > 0));
		at = (Floats) (((Words) at & (Words) (at < last)) | ((Words) last & (Words) (at >= last)));
		bucket[i] = (Words) __builtin_convertvector(at, Integers);
	}
}

/* Rank of a value that falls into a bucket, without a branch. */
SLICED_INLINE uint32_t
find_rank(const float *cuts, uint32_t begin, uint32_t levels, float value)
{
	for (uint32_t level = levels; level-- > 0;)
		begin += (uint32_t) (value >= cuts[begin + (1u << level) - 1]) << level;
	return begin;
}

/* Fill the column of an axis that has one, but for missing values. */
SLICED_INLINE void
fill_ranks(const Forest *forest, const ForestAxis *axis, uint32_t levels, const float *value,
		   const uint32_t *bucket, uint32_t n, uint8_t *column)
{
	const float *cuts = mlops_image_section(forest, SECTION_CUT);
	const uint32_t *buckets = mlops_image_section(forest, SECTION_BUCKET);

	cuts += axis->first_cut;
	buckets += axis->first_bucket;
#pragma GCC unroll 4
	for (uint32_t i = 0; i < n; i++)
		column[i] = (uint8_t) find_rank(cuts, buckets[bucket[i]], levels, value[i]);
}

/* Code of a category as a whole number; negative for those of no column. */
SLICED_INLINE int32_t
find_code(float value)
{
	bool		known = value >= 0 && value < (float) (COLUMN_CUTS * MAX_CATEGORY_COLUMNS);

	return known ? (int32_t) value : -1;
}

/* Fill the columns of an axis of any kind, but for missing values. */
SLICED_INLINE void
fill_parts(const Tile *tile, const ForestAxis *axis, const float *value, const uint32_t *bucket,
		   uint8_t *column)
{
	const float *cuts = mlops_image_section(tile->forest, SECTION_CUT);
	const uint32_t *buckets = mlops_image_section(tile->forest, SECTION_BUCKET);
	bool		categorical = axis->feature & NODE_CATEGORICAL;
	uint8_t		below = categorical ? COLUMN_OTHER : 0;

	cuts += axis->first_cut;
	buckets += axis->first_bucket;
	for (uint32_t i = 0; i < tile->n_padded; i++)
	{
		int32_t		rank = categorical ? find_code(value[i]) :
		(int32_t) find_rank(cuts, buckets[bucket[i]], axis->levels, value[i]);

		for (uint32_t k = 0; k < axis->n_columns; k++, rank -= COLUMN_CUTS)
			column[(size_t) k * tile->capacity + i] = (uint8_t)
				(rank < 0 ? below : rank < COLUMN_CUTS ? rank : COLUMN_CUTS);
	}
}

/* Fill the columns of an axis. */
SLICED void
fill_columns(Tile *tile, const ForestAxis *axis)
{
	const float *next = tile->rows + (axis->feature & NODE_FEATURE_MASK);
	uint8_t    *column = tile->bytes + (size_t) axis->first_column * tile->capacity;
	uint32_t	n = tile->n_padded;
	Integers	unordered = {0};
	bool		any = false;
	union
	{
		float		one[SLICED_ROWS];
		Floats		all[SLICED_ROWS / (SLICED_VECTOR / 4)];
	}			value;
	union
	{
		uint32_t	one[SLICED_ROWS];
		Words		all[SLICED_ROWS / (SLICED_VECTOR / 4)];
	}			bucket;

	for (uint32_t i = 0; i < tile->n_rows; i++, next += tile->stride)
		value.one[i] = *next;
	for (uint32_t i = tile->n_rows; i < n; i++)
		value.one[i] = 0;
	find_buckets(axis, value.all, n, bucket.all);
	if (axis->n_columns > 1 || axis->feature & NODE_CATEGORICAL)
		fill_parts(tile, axis, value.one, bucket.one, column);
	else if (axis->levels == 1)
		fill_ranks(tile->forest, axis, 1, value.one, bucket.one, n, column);
	else if (axis->levels == 2)
		fill_ranks(tile->forest, axis, 2, value.one, bucket.one, n, column);
	else
		fill_ranks(tile->forest, axis, axis->levels, value.one, bucket.one, n, column);
	for (uint32_t i = 0; i < n / (SLICED_VECTOR / 4); i++)
		unordered |= (Integers) (value.all[i] != value.all[i]);
	for (uint32_t i = 0; i < SLICED_VECTOR / 4; i++)
		any |= unordered[i] != 0;
	for (uint32_t k = 0; k < axis->n_columns && any; k++)
		for (uint32_t i = 0; i < n; i++)
			column[(size_t) k * tile->capacity + i] |= (uint8_t) -(uint32_t) isnan(value.one[i]);
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
	for (uint64_t left = top->splits & ~top->categorical; left != 0; left &= left - 1)
	{
		uint32_t	position = (uint32_t) __builtin_ctzll(left);
		const		Bytes *bytes = (const Bytes *) find_column(tile, top, position);
		Bytes		rank = (Bytes) {0} +top->rank[position];

		for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
			masks->split[position][i] = (Bytes) (bytes[i] >= rank);
	}
}

/* Look bytes of rows up. */
#ifndef SLICED_LOOK_UP
#define SLICED_LOOK_UP	look_up
SLICED_INLINE void
look_up(const uint8_t table[256], uint32_t n_used, const uint8_t *bytes, uint32_t n,
		uint8_t *answer)
{
#pragma GCC unroll 8
	for (uint32_t i = 0; i < n; i++)
		answer[i] = table[bytes[i]];
}
#endif

/* The low eight bits as bytes in memory, 0 or 1. */
SLICED_INLINE uint64_t
spread_bits(uint32_t bits)
{
	const uint64_t places = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ?
	0x8040201008040201 : 0x0102040810204080;
	uint64_t	apart = (uint64_t) (bits & 255) * 0x0101010101010101 & places;

	return (apart + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101;
}

/*
 * Results of up to eight lanes of a test that ask the same column.  A byte is looked
 * up for all of them at once: the answer has a bit for each.
 */
SLICED_INLINE void
test_lanes(const Tile *tile, const ForestTop *top, const ForestTest *test,
		   const uint8_t *lane, const uint8_t *position, uint32_t n, uint64_t seen,
		   TileMasks *masks)
{
	const ForestSet *sets = mlops_image_section(tile->forest, SECTION_SET);
	uint64_t	words[256 / 8] = {0};
	uint8_t    *table = (uint8_t *) words;
	Bytes		answer[TILE_VECTORS];

	sets += test->first_set;
	for (uint32_t k = 0; k < n; k++)
	{
		for (uint32_t i = 0; i < test->n_sets; i++)
			for (uint32_t byte = 0; byte < SET_BITS / 8; byte++)
				words[i * (SET_BITS / 8) + byte] |= spread_bits(sets[i].bits[lane[k]] >> 8 * byte) << k;
		if (!((seen | top->default_left) >> position[k] & 1))
			table[COLUMN_MISSING] |= (uint8_t) (1 << k);
	}
	SLICED_LOOK_UP(table, test->n_sets * SET_BITS, find_lane(tile, test, lane[0]),
				   tile->n_padded, (uint8_t *) answer);
	for (uint32_t k = 0; k < n; k++)
	{
		Bytes	   *split = masks->split[position[k]];
		Bytes		bit = (Bytes) {0} +(uint8_t) (1 << k);

		if (seen >> position[k] & 1)
			for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
				split[i] |= (Bytes) ((answer[i] & bit) == bit);
		else
			for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
				split[i] = (Bytes) ((answer[i] & bit) == bit);
	}
}

/* Results of the categorical splits. */
SLICED void
test_splits(const Tile *tile, const ForestTop *top, TileMasks *masks)
{
	const ForestTest *tests = mlops_image_section(tile->forest, SECTION_TEST);
	uint64_t	seen = 0;

	for (uint32_t i = top->first_test; i < top->first_test + top->n_tests; i++)
	{
		const ForestTest *test = &tests[i];
		uint64_t	left = test->positions;

		/*
		 * From the first split that is left, take those that ask the same
		 * column.
		 */
		while (left != 0)
		{
			const uint8_t *column = NULL;
			uint8_t		lane[8];
			uint8_t		position[8];
			uint32_t	n = 0;

			for (uint64_t rest = left; rest != 0 && n < 8; rest &= rest - 1)
			{
				uint64_t	below = (rest & -rest) - 1;

				lane[n] = (uint8_t) __builtin_popcountll(test->positions & below);
				position[n] = (uint8_t) __builtin_ctzll(rest);
				if (column == NULL)
					column = find_lane(tile, test, lane[n]);
				if (find_lane(tile, test, lane[n]) != column)
					continue;
				left &= ~(below + 1);
				n++;
			}
			test_lanes(tile, top, test, lane, position, n, seen, masks);
		}
		seen |= test->positions;
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
	Bytes		ends[TILE_VECTORS];

	if (!(tree->flags & TREE_TOP))
	{
		mlops_tile_walk(tile, tree);
		return;
	}
	compare_splits(tile, top, masks);
	if (top->n_tests > 0)
		test_splits(tile, top, masks);
	for (uint32_t i = 0; i < tile->n_padded / SLICED_VECTOR; i++)
		ends[i] = top->levels == TOP_LEVELS ? find_ends(masks, i, TOP_LEVELS) :
			find_ends(masks, i, top->levels);
	if (tree->depth > TOP_LEVELS)
		mlops_tile_walk_on(tile, tree, top, (const uint8_t *) ends);
	else
		for (uint32_t i = 0; i < tile->n_padded; i++)
			sums[i] += top->end.leaf[((const uint8_t *) ends)[i]];
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
