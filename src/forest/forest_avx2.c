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

#include <immintrin.h>

/*
 * Look bytes of rows up: 16 entries at a time, of which only those are not zero that
 * are used and the last.
 */
#define SLICED_LOOK_UP	look_up_avx2
SLICED_TARGET static inline void
look_up_avx2(const uint8_t table[256], uint32_t n_used, const uint8_t *bytes, uint32_t n,
			 uint8_t *answer)
{
	const		__m256i low = _mm256_set1_epi8(15);
	const		__m256i last = _mm256_set1_epi8((char) table[255]);

	for (uint32_t i = 0; i < n; i += 32)
	{
		__m256i		byte = _mm256_load_si256((const __m256i *) (bytes + i));
		__m256i		high = _mm256_andnot_si256(low, byte);
		__m256i		index = _mm256_and_si256(low, byte);
		__m256i		found = _mm256_and_si256(last, _mm256_cmpeq_epi8(byte, _mm256_set1_epi8(-1)));

		for (uint32_t k = 0; k < n_used; k += 16)
		{
			__m128i		entries = _mm_loadu_si128((const __m128i *) (table + k));
			__m256i		entry = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), index);
			__m256i		here = _mm256_cmpeq_epi8(high, _mm256_set1_epi8((char) k));

			found = _mm256_or_si256(found, _mm256_and_si256(entry, here));
		}
		_mm256_store_si256((__m256i *) (answer + i), found);
	}
}

#include "forest/forest_sliced.h"

bool
mlops_avx2_block(const Forest *forest, const float *rows, size_t stride,
				 size_t n, float *margin)
{
	return mlops_tile_block(forest, rows, stride, n, SLICED_ROWS, score_tile, margin);
}

#endif							/* FOREST_X86 */
