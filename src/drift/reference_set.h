/*-------------------------------------------------------------------------
 *
 * reference_set.h
 *	  Encoded rows -> reference profiles of their columns.
 *
 * Pure C, for the trainer and for set_reference.  A row is an array of float32,
 * NaN is missing.  Cells come from a sample, counts from all rows; counting in
 * parts and merging gives the same bytes as counting at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_REFERENCE_SET_H
#define MLOPS_REFERENCE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drift/profile.h"

#define REFERENCE_CELLS 10		/* of numbers, atoms aside */
#define REFERENCE_LABELS 50		/* kept of categories */

/*
 * A column: numbers have a profile, categories are counted by code, because
 * their labels are not needed here.
 */
typedef struct ReferenceColumn
{
	int			n_categories;	/* -1: numbers */
	Profile    *profile;		/* of numbers, once built */
	int64_t    *counts;			/* n_categories + 2: by code, labels outside
								 * of the dictionary, missing */
} ReferenceColumn;

/* Rows that cells of so many columns are made from, the first in canonical order. */
extern size_t mlops_reference_sample_rows(int n_columns);

/* Make cells or counters of all columns from a sample; false: memory is short. */
extern bool mlops_reference_build(ReferenceColumn *columns, int n_columns, const float *rows,
								  size_t stride, size_t n);

/* The same columns with nothing counted; NULL: memory is short. */
extern ReferenceColumn *mlops_reference_clone(const ReferenceColumn *columns, int n_columns);

/* Count n rows that lie "stride" floats apart. */
extern void mlops_reference_count(ReferenceColumn *columns, int n_columns, const float *rows,
								  size_t stride, size_t n);

/* Add what a clone has counted; false: counts overflow. */
extern bool mlops_reference_merge(ReferenceColumn *into, const ReferenceColumn *from, int n_columns);

extern void mlops_reference_free(ReferenceColumn *columns, int n_columns);

#endif							/* MLOPS_REFERENCE_SET_H */
