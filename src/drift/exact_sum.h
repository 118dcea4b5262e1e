/*-------------------------------------------------------------------------
 *
 * exact_sum.h
 *	  Sums of doubles without rounding, so that every order gives the same bits.
 *
 * A sum is a row of int64 limbs, limb i worth 2^(32 * (low + i)); a window says
 * which limbs there are, and grows when a value needs others.  Values are added
 * in pieces of 32 bits without carrying (Neal, Fast exact summation using small
 * and large superaccumulators, 2015), so a limb has room for EXACT_PENDING
 * pieces before mlops_exact_carry must be called.  Counts need limb 0 only.
 *
 * A sum is settled when its limbs are in 0 .. 2^32 - 1, but for the highest,
 * which has the sign and 32 bits: then equal sums have equal limbs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_EXACT_SUM_H
#define MLOPS_EXACT_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Limbs of the smallest and of a greatest double, and one for carries. */
#define EXACT_LOWEST (-34)
#define EXACT_HIGHEST 33

/* Pieces that may be added between two carries. */
#define EXACT_PENDING (1 << 29)

typedef struct ExactWindow
{
	int16_t		low;
	int16_t		n;				/* limbs; at least 1 */
} ExactWindow;

/* A value cut along the limbs. */
typedef struct ExactPieces
{
	int			low;			/* limb of the first piece */
	int			n;				/* 0 to 3 */
	int64_t		piece[3];		/* below 2^32 in size, with the sign */
} ExactPieces;

/* The least window that also holds "n" limbs from "low" on. */
extern ExactWindow mlops_exact_join(ExactWindow window, int low, int n);

/*
 * Carry.  False when the highest limb has no room for as many pieces again: the
 * window needs one more.
 */
extern bool mlops_exact_carry(int64_t *limb, int n);

/* Copy a sum to a window that holds it; they do not overlap. */
extern void mlops_exact_move(const int64_t *from, ExactWindow window, int64_t *to, ExactWindow wanted);

/* The least window that holds n_sums settled sums; limb 0 for sums of nothing. */
extern ExactWindow mlops_exact_shrink(const int64_t *limb, ExactWindow window, size_t n_sums);

/* Every limb of n_sums sums is what settled sums have. */
extern bool mlops_exact_is_settled(const int64_t *limb, ExactWindow window, size_t n_sums);

/* Nearest double. */
extern double mlops_exact_value(const int64_t *limb, ExactWindow window);

/*
 * The sum of weight * (term - mean)^2 from the sums of the weights, of weight *
 * term and of weight * term^2; rounded at the end only.
 */
extern double mlops_exact_spread(const int64_t *weights, ExactWindow weight_window, const int64_t *terms,
								 const int64_t *squares, ExactWindow window);

/* "value" is finite. */
static inline ExactPieces
mlops_exact_cut(double value)
{
	ExactPieces pieces = {0, 0, {0}};
	uint64_t	bits;
	uint64_t	mantissa;
	int			exponent;
	int64_t		sign;
	int			shift;
	uint64_t	low;
	uint64_t	high;

	memcpy(&bits, &value, sizeof(bits));
	sign = bits >> 63 ? -1 : 1;
	exponent = (int) (bits >> 52 & 0x7ff);
	mantissa = bits & ((UINT64_C(1) << 52) - 1);
	if (exponent > 0)
		mantissa |= UINT64_C(1) << 52;
	else
		exponent = 1;
	if (mantissa == 0)
		return pieces;

	exponent += 34 * 32 - 1075; /* now counted from limb EXACT_LOWEST */
	pieces.low = exponent / 32 - 34;
	shift = exponent % 32;
	low = mantissa << shift;
	high = shift > 11 ? mantissa >> (64 - shift) : 0;
	if ((uint32_t) low == 0)
	{
		/* round numbers: the lowest limbs stay untouched */
		pieces.low++;
		low = low >> 32 | high << 32;
		high = 0;
		if ((uint32_t) low == 0)
		{
			pieces.low++;
			low >>= 32;
		}
	}
	pieces.piece[0] = sign * (int64_t) (uint32_t) low;
	pieces.piece[1] = sign * (int64_t) (low >> 32);
	pieces.piece[2] = sign * (int64_t) high;
	pieces.n = high != 0 ? 3 : low >> 32 != 0 ? 2 : 1;
	return pieces;
}

static inline bool
mlops_exact_fits(ExactWindow window, const ExactPieces *pieces)
{
	return pieces->n == 0 ||
		(pieces->low >= window.low && pieces->low + pieces->n <= window.low + window.n);
}

static inline void
mlops_exact_add(int64_t *limb, ExactWindow window, const ExactPieces *pieces)
{
	for (int i = 0; i < pieces->n; i++)
		limb[pieces->low - window.low + i] += pieces->piece[i];
}

#endif							/* MLOPS_EXACT_SUM_H */
