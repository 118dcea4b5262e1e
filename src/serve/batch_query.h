/*-------------------------------------------------------------------------
 *
 * batch_query.h
 *	  Rows of a query -> predictions, a block at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_BATCH_QUERY_H
#define MLOPS_BATCH_QUERY_H

#include "nodes/execnodes.h"

/*
 * Run the query and put (key, prediction, class, version) of each row into the
 * materialized result; key is the name of a column, or NULL for none.  The
 * current user needs the right to predict.
 */
extern void mlops_batch_query(const char *reference, const char *query, const char *key,
							  ReturnSetInfo *result);

#endif							/* MLOPS_BATCH_QUERY_H */
