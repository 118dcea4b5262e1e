/*-------------------------------------------------------------------------
 *
 * schedule_fn.c
 *	  SQL entry points for schedules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "job/schedule.h"

PG_FUNCTION_INFO_V1(mlops_sql_schedule_retrain);
PG_FUNCTION_INFO_V1(mlops_sql_unschedule_retrain);

static char *
get_text(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

Datum
mlops_sql_schedule_retrain(PG_FUNCTION_ARGS)
{
	char	   *model = get_text(fcinfo, 0, "model");
	char	   *schedule = get_text(fcinfo, 1, "schedule");

	PG_RETURN_INT64(mlops_schedule_set(model, schedule, get_text(fcinfo, 2, "promote")));
}

Datum
mlops_sql_unschedule_retrain(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mlops_schedule_remove(get_text(fcinfo, 0, "model")));
}
