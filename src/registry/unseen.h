/*-------------------------------------------------------------------------
 *
 * unseen.h
 *	  Rows that no version was trained on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_UNSEEN_H
#define MLOPS_UNSEEN_H

#include "registry/judge.h"

/*
 * Fill in the split that puts rows unseen by all versions into the hold-out; an
 * error that says why there is none.
 */
extern void mlops_unseen_fill_spec(const Judgement *judgement, DatasetSpec *spec);

/* String, or array of strings, under a key of a recipe; NULL when absent. */
extern char *mlops_unseen_string(const Jsonb *recipe, const char *key);
extern List *mlops_unseen_strings(const Jsonb *recipe, const char *key);

#endif							/* MLOPS_UNSEEN_H */
