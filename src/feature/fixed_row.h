/*-------------------------------------------------------------------------
 *
 * fixed_row.h
 *	  Columns of fixed width -> float32 vector, straight from the tuple.
 *
 * A short cut past heap_deform_tuple and mlops_encode_row with the same result,
 * for row types whose columns have a fixed width as far as they are wanted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FIXED_ROW_H
#define MLOPS_FIXED_ROW_H

#include "access/htup.h"

#include "feature/encode.h"

typedef struct FixedRow FixedRow;

/* For rows of "tupdesc" and their plan, which must outlive it; NULL when they are
 * not of that kind.  Lives in the current context. */
extern FixedRow *mlops_fixed_row_create(const EncodePlan *plan, TupleDesc tupdesc);

/* Encode a row, without any allocation; false when the row lacks columns, being
 * older than they are. */
extern bool mlops_fixed_row_encode(const FixedRow *fixed, HeapTupleHeader row, float *vector);

#endif							/* MLOPS_FIXED_ROW_H */
