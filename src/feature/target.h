/*-------------------------------------------------------------------------
 *
 * target.h
 *	  Target column -> label, task and classes; for dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TARGET_H
#define MLOPS_TARGET_H

#include "compat/pg_compat.h"
#include "feature/columns.h"

typedef enum TargetMode
{
	TARGET_NONE,				/* no target: every label is 0 */
	TARGET_NUMBER,
	TARGET_UNDECIDED,			/* a number; two classes when there are only 0
								 * and 1 */
	TARGET_CLASS,				/* classes are known */
	TARGET_COLLECT				/* classes are being collected */
} TargetMode;

typedef struct Target
{
	TargetMode	mode;
	DatasetTask task;
	char	  **classes;		/* in class order, once known */
	int			n_classes;
	uint64		hash;			/* of the last row's value, for the split */
	bool		only_0_and_1;	/* so far */
	bool		seen[2];		/* 0 and 1, while undecided */
	LabelSet   *labels;
	const DatasetSpec *spec;
	RoleColumn *column;
	RoleColumn *upper;
} Target;

/* Check type, task and arguments against each other; lives in the current context. */
extern Target *mlops_target_create(const DatasetSpec *spec, DatasetColumns *columns);

/* Label of a row, its provisional number while classes are collected; false:
 * the row has none and takes no part. */
extern bool mlops_target_read(Target *target, const Datum *values, const bool *isnull,
							  float *label, float *upper);

/* Decide task and classes after the last row.  Returns the class of each provisional
 * number, or NULL when labels are final. */
extern int *mlops_target_finish(Target *target);

pg_noreturn extern void mlops_target_report_one_class(const Target *target);

#endif							/* MLOPS_TARGET_H */
