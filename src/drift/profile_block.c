/*-------------------------------------------------------------------------
 *
 * profile_block.c
 *	  Counting many encoded values at once.
 *
 * Gives the bytes that mlops_profile_add_number gives for each of them, about
 * three times as fast: what is added within a block fits into 64 bits and is
 * added to the profile once.
 *
 *-------------------------------------------------------------------------
 */
#include "drift/profile_block.h"
#include "drift/profile_image.h"

#define BLOCK 4096

/* What a value may add for 4096 of them to stay within 63 bits. */
#define MAX_TERM ((double) (INT64_C(1) << 50))

/* What a block adds to the profile. */
typedef struct BlockSums
{
	int64_t		counts[MAX_VALUE_CELLS];
	int64_t		sums[MAX_VALUE_CELLS];
	int64_t		second;
	int64_t		n_missing;
	float		minimum;
	float		maximum;
} BlockSums;

/*
 * Nearest integer of a number below MAX_TERM, as llrint has it, which would be a
 * call: the sum's last bits are the integer.
 */
static inline int64_t
round_term(double value)
{
	static const double shift = (double) (INT64_C(3) << 51);
	double		shifted = value + shift;
	int64_t		bits;
	int64_t		zero;

	memcpy(&bits, &shifted, sizeof(bits));
	memcpy(&zero, &shift, sizeof(zero));
	return bits - zero;
}

static void
count_block(Profile *profile, const float *values, size_t stride, int n, BlockSums *block)
{
	const double *edges = profile_edges(profile);
	const double unit = profile_power(-profile->unit);
	const double scale = profile_power(SECOND_BITS / 2 - profile->spread);
	const double center = (double) profile->center * profile_power(profile->unit) * scale;
	int			n_edges = profile->n_value - 1;

	for (int i = 0; i < n; i++, values += stride)
	{
		double		value = (double) *values + 0.0;	/* no negative zero */
		double		scaled = value * unit;
		double		deviation = value * scale - center;
		const double *first = edges;

		deviation *= deviation;
		if (!(fabs(scaled) < MAX_TERM && deviation < MAX_TERM))
		{
			if (isnan(value))
				block->n_missing++;
			else
				mlops_profile_add_number(profile, value);
			continue;
		}
		for (int left = n_edges; left > 0;)
		{
			int			half = (left + 1) / 2;

			/* a branch here would be mispredicted half the time */
			first += half & -(first[half - 1] < value);
			left -= half;
		}
		block->counts[first - edges]++;
		block->sums[first - edges] += round_term(scaled);
		block->second += round_term(deviation);
		block->minimum = *values < block->minimum ? *values : block->minimum;
		block->maximum = *values > block->maximum ? *values : block->maximum;
	}
}

/* Add the block to the profile, and start it anew. */
static void
flush_block(Profile *profile, BlockSums *block)
{
	for (int i = 0; i < profile->n_value; i++)
	{
		profile_counts(profile)[i] += block->counts[i];
		profile_add_sum(&profile_sums(profile)[i], block->sums[i]);
	}
	profile_counts(profile)[profile->n_value + PROFILE_NULL] += block->n_missing;
	profile_add_sum(&profile->second, block->second);
	if (block->minimum < profile->minimum)
		profile->minimum = block->minimum + 0.0;
	if (block->maximum > profile->maximum)
		profile->maximum = block->maximum + 0.0;
}

void
mlops_profile_add_floats(Profile *profile, const float *values, size_t stride, size_t n)
{
	BlockSums	block;

	while (n > 0)
	{
		int			size = n < BLOCK ? (int) n : BLOCK;

		memset(block.counts, 0, sizeof(int64_t) * profile->n_value);
		memset(block.sums, 0, sizeof(int64_t) * profile->n_value);
		block.second = block.n_missing = 0;
		block.minimum = INFINITY;
		block.maximum = -INFINITY;
		count_block(profile, values, stride, size, &block);
		flush_block(profile, &block);
		values += stride * size;
		n -= size;
	}
}
