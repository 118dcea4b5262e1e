/*-------------------------------------------------------------------------
 *
 * skew.h
 *	  Features as serving sees them against those of the training.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SKEW_H
#define MLOPS_SKEW_H

#include "nodes/execnodes.h"

/*
 * Run the query as the caller, who needs the right read, and put a row per
 * feature of the version into the result: see the SQL function check_skew.
 */
extern void mlops_registry_check_skew(const char *reference, const char *query,
									  ReturnSetInfo *result);

#endif							/* MLOPS_SKEW_H */
