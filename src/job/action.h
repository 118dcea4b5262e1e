/*-------------------------------------------------------------------------
 *
 * action.h
 *	  What the events of monitors start: a chore of the dispatcher.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ACTION_H
#define MLOPS_ACTION_H

#include "utils/timestamp.h"

#include "base/spi.h"

/* Open and close events, start trainings and comparisons, and record their outcome;
 * a ChoreWork. */
extern TimestampTz mlops_action_work(const SpiScope *scope, TimestampTz now);

#endif							/* MLOPS_ACTION_H */
