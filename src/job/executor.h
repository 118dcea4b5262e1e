/*-------------------------------------------------------------------------
 *
 * executor.h
 *	  The worker that does one attempt of a run, as its submitter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_EXECUTOR_H
#define MLOPS_EXECUTOR_H

#include "postmaster/bgworker.h"

#include "job/handover.h"

/* Describe the executor of an attempt, for RegisterDynamicBackgroundWorker. */
extern void mlops_executor_describe(BackgroundWorker *worker, const Attempt *attempt, Oid submitter);

extern PGDLLEXPORT void mlops_executor_main(Datum main_arg);

#endif							/* MLOPS_EXECUTOR_H */
