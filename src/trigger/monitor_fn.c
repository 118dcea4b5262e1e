/*-------------------------------------------------------------------------
 *
 * monitor_fn.c
 *	  SQL entry points for monitors and their triggers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "trigger/follow.h"
#include "trigger/monitor_change.h"
#include "trigger/observe.h"

PG_FUNCTION_INFO_V1(mlops_sql_create_monitor);
PG_FUNCTION_INFO_V1(mlops_sql_alter_monitor);
PG_FUNCTION_INFO_V1(mlops_sql_drop_monitor);
PG_FUNCTION_INFO_V1(mlops_sql_pause_monitor);
PG_FUNCTION_INFO_V1(mlops_sql_check_monitor);
PG_FUNCTION_INFO_V1(mlops_sql_observe_insert);
PG_FUNCTION_INFO_V1(mlops_sql_observe_update);
PG_FUNCTION_INFO_V1(mlops_sql_follow_tables);

Datum
mlops_sql_create_monitor(PG_FUNCTION_ARGS)
{
	mlops_monitor_create(fcinfo);
	PG_RETURN_VOID();
}

Datum
mlops_sql_alter_monitor(PG_FUNCTION_ARGS)
{
	mlops_monitor_alter(fcinfo);
	PG_RETURN_VOID();
}

Datum
mlops_sql_drop_monitor(PG_FUNCTION_ARGS)
{
	mlops_monitor_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

Datum
mlops_sql_pause_monitor(PG_FUNCTION_ARGS)
{
	mlops_monitor_pause(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BOOL(1));
	PG_RETURN_VOID();
}

Datum
mlops_sql_check_monitor(PG_FUNCTION_ARGS)
{
	int64		run = mlops_monitor_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (run == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(run);
}

/* Count for a trigger that has the form of ours; silently not for any other. */
static Datum
observe(FunctionCallInfo fcinfo, WatchEvent event)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	bool		inserts;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function can only be called by the trigger of a monitor"),
				 errhint("Use mlops.create_monitor.")));
	inserts = TRIGGER_FIRED_BY_INSERT(data->tg_event);
	if (TRIGGER_FIRED_AFTER(data->tg_event) && TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) &&
		data->tg_trigger->tgnargs == 1 && data->tg_newtable != NULL &&
		(event == WATCH_INSERT ? inserts : (!inserts && data->tg_oldtable != NULL)))
		mlops_observe(data, event);
	return PointerGetDatum(NULL);
}

Datum
mlops_sql_observe_insert(PG_FUNCTION_ARGS)
{
	return observe(fcinfo, WATCH_INSERT);
}

Datum
mlops_sql_observe_update(PG_FUNCTION_ARGS)
{
	return observe(fcinfo, WATCH_UPDATE);
}

Datum
mlops_sql_follow_tables(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function can only be called by an event trigger")));
	mlops_follow_tables();
	PG_RETURN_NULL();
}
