/*-------------------------------------------------------------------------
 *
 * split.h
 *	  Which part of a data set a row belongs to; for dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SPLIT_H
#define MLOPS_SPLIT_H

#include "feature/columns.h"

typedef struct Split Split;

/* Check the arguments of the split; lives in the current context. */
extern Split *mlops_split_create(const DatasetSpec *spec, DatasetColumns *columns);

/* Whether rows must come twice because their part depends on all of them. */
extern bool mlops_split_is_late(const Split *split);

/*
 * Part of a row; PART_DROPPED when split_by is NULL.  When the split is late,
 * instead its time, and the part only once all rows came.
 */
extern DatasetPart mlops_split_row(Split *split, const Datum *values, const bool *isnull,
								   const float *vector, uint64 target_hash, int64 *time);

/* Group of a row: the integer, or the hash of the text. */
extern uint64 mlops_split_group(Split *split, const Datum *values, const bool *isnull);

/* Choose the cuts from the times of all rows. */
extern void mlops_split_cut(Split *split);
extern DatasetPart mlops_split_time(const Split *split, int64 time);

#endif							/* MLOPS_SPLIT_H */
