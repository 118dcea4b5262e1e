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

struct EncodePlan
{
	int			n_features;
	int			n_steps;
	EncodeStep *steps;
	bool		hash_labels;
};

#endif							/* MLOPS_ENCODE_STEP_H */
