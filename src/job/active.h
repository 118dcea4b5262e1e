/*-------------------------------------------------------------------------
 *
 * active.h
 *	  The runs that a dispatcher looks after.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ACTIVE_H
#define MLOPS_ACTIVE_H

#include "job/watch.h"

/* A new list, in the current context, of ActiveRun *. */
extern List *mlops_active_list(void);

extern ActiveRun *mlops_active_add(const Attempt *attempt, TimestampTz started_at);
extern bool mlops_active_has(const Attempt *attempt);

/* Remove the run's files, too. */
extern void mlops_active_forget(ActiveRun *run);

/* Runs whose executor is there: those that wait to be published hold no place. */
extern int	mlops_active_count_executors(void);

/*
 * Bring the list in line with the running rows of the table, a list of
 * RunningRun *: adopt what is new, end the executors of runs that left it.
 */
extern void mlops_active_match(const List *rows);

/* End the executors of all; whether one is left. */
extern bool mlops_active_end_all(void);

#endif							/* MLOPS_ACTIVE_H */
