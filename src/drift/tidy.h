/*-------------------------------------------------------------------------
 *
 * tidy.h
 *	  What the dispatcher cleans up after monitors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TIDY_H
#define MLOPS_TIDY_H

#include "utils/timestamp.h"

#include "base/spi.h"

/* Chores of the dispatcher, of type ChoreWork: pause monitors whose table or owner is gone;
 * remove windows older than mlops.drift_retention. */
extern TimestampTz mlops_tidy_monitors(const SpiScope *scope, TimestampTz now);
extern TimestampTz mlops_tidy_windows(const SpiScope *scope, TimestampTz now);

#endif							/* MLOPS_TIDY_H */
