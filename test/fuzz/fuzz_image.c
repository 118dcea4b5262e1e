/*-------------------------------------------------------------------------
 *
 * fuzz_image.c
 *	  Feed any bytes to the check of images; score what it accepts.
 *
 * The header is mended first; every fourth input is left as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz_image.h"
#include "fuzz_score.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ForestError error;
	void	   *copy;

	/*
	 * the check wants the alignment of images; the end of the block is that
	 * of the bytes
	 */
	if (size == 0 || size > fuzz_limits.max_image ||
		posix_memalign(&copy, FOREST_ALIGNMENT, size) != 0)
		return 0;
	memcpy(copy, data, size);
	if (size >= sizeof(Forest) && data[size - 1] % 4 != 3)
		fuzz_mend_header(copy, size);
	if (mlops_forest_check(copy, size, &fuzz_limits, &error) == FOREST_OK)
		fuzz_score(copy, false);
	free(copy);
	return 0;
}
