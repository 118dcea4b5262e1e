/*-------------------------------------------------------------------------
 *
 * wait.h
 *	  Wait for a run and tell how it goes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WAIT_H
#define MLOPS_WAIT_H

#include "utils/timestamp.h"

/*
 * Poll until the run has ended or the timeout (NULL: none) is over, with
 * progress as NOTICEs and a last one that says what came of it.  "between" is
 * called before each pause and may end the transaction; NULL: nothing.  With
 * "strict" a run that did not succeed is an ERROR.
 */
extern void mlops_wait_for_run(int64 run, const Interval *timeout, void (*between) (void), bool strict);

/* The row of table run, as a composite datum in the current context. */
extern Datum mlops_wait_fetch(int64 run);

#endif							/* MLOPS_WAIT_H */
