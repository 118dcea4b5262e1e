/*-------------------------------------------------------------------------
 *
 * fuzz_image.h
 *	  Mend the fields of an image's header that follow from others, or few inputs
 *	  would get beyond them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FUZZ_IMAGE_H
#define MLOPS_FUZZ_IMAGE_H

#include <string.h>

#include "forest/image.h"

/* Returns the size that the sections need. */
static inline uint64_t
fuzz_mend_header(Forest *forest, size_t size)
{
	uint64_t	needed = 0;

	memcpy(forest->magic, FOREST_MAGIC, sizeof(forest->magic));
	forest->format = FOREST_FORMAT;
	forest->byte_order = FOREST_BYTE_ORDER;
	mlops_image_layout(forest->count, forest->offset, &needed);
	forest->size = size;
	if (forest->transform < N_TRANSFORMS)
		forest->n_values = mlops_transform_n_values(forest->transform, forest->n_outputs);
	return needed;
}

#endif							/* MLOPS_FUZZ_IMAGE_H */
