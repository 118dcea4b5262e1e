/*-------------------------------------------------------------------------
 *
 * submit.c
 *	  From the arguments of train and retrain to a queued run.
 *
 * A query runs with the rights of the role that wrote it: the caller for train
 * and for a retrain with a new query, else the author of the version's recipe.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "base/json.h"
#include "base/spi_args.h"
#include "compat/pg_compat.h"
#include "job/params.h"
#include "job/queue.h"
#include "job/recipe.h"
#include "job/submit.h"
#include "job/submitter.h"
#include "job/wake.h"
#include "registry/registry.h"

/* What retrain repeats. */
typedef struct RecipeSource
{
	Jsonb	   *recipe;
	Oid			author;
} RecipeSource;

/*
 * Task that version 1 of the model fixed; TASK_UNDECIDED: there is none yet.
 * It fixed the positive class, too.
 */
static DatasetTask
get_model_task(const Recipe *recipe)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	char	   *task = NULL;
	char	   *positive = NULL;
	DatasetTask result = TASK_UNDECIDED;

	mlops_spi_begin(&scope, false);
	mlops_args_add_text(&args, recipe->model);
	if (mlops_spi_run(&scope, "SELECT task, classes[2] FROM mlops.model WHERE name = $1", &args) > 0)
	{
		task = mlops_spi_text(0, 1);
		positive = mlops_spi_text(0, 2);
	}
	if (task)
		result = mlops_dataset_task_from_name(task);
	if (result == TASK_BINARY && positive && recipe->positive &&
		strcmp(recipe->positive, positive) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the positive class of model \"%s\" is \"%s\", not \"%s\"", recipe->model,
						positive, recipe->positive),
				 errhint("The first version fixes it; use another model name.")));
	mlops_spi_end(&scope);
	return result;
}

/*
 * The task as far as it is known, from the arguments and from the model, which
 * must agree.
 */
static DatasetTask
decide_task(const Recipe *recipe)
{
	DatasetTask fixed = get_model_task(recipe);
	DatasetTask asked = recipe->task ? mlops_dataset_task_from_name(recipe->task) : TASK_UNDECIDED;

	if (fixed != TASK_UNDECIDED && asked != TASK_UNDECIDED && fixed != asked)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" is for the task %s, not %s", recipe->model,
						mlops_dataset_task_name(fixed), mlops_dataset_task_name(asked)),
				 errhint("The first version fixes the task; use another model name.")));
	return fixed != TASK_UNDECIDED ? fixed : asked;
}

/*
 * Analyse the caller's own query; returns the task and the features, as far as
 * it tells.
 */
static DatasetTask
analyze_query(const Recipe *recipe, DatasetTask task, Signature **features)
{
	DatasetSpec spec;
	DatasetAnalysis analysis;

	mlops_recipe_fill_spec(recipe, &spec);
	spec.task = task;
	mlops_dataset_analyze(&spec, &analysis);
	if (task == TASK_UNDECIDED && analysis.task != TASK_UNDECIDED)
		ereport(NOTICE,
				(errmsg("the type of column \"%s\" makes this a %s task", recipe->target,
						mlops_dataset_task_name(analysis.task)),
				 errhint("Argument task chooses another one.")));
	*features = analysis.features;
	return analysis.task;
}

static void
notice_keyless_split(const Recipe *recipe)
{
	if (recipe->key == NIL && !recipe->qid && strcmp(recipe->split, "hash") == 0)
		ereport(NOTICE,
				(errmsg("without a key the hold-out is chosen by whole rows"),
				 errdetail("A row that changes in any column may change sides, and rows of one entity end up on both."),
				 errhint("Name the columns that identify an entity with key => '{...}'.")));
}

/* Check what the run would refuse anyway, and enqueue it. */
static int64
enqueue(Jsonb *json, int parent_version, Oid submitter, bool analyze)
{
	Recipe	   *recipe = mlops_recipe_parse(json);
	Params	   *params;
	Signature  *features = NULL;
	DatasetTask task;
	int64		run;

	mlops_submitter_check(submitter);
	mlops_registry_ensure_model(recipe->model, submitter);
	task = decide_task(recipe);
	if (analyze)
		task = analyze_query(recipe, task, &features);
	mlops_recipe_check_task(recipe, task);
	params = mlops_params_translate(recipe->params, task, recipe->target_upper != NULL,
									features);
	mlops_params_check_early_stopping(params, recipe->early_stopping_rounds);
	notice_keyless_split(recipe);

	run = mlops_queue_insert(recipe->model, json, recipe->num_boost_round, parent_version, submitter);
	mlops_wake_at_commit();
	return run;
}

int64
mlops_submit_train(FunctionCallInfo fcinfo)
{
	char	   *model;

	mlops_registry_require_writable("train");
	for (int i = 0; i < 3; i++)
	{
		static const char *const names[] = {"model", "query", "target"};

		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
	}
	model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mlops_registry_check_model_name(model);
	return enqueue(mlops_recipe_build(fcinfo, 1, model, NULL, true), 0, GetUserId(), true);
}

pg_noreturn static void
report_imported(const char *model, int version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model \"%s\" has no recipe because it was imported", version, model),
			 errhint("Use mlops.train.")));
}

/* Recipe and author of a version. */
static RecipeSource
load_recipe(const ModelVersion *version)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	RecipeSource source;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	Datum		recipe;

	mlops_spi_begin(&scope, false);
	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, version->version);
	if (mlops_spi_run(&scope,
					  "SELECT recipe, created_by::oid FROM mlops.model_version"
					  " WHERE model = $1 AND version = $2", &args) == 0)
		elog(ERROR, "version %d of model \"%s\" vanished", version->version, version->model);
	recipe = mlops_spi_value(0, 1, &isnull);
	if (isnull)
		report_imported(version->model, version->version);
	old = MemoryContextSwitchTo(context);
	source.recipe = DatumGetJsonbPCopy(recipe);
	source.author = DatumGetObjectId(mlops_spi_value(0, 2, &isnull));
	MemoryContextSwitchTo(old);
	mlops_spi_end(&scope);
	return source;
}

int64
mlops_submit_retrain(FunctionCallInfo fcinfo)
{
	ModelVersion *version;
	RecipeSource source;
	bool		new_query = !PG_ARGISNULL(1);

	mlops_registry_require_writable("retrain");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"model_ref\" must not be null")));
	version = mlops_registry_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)), MODEL_OWN);
	source = load_recipe(version);
	return enqueue(mlops_recipe_build(fcinfo, 1, version->model, source.recipe, new_query),
				   version->version, new_query ? GetUserId() : source.author, new_query);
}

int64
mlops_submit_event(int64 event)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		no_recipe;
	bool		isnull;
	Datum		recipe;
	Jsonb	   *json = NULL;
	char	   *model;
	int			version;
	Oid			owner;
	Oid			submitter;

	mlops_spi_begin(&scope, false);
	mlops_args_add_id(&args, event);
	if (mlops_spi_run(&scope,
					  "SELECT e.model, e.version, m.owner::oid,"
					  " CASE WHEN m.retrain_query IS NULL THEN v.created_by ELSE m.owner END::oid,"
					  " v.recipe || jsonb_build_object('as_of', now(), 'promote', 'never',"
					  " 'keep_frequent', true, 'unless_digest', encode(d.digest, 'hex')) ||"
					  " CASE WHEN m.retrain_query IS NULL THEN '{}' ELSE"
					  " jsonb_build_object('query', m.retrain_query, 'context', m.context) END"
					  " FROM mlops.drift_event e JOIN mlops.monitor m ON m.name = e.monitor"
					  " JOIN mlops.model_version v ON v.model = e.model AND v.version = e.version"
					  " LEFT JOIN mlops.dataset d ON d.id = v.dataset_id"
					  " WHERE e.id = $1", &args) == 0)
		elog(ERROR, "event " INT64_FORMAT " vanished", event);
	recipe = mlops_spi_value(0, 5, &no_recipe);
	old = MemoryContextSwitchTo(context);
	model = mlops_spi_text(0, 1);
	version = DatumGetInt32(mlops_spi_value(0, 2, &isnull));
	owner = DatumGetObjectId(mlops_spi_value(0, 3, &isnull));
	submitter = DatumGetObjectId(mlops_spi_value(0, 4, &isnull));
	if (!no_recipe)
		json = DatumGetJsonbPCopy(recipe);
	MemoryContextSwitchTo(old);
	mlops_spi_end(&scope);

	if (!json)
		report_imported(model, version);
	if (!mlops_registry_permits(model, owner, MODEL_OWN))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the monitor's owner does not own model \"%s\"", model)));
	return enqueue(json, version, submitter, false);
}

void
mlops_submit_check_retrain(const char *model, const char *promote)
{
	RecipeSource source = load_recipe(mlops_registry_resolve(model, MODEL_OWN));
	JsonbParseState *state = NULL;
	Datum		override;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	mlops_json_push_string(&state, WJB_KEY, "promote");
	mlops_json_push_string(&state, WJB_VALUE, promote);
	override = JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	(void) mlops_recipe_parse(DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
																 JsonbPGetDatum(source.recipe),
																 override)));
	mlops_submitter_check(source.author);
}

bool
mlops_submit_cancel(int64 run)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		open;

	mlops_registry_require_writable("cancel");
	if (!mlops_registry_permits_run(run, GetUserId(), MODEL_OWN))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_RUN),
				 errmsg("run " INT64_FORMAT " does not exist", run),
				 errdetail("Or it is neither yours nor of a model that you own.")));
	mlops_spi_begin(&scope, false);
	mlops_args_add_id(&args, run);
	open = mlops_spi_run(&scope,
						 "SELECT FROM mlops.run WHERE id = $1 AND status IN ('queued', 'running')",
						 &args) > 0;
	if (open)
	{
		mlops_args_add_role(&args, scope.user);
		mlops_spi_run(&scope,
					  "INSERT INTO mlops.cancel_request (run_id, requested_by) VALUES ($1, $2)"
					  " ON CONFLICT (run_id) DO NOTHING", &args);
	}
	mlops_spi_end(&scope);
	if (open)
		mlops_wake_at_commit();
	return open;
}
