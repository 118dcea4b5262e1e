/*-------------------------------------------------------------------------
 *
 * encode_step.h
 *	  One column of a row -> its place in the vector; for encode.c and dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ENCODE_STEP_H
#define MLOPS_ENCODE_STEP_H

#include "feature/label_set.h"
#include "feature/signature.h"
#include "feature/uniqueness.h"
#include "feature/value.h"

typedef struct EncodeStep
{
	int			column;			/* index into the row */
	int			slot;			/* first place in the vector */
	int			width;			/* number of places: elements of an array,
								 * else 1; 0 is not known yet */
	bool		included;		/* named in include: not refused for what it
								 * holds */
	const char *name;			/* of the column */
	const Feature *feature;		/* its dictionary, or NULL while it is
								 * collected */
	LabelSet   *labels;			/* labels collected so far, or NULL */
	Uniqueness *uniqueness;		/* of the values, or NULL: not watched */
	uint64		label_hash;		/* of the last label, when hash_labels */
	ValueType	value_type;
} EncodeStep;

/* A step that takes one number of a built-in type of fixed width, for the fast loop. */
typedef struct PlainStep
{
	int			column;
	ValueKind	kind;
} PlainStep;

struct EncodePlan
{
	int			n_features;
	int			n_steps;
	EncodeStep *steps;
	PlainStep  *plain;			/* by slot, when all steps are such; else NULL */
	bool		hash_labels;
	bool		keep_infinite;	/* not an error, but for elements of arrays */
};

/* Error when an element of an encoded vector of plain steps is infinite. */
extern void mlops_encode_check(const struct EncodePlan *plan, const float *vector);

#endif							/* MLOPS_ENCODE_STEP_H */
