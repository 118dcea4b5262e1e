/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  Encoded rows of one forest, kept until there are enough to score them
 *	  together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_BATCH_H
#define MLOPS_BATCH_H

#include "serve/call_site.h"

typedef struct Batch
{
	const Forest *forest;
	PredictionStat *stat;
	StatCall	call;
	int			n_features;
	int			n_outputs;
	int			max_rows;
	int			n_allocated;
	int			n_rows;			/* waiting */
	float	   *rows;			/* [n_allocated][n_features] */
	float	   *margin;			/* [n_allocated][n_outputs], after score */
} Batch;

/* Empty batch of at most max_rows rows, and of fewer when they are wide; in
 * the current context, like the rows, which take what has come so far.  It may
 * outlive "served". */
extern Batch *mlops_batch_create(const ServedModel *served, int max_rows);

/* Where to encode the next row, which counts once n_rows is raised.  The batch must
 * not be full. */
extern float *mlops_batch_next(Batch *batch);

#define mlops_batch_is_full(batch) ((batch)->n_rows == (batch)->max_rows)

/* Compute margin of the waiting rows, and count them as one call; interruptible.
 * The caller takes the rows off by setting n_rows to 0. */
extern void mlops_batch_score(Batch *batch);

#endif							/* MLOPS_BATCH_H */
