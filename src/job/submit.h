/*-------------------------------------------------------------------------
 *
 * submit.h
 *	  From the arguments of train and retrain to a queued run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SUBMIT_H
#define MLOPS_SUBMIT_H

#include "fmgr.h"

/* Both check everything that can be checked without rows, and return the run's
 * id; the run starts when the transaction commits. */
extern int64 mlops_submit_train(FunctionCallInfo fcinfo);
extern int64 mlops_submit_retrain(FunctionCallInfo fcinfo);

/*
 * Retrain for an event, as if the monitor's owner had called retrain: over the
 * monitor's query, whose author he is, else over the recipe's, as its author.
 */
extern int64 mlops_submit_event(int64 event);

/* Error unless the current user could retrain the model with that promotion. */
extern void mlops_submit_check_retrain(const char *model, const char *promote);

/* Ask for the cancellation of a run; false when it has already ended. */
extern bool mlops_submit_cancel(int64 run);

#endif							/* MLOPS_SUBMIT_H */
