/*-------------------------------------------------------------------------
 *
 * schedule.h
 *	  Jobs of pg_cron that retrain models.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SCHEDULE_H
#define MLOPS_SCHEDULE_H

#include "fmgr.h"

/*
 * Have pg_cron retrain the model as the current user, at the times that its own
 * notation names; replaces that user's job for the model.  Returns the job's id.
 */
extern int64 mlops_schedule_set(const char *model, const char *schedule, const char *promote);

/* Remove the current user's job for the model; false: there is none. */
extern bool mlops_schedule_remove(const char *model);

extern PGDLLEXPORT void mlops_schedule_main(Datum main_arg);

#endif							/* MLOPS_SCHEDULE_H */
