/*-------------------------------------------------------------------------
 *
 * forest_avx512_row.c
 *	  The kernel for processors with AVX-512: single rows.
 *
 * The row becomes up to 256 bytes, in registers.  One permutation brings each
 * split in the top of a tree the byte of its column, one comparison decides all
 * of them, variable shifts of their sets decide the categorical ones, and the
 * path is read from the 64 bits that result.  Paths below the top are walked over
 * steps, eight trees side by side.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/forest_kernel.h"

#ifdef FOREST_X86

#include <string.h>

#include "forest/forest_avx512.h"
#include "forest/forest_steps.h"

#define MAX_ROW_COLUMNS	256
#define MAX_ROW_FLOATS	2048	/* of a doubled row */

/* A row as bytes by column. */
typedef struct RowBytes
{
	uint8_t		byte[MAX_ROW_COLUMNS + 64];
	bool		missing;		/* some byte is COLUMN_MISSING */
}			__attribute__((aligned(64))) RowBytes;

/* A field of 16 axes, of the first one of which "field" is. */
INLINE __m512i
load_field(__mmask16 valid, const void *field)
{
	/* In units of 8 bytes: an axis is five of them. */
	const		__m512i lanes = _mm512_setr_epi32(0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75);

	return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), valid, lanes, field, 8);
}

/* Ranks of 16 values, each on an axis of its own. */
INLINE __m512i
find_ranks(const Forest *forest, const ForestAxis *axes, __mmask16 valid, __m512 value)
{
	const float *cuts = mlops_image_section(forest, SECTION_CUT);
	const uint32_t *buckets = mlops_image_section(forest, SECTION_BUCKET);
	const		__m512i one = _mm512_set1_epi32(1);
	__m512i		first = load_field(valid, &axes->first_cut);
	__m512		origin = _mm512_castsi512_ps(load_field(valid, &axes->origin));
	__m512		scale = _mm512_castsi512_ps(load_field(valid, &axes->scale));
	__m512i		last = _mm512_sub_epi32(load_field(valid, &axes->n_buckets), one);
	__m512		bucket = _mm512_mul_ps(_mm512_sub_ps(value, origin), scale);
	__m512i		step = _mm512_srli_epi32(_mm512_sllv_epi32(one, load_field(valid, &axes->levels)), 1);
	__m512i		at = load_field(valid, &axes->first_bucket);

	/* Of a NaN the second is taken.  A categorical axis has no buckets. */
	bucket = _mm512_min_ps(_mm512_max_ps(bucket, _mm512_setzero_ps()), _mm512_cvtepi32_ps(last));
	valid = _mm512_mask_cmpge_epi32_mask(valid, last, _mm512_setzero_si512());
	at = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), valid,
									 _mm512_add_epi32(at, _mm512_cvttps_epi32(bucket)), buckets, 4);
	at = _mm512_add_epi32(at, first);
	for (;;)
	{
		__mmask16	more = _mm512_test_epi32_mask(step, step);
		__m512i		next = _mm512_add_epi32(at, step);
		__m512		cut;

		if (more == 0)
			return _mm512_sub_epi32(at, first);
		cut = _mm512_mask_i32gather_ps(value, more, _mm512_sub_epi32(next, one), cuts, 4);
		at = _mm512_mask_mov_epi32(at, _mm512_mask_cmp_ps_mask(more, value, cut, _CMP_GE_OQ),
								   next);
		step = _mm512_srli_epi32(step, 1);
	}
}

/* Write the bytes of the columns of an axis that has several, or one. */
static void
fill_axis(const ForestAxis *axis, int32_t rank, bool missing, RowBytes * bytes)
{
	for (uint32_t i = 0; i < axis->n_columns; i++, rank -= COLUMN_CUTS)
	{
		uint8_t    *byte = &bytes->byte[axis->first_column + i];

		if (missing)
			*byte = COLUMN_MISSING;
		else if (axis->feature & NODE_CATEGORICAL)
			*byte = rank < 0 || rank >= COLUMN_CUTS ? COLUMN_OTHER : (uint8_t) rank;
		else
			*byte = rank < 0 ? 0 : rank > COLUMN_CUTS ? COLUMN_CUTS : (uint8_t) rank;
	}
}

/* Turn a row into bytes, 16 axes at a time. */
AVX512 static void
fill_row(const Forest *forest, uint32_t n_columns, const float *row, RowBytes * bytes)
{
	const ForestAxis *axes = mlops_image_section(forest, SECTION_AXIS);
	uint32_t	n_axes = (uint32_t) forest->count[SECTION_AXIS];

	bytes->missing = false;
	for (uint32_t i = 0; i < n_axes; i += 16)
	{
		__mmask16	valid = n_axes - i >= 16 ? 0xffff : (__mmask16) ((1u << (n_axes - i)) - 1);
		__m512i		feature = load_field(valid, &axes[i].feature);
		__mmask16	categorical = _mm512_test_epi32_mask(feature, _mm512_set1_epi32(NODE_CATEGORICAL));
		__m512		value;
		__mmask16	missing;
		__m512i		rank;

		feature = _mm512_and_si512(feature, _mm512_set1_epi32(NODE_FEATURE_MASK));
		value = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), valid, feature, row, 4);
		missing = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
		bytes->missing |= missing != 0;
		rank = find_ranks(forest, &axes[i], valid, value);
		if (categorical)
			rank = _mm512_mask_mov_epi32(rank, categorical, find_code(value));
		if (n_axes == n_columns)
		{
			/* Codes that are in no column wrap round to above the others. */
			rank = _mm512_min_epu32(rank, _mm512_set1_epi32(COLUMN_OTHER));
			rank = _mm512_mask_mov_epi32(rank, missing, _mm512_set1_epi32(COLUMN_MISSING));
			_mm_storeu_si128((__m128i *) (bytes->byte + i), _mm512_cvtepi32_epi8(rank));
		}
		else
		{
			int32_t		ranks[16];

			_mm512_storeu_si512(ranks, rank);
			for (uint32_t k = 0; k < 16 && i + k < n_axes; k++)
				fill_axis(&axes[i + k], ranks[k], missing >> k & 1, bytes);
		}
	}
}

/* The byte of the column of each position; "n_tables" of 64 columns. */
INLINE __m512i
look_up_columns(const RowBytes * bytes, __m512i column, int n_tables)
{
	const uint8_t *byte = bytes->byte;
	__m512i		low;
	__m512i		high;

	if (n_tables == 1)
		return _mm512_permutexvar_epi8(column, _mm512_load_si512(byte));
	low = _mm512_permutex2var_epi8(_mm512_load_si512(byte), column, _mm512_load_si512(byte + 64));
	if (n_tables == 2)
		return low;
	high = _mm512_permutex2var_epi8(_mm512_load_si512(byte + 128), column,
									_mm512_load_si512(byte + 192));
	return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(column), high);
}

/* Bits of the categorical splits. */
INLINE uint64_t
test_splits(const RowBytes * bytes, const ForestTop *top, const ForestTest *tests,
			const ForestSet *sets, int n_tables)
{
	uint64_t	right = 0;

	for (uint32_t i = 0; i < top->n_tests; i++)
	{
		const ForestTest *test = &tests[top->first_test + i];
		const ForestSet *set = &sets[test->first_set];
		__m128i		column = _mm_load_si128((const __m128i *) test->column);
		__m512i		code = look_up_columns(bytes, _mm512_castsi128_si512(column), n_tables);
		__mmask16	hits = 0;

		code = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(code));
		for (uint32_t k = 0; k < test->n_sets; k++)
		{
			/*
			 * A shift by what is not among the bits, wrapped round or not,
			 * gives none.
			 */
			hits |= _mm512_test_epi32_mask(_mm512_srlv_epi32(_mm512_load_si512(set[k].bits), code),
										   _mm512_set1_epi32(1));
			code = _mm512_sub_epi32(code, _mm512_set1_epi32(SET_BITS));
		}
		right |= _pdep_u64(hits, test->positions);
	}
	return right;
}

/* Find the end of the path through the top of a tree. */
INLINE uint32_t
find_end(const RowBytes * bytes, const ForestTop *top, const ForestTest *tests,
		 const ForestSet *sets, int n_tables)
{
	__m512i		byte = look_up_columns(bytes, _mm512_loadu_si512(top->column), n_tables);
	uint64_t	right = _mm512_cmpge_epu8_mask(byte, _mm512_loadu_si512(top->rank));
	uint64_t	at = 1;

	if (bytes->missing)
		right &= ~(top->default_left &
				   _mm512_cmpeq_epi8_mask(byte, _mm512_set1_epi8((char) COLUMN_MISSING)));
	if (top->n_tests > 0)
		right |= test_splits(bytes, top, tests, sets, n_tables);
#pragma GCC unroll 6
	for (int level = 0; level < TOP_LEVELS; level++)
		at = 2 * at + (right >> at & 1);
	return (uint32_t) at - TOP_SIZE;
}

/* Whether a tree has the forms that add_trees takes. */
static inline bool
check_tree(const ForestTree *tree)
{
	return (tree->flags & TREE_TOP) && (tree->flags & TREE_STEPS || tree->depth <= TOP_LEVELS);
}

/* Walk on below the tops of up to eight trees; returns the leaves' values. */
INLINE void
walk_on(const Forest *forest, const ForestTree *trees, int n, uint32_t depth,
		const float *doubled, uint32_t at[LANES], float leaf[LANES])
{
	const ForestStep *all = mlops_image_section(forest, SECTION_STEP);
	const ForestStep *steps[LANES];
	const float *rows[LANES];

	for (int lane = 0; lane < LANES; lane++)
	{
		const ForestTree *tree = &trees[lane < n ? lane : 0];

		steps[lane] = all + tree->first_node;
		rows[lane] = doubled;
		/* Lanes without a walk take their steps at some node of theirs. */
		if (lane >= n || tree->depth <= TOP_LEVELS)
			at[lane] = 0;
	}
	take_steps(steps, rows, depth - TOP_LEVELS, at);
	for (int lane = 0; lane < n; lane++)
		if (trees[lane].depth > TOP_LEVELS)
			leaf[lane] = steps[lane][at[lane]].value.leaf;
}

/* Add up to eight trees that fit. */
INLINE void
add_trees(const Forest *forest, size_t first, int n, const RowBytes * bytes,
		  const float *doubled, float *margin, int n_tables)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const ForestTop *tops = mlops_image_section(forest, SECTION_TOP);
	const ForestTest *tests = mlops_image_section(forest, SECTION_TEST);
	const ForestSet *sets = mlops_image_section(forest, SECTION_SET);
	uint32_t	at[LANES];
	uint32_t	depth = 0;
	float		leaf[LANES];
	float		sum = margin[0];

	trees += first;
	tops += first;
	for (int lane = 0; lane < n; lane++)
	{
		uint32_t	end = find_end(bytes, &tops[lane], tests, sets, n_tables);

		leaf[lane] = tops[lane].end.leaf[end];
		at[lane] = tops[lane].end.node[end];
		depth = trees[lane].depth > depth ? trees[lane].depth : depth;
	}
	if (depth > TOP_LEVELS)
		walk_on(forest, trees, n, depth, doubled, at, leaf);
	if (forest->n_outputs == 1)
	{
		for (int lane = 0; lane < n; lane++)
			sum += leaf[lane];
		margin[0] = sum;
	}
	else
		for (int lane = 0; lane < n; lane++)
			margin[trees[lane].group] += leaf[lane];
}

INLINE void
add_all(const Forest *forest, const RowBytes * bytes, const float *row, const float *doubled,
		float *margin, int n_tables)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	size_t		n_trees = forest->count[SECTION_TREE];
	size_t		i = 0;

	while (i < n_trees)
	{
		int			n = 0;

		while (n < LANES && i + n < n_trees && check_tree(&trees[i + n]))
			n++;
		if (n == LANES)
			add_trees(forest, i, LANES, bytes, doubled, margin, n_tables);
		else if (n > 0)
			add_trees(forest, i, n, bytes, doubled, margin, n_tables);
		else
		{
			mlops_walk_add_leaf(forest, &trees[i], mlops_walk_tree(forest, &trees[i], 0, row),
								margin, 1);
			n = 1;
		}
		i += n;
	}
}

AVX512 bool
mlops_avx512_margin(const Forest *forest, const float *row, float *margin)
{
	const ForestAxis *axes = mlops_image_section(forest, SECTION_AXIS);
	uint64_t	n_axes = forest->count[SECTION_AXIS];
	uint32_t	n_columns = 0;
	RowBytes	bytes;
	float		doubled[MAX_ROW_FLOATS];

	if (n_axes > 0)
		n_columns = axes[n_axes - 1].first_column + axes[n_axes - 1].n_columns;
	if (forest->count[SECTION_TOP] == 0 || n_columns > MAX_ROW_COLUMNS ||
		double_length(forest) > MAX_ROW_FLOATS)
		return false;
	fill_row(forest, n_columns, row, &bytes);
	double_row(row, forest->n_features, doubled);
	memcpy(margin, mlops_image_section(forest, SECTION_BASE),
		   forest->n_outputs * sizeof(float));
	if (n_columns <= 64)
		add_all(forest, &bytes, row, doubled, margin, 1);
	else if (n_columns <= 128)
		add_all(forest, &bytes, row, doubled, margin, 2);
	else
		add_all(forest, &bytes, row, doubled, margin, 4);
	return true;
}

#endif							/* FOREST_X86 */
