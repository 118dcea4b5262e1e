/*-------------------------------------------------------------------------
 *
 * forest_avx2.c
 *	  The kernel that slices blocks, for processors with AVX2.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/forest_kernel.h"

#ifdef FOREST_X86

#define SLICED_VECTOR	32
#define SLICED_TARGET	__attribute__((target("avx2,bmi,bmi2")))

#include "forest/forest_sliced.h"

bool
mlops_avx2_block(const Forest *forest, const float *rows, size_t stride,
				 size_t n, float *margin)
{
	return check_depths(forest) &&
		mlops_tile_block(forest, rows, stride, n, SLICED_ROWS, score_tile, margin);
}

#endif							/* FOREST_X86 */
