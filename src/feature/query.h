/*-------------------------------------------------------------------------
 *
 * query.h
 *	  Text of a query -> checked query tree; for dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_QUERY_H
#define MLOPS_QUERY_H

#include "nodes/parsenodes.h"

/* One SELECT, analysed and rewritten, with $1 a timestamptz; errors when it is anything else. */
extern Query *mlops_query_parse(const char *query_text);

typedef struct QueryFacts
{
	List	   *relations;		/* of Oid, views followed, each once */
	const char *temporary;		/* name of a temporary relation, or NULL */
	bool		reproducible;	/* the same data give the same rows */
} QueryFacts;

extern void mlops_query_examine(Query *query, QueryFacts *facts);

#endif							/* MLOPS_QUERY_H */
