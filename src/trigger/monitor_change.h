/*-------------------------------------------------------------------------
 *
 * monitor_change.h
 *	  Making, changing, checking and removing monitors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_MONITOR_CHANGE_H
#define MLOPS_MONITOR_CHANGE_H

#include "fmgr.h"

/* create_monitor and alter_monitor, with their SQL arguments. */
extern void mlops_monitor_create(FunctionCallInfo fcinfo);
extern void mlops_monitor_alter(FunctionCallInfo fcinfo);

extern void mlops_monitor_drop(const char *name);
extern void mlops_monitor_pause(const char *name, bool paused);

/* Evaluate a monitor now; returns the run that does, 0 when it is done. */
extern int64 mlops_monitor_check(const char *name);

#endif							/* MLOPS_MONITOR_CHANGE_H */
