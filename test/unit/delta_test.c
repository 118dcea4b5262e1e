/*-------------------------------------------------------------------------
 *
 * delta_test.c
 *	  Deltas of monitors: both forms add what counting adds, and bytes of any origin
 *	  do no harm.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "delta_references.h"
#include "unit.h"
#include "../random.h"

#define N_ROWS 40

static void
free_profiles(Profile **profiles)
{
	for (int i = 0; i < N_COLUMNS; i++)
		free(profiles[i]);
}

static DeltaValue
draw_value(Profile *const *references, int column)
{
	static const float numbers[] = {0, -3, 7.25f, 124, 1e30f, INFINITY, -INFINITY, 60.5f};
	DeltaValue	value = {.kind = DELTA_MISSING};
	uint64_t	number = draw();

	if (number % 10 == 0)
		value.kind = number % 20 == 0 ? DELTA_ABSENT : DELTA_MISSING;
	else if (column == 0)
	{
		value.kind = DELTA_NUMBER;
		value.as.number = numbers[number % 8];
	}
	else
	{
		value.kind = DELTA_CELL;
		value.as.cell = (int32_t) (number % (uint64_t) (mlops_profile_value_cells(references[1]) + 2));
	}
	return value;
}

static void
put_header(DeltaWriter *writer, int64_t n_rows)
{
	mlops_delta_put_byte(writer, DELTA_FORMAT);
	mlops_delta_put_u64(writer, DIGEST);
	mlops_delta_put_signed(writer, n_rows);
	mlops_delta_put_signed(writer, -2);
}

static void
put_end(DeltaWriter *writer)
{
	EstimateSums sums = {0};

	(void) mlops_estimate_add(&sums, 0.7, 0.6, 0.5);
	mlops_delta_put_estimate(writer, &sums);
	mlops_delta_put_unsigned(writer, 3);
	mlops_delta_put_bytes(writer, "abc", 3);
}

/* Rows as values; what they count goes into "expected". */
static size_t
write_values(Profile *const *references, Profile **expected, uint8_t *bytes, size_t capacity)
{
	DeltaWriter writer = {bytes, bytes + capacity};

	put_header(&writer, N_ROWS);
	mlops_delta_put_byte(&writer, 0);
	mlops_delta_put_unsigned(&writer, N_ROWS + 1);
	for (int row = 0; row < N_ROWS; row++)
	{
		mlops_delta_put_byte(&writer, DELTA_ROW);
		for (int i = 0; i < N_COLUMNS; i++)
		{
			DeltaValue	value = draw_value(references, i);

			mlops_delta_put_value(&writer, value);
			mlops_delta_count(expected[i], value, 1);
		}
	}
	mlops_delta_put_byte(&writer, DELTA_LABEL_REMOVED);
	mlops_delta_put_value(&writer, (DeltaValue)
/**INDENT** Error@90: Unbalanced parens */
						  {
		.kind = DELTA_CELL,.as.cell = 1
/**INDENT** Warning@92: Extra ) */
	});
	mlops_delta_count(expected[1], (DeltaValue)
/**INDENT** Error@94: Unbalanced parens */
					  {
		.kind = DELTA_CELL,.as.cell = 1
/**INDENT** Warning@96: Extra ) */
	}, -1);
	put_end(&writer);
	CHECK(writer.next <= writer.end, "room for values");
	return writer.next - bytes;
}

static size_t
write_profiles(Profile *const *profiles, uint8_t *bytes, size_t capacity)
{
	DeltaWriter writer = {bytes, bytes + capacity};

	put_header(&writer, N_ROWS);
	mlops_delta_put_byte(&writer, 1);
	for (int i = 0; i < N_COLUMNS; i++)
	{
		mlops_delta_put_unsigned(&writer, i + 1);
		mlops_delta_put_profile(&writer, profiles[i]);
	}
	mlops_delta_put_unsigned(&writer, 0);
	put_end(&writer);
	CHECK(writer.next <= writer.end, "room for profiles");
	return writer.next - bytes;
}

static void
check_applied(Profile *const *references, Profile *const *expected, const uint8_t *bytes,
			  size_t size, const char *name)
{
	Profile    *profiles[N_COLUMNS];
	bool		touched[N_COLUMNS];
	DeltaTarget target = make_target(profiles, touched);

	copy_empty(references, profiles);
	CHECK(mlops_delta_apply(bytes, size, &target) == NULL, name);
	for (int i = 0; i < N_COLUMNS; i++)
		CHECK(touched[i] && mlops_profile_equal(profiles[i], expected[i]), name);
	CHECK(target.n_rows == N_ROWS && target.n_labels == -2, name);
	CHECK(target.estimate.n == 1 && target.estimate.n_called == 1, name);
	CHECK(target.realized_size == 3 && memcmp(target.realized, "abc", 3) == 0, name);
	free_profiles(profiles);
}

/* Cut and altered bytes: an error or not, but nothing worse. */
static void
check_hostile(Profile *const *references, const uint8_t *bytes, size_t size, const char *name)
{
	Profile    *profiles[N_COLUMNS];
	bool		touched[N_COLUMNS];
	int			refused = 0;

	copy_empty(references, profiles);
	for (size_t cut = 0; cut < size; cut++)
	{
		uint8_t    *copy = memcpy(malloc(cut + 1), bytes, cut);
		DeltaTarget target = make_target(profiles, touched);

		CHECK(mlops_delta_apply(copy, cut, &target) != NULL, name);
		free(copy);
	}
	for (int i = 0; i < 20000; i++)
	{
		uint8_t    *copy = memcpy(malloc(size), bytes, size);
		DeltaTarget target = make_target(profiles, touched);

		for (uint64_t n = draw() % 4 + 1; n > 0; n--)
			copy[9 + draw() % (size - 9)] = (uint8_t) draw();
		refused += mlops_delta_apply(copy, size, &target) != NULL;
		free(copy);
	}
	CHECK(refused > 1000, name);
	free_profiles(profiles);
}

int
main(void)
{
	Profile    *references[N_COLUMNS];
	Profile    *expected[N_COLUMNS];
	uint8_t		bytes[4096];
	size_t		size;
	DeltaWriter tiny = {bytes, bytes + 4};
	bool		touched[N_COLUMNS];
	DeltaTarget other;

	state = 20261127;
	build_references(references);
	copy_empty(references, expected);
	size = write_values(references, expected, bytes, sizeof(bytes));
	check_applied(references, expected, bytes, size, "values");
	check_hostile(references, bytes, size, "hostile values");
	other = make_target(references, touched);
	other.digest++;
	CHECK(mlops_delta_apply(bytes, size, &other) != NULL, "other references");

	size = write_profiles(expected, bytes, sizeof(bytes));
	check_applied(references, expected, bytes, size, "profiles");
	check_hostile(references, bytes, size, "hostile profiles");

	/* a writer that runs over says by how much, and writes nothing there */
	bytes[4] = 77;
	mlops_delta_put_u64(&tiny, DIGEST);
	mlops_delta_put_bytes(&tiny, "abcdef", 6);
	CHECK(tiny.next - bytes == 14 && bytes[4] == 77, "overrun");
	free_profiles(references);
	free_profiles(expected);
	return unit_finish("delta");
}
