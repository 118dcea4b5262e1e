/*-------------------------------------------------------------------------
 *
 * comparison.c
 *	  A run that compares a challenger with the champion.
 *
 * The rows are those of the query that the challenger was trained on, read by the
 * role that wrote it, and of these the ones that neither version was trained on:
 * the hold-out where both were split by the same rule; else those whose time is
 * after the reading for both, by the column of a split by time or the monitor's.
 *
 * The recipe of such a run has the keys of a training's that say how to read, and
 * champion, challenger, metric, and for the second way time_column and after.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "feature/query.h"
#include "job/comparison.h"
#include "job/reading.h"
#include "job/submitter.h"
#include "registry/judge.h"

/* Of the result's metrics. */
#define RAREST_CLASS "rarest_class"

static char *
get_text(const Jsonb *json, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &json->root), key, strlen(key),
									 &value) == NULL || value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static char *
get_required(const Jsonb *json, const char *key)
{
	char	   *value = get_text(json, key);

	if (!value)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("recipe of a comparison has no \"%s\"", key)));
	return value;
}

/* The query, cut to rows after the reading where that is what both have not seen. */
static const char *
make_query(const TrainingRun *run)
{
	const char *column = get_text(run->json, "time_column");
	char	   *query = pstrdup(run->recipe->query);
	Oid			type;

	if (!column)
		return query;
	type = mlops_query_column_type(mlops_query_parse(query), column);
	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("the query has no column \"%s\" of a time by which rows that neither version was trained on could be told",
						column)));
	for (int i = strlen(query) - 1; i >= 0 && strchr("; \t\r\n", query[i]); i--)
		query[i] = '\0';
	return psprintf("SELECT * FROM (%s\n) AS q WHERE q.%s OPERATOR(pg_catalog.>) %s::pg_catalog.timestamptz",
					query, quote_identifier(column),
					quote_literal_cstr(get_required(run->json, "after")));
}

static ResultMetric *
make_metric(const char *name, double value, double error, int64 n, bool baseline)
{
	ResultMetric *metric = palloc0(sizeof(ResultMetric));

	metric->part = SPOOL_TEST;
	metric->name = pstrdup(name);
	metric->round = -1;
	metric->value = value;
	metric->std_error = error;
	metric->n = n;
	metric->baseline = baseline;
	return metric;
}

void
mlops_comparison_run(TrainingRun *run)
{
	char	   *references[2] = {get_required(run->json, "champion"), get_required(run->json, "challenger")};
	Judgement  *judgement;
	PairedMetric pair;
	DatasetSpec spec;

	mlops_recipe_fill_spec(run->recipe, &spec);
	mlops_training_phase(run, "reading");
	mlops_reading_begin(run->recipe);
	judgement = mlops_judge_read_at(references, 2, make_query(run), run->recipe->target,
									get_text(run->json, "time_column") == NULL, spec.as_of);
	mlops_registry_compare_pair(judgement, get_text(run->json, "metric"), &pair);
	run->result.metrics = list_make3(make_metric(pair.name, pair.first, NAN, pair.n, true),
									 make_metric(pair.name, pair.second, pair.error, pair.n, false),
									 make_metric(RAREST_CLASS, NAN, NAN, pair.n_class, false));
	run->result.n_rows = pair.n;
	mlops_reading_end();
	mlops_training_phase(run, "publishing");
}

bool
mlops_comparison_read(const RunResult *result, PairedMetric *pair)
{
	const ResultMetric *first;
	const ResultMetric *second;

	if (list_length(result->metrics) != 3)
		return false;
	first = linitial(result->metrics);
	second = lsecond(result->metrics);
	if (!first->baseline || strcmp(first->name, second->name) != 0)
		return false;
	pair->name = first->name;
	pair->greater_is_better = mlops_metric_greater_is_better(first->name);
	pair->first = first->value;
	pair->second = second->value;
	pair->error = second->std_error;
	pair->n = second->n;
	pair->n_class = ((ResultMetric *) lthird(result->metrics))->n;
	return true;
}

int64
mlops_comparison_submit(const SpiScope *scope, int64 event)
{
	SpiArgs		args = {0};
	bool		isnull;
	Oid			submitter;
	int64		run;

	/*
	 * $1 of the query is bound anew, so that rows that came meanwhile count.
	 * A version saw nothing that came after its as_of, nor after its reading.
	 */
	mlops_args_add_id(&args, event);
	if (mlops_spi_run(scope,
					  "INSERT INTO mlops.run (kind, model, version, parent_version, submitted_by, recipe)"
					  " SELECT 'compare', e.model, e.new_version, e.version, n.created_by,"
					  " jsonb_strip_nulls(jsonb_build_object('model', e.model, 'query', n.recipe -> 'query',"
					  " 'target', n.recipe -> 'target', 'context', n.recipe -> 'context',"
					  " 'label_delay', n.recipe -> 'label_delay', 'as_of', now(), 'metric', m.metric,"
					  " 'champion', e.model || '/' || e.version, 'challenger', e.model || '/' || e.new_version,"
					  " 'time_column', CASE WHEN n.recipe ->> 'split' = 'time' THEN n.recipe ->> 'split_by'"
					  " WHEN n.refit OR c.refit OR c.recipe IS NULL THEN m.time_column::text END,"
					  " 'after', greatest((n.recipe ->> 'as_of')::timestamptz, (c.recipe ->> 'as_of')::timestamptz,"
					  " c.created_at)))"
					  " FROM mlops.drift_event e JOIN mlops.monitor m ON m.name = e.monitor"
					  " JOIN mlops.model_version n ON n.model = e.model AND n.version = e.new_version"
					  " JOIN mlops.model_version c ON c.model = e.model AND c.version = e.version"
					  " WHERE e.id = $1 RETURNING id, submitted_by::oid", &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("a version of the comparison is gone")));
	run = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	submitter = DatumGetObjectId(mlops_spi_value(0, 2, &isnull));
	mlops_submitter_check(submitter);
	args.n = 1;
	mlops_args_add_id(&args, run);
	mlops_spi_run(scope,
				  "UPDATE mlops.drift_event SET compare_run_id = $2, compare_at = NULL WHERE id = $1",
				  &args);
	return run;
}
