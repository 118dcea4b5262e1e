/*-------------------------------------------------------------------------
 *
 * encode.h
 *	  A row of any shape -> float32 vector in the order of a signature.
 *
 * Columns match by name; extra ones are ignored; a missing one, or one of the
 * wrong kind, is an error that names it.  NULL and NaN become NaN (missing); an
 * infinite or too large number is an error that names the column; a category
 * that the dictionary does not have becomes the number of categories, which
 * XGBoost treats as one it never saw.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ENCODE_H
#define MLOPS_ENCODE_H

#include "access/tupdesc.h"

#include "feature/signature.h"

typedef struct EncodePlan EncodePlan;

/* Made once per row type, in the current context, which must outlive it. */
extern EncodePlan *mlops_encode_plan(const Signature *signature, TupleDesc tupdesc);

/* From now on infinite and too large numbers of mlops_encode_row are infinite in the
 * vector; elements of arrays remain an error. */
extern void mlops_encode_keep_infinite(EncodePlan *plan);

/* Whether encoding calls functions of built-in types only. */
extern bool mlops_encode_is_builtin(const EncodePlan *plan);

/* Whether every column is a number, boolean or time of fixed width, so that
 * encoding allocates nothing. */
extern bool mlops_encode_is_plain(const EncodePlan *plan);

typedef enum FeatureFit
{
	FEATURE_FITS,
	FEATURE_IS_MISSING,			/* no such column */
	FEATURE_HAS_WRONG_KIND
} FeatureFit;

/* Whether the row has what the feature is made of. */
extern FeatureFit mlops_encode_fit(const Feature *feature, TupleDesc tupdesc);

/* Encode one deformed row; vector[n_features].  Temporary memory is taken
 * from the current context only for types that need it. */
extern void mlops_encode_row(EncodePlan *plan, const Datum *values, const bool *isnull,
							 float *vector);

/* The same for a row whose columns are arguments of a function. */
extern void mlops_encode_arguments(EncodePlan *plan, const NullableDatum *arguments, float *vector);

#endif							/* MLOPS_ENCODE_H */
