/*-------------------------------------------------------------------------
 *
 * scored_rows.h
 *	  Rows of a query as a version sees them, block by block.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SCORED_ROWS_H
#define MLOPS_SCORED_ROWS_H

#include "feature/dataset.h"
#include "registry/registry.h"

typedef struct ScoredRows
{
	const Signature *signature;
	Dataset    *dataset;
	const Forest *forest;		/* NULL: rows are not scored */
	uint32		n_features;
	uint32		n_outputs;		/* 0 without forest */
	int			n;				/* rows of the block */
	float	   *features;		/* n * n_features */
	float	   *label;			/* n; 0 without target */
	float	   *margin;			/* n * n_outputs */
} ScoredRows;

/*
 * Run a query as the current user, with now() as $1, and sort its rows in the
 * canonical order.  "target" is the column that holds the truth, or NULL; rows where
 * it is NULL are left out.  Lives in the current context.
 */
extern ScoredRows *mlops_scored_rows_open(const ModelVersion *version, const char *query,
										  const char *target);

/* The same for a query whose column "score" holds the scores: they are the one feature. */
extern ScoredRows *mlops_scored_rows_open_scores(const char *query, const char *score);

/* Next block; false after the last one.  Interruptible. */
extern bool mlops_scored_rows_next(ScoredRows *rows);
extern void mlops_scored_rows_end(ScoredRows *rows);

/* Whether a query returns a column of this name. */
extern bool mlops_scored_rows_has_column(const char *query, const char *name);

#endif							/* MLOPS_SCORED_ROWS_H */
