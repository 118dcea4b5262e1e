/*-------------------------------------------------------------------------
 *
 * action.c
 *	  What the events of monitors start: a chore of the dispatcher.
 *
 *	 pending -> queued -> retrained			action retrain
 *					   -> comparing -> promoted | undecided
 *			 -> skipped | failed			from each of them
 *
 * Each step is one update of the event in the transaction that does it, so that an
 * interrupted dispatcher neither forgets nor repeats one.  An error concerns one
 * event or one monitor: it is kept in a subtransaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/settings.h"
#include "base/spi_args.h"
#include "drift/event.h"
#include "job/action.h"
#include "job/comparison.h"
#include "job/step.h"
#include "job/submit.h"
#include "registry/registry.h"

#define CHALLENGER "challenger"
#define FOLLOW_MS 1000			/* while a run of an event is under way */
#define BLOCKED_MS 2000
#define SWEEP_MS 3600000

/* An event that something follows. */
typedef struct OpenAction
{
	int64		event;
	char	   *outcome;
	char	   *action;
	char	   *model;
	int			version;
	int			new_version;
	Oid			owner;			/* of the monitor */
	char	   *run_status;		/* of the training, or of the comparison */
	char	   *run_error;
	bool		nothing_new;	/* said the training */
	int			run_version;	/* that it made */
} OpenAction;

/* Do a piece of work in a subtransaction; returns its error, or NULL. */
static ErrorData *
guard(void (*work) (const SpiScope *scope, void *arg, TimestampTz now), const SpiScope *scope,
	  void *arg, TimestampTz now)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(scope, arg, now);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

static void
update_monitor(const SpiScope *scope, void *arg, TimestampTz now)
{
	mlops_event_update(scope, arg, now);
}

/*
 * Why an event must not train now; NULL: it may.  Counted by model, so that two
 * monitors of one do not get in each other's way.
 */
static char *
find_objection(const SpiScope *scope, const OpenAction *action)
{
	SpiArgs		args = {0};

	mlops_args_add_id(&args, action->event);
	mlops_args_add_text(&args, action->model);
	mlops_spi_run(scope,
				  "SELECT coalesce(CASE WHEN e.closed_at IS NOT NULL THEN 'the event is closed: ' || e.close_reason END,"
				  "(SELECT 'run ' || r.id || ' of the model is not finished' FROM mlops.run r"
				  " WHERE r.model = $2 AND r.kind = 'train' AND r.status IN ('queued', 'running')"
				  " ORDER BY r.id LIMIT 1),"
				  "(SELECT 'the challenger of event ' || o.id || ' is being compared' FROM mlops.drift_event o"
				  " WHERE o.model = $2 AND o.outcome = 'comparing' LIMIT 1),"
				  "(SELECT 'the cool-down of ' || m.cooldown || ' is not over' FROM mlops.drift_event o"
				  " WHERE o.model = $2 HAVING clock_timestamp() - max(o.queued_at) < m.cooldown),"
				  "(SELECT 'the daily limit of ' || m.daily_limit || ' is reached' FROM mlops.drift_event o"
				  " WHERE o.model = $2 AND o.queued_at > clock_timestamp() - interval '24 hours'"
				  " HAVING count(*) >= m.daily_limit),"
				  "(SELECT 'there are only ' || n || ' new labels, of ' || greatest(m.min_new_labels, 1)"
				  " || ' that are needed' FROM (SELECT coalesce(s.n_labels, 0) - coalesce((SELECT max(o.n_labels)"
				  " FROM mlops.drift_event o WHERE o.monitor = m.name AND o.queued_at IS NOT NULL), 0) AS n) l"
				  " WHERE m.label IS NOT NULL AND n < greatest(m.min_new_labels, 1)))"
				  " FROM mlops.drift_event e JOIN mlops.monitor m ON m.name = e.monitor"
				  " LEFT JOIN mlops.monitor_state s ON s.monitor = m.name WHERE e.id = $1", &args);
	return mlops_spi_text(0, 1);
}

/* Queue the training of a pending event, or say why not. */
static void
start_training(const SpiScope *scope, const OpenAction *action)
{
	SpiArgs		args = {0};
	char	   *objection = find_objection(scope, action);
	int64		run;

	if (objection)
	{
		mlops_event_settle(scope, action->event, "skipped", objection);
		return;
	}
	run = mlops_submit_event(action->event);
	mlops_args_add_id(&args, action->event);
	mlops_args_add_id(&args, run);
	mlops_spi_run(scope,
				  "UPDATE mlops.drift_event e SET run_id = $2, queued_at = clock_timestamp(),"
				  " n_labels = coalesce((SELECT s.n_labels FROM mlops.monitor_state s"
				  " WHERE s.monitor = e.monitor), 0) WHERE e.id = $1", &args);
	mlops_event_settle(scope, action->event, "queued", NULL);
}

static bool
has_ended(const OpenAction *action)
{
	return action->run_status && strcmp(action->run_status, "queued") != 0 &&
		strcmp(action->run_status, "running") != 0;
}

static void
start_comparison(const SpiScope *scope, const OpenAction *action)
{
	(void) mlops_comparison_submit(scope, action->event);
	mlops_event_settle(scope, action->event, "comparing", NULL);
}

/* The training has ended: its version is the challenger. */
static void
finish_training(const SpiScope *scope, const OpenAction *action)
{
	SpiArgs		args = {0};

	if (strcmp(action->run_status, "succeeded") != 0)
	{
		mlops_event_settle(scope, action->event, action->nothing_new ? "skipped" : "failed",
						   action->run_error ? action->run_error :
						   psprintf("the training was %s", action->run_status));
		return;
	}
	if (action->run_version == action->version)
	{
		mlops_event_settle(scope, action->event, "skipped",
						   "the new model equals the champion in every byte");
		return;
	}
	if (!mlops_registry_permits(action->model, action->owner, MODEL_OWN))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the monitor's owner does not own model \"%s\"", action->model)));
	(void) mlops_registry_move_alias(action->model, CHALLENGER, action->run_version, -1, action->owner,
									 psprintf("trained for event " INT64_FORMAT, action->event));
	mlops_args_add_id(&args, action->event);
	mlops_args_add_int4(&args, action->run_version);
	mlops_spi_run(scope, "UPDATE mlops.drift_event SET new_version = $2 WHERE id = $1", &args);
	if (strcmp(action->action, "retrain_and_promote") == 0)
		start_comparison(scope, action);
	else
		mlops_event_settle(scope, action->event, "retrained", NULL);
}

/* The next step of one event. */
static void
take_step(const SpiScope *scope, void *arg, TimestampTz now)
{
	const OpenAction *action = arg;

	if (strcmp(action->outcome, "pending") == 0)
		start_training(scope, action);
	else if (strcmp(action->outcome, "undecided") == 0)
		start_comparison(scope, action);
	else if (!has_ended(action))
		return;
	else if (strcmp(action->outcome, "queued") == 0)
		finish_training(scope, action);
	else						/* a comparison that succeeds settles it
								 * itself */
		mlops_event_settle(scope, action->event, "undecided",
						   action->run_error ? action->run_error :
						   psprintf("the comparison was %s", action->run_status));
}

/* Events that something follows, the oldest first. */
static List *
find_actions(const SpiScope *scope, MemoryContext context)
{
	SpiArgs		args = {0};
	List	   *actions = NIL;
	uint64		n;

	n = mlops_spi_run(scope,
					  "SELECT e.id, e.outcome, e.action, e.model, e.version, e.new_version, m.owner::oid,"
					  " r.status, r.error, r.sqlstate = 'ML009', r.version"
					  " FROM mlops.drift_event e JOIN mlops.monitor m ON m.name = e.monitor"
					  " LEFT JOIN mlops.run r ON r.id = CASE e.outcome WHEN 'queued' THEN e.run_id"
					  " WHEN 'comparing' THEN e.compare_run_id END"
					  " WHERE e.outcome IN ('queued', 'comparing')"
					  " OR e.outcome = 'pending' AND NOT m.paused"
					  " OR e.outcome = 'undecided' AND e.closed_at IS NULL AND e.compare_at <= now()"
					  " AND NOT m.paused AND EXISTS (SELECT FROM mlops.model_version v WHERE v.model = e.model"
					  " AND v.version = e.new_version AND v.deleted_at IS NULL)"
					  " ORDER BY e.id", &args);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		OpenAction *action = palloc0(sizeof(OpenAction));
		bool		isnull;

		action->event = DatumGetInt64(mlops_spi_value(i, 1, &isnull));
		action->outcome = mlops_spi_text(i, 2);
		action->action = mlops_spi_text(i, 3);
		action->model = mlops_spi_text(i, 4);
		action->version = DatumGetInt32(mlops_spi_value(i, 5, &isnull));
		action->new_version = DatumGetInt32(mlops_spi_value(i, 6, &isnull));
		action->owner = DatumGetObjectId(mlops_spi_value(i, 7, &isnull));
		action->run_status = mlops_spi_text(i, 8);
		action->run_error = mlops_spi_text(i, 9);
		action->nothing_new = DatumGetBool(mlops_spi_value(i, 10, &isnull)) && !isnull;
		action->run_version = DatumGetInt32(mlops_spi_value(i, 11, &isnull));
		actions = lappend(actions, action);
		MemoryContextSwitchTo(old);
	}
	return actions;
}

/* Closed events are kept as long as windows are. */
static void
sweep_events(const SpiScope *scope, TimestampTz now)
{
	static TimestampTz swept_at = 0;
	SpiArgs		args = {0};

	if (mlops_drift_retention == 0 || !TimestampDifferenceExceeds(swept_at, now, SWEEP_MS))
		return;
	swept_at = now;
	mlops_args_add_int4(&args, mlops_drift_retention);
	mlops_spi_run(scope,
				  "DELETE FROM mlops.drift_event WHERE closed_at < now() - make_interval(days => $1)"
				  " AND outcome NOT IN ('pending', 'queued', 'comparing')", &args);
}

/* Open and close events of all monitors; returns when the next one is due by age. */
static TimestampTz
update_monitors(const SpiScope *scope, TimestampTz now)
{
	TimestampTz next = DT_NOEND;
	ListCell   *cell;

	foreach(cell, mlops_event_monitors(scope, CurrentMemoryContext))
	{
		EventMonitor *monitor = lfirst(cell);
		ErrorData  *error = guard(update_monitor, scope, monitor, now);

		CHECK_FOR_INTERRUPTS();
		if (error)
			mlops_step_log(error, psprintf("update the events of monitor \"%s\"", monitor->name));
		if (error && mlops_step_is_transient(error))
			next = Min(next, TimestampTzPlusMilliseconds(now, BLOCKED_MS));
		if (monitor->age_at > now)
			next = Min(next, monitor->age_at);
	}
	return next;
}

TimestampTz
mlops_action_work(const SpiScope *scope, TimestampTz now)
{
	TimestampTz next = update_monitors(scope, now);
	ListCell   *cell;

	CommandCounterIncrement();
	foreach(cell, find_actions(scope, CurrentMemoryContext))
	{
		OpenAction *action = lfirst(cell);
		ErrorData  *error = guard(take_step, scope, action, now);

		CHECK_FOR_INTERRUPTS();
		/* a second event must see what the first one has queued */
		CommandCounterIncrement();
		if (error && mlops_step_is_transient(error))
			mlops_step_log(error, psprintf("act on event " INT64_FORMAT, action->event));
		else if (error)
			mlops_event_settle(scope, action->event,
							   action->new_version > 0 ? "undecided" : "failed", error->message);
		next = Min(next, TimestampTzPlusMilliseconds(now, error ? BLOCKED_MS : FOLLOW_MS));
	}
	sweep_events(scope, now);
	return next;
}
