/*-------------------------------------------------------------------------
 *
 * check_fn.c
 *	  Prove an import: predictions against numbers that somebody else made.
 *
 * One SELECT around the caller's query, with the caller's rights, search_path
 * and row security.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/error.h"
#include "feature/query.h"

/* Whether the named column of the query is an array; an error when there is none. */
static bool
is_array_column(const char *query_text, const char *name)
{
	Oid			type = mlops_query_column_type(mlops_query_parse(query_text), name);

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\", named by expected, does not exist in the query", name)));
	if (type >= FirstNormalObjectId)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\", named by expected, is of type %s, not of numbers", name,
						format_type_be(type)),
				 errhint("Cast it in the query.")));
	return OidIsValid(get_element_type(type));
}

PG_FUNCTION_INFO_V1(mlops_sql_check_predictions);
Datum
mlops_sql_check_predictions(PG_FUNCTION_ARGS)
{
	char	   *reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *expected = NameStr(*PG_GETARG_NAME(2));
	bool		is_array = is_array_column(query, expected);
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		parameters[] = {TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	Datum		values[3];
	bool		nulls[3];
	TupleDesc	tupdesc;
	HeapTuple	row;
	int64		n;
	int64		n_different;
	double		max_difference;
	char	   *sql;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	/* IS DISTINCT FROM would take its operator from the caller's search_path */
	sql = psprintf("SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE NOT"
				   " COALESCE(p OPERATOR(pg_catalog.=) e, p IS NULL AND e IS NULL)),"
				   " pg_catalog.max(%s)::pg_catalog.float8"
				   " FROM (SELECT mlops.%s(%s, q)::pg_catalog.float4%s AS p, q.%s::pg_catalog.float4%s AS e"
				   " FROM (%s\n) q) s",
				   is_array ? "(SELECT pg_catalog.max(pg_catalog.abs(a OPERATOR(pg_catalog.-) b))"
				   " FROM ROWS FROM (pg_catalog.unnest(p), pg_catalog.unnest(e)) u(a, b))" :
				   "pg_catalog.abs(p OPERATOR(pg_catalog.-) e)",
				   is_array ? "predict_array" : "predict", quote_literal_cstr(reference),
				   is_array ? "[]" : "", quote_identifier(expected), is_array ? "[]" : "", query);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(sql, 1, types, parameters, NULL, true, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not check predictions");
	row = SPI_tuptable->vals[0];
	n = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &nulls[0]));
	n_different = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &nulls[1]));
	values[2] = SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &nulls[2]);
	max_difference = nulls[2] ? 0 : DatumGetFloat8(values[2]);
	SPI_finish();

	values[0] = Int64GetDatum(n);
	values[1] = Int64GetDatum(n_different);
	values[2] = Float8GetDatum(max_difference);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
