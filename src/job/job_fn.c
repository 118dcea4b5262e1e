/*-------------------------------------------------------------------------
 *
 * job_fn.c
 *	  SQL entry points for runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "job/queue.h"
#include "job/submit.h"
#include "job/wait.h"
#include "job/wake.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_sql_train);
PG_FUNCTION_INFO_V1(mlops_sql_retrain);
PG_FUNCTION_INFO_V1(mlops_sql_wait);
PG_FUNCTION_INFO_V1(mlops_sql_cancel);
PG_FUNCTION_INFO_V1(mlops_sql_tick);
PG_FUNCTION_INFO_V1(mlops_sql_set_role_limit);
PG_FUNCTION_INFO_V1(mlops_sql_train_wait);
PG_FUNCTION_INFO_V1(mlops_sql_retrain_wait);
PG_FUNCTION_INFO_V1(mlops_sql_wait_run);

Datum
mlops_sql_train(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(mlops_submit_train(fcinfo));
}

Datum
mlops_sql_retrain(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(mlops_submit_retrain(fcinfo));
}

Datum
mlops_sql_wait(PG_FUNCTION_ARGS)
{
	int64		run;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	run = PG_GETARG_INT64(0);
	mlops_wait_for_run(run, PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1), NULL, false);
	PG_RETURN_DATUM(mlops_wait_fetch(run));
}

Datum
mlops_sql_cancel(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mlops_submit_cancel(PG_GETARG_INT64(0)));
}

Datum
mlops_sql_tick(PG_FUNCTION_ARGS)
{
	PreventCommandDuringRecovery("mlops.tick()");
	mlops_wake_now();
	PG_RETURN_VOID();
}

Datum
mlops_sql_set_role_limit(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"role", "max_concurrent_runs", "max_queued_runs"};

	mlops_registry_require_writable("set_role_limit");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"role\" must not be null"),
				 errhint("Role '-' stands for every role without limits of its own.")));
	for (int i = 1; i < 3; i++)
	{
		if (!PG_ARGISNULL(i) && PG_GETARG_INT32(i) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not be negative", names[i])));
	}
	mlops_queue_set_role_limit(PG_GETARG_OID(0), fcinfo->args[1], fcinfo->args[2]);
	mlops_wake_at_commit();
	PG_RETURN_VOID();
}

/* Enter a procedure that commits; an error where it cannot. */
static void
begin_nonatomic(FunctionCallInfo fcinfo, const char *name)
{
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("mlops.%s cannot run inside a transaction block or a function", name),
				 errdetail("It commits, so that the run can start and its progress can be seen."),
				 errhint("Use SELECT mlops.train(...), COMMIT, and then SELECT mlops.wait(...).")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext failed");
}

static void
end_nonatomic(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

Datum
mlops_sql_train_wait(PG_FUNCTION_ARGS)
{
	int64		run;

	begin_nonatomic(fcinfo, "train_wait");
	run = mlops_submit_train(fcinfo);
	SPI_commit();
	mlops_wait_for_run(run, NULL, SPI_commit, true);
	end_nonatomic();
	PG_RETURN_NULL();
}

Datum
mlops_sql_retrain_wait(PG_FUNCTION_ARGS)
{
	int64		run;

	begin_nonatomic(fcinfo, "retrain_wait");
	run = mlops_submit_retrain(fcinfo);
	SPI_commit();
	mlops_wait_for_run(run, NULL, SPI_commit, true);
	end_nonatomic();
	PG_RETURN_NULL();
}

Datum
mlops_sql_wait_run(PG_FUNCTION_ARGS)
{
	Interval	timeout;
	bool		limited = !PG_ARGISNULL(1);

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"run\" must not be null")));
	if (limited)
		timeout = *PG_GETARG_INTERVAL_P(1);
	begin_nonatomic(fcinfo, "wait_run");
	SPI_commit();
	mlops_wait_for_run(PG_GETARG_INT64(0), limited ? &timeout : NULL, SPI_commit, true);
	end_nonatomic();
	PG_RETURN_NULL();
}
