/*-------------------------------------------------------------------------
 *
 * row_input.h
 *	  The variadic arguments of a prediction -> feature vector.
 *
 * They are one row (named composite or record), one json or jsonb object, one
 * array in the order of the signature, or the columns of the signature as
 * separate arguments.  Rows and objects match by name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ROW_INPUT_H
#define MLOPS_ROW_INPUT_H

#include "feature/signature.h"

typedef struct RowInput RowInput;

/*
 * Prepare for arguments of these types.  Lives in the current context, as do
 * the plans made for each row type later; signature must outlive it.
 */
extern RowInput *mlops_row_input_create(const Signature *signature, int n, const Oid *types);

/*
 * Encode into vector[n_features]; false when the row, object or array is NULL.
 * Takes temporary memory from the current context.
 */
extern bool mlops_row_input_encode(RowInput *input, const NullableDatum *args, float *vector);

/* Whether that may take memory for these arguments, but for the first row of a
 * row type. */
extern bool mlops_row_input_takes_memory(const RowInput *input, const NullableDatum *args);

/* Whether several call sites can use the input in turn: nothing in it calls
 * functions of users' types, which might predict or be replaced. */
extern bool mlops_row_input_is_shareable(const RowInput *input);

#endif							/* MLOPS_ROW_INPUT_H */
