/*-------------------------------------------------------------------------
 *
 * profile.c
 *	  The image of a profile: its check, its parts, and what follows from them.
 *
 *-------------------------------------------------------------------------
 */
#include "drift/profile_image.h"

/* FNV-1a over words. */
static uint64_t
hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

static uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *next = bytes;

	for (; size >= 8; size -= 8, next += 8)
	{
		uint64_t	word;

		memcpy(&word, next, sizeof(word));
		hash = hash_word(hash, word);
	}
	for (; size > 0; size--)
		hash = hash_word(hash, *next++);
	return hash;
}

static uint64_t
compute_digest(const Profile *profile)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);

	hash = hash_word(hash, profile->kind | profile->flags << 8);
	hash = hash_word(hash, profile->n_value);
	hash = hash_word(hash, (uint64_t) (int64_t) profile->unit);
	hash = hash_word(hash, (uint64_t) (int64_t) profile->spread);
	hash = hash_word(hash, (uint64_t) profile->center);
	if (profile->kind == PROFILE_NUMERIC)
		return hash_bytes(hash, profile_edges(profile), sizeof(double) * (profile->n_value - 1));
	hash = hash_bytes(hash, profile_offsets(profile), sizeof(uint32_t) * (profile->n_value + 1));
	return hash_bytes(hash, profile_labels(profile), profile_offsets(profile)[profile->n_value]);
}

Profile *
mlops_profile_start(void *memory, ProfileKind kind, int n_value, size_t label_bytes, unsigned flags)
{
	Profile    *profile = memory;
	size_t		size = profile_layout(kind, n_value, label_bytes);

	memset(profile, 0, size);
	profile->size = (uint32_t) size;
	profile->format = PROFILE_FORMAT;
	profile->kind = (uint8_t) kind;
	profile->flags = (uint8_t) flags;
	profile->n_value = (uint16_t) n_value;
	profile->minimum = INFINITY;
	profile->maximum = -INFINITY;
	return profile;
}

void
mlops_profile_seal(Profile *profile)
{
	profile->digest = compute_digest(profile);
}

void
mlops_profile_put_label(Profile *profile, int i, const char *label, size_t length)
{
	uint32_t   *offsets = profile_offsets(profile);

	memcpy((char *) profile_labels(profile) + offsets[i], label, length);
	offsets[i + 1] = offsets[i] + (uint32_t) length;
}

int
mlops_profile_compare_labels(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int			order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Offsets within the bytes, labels short and strictly ascending, zeros after them. */
static bool
check_labels(const Profile *profile)
{
	const uint32_t *offsets = profile_offsets(profile);
	const char *labels = profile_labels(profile);
	const char *end = (const char *) profile + profile->size;

	if (offsets[0] != 0)
		return false;
	for (int i = 0; i < profile->n_value; i++)
		if (offsets[i + 1] < offsets[i] || offsets[i + 1] - offsets[i] > PROFILE_MAX_LABEL)
			return false;
	if (profile_layout(PROFILE_CATEGORICAL, profile->n_value, offsets[profile->n_value]) != profile->size)
		return false;
	for (int i = 1; i < profile->n_value; i++)
		if (mlops_profile_compare_labels(labels + offsets[i - 1], offsets[i] - offsets[i - 1],
										 labels + offsets[i], offsets[i + 1] - offsets[i]) >= 0)
			return false;
	if (memchr(labels, 0, offsets[profile->n_value]) != NULL)
		return false;
	for (const char *next = labels + offsets[profile->n_value]; next < end; next++)
		if (*next != 0)
			return false;
	return true;
}

/* Strictly ascending and without a negative zero; only the first may be infinite. */
static bool
check_edges(const Profile *profile)
{
	const double *edges = profile_edges(profile);

	for (int i = 0; i < profile->n_value - 1; i++)
	{
		if (!(edges[i] < INFINITY) || (edges[i] == 0 && signbit(edges[i])))
			return false;
		if (i > 0 && !(edges[i - 1] < edges[i]))
			return false;
	}
	return true;
}

static bool
check_sum(const ProfileWide *wide)
{
	ProfileSum	sum = profile_load(wide);

	return sum >= -MAX_SUM && sum <= MAX_SUM;
}

/* Fields that only one kind has are zero in the other. */
static bool
check_parameters(const Profile *profile)
{
	if (profile->kind == PROFILE_NUMERIC)
		return (profile->flags & ~PROFILE_SINGLE) == 0 &&
			profile->unit >= MIN_UNIT && profile->unit <= MAX_UNIT &&
			profile->spread >= MIN_SPREAD && profile->spread <= MAX_SPREAD &&
			profile->center >= -MAX_CENTER && profile->center <= MAX_CENTER;
	return (profile->flags & ~PROFILE_DROPPED) == 0 &&
		profile->unit == 0 && profile->spread == 0 && profile->center == 0 &&
		profile->second.low == 0 && profile->second.high == 0;
}

static bool
check_extremes(const Profile *profile)
{
	double		minimum = profile->minimum;
	double		maximum = profile->maximum;

	if (minimum == INFINITY && maximum == -INFINITY)
		return true;
	return profile->kind == PROFILE_NUMERIC && isfinite(minimum) && isfinite(maximum) &&
		minimum <= maximum && !(minimum == 0 && signbit(minimum)) && !(maximum == 0 && signbit(maximum));
}

/* Counts and sums in range; numbers have no cells of labels, and labels none of numbers. */
static bool
check_counts(const Profile *profile)
{
	const int64_t *counts = profile_counts(profile);
	const int64_t *special = counts + profile->n_value;

	for (int i = 0; i < profile->n_value + N_PROFILE_SPECIALS; i++)
		if (counts[i] < -PROFILE_MAX_COUNT || counts[i] > PROFILE_MAX_COUNT)
			return false;
	if (profile->kind == PROFILE_CATEGORICAL)
		return special[PROFILE_NAN] == 0 && special[PROFILE_PLUS_INF] == 0 &&
			special[PROFILE_MINUS_INF] == 0;
	for (int i = 0; i < profile->n_value; i++)
		if (!check_sum(&profile_sums(profile)[i]))
			return false;
	return special[PROFILE_OTHER] == 0 && special[PROFILE_UNSEEN] == 0 && check_sum(&profile->second);
}

bool
mlops_profile_check(const Profile *profile, size_t size, const char **why)
{
	static const uint8_t zeros[sizeof(profile->zeros)];

	*why = "too short";
	if (size < sizeof(Profile) || size > UINT32_MAX || profile->size != size)
		return false;
	*why = "another format";
	if (profile->format != PROFILE_FORMAT)
		return false;
	*why = "no such kind";
	if (profile->kind != PROFILE_NUMERIC && profile->kind != PROFILE_CATEGORICAL)
		return false;
	*why = "too many cells or too few";
	if (profile->kind == PROFILE_NUMERIC ? profile->n_value < 1 || profile->n_value > MAX_VALUE_CELLS :
		profile->n_value > PROFILE_MAX_CELLS)
		return false;
	*why = "size does not follow from the cells";
	if (profile->kind == PROFILE_NUMERIC ?
		size != profile_layout(PROFILE_NUMERIC, profile->n_value, 0) :
		size < profile_layout(PROFILE_CATEGORICAL, profile->n_value, 0))
		return false;
	*why = "parameters out of range";
	if (profile->zero != 0 || memcmp(profile->zeros, zeros, sizeof(zeros)) != 0 ||
		!check_parameters(profile))
		return false;
	*why = "cells are not in order";
	if (profile->kind == PROFILE_NUMERIC ? !check_edges(profile) : !check_labels(profile))
		return false;
	*why = "extremes out of range";
	if (!check_extremes(profile))
		return false;
	*why = "counts or sums out of range";
	if (!check_counts(profile))
		return false;
	*why = "wrong digest";
	return profile->digest == compute_digest(profile);
}

size_t
mlops_profile_size(const Profile *profile)
{
	return profile->size;
}

ProfileKind
mlops_profile_kind(const Profile *profile)
{
	return profile->kind;
}

unsigned
mlops_profile_flags(const Profile *profile)
{
	return profile->flags;
}

int
mlops_profile_value_cells(const Profile *profile)
{
	return profile->n_value;
}

int
mlops_profile_cells(const Profile *profile)
{
	return profile->n_value + N_PROFILE_SPECIALS;
}

int64_t
mlops_profile_count(const Profile *profile, int cell)
{
	return profile_counts(profile)[cell];
}

static int64_t
sum_counts(const Profile *profile, int n)
{
	const int64_t *counts = profile_counts(profile);
	int64_t		sum = 0;

	for (int i = 0; i < n; i++)
		sum += counts[i];
	return sum;
}

int64_t
mlops_profile_rows(const Profile *profile)
{
	return sum_counts(profile, profile->n_value + N_PROFILE_SPECIALS);
}

int64_t
mlops_profile_values(const Profile *profile)
{
	return sum_counts(profile, profile->n_value);
}

double
mlops_profile_lower(const Profile *profile, int cell)
{
	if (profile->kind != PROFILE_NUMERIC || cell >= profile->n_value)
		return NAN;
	return cell == 0 ? -INFINITY : profile_edges(profile)[cell - 1];
}

double
mlops_profile_upper(const Profile *profile, int cell)
{
	if (profile->kind != PROFILE_NUMERIC || cell >= profile->n_value)
		return NAN;
	return cell == profile->n_value - 1 ? INFINITY : profile_edges(profile)[cell];
}

bool
mlops_profile_is_atom(const Profile *profile, int cell)
{
	double		upper = mlops_profile_upper(profile, cell);

	return isfinite(upper) && cell > 0 && mlops_profile_lower(profile, cell) == nextafter(upper, -INFINITY);
}

const char *
mlops_profile_label(const Profile *profile, int cell, size_t *length)
{
	const uint32_t *offsets = profile_offsets(profile);

	if (profile->kind != PROFILE_CATEGORICAL || cell >= profile->n_value)
		return NULL;
	*length = offsets[cell + 1] - offsets[cell];
	return profile_labels(profile) + offsets[cell];
}

ProfileSum
mlops_profile_cell_total(const Profile *profile, int cell)
{
	if (profile->kind != PROFILE_NUMERIC || cell >= profile->n_value)
		return 0;
	return profile_load(&profile_sums(profile)[cell]);
}

double
mlops_profile_cell_sum(const Profile *profile, int cell)
{
	if (profile->kind != PROFILE_NUMERIC || cell >= profile->n_value)
		return NAN;
	return ldexp((double) mlops_profile_cell_total(profile, cell), profile->unit);
}

/* sum / n in units, without losing what does not fit into a double. */
static double
divide_sum(ProfileSum sum, int64_t n)
{
	return (double) (sum / n) + (double) (int64_t) (sum % n) / (double) n;
}

double
mlops_profile_cell_mean(const Profile *profile, int cell)
{
	int64_t		count = mlops_profile_count(profile, cell);

	if (profile->kind != PROFILE_NUMERIC || cell >= profile->n_value || count <= 0)
		return NAN;
	return ldexp(divide_sum(mlops_profile_cell_total(profile, cell), count), profile->unit);
}

/* Mean less center, in units; n > 0. */
static double
compute_offset(const Profile *profile, int64_t n)
{
	unsigned	__int128 sum = 0;

	for (int i = 0; i < profile->n_value; i++)
		sum += (unsigned __int128) mlops_profile_cell_total(profile, i);
	return divide_sum((ProfileSum) (sum - (unsigned __int128) profile->center * (unsigned __int128) n), n);
}

double
mlops_profile_mean(const Profile *profile)
{
	int64_t		n = mlops_profile_values(profile);

	if (profile->kind != PROFILE_NUMERIC || n <= 0)
		return NAN;
	return fmin(fmax(ldexp((double) profile->center + compute_offset(profile, n), profile->unit),
					 profile->minimum), profile->maximum);
}

/* Variance in units of the second moment, NaN without values. */
static double
compute_variance(const Profile *profile)
{
	int64_t		n = mlops_profile_values(profile);
	double		offset;
	double		variance;

	if (profile->kind != PROFILE_NUMERIC || n <= 0)
		return NAN;
	offset = ldexp(compute_offset(profile, n), profile->unit + SECOND_BITS / 2 - profile->spread);
	variance = (double) profile_load(&profile->second) / (double) n - offset * offset;
	return variance > 0 ? variance : 0;
}

double
mlops_profile_variance(const Profile *profile)
{
	return ldexp(compute_variance(profile), 2 * profile->spread - SECOND_BITS);
}

double
mlops_profile_deviation(const Profile *profile)
{
	return ldexp(sqrt(compute_variance(profile)), profile->spread - SECOND_BITS / 2);
}

double
mlops_profile_min(const Profile *profile)
{
	return profile->minimum == INFINITY ? NAN : profile->minimum;
}

double
mlops_profile_max(const Profile *profile)
{
	return profile->maximum == -INFINITY ? NAN : profile->maximum;
}

double
mlops_profile_quantile(const Profile *profile, double fraction)
{
	int64_t		n = mlops_profile_values(profile);
	int64_t		before = 0;
	double		rank;

	if (profile->kind != PROFILE_NUMERIC || n <= 0 || !(fraction >= 0 && fraction <= 1))
		return NAN;
	rank = fmax(1, ceil(fraction * (double) n));
	if (rank <= 1)
		return profile->minimum;
	if (rank >= (double) n)
		return profile->maximum;
	for (int i = 0; i < profile->n_value; i++)
	{
		int64_t		count = mlops_profile_count(profile, i);

		if (count > 0 && (double) (before + count) >= rank)
		{
			double		lower = fmax(mlops_profile_lower(profile, i), profile->minimum);
			double		upper = fmin(mlops_profile_upper(profile, i), profile->maximum);
			double		share = (rank - (double) before) / (double) count;

			/* lower may exceed upper after corrections, and by nothing else */
			return share >= 1 || lower >= upper || mlops_profile_is_atom(profile, i) ? upper :
				lower * (1 - share) + upper * share;
		}
		before += count;
	}
	return profile->maximum;
}

ProfileSum
mlops_profile_second_moment(const Profile *profile)
{
	return profile_load(&profile->second);
}

void
mlops_profile_extremes(const Profile *profile, double *minimum, double *maximum)
{
	*minimum = profile->minimum;
	*maximum = profile->maximum;
}

uint64_t
mlops_profile_digest(const Profile *profile)
{
	return profile->digest;
}

bool
mlops_profile_same_cells(const Profile *a, const Profile *b)
{
	if (a->digest != b->digest || a->size != b->size || a->kind != b->kind || a->flags != b->flags ||
		a->n_value != b->n_value || a->unit != b->unit || a->spread != b->spread || a->center != b->center)
		return false;
	if (a->kind == PROFILE_NUMERIC)
		return memcmp(profile_edges(a), profile_edges(b), sizeof(double) * (a->n_value - 1)) == 0;
	return memcmp(profile_offsets(a), profile_offsets(b),
				  a->size - ((char *) profile_offsets(a) - (char *) a)) == 0;
}

bool
mlops_profile_equal(const Profile *a, const Profile *b)
{
	return a->size == b->size &&
		memcmp(&a->size, &b->size, a->size - offsetof(Profile, size)) == 0;
}
