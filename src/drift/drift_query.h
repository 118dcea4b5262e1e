/*-------------------------------------------------------------------------
 *
 * drift_query.h
 *	  Rows of a query against the references of a version.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DRIFT_QUERY_H
#define MLOPS_DRIFT_QUERY_H

#include "nodes/execnodes.h"

/*
 * Run the query as the caller, who needs the right read, and put a row for the data
 * set and one per prediction, label and feature into the result: see the SQL
 * function drift(text, text).
 */
extern void mlops_drift_query(const char *reference, const char *query, double threshold,
							  double alpha, ReturnSetInfo *result);

#endif							/* MLOPS_DRIFT_QUERY_H */
