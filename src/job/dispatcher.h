/*-------------------------------------------------------------------------
 *
 * dispatcher.h
 *	  The worker that starts, watches and finishes the runs of one database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DISPATCHER_H
#define MLOPS_DISPATCHER_H

#include "postmaster/bgworker.h"

/* Describe the dispatcher of a database, for RegisterDynamicBackgroundWorker. */
extern void mlops_dispatcher_describe(BackgroundWorker *worker, Oid database);

extern PGDLLEXPORT void mlops_dispatcher_main(Datum main_arg);

#endif							/* MLOPS_DISPATCHER_H */
