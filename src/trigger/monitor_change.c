/*-------------------------------------------------------------------------
 *
 * monitor_change.c
 *	  Making, changing, checking and removing monitors.
 *
 * The caller must own the model.  In relation mode he must be able to read the
 * table and to make triggers on it; in query mode, and where a monitor retrains,
 * he becomes the owner whose rights the queries have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/session.h"
#include "drift/evaluate_window.h"
#include "drift/fold.h"
#include "drift/watcher.h"
#include "job/pull.h"
#include "job/submitter.h"
#include "job/wake.h"
#include "trigger/attach.h"
#include "trigger/monitor_change.h"
#include "trigger/monitor_settings.h"

/* Without a name the row would be refused by a constraint, without a hint. */
static void
check_name(const char *name)
{
	size_t		length = strlen(name);
	bool		valid = length > 0 && length <= MONITOR_MAX_NAME &&
	(isalpha((unsigned char) name[0]) || name[0] == '_') &&
	strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == length;

	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" is no name of a monitor", name),
				 errhint("It has at most %d letters, digits and \"_\", \".\", \"-\", the first a letter or \"_\".",
						 MONITOR_MAX_NAME)));
}

/* Work from here on sees what this command has written. */
static void
see_own_changes(void)
{
	CommandCounterIncrement();
	PushCopiedSnapshot(GetTransactionSnapshot());
	UpdateActiveSnapshotCommandId();
}

static void
refuse_setting(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message), errhint("%s", hint)));
}

/* Rules between settings. */
static void
check_settings(const Monitor *monitor)
{
	if (monitor->relation != InvalidOid && monitor->sample_key != NULL)
		refuse_setting("sample_key needs a monitor of a query",
					   "A trigger cannot know which entities other statements have counted; use query => 'SELECT * FROM ...'.");
	if (monitor->relation != InvalidOid && monitor->schedule != NULL)
		refuse_setting("schedule needs a monitor of a query", "Rows of a watched table are counted as they come.");
	if (monitor->query != NULL && monitor->window_rows > 0)
		refuse_setting("window_rows needs a monitor of a relation",
					   "A query is pulled for windows of time; use window_size.");
	if ((monitor->season.months > 0 || monitor->season.microseconds > 0) &&
		(monitor->window_rows > 0 || mlops_window_count(&monitor->window_size, &monitor->season) < 2))
		refuse_setting("season must be a multiple of window_size",
					   "Windows of an hour and a season of '7 days' compare each hour of the week with its like, for instance.");
	if (monitor->prediction == NULL && monitor->version_column != NULL)
		refuse_setting("version needs a prediction", "It says which version made the prediction.");
}

/* Names of features of the champion that a relation does not have. */
static char *
list_missing(const SetPlan *plan)
{
	StringInfoData list;
	int			n = 0;

	initStringInfo(&list);
	for (int i = 0; i < plan->set->n; i++)
		if (plan->columns[i].place < 0 && plan->set->columns[i].role == WATCH_FEATURE && ++n <= 10)
			appendStringInfo(&list, "%s\"%s\"", n > 1 ? ", " : "", plan->set->columns[i].name);
	if (n > 10)
		appendStringInfo(&list, " and %d more", n - 10);
	return list.data;
}

/* Whether the rows have what the monitor names, and anything of the champion. */
static void
check_columns(const char *name, TupleDesc desc, const char *what)
{
	Watcher    *watcher = mlops_watcher_make(name, desc);
	SetPlan    *plan = mlops_watcher_set(watcher, 0);
	char	   *missing = list_missing(plan);
	PlanColumn	entity;

	if (plan->n_found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column that model \"%s\" version %d has a reference of",
						what, watcher->monitor->model, watcher->champion),
				 errhint("Columns match by name: %s.", missing)));
	if (missing[0] != '\0')
		ereport(NOTICE,
				(errmsg("%s lacks features of the model, which are not watched: %s", what, missing)));
	mlops_row_plan_find(desc, watcher->monitor->sample_key, &entity);
	mlops_watcher_free(watcher);
}

/* What triggers need of a table. */
static void
check_relation(const Monitor *monitor)
{
	Relation	rel;

	mlops_attach_check(monitor->relation);
	rel = table_open(monitor->relation, AccessShareLock);
	check_columns(monitor->name, RelationGetDescr(rel), psprintf("table \"%s\"", RelationGetRelationName(rel)));
	table_close(rel, NoLock);
	if (monitor->label != NULL && !mlops_attach_wants(monitor, WATCH_UPDATE))
		ereport(NOTICE,
				(errmsg("labels count as they are inserted, not when they are set later"),
				 errhint("Name key and time_column to follow UPDATEs of the label.")));
}

/* Whether anything will run with the owner's rights. */
static bool
needs_runs(const MonitorSettings *settings)
{
	const char *action = mlops_monitor_settings_text(settings, "action");

	return mlops_monitor_settings_has(settings, "query") ||
		mlops_monitor_settings_has(settings, "retrain_query") ||
		(action != NULL && strcmp(action, "alert") != 0);
}

/* Add owner and session context, where a query is new. */
static void
add_author(MonitorSettings *settings)
{
	JsonbParseState *state = NULL;
	JsonbValue *context = mlops_session_push(&state);

	mlops_monitor_settings_add(settings, "owner", REGROLEOID, ObjectIdGetDatum(GetUserId()));
	mlops_monitor_settings_add(settings, "context", JSONBOID,
							   PointerGetDatum(JsonbValueToJsonb(context)));
}

/* Whether the settings give a query, not an empty one that unsets it. */
static bool
gives_query(const MonitorSettings *settings, const char *column)
{
	for (int i = 0; i < settings->n; i++)
		if (strcmp(settings->columns[i], column) == 0)
			return VARSIZE_ANY_EXHDR(DatumGetPointer(settings->args.values[i])) > 0;
	return false;
}

/*
 * Whether the caller becomes the owner: not while a query stays that another role
 * wrote, since it would run with the caller's rights.
 */
static bool
becomes_owner(const Monitor *monitor, const MonitorSettings *settings)
{
	bool		foreign = monitor->owner != GetUserId() &&
	((monitor->query != NULL && !mlops_monitor_settings_has(settings, "query")) ||
	 (monitor->retrain_query != NULL && !mlops_monitor_settings_has(settings, "retrain_query")));

	if (foreign && (gives_query(settings, "query") || gives_query(settings, "retrain_query")))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("monitor \"%s\" has a query that role \"%s\" wrote", monitor->name,
						GetUserNameFromId(monitor->owner, true)),
				 errdetail("Queries of a monitor run with the rights of one role, that of who wrote them."),
				 errhint("Give both query and retrain_query; an empty retrain_query removes it.")));
	return !foreign;
}

/* Check the monitor after a change, and bring triggers in line.  A query is analysed when
 * it is new: then the caller is its author. */
static void
apply_monitor(const char *name, bool new_query)
{
	Monitor    *monitor;

	see_own_changes();
	monitor = mlops_monitor_find(name, NULL);
	check_settings(monitor);
	if (OidIsValid(monitor->relation))
	{
		check_relation(monitor);
		mlops_attach_sync(monitor);
	}
	else if (new_query)
		check_columns(name, mlops_pull_describe(monitor->query), "query");
	PopActiveSnapshot();
	mlops_wake_at_commit();
}

/* Insert the row. */
static void
insert_monitor(MonitorSettings *settings, const char *name)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_spi_begin(&scope, false);
	if (mlops_spi_run(&scope, mlops_monitor_settings_insert(settings), &settings->args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("monitor \"%s\" already exists", name),
				 errhint("Change it with mlops.alter_monitor, or remove it with mlops.drop_monitor.")));
	mlops_args_add_text(&args, name);
	(void) mlops_spi_run(&scope, "INSERT INTO mlops.monitor_state (monitor) VALUES ($1)", &args);
	mlops_spi_end(&scope);
}

void
mlops_monitor_create(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"name", "model"};
	MonitorSettings settings = {0};
	Interval	day = {.day = 1};
	char	   *name;
	char	   *model;

	mlops_registry_require_writable("create_monitor");
	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	model = text_to_cstring(PG_GETARG_TEXT_PP(1));
	check_name(name);
	mlops_registry_require(model, MODEL_OWN);

	mlops_monitor_settings_add(&settings, "name", TEXTOID, PG_GETARG_DATUM(0));
	mlops_monitor_settings_add(&settings, "model", TEXTOID, PG_GETARG_DATUM(1));
	mlops_monitor_settings_read(fcinfo, 2, false, &settings);
	if (mlops_monitor_settings_has(&settings, "relation") == mlops_monitor_settings_has(&settings, "query"))
		refuse_setting("a monitor needs either a relation or a query",
					   "relation => 'table' watches a table by triggers; query => 'SELECT ...' pulls.");
	/* the default of window_size gives way */
	if (mlops_monitor_settings_has(&settings, "window_rows"))
		mlops_monitor_settings_remove(&settings, "window_size");
	else if (!mlops_monitor_settings_has(&settings, "window_size"))
		mlops_monitor_settings_add(&settings, "window_size", INTERVALOID, IntervalPGetDatum(&day));
	if (needs_runs(&settings))
		mlops_submitter_check(GetUserId());
	add_author(&settings);
	insert_monitor(&settings, name);
	apply_monitor(name, true);
}

void
mlops_monitor_alter(FunctionCallInfo fcinfo)
{
	MonitorSettings settings = {0};
	Monitor    *monitor;
	SpiScope	scope;
	char	   *name;

	mlops_registry_require_writable("alter_monitor");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"name\" must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	monitor = mlops_monitor_require(name);
	mlops_monitor_settings_read(fcinfo, 1, true, &settings);
	if (mlops_monitor_settings_has(&settings, "query") && monitor->query == NULL)
		refuse_setting("the monitor watches a relation",
					   "Drop it with mlops.drop_monitor, and make one of a query.");
	if (needs_runs(&settings))
	{
		bool		new_owner = becomes_owner(monitor, &settings);

		mlops_submitter_check(new_owner ? GetUserId() : monitor->owner);
		if (new_owner)
			add_author(&settings);
	}
	mlops_spi_begin(&scope, false);
	mlops_args_add_text(&settings.args, name);
	(void) mlops_spi_run(&scope, mlops_monitor_settings_update(&settings), &settings.args);
	mlops_spi_end(&scope);
	apply_monitor(name, mlops_monitor_settings_has(&settings, "query"));
}

void
mlops_monitor_drop(const char *name)
{
	static const char *const statements[] = {
		"DELETE FROM mlops.drift_state WHERE monitor = $1",
		"DELETE FROM mlops.drift_window WHERE monitor = $1",
		"DELETE FROM mlops.monitor WHERE name = $1"
	};
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_registry_require_writable("drop_monitor");
	mlops_attach_remove(mlops_monitor_require(name));
	mlops_args_add_text(&args, name);
	mlops_spi_begin(&scope, false);
	for (int i = 0; i < lengthof(statements); i++)
		(void) mlops_spi_run(&scope, statements[i], &args);
	mlops_spi_end(&scope);
}

void
mlops_monitor_pause(const char *name, bool paused)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_registry_require_writable("pause_monitor");
	(void) mlops_monitor_require(name);
	mlops_args_add_text(&args, name);
	mlops_args_add_bool(&args, paused);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope, "UPDATE mlops.monitor SET paused = $2, altered_at = now()"
						 " WHERE name = $1 AND paused <> $2", &args);
	(void) mlops_spi_run(&scope, "UPDATE mlops.monitor_state SET pause_reason = NULL"
						 " WHERE monitor = $1 AND pause_reason IS NOT NULL AND NOT $2", &args);
	mlops_spi_end(&scope);
	mlops_wake_at_commit();
}

int64
mlops_monitor_check(const char *name)
{
	Monitor    *monitor;
	SpiScope	scope;
	SpiArgs		args = {0};
	TimestampTz now = GetCurrentTimestamp();
	int64		run = 0;

	mlops_registry_require_writable("check_monitor");
	monitor = mlops_monitor_require(name);
	if (monitor->paused)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("monitor \"%s\" is paused", name),
				 errhint("Let it go on with mlops.pause_monitor(name, false).")));
	if (monitor->query != NULL)
		mlops_submitter_check(monitor->owner);
	mlops_args_add_text(&args, name);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope, "SELECT FROM mlops.monitor_state WHERE monitor = $1 FOR UPDATE", &args);
	if (monitor->query != NULL)
		run = mlops_pull_submit(&scope, monitor, mlops_pull_latest(monitor, now));
	(void) mlops_spi_run(&scope, "UPDATE mlops.monitor_state SET last_checked_at = clock_timestamp()"
						 " WHERE monitor = $1", &args);
	mlops_spi_end(&scope);
	if (monitor->query == NULL)
	{
		mlops_fold_monitor(name, now);
		mlops_evaluate_monitor(name, now);
	}
	mlops_wake_at_commit();
	return run;
}
