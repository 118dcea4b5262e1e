/*-------------------------------------------------------------------------
 *
 * reading.h
 *	  The transaction in which an executor runs a stored query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_READING_H
#define MLOPS_READING_H

#include "job/recipe.h"

/*
 * Begin a transaction that can write nothing, under the recipe's settings, with an
 * active snapshot; and end it.  What the query left behind is undone.  The current
 * memory context stays what it was.
 */
extern void mlops_reading_begin(const Recipe *recipe);
extern void mlops_reading_end(void);

#endif							/* MLOPS_READING_H */
