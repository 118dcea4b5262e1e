/*-------------------------------------------------------------------------
 *
 * fuzz_image.c
 *	  Feed any bytes to the check of images; score what it accepts.
 *
 * The fields of the header that follow from others are mended first, or few
 * inputs would get beyond them; every fourth input is left as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz_score.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
mend_header(Forest *forest, size_t size)
{
	memcpy(forest->magic, FOREST_MAGIC, sizeof(forest->magic));
	forest->format = FOREST_FORMAT;
	forest->byte_order = FOREST_BYTE_ORDER;
	mlops_image_layout(forest->count, forest->offset, &forest->size);
	forest->size = size;
	if (forest->transform < N_TRANSFORMS)
		forest->n_values = mlops_transform_n_values(forest->transform, forest->n_outputs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ForestError error;
	Forest	   *copy;

	if (size == 0 || size > fuzz_limits.max_image)
		return 0;
	copy = malloc(size);
	memcpy(copy, data, size);
	if (size >= sizeof(Forest) && data[size - 1] % 4 != 3)
		mend_header(copy, size);
	if (mlops_forest_check(copy, size, &fuzz_limits, &error) == FOREST_OK)
		fuzz_score(copy, false);
	free(copy);
	return 0;
}
