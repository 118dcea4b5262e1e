/*-------------------------------------------------------------------------
 *
 * profile_block.h
 *	  Counting many encoded values at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_BLOCK_H
#define MLOPS_PROFILE_BLOCK_H

#include "drift/profile.h"

/* Count n encoded values that lie "stride" floats apart in a numeric profile; NaN, which
 * is missing, as NULL. */
extern void mlops_profile_add_floats(Profile *profile, const float *values, size_t stride, size_t n);

#endif							/* MLOPS_PROFILE_BLOCK_H */
