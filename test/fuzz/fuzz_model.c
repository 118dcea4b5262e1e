/*-------------------------------------------------------------------------
 *
 * fuzz_model.c
 *	  Feed any bytes to the model reader; the content decides on the format.
 *
 * Whatever is accepted must pass the check of images and be safe to score.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz_score.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Forest	   *image;
	size_t		image_size;
	ForestDescription description;
	ForestError error;

	if (mlops_forest_build(data, size, &fuzz_limits, &image, &image_size,
						   &description, &error) != FOREST_OK)
		return 0;
	if (mlops_forest_check(image, image_size, &fuzz_limits, &error) != FOREST_OK)
		abort();
	fuzz_score(image, true);
	free(image);
	mlops_forest_free_description(&description);
	return 0;
}
