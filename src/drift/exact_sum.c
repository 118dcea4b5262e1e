/*-------------------------------------------------------------------------
 *
 * exact_sum.c
 *	  Carries, windows and values of exact sums; see exact_sum.h.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "drift/exact_sum.h"

#define PIECE_MASK INT64_C(0xffffffff)

/* Beyond it the highest limb of a carried sum has too little room. */
#define HIGHEST_MAX (INT64_C(1) << 60)

/* The highest limb of a settled sum is from -SETTLED_MAX to SETTLED_MAX - 1. */
#define SETTLED_MAX (INT64_C(1) << 31)

/* Limbs of any window, and what carrying and negating push out. */
#define N_SCRATCH (EXACT_HIGHEST - EXACT_LOWEST + 4)

ExactWindow
mlops_exact_join(ExactWindow window, int low, int n)
{
	int			end = window.low + window.n;

	if (low + n > end)
		end = low + n;
	if (low < window.low)
		window.low = (int16_t) low;
	window.n = (int16_t) (end - window.low);
	return window;
}

bool
mlops_exact_carry(int64_t *limb, int n)
{
	for (int i = 0; i < n - 1; i++)
	{
		limb[i + 1] += limb[i] >> 32;
		limb[i] &= PIECE_MASK;
	}
	return limb[n - 1] < HIGHEST_MAX && limb[n - 1] > -HIGHEST_MAX;
}

void
mlops_exact_move(const int64_t *from, ExactWindow window, int64_t *to, ExactWindow wanted)
{
	int			end = wanted.low + wanted.n;
	int64_t		sign = from[window.n - 1] < 0 ? -1 : 0;

	for (int i = 0; i < wanted.n; i++)
	{
		int			source = wanted.low + i - window.low;

		to[i] = source >= 0 && source < window.n ? from[source] : 0;
	}
	/* of a narrower window the highest limb takes over the sign */
	if (end < window.low + window.n)
		to[wanted.n - 1] += sign * (PIECE_MASK + 1);
}

static bool
is_empty(const int64_t *limb, int stride, size_t n_sums)
{
	for (size_t i = 0; i < n_sums; i++)
		if (limb[i * stride] != 0)
			return false;
	return true;
}

/* The limb says no more than the one below it could by its sign. */
static bool
is_sign(const int64_t *limb, int stride, size_t n_sums)
{
	for (size_t i = 0; i < n_sums; i++, limb += stride)
		if (limb[0] != (limb[-1] < SETTLED_MAX ? 0 : -1))
			return false;
	return true;
}

ExactWindow
mlops_exact_shrink(const int64_t *limb, ExactWindow window, size_t n_sums)
{
	ExactWindow shrunk = window;

	while (shrunk.n > 1 && is_sign(limb + (shrunk.n - 1), window.n, n_sums))
		shrunk.n--;
	while (shrunk.n > 1 && is_empty(limb + (shrunk.low - window.low), window.n, n_sums))
	{
		shrunk.low++;
		shrunk.n--;
	}
	if (shrunk.n == 1 && is_empty(limb + (shrunk.low - window.low), window.n, n_sums))
		shrunk.low = 0;
	return shrunk;
}

bool
mlops_exact_is_settled(const int64_t *limb, ExactWindow window, size_t n_sums)
{
	for (size_t i = 0; i < n_sums * window.n; i++)
	{
		bool		highest = (i + 1) % window.n == 0;

		if (highest ? limb[i] < -SETTLED_MAX || limb[i] >= SETTLED_MAX
			: limb[i] < 0 || limb[i] > PIECE_MASK)
			return false;
	}
	return true;
}

/* A carried copy of a sum, whose two more limbs are 0 or -1; returns its limbs. */
static int
copy_wide(const int64_t *limb, int n, int64_t *copy)
{
	memcpy(copy, limb, n * sizeof(int64_t));
	copy[n] = copy[n + 1] = 0;
	mlops_exact_carry(copy, n + 2);
	return n + 2;
}

/* Nearest double of n carried limbs, the highest of which is 0 or -1; ties to even. */
static double
round_limbs(const int64_t *limb, int n, int low)
{
	int64_t		size[2 * N_SCRATCH];
	bool		negative = limb[n - 1] < 0;
	unsigned	__int128 top = 0;
	int			highest = n - 1;
	double		value;

	for (int i = 0; i < n; i++)
		size[i] = negative ? -limb[i] : limb[i];
	mlops_exact_carry(size, n);
	while (highest > 0 && size[highest] == 0)
		highest--;

	/* three limbs have at least 65 bits: whether lower ones are 0 is enough */
	for (int i = highest; i > highest - 3; i--)
		top = top << 32 | (uint64_t) (i >= 0 ? size[i] : 0);
	for (int i = highest - 3; i >= 0; i--)
		top |= size[i] != 0;
	value = ldexp((double) top, 32 * (low + highest - 2));
	return negative ? -value : value;
}

double
mlops_exact_value(const int64_t *limb, ExactWindow window)
{
	int64_t		copy[N_SCRATCH];
	int			n = copy_wide(limb, window.n, copy);

	return round_limbs(copy, n, window.low);
}

/* Add sign * a * b, both carried, to limbs with room for the product. */
static void
add_product(int64_t *to, const int64_t *a, int n_a, const int64_t *b, int n_b, int sign)
{
	for (int i = 0; i < n_a; i++)
		for (int j = 0; j < n_b; j++)
		{
			__int128	product = (__int128) a[i] * b[j] * sign;

			to[i + j] += (uint32_t) product;
			to[i + j + 1] += (int64_t) (product >> 32);
		}
}

double
mlops_exact_spread(const int64_t *weights, ExactWindow weight_window, const int64_t *terms,
				   const int64_t *squares, ExactWindow window)
{
	int64_t		w[N_SCRATCH];
	int64_t		t[N_SCRATCH];
	int64_t		q[N_SCRATCH];
	int64_t		spread[2 * N_SCRATCH] = {0};
	int			n_w = copy_wide(weights, weight_window.n, w);
	int			n = copy_wide(terms, window.n, t);
	int			low = 2 * window.low;
	int			shift = weight_window.low - window.low;
	int			n_spread;

	copy_wide(squares, window.n, q);

	/*
	 * weights * squares - terms^2, from the lower of both products' lowest
	 * limbs
	 */
	if (shift < 0)
		low += shift;
	n_spread = 2 * n + (shift < 0 ? -shift : 0);
	if (n_w + n + (shift > 0 ? shift : 0) > n_spread)
		n_spread = n_w + n + (shift > 0 ? shift : 0);
	if (++n_spread > 2 * N_SCRATCH)
		return NAN;
	add_product(spread + (shift > 0 ? shift : 0), w, n_w, q, n, 1);
	add_product(spread + (shift < 0 ? -shift : 0), t, n, t, n, -1);
	mlops_exact_carry(spread, n_spread);
	return round_limbs(spread, n_spread, low) / mlops_exact_value(weights, weight_window);
}
