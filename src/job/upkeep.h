/*-------------------------------------------------------------------------
 *
 * upkeep.h
 *	  Chores of the dispatcher: what has to be done beside the runs.
 *
 * To add one, write a function of type ChoreWork in any folder above this one
 * or in this one, and list it in upkeep.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_UPKEEP_H
#define MLOPS_UPKEEP_H

#include "utils/timestamp.h"

#include "base/spi.h"

/*
 * A bounded amount of work, in a transaction of its own as the extension's owner,
 * with the dispatcher's lock_timeout; an error rolls it back.  Returns when it
 * next wants to be called: "now" or earlier for at once, DT_NOEND when only
 * somebody's commit can bring work.  It is called at least every
 * mlops.monitor_interval seconds while the dispatcher lives.
 */
typedef TimestampTz (*ChoreWork) (const SpiScope *scope, TimestampTz now);

/* Do the chores that are due; a fraction of a second, then the rest next time. */
extern void mlops_upkeep_run(TimestampTz now);

/* When the next chore is due: earlier than now means at once, DT_NOEND never. */
extern TimestampTz mlops_upkeep_next(void);

/* Call every chore at the next run, as somebody's commit may have brought work. */
extern void mlops_upkeep_wake(void);

#endif							/* MLOPS_UPKEEP_H */
