/*-------------------------------------------------------------------------
 *
 * profile_image.h
 *	  Layout of a profile, for profile*.c only.
 *
 *	  numeric:		header, edges[n_value - 1], counts[cells], sums[n_value]
 *	  categorical:	header, counts[cells], offsets[n_value + 1], bytes of the
 *					labels, zeros up to a multiple of 8
 *
 * Value cell i of a numeric profile is (edges[i - 1], edges[i]].  The label of cell
 * i lies between offsets i and i + 1.  All that is not used is zero, so that equal
 * profiles have equal bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_IMAGE_H
#define MLOPS_PROFILE_IMAGE_H

#include <math.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "drift/profile.h"

/* 128 bits in the order of the words of int128, aligned to 8. */
typedef struct ProfileWide
{
	uint64_t	low;
	uint64_t	high;
} ProfileWide;

struct Profile
{
	uint32_t	length_word;	/* the server's */
	uint32_t	size;
	uint64_t	digest;			/* of the cells and of all that sums depend on */
	uint8_t		format;
	uint8_t		kind;
	uint8_t		flags;
	uint8_t		zero;
	uint16_t	n_value;
	int16_t		unit;			/* sums are in units of 2^unit */
	int16_t		spread;			/* exponent of the range of the reference */
	uint8_t		zeros[6];
	int64_t		center;			/* mean of the reference, in units */
	double		minimum;		/* Inf without values */
	double		maximum;		/* -Inf without values */
	ProfileWide second;			/* sum of ((value - center) * 2^(SECOND_BITS /
								 * 2 - spread))^2 */
};

/* The greatest value of the reference is about 2^UNIT_BITS units, its greatest square
 * about 2^SECOND_BITS; one value adds at most 2^LIMIT_BITS. */
#define UNIT_BITS 53
#define SECOND_BITS 46
#define LIMIT_BITS 86
#define MIN_UNIT (-1022)
#define MAX_UNIT (1024 - UNIT_BITS)
#define MIN_SPREAD (SECOND_BITS / 2 - 1022)
#define MAX_SPREAD 1025
#define MAX_CENTER (INT64_C(1) << UNIT_BITS)
#define MAX_SUM ((ProfileSum) 1 << 126)
#define MAX_VALUE_CELLS (3 * PROFILE_MAX_CELLS + 5)

static inline double *
profile_edges(const Profile *profile)
{
	return (double *) (profile + 1);
}

static inline int64_t *
profile_counts(const Profile *profile)
{
	return (int64_t *) (profile + 1) +
		(profile->kind == PROFILE_NUMERIC ? profile->n_value - 1 : 0);
}

static inline ProfileWide *
profile_sums(const Profile *profile)
{
	return (ProfileWide *) ((int64_t *) (profile + 1) + 2 * profile->n_value - 1 + N_PROFILE_SPECIALS);
}

static inline uint32_t *
profile_offsets(const Profile *profile)
{
	return (uint32_t *) (profile_counts(profile) + profile->n_value + N_PROFILE_SPECIALS);
}

static inline const char *
profile_labels(const Profile *profile)
{
	return (const char *) (profile_offsets(profile) + profile->n_value + 1);
}

static inline ProfileSum
profile_load(const ProfileWide *wide)
{
	return (ProfileSum) ((unsigned __int128) wide->high << 64 | wide->low);
}

/* Wraps around, which honest profiles never do: they count too few rows for it. */
static inline void
profile_add_sum(ProfileWide *wide, ProfileSum more)
{
	unsigned	__int128 sum = (unsigned __int128) profile_load(wide) + (unsigned __int128) more;

	wide->low = (uint64_t) sum;
	wide->high = (uint64_t) (sum >> 64);
}

/* 2^exponent, for exponents of normal numbers. */
static inline double
profile_power(int exponent)
{
	uint64_t	bits = (uint64_t) (1023 + exponent) << 52;
	double		power;

	memcpy(&power, &bits, sizeof(power));
	return power;
}

/* Nearest integer; the library's function is a call, because of errno. */
static inline int64_t
profile_round(double number)
{
#ifdef __SSE2__
	return _mm_cvtsd_si64(_mm_set_sd(number));
#else
	return llrint(number);
#endif
}

/* Size of an image; label_bytes of a categorical one. */
static inline size_t
profile_layout(ProfileKind kind, int n_value, size_t label_bytes)
{
	size_t		size = sizeof(Profile) + sizeof(int64_t) * (n_value + N_PROFILE_SPECIALS);

	if (kind == PROFILE_NUMERIC)
		return size + sizeof(double) * (n_value - 1) + sizeof(ProfileWide) * n_value;
	size += sizeof(uint32_t) * (n_value + 1) + label_bytes;
	return (size + 7) / 8 * 8;
}

/* Start an image: everything zero but what names its layout. */
extern Profile *mlops_profile_start(void *memory, ProfileKind kind, int n_value,
									size_t label_bytes, unsigned flags);

/* Cells and parameters are set: compute the digest. */
extern void mlops_profile_seal(Profile *profile);

/* What a label adds to a categorical image; "i" ascending from 0. */
extern void mlops_profile_put_label(Profile *profile, int i, const char *label, size_t length);

/* Bytewise, the shorter first. */
extern int	mlops_profile_compare_labels(const char *a, size_t a_length, const char *b, size_t b_length);

#endif							/* MLOPS_PROFILE_IMAGE_H */
