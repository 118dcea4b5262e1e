/*-------------------------------------------------------------------------
 *
 * profile_count.c
 *	  Counting values into a profile, and merging profiles.
 *
 * Called once per value of every profiled column.
 *
 *-------------------------------------------------------------------------
 */
#include "drift/profile_image.h"

Profile *
mlops_profile_clear(Profile *profile)
{
	memset(profile_counts(profile), 0, sizeof(int64_t) * (profile->n_value + N_PROFILE_SPECIALS));
	if (profile->kind == PROFILE_NUMERIC)
		memset(profile_sums(profile), 0, sizeof(ProfileWide) * profile->n_value);
	memset(&profile->second, 0, sizeof(profile->second));
	profile->minimum = INFINITY;
	profile->maximum = -INFINITY;
	return profile;
}

/*
 * Number of edges below a value: its cell.
 *
 * Halving without a branch, which a predictor would miss every other time, down to a
 * few edges; those are all compared, two at a time.
 */
static inline int
search_edges(const double *edges, int n, double value)
{
	typedef double Pair __attribute__((vector_size(16), aligned(8)));
	typedef int64_t PairCount __attribute__((vector_size(16)));
	const double *first = edges;
	Pair		values = {value, value};
	PairCount	even = {0, 0};
	PairCount	odd = {0, 0};
	int			i = 0;

	while (n > 32)
	{
		int			half = n / 2;

		first += (first[half - 1] < value) * half;
		n -= half;
	}
	for (; i + 4 <= n; i += 4)
	{
		even -= *(const Pair *) (first + i) < values;
		odd -= *(const Pair *) (first + i + 2) < values;
	}
	even += odd;
	n -= i;
	first += i;
	i = (int) (even[0] + even[1]) + (int) (first - i - edges);
	for (; n > 0; n--)
		i += *first++ < value;
	return i;
}

/* A number of any size beyond +-2^62 and up to +-2^LIMIT_BITS, the limit. */
static __attribute__((noinline))
ProfileSum
fix_large(double scaled)
{
	static const double limit = (double) ((ProfileSum) 1 << LIMIT_BITS);

	if (fabs(scaled) < limit)
		return (ProfileSum) scaled;
	return scaled < 0 ? -((ProfileSum) 1 << LIMIT_BITS) : (ProfileSum) 1 << LIMIT_BITS;
}

/* Add the nearest integer to a sum, "sign" times. */
static inline void
add_scaled(ProfileWide *sum, double scaled, int sign)
{
	if (fabs(scaled) < (double) (INT64_C(1) << 62))
		profile_add_sum(sum, sign * profile_round(scaled));
	else
		profile_add_sum(sum, sign * fix_large(scaled));
}

static inline double
round_number(const Profile *profile, double value)
{
	return profile->flags & PROFILE_SINGLE ? (double) (float) value : value;
}

/* Cell of a number that is not finite; a model, which sees float32, takes NaN for missing. */
static inline int
find_special(const Profile *profile, double value)
{
	if (isnan(value))
		return profile->n_value + (profile->flags & PROFILE_SINGLE ? PROFILE_NULL : PROFILE_NAN);
	return profile->n_value + (value > 0 ? PROFILE_PLUS_INF : PROFILE_MINUS_INF);
}

/* Distance from the center in units of the second moment. */
static inline double
scale_deviation(const Profile *profile, double value)
{
	double		scale = profile_power(SECOND_BITS / 2 - profile->spread);
	double		unit = profile_power(profile->unit);

	/*
	 * what is great meets what is small first: neither product leaves the
	 * range
	 */
	return value * scale - (profile->unit > 0 ? profile->center * scale * unit : profile->center * unit * scale);
}

/* Count a value "sign" times, which is 1 or -1. */
static inline __attribute__((always_inline))
void
count_number(Profile *profile, double value, int sign)
{
	int			cell;
	double		deviation;

	value = round_number(profile, value) + 0.0; /* no negative zero */
	if (!isfinite(value))
	{
		profile_counts(profile)[find_special(profile, value)] += sign;
		return;
	}
	cell = search_edges(profile_edges(profile), profile->n_value - 1, value);
	profile_counts(profile)[cell] += sign;
	add_scaled(&profile_sums(profile)[cell], value * profile_power(-profile->unit), sign);

	deviation = scale_deviation(profile, value);
	add_scaled(&profile->second, deviation * deviation, sign);
	if (sign > 0)
	{
		if (value < profile->minimum)
			profile->minimum = value;
		if (value > profile->maximum)
			profile->maximum = value;
	}
}

void
mlops_profile_add_number(Profile *profile, double value)
{
	count_number(profile, value, 1);
}

void
mlops_profile_remove_number(Profile *profile, double value)
{
	count_number(profile, value, -1);
}

int
mlops_profile_find_number(const Profile *profile, double value)
{
	value = round_number(profile, value);
	return isfinite(value) ? search_edges(profile_edges(profile), profile->n_value - 1, value) :
		find_special(profile, value);
}

const char *
mlops_profile_short_label(const char *label, size_t *length, char *buffer)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);
	char	   *next = buffer;

	if (*length <= PROFILE_MAX_LABEL)
		return label;
	for (size_t i = 0; i < *length; i++)
		hash = (hash ^ (uint8_t) label[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	while (next < buffer + PROFILE_MAX_LABEL - 19 && !(*label & 0x80))
		*next++ = *label++;
	memcpy(next, "...", 3);
	next += 3;
	for (int shift = 60; shift >= 0; shift -= 4)
		*next++ = digits[hash >> shift & 15];
	*length = next - buffer;
	return buffer;
}

int
mlops_profile_find_label(const Profile *profile, const char *label, size_t length)
{
	const uint32_t *offsets = profile_offsets(profile);
	const char *labels = profile_labels(profile);
	char		buffer[PROFILE_MAX_LABEL];
	int			low = 0;
	int			high = profile->n_value;

	label = mlops_profile_short_label(label, &length, buffer);
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = mlops_profile_compare_labels(labels + offsets[middle],
														 offsets[middle + 1] - offsets[middle], label, length);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return profile->n_value + (profile->flags & PROFILE_DROPPED ? PROFILE_OTHER : PROFILE_UNSEEN);
}

void
mlops_profile_add_label(Profile *profile, const char *label, size_t length)
{
	profile_counts(profile)[mlops_profile_find_label(profile, label, length)]++;
}

void
mlops_profile_remove_label(Profile *profile, const char *label, size_t length)
{
	profile_counts(profile)[mlops_profile_find_label(profile, label, length)]--;
}

void
mlops_profile_add_null(Profile *profile)
{
	profile_counts(profile)[profile->n_value + PROFILE_NULL]++;
}

void
mlops_profile_remove_null(Profile *profile)
{
	profile_counts(profile)[profile->n_value + PROFILE_NULL]--;
}

static bool
fits_count(int64_t a, int64_t b)
{
	int64_t		sum;

	return !__builtin_add_overflow(a, b, &sum) && sum >= -PROFILE_MAX_COUNT && sum <= PROFILE_MAX_COUNT;
}

static bool
fits_sum(ProfileSum a, ProfileSum b)
{
	ProfileSum	sum;

	return !__builtin_add_overflow(a, b, &sum) && sum >= -MAX_SUM && sum <= MAX_SUM;
}

static void
widen_extremes(Profile *profile, double minimum, double maximum)
{
	if (minimum < profile->minimum)
		profile->minimum = minimum;
	if (maximum > profile->maximum)
		profile->maximum = maximum;
}

bool
mlops_profile_can_merge(const Profile *into, const Profile *from)
{
	if (!mlops_profile_same_cells(into, from))
		return false;
	for (int i = 0; i < into->n_value + N_PROFILE_SPECIALS; i++)
		if (!fits_count(profile_counts(into)[i], profile_counts(from)[i]))
			return false;
	if (into->kind != PROFILE_NUMERIC)
		return true;
	for (int i = 0; i < into->n_value; i++)
		if (!fits_sum(profile_load(&profile_sums(into)[i]), profile_load(&profile_sums(from)[i])))
			return false;
	return fits_sum(profile_load(&into->second), profile_load(&from->second));
}

bool
mlops_profile_merge(Profile *into, const Profile *from)
{
	if (!mlops_profile_can_merge(into, from))
		return false;
	for (int i = 0; i < into->n_value + N_PROFILE_SPECIALS; i++)
		profile_counts(into)[i] += profile_counts(from)[i];
	if (into->kind != PROFILE_NUMERIC)
		return true;
	for (int i = 0; i < into->n_value; i++)
		profile_add_sum(&profile_sums(into)[i], profile_load(&profile_sums(from)[i]));
	profile_add_sum(&into->second, profile_load(&from->second));
	widen_extremes(into, from->minimum, from->maximum);
	return true;
}

bool
mlops_profile_add_cell(Profile *profile, int cell, int64_t count, ProfileSum total)
{
	bool		has_sum = profile->kind == PROFILE_NUMERIC && cell >= 0 && cell < profile->n_value;

	if (cell < 0 || cell >= profile->n_value + N_PROFILE_SPECIALS ||
		!fits_count(profile_counts(profile)[cell], count))
		return false;
	if (has_sum)
	{
		if (!fits_sum(profile_load(&profile_sums(profile)[cell]), total))
			return false;
		profile_add_sum(&profile_sums(profile)[cell], total);
	}
	else if (total != 0)
		return false;
	profile_counts(profile)[cell] += count;
	return true;
}

bool
mlops_profile_add_moments(Profile *profile, ProfileSum second, double minimum, double maximum)
{
	bool		is_empty = minimum == INFINITY && maximum == -INFINITY;

	if (profile->kind != PROFILE_NUMERIC)
		return second == 0 && is_empty;
	if (!fits_sum(profile_load(&profile->second), second) ||
		!(is_empty || (isfinite(minimum) && isfinite(maximum) && minimum <= maximum)))
		return false;
	profile_add_sum(&profile->second, second);
	widen_extremes(profile, minimum + 0.0, maximum + 0.0);
	return true;
}
