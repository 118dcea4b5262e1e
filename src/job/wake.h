/*-------------------------------------------------------------------------
 *
 * wake.h
 *	  Start the dispatcher of this database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WAKE_H
#define MLOPS_WAKE_H

/* When the current transaction commits. */
extern void mlops_wake_at_commit(void);

/* Some time after it commits, if there is a launcher: for rows to be counted. */
extern void mlops_wake_for_fold(void);

/* At once, whatever becomes of the transaction. */
extern void mlops_wake_now(void);

#endif							/* MLOPS_WAKE_H */
