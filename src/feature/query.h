/*-------------------------------------------------------------------------
 *
 * query.h
 *	  Text of a query -> checked query tree, and its rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_QUERY_H
#define MLOPS_QUERY_H

#include "nodes/parsenodes.h"
#include "tcop/dest.h"
#include "utils/timestamp.h"

/* One SELECT, analysed and rewritten, with $1 a timestamptz; errors when it is anything else. */
extern Query *mlops_query_parse(const char *query_text);

typedef struct QueryFacts
{
	List	   *relations;		/* of Oid, views followed, each once */
	const char *temporary;		/* name of a temporary relation, or NULL */
	bool		reproducible;	/* the same data give the same rows */
} QueryFacts;

extern void mlops_query_examine(Query *query, QueryFacts *facts);

/*
 * Run a checked query to completion, with $1 as_of, in one call so that it may go
 * parallel; as the current user under the active snapshot.
 */
extern void mlops_query_run(const char *query_text, TimestampTz as_of, DestReceiver *receiver);

#endif							/* MLOPS_QUERY_H */
