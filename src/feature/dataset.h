/*-------------------------------------------------------------------------
 *
 * dataset.h
 *	  Query -> encoded rows in canonical order, with digest and statistics.
 *
 * The query runs once, to completion, under the active snapshot's transaction
 * (the caller made it read-only and chose the isolation), with parallel plans,
 * into a receiver of our own; the rows go through BufFile and tuplesort, both
 * bounded by maintenance_work_mem, and come back sorted by (group, row hash,
 * encoded bytes): research note "dataset digest v1" in docs/reference.md.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DATASET_H
#define MLOPS_DATASET_H

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "feature/signature.h"

typedef enum DatasetTask
{
	TASK_UNDECIDED,				/* chosen from the target's type and values */
	TASK_REGRESSION,
	TASK_BINARY,
	TASK_MULTICLASS,
	TASK_RANKING,
	TASK_SURVIVAL
} DatasetTask;

typedef enum DatasetSplit
{
	SPLIT_NONE,					/* evaluate: every row is in the test part */
	SPLIT_HASH,
	SPLIT_TIME,
	SPLIT_COLUMN
} DatasetSplit;

/* Parts as in job/spool_format.h, plus rows that take no part. */
typedef enum DatasetPart
{
	PART_TRAIN,
	PART_VALIDATION,
	PART_TEST,
	PART_DROPPED
} DatasetPart;

/* What to read; made from a recipe.  Strings and lists belong to the caller. */
typedef struct DatasetSpec
{
	const char *model;			/* seeds the split */
	const char *query;			/* one SELECT; $1 is as_of - label_delay */
	TimestampTz as_of;			/* value of $1 */
	const char *target;			/* column name, or NULL: no target, every
								 * label 0 */
	const char *target_upper;	/* or NULL, likewise below */
	const char *weight;
	const char *qid;
	const char *split_by;
	List	   *key;			/* of char * */
	List	   *include;
	List	   *exclude;
	bool		include_all;	/* as if every column were in include */
	DatasetTask task;
	const char *positive;
	char	  **classes;		/* fixed by version 1, or NULL */
	int			n_classes;
	const Signature *signature; /* encode by this one instead of deriving one */
	bool		keep_frequent;	/* too many labels: keep the most frequent and
								 * note it, instead of an error */
	DatasetSplit split;
	bool		any_parts;		/* take the parts as they come, empty ones too */
	double		test_size;
	double		validation_size;	/* 0: no validation part */
	Interval   *gap;
	int			max_categories; /* limits, fixed before user code runs */
	int			max_columns;
	int64		max_rows;		/* 0: no limit, likewise below */
	int64		max_bytes;
	void		(*progress) (const char *phase, int64 n_rows);	/* may be NULL */
} DatasetSpec;

typedef struct Dataset
{
	Signature  *signature;
	DatasetTask task;
	char	  **classes;		/* in class order; binary: positive is [1] */
	int			n_classes;		/* 0 unless binary or multiclass */
	int64		n_rows;			/* rows that take part */
	int64		n_dropped;
	int64		n_part[3];		/* complete once the last row was fetched */
	uint8		digest[32];		/* likewise */
	uint8		schema_digest[32];
	List	   *notes;			/* of char *: what the user should know */
	struct DatasetState *state;
} Dataset;

/* One encoded row; valid until the next call. */
typedef struct DatasetRow
{
	const float *features;
	float		label;			/* class index for classification */
	float		upper;			/* = label without target_upper */
	float		weight;			/* 1 without weight */
	uint64		group;			/* 0 without qid */
	DatasetPart part;
} DatasetRow;

/* Statistics of one feature over the rows that take part. */
typedef struct DatasetColumn
{
	int64		n_null;
	float		min;			/* infinite when there is no value, likewise
								 * max */
	float		max;
	uint64		checksum;		/* sum of the values' mixed bits, whatever
								 * their order */
} DatasetColumn;

/* Run the query and sort its rows.  Dataset lives in the current context. */
extern Dataset *mlops_dataset_read(const DatasetSpec *spec);

/* Next row in canonical order; false after the last, when digest, counts and
 * column statistics are complete and the part sizes have been checked. */
extern bool mlops_dataset_next(Dataset *dataset, DatasetRow *row);
extern void mlops_dataset_end(Dataset *dataset);

/* Statistics of the i-th feature, once the last row was fetched. */
extern const DatasetColumn *mlops_dataset_column(const Dataset *dataset, int i);

/* Statistics per feature for table dataset: see COMMENT ON its column columns. */
extern Jsonb *mlops_dataset_columns(const Dataset *dataset);

/*
 * Check at submit what can be checked without rows: one SELECT without side
 * effects (no data-modifying CTE, no temporary relation, no utility statement),
 * that target and the other named columns exist, and that every feature column has
 * a type that makes a feature.  Fills in what the analysed query tells.
 */
typedef struct DatasetAnalysis
{
	DatasetTask task;			/* TASK_UNDECIDED when it depends on the
								 * values */
	bool		reproducible;
	Jsonb	   *relations;		/* for table dataset */
	Signature  *features;		/* names only; NULL when an array's length is
								 * known to the rows alone */
} DatasetAnalysis;

extern void mlops_dataset_analyze(const DatasetSpec *spec, DatasetAnalysis *analysis);

extern const char *mlops_dataset_task_name(DatasetTask task);
extern DatasetTask mlops_dataset_task_from_name(const char *name);	/* error when no task */

#endif							/* MLOPS_DATASET_H */
