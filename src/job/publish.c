/*-------------------------------------------------------------------------
 *
 * publish.c
 *	  From an executor's result to a version: the last step of a run.
 *
 * Runs in the dispatcher, in one transaction.
 *
 * Locks: the row of the run first (the fence), then the row of the model, then
 * the row of the alias.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "drift/reference.h"
#include "job/promotion.h"
#include "job/pull.h"
#include "job/publish.h"
#include "job/recipe.h"
#include "job/spool_format.h"
#include "registry/metric.h"
#include "registry/registry.h"

/* The run's row, once it is locked. */
typedef struct LockedRun
{
	char	   *kind;
	Jsonb	   *recipe;
	Oid			submitter;
	int			parent_version;
} LockedRun;

static Jsonb *
parse_jsonb(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

static char **
make_array(List *strings)
{
	char	  **array = palloc(sizeof(char *) * Max(list_length(strings), 1));

	for (int i = 0; i < list_length(strings); i++)
		array[i] = list_nth(strings, i);
	return array;
}

/* Lock the run's row while it is running this attempt. */
static bool
lock_run(const Attempt *attempt, LockedRun *run)
{
	MemoryContext caller = CurrentMemoryContext;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	bool		found;

	mlops_spi_begin(&scope, false);
	mlops_args_add_id(&args, attempt->run);
	mlops_args_add_int4(&args, attempt->attempt);
	found = mlops_spi_run(&scope,
						  "SELECT recipe, submitted_by::oid, coalesce(parent_version, 0), kind FROM mlops.run"
						  " WHERE id = $1 AND attempt = $2 AND status = 'running' FOR NO KEY UPDATE",
						  &args) > 0;
	if (found)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		run->recipe = DatumGetJsonbPCopy(mlops_spi_value(0, 1, &isnull));
		run->submitter = DatumGetObjectId(mlops_spi_value(0, 2, &isnull));
		run->parent_version = DatumGetInt32(mlops_spi_value(0, 3, &isnull));
		run->kind = mlops_spi_text(0, 4);
		MemoryContextSwitchTo(old);
	}
	mlops_spi_end(&scope);
	return found;
}

/* Store what the trainer found out about the scores; an existing version keeps its own. */
static void
store_calibration(const RunResult *result, const char *model, int version)
{
	mlops_calibration_store(model, version, "test", &result->calibration, false);
	mlops_calibration_store_curve(model, version,
								  result->curve_part == SPOOL_VALIDATION ? "validation" : "test",
								  &result->curve, false);
}

/* Store the profiles of rows and predictions, likewise. */
static void
store_reference(const RunResult *result, const NewVersion *version, int number, const Forest *forest)
{
	VersionReference reference = {
		.model = version->model,
		.version = number,
		.signature = mlops_signature_from_jsonb(version->signature),
		.classes = version->classes,
		.n_classes = version->n_classes,
		.predicts_classes = strcmp(version->task, "multiclass") == 0,
		.forest = forest,
		.n_profiles = result->n_references,
		.profiles = result->references,
		.rows = "train",
		.scored = "test",
	};

	reference.target = reference.signature->target;
	mlops_reference_store(&reference, false);
}

static int64
insert_dataset(const RunResult *result, const Recipe *recipe, const LockedRun *run)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	int64		id;

	mlops_spi_begin(&scope, false);
	mlops_args_add_bytes(&args, result->digest, sizeof(result->digest));
	mlops_args_add_bytes(&args, result->schema_digest, sizeof(result->schema_digest));
	mlops_args_add(&args, INT8OID, Int64GetDatum(result->n_rows), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(result->n_dropped), false);
	mlops_args_add_jsonb(&args, parse_jsonb(result->columns));
	mlops_args_add_text(&args, recipe->query);
	mlops_args_add_jsonb(&args, run->recipe);
	mlops_args_add_jsonb(&args, parse_jsonb(result->relations));
	mlops_args_add_bool(&args, result->reproducible);
	mlops_args_add_text(&args, result->snapshot);
	mlops_args_add(&args, LSNOID, UInt64GetDatum(result->lsn), result->lsn == 0);
	mlops_args_add(&args, INT8OID, Int64GetDatum(result->system_identifier), false);
	mlops_args_add_role(&args, run->submitter);
	mlops_spi_run(&scope,
				  "INSERT INTO mlops.dataset (digest, schema_digest, n_rows, n_dropped, columns,"
				  " query, context, relations, reproducible, snapshot, lsn, system_identifier, read_by)"
				  " VALUES ($1, $2, $3, $4, $5, $6,"
				  " ($7->'context') || jsonb_build_object('as_of', $7->'as_of',"
				  " 'label_delay', coalesce($7->'label_delay', '\"PT0S\"')),"
				  " $8, $9, $10::pg_snapshot, $11, $12, $13) RETURNING id", &args);
	id = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	mlops_spi_end(&scope);
	return id;
}

/* Insert the run's own metrics, as one statement over arrays. */
static void
insert_metrics(const SpiScope *scope, const Attempt *attempt, List *metrics)
{
	static const char *const parts[] = {"train", "validation", "test"};
	static const Oid types[] = {TEXTOID, TEXTOID, BOOLOID, INT4OID, FLOAT8OID, INT8OID, FLOAT8OID};
	static const Oid array_types[] = {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, INT4ARRAYOID,
	FLOAT8ARRAYOID, INT8ARRAYOID, FLOAT8ARRAYOID};
	Datum	   *values[lengthof(types)];
	bool	   *nulls[lengthof(types)];
	int			n = 0;
	SpiArgs		args = {0};
	ListCell   *cell;

	for (int i = 0; i < lengthof(types); i++)
	{
		values[i] = palloc(sizeof(Datum) * (list_length(metrics) + 1));
		nulls[i] = palloc0(sizeof(bool) * (list_length(metrics) + 1));
	}
	foreach(cell, metrics)
	{
		const ResultMetric *metric = lfirst(cell);

		if (metric->baseline || metric->part < 0 || metric->part >= lengthof(parts))
			continue;
		values[0][n] = CStringGetTextDatum(parts[metric->part]);
		values[1][n] = CStringGetTextDatum(metric->name);
		values[2][n] = BoolGetDatum(metric->weighted);
		values[3][n] = Int32GetDatum(metric->round);
		nulls[3][n] = metric->round < 0;
		values[4][n] = Float8GetDatum(metric->value);
		nulls[4][n] = isnan(metric->value);
		values[5][n] = Int64GetDatum(metric->n);
		nulls[5][n] = metric->n < 0;
		values[6][n] = Float8GetDatum(metric->std_error);
		nulls[6][n] = isnan(metric->std_error);
		n++;
	}

	mlops_args_add_id(&args, attempt->run);
	for (int i = 0; i < lengthof(types); i++)
	{
		int			lower = 1;
		int16		length;
		bool		by_value;
		char		align;

		get_typlenbyvalalign(types[i], &length, &by_value, &align);
		mlops_args_add(&args, array_types[i],
					   PointerGetDatum(construct_md_array(values[i], nulls[i], 1, &n, &lower, types[i],
														  length, by_value, align)),
					   false);
	}
	mlops_spi_run(scope,
				  "INSERT INTO mlops.metric (run_id, dataset, name, weighted, round, value, n, std_error)"
				  " SELECT $1, m.* FROM unnest($2, $3, $4, $5, $6, $7, $8) m"
				  " ON CONFLICT DO NOTHING", &args);
}

/* Value of a final metric on the test part; NaN when it is not there. */
static double
find_metric(const RunResult *result, const char *name, bool weighted, bool baseline)
{
	ListCell   *cell;

	foreach(cell, result->metrics)
	{
		const ResultMetric *metric = lfirst(cell);

		if (metric->part == SPOOL_TEST && metric->round < 0 && metric->weighted == weighted &&
			metric->baseline == baseline && strcmp(metric->name, name) == 0)
			return metric->value;
	}
	return NAN;
}

/* Current version of the alias champion, its row locked; 0: none. */
static int
lock_champion(const char *model)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	int			version = 0;

	mlops_spi_begin(&scope, false);
	mlops_args_add_text(&args, model);
	if (mlops_spi_run(&scope,
					  "SELECT version FROM mlops.alias WHERE model = $1 AND alias = 'champion'"
					  " FOR NO KEY UPDATE", &args) > 0)
		version = DatumGetInt32(mlops_spi_value(0, 1, &isnull));
	mlops_spi_end(&scope);
	return version;
}

/*
 * promote => 'if_not_worse': move the alias when the new version's deciding
 * metric on the hold-out is not worse than the champion's on the same rows.
 * Returns what happened, as a note.
 */
static char *
promote_if_not_worse(const Recipe *recipe, const RunResult *result, const char *objective,
					 int version, Oid by)
{
	bool		greater_is_better;
	bool		weighted = recipe->weight != NULL;
	int			champion = lock_champion(recipe->model);
	MetricTask	task;
	const char *name;
	double		ours;
	double		theirs;

	if (!mlops_metric_task_from_name(result->task, &task))
		elog(ERROR, "no such task: \"%s\"", result->task);
	name = mlops_metric_primary(task, objective, &greater_is_better);

	if (champion == version)
		return NULL;
	if (champion == 0)
		return pstrdup("not promoted: the model has no champion to compare with");
	if (result->baseline_version == 0)
		return NULL;			/* the executor noted why */
	if (champion != result->baseline_version)
		return psprintf("promotion undecided: the champion moved from version %d to %d during the run",
						result->baseline_version, champion);
	ours = find_metric(result, name, weighted, false);
	theirs = find_metric(result, name, weighted, true);
	if (isnan(ours) || isnan(theirs))
		return psprintf("promotion undecided: %s is not defined on the hold-out", name);
	if (greater_is_better ? ours < theirs : ours > theirs)
		return psprintf("not promoted: %s on the hold-out is %g, champion version %d has %g",
						name, ours, champion, theirs);
	(void) mlops_registry_move_alias(recipe->model, "champion", version, champion, by,
									 psprintf("not worse: %s %g, version %d had %g", name, ours,
											  champion, theirs));
	return psprintf("promoted: %s on the hold-out is %g, version %d has %g",
					name, ours, champion, theirs);
}

static void
end_run(const Attempt *attempt, const RunResult *result, int version, int64 dataset,
		const List *notes)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_spi_begin(&scope, false);
	insert_metrics(&scope, attempt, result->metrics);
	mlops_args_add_id(&args, attempt->run);
	mlops_args_add_int4(&args, attempt->attempt);
	mlops_args_add_id(&args, version);
	mlops_args_add_id(&args, dataset);
	mlops_args_add(&args, INT8OID, Int64GetDatum(result->n_rows), false);
	mlops_args_add_text_array(&args, make_array(unconstify(List *, notes)), list_length(notes));
	mlops_args_add_jsonb(&args, parse_jsonb(result->environment));
	mlops_spi_run(&scope,
				  "UPDATE mlops.run SET status = 'succeeded', version = $3, dataset_id = $4,"
				  " n_rows = $5, notes = $6, environment = $7, phase = NULL,"
				  " sqlstate = NULL, error = NULL,"
				  " ended_at = clock_timestamp(), progress_at = clock_timestamp()"
				  " WHERE id = $1 AND attempt = $2", &args);
	args.n = 1;
	mlops_spi_run(&scope, "DELETE FROM mlops.cancel_request WHERE run_id = $1", &args);
	mlops_spi_end(&scope);
}

bool
mlops_publish_result(const Attempt *attempt, const RunResult *result, bytea *model)
{
	LockedRun	run;
	Recipe	   *recipe;
	NewVersion	version = {0};
	List	   *notes = list_copy(result->notes);
	int64		dataset;
	int			number;
	bool		existed;
	ForestDescription description;
	const Forest *forest;

	if (!lock_run(attempt, &run))
		return false;
	if (strcmp(run.kind, "compare") == 0)
	{
		mlops_promotion_record(attempt, result);
		return true;
	}
	if (strcmp(run.kind, "monitor") == 0)
	{
		PushActiveSnapshot(GetLatestSnapshot());
		mlops_pull_record(attempt, result);
		PopActiveSnapshot();
		return true;
	}
	if (!model)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the training left no model")));
	recipe = mlops_recipe_parse(run.recipe);
	PushActiveSnapshot(GetLatestSnapshot());
	if (!mlops_registry_permits(recipe->model, run.submitter, MODEL_OWN))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", recipe->model),
				 errdetail("The submitter of the run no longer has the right \"own\".")));
	PopActiveSnapshot();
	dataset = insert_dataset(result, recipe, &run);

	version.model = recipe->model;
	version.bytes = model;
	version.signature = parse_jsonb(result->signature);
	version.task = result->task;
	version.n_classes = list_length(result->classes);
	version.classes = version.n_classes > 0 ? make_array(result->classes) : NULL;
	version.threshold = result->threshold;
	version.recipe = run.recipe;
	version.params = parse_jsonb(result->params);
	version.run_id = attempt->run;
	version.dataset_id = dataset;
	version.parent_version = run.parent_version;
	version.refit = recipe->refit;
	version.description = recipe->description;
	version.tags = recipe->tags;
	version.created_by = run.submitter;
	forest = mlops_registry_build_forest(model, &description);
	version.parsed = &description;
	number = mlops_registry_publish(&version, &existed);
	store_calibration(result, recipe->model, number);
	store_reference(result, &version, number, forest);

	if (existed)
		notes = lappend(notes, psprintf("the model equals version %d in every byte; no new version was made",
										number));
	if (recipe->promote == PROMOTE_IF_NOT_WORSE)
	{
		char	   *note = promote_if_not_worse(recipe, result, description.objective, number,
												run.submitter);

		if (note)
			notes = lappend(notes, note);
	}
	end_run(attempt, result, number, dataset, notes);
	return true;
}
