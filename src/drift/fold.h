/*-------------------------------------------------------------------------
 *
 * fold.h
 *	  Deltas -> windows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOLD_H
#define MLOPS_FOLD_H

#include "utils/timestamp.h"

#include "base/spi.h"

/* Fold all deltas of a monitor, whose row of monitor_state the caller has locked; outside
 * of a scope. */
extern void mlops_fold_monitor(const char *monitor, TimestampTz now);

/* The chore of the dispatcher, of type ChoreWork: some deltas of all monitors that nobody
 * has locked. */
extern TimestampTz mlops_fold_work(const SpiScope *scope, TimestampTz now);

/* Whether the chore had more to do than one call takes. */
extern bool mlops_fold_is_behind(void);

#endif							/* MLOPS_FOLD_H */
