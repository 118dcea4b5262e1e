/*-------------------------------------------------------------------------
 *
 * sorter.h
 *	  Encoded rows -> canonical order, digest and column statistics; for
 *	  dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SORTER_H
#define MLOPS_SORTER_H

#include "feature/dataset.h"

typedef struct Sorter Sorter;

/* Bounded by maintenance_work_mem; lives in the current context. */
extern Sorter *mlops_sorter_create(const DatasetSpec *spec, int n_features);
extern void mlops_sorter_put(Sorter *sorter, const DatasetRow *row);

/* All rows are there: sort.  "signature" opens the digest and names the statistics. */
extern void mlops_sorter_sort(Sorter *sorter, const Signature *signature);

/* Next row; false after the last, when "digest" has been written. */
extern bool mlops_sorter_next(Sorter *sorter, DatasetRow *row, uint8 *digest);
extern const DatasetColumn *mlops_sorter_column(const Sorter *sorter, int i);
extern Jsonb *mlops_sorter_columns(const Sorter *sorter);
extern void mlops_sorter_end(Sorter *sorter);

#endif							/* MLOPS_SORTER_H */
