/*-------------------------------------------------------------------------
 *
 * reference_test.c
 *	  Columns of encoded rows against the same values counted one by one.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drift/profile_block.h"
#include "drift/reference_set.h"
#include "../random.h"
#include "unit.h"

#define N_ROWS 9000				/* more than two blocks of profile_block.c */
#define N_COLUMNS 9
#define STRIDE 11
#define SAMPLE 3000

/* A value of a column: one distribution each. */
static float
draw_value(int column, size_t row)
{
	double		u = draw_uniform() - 0.5;

	switch (column)
	{
		case 0:
			return (float) u;
		case 1:
			/* sums of large numbers have large units */
			return (float) (u * 3e37);
		case 2:
			return (float) (u * 1e-38);
		case 3:
			return row % 3 == 0 ? 0.1f : row % 7 == 0 ? -0.0f : (float) floor(u * 20);
		case 4:
			return row % 5 == 0 ? NAN : (float) (1e9 + u);
		case 5:
			/* outliers that the sample has not */
			return row > SAMPLE && row % 500 == 0 ? (row % 1000 == 0 ? -3e38f : 3e38f) : (float) (u * 1e-3);
		case 6:
			return row > SAMPLE && row % 700 == 0 ? (row % 1400 == 0 ? -INFINITY : INFINITY) : (float) u;
		case 7:
			return NAN;
		default:
			return 42;
	}
}

static float *
make_rows(void)
{
	float	   *rows = calloc(N_ROWS * STRIDE, sizeof(float));

	for (size_t row = 0; row < N_ROWS; row++)
		for (int column = 0; column < N_COLUMNS; column++)
			rows[row * STRIDE + column] = draw_value(column, row);
	return rows;
}

static void
make_columns(ReferenceColumn *columns, const float *rows)
{
	memset(columns, 0, sizeof(ReferenceColumn) * N_COLUMNS);
	for (int i = 0; i < N_COLUMNS; i++)
		columns[i].n_categories = -1;
	CHECK(mlops_reference_build(columns, N_COLUMNS, rows, STRIDE, SAMPLE), "build");
}

static void
check_columns(const ReferenceColumn *a, const ReferenceColumn *b, const char *name)
{
	for (int i = 0; i < N_COLUMNS; i++)
	{
		const char *why = "";
		char text[	64];

		snprintf(text, sizeof(text), "%s, column %d", name, i);
		CHECK(mlops_profile_equal(a[i].profile, b[i].profile), text);
		CHECK(mlops_profile_check(a[i].profile, mlops_profile_size(a[i].profile), &why), text);
		CHECK(mlops_profile_rows(a[i].profile) == N_ROWS, text);
	}
}

/* Blocks, parts and any order of merges give the bytes of one value after the other. */
static void
test_numbers(const float *rows)
{
	ReferenceColumn columns[N_COLUMNS];
	ReferenceColumn *single;
	ReferenceColumn *parts[3];
	static const size_t start[4] = {0, 1, 4097, N_ROWS};

	make_columns(columns, rows);
	single = mlops_reference_clone(columns, N_COLUMNS);
	for (size_t row = 0; row < N_ROWS; row++)
		for (int i = 0; i < N_COLUMNS; i++)
			mlops_profile_add_number(single[i].profile, rows[row * STRIDE + i]);
	for (int i = 0; i < 3; i++)
	{
		parts[i] = mlops_reference_clone(columns, N_COLUMNS);
		mlops_reference_count(parts[i], N_COLUMNS, rows + start[i] * STRIDE, STRIDE, start[i + 1] - start[i]);
	}
	mlops_reference_count(columns, N_COLUMNS, rows, STRIDE, N_ROWS);
	check_columns(columns, single, "blocks");
	CHECK(mlops_reference_merge(parts[2], parts[0], N_COLUMNS) &&
		  mlops_reference_merge(parts[2], parts[1], N_COLUMNS), "merge");
	check_columns(parts[2], single, "parts");
	CHECK(!mlops_reference_merge(&parts[0][0], &parts[1][1], 1), "other cells do not merge");

	for (int i = 0; i < 3; i++)
		mlops_reference_free(parts[i], N_COLUMNS);
	mlops_reference_free(single, N_COLUMNS);
	for (int i = 0; i < N_COLUMNS; i++)
		free(columns[i].profile);
}

/* Many cells, which are halved before they are compared. */
static void
test_many_cells(const float *rows)
{
	size_t		size = mlops_profile_builder_size(PROFILE_NUMERIC, PROFILE_MAX_CELLS);
	ProfileBuilder *builder = mlops_profile_builder_init(malloc(size), PROFILE_NUMERIC, PROFILE_MAX_CELLS,
														 PROFILE_SINGLE, N_ROWS);
	Profile    *block;
	Profile    *single;

	for (int i = 0; i < N_ROWS; i++)
		mlops_profile_builder_add_number(builder, (float) (i / 9000.0 - 0.5));
	size = mlops_profile_build_size(builder);
	block = mlops_profile_build(builder, malloc(size));
	single = memcpy(malloc(size), block, size);
	mlops_profile_add_floats(block, rows, STRIDE, N_ROWS);
	for (size_t row = 0; row < N_ROWS; row++)
		mlops_profile_add_number(single, rows[row * STRIDE]);
	CHECK(mlops_profile_equal(block, single), "many cells");
	free(block);
	free(single);
	free(builder);
}

static void
test_codes(void)
{
	static const float codes[] = {0, 2, 2, NAN, 3, 7, NAN, 1, 2};
	static const int64_t wanted[] = {1, 1, 3, 2, 2};
	ReferenceColumn column = {.n_categories = 3};

	CHECK(mlops_reference_build(&column, 1, codes, 1, 9), "build");
	mlops_reference_count(&column, 1, codes, 1, 9);
	CHECK(memcmp(column.counts, wanted, sizeof(wanted)) == 0, "counts by code, others, missing");
	free(column.counts);
}

static void
test_no_rows(void)
{
	ReferenceColumn columns[2] = {{.n_categories = -1}, {.n_categories = 0}};
	float		none = 0;

	CHECK(mlops_reference_build(columns, 2, &none, 2, 0), "build");
	mlops_reference_count(columns, 2, &none, 2, 0);
	CHECK(mlops_profile_rows(columns[0].profile) == 0 && mlops_profile_value_cells(columns[0].profile) == 1, "no rows");
	CHECK(columns[1].counts[0] == 0 && columns[1].counts[1] == 0, "no categories");
	free(columns[0].profile);
	free(columns[1].counts);
	CHECK(mlops_reference_sample_rows(28) == 50000 && mlops_reference_sample_rows(1600) > 10000 &&
		  mlops_reference_sample_rows(0) == 50000, "rows of the sample");
}

int
main(void)
{
	float	   *rows;

	state = 20261127;
	printf("reference_test: seed 20261127\n");
	rows = make_rows();
	test_numbers(rows);
	test_many_cells(rows);
	test_codes();
	test_no_rows();
	free(rows);
	return unit_finish("reference_test");
}
