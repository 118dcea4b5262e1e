/*-------------------------------------------------------------------------
 *
 * reference_set.c
 *	  Encoded rows -> reference profiles of their columns.
 *
 * Rows go by in blocks that fit into a cache, because a block is walked once
 * per column.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drift/profile_block.h"
#include "drift/reference_set.h"

#define SAMPLE_ROWS 50000
#define SAMPLE_NUMBERS (16 * 1024 * 1024)
#define BLOCK_NUMBERS (16 * 1024)

#define DIGIT_BITS 11			/* three digits are more than 32 bits */
#define N_BUCKETS (1 << DIGIT_BITS)

size_t
mlops_reference_sample_rows(int n_columns)
{
	size_t		rows = SAMPLE_NUMBERS / (size_t) (n_columns > 0 ? n_columns : 1);

	return rows < SAMPLE_ROWS ? rows : SAMPLE_ROWS;
}

/* Stable sort by one digit. */
static void
sort_digit(const uint32_t *from, uint32_t *to, size_t n, int shift)
{
	size_t		start[N_BUCKETS] = {0};
	size_t		sum = 0;

	for (size_t i = 0; i < n; i++)
		start[from[i] >> shift & (N_BUCKETS - 1)]++;
	for (int bucket = 0; bucket < N_BUCKETS; bucket++)
	{
		size_t		count = start[bucket];

		start[bucket] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[start[from[i] >> shift & (N_BUCKETS - 1)]++] = from[i];
}

/* Sort n keys by digits into the array that is returned. */
static uint32_t *
sort_keys(uint32_t *keys, uint32_t *spare, size_t n)
{
	sort_digit(keys, spare, n, 0);
	sort_digit(spare, keys, n, DIGIT_BITS);
	sort_digit(keys, spare, n, 2 * DIGIT_BITS);
	return spare;
}

/* An unsigned number that sorts as the float does, and back. */
static uint32_t
make_key(float value)
{
	uint32_t	bits;

	value += 0.0f;
	memcpy(&bits, &value, sizeof(bits));
	return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

static float
read_key(uint32_t key)
{
	uint32_t	bits = key >> 31 ? key & UINT32_C(0x7fffffff) : ~key;
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The profile of a column of numbers, empty; "keys" is room for twice n of them. */
static Profile *
build_profile(const float *values, size_t stride, size_t n, uint32_t *keys)
{
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_NUMERIC, REFERENCE_CELLS));
	Profile    *profile = NULL;
	uint32_t   *sorted;
	size_t		n_finite = 0;

	if (builder == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (isfinite(values[i * stride]))
			keys[n_finite++] = make_key(values[i * stride]);
	sorted = sort_keys(keys, keys + n, n_finite);

	mlops_profile_builder_init(builder, PROFILE_NUMERIC, REFERENCE_CELLS, PROFILE_SINGLE,
							   (int64_t) n_finite);
	for (size_t i = 0; i < n_finite; i++)
		mlops_profile_builder_add_number(builder, read_key(sorted[i]));
	profile = malloc(mlops_profile_build_size(builder));
	if (profile != NULL)
		mlops_profile_build(builder, profile);
	free(builder);
	return profile;
}

static size_t
count_size(const ReferenceColumn *column)
{
	return ((size_t) column->n_categories + 2) * sizeof(int64_t);
}

bool
mlops_reference_build(ReferenceColumn *columns, int n_columns, const float *rows, size_t stride,
					  size_t n)
{
	uint32_t   *keys = malloc((n > 0 ? n : 1) * 2 * sizeof(uint32_t));
	bool		done = keys != NULL;

	for (int i = 0; i < n_columns && done; i++)
	{
		ReferenceColumn *column = &columns[i];

		if (column->n_categories < 0)
			column->profile = build_profile(rows + i, stride, n, keys);
		else
			column->counts = calloc(1, count_size(column));
		done = column->profile != NULL || column->counts != NULL;
	}
	free(keys);
	return done;
}

ReferenceColumn *
mlops_reference_clone(const ReferenceColumn *columns, int n_columns)
{
	ReferenceColumn *clones = calloc((size_t) n_columns, sizeof(ReferenceColumn));
	bool		done = clones != NULL;

	for (int i = 0; i < n_columns && done; i++)
	{
		clones[i].n_categories = columns[i].n_categories;
		if (columns[i].n_categories >= 0)
			done = (clones[i].counts = calloc(1, count_size(&columns[i]))) != NULL;
		else if ((done = (clones[i].profile = malloc(mlops_profile_size(columns[i].profile))) != NULL))
			mlops_profile_clear(memcpy(clones[i].profile, columns[i].profile,
									   mlops_profile_size(columns[i].profile)));
	}
	if (done)
		return clones;
	mlops_reference_free(clones, n_columns);
	return NULL;
}

static void
count_codes(ReferenceColumn *column, const float *values, size_t stride, size_t n)
{
	for (size_t i = 0; i < n; i++, values += stride)
	{
		int			code = column->n_categories + 1;

		if (*values >= 0)
			code = *values < (float) column->n_categories ? (int) *values : column->n_categories;
		column->counts[code]++;
	}
}

void
mlops_reference_count(ReferenceColumn *columns, int n_columns, const float *rows, size_t stride,
					  size_t n)
{
	size_t		block = BLOCK_NUMBERS / stride + 1;

	for (; n > 0; rows += block * stride, n -= block)
	{
		if (block > n)
			block = n;
		for (int i = 0; i < n_columns; i++)
		{
			if (columns[i].n_categories >= 0)
				count_codes(&columns[i], rows + i, stride, block);
			else
				mlops_profile_add_floats(columns[i].profile, rows + i, stride, block);
		}
	}
}

bool
mlops_reference_merge(ReferenceColumn *into, const ReferenceColumn *from, int n_columns)
{
	for (int i = 0; i < n_columns; i++)
	{
		if (into[i].n_categories >= 0)
			for (int j = 0; j < into[i].n_categories + 2; j++)
				into[i].counts[j] += from[i].counts[j];
		else if (!mlops_profile_merge(into[i].profile, from[i].profile))
			return false;
	}
	return true;
}

void
mlops_reference_free(ReferenceColumn *columns, int n_columns)
{
	for (int i = 0; columns != NULL && i < n_columns; i++)
	{
		free(columns[i].profile);
		free(columns[i].counts);
	}
	free(columns);
}
