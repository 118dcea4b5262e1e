/*-------------------------------------------------------------------------
 *
 * domain.c
 *	  Reference and current rows as one query, for a model that tells them apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/error.h"
#include "drift/domain.h"
#include "feature/query.h"

#define TARGET "is_current"

/* The statement without what may follow it, and the row it gives. */
static char *
read_query(const char *string, TupleDesc *tupdesc)
{
	Query	   *query = mlops_query_parse(string);
	int			start = Max(query->stmt_location, 0);

	*tupdesc = ExecCleanTypeFromTL(query->targetList);
	return query->stmt_len > 0 ? pnstrdup(string + start, query->stmt_len) : pstrdup(string + start);
}

static bool
has_column(TupleDesc tupdesc, const char *name)
{
	for (int i = 0; i < tupdesc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), name) == 0)
			return true;
	return false;
}

/* A UNION goes by position: name the columns on both sides. */
static void
append_side(StringInfo union_query, TupleDesc columns, const char *query, const char *is_current)
{
	appendStringInfoString(union_query, "SELECT ");
	for (int i = 0; i < columns->natts; i++)
		appendStringInfo(union_query, "s.%s, ",
						 quote_identifier(NameStr(TupleDescAttr(columns, i)->attname)));
	/* the query may end with a comment */
	appendStringInfo(union_query, "%s AS " TARGET " FROM (%s\n) s", is_current, query);
}

char *
mlops_domain_query(const char *reference, const char *current)
{
	TupleDesc	reference_columns;
	TupleDesc	current_columns;
	char	   *reference_query = read_query(reference, &reference_columns);
	char	   *current_query = read_query(current, &current_columns);
	StringInfoData union_query;

	for (int i = 0; i < reference_columns->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(reference_columns, i)->attname);

		CHECK_FOR_INTERRUPTS();
		if (strcmp(name, TARGET) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("column \"" TARGET "\" is the one that is added"),
					 errhint("Give the column another name, or leave it out.")));
		if (!has_column(current_columns, name))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("column \"%s\" of the reference query is missing in the current one", name),
					 errhint("Columns match by name; leave it out of both.")));
	}
	initStringInfo(&union_query);
	append_side(&union_query, reference_columns, reference_query, "false");
	appendStringInfoString(&union_query, "\nUNION ALL\n");
	append_side(&union_query, reference_columns, current_query, "true");
	return union_query.data;
}
