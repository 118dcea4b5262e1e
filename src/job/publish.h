/*-------------------------------------------------------------------------
 *
 * publish.h
 *	  From an executor's result to a version: the last step of a run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PUBLISH_H
#define MLOPS_PUBLISH_H

#include "job/handover.h"

/*
 * Store data set, version and metrics, promote if the recipe says so, and end
 * the run as succeeded: all in the current transaction.  False when the run is
 * no longer running this attempt; nothing is written then.
 */
extern bool mlops_publish_result(const Attempt *attempt, const RunResult *result, bytea *model);

#endif							/* MLOPS_PUBLISH_H */
