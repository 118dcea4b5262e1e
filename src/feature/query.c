/*-------------------------------------------------------------------------
 *
 * query.c
 *	  Text of a query -> checked query tree, and its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"

#include "base/error.h"
#include "feature/query.h"

/* Error positions are in this query, not in the statement that called us. */
static void
move_position(void *query_text)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(query_text);
	}
}

static void
report_refused(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_INVALID_DATASET),
			 errmsg("query must be one SELECT without side effects, not %s", what)));
}

Query *
mlops_query_parse(const char *query_text)
{
	return mlops_query_parse_times(query_text, 1);
}

Query *
mlops_query_parse_times(const char *query_text, int n_times)
{
	ErrorContextCallback callback = {error_context_stack, move_position, unconstify(char *, query_text)};
	const Oid	types[QUERY_MAX_TIMES] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	List	   *statements;
	RawStmt    *statement;
	Query	   *query;

	error_context_stack = &callback;
	statements = pg_parse_query(query_text);
	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query is empty")));
	if (list_length(statements) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query has %d statements", list_length(statements)),
				 errhint("Use one SELECT.")));

	statement = linitial_node(RawStmt, statements);
	if (!IsA(statement->stmt, SelectStmt))
		report_refused(GetCommandTagName(CreateCommandTag(statement->stmt)));
	query = linitial_node(Query, pg_analyze_and_rewrite_fixedparams(statement, query_text, types, n_times, NULL));
	if (query->commandType != CMD_SELECT)
		report_refused("SELECT INTO");
	if (query->hasModifyingCTE)
		report_refused("one that modifies data in WITH");
	error_context_stack = callback.previous;
	return query;
}

Oid
mlops_query_column_type(Query *query, const char *name)
{
	ListCell   *cell;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk && entry->resname && strcmp(entry->resname, name) == 0)
			return getBaseType(exprType((Node *) entry->expr));
	}
	return InvalidOid;
}

static void
note_relation(RangeTblEntry *entry, QueryFacts *facts)
{
	facts->relations = list_append_unique_oid(facts->relations, entry->relid);
	if (get_rel_persistence(entry->relid) == RELPERSISTENCE_TEMP)
		facts->temporary = get_rel_name(entry->relid);
	if (get_rel_relkind(entry->relid) == RELKIND_FOREIGN_TABLE ||
		(entry->tablesample != NULL && entry->tablesample->repeatable == NULL))
		facts->reproducible = false;
}

static bool
walk_query(Node *node, QueryFacts *facts)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		/* from 16 on, the subquery that stands for a view still names it */
		if (OidIsValid(((RangeTblEntry *) node)->relid))
			note_relation((RangeTblEntry *) node, facts);
		return false;
	}
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		bool		cut = query->limitCount != NULL || query->limitOffset != NULL || query->hasDistinctOn;

		if (query->rowMarks != NIL)
			report_refused("one with FOR UPDATE or FOR SHARE");
		if (cut && query->sortClause == NIL)
			facts->reproducible = false;
		return query_tree_walker(query, walk_query, facts, QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, walk_query, facts);
}

void
mlops_query_examine(Query *query, QueryFacts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->reproducible = !contain_volatile_functions((Node *) query);
	(void) walk_query((Node *) query, facts);
}

void
mlops_query_run(const char *query_text, TimestampTz as_of, DestReceiver *receiver)
{
	mlops_query_run_times(query_text, 1, &as_of, receiver);
}

void
mlops_query_run_times(const char *query_text, int n_times, const TimestampTz *times,
					  DestReceiver *receiver)
{
	SPIExecuteOptions options = {0};
	Oid			types[QUERY_MAX_TIMES] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	SPIPlanPtr	plan;
	int			result;

	options.params = makeParamList(n_times);
	for (int i = 0; i < n_times; i++)
	{
		options.params->params[i].value = TimestampTzGetDatum(times[i]);
		options.params->params[i].isnull = false;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = types[i];
	}
	options.read_only = true;
	options.must_return_tuples = true;
	options.dest = receiver;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare_cursor(query_text, n_times, types, CURSOR_OPT_PARALLEL_OK);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	result = SPI_execute_plan_extended(plan, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute the query: %s", SPI_result_code_string(result));
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}
