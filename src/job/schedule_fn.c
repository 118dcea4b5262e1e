/*-------------------------------------------------------------------------
 *
 * schedule_fn.c
 *	  SQL entry points for schedules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/argument.h"
#include "job/schedule.h"

PG_FUNCTION_INFO_V1(mlops_sql_schedule_retrain);
PG_FUNCTION_INFO_V1(mlops_sql_unschedule_retrain);

Datum
mlops_sql_schedule_retrain(PG_FUNCTION_ARGS)
{
	char	   *model = mlops_argument_text(fcinfo, 0, "model");
	char	   *schedule = mlops_argument_text(fcinfo, 1, "schedule");

	PG_RETURN_INT64(mlops_schedule_set(model, schedule, mlops_argument_text(fcinfo, 2, "promote")));
}

Datum
mlops_sql_unschedule_retrain(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mlops_schedule_remove(mlops_argument_text(fcinfo, 0, "model")));
}
