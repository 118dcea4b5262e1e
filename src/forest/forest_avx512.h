/*-------------------------------------------------------------------------
 *
 * forest_avx512.h
 *	  What the kernels for AVX-512 share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_AVX512_H
#define MLOPS_FOREST_AVX512_H

#include <immintrin.h>

#include "forest/image.h"

#define AVX512		__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,bmi,bmi2,lzcnt,popcnt")))
#define INLINE		static inline __attribute__((always_inline)) AVX512

/* Codes of categories, as whole numbers; -1 for those of no column. */
INLINE __m512i
find_code(__m512 value)
{
	const		__m512 end = _mm512_set1_ps((float) (COLUMN_CUTS * MAX_CATEGORY_COLUMNS));
	__mmask16	known = _mm512_cmp_ps_mask(value, _mm512_setzero_ps(), _CMP_GE_OQ) &
	_mm512_cmp_ps_mask(value, end, _CMP_LT_OQ);

	return _mm512_mask_cvttps_epi32(_mm512_set1_epi32(-1), known, value);
}

#endif							/* MLOPS_FOREST_AVX512_H */
