/*-------------------------------------------------------------------------
 *
 * executor.c
 *	  The worker that does one attempt of a run, as its submitter.
 *
 * The session user is the submitter, so the query has exactly his rights.  The
 * executor takes the run's lock, checks that it is still wanted, reads what it
 * needs of our tables, and only then runs the query; from there on it writes
 * nothing but files into the attempt's directory.  The dispatcher publishes.
 *
 * Locks: JOB_LOCK_RUN from before the attempt is checked until the process
 * exits.  A top-level abort would drop it, so a failure is handed over first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "job/comparison.h"
#include "job/executor.h"
#include "job/locks.h"
#include "job/pull.h"
#include "job/reading.h"
#include "job/training.h"

#define MAX_ERROR_BYTES 32000	/* of message, detail, hint and context */

/* What bgw_extra carries. */
typedef struct ExecutorArgument
{
	Attempt		attempt;
	Oid			submitter;
} ExecutorArgument;

StaticAssertDecl(sizeof(ExecutorArgument) <= BGW_EXTRALEN, "argument fits bgw_extra");

/* What version 1 of the model fixed. */
typedef struct FixedFacts
{
	char	   *task;			/* NULL: there is no version yet */
	char	  **classes;
	int			n_classes;
} FixedFacts;

static TrainingRun *current_run = NULL; /* for callbacks without an argument */
static bool handed_over = false;

void
mlops_executor_describe(BackgroundWorker *worker, const Attempt *attempt, Oid submitter)
{
	ExecutorArgument argument = {.attempt = *attempt,.submitter = submitter};

	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "mlops", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, "mlops_executor_main", sizeof(worker->bgw_function_name));
	snprintf(worker->bgw_name, BGW_MAXLEN, "mlops run " INT64_FORMAT, attempt->run);
	strlcpy(worker->bgw_type, "mlops run", BGW_MAXLEN);
	worker->bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	worker->bgw_notify_pid = MyProcPid;
	memcpy(worker->bgw_extra, &argument, sizeof(argument));
}

/*
 * Only why it failed: the rest is read by nobody, could be what was wrong, and
 * could fill the disk once more.
 */
static void
hand_over_failure(const char *sqlstate, const char *error)
{
	/*
	 * nothing else is read after a failure, and it could fill the disk once
	 * more
	 */
	RunResult	failure = {.canceled = current_run->result.canceled,.threshold = NAN};

	strlcpy(failure.sqlstate, sqlstate, sizeof(failure.sqlstate));
	failure.error = pnstrdup(error, pg_mbcliplen(error, strlen(error), MAX_ERROR_BYTES));
	mlops_handover_write_result(&current_run->attempt, &failure);
	handed_over = true;
}

/* An orderly exit without a result, as after pg_terminate_backend: not a crash. */
static void
hand_over_termination(int code, Datum arg)
{
	if (!handed_over && current_run && code != 0)
		hand_over_failure("57P01", "the executor was terminated");
}

static void
note_reading(const char *phase, int64 n_rows)
{
	current_run->progress.n_rows = n_rows;
	current_run->progress_changed = true;
	mlops_training_phase(current_run, phase);
	mlops_training_progress(current_run);
}

/*
 * Read the run's row and what belongs to it, before any user code.  False when
 * somebody else does this attempt, or nobody should any more.
 */
static bool
load_run(TrainingRun *run, FixedFacts *fixed, Baseline **baseline)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	bool		found;
	Datum		classes;

	StartTransactionCommand();
	if (!mlops_locks_acquire(JOB_LOCK_RUN, run->attempt.run))
	{
		CommitTransactionCommand();
		return false;
	}
	/* from here on what stops us is an end of the run, not a crash */
	current_run = run;
	before_shmem_exit(hand_over_termination, (Datum) 0);
	PushActiveSnapshot(GetTransactionSnapshot());
	mlops_spi_begin(&scope, true);
	mlops_args_add_id(&args, run->attempt.run);
	mlops_args_add_int4(&args, run->attempt.attempt);
	mlops_args_add_role(&args, GetSessionUserId());
	found = mlops_spi_run(&scope,
						  "SELECT r.recipe, m.task, m.classes, r.kind FROM mlops.run r"
						  " JOIN mlops.model m ON m.name = r.model"
						  " WHERE r.id = $1 AND r.attempt = $2 AND r.submitted_by = $3"
						  " AND r.status = 'running'", &args) > 0;
	if (found)
	{
		old = MemoryContextSwitchTo(context);
		run->json = DatumGetJsonbPCopy(mlops_spi_value(0, 1, &isnull));
		run->kind = mlops_spi_text(0, 4);
		fixed->task = mlops_spi_text(0, 2);
		classes = mlops_spi_value(0, 3, &isnull);
		if (!isnull)
		{
			Datum	   *elements;
			bool	   *nulls;

			deconstruct_array(DatumGetArrayTypeP(classes), TEXTOID, -1, false, TYPALIGN_INT,
							  &elements, &nulls, &fixed->n_classes);
			fixed->classes = palloc(sizeof(char *) * Max(fixed->n_classes, 1));
			for (int i = 0; i < fixed->n_classes; i++)
				fixed->classes[i] = TextDatumGetCString(elements[i]);
		}
		MemoryContextSwitchTo(old);
	}
	mlops_spi_end(&scope);
	if (found)
	{
		old = MemoryContextSwitchTo(context);
		run->recipe = mlops_recipe_parse(run->json);
		if (run->recipe->promote == PROMOTE_IF_NOT_WORSE && fixed->task)
			*baseline = mlops_baseline_load(run->recipe, run->json);
		MemoryContextSwitchTo(old);
	}
	else
		current_run = NULL;
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return found;
}

/* What the data set row says about where the rows came from. */
static void
describe_source(RunResult *result, const DatasetSpec *spec)
{
	DatasetAnalysis analysis;
	Oid			output;
	bool		is_varlena;

	mlops_dataset_analyze(spec, &analysis);
	result->relations = JsonbToCString(NULL, &analysis.relations->root,
									   VARSIZE(analysis.relations));
	result->reproducible = analysis.reproducible;
	getTypeOutputInfo(PG_SNAPSHOTOID, &output, &is_varlena);
	result->snapshot = OidOutputFunctionCall(output, DirectFunctionCall1(pg_current_snapshot, (Datum) 0));
	result->lsn = (int64) GetXLogWriteRecPtr();
	result->system_identifier = (int64) GetSystemIdentifier();
}

static void
fill_dataset_result(RunResult *result, const Dataset *dataset)
{
	Jsonb	   *json;

	result->task = pstrdup(mlops_dataset_task_name(dataset->task));
	for (int i = 0; i < dataset->n_classes; i++)
		result->classes = lappend(result->classes, dataset->classes[i]);
	json = mlops_signature_to_jsonb(dataset->signature);
	result->signature = JsonbToCString(NULL, &json->root, VARSIZE(json));
	json = mlops_dataset_columns(dataset);
	result->columns = JsonbToCString(NULL, &json->root, VARSIZE(json));
	result->n_rows = dataset->n_rows;
	result->n_dropped = dataset->n_dropped;
	memcpy(result->digest, dataset->digest, sizeof(result->digest));
	memcpy(result->schema_digest, dataset->schema_digest, sizeof(result->schema_digest));
}

/* Error when the rows are those that the version in question was trained on. */
static void
check_news(const Recipe *recipe, const Dataset *dataset)
{
	char		digest[2 * sizeof(dataset->digest) + 1];

	if (!recipe->unless_digest)
		return;
	hex_encode((const char *) dataset->digest, sizeof(dataset->digest), digest);
	digest[sizeof(digest) - 1] = '\0';
	if (strcmp(digest, recipe->unless_digest) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_NOTHING_NEW),
				 errmsg("there is nothing new to learn from: the rows are those that the champion was trained on")));
}

/*
 * The query's rows, into the spool.  The data set that is returned keeps its facts
 * after the transaction.
 */
static Dataset *
read_rows(TrainingRun *run, const FixedFacts *fixed, Spool *spool)
{
	Dataset    *dataset;
	DatasetSpec spec;
	ListCell   *cell;

	mlops_recipe_fill_spec(run->recipe, &spec);
	if (fixed->task)
	{
		spec.task = mlops_dataset_task_from_name(fixed->task);
		spec.classes = fixed->classes;
		spec.n_classes = fixed->n_classes;
	}
	spec.progress = note_reading;

	mlops_reading_begin(run->recipe);
	note_reading("reading", 0);
	describe_source(&run->result, &spec);
	dataset = mlops_dataset_read(&spec);
	mlops_spool_write(dataset, mlops_handover_path(&run->attempt), spool);
	fill_dataset_result(&run->result, dataset);
	mlops_training_describe(run, dataset->signature);
	foreach(cell, dataset->notes)
		mlops_training_note(run, lfirst(cell));
	mlops_dataset_end(dataset);
	mlops_reading_end();
	run->progress.n_rows = dataset->n_rows;
	return dataset;
}

static void
train(TrainingRun *run, const FixedFacts *fixed, Baseline *baseline)
{
	Spool		spool;
	Params	   *params;
	Dataset    *dataset = read_rows(run, fixed, &spool);

	check_news(run->recipe, dataset);
	mlops_recipe_check_task(run->recipe, dataset->task);
	params = mlops_params_translate(run->recipe->params, dataset->task,
									run->recipe->target_upper != NULL, dataset->signature);
	mlops_params_check_early_stopping(params, run->recipe->early_stopping_rounds);
	mlops_training_run(run, dataset, &spool, params, baseline);
	mlops_training_phase(run, "publishing");
}

/* The whole run; returns when its result has been handed over, or when the run
 * is not wanted any more. */
static void
execute(TrainingRun *run)
{
	FixedFacts	fixed = {0};
	Baseline   *baseline = NULL;

	if (!load_run(run, &fixed, &baseline))
		return;
	/* for pg_stat_activity and the server log */
	debug_query_string = run->recipe->query;
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	if (strcmp(run->kind, "compare") == 0)
		mlops_comparison_run(run);
	else if (strcmp(run->kind, "monitor") == 0)
		mlops_pull_run(run);
	else if (strcmp(run->kind, "train") == 0)
		train(run, &fixed, baseline);
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a run of kind \"%s\" cannot be started", run->kind)));
	run->result.succeeded = true;
	mlops_handover_write_result(&run->attempt, &run->result);
	handed_over = true;
}

/* Message, detail and hint in one text. */
static char *
join_error(const ErrorData *error)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, error->message ? error->message : "missing error text");
	if (error->detail)
		appendStringInfo(&out, "\nDETAIL:  %s", error->detail);
	if (error->hint)
		appendStringInfo(&out, "\nHINT:  %s", error->hint);
	if (error->context)
		appendStringInfo(&out, "\nCONTEXT:  %s", error->context);
	return out.data;
}

void
mlops_executor_main(Datum main_arg)
{
	ExecutorArgument argument;
	TrainingRun *run;
	MemoryContext context;

	memcpy(&argument, MyBgworkerEntry->bgw_extra, sizeof(argument));
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(main_arg), argument.submitter, 0);

	context = AllocSetContextCreate(TopMemoryContext, "mlops run", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	run = palloc0(sizeof(TrainingRun));
	run->attempt = argument.attempt;
	run->progress.n_rows = -1;
	run->progress.round = -1;
	run->progress.metric_value = NAN;
	run->result.threshold = NAN;

	PG_TRY();
	{
		execute(run);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* the lock is held until the abort, which the exit does */
		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_MLOPS_NOTHING_NEW)
			EmitErrorReport();
		FlushErrorState();
		/* a timeout of the submitter's own is a failure */
		if (current_run)
			current_run->result.canceled = error->sqlerrcode == ERRCODE_MLOPS_NOTHING_NEW ||
				(error->sqlerrcode == ERRCODE_QUERY_CANCELED && StatementTimeout == 0);
		if (current_run)
			hand_over_failure(unpack_sql_state(error->sqlerrcode), join_error(error));
	}
	PG_END_TRY();
	proc_exit(0);
}
