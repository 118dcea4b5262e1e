/*-------------------------------------------------------------------------
 *
 * stat_fn.c
 *	  SQL entry points of the serving statistics; the views call the first two.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "registry/registry.h"
#include "serve/stat.h"

PG_FUNCTION_INFO_V1(mlops_sql_stat_predictions);
PG_FUNCTION_INFO_V1(mlops_sql_stat_latencies);
PG_FUNCTION_INFO_V1(mlops_sql_stat_prediction_info);
PG_FUNCTION_INFO_V1(mlops_sql_stat_prediction_reset);

#define N_KEY_COLUMNS 3
#define N_COLUMNS (N_KEY_COLUMNS + STAT_TIMED_NS + 7)
#define NANOS_PER_MILLI 1e6

/*
 * Whether the current user may see the entry: all of them as a member of
 * pg_read_all_stats, else those of models of this database that he may use.
 */
static bool
is_visible(const StatEntry *entry, bool sees_all)
{
	return sees_all ||
		(entry->key.database == MyDatabaseId && entry->key.model[0] != '\0' &&
		 mlops_registry_permits(entry->key.model, GetUserId(), MODEL_PREDICT));
}

/* The first columns of both results; the entry of no version has NULLs. */
static void
fill_key(const StatEntry *entry, Datum *values, bool *isnull)
{
	values[0] = ObjectIdGetDatum(entry->key.database);
	isnull[1] = isnull[2] = entry->key.model[0] == '\0';
	if (!isnull[1])
		values[1] = CStringGetTextDatum(entry->key.model);
	values[2] = Int32GetDatum(entry->key.version);
}

/* A duration in ms, or NULL. */
static void
fill_duration(double ns, Datum *value, bool *isnull)
{
	*isnull = isnan(ns);
	*value = Float8GetDatum(ns / NANOS_PER_MILLI);
}

/* Put a row of counts. */
static void
put_entry(ReturnSetInfo *result, const StatEntry *entry)
{
	static const double shares[] = {0.50, 0.95, 0.99};
	const uint64 *counters = entry->counters;
	bool		is_timed = counters[STAT_TIMED_CALLS] > 0;
	Datum		values[N_COLUMNS];
	bool		isnull[N_COLUMNS] = {false};
	int			n = N_KEY_COLUMNS;

	fill_key(entry, values, isnull);
	for (int i = 0; i <= STAT_TIMED_CALLS; i++)
		values[n++] = Int64GetDatum(counters[i]);
	fill_duration(is_timed ? (double) counters[STAT_TIMED_NS] / counters[STAT_TIMED_CALLS] : NAN,
				  &values[n], &isnull[n]);
	n++;
	for (int i = 0; i < lengthof(shares); i++, n++)
		fill_duration(mlops_latency_quantile(entry->histogram, shares[i], entry->max_ns),
					  &values[n], &isnull[n]);
	fill_duration(is_timed ? entry->max_ns : NAN, &values[n], &isnull[n]);
	n++;
	values[n++] = TimestampTzGetDatum(entry->since);
	values[n++] = TimestampTzGetDatum(entry->last_call);
	Assert(n == N_COLUMNS);
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* Put a row per bucket of the histogram that is not empty. */
static void
put_histogram(ReturnSetInfo *result, const StatEntry *entry)
{
	for (int i = 0; i < LATENCY_N_BUCKETS; i++)
	{
		Datum		values[N_KEY_COLUMNS + 3];
		bool		isnull[N_KEY_COLUMNS + 3] = {false};

		if (entry->histogram[i] == 0)
			continue;
		fill_key(entry, values, isnull);
		values[3] = Float8GetDatum(mlops_latency_edge(i) / NANOS_PER_MILLI);
		fill_duration(i < LATENCY_N_BUCKETS - 1 ? mlops_latency_edge(i + 1) : NAN,
					  &values[4], &isnull[4]);
		values[5] = Int64GetDatum(entry->histogram[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
}

/* Put what "put" makes of every entry that the current user may see. */
static void
put_visible(FunctionCallInfo fcinfo, void (*put) (ReturnSetInfo *, const StatEntry *))
{
	bool		sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	StatEntry  *entries;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	n = mlops_stat_collect(&entries);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_visible(&entries[i], sees_all))
			put((ReturnSetInfo *) fcinfo->resultinfo, &entries[i]);
	}
}

Datum
mlops_sql_stat_predictions(PG_FUNCTION_ARGS)
{
	put_visible(fcinfo, put_entry);
	PG_RETURN_NULL();
}

Datum
mlops_sql_stat_latencies(PG_FUNCTION_ARGS)
{
	put_visible(fcinfo, put_histogram);
	PG_RETURN_NULL();
}

Datum
mlops_sql_stat_prediction_info(PG_FUNCTION_ARGS)
{
	StatInfo	info;
	TupleDesc	tupdesc;
	Datum		values[4];
	bool		isnull[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	mlops_stat_get_info(&info);
	values[0] = BoolGetDatum(mlops_track_predictions);
	isnull[1] = isnull[2] = isnull[3] = !info.preloaded;
	values[1] = Int32GetDatum(info.n_entries);
	values[2] = Int32GetDatum(mlops_stat_max_versions);
	values[3] = Int64GetDatum(info.evictions);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, isnull)));
}

Datum
mlops_sql_stat_prediction_reset(PG_FUNCTION_ARGS)
{
	char	   *model = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));

	mlops_stat_reset(model, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}
