/*-------------------------------------------------------------------------
 *
 * queue.c
 *	  Rows of mlops.run as a queue.
 *
 * Crashes are counted before they happen: a claim commits attempt + 1 and
 * "running" before the executor starts.  Roles take turns, so that nobody's long
 * queue keeps others waiting.  Row locks are waited for at most as long as the
 * dispatcher's lock_timeout.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/proc.h"

#include "base/settings.h"
#include "base/spi_args.h"
#include "compat/pg_compat.h"
#include "job/queue.h"

#define MAX_CRASHES 3
#define MAX_CANCELED 1000		/* in one transaction */

/*
 * The first queued run of each role, by skips along the index: as cheap with
 * ten thousand runs as with ten.
 */
#define QUEUE_HEADS \
	"WITH RECURSIVE head AS ((SELECT submitted_by, not_before, id FROM mlops.run" \
	" WHERE status = 'queued' ORDER BY submitted_by, not_before, id LIMIT 1)" \
	" UNION ALL SELECT n.* FROM head h, LATERAL (SELECT r.submitted_by, r.not_before, r.id" \
	" FROM mlops.run r WHERE r.status = 'queued' AND r.submitted_by > h.submitted_by" \
	" ORDER BY r.submitted_by, r.not_before, r.id LIMIT 1) n) "

/* A limit of role "r": its own row, else that of everybody. */
#define ROLE_LIMIT(column, r) \
	"coalesce((SELECT l." column " FROM mlops.role_limit l WHERE l.role = " r ")," \
	" (SELECT l." column " FROM mlops.role_limit l WHERE l.role = 0::oid" \
	" AND NOT EXISTS (SELECT FROM mlops.role_limit o WHERE o.role = " r ")))"

#define ROLE_RUNNING \
	"(SELECT count(*) FROM mlops.run r WHERE r.status = 'running' AND r.submitted_by = h.submitted_by)"

/* Whether the role of head h may start a run now; true without a limit. */
#define ROLE_MAY_START \
	"(" ROLE_RUNNING " < " ROLE_LIMIT("max_concurrent_runs", "h.submitted_by") ") IS NOT FALSE"

/* Start the arguments of a statement on an attempt: $1 run, $2 attempt. */
static void
add_attempt(SpiArgs *args, const Attempt *attempt)
{
	mlops_args_add_id(args, attempt->run);
	mlops_args_add_int4(args, attempt->attempt);
}

/*
 * Error when the role has as many unfinished runs as it may.  Counts once per
 * transaction, which may enqueue thousands; a subtransaction that is rolled back
 * stays counted.
 */
static void
check_limit(const SpiScope *scope, Oid submitter)
{
	static LocalTransactionId counted_in = InvalidLocalTransactionId;
	static Oid	counted_for = InvalidOid;
	static int64 count = 0;
	static int64 limit = 0;

	if (counted_in != MyLocalTransactionId_compat() || counted_for != submitter)
	{
		SpiArgs		args = {0};
		bool		isnull;

		mlops_args_add_role(&args, submitter);
		mlops_spi_run(scope,
					  "SELECT (SELECT count(*) FROM mlops.run WHERE submitted_by = $1 AND status = 'queued')"
					  " + (SELECT count(*) FROM mlops.run WHERE submitted_by = $1 AND status = 'running'), "
					  ROLE_LIMIT("max_queued_runs", "$1"), &args);
		count = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
		limit = DatumGetInt32(mlops_spi_value(0, 2, &isnull));
		if (isnull)
			limit = -1;
		counted_in = MyLocalTransactionId_compat();
		counted_for = submitter;
	}
	if (count >= (limit < 0 ? mlops_max_queued_runs : limit))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("role \"%s\" already has " INT64_FORMAT " unfinished runs",
						GetUserNameFromId(submitter, false), count),
				 errhint("Wait for them, cancel some with mlops.cancel, or have an administrator raise mlops.max_queued_runs or mlops.set_role_limit.")));
	count++;
}

int64
mlops_queue_insert(const char *model, Jsonb *recipe, int num_round, int parent_version,
				   Oid submitter)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	int64		id;

	mlops_spi_begin(&scope, false);
	check_limit(&scope, submitter);
	mlops_args_add_text(&args, model);
	mlops_args_add_jsonb(&args, recipe);
	mlops_args_add_int4(&args, num_round);
	mlops_args_add_id(&args, parent_version);
	mlops_args_add_role(&args, submitter);
	mlops_spi_run(&scope,
				  "INSERT INTO mlops.run (kind, model, recipe, num_round, parent_version, submitted_by)"
				  " VALUES ('train', $1, $2, $3, $4, $5) RETURNING id", &args);
	id = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	mlops_spi_end(&scope);
	return id;
}

List *
mlops_queue_active(const SpiScope *scope, MemoryContext context)
{
	SpiArgs		args = {0};
	List	   *runs = NIL;
	uint64		n;
	MemoryContext old;

	mlops_args_add_int4(&args, GetWALInsertionTimeLine());
	n = mlops_spi_run(scope,
					  "SELECT r.id, r.attempt, c.run_id IS NOT NULL,"
					  " CASE WHEN coalesce(r.environment->>'timeline', $1::text) = $1::text THEN r.started_at END"
					  " FROM mlops.run r LEFT JOIN mlops.cancel_request c ON c.run_id = r.id"
					  " WHERE r.status = 'running'", &args);
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < n; i++)
	{
		RunningRun *run = palloc0(sizeof(RunningRun));
		bool		isnull;

		run->attempt.run = DatumGetInt64(mlops_spi_value(i, 1, &isnull));
		run->attempt.attempt = DatumGetInt32(mlops_spi_value(i, 2, &isnull));
		run->cancel = DatumGetBool(mlops_spi_value(i, 3, &isnull));
		run->started_at = DatumGetTimestampTz(mlops_spi_value(i, 4, &isnull));
		if (isnull)
			run->started_at = 0;
		runs = lappend(runs, run);
	}
	MemoryContextSwitchTo(old);
	return runs;
}

void
mlops_queue_set_role_limit(Oid role, NullableDatum concurrent, NullableDatum queued)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_args_add_role(&args, role);
	mlops_args_add(&args, INT4OID, concurrent.value, concurrent.isnull);
	mlops_args_add(&args, INT4OID, queued.value, queued.isnull);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.role_limit VALUES ($1, $2, $3) ON CONFLICT (role) DO UPDATE"
						 " SET max_concurrent_runs = excluded.max_concurrent_runs,"
						 " max_queued_runs = excluded.max_queued_runs", &args);
	(void) mlops_spi_run(&scope,
						 "DELETE FROM mlops.role_limit WHERE role = $1"
						 " AND coalesce($2, $3) IS NULL", &args);
	mlops_spi_end(&scope);
}

int64
mlops_queue_next_due(const SpiScope *scope, int64 skip, Oid after)
{
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_id(&args, skip);
	mlops_args_add(&args, OIDOID, ObjectIdGetDatum(after), false);
	if (mlops_spi_run(scope,
					  QUEUE_HEADS
					  "SELECT id FROM head h"
					  " WHERE not_before <= clock_timestamp() AND id IS DISTINCT FROM $1 AND " ROLE_MAY_START
					  " ORDER BY " ROLE_RUNNING ", submitted_by <= $2, submitted_by LIMIT 1", &args) == 0)
		return 0;
	return DatumGetInt64(mlops_spi_value(0, 1, &isnull));
}

bool
mlops_queue_has_work(const SpiScope *scope)
{
	SpiArgs		args = {0};

	mlops_args_add_bool(&args, mlops_max_concurrent_runs > 0);
	return mlops_spi_run(scope,
						 QUEUE_HEADS
						 "SELECT FROM mlops.cancel_request"
						 " UNION ALL SELECT FROM head h WHERE not_before <= clock_timestamp() AND $1"
						 " AND " ROLE_MAY_START
						 " UNION ALL SELECT FROM mlops.run WHERE status = 'running'",
						 &args) > 0;
}

bool
mlops_queue_next_time(const SpiScope *scope, TimestampTz *due)
{
	SpiArgs		args = {0};
	bool		isnull;

	mlops_spi_run(scope, QUEUE_HEADS "SELECT min(not_before) FROM head h WHERE " ROLE_MAY_START, &args);
	*due = DatumGetTimestampTz(mlops_spi_value(0, 1, &isnull));
	return !isnull;
}

bool
mlops_queue_claim(const SpiScope *scope, int64 run, Attempt *attempt, Oid *submitter)
{
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_id(&args, run);
	mlops_args_add_int4(&args, GetWALInsertionTimeLine());
	if (mlops_spi_run(scope,
					  "UPDATE mlops.run SET status = 'running', attempt = attempt + 1,"
					  " started_at = clock_timestamp(), phase = NULL, training_started_at = NULL,"
					  " n_rows = NULL, round = NULL,"
					  " metric_name = NULL, metric_value = NULL, progress_at = NULL,"
					  " environment = jsonb_build_object('timeline', $2)"
					  " WHERE id = $1 AND status = 'queued'"
					  " RETURNING attempt, submitted_by::oid", &args) == 0)
		return false;
	attempt->run = run;
	attempt->attempt = DatumGetInt32(mlops_spi_value(0, 1, &isnull));
	*submitter = DatumGetObjectId(mlops_spi_value(0, 2, &isnull));
	return true;
}

void
mlops_queue_unclaim(const SpiScope *scope, const Attempt *attempt)
{
	SpiArgs		args = {0};

	add_attempt(&args, attempt);
	(void) mlops_spi_run(scope,
						 "UPDATE mlops.run SET status = 'queued', attempt = attempt - 1"
						 " WHERE id = $1 AND attempt = $2 AND status = 'running'", &args);
}

void
mlops_queue_count_crash(const SpiScope *scope, const Attempt *attempt, int delay)
{
	SpiArgs		args = {0};

	add_attempt(&args, attempt);
	mlops_args_add_int4(&args, delay);
	mlops_args_add_int4(&args, MAX_CRASHES);
	(void) mlops_spi_run(scope,
						 "UPDATE mlops.run r SET crashes = n.crashes, phase = NULL,"
						 " status = CASE WHEN n.crashes >= $4 THEN 'quarantined' ELSE 'queued' END,"
						 " error = CASE WHEN n.crashes >= $4"
						 " THEN n.crashes || ' attempts ended without a result' END,"
						 " ended_at = CASE WHEN n.crashes >= $4 THEN clock_timestamp() END,"
						 " not_before = clock_timestamp() + make_interval(secs => $3 * 2 ^ (n.crashes - 1))"
						 " FROM (SELECT id, least(crashes, $4 - 1) + 1 AS crashes FROM mlops.run) n"
						 " WHERE r.id = $1 AND n.id = r.id AND r.attempt = $2"
						 " AND r.status = 'running'", &args);
}

bool
mlops_queue_end(const SpiScope *scope, const Attempt *attempt, const char *status,
				const char *sqlstate, const char *error)
{
	SpiArgs		args = {0};

	add_attempt(&args, attempt);
	mlops_args_add_text(&args, status);
	mlops_args_add_text(&args, sqlstate);
	mlops_args_add_text(&args, error);
	return mlops_spi_run(scope,
						 "UPDATE mlops.run SET status = $3, sqlstate = $4, error = left($5, 8000),"
						 " phase = NULL, ended_at = clock_timestamp()"
						 " WHERE id = $1 AND attempt = $2 AND status = 'running'", &args) > 0;
}

void
mlops_queue_refuse(const SpiScope *scope, int64 run, const char *sqlstate, const char *error)
{
	SpiArgs		args = {0};

	mlops_args_add_id(&args, run);
	mlops_args_add_text(&args, sqlstate);
	mlops_args_add_text(&args, error);
	mlops_spi_run(scope,
				  "UPDATE mlops.run SET status = 'failed', sqlstate = $2, error = left($3, 8000),"
				  " ended_at = clock_timestamp() WHERE id = $1 AND status = 'queued'", &args);
}

void
mlops_queue_cancel_waiting(const SpiScope *scope)
{
	SpiArgs		args = {0};

	if (mlops_spi_run(scope, "SELECT FROM mlops.cancel_request LIMIT 1", &args) == 0)
		return;
	mlops_args_add_int4(&args, MAX_CANCELED);
	mlops_spi_run(scope,
				  "UPDATE mlops.run SET status = 'canceled', ended_at = clock_timestamp()"
				  " WHERE id IN (SELECT r.id FROM mlops.cancel_request c JOIN mlops.run r ON r.id = c.run_id"
				  " WHERE r.status = 'queued' LIMIT $1 FOR NO KEY UPDATE OF r SKIP LOCKED)", &args);
	mlops_spi_run(scope,
				  "DELETE FROM mlops.cancel_request WHERE run_id IN"
				  " (SELECT c.run_id FROM mlops.cancel_request c JOIN mlops.run r ON r.id = c.run_id"
				  " WHERE r.status NOT IN ('queued', 'running') LIMIT $1)", &args);
}

bool
mlops_queue_progress(const SpiScope *scope, const Attempt *attempt, const Progress *progress)
{
	SpiArgs		args = {0};

	add_attempt(&args, attempt);
	mlops_args_add_text(&args, progress->phase);
	mlops_args_add(&args, INT8OID, Int64GetDatum(progress->n_rows), progress->n_rows < 0);
	mlops_args_add(&args, INT4OID, Int32GetDatum(progress->round), progress->round < 0);
	mlops_args_add_text(&args, progress->metric_name);
	mlops_args_add_float8(&args, progress->metric_value);
	return mlops_spi_run(scope,
						 "UPDATE mlops.run SET phase = $3, n_rows = $4, round = $5,"
						 " metric_name = $6, metric_value = $7, progress_at = clock_timestamp(),"
						 " training_started_at = CASE WHEN $3 = 'training'"
						 " THEN coalesce(training_started_at, clock_timestamp())"
						 " ELSE training_started_at END"
						 " WHERE id = $1 AND attempt = $2 AND status = 'running'", &args) > 0;
}
