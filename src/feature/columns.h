/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Columns of a query -> features and other roles; for dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_COLUMNS_H
#define MLOPS_COLUMNS_H

#include "feature/dataset.h"
#include "feature/encode.h"
#include "feature/encode_step.h"

/* A column with a role other than feature. */
typedef struct RoleColumn
{
	int			column;			/* index into the row, or -1: there is none */
	const char *name;
	ValueType	value_type;
} RoleColumn;

typedef struct DatasetColumns
{
	EncodePlan *features;
	RoleColumn	target;
	RoleColumn	upper;
	RoleColumn	weight;
	RoleColumn	qid;
	RoleColumn	split_by;
	int			n_keys;
	RoleColumn *keys;
} DatasetColumns;

/* Check names, roles and types; allocates in the current context.  The width
 * of an array column is 0 until the first array comes, unless there is a signature. */
extern DatasetColumns *mlops_columns_resolve(const DatasetSpec *spec, TupleDesc tupdesc);

/* Give every step its place in the vector; errors when there are too many. */
extern void mlops_columns_place(const DatasetSpec *spec, EncodePlan *plan);

/* Signature of the features once their dictionaries are complete; "tupdesc" as above. */
extern Signature *mlops_columns_describe(const DatasetColumns *columns, TupleDesc tupdesc);

#endif							/* MLOPS_COLUMNS_H */
