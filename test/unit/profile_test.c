/*-------------------------------------------------------------------------
 *
 * profile_test.c
 *	  Profiles: cells, exact merging, edge cases, hostile bytes.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drift/profile.h"
#include "../random.h"
#include "profile_exercise.h"
#include "unit.h"

#define SEED 505
#define N_VALUES 20000

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The profile passes the check and stands everything. */
static Profile *
check_valid(Profile *profile, const char *name)
{
	const char *why;

	if (CHECK(mlops_profile_check(profile, mlops_profile_size(profile), &why), name))
		exercise_profile(profile);
	return profile;
}

/* A reference of "n" finite values, which get sorted, with nothing counted yet. */
static Profile *
make_cells(double *values, int n, int cells, unsigned flags)
{
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_NUMERIC, cells));
	Profile    *profile;

	qsort(values, n, sizeof(double), compare_doubles);
	mlops_profile_builder_init(builder, PROFILE_NUMERIC, cells, flags, n);
	for (int i = 0; i < n; i++)
		mlops_profile_builder_add_number(builder, values[i]);
	profile = malloc(mlops_profile_build_size(builder));
	mlops_profile_build(builder, profile);
	free(builder);
	return profile;
}

static Profile *
make_reference(double *values, int n, int cells)
{
	Profile    *profile = make_cells(values, n, cells, 0);

	for (int i = 0; i < n; i++)
		mlops_profile_add_number(profile, values[i]);
	return check_valid(profile, "reference");
}

static Profile *
copy_profile(const Profile *profile)
{
	return memcpy(malloc(mlops_profile_size(profile)), profile, mlops_profile_size(profile));
}

static bool
is_near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance * fmax(1e-300, fabs(b));
}

/* Continuous values: every cell has its share, and its mean. */
static void
test_numbers(void)
{
	static double values[N_VALUES];
	double		sum = 0;
	double		square = 0;
	Profile    *profile;

	for (int i = 0; i < N_VALUES; i++)
		values[i] = 1e3 + log(draw_uniform() + 1e-9);
	profile = make_reference(values, N_VALUES, 20);
	CHECK(mlops_profile_value_cells(profile) == 22, "20 cells and two outer ones");
	CHECK(mlops_profile_count(profile, 0) == 0 && mlops_profile_count(profile, 21) == 0, "nothing outside");
	for (int i = 1; i <= 20; i++)
	{
		double		cell_sum = 0;

		CHECK(mlops_profile_count(profile, i) == N_VALUES / 20, "equal shares");
		CHECK(mlops_profile_upper(profile, i) == values[i * (N_VALUES / 20) - 1], "edges are quantiles");
		for (int j = (i - 1) * (N_VALUES / 20); j < i * (N_VALUES / 20); j++)
			cell_sum += values[j];
		CHECK(is_near(mlops_profile_cell_mean(profile, i), cell_sum / (N_VALUES / 20), 1e-14), "mean of a cell");
		CHECK(mlops_profile_quantile(profile, i / 20.0) == values[i * (N_VALUES / 20) - 1], "quantile at an edge");
		CHECK(!mlops_profile_is_atom(profile, i), "no atom");
	}
	for (int i = 0; i < N_VALUES; i++)
		sum += values[i] / N_VALUES;
	for (int i = 0; i < N_VALUES; i++)
		square += (values[i] - sum) * (values[i] - sum) / N_VALUES;
	CHECK(is_near(mlops_profile_mean(profile), sum, 1e-14), "mean");
	CHECK(is_near(mlops_profile_variance(profile), square, 1e-10), "variance");
	CHECK(mlops_profile_min(profile) == values[0], "minimum");
	CHECK(mlops_profile_max(profile) == values[N_VALUES - 1], "maximum");
	CHECK(mlops_profile_rows(profile) == N_VALUES, "rows");
	CHECK(mlops_profile_quantile(profile, 0) == values[0], "lowest quantile");
	CHECK(mlops_profile_quantile(profile, 1) == values[N_VALUES - 1], "highest quantile");
	free(profile);
}

/* The cell of a value is the number of edges below it, however many there are. */
static void
test_search(void)
{
	static double values[1003];

	for (int cells = 1; cells <= 300; cells += cells < 70 ? 1 : 23)
	{
		Profile    *profile;
		int			n_wrong = 0;

		for (int i = 0; i < 1003; i++)
			values[i] = i;
		profile = make_reference(values, 1003, cells);
		for (double value = -2; value < 1005; value += 0.25)
		{
			int			cell = 0;

			while (cell < mlops_profile_value_cells(profile) - 1 && mlops_profile_upper(profile, cell) < value)
				cell++;
			n_wrong += mlops_profile_find_number(profile, value) != cell;
		}
		CHECK(n_wrong == 0, "search");
		for (int j = 1; j < cells; j++)
			CHECK(mlops_profile_upper(profile, j) == (j * 1003 + cells - 1) / cells - 1, "rank of an edge");
		free(profile);
	}
}

/* Few distinct values, constants, one row, none. */
static void
test_atoms(void)
{
	double		few[] = {0, 0, 0, 1, 1, 5, 5, 5, 5, -0.0};
	double		one[] = {42};
	double		inflated[1000];
	Profile    *profile = make_reference(few, 10, 20);
	const int64_t expected[] = {0, 4, 0, 2, 0, 4, 0};

	CHECK(mlops_profile_value_cells(profile) == 7, "an atom per value");
	for (int i = 0; i < 7; i++)
	{
		CHECK(mlops_profile_count(profile, i) == expected[i], "counts of atoms");
		CHECK(mlops_profile_is_atom(profile, i) == (i % 2 == 1), "every other cell");
	}
	CHECK(mlops_profile_quantile(profile, 0.5) == 1, "median is an atom");
	CHECK(mlops_profile_find_number(profile, 0.5) == 2, "between atoms");
	CHECK(mlops_profile_find_number(profile, -1e-300) == 0, "below all");
	CHECK(mlops_profile_find_number(profile, nextafter(5, 6)) == 6, "above all");
	free(profile);

	profile = make_reference(one, 1, 20);
	CHECK(mlops_profile_value_cells(profile) == 3 && mlops_profile_count(profile, 1) == 1, "one row");
	CHECK(mlops_profile_mean(profile) == 42 && mlops_profile_variance(profile) == 0, "moments of one row");
	for (int i = 0; i <= 10; i++)
		CHECK(mlops_profile_quantile(profile, i / 10.0) == 42, "quantiles of one row");
	mlops_profile_add_number(profile, 44);
	CHECK(mlops_profile_variance(profile) == 1, "away from a constant");
	free(profile);

	profile = make_reference(one, 0, 20);
	CHECK(mlops_profile_value_cells(profile) == 1 && mlops_profile_rows(profile) == 0, "no rows");
	CHECK(isnan(mlops_profile_mean(profile)) && isnan(mlops_profile_quantile(profile, 0.5)) &&
		  isnan(mlops_profile_min(profile)), "nothing known of no rows");
	mlops_profile_add_number(profile, 3);
	CHECK(mlops_profile_mean(profile) == 3, "mean on the cells of no rows");
	free(profile);

	for (int i = 0; i < 1000; i++)
		inflated[i] = i < 530 ? 0 : i / 100.0;
	profile = make_reference(inflated, 1000, 10);
	CHECK(mlops_profile_is_atom(profile, 1) && mlops_profile_count(profile, 1) == 530, "many zeros");
	CHECK(mlops_profile_count(profile, 2) == 70, "then up to the next decile");
	CHECK(mlops_profile_value_cells(profile) == 8, "and further deciles");
	free(profile);

	/* one row in ten makes an atom, one less does not */
	for (int n = 9; n <= 10; n++)
	{
		for (int i = 0; i < 100; i++)
			inflated[i] = i >= 55 && i < 55 + n ? 55 : i;
		profile = make_reference(inflated, 100, 10);
		CHECK(mlops_profile_is_atom(profile, mlops_profile_find_number(profile, 55)) == (n == 10), "share of an atom");
		free(profile);
	}
	inflated[0] = -0.0;
	profile = make_reference(inflated, 1, 10);
	CHECK(!signbit(mlops_profile_min(profile)) && !signbit(mlops_profile_upper(profile, 1)), "no negative zero");
	free(profile);
}

/* NULL, NaN and infinite values have cells of their own and leave sums alone. */
static void
test_specials(void)
{
	double		values[] = {1, 2, 3, 4};
	Profile    *profile = make_reference(values, 4, 2);
	int			n = mlops_profile_value_cells(profile);

	mlops_profile_add_null(profile);
	mlops_profile_add_number(profile, NAN);
	mlops_profile_add_number(profile, NAN);
	mlops_profile_add_number(profile, INFINITY);
	mlops_profile_add_number(profile, -INFINITY);
	check_valid(profile, "special cells");
	CHECK(mlops_profile_count(profile, n + PROFILE_NULL) == 1, "NULL");
	CHECK(mlops_profile_count(profile, n + PROFILE_NAN) == 2, "NaN");
	CHECK(mlops_profile_count(profile, n + PROFILE_PLUS_INF) == 1, "Inf");
	CHECK(mlops_profile_count(profile, n + PROFILE_MINUS_INF) == 1, "-Inf");
	CHECK(mlops_profile_rows(profile) == 9 && mlops_profile_values(profile) == 4, "rows and values");
	CHECK(mlops_profile_mean(profile) == 2.5 && mlops_profile_max(profile) == 4, "moments");
	CHECK(isnan(mlops_profile_lower(profile, n)) && isnan(mlops_profile_cell_sum(profile, n)), "no bounds");
	free(profile);
}

/* float32 rounding: 0.1 falls into the atom of 0.1f, 1e300 is infinite. */
static void
test_single(void)
{
	double		values[] = {0.1f, 0.1f, 0.5f};
	Profile    *profile = make_cells(values, 3, 20, PROFILE_SINGLE);

	mlops_profile_add_number(profile, 0.1);
	CHECK(mlops_profile_count(profile, 1) == 1, "0.1 is 0.1f");
	CHECK(mlops_profile_find_number(profile, 0.1) == 1, "found there too");
	mlops_profile_add_number(profile, 1e300);
	CHECK(mlops_profile_count(profile, mlops_profile_value_cells(profile) + PROFILE_PLUS_INF) == 1, "overflow");
	mlops_profile_add_number(profile, NAN);
	CHECK(mlops_profile_count(profile, mlops_profile_value_cells(profile) + PROFILE_NULL) == 1, "NaN is missing");
	check_valid(profile, "single");
	free(profile);
}

/* The ends of the range of float64: finite answers without undefined behaviour. */
static void
test_extremes(void)
{
	double		wide[] = {-DBL_MAX, -1, 0, 1, DBL_MAX};
	double		high[] = {DBL_MAX, DBL_MAX, DBL_MAX};
	double		low[] = {DBL_TRUE_MIN, 0, 2 * DBL_TRUE_MIN};
	static double tiny[N_VALUES];
	static double normal[N_VALUES];
	Profile    *profile = make_reference(wide, 5, 3);
	double		sum = 0;

	CHECK(mlops_profile_mean(profile) == 0 && isfinite(mlops_profile_deviation(profile)), "widest range");
	CHECK(mlops_profile_lower(profile, 1) == -INFINITY && mlops_profile_count(profile, 0) == 0, "lowest value");
	free(profile);
	profile = make_reference(high, 3, 20);
	CHECK(mlops_profile_mean(profile) == DBL_MAX && mlops_profile_variance(profile) == 0, "highest constant");
	free(profile);
	profile = make_reference(low, 3, 2);
	mlops_profile_add_number(profile, DBL_MAX);
	mlops_profile_add_number(profile, -DBL_MAX);
	CHECK(mlops_profile_cell_sum(profile, 0) < 0, "limit of negative values");
	CHECK(mlops_profile_cell_sum(profile, mlops_profile_value_cells(profile) - 1) > 0, "limit of positive values");
	check_valid(profile, "lowest values");
	free(profile);

	for (int i = 0; i < N_VALUES; i++)
		tiny[i] = (draw_uniform() - 0.5) * 1e-300;
	profile = make_reference(tiny, N_VALUES, 20);
	CHECK(is_near(mlops_profile_deviation(profile) * 1e300, sqrt(1 / 12.0), 0.02), "tiny deviation");
	CHECK(mlops_profile_value_cells(profile) == 22, "cells of tiny values");
	free(profile);

	/* one far outlier in the current rows: sums stay exact */
	for (int i = 0; i < N_VALUES; i++)
		normal[i] = draw_uniform() + draw_uniform() + draw_uniform() - 1.5;
	profile = mlops_profile_clear(make_reference(normal, N_VALUES, 20));
	for (int i = 0; i < N_VALUES; i++)
	{
		mlops_profile_add_number(profile, normal[i]);
		sum += normal[i];
	}
	mlops_profile_add_number(profile, 1e6);
	CHECK(is_near(mlops_profile_mean(profile), (sum + 1e6) / (N_VALUES + 1), 1e-13), "mean with an outlier");
	CHECK(is_near(mlops_profile_variance(profile), 1e12 / N_VALUES, 1e-3), "variance with an outlier");
	CHECK(mlops_profile_count(profile, 21) == 1, "outlier is outside");
	free(profile);
}

/* Any split of the rows, merged in any order, gives the same bits; removal undoes. */
static void
test_merge(void)
{
	static double values[N_VALUES];
	Profile    *all;
	Profile    *part[16];
	Profile    *sum;
	Profile    *other;
	double		few[] = {1, 2, 3};

	for (int i = 0; i < N_VALUES; i++)
		values[i] = exp(20 * draw_uniform() - 10) * (i % 3 - 1);
	all = make_reference(values, N_VALUES, 50);
	for (int round = 0; round < 20; round++)
	{
		for (int i = 0; i < 16; i++)
			part[i] = mlops_profile_clear(copy_profile(all));
		for (int i = 0; i < N_VALUES; i++)
			mlops_profile_add_number(part[draw() % 16], values[(i * 7919) % N_VALUES]);
		for (int i = 15; i > 0; i--)
		{
			int			j = draw() % (i + 1);
			Profile    *swap = part[i];

			part[i] = part[j];
			part[j] = swap;
		}
		sum = mlops_profile_clear(copy_profile(all));
		for (int i = 0; i < 16; i++)
		{
			CHECK(mlops_profile_merge(sum, part[i]), "merge");
			free(part[i]);
		}
		CHECK(mlops_profile_equal(sum, all), "equal to the last bit");
		free(sum);
	}

	sum = mlops_profile_clear(copy_profile(all));
	for (int i = 0; i < mlops_profile_cells(all); i++)
		CHECK(mlops_profile_add_cell(sum, i, mlops_profile_count(all, i), mlops_profile_cell_total(all, i)), "cell");
	CHECK(mlops_profile_add_moments(sum, mlops_profile_second_moment(all), mlops_profile_min(all),
									mlops_profile_max(all)), "moments");
	CHECK(mlops_profile_equal(sum, all), "the parts make the whole");
	for (int i = 0; i < N_VALUES; i++)
		mlops_profile_remove_number(sum, values[i]);
	CHECK(mlops_profile_rows(sum) == 0 && mlops_profile_second_moment(sum) == 0, "all removed");
	mlops_profile_remove_number(sum, values[5]);
	check_valid(sum, "negative counts are valid");

	other = make_reference(few, 3, 50);
	CHECK(!mlops_profile_merge(sum, other), "other cells do not merge");
	CHECK(mlops_profile_add_cell(other, 1, PROFILE_MAX_COUNT - 1, 0), "full cell");
	part[0] = copy_profile(other);
	CHECK(!mlops_profile_merge(other, part[0]) && mlops_profile_equal(other, part[0]), "overflow changes nothing");
	free(part[0]);
	free(sum);
	free(other);
	free(all);
}

static Profile *
make_labels(const char *const *labels, const int64_t *counts, int n, int cells)
{
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_CATEGORICAL, cells));
	Profile    *profile;

	mlops_profile_builder_init(builder, PROFILE_CATEGORICAL, cells, 0, 0);
	for (int i = 0; i < n; i++)
		mlops_profile_builder_add_label(builder, labels[i], strlen(labels[i]), counts[i]);
	profile = malloc(mlops_profile_build_size(builder));
	mlops_profile_build(builder, profile);
	free(builder);
	return check_valid(profile, "labels");
}

static bool
has_label(const Profile *profile, int cell, const char *label)
{
	size_t		length;
	const char *ours = mlops_profile_label(profile, cell, &length);

	return length == strlen(label) && memcmp(ours, label, length) == 0;
}

static void
test_labels(void)
{
	static const char *const labels[] = {"north", "", "south", "\xff\xfe", "east", "n"};
	static const int64_t counts[] = {5, 3, 9, 2, 2, 2};
	Profile    *all = make_labels(labels, counts, 6, 50);
	Profile    *top = make_labels(labels, counts, 6, 4);
	Profile    *none = make_labels(labels, counts, 0, 4);
	int			n = mlops_profile_value_cells(all);
	size_t		length;

	CHECK(n == 6, "all labels kept");
	CHECK(has_label(all, 0, "") && has_label(all, 1, "east") && has_label(all, 2, "n") &&
		  has_label(all, 3, "north") && has_label(all, 4, "south") && has_label(all, 5, "\xff\xfe"), "sorted");
	CHECK(mlops_profile_count(all, 3) == 5 && mlops_profile_rows(all) == 23, "counts");
	for (int i = 0; i < 6; i++)
	{
		const char *label = mlops_profile_label(all, i, &length);

		CHECK(mlops_profile_find_label(all, label, length) == i, "found");
	}
	CHECK(mlops_profile_find_label(all, "west", 4) == n + PROFILE_UNSEEN, "unseen");
	mlops_profile_add_label(all, "south", 5);
	CHECK(mlops_profile_count(all, 4) == 10, "one more");

	CHECK(mlops_profile_value_cells(top) == 4 && mlops_profile_count(top, 4 + PROFILE_OTHER) == 4, "others");
	CHECK(has_label(top, 0, "") && has_label(top, 1, "east"), "of equal ones the first is kept");
	CHECK(mlops_profile_find_label(top, "west", 4) == 4 + PROFILE_OTHER, "cannot tell unseen from other");
	CHECK(mlops_profile_rows(top) == 23, "no row lost");
	CHECK(!mlops_profile_merge(all, top), "other labels do not merge");

	CHECK(mlops_profile_value_cells(none) == 0, "no labels");
	mlops_profile_add_label(none, "x", 1);
	CHECK(mlops_profile_count(none, PROFILE_UNSEEN) == 1, "everything is unseen");
	CHECK(isnan(mlops_profile_mean(all)) && isnan(mlops_profile_cell_mean(all, 1)) &&
		  isnan(mlops_profile_lower(all, 1)), "labels have no moments");
	free(all);
	free(top);
	free(none);
}

/* Long labels stay distinct; the most frequent of many are kept. */
static void
test_many_labels(void)
{
	static char text[1000][400];
	static const char *labels[1000];
	static int64_t counts[1000];
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_CATEGORICAL, 50));
	Profile    *profile;

	for (int i = 0; i < 1000; i++)
	{
		memset(text[i], 'x', 300);
		snprintf(text[i] + 300, 20, "%d", i);
		labels[i] = text[i];

		counts[i] = i + 1;
	}
	profile = make_labels(labels, counts, 1000, 1000);
	CHECK(mlops_profile_value_cells(profile) == 1000, "long labels are distinct");
	for (int i = 0; i < 1000; i++)
		CHECK(mlops_profile_count(profile, mlops_profile_find_label(profile, labels[i], strlen(labels[i]))) == i + 1,
			  "long labels are found");
	free(profile);

	mlops_profile_builder_init(builder, PROFILE_CATEGORICAL, 50, 0, 0);
	for (int i = 0; i < 100000; i++)
	{
		int			k = (int) ((int64_t) i * 77773 % 100000);
		int			length = snprintf(text[0], sizeof(text[0]), "c%d", k);

		mlops_profile_builder_add_label(builder, text[0], length, k + 1);
	}
	profile = malloc(mlops_profile_build_size(builder));
	check_valid(mlops_profile_build(builder, profile), "many labels");
	for (int i = 0; i < 50; i++)
		CHECK(mlops_profile_count(profile, i) > 100000 - 50, "the most frequent are kept");
	CHECK(mlops_profile_rows(profile) == INT64_C(100000) * 100001 / 2, "all rows are counted");
	free(builder);
	free(profile);
}

/* Bytes cut short anywhere, with the size that stands in them or the true one. */
static void
test_truncation(const Profile *profile, const char *name)
{
	const char *why;

	for (size_t size = 0; size < mlops_profile_size(profile); size++)
	{
		Profile    *copy = exercise_copy(profile, size);
		uint32_t	word = (uint32_t) size;

		CHECK(!mlops_profile_check(copy, size, &why), name);
		if (size >= 8)
			memcpy((char *) copy + 4, &word, sizeof(word));
		CHECK(!mlops_profile_check(copy, size, &why), name);
		free(copy);
	}
}

/* Every byte changed in every bit, with the digest mended: refused, or safe to use. */
static void
test_flips(const Profile *profile, const char *name)
{
	size_t		size = mlops_profile_size(profile);
	int			n_accepted = 0;
	int			n_refused = 0;

	for (size_t i = 4; i < size; i++)
		for (int bit = 0; bit < 9; bit++)
		{
			Profile    *copy = exercise_copy(profile, size);

			((uint8_t *) copy)[i] ^= bit < 8 ? 1 << bit : 0xff;
			if (accept_profile(copy, size))
			{
				exercise_profile(copy);
				n_accepted++;
			}
			else
				n_refused++;
			free(copy);
		}
	CHECK(n_accepted > 0 && n_refused > 0, name);
}

/* The text cut short anywhere, and every byte of it changed. */
static void
test_texts(const Profile *profile, const char *name)
{
	size_t		length = mlops_profile_print(profile, NULL, 0);
	char	   *text = malloc(length);
	const char *next;
	const char *why;

	mlops_profile_print(profile, text, length);
	for (size_t size = 0; size < length; size++)
	{
		char	   *copy = exercise_copy(text, size);
		Profile    *memory = malloc(mlops_profile_size(profile));

		next = copy;
		if (mlops_profile_parse(&next, copy + size, NULL, &why) > 0)
			CHECK(mlops_profile_parse(&next, copy + size, memory, &why) == 0 && why != NULL, name);
		free(memory);
		free(copy);
	}
	for (size_t i = 0; i < length; i++)
		for (int change = 0; change < 6; change++)
		{
			char	   *copy = exercise_copy(text, length);

			copy[i] = "\"-9,]\0"[change];
			exercise_any_text(copy, length);
			free(copy);
		}
	free(text);
}

static void
test_hostile(void)
{
	static const char *const labels[] = {"north", "", "south", "\"\\\n", "east", "n"};
	static const int64_t counts[] = {5, 3, 9, 2, 2, 2};
	double		values[40];
	Profile    *number;
	Profile    *label = make_labels(labels, counts, 6, 5);

	for (int i = 0; i < 40; i++)
		values[i] = i < 20 ? 0 : exp(10 * draw_uniform());
	number = make_reference(values, 40, 5);
	test_truncation(number, "truncated numbers");
	test_truncation(label, "truncated labels");
	test_flips(number, "changed numbers");
	test_flips(label, "changed labels");
	test_texts(number, "text of numbers");
	test_texts(label, "text of labels");
	free(number);
	free(label);
}

static bool
parses(const char *text)
{
	const char *next = text;
	const char *why;
	size_t		size = mlops_profile_parse(&next, text +strlen(text), NULL, &why);
	Profile    *profile = size > 0 ? malloc(size) : NULL;
	bool		ok = profile != NULL && mlops_profile_parse(&next, text +strlen(text), profile, &why) > 0;

	free(profile);
	return ok;
}

#define CATEGORICAL "{\"format\": 1, \"kind\": \"categorical\", \"dropped\": false, \"labels\": "
#define SPECIALS ", \"other\": 0, \"unseen\": 0, \"null\": 0}"

/* Texts that other tools may write. */
static void
test_foreign_text(void)
{
	char text[	1024];

	for (int length = 254; length <= 256; length++)
	{
		snprintf(text, sizeof(text), CATEGORICAL "[\"%0*d\"], \"counts\": [1]" SPECIALS, length, 0);
		CHECK(parses(text) == (length <= PROFILE_MAX_LABEL), "length of a label");
	}
	CHECK(parses(CATEGORICAL "[\"b\", \"a\"], \"counts\": [1, 2]" SPECIALS), "labels in another order");
	CHECK(!parses(CATEGORICAL "[\"a\", \"a\"], \"counts\": [1, 2]" SPECIALS), "a label twice");
	CHECK(parses(CATEGORICAL "[\"\\u0041\\n\\/\"], \"counts\": [1]" SPECIALS), "escapes");
	CHECK(!parses(CATEGORICAL "[\"\\u00e9\"], \"counts\": [1]" SPECIALS), "escape beyond ASCII");
	CHECK(!parses(CATEGORICAL "[\"\\u0000\"], \"counts\": [1]" SPECIALS), "escaped zero");
	CHECK(!parses(CATEGORICAL "[\"a\"], \"counts\": [1, 2]" SPECIALS), "more counts than cells");
	CHECK(!parses(CATEGORICAL "[\"a\"], \"counts\": []" SPECIALS), "fewer counts than cells");
	CHECK(!parses(CATEGORICAL "[\"a\"], \"counts\": [1099511627777]" SPECIALS), "a count too large");
	CHECK(parses(CATEGORICAL "[\"a\"], \"counts\": [1099511627776]" SPECIALS), "the largest count");
	CHECK(!parses(CATEGORICAL "[\"a\"], \"counts\": [99999999999999999999999999999999999999999]" SPECIALS), "digits");
	CHECK(!parses(CATEGORICAL "[\"a\"], \"counts\": [1.5]" SPECIALS), "a fraction");
	CHECK(!parses(CATEGORICAL "[\"a\"], \"counts\": [01]" SPECIALS), "a leading zero");
	CHECK(!parses("{\"format\": 2, \"kind\": \"numeric\"}"), "another format");
	CHECK(!parses(""), "nothing");
}

/* Sets: names find their profiles, merging is all or nothing, hostile bytes are refused. */
static void
test_sets(void)
{
	static const char *const names[] = {"x", "a \"quoted\" name", "z"};
	double		values[] = {1, 2, 2, 3};
	Profile    *profile = make_reference(values, 4, 3);
	size_t		size = mlops_profile_set_start_size(3);
	ProfileSet *set;
	ProfileSet *copy;
	size_t		length;
	const char *why;

	for (int i = 0; i < 3; i++)
		size += mlops_profile_set_entry_size(strlen(names[i]), mlops_profile_size(profile));
	set = mlops_profile_set_start(malloc(size), 3);
	for (int i = 0; i < 3; i++)
		memcpy(mlops_profile_set_put(set, i, names[i], strlen(names[i]), mlops_profile_size(profile)),
			   profile, mlops_profile_size(profile));
	mlops_profile_set_seal(set);
	CHECK(mlops_profile_set_size(set) == size && mlops_profile_set_check(set, size, &why), "set");
	exercise_set(set);
	CHECK(mlops_profile_set_find(set, "y", 1) == -1, "no such name");

	copy = exercise_copy(set, size);
	mlops_profile_add_cell(mlops_profile_set_get(copy, 2), 1, PROFILE_MAX_COUNT - 1, 0);
	CHECK(!mlops_profile_set_merge(copy, copy), "overflow");
	CHECK(mlops_profile_count(mlops_profile_set_get(copy, 0), 1) == 1, "overflow changes nothing");
	free(copy);

	for (size_t i = 0; i < size; i++)
	{
		copy = exercise_copy(set, i);
		CHECK(!mlops_profile_set_check(copy, i, &why), "truncated set");
		free(copy);
		for (int bit = 0; bit < 9 && i >= 4; bit++)
		{
			copy = exercise_copy(set, size);
			((uint8_t *) copy)[i] ^= bit < 8 ? 1 << bit : 0xff;
			if (mlops_profile_set_check(copy, size, &why))
				exercise_set(copy);
			free(copy);
		}
	}
	/* a name that reaches beyond its entry, and one that comes twice */
	copy = mlops_profile_set_start(malloc(mlops_profile_set_start_size(1) + 8), 1);
	mlops_profile_set_put(copy, 0, "x", 1, 0);
	((uint8_t *) copy)[mlops_profile_set_start_size(1)] = 200;
	CHECK(!mlops_profile_set_check(copy, mlops_profile_set_size(copy), &why), "name beyond its entry");
	free(copy);
	copy = exercise_copy(set, size);
	((char *) mlops_profile_set_name(copy, 2, &length))[0] = 'x';
	mlops_profile_set_seal(copy);
	CHECK(!mlops_profile_set_check(copy, size, &why) && strstr(why, "twice") != NULL, "a name twice");
	free(copy);
	free(set);
	free(profile);
}

int
main(void)
{
	printf("profile_test: seed %d\n", SEED);
	state = SEED;
	test_numbers();
	test_search();
	test_atoms();
	test_specials();
	test_single();
	test_extremes();
	test_merge();
	test_labels();
	test_many_labels();
	test_hostile();
	test_foreign_text();
	test_sets();
	return unit_finish("profile_test");
}
