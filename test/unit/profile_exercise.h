/*-------------------------------------------------------------------------
 *
 * profile_exercise.h
 *	  Do everything with bytes that may be a profile; for unit tests and fuzzers.
 *
 * What the check accepts must be safe to use, and its text must bring it back.
 * The functions abort otherwise; reads beyond the end are the sanitizer's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_EXERCISE_H
#define MLOPS_PROFILE_EXERCISE_H

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drift/profile_image.h"
#include "drift/profile_set.h"

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

static inline void *
exercise_copy(const void *bytes, size_t size)
{
	return size > 0 ? memcpy(malloc(size), bytes, size) : malloc(1);
}

/* Text and back. */
static inline void
exercise_text(const Profile *profile)
{
	size_t		length = mlops_profile_print(profile, NULL, 0);
	char	   *text = malloc(length);
	const char *next = text;
	const char *why;
	Profile    *copy;

	REQUIRE(mlops_profile_print(profile, text, length) == length);
	REQUIRE(mlops_profile_parse(&next, text +length, NULL, &why) == mlops_profile_size(profile));
	copy = malloc(mlops_profile_size(profile));
	REQUIRE(mlops_profile_parse(&next, text +length, copy, &why) == mlops_profile_size(profile));
	REQUIRE(next == text +length && mlops_profile_equal(copy, profile));
	free(copy);
	free(text);
}

/* Count values and take them back: only extremes may stay. */
static inline void
exercise_counting(const Profile *profile)
{
	static const double numbers[] = {
		0, -0.0, 1, -1e-300, 5e-324, 1e6, -1e6, DBL_MAX, -DBL_MAX, NAN, INFINITY, -INFINITY, 0.1
	};
	static const char label[400] = "a label";
	const size_t lengths[] = {0, 1, 7, 255, 256, 400};
	Profile    *copy = exercise_copy(profile, mlops_profile_size(profile));

	if (mlops_profile_kind(copy) == PROFILE_NUMERIC)
	{
		for (int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			mlops_profile_add_number(copy, numbers[i]);
		for (int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			mlops_profile_remove_number(copy, numbers[i]);
	}
	else
	{
		for (int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
			mlops_profile_add_label(copy, label, lengths[i]);
		for (int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
			mlops_profile_remove_label(copy, label, lengths[i]);
	}
	mlops_profile_add_null(copy);
	mlops_profile_remove_null(copy);
	copy->minimum = profile->minimum;
	copy->maximum = profile->maximum;
	REQUIRE(mlops_profile_equal(copy, profile));
	free(copy);
}

static inline void
exercise_merging(const Profile *profile)
{
	Profile    *copy = exercise_copy(profile, mlops_profile_size(profile));
	const char *why;

	if (mlops_profile_merge(copy, profile))
		REQUIRE(mlops_profile_check(copy, mlops_profile_size(copy), &why));
	else
		REQUIRE(mlops_profile_equal(copy, profile));
	mlops_profile_clear(copy);
	REQUIRE(mlops_profile_check(copy, mlops_profile_size(copy), &why));
	REQUIRE(mlops_profile_rows(copy) == 0);
	REQUIRE(mlops_profile_merge(copy, profile) && mlops_profile_equal(copy, profile));
	free(copy);
}

static inline void
exercise_profile(const Profile *profile)
{
	size_t		length;
	int64_t		rows = 0;

	for (int i = 0; i < mlops_profile_cells(profile); i++)
	{
		const char *label = mlops_profile_label(profile, i, &length);

		rows += mlops_profile_count(profile, i);
		if (label != NULL)
			REQUIRE(mlops_profile_find_label(profile, label, length) == i);
		else if (i < mlops_profile_value_cells(profile) && isfinite(mlops_profile_upper(profile, i)))
			REQUIRE((mlops_profile_flags(profile) & PROFILE_SINGLE) ||
					mlops_profile_find_number(profile, mlops_profile_upper(profile, i)) == i);
		mlops_profile_cell_mean(profile, i);
		mlops_profile_cell_sum(profile, i);
		if (i < mlops_profile_value_cells(profile))
			mlops_profile_is_atom(profile, i);
	}
	REQUIRE(mlops_profile_rows(profile) == rows);
	mlops_profile_mean(profile);
	mlops_profile_variance(profile);
	mlops_profile_deviation(profile);
	for (int i = -1; i <= 9; i++)
		mlops_profile_quantile(profile, i / 8.0);
	exercise_text(profile);
	exercise_counting(profile);
	exercise_merging(profile);
}

/* Whether the check accepts the bytes, if only the digest is mended; "profile" is ours. */
static inline bool
accept_profile(Profile *profile, size_t size)
{
	const char *why;

	if (mlops_profile_check(profile, size, &why))
		return true;
	if (strcmp(why, "wrong digest") != 0)
		return false;
	mlops_profile_seal(profile);
	return mlops_profile_check(profile, size, &why);
}

static inline void
exercise_set(const ProfileSet *set)
{
	size_t		size = mlops_profile_set_size(set);
	ProfileSet *copy = exercise_copy(set, size);
	size_t		length = mlops_profile_set_print(set, NULL, 0);
	char	   *text = malloc(length);
	const char *next = text;
	const char *why;

	for (int i = 0; i < mlops_profile_set_count(set); i++)
	{
		size_t		name_length;
		const char *name = mlops_profile_set_name(set, i, &name_length);

		REQUIRE(mlops_profile_set_find(set, name, name_length) == i);
	}
	mlops_profile_set_clear(copy);
	REQUIRE(mlops_profile_set_merge(copy, set));
	if (mlops_profile_set_merge(copy, set))
		REQUIRE(mlops_profile_set_check(copy, size, &why));
	REQUIRE(mlops_profile_set_print(set, text, length) == length);
	REQUIRE(mlops_profile_set_parse(&next, text +length, NULL, &why) == size);
	REQUIRE(mlops_profile_set_parse(&next, text +length, copy, &why) == size);
	REQUIRE(mlops_profile_set_check(copy, size, &why) && next == text +length);
	free(text);
	free(copy);
}

/* Any text: what is accepted has a canonical form that reads the same. */
static inline void
exercise_any_text(const char *text, size_t length)
{
	const char *next = text;
	const char *why = NULL;
	size_t		size = mlops_profile_parse(&next, text +length, NULL, &why);
	Profile    *profile;

	if (size == 0)
	{
		REQUIRE(why != NULL);
		return;
	}
	profile = malloc(size);
	if (mlops_profile_parse(&next, text +length, profile, &why) == size)
		exercise_profile(profile);
	else
		REQUIRE(why != NULL);
	REQUIRE(next >= text &&next <= text +length);
	free(profile);
}

static inline void
exercise_any_set_text(const char *text, size_t length)
{
	const char *next = text;
	const char *why = NULL;
	size_t		size = mlops_profile_set_parse(&next, text +length, NULL, &why);
	ProfileSet *set;

	if (size == 0)
	{
		REQUIRE(why != NULL);
		return;
	}
	set = malloc(size);
	if (mlops_profile_set_parse(&next, text +length, set, &why) == size)
		exercise_set(set);
	else
		REQUIRE(why != NULL);
	free(set);
}

#endif							/* MLOPS_PROFILE_EXERCISE_H */
