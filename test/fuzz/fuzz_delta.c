/*-------------------------------------------------------------------------
 *
 * fuzz_delta.c
 *	  Feed any bytes to the reader of deltas; write again what it accepts.
 *
 * Format and digest are put in front, unless the first byte says that they are in
 * the input.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "delta_references.h"

#define MAX_INPUT 4096

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Profile *empty[N_COLUMNS];
static Profile *read_into[N_COLUMNS];
static Profile *again[N_COLUMNS];

static void
empty_profiles(Profile **profiles)
{
	for (int i = 0; i < N_COLUMNS; i++)
		memcpy(profiles[i], empty[i], mlops_profile_size(empty[i]));
}

/* What was added, as the other form, adds the same to empty profiles. */
static void
write_again(const DeltaTarget *target)
{
	uint8_t		bytes[8192];
	DeltaWriter writer = {bytes, bytes + sizeof(bytes)};
	bool		touched[N_COLUMNS];
	DeltaTarget other = make_target(again, touched);

	mlops_delta_put_byte(&writer, DELTA_FORMAT);
	mlops_delta_put_u64(&writer, DIGEST);
	mlops_delta_put_signed(&writer, target->n_rows);
	mlops_delta_put_signed(&writer, target->n_labels);
	mlops_delta_put_byte(&writer, 1);
	for (int i = 0; i < N_COLUMNS; i++)
	{
		mlops_delta_put_unsigned(&writer, (uint64_t) i + 1);
		mlops_delta_put_profile(&writer, target->profiles[i]);
	}
	mlops_delta_put_unsigned(&writer, 0);
	mlops_delta_put_estimate(&writer, &target->estimate);
	mlops_delta_put_unsigned(&writer, 0);
	if (writer.next > writer.end)
		abort();
	empty_profiles(again);
	if (mlops_delta_apply(bytes, (size_t) (writer.next - bytes), &other) != NULL ||
		other.n_rows != target->n_rows || other.n_labels != target->n_labels)
		abort();
	for (int i = 0; i < N_COLUMNS; i++)
		if (!mlops_profile_equal(again[i], target->profiles[i]))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool		touched[N_COLUMNS];
	DeltaTarget target = make_target(read_into, touched);
	const char *why;

	if (size == 0 || size > MAX_INPUT)
		return 0;
	if (empty[0] == NULL)
	{
		build_references(again);
		copy_empty(again, empty);
		copy_empty(again, read_into);
	}
	empty_profiles(read_into);
	if (data[0] == 0xff)
		why = mlops_delta_apply(data + 1, size - 1, &target);
	else
	{
		uint8_t    *bytes = malloc(size + 9);
		DeltaWriter writer = {bytes, bytes + size + 9};

		mlops_delta_put_byte(&writer, DELTA_FORMAT);
		mlops_delta_put_u64(&writer, DIGEST);
		mlops_delta_put_bytes(&writer, data, size);
		why = mlops_delta_apply(bytes, size + 9, &target);
		free(bytes);
	}
	if (why == NULL)
		write_again(&target);
	return 0;
}
