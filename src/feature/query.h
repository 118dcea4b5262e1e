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

#define QUERY_MAX_TIMES 2

/* One SELECT, analysed and rewritten, with $1 a timestamptz; errors when it is anything else. */
extern Query *mlops_query_parse(const char *query_text);

/* The same with parameters $1 to $n_times. */
extern Query *mlops_query_parse_times(const char *query_text, int n_times);

/*
 * Type of a column, domains looked through, or InvalidOid: there is none of that
 * name.  SQL of ours casts none of a type that is not built in: the cast may be a
 * function of whoever made the type.
 */
extern Oid	mlops_query_column_type(Query *query, const char *name);

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

/* The same with parameters $1 to $n_times. */
extern void mlops_query_run_times(const char *query_text, int n_times, const TimestampTz *times,
								  DestReceiver *receiver);

#endif							/* MLOPS_QUERY_H */
