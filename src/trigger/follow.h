/*-------------------------------------------------------------------------
 *
 * follow.h
 *	  Keep the triggers of monitors on all partitions of what they watch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOLLOW_H
#define MLOPS_FOLLOW_H

/* At the end of a command that made or altered tables.  A failure is a WARNING: it never
 * fails the command. */
extern void mlops_follow_tables(void);

#endif							/* MLOPS_FOLLOW_H */
