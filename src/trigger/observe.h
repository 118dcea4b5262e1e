/*-------------------------------------------------------------------------
 *
 * observe.h
 *	  Rows of a statement on a watched table -> mlops.drift_state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_OBSERVE_H
#define MLOPS_OBSERVE_H

#include "commands/trigger.h"

#include "trigger/attach.h"

/* Count what a statement inserted, or the labels that it changed. */
extern void mlops_observe(TriggerData *data, WatchEvent event);

#endif							/* MLOPS_OBSERVE_H */
