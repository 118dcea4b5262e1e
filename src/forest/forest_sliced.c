/*-------------------------------------------------------------------------
 *
 * forest_sliced.c
 *	  The kernel that slices blocks, for any processor.
 *
 *-------------------------------------------------------------------------
 */
#define SLICED_VECTOR	16
#define SLICED_TARGET

#include "forest/forest_sliced.h"

bool
mlops_sliced_block(const Forest *forest, const float *rows, size_t stride,
				   size_t n, float *margin)
{
	return mlops_tile_block(forest, rows, stride, n, SLICED_ROWS, score_tile, margin);
}
