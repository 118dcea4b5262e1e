/*-------------------------------------------------------------------------
 *
 * mix.h
 *	  Mixing function of 64 bits, for hash tables, checksums and splits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_MIX_H
#define MLOPS_MIX_H

/* Stafford's variant 13 of the MurmurHash3 finalizer, as in SplitMix64; one to one. */
static inline uint64
mlops_mix64(uint64 value)
{
	value ^= value >> 30;
	value *= UINT64CONST(0xbf58476d1ce4e5b9);
	value ^= value >> 27;
	value *= UINT64CONST(0x94d049bb133111eb);
	value ^= value >> 31;
	return value;
}

#endif							/* MLOPS_MIX_H */
