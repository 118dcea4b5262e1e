/*-------------------------------------------------------------------------
 *
 * call_site.h
 *	  One place in an expression that predicts: what it remembers between rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_CALL_SITE_H
#define MLOPS_CALL_SITE_H

#include "fmgr.h"

#include "registry/calibration.h"
#include "registry/registry.h"
#include "serve/row_input.h"
#include "serve/stat.h"

/* A version ready to score rows of this call site. */
typedef struct ServedModel
{
	ModelVersion *version;
	const Signature *signature;
	const Forest *forest;		/* valid as long as the ServedModel */
	RowInput   *input;
	PredictionStat *stat;		/* NULL without preload */
	uint32		n_outputs;
	uint32		n_values;
	Calibration *calibration;	/* NULL: not looked up; see prediction.c */
	float	   *vector;			/* features of the last row */
	float	   *margin;			/* [n_outputs] of the last row */
	float	   *values;			/* [max(n_values, n_outputs)]; scratch of
								 * prediction.c */
} ServedModel;

/*
 * Score one row: args[0] is the model reference, the others are the row, of the
 * types of the function's last n_args - 1 arguments; args[0] stands for argument
 * number "first".  Returns NULL when the reference or the row is NULL.  The result
 * is valid until the next call; the current user needs the right to predict.
 */
extern ServedModel *mlops_call_site_score(FmgrInfo *flinfo, int first, int n_args,
										  const NullableDatum *args);

/* The same without the score: the row is in vector. */
extern ServedModel *mlops_call_site_encode(FmgrInfo *flinfo, int first, int n_args,
										   const NullableDatum *args);

/* A version for rows that are not arguments, in the current context. */
extern ServedModel *mlops_call_site_open(const char *reference);

#endif							/* MLOPS_CALL_SITE_H */
