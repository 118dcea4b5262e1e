/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *	  One version on the rows of a query: metrics, and their record.
 *
 * The query runs in the caller's session, with the caller's rights.  The record
 * is a run of kind evaluate, its data set and its metrics.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/pg_lsn.h"
#include "utils/tuplestore.h"

#include "base/session.h"
#include "base/spi_args.h"
#include "registry/evaluate.h"
#include "registry/judge.h"

#define EVALUATE_COLUMNS 4

/* Where and when the rows were read. */
typedef struct ReadingPoint
{
	Datum		snapshot;		/* pg_snapshot */
	XLogRecPtr	lsn;
	Jsonb	   *context;
} ReadingPoint;

static int64
insert_dataset(const SpiScope *scope, const Judgement *judgement, const DatasetAnalysis *analysis,
			   const ReadingPoint *point, Oid caller)
{
	const Dataset *dataset = judgement->dataset;
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_bytes(&args, dataset->digest, sizeof(dataset->digest));
	mlops_args_add_bytes(&args, dataset->schema_digest, sizeof(dataset->schema_digest));
	mlops_args_add(&args, INT8OID, Int64GetDatum(dataset->n_rows), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(dataset->n_dropped), false);
	mlops_args_add_jsonb(&args, judgement->columns);
	mlops_args_add_text(&args, judgement->spec.query);
	mlops_args_add_jsonb(&args, point->context);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(judgement->spec.as_of), false);
	mlops_args_add_jsonb(&args, analysis->relations);
	mlops_args_add_bool(&args, analysis->reproducible);
	mlops_args_add(&args, PG_SNAPSHOTOID, point->snapshot, false);
	mlops_args_add(&args, PG_LSNOID, LSNGetDatum(point->lsn), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(GetSystemIdentifier()), false);
	mlops_args_add_role(&args, caller);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.dataset (digest, schema_digest, n_rows, n_dropped, columns,"
						 " query, context, relations, reproducible, snapshot, lsn,"
						 " system_identifier, read_by)"
						 " VALUES ($1, $2, $3, $4, $5, $6,"
						 " $7 || pg_catalog.jsonb_build_object('as_of', $8), $9, $10, $11, $12,"
						 " $13, $14) RETURNING id", &args);
	return DatumGetInt64(mlops_spi_value(0, 1, &isnull));
}

static int64
insert_run(const SpiScope *scope, const Judgement *judgement, int64 dataset, Oid caller)
{
	const ModelVersion *version = judgement->versions[0].version;
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, version->version);
	mlops_args_add_text(&args, judgement->spec.query);
	mlops_args_add_text(&args, judgement->spec.target);
	mlops_args_add_id(&args, dataset);
	mlops_args_add_role(&args, caller);
	mlops_args_add(&args, INT8OID, Int64GetDatum(judgement->dataset->n_rows), false);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.run (kind, model, version, status, recipe, dataset_id,"
						 " submitted_by, started_at, ended_at, n_rows)"
						 " VALUES ('evaluate', $1, $2, 'succeeded',"
						 " pg_catalog.jsonb_build_object('query', $3, 'target', $4), $5, $6,"
						 " pg_catalog.statement_timestamp(), pg_catalog.clock_timestamp(), $7)"
						 " RETURNING id", &args);
	return DatumGetInt64(mlops_spi_value(0, 1, &isnull));
}

static void
insert_metric(const SpiScope *scope, int64 run, const MetricValue *metric, int64 n)
{
	SpiArgs		args = {0};

	mlops_args_add_id(&args, run);
	mlops_args_add_text(&args, metric->name);
	mlops_args_add_float8(&args, metric->value);
	mlops_args_add(&args, INT8OID, Int64GetDatum(n), false);
	mlops_args_add_float8(&args, metric->std_error);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.metric (run_id, dataset, name, value, n, std_error)"
						 " VALUES ($1, 'query', $2, $3, $4, $5)", &args);
}

/* Say which metrics have no value, and why that may be. */
static void
warn_undefined(const MetricValue *values, int n_values, size_t n_rows)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n_values; i++)
		if (isnan(values[i].value))
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", values[i].name);
	if (list.len > 0)
		ereport(WARNING,
				(errcode(ERRCODE_NO_DATA),
				 n_rows == 0 ? errmsg("query has no row to judge a model by") :
				 errmsg("not defined for these rows: %s", list.data),
				 n_rows == 0 ? 0 :
				 errhint("Some metrics want rows of every class, or values that differ.")));
}

void
mlops_registry_evaluate(const char *reference, const char *query, const char *target,
						ReturnSetInfo *result)
{
	Oid			caller = GetUserId();
	MetricValue values[METRIC_MAX];
	DatasetAnalysis analysis;
	ReadingPoint point;
	JsonbParseState *state = NULL;
	Judgement  *judgement;
	SpiScope	scope;
	size_t		n_rows;
	int64		run;
	int			n_values;

	mlops_registry_require_writable("evaluate");
	point.snapshot = OidFunctionCall0(F_PG_CURRENT_SNAPSHOT);
	point.lsn = GetXLogWriteRecPtr();
	point.context = JsonbValueToJsonb(mlops_session_push(&state));
	judgement = mlops_judge_read(unconstify(char **, &reference), 1, query, target, false);
	mlops_dataset_analyze(&judgement->spec, &analysis);
	n_rows = judgement->versions[0].input.n;
	n_values = mlops_judge_compute(&judgement->versions[0].input, values);

	mlops_spi_begin(&scope, false);
	run = insert_run(&scope, judgement,
					 insert_dataset(&scope, judgement, &analysis, &point, caller), caller);
	for (int i = 0; i < n_values; i++)
		insert_metric(&scope, run, &values[i], n_rows);
	mlops_spi_end(&scope);

	for (int i = 0; i < n_values; i++)
	{
		Datum		row[EVALUATE_COLUMNS] = {
			CStringGetTextDatum(values[i].name), Float8GetDatum(values[i].value),
			Float8GetDatum(values[i].std_error), Int64GetDatum(n_rows)
		};
		bool		nulls[EVALUATE_COLUMNS] = {
			false, isnan(values[i].value), isnan(values[i].std_error), false
		};

		tuplestore_putvalues(result->setResult, result->setDesc, row, nulls);
	}
	warn_undefined(values, n_values, n_rows);
}
