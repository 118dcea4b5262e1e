/*-------------------------------------------------------------------------
 *
 * forest_avx512.c
 *	  The kernel for processors with AVX-512 (F, BW, VL, DQ, VBMI): blocks.
 *
 * A tile of rows becomes columns of bytes: the ranks of the values among the
 * thresholds of their axis.  A split then is one comparison for 64 rows, which
 * gives 64 bits.  Of the bits of all splits in the top of a tree, multiplexers
 * pick for all rows at once those on the path of each row, level by level; these
 * bits are the number of the leaf, whose value comes out of registers.  Nothing
 * waits for memory and nothing branches on data.  Paths below the top are walked
 * over steps (forest_tile.c).
 *
 *-------------------------------------------------------------------------
 */
#include "forest/forest_tile.h"

#ifdef FOREST_X86

#include <string.h>

#include "forest/forest_avx512.h"

#define TILE_ROWS		MAX_TILE_ROWS	/* one bit each in a register */
#define PART_ROWS		128		/* whose rows stay in the nearest cache */

/* Bits of the rows, by position in the top, and of the path by level. */
typedef struct TileBits
{
	uint64_t	split[TOP_SIZE][TILE_ROWS / 64];
	uint64_t	path[TOP_LEVELS][TILE_ROWS / 64];
}			__attribute__((aligned(64))) TileBits;

/* Which of 16 rows from "row" on there are. */
INLINE __mmask16
mask_rows(const Tile *tile, uint32_t row)
{
	uint32_t	n = tile->n_rows > row ? tile->n_rows - row : 0;

	return n >= 16 ? 0xffff : (__mmask16) ((1u << n) - 1);
}

/* Values of a feature in 16 rows. */
INLINE __m512
load_feature(const Tile *tile, __m512i offsets, uint32_t row, uint32_t feature)
{
	__mmask16	valid = mask_rows(tile, row);

	return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), valid, offsets,
									tile->rows + row * tile->stride + feature, 4);
}

/* Ranks of 16 values on an axis. */
INLINE __m512i
find_rank(__m512 value, const ForestAxis *axis, const float *cuts, const uint32_t *buckets)
{
	__m512		last = _mm512_set1_ps((float) (axis->n_buckets - 1));
	__m512		bucket = _mm512_mul_ps(_mm512_sub_ps(value, _mm512_set1_ps(axis->origin)),
									   _mm512_set1_ps(axis->scale));
	__m512i		at;

	/* Of a NaN the second is taken. */
	bucket = _mm512_min_ps(_mm512_max_ps(bucket, _mm512_setzero_ps()), last);
	at = _mm512_i32gather_epi32(_mm512_cvttps_epi32(bucket), buckets, 4);
	for (uint32_t step = 1u << axis->levels >> 1; step > 0; step >>= 1)
	{
		__m512i		probe = _mm512_add_epi32(at, _mm512_set1_epi32((int) step - 1));
		__m512		cut = _mm512_i32gather_ps(probe, cuts, 4);

		at = _mm512_mask_add_epi32(at, _mm512_cmp_ps_mask(value, cut, _CMP_GE_OQ), at,
								   _mm512_set1_epi32((int) step));
	}
	return at;
}

/* Fill the columns of an axis in some rows. */
AVX512 static void
fill_columns(Tile *tile, const ForestAxis *axis, uint32_t begin, uint32_t end)
{
	const float *cuts = mlops_image_section(tile->forest, SECTION_CUT);
	const uint32_t *buckets = mlops_image_section(tile->forest, SECTION_BUCKET);
	const		__m512i offsets = _mm512_mullo_epi32(_mm512_set1_epi32((int) tile->stride),
													 _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8,
																	   9, 10, 11, 12, 13, 14, 15));
	uint32_t	feature = axis->feature & NODE_FEATURE_MASK;
	bool		categorical = axis->feature & NODE_CATEGORICAL;
	uint8_t    *column = tile->bytes + (size_t) axis->first_column * tile->capacity;
	__mmask16	any = 0;

	cuts += axis->first_cut;
	buckets += axis->first_bucket;
	for (uint32_t row = begin; row < end; row += 16)
	{
		__m512		value = load_feature(tile, offsets, row, feature);
		__mmask16	missing = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
		__m512i		rank = categorical ? find_code(value) :
		find_rank(value, axis, cuts, buckets);

		any |= missing;
		for (uint32_t i = 0; i < axis->n_columns; i++)
		{
			__m512i		part = rank;

			if (categorical)
				/* What lies below wraps round to above. */
				part = _mm512_min_epu32(part, _mm512_set1_epi32(COLUMN_OTHER));
			else if (axis->n_columns > 1)
				part = _mm512_max_epi32(_mm512_min_epi32(part, _mm512_set1_epi32(COLUMN_CUTS)),
										_mm512_setzero_si512());
			part = _mm512_mask_mov_epi32(part, missing, _mm512_set1_epi32(COLUMN_MISSING));
			_mm_store_si128((__m128i *) (column + (size_t) i * tile->capacity + row),
							_mm512_cvtepi32_epi8(part));
			rank = _mm512_sub_epi32(rank, _mm512_set1_epi32(COLUMN_CUTS));
		}
	}
	if (any)
		for (uint32_t i = 0; i < axis->n_columns; i++)
			tile->missing[(axis->first_column + i) / 64] |=
				1ull << (axis->first_column + i) % 64;
}

/* Fill the columns of all axes, and the copies of those with missing values. */
AVX512 static void
fill_tile(Tile *tile)
{
	const ForestAxis *axes = mlops_image_section(tile->forest, SECTION_AXIS);

	for (uint32_t row = 0; row < tile->n_padded; row += PART_ROWS)
	{
		uint32_t	end = row + PART_ROWS < tile->n_padded ? row + PART_ROWS : tile->n_padded;

		for (uint64_t i = 0; i < tile->forest->count[SECTION_AXIS]; i++)
			fill_columns(tile, &axes[i], row, end);
	}
	for (uint32_t column = 0; column < tile->n_columns; column++)
	{
		size_t		at = (size_t) column * tile->capacity;

		if (!(tile->missing[column / 64] >> (column % 64) & 1))
			continue;
		for (uint32_t row = 0; row < tile->n_padded; row += 64)
		{
			__m512i		bytes = _mm512_load_si512(tile->bytes + at + row);
			__mmask64	present = _mm512_cmpneq_epu8_mask(bytes, _mm512_set1_epi8((char) COLUMN_MISSING));

			_mm512_store_si512(tile->lefts + at + row, _mm512_maskz_mov_epi8(present, bytes));
		}
	}
}

/* Bits of the numeric splits in the top of a tree. */
INLINE void
compare_splits(const Tile *tile, const ForestTop *top, TileBits * bits)
{
	for (uint64_t left = top->splits & ~top->categorical; left != 0; left &= left - 1)
	{
		uint32_t	position = (uint32_t) __builtin_ctzll(left);
		const uint8_t *bytes = find_column(tile, top, position);
		__m512i		rank = _mm512_set1_epi8((char) top->rank[position]);

		for (uint32_t row = 0; row < tile->n_padded; row += 64)
			bits->split[position][row / 64] =
				_mm512_cmpge_epu8_mask(_mm512_load_si512(bytes + row), rank);
	}
}

/* Bits of a lane: a byte of its set, then a bit of the byte. */
INLINE void
test_lane(const Tile *tile, const ForestTest *test, const ForestSet *sets, uint32_t lane,
		  bool missing, bool first, uint64_t right[TILE_ROWS / 64])
{
	const		__m512i single = _mm512_set1_epi64((long long) 0x8040201008040201ull);
	const uint8_t *bytes = find_lane(tile, test, lane);
	uint32_t	words[8] = {[COLUMN_MISSING / SET_BITS] = (uint32_t) missing << 31};
	__m512i		set;

	for (uint32_t i = 0; i < test->n_sets; i++)
		words[i] |= sets[test->first_set + i].bits[lane];
	set = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) words));
	for (uint32_t row = 0; row < tile->n_padded; row += 64)
	{
		__m512i		code = _mm512_load_si512(bytes + row);
		__m512i		high = _mm512_and_si512(_mm512_srli_epi16(code, 3), _mm512_set1_epi8(31));
		__m512i		low = _mm512_and_si512(code, _mm512_set1_epi8(7));

		right[row / 64] = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(high, set),
												_mm512_shuffle_epi8(single, low)) |
			(first ? 0 : right[row / 64]);
	}
}

/* Bits of the categorical splits. */
AVX512 static void
test_splits(const Tile *tile, const ForestTop *top, TileBits * bits)
{
	const ForestTest *tests = mlops_image_section(tile->forest, SECTION_TEST);
	const ForestSet *sets = mlops_image_section(tile->forest, SECTION_SET);

	uint64_t	seen = 0;

	for (uint32_t i = top->first_test; i < top->first_test + top->n_tests; i++)
	{
		uint64_t	left = tests[i].positions;

		for (uint32_t lane = 0; left != 0; lane++, left &= left - 1)
		{
			uint32_t	position = (uint32_t) __builtin_ctzll(left);
			bool		first = !(seen >> position & 1);

			test_lane(tile, &tests[i], sets, lane, first && !(top->default_left >> position & 1),
					  first, bits->split[position]);
		}
		seen |= tests[i].positions;
	}
}

/* Bits of the rows at the node of their path, "levels" below a position. */
INLINE __m512i
pick_0(const TileBits * bits, const __m512i * path, uint32_t position)
{
	return _mm512_load_si512(bits->split[position]);
}

#define DEFINE_PICK(levels, below) \
	INLINE __m512i \
	pick_##levels(const TileBits *bits, const __m512i *path, uint32_t position) \
	{ \
		return _mm512_ternarylogic_epi64(path[0], pick_##below(bits, path + 1, 2 * position + 1), \
										 pick_##below(bits, path + 1, 2 * position), 0xca); \
	}

DEFINE_PICK(1, 0)
DEFINE_PICK(2, 1)
DEFINE_PICK(3, 2)
DEFINE_PICK(4, 3)
DEFINE_PICK(5, 4)

/* Find the paths of all rows through a top of so many levels. */
INLINE void
find_paths(TileBits * bits, uint32_t levels)
{
	__m512i		path[TOP_LEVELS];

	path[0] = levels > 0 ? pick_0(bits, path, 1) : _mm512_setzero_si512();
	_mm512_store_si512(bits->path[0], path[0]);
	if (levels <= 1)
		return;
	path[1] = pick_1(bits, path, 1);
	_mm512_store_si512(bits->path[1], path[1]);
	if (levels <= 2)
		return;
	path[2] = pick_2(bits, path, 1);
	_mm512_store_si512(bits->path[2], path[2]);
	if (levels <= 3)
		return;
	path[3] = pick_3(bits, path, 1);
	_mm512_store_si512(bits->path[3], path[3]);
	if (levels <= 4)
		return;
	path[4] = pick_4(bits, path, 1);
	_mm512_store_si512(bits->path[4], path[4]);
	if (levels <= 5)
		return;
	path[5] = pick_5(bits, path, 1);
	_mm512_store_si512(bits->path[5], path[5]);
}

/* Numbers of the ends of 64 paths. */
INLINE __m512i
gather_paths(const TileBits * bits, uint32_t row, uint32_t levels)
{
	__m512i		end = _mm512_setzero_si512();

	for (uint32_t level = 0; level < levels; level++)
		end = _mm512_mask_add_epi8(end, bits->path[level][row / 64], end,
								   _mm512_set1_epi8((char) (TOP_SIZE >> 1 >> level)));
	return end;
}

/* Look 16 numbers up in a table of 64; "high" are those of 32 and more. */
INLINE __m512i
look_up(const __m512i table[4], __m512i index, __mmask16 high)
{
	return _mm512_mask_mov_epi32(_mm512_permutex2var_epi32(table[0], index, table[1]), high,
								 _mm512_permutex2var_epi32(table[2], index, table[3]));
}

/* Add the leaves of a tree whose top reaches them. */
INLINE void
add_leaves(const Tile *tile, const ForestTop *top, const TileBits * bits, uint32_t levels,
		   float *sums)
{
	__m512i		leaf[4];

	for (int i = 0; i < 4; i++)
		leaf[i] = _mm512_loadu_si512(top->end.leaf + 16 * i);
	for (uint32_t row = 0; row < tile->n_padded; row += 64)
	{
		uint8_t		ends[64] __attribute__((aligned(64)));

		_mm512_store_si512(ends, gather_paths(bits, row, levels));
		for (uint32_t part = 0; part < 64; part += 16)
		{
			__m512i		end = _mm512_cvtepu8_epi32(_mm_load_si128((__m128i *) (ends + part)));
			__mmask16	high = (__mmask16) (bits->path[0][row / 64] >> part);
			__m512i		value = look_up(leaf, end, high);

			_mm512_store_ps(sums + row + part, _mm512_add_ps(_mm512_load_ps(sums + row + part),
															 _mm512_castsi512_ps(value)));
		}
	}
}

/* Add a tree to the sums of the rows. */
AVX512 static void
add_tree(const Tile *tile, const ForestTree *tree, const ForestTop *top, TileBits * bits)
{
	float	   *sums = tile->sums + (size_t) tree->group * tile->capacity;

	if (!(tree->flags & TREE_TOP))
	{
		mlops_tile_walk(tile, tree);
		return;
	}
	compare_splits(tile, top, bits);
	if (top->n_tests > 0)
		test_splits(tile, top, bits);
	find_paths(bits, top->levels);
	if (tree->depth > TOP_LEVELS)
	{
		uint8_t		ends[TILE_ROWS] __attribute__((aligned(64)));

		for (uint32_t row = 0; row < tile->n_padded; row += 64)
			_mm512_store_si512(ends + row, gather_paths(bits, row, TOP_LEVELS));
		mlops_tile_walk_on(tile, tree, top, ends);
	}
	else if (top->levels == TOP_LEVELS)
		add_leaves(tile, top, bits, TOP_LEVELS, sums);
	else
		add_leaves(tile, top, bits, top->levels, sums);
}

AVX512 static void
score_tile(Tile *tile)
{
	const Forest *forest = tile->forest;
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const ForestTop *tops = mlops_image_section(forest, SECTION_TOP);
	TileBits	bits;

	/* Below a leaf the bits are of earlier trees: any will do. */
	memset(&bits, 0, sizeof(bits));
	fill_tile(tile);
	for (uint64_t i = 0; i < forest->count[SECTION_TREE]; i++)
		add_tree(tile, &trees[i], &tops[i], &bits);
}

bool
mlops_avx512_block(const Forest *forest, const float *rows, size_t stride,
				   size_t n, float *margin)
{
	return mlops_tile_block(forest, rows, stride, n, TILE_ROWS, score_tile, margin);
}

#endif							/* FOREST_X86 */
