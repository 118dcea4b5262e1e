/*-------------------------------------------------------------------------
 *
 * dataset_state.h
 *	  What a data set holds while it is read; for dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DATASET_STATE_H
#define MLOPS_DATASET_STATE_H

#include "storage/buffile.h"
#include "utils/tuplestore.h"

#include "feature/columns.h"
#include "feature/sorter.h"
#include "feature/split.h"
#include "feature/target.h"

/* A row in the temporary file. */
typedef struct StoredRow
{
	uint64		group;
	int64		time;			/* of a time split */
	float		label;
	float		upper;
	float		weight;
	DatasetPart part;
	float		features[FLEXIBLE_ARRAY_MEMBER];
} StoredRow;

struct DatasetState
{
	const DatasetSpec *spec;
	Dataset    *dataset;
	MemoryContext context;
	MemoryContext row_context;	/* reset with each row */
	TupleDesc	tupdesc;
	DatasetColumns *columns;
	Target	   *target;
	Split	   *split;
	Tuplestorestate *waiting;	/* rows before the first array, or NULL */
	StoredRow  *row;			/* being encoded; NULL while widths are not
								 * known */
	size_t		row_size;
	BufFile    *file;			/* of rows, or NULL: they go straight to the
								 * sort */
	int64		n_stored;
	int64		n_read;
	int64		n_without_target;
	int64		n_without_part; /* split_by was NULL */
	int64		n_in_gap;
	bool		has_weight;		/* some weight is not 0 */
	int		  **codes;			/* per step: number of a label -> code, or
								 * NULL */
	Sorter	   *sorter;
	int			n_class_rows;
	int64	   *class_rows;		/* [part][class] */
};

extern void mlops_dataset_start_sort(struct DatasetState *state);
extern void mlops_dataset_check_widths(struct DatasetState *state);
extern void mlops_dataset_check_rows(struct DatasetState *state);
extern void mlops_dataset_finish_features(struct DatasetState *state);
extern void mlops_dataset_check_parts(struct DatasetState *state);
extern void mlops_dataset_digest_schema(struct DatasetState *state);

#endif							/* MLOPS_DATASET_STATE_H */
