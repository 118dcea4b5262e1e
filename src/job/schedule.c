/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  Jobs of pg_cron that retrain models.
 *
 * pg_cron lives in one database of the cluster, cron.database_name.  In that
 * one its functions are called right here; from any other, a worker goes there
 * as the same role, so that pg_cron sees who asks.  Nothing is remembered: the
 * job is found again by its name, which tells database and model.
 *
 * The worker's work is committed there, whatever becomes of the transaction here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "common/md5.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/spi_args.h"
#include "job/schedule.h"
#include "job/submit.h"
#include "job/submitter.h"
#include "registry/registry.h"

#define MAX_SCHEDULE 128
#define MAX_COMMAND 512
#define MAX_MESSAGE 1024

/* What pg_cron is asked for and what it answers; flat, in memory that a worker shares. */
typedef struct ScheduleRequest
{
	Oid			cron_database;
	Oid			role;
	bool		remove;
	char		job_name[NAMEDATALEN];
	char		schedule[MAX_SCHEDULE];
	char		command[MAX_COMMAND];
	char		database[NAMEDATALEN];	/* of the model; empty: pg_cron's own */
	/* answer */
	bool		done;
	int64		job;			/* 0: there was nothing to remove */
	int			sqlstate;		/* 0: no error */
	int			encoding;		/* of the messages */
	char		message[MAX_MESSAGE];
	char		detail[MAX_MESSAGE];
	char		hint[MAX_MESSAGE];
} ScheduleRequest;

/* Run a statement of one row, one column; false: NULL. */
static bool
query_value(const char *sql, SpiArgs *args, int64 *value)
{
	bool		isnull = true;
	int			result = SPI_execute_with_args(sql, args->n, args->types, args->values,
											   args->nulls, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	if (SPI_processed > 0 && SPI_tuptable)
		*value = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return !isnull;
}

/* Whether pg_cron is here and the current user may use it; errors say what is missing. */
static void
check_cron(const ScheduleRequest *request)
{
	static const char schedule_elsewhere[] =
	"cron.schedule_in_database(text, text, text, text, text, boolean)";
	const char *role = GetUserNameFromId(GetUserId(), false);
	const char *database = get_database_name(MyDatabaseId);
	SpiArgs		args = {0};
	int64		permitted = 0;

	if (!OidIsValid(get_extension_oid("pg_cron", true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"pg_cron\" is not installed in database \"%s\"", database),
				 errhint("Use CREATE EXTENSION pg_cron there, which cron.database_name names.")));
	(void) query_value("SELECT pg_catalog.has_schema_privilege('cron', 'USAGE')::int::int8", &args, &permitted);
	if (!permitted)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" has no USAGE on schema \"cron\" of database \"%s\"", role, database),
				 errhint("Use GRANT USAGE ON SCHEMA cron in that database.")));
	if (request->remove || request->database[0] == '\0')
		return;
	mlops_args_add_text(&args, schedule_elsewhere);
	if (!query_value("SELECT pg_catalog.has_function_privilege(pg_catalog.to_regprocedure($1), 'EXECUTE')::int::int8",
					 &args, &permitted))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this version of pg_cron schedules no jobs in other databases"),
				 errhint("Use ALTER EXTENSION pg_cron UPDATE in database \"%s\".", database)));
	if (!permitted)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" must not schedule jobs in other databases than \"%s\"", role, database),
				 errhint("Use GRANT EXECUTE ON FUNCTION cron.schedule_in_database in database \"%s\".", database)));
}

/* Call pg_cron's functions in this database, as the current user. */
static void
ask_cron(ScheduleRequest *request)
{
	SpiArgs		args = {0};
	int64		removed = 0;
	int			guc_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	check_cron(request);
	mlops_args_add_text(&args, request->job_name);
	if (request->remove)
	{
		(void) query_value("SELECT j.jobid FROM cron.job j"
						   " WHERE j.jobname::text OPERATOR(pg_catalog.=) $1"
						   " AND j.username::text OPERATOR(pg_catalog.=) current_user::text",
						   &args, &request->job);
		args.n = 0;
		mlops_args_add_id(&args, request->job);
		if (request->job != 0)
			(void) query_value("SELECT cron.unschedule($1)::int::int8", &args, &removed);
	}
	else
	{
		mlops_args_add_text(&args, request->schedule);
		mlops_args_add_text(&args, request->command);
		if (request->database[0] == '\0')
			(void) query_value("SELECT cron.schedule($1, $2, $3)", &args, &request->job);
		else
		{
			(void) pg_verify_mbstr(GetDatabaseEncoding(), request->database,
								   strlen(request->database), false);
			mlops_args_add_text(&args, request->database);
			(void) query_value("SELECT cron.schedule_in_database($1, $2, $3, $4)", &args, &request->job);
		}
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(true, guc_level);
	request->done = true;
}

static void
copy_message(char *target, const char *message)
{
	if (message)
		strlcpy(target, pnstrdup(message, pg_mbcliplen(message, strlen(message), MAX_MESSAGE - 1)),
				MAX_MESSAGE);
}

/* The worker: one request in pg_cron's database, as the role that made it. */
void
mlops_schedule_main(Datum main_arg)
{
	dsm_segment *segment;
	ScheduleRequest *request;
	MemoryContext context;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	segment = dsm_attach(DatumGetUInt32(main_arg));
	if (!segment)
		proc_exit(0);			/* nobody waits any more */
	request = dsm_segment_address(segment);
	BackgroundWorkerInitializeConnectionByOid(request->cron_database, request->role, 0);
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);

	StartTransactionCommand();
	context = CurrentMemoryContext;
	PushActiveSnapshot(GetTransactionSnapshot());
	request->encoding = GetDatabaseEncoding();
	PG_TRY();
	{
		ask_cron(request);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		error = CopyErrorData();
		FlushErrorState();
		request->done = false;
		copy_message(request->message, error->message);
		copy_message(request->detail, error->detail);
		copy_message(request->hint, error->hint);
		request->sqlstate = error->sqlerrcode;
	}
	PG_END_TRY();
	proc_exit(0);
}

/* Have a worker do it in pg_cron's database; raises its error here. */
static void
ask_cron_elsewhere(ScheduleRequest *request)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;
	dsm_segment *segment = dsm_create(sizeof(ScheduleRequest), 0);
	ScheduleRequest *shared = dsm_segment_address(segment);

	*shared = *request;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "mlops", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "mlops_schedule_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "mlops schedule", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "mlops schedule", BGW_MAXLEN);
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("there is no free worker slot to reach database \"%s\"",
						get_database_name(request->cron_database)),
				 errhint("Raise max_worker_processes.")));
	(void) WaitForBackgroundWorkerShutdown(handle);
	*request = *shared;
	dsm_detach(segment);

	if (request->sqlstate != 0)
		ereport(ERROR,
				(errcode(request->sqlstate),
				 errmsg("%s", pg_any_to_server(request->message, strlen(request->message),
											   request->encoding)),
				 request->detail[0] ?
				 errdetail("%s", pg_any_to_server(request->detail, strlen(request->detail),
												  request->encoding)) : 0,
				 request->hint[0] ?
				 errhint("%s", pg_any_to_server(request->hint, strlen(request->hint),
												request->encoding)) : 0));
	if (!request->done)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("the worker that reaches pg_cron in database \"%s\" ended early",
						get_database_name(request->cron_database)),
				 errhint("The server log has the reason.")));
}

/* The database of pg_cron; an error where there is none. */
static Oid
find_cron_database(void)
{
	const char *name = GetConfigOption("cron.database_name", true, false);
	Oid			database;

	if (!name)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_cron is not loaded"),
				 errdetail("Schedules need the extension pg_cron; nothing else of mlops does."),
				 errhint("Install pg_cron and add it to shared_preload_libraries, or have another scheduler send: CALL mlops.retrain_wait('model', promote => 'if_not_worse').")));
	database = get_database_oid(name, true);
	if (!OidIsValid(database))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_DATABASE),
				 errmsg("database \"%s\" of pg_cron does not exist", name),
				 errhint("Set cron.database_name.")));
	return database;
}

/* Name of the job; a hash of it where a column of type name would cut it off. */
static void
make_job_name(const char *model, char *job_name)
{
	const char *full = psprintf("mlops %s retrain %s", get_database_name(MyDatabaseId), model);
	char		hash[MD5_DIGEST_LENGTH * 2 + 1];
	const char *error;

	if (strlen(full) < NAMEDATALEN)
	{
		strlcpy(job_name, full, NAMEDATALEN);
		return;
	}
	if (!pg_md5_hash(full, strlen(full), hash, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the name of the job: %s", error)));
	snprintf(job_name, NAMEDATALEN, "mlops retrain %s", hash);
}

/* Fill in whom and where to ask, and ask. */
static void
send_request(const char *model, ScheduleRequest *request)
{
	request->role = GetUserId();
	request->cron_database = find_cron_database();
	make_job_name(model, request->job_name);
	mlops_submitter_check_session(request->role, MyDatabaseId);
	if (request->cron_database == MyDatabaseId)
	{
		ask_cron(request);
		return;
	}
	mlops_submitter_check_session(request->role, request->cron_database);
	strlcpy(request->database, get_database_name(MyDatabaseId), NAMEDATALEN);
	ask_cron_elsewhere(request);
}

/* What pg_cron can read, in any encoding. */
static void
check_schedule(const char *schedule)
{
	bool		plain = strlen(schedule) < MAX_SCHEDULE;

	for (const char *p = schedule; *p && plain; p++)
		plain = *p >= ' ' && *p <= '~';
	if (!plain)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid schedule"),
				 errhint("Use the five fields of cron, such as '0 3 * * 0'.")));
}

int64
mlops_schedule_set(const char *model, const char *schedule, const char *promote)
{
	ScheduleRequest request = {0};

	mlops_registry_require_writable("schedule_retrain");
	mlops_registry_check_model_name(model);
	check_schedule(schedule);
	mlops_submit_check_retrain(model, promote);
	strlcpy(request.schedule, schedule, MAX_SCHEDULE);
	snprintf(request.command, MAX_COMMAND, "CALL mlops.retrain_wait(%s, promote => %s)",
			 quote_literal_cstr(model), quote_literal_cstr(promote));
	send_request(model, &request);
	return request.job;
}

bool
mlops_schedule_remove(const char *model)
{
	ScheduleRequest request = {.remove = true};

	mlops_registry_require_writable("unschedule_retrain");
	mlops_registry_check_model_name(model);
	send_request(model, &request);
	return request.job != 0;
}
