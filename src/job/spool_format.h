/*-------------------------------------------------------------------------
 *
 * spool_format.h
 *	  The file of encoded rows that the executor writes and the trainer maps.
 *
 * Pure C.  One file per part of the data set (train, validation, test), rows
 * in canonical order, all of the same size, in the byte order of the machine:
 *
 *	 SpoolHeader | n_rows x { float feature[n_features]; float label;
 *							  float upper; float weight; pad; uint64 group }
 *
 * A missing value is NaN; a category is its index in the dictionary, or the
 * number of categories when the dictionary does not have it.  Without weights
 * every weight is 1; without upper bounds upper = label; without groups group = 0.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SPOOL_FORMAT_H
#define MLOPS_SPOOL_FORMAT_H

#include <stdint.h>

#define SPOOL_MAGIC UINT64_C(0x314c4f4f50534c4d)	/* "MLSPOOL1" */

typedef enum SpoolPart
{
	SPOOL_TRAIN,
	SPOOL_VALIDATION,
	SPOOL_TEST
} SpoolPart;

#define SPOOL_N_PARTS 3

typedef struct SpoolHeader
{
	uint64_t	magic;
	uint64_t	n_rows;
	uint32_t	n_features;
	uint32_t	row_size;		/* mlops_spool_row_size(n_features) */
} SpoolHeader;

/* Offset of the label; upper and weight follow it. */
static inline uint32_t
mlops_spool_label_offset(uint32_t n_features)
{
	return n_features * (uint32_t) sizeof(float);
}

/* Offset of the group, 8-byte aligned. */
static inline uint32_t
mlops_spool_group_offset(uint32_t n_features)
{
	return (mlops_spool_label_offset(n_features) + 3 * (uint32_t) sizeof(float) + 7) & ~UINT32_C(7);
}

static inline uint32_t
mlops_spool_row_size(uint32_t n_features)
{
	return mlops_spool_group_offset(n_features) + (uint32_t) sizeof(uint64_t);
}

#endif							/* MLOPS_SPOOL_FORMAT_H */
