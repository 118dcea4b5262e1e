/*-------------------------------------------------------------------------
 *
 * baseline.h
 *	  The champion that a new version is compared with on the same rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_BASELINE_H
#define MLOPS_BASELINE_H

#include "job/recipe.h"

typedef struct Baseline
{
	int			version;		/* 0: no champion that can be compared */
	char	   *reason;			/* why there is none; NULL: no champion at all */
	bytea	   *bytes;
	Signature  *signature;
	double		threshold;
} Baseline;

/* Load the champion when it was trained with the same split.  Reads our tables:
 * before user code runs. */
extern Baseline *mlops_baseline_load(const Recipe *recipe, Jsonb *json);

/*
 * Lists of char * with one element per feature of the baseline: sources and
 * recodes of trainer_protocol.h.  False, with the reason set, when some feature
 * cannot be fed.
 */
extern bool mlops_baseline_map(Baseline *baseline, const Signature *signature,
							   List **sources, List **recodes);

#endif							/* MLOPS_BASELINE_H */
