/*-------------------------------------------------------------------------
 *
 * monitor.c
 *	  A row of mlops.monitor.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/error.h"
#include "drift/monitor.h"
#include "registry/probe.h"
#include "registry/registry.h"

/* Columns as in sql/parts/70_monitor_tables.sql; an upgrade may only append. */
enum
{
	Anum_monitor_name = 1,
	Anum_monitor_model,
	Anum_monitor_paused,
	Anum_monitor_relation,
	Anum_monitor_query,
	Anum_monitor_key,
	Anum_monitor_time_column,
	Anum_monitor_label,
	Anum_monitor_prediction,
	Anum_monitor_version_column,
	Anum_monitor_window_size,
	Anum_monitor_window_rows,
	Anum_monitor_on_error,
	Anum_monitor_owner,
	Anum_monitor_context,
	Anum_monitor_lateness,
	Anum_monitor_label_delay,
	Anum_monitor_psi_threshold,
	Anum_monitor_alpha,
	Anum_monitor_consecutive,
	Anum_monitor_season,
	Anum_monitor_sample_key,
	Anum_monitor_min_rows,
	Anum_monitor_schedule,
	Anum_monitor_action,
	Anum_monitor_retrain_query
};

/* A name column, or NULL. */
static char *
copy_name(const Probe *probe, int column)
{
	bool		isnull;
	Datum		value = mlops_probe_column(probe, column, &isnull);

	return isnull ? NULL : pstrdup(NameStr(*DatumGetName(value)));
}

static char *
copy_text(const Probe *probe, int column)
{
	bool		isnull;
	Datum		value = mlops_probe_column(probe, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static Interval *
copy_interval(const Probe *probe, int column)
{
	bool		isnull;
	Datum		value = mlops_probe_column(probe, column, &isnull);
	Interval   *interval;

	if (isnull)
		return NULL;
	interval = palloc(sizeof(Interval));
	*interval = *DatumGetIntervalP(value);
	return interval;
}

static int64
copy_int8(const Probe *probe, int column)
{
	bool		isnull;
	Datum		value = mlops_probe_column(probe, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static void
copy_key(const Probe *probe, Monitor *monitor)
{
	bool		isnull;
	Datum		value = mlops_probe_column(probe, Anum_monitor_key, &isnull);
	Datum	   *names;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &names, NULL, &monitor->n_key);
	monitor->key = palloc(sizeof(char *) * Max(monitor->n_key, 1));
	for (int i = 0; i < monitor->n_key; i++)
		monitor->key[i] = pstrdup(NameStr(*DatumGetName(names[i])));
}

/* Copy how windows are cut. */
static void
copy_windows(const Probe *probe, Monitor *monitor)
{
	Interval   *size = copy_interval(probe, Anum_monitor_window_size);
	Interval   *season = copy_interval(probe, Anum_monitor_season);

	if (size != NULL)
		mlops_window_parse(size, "window_size", &monitor->window_size);
	if (season != NULL)
		mlops_window_parse(season, "season", &monitor->season);
	monitor->window_rows = copy_int8(probe, Anum_monitor_window_rows);
	monitor->lateness = *copy_interval(probe, Anum_monitor_lateness);
	monitor->label_delay = *copy_interval(probe, Anum_monitor_label_delay);
	monitor->schedule = copy_interval(probe, Anum_monitor_schedule);
}

static Monitor *
copy_monitor(const Probe *probe)
{
	Monitor    *monitor = palloc0(sizeof(Monitor));
	bool		isnull;
	Datum		relation = mlops_probe_column(probe, Anum_monitor_relation, &isnull);

	monitor->relation = isnull ? InvalidOid : DatumGetObjectId(relation);
	monitor->name = copy_text(probe, Anum_monitor_name);
	monitor->model = copy_text(probe, Anum_monitor_model);
	monitor->paused = DatumGetBool(mlops_probe_filled_column(probe, Anum_monitor_paused));
	monitor->query = copy_text(probe, Anum_monitor_query);
	copy_key(probe, monitor);
	monitor->time_column = copy_name(probe, Anum_monitor_time_column);
	monitor->label = copy_name(probe, Anum_monitor_label);
	monitor->prediction = copy_name(probe, Anum_monitor_prediction);
	monitor->version_column = copy_name(probe, Anum_monitor_version_column);
	copy_windows(probe, monitor);
	monitor->fail = strcmp(copy_text(probe, Anum_monitor_on_error), "fail") == 0;
	monitor->owner = DatumGetObjectId(mlops_probe_filled_column(probe, Anum_monitor_owner));
	monitor->context = DatumGetJsonbPCopy(mlops_probe_filled_column(probe, Anum_monitor_context));
	monitor->psi_threshold = DatumGetFloat8(mlops_probe_filled_column(probe, Anum_monitor_psi_threshold));
	monitor->alpha = DatumGetFloat8(mlops_probe_filled_column(probe, Anum_monitor_alpha));
	monitor->consecutive = DatumGetInt32(mlops_probe_filled_column(probe, Anum_monitor_consecutive));
	monitor->sample_key = copy_name(probe, Anum_monitor_sample_key);
	monitor->min_rows = copy_int8(probe, Anum_monitor_min_rows);
	monitor->retrain_query = copy_text(probe, Anum_monitor_retrain_query);
	return monitor;
}

Monitor *
mlops_monitor_find(const char *name, FoundRow *row)
{
	Probe		probe;
	ScanKeyData key;
	Monitor    *monitor = NULL;

	mlops_probe_text_key(&key, Anum_monitor_name, name);
	mlops_probe_begin(&probe, "monitor", "monitor_pkey", 1, &key);
	if (mlops_probe_fetch(&probe))
	{
		monitor = copy_monitor(&probe);
		mlops_probe_keep(&probe, row);
	}
	mlops_probe_end(&probe);
	return monitor;
}

Monitor *
mlops_monitor_require(const char *name)
{
	Monitor    *monitor = mlops_monitor_find(name, NULL);

	if (monitor == NULL || !mlops_registry_permits(monitor->model, GetUserId(), MODEL_OWN))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MONITOR),
				 errmsg("monitor \"%s\" does not exist, or you do not own its model", name),
				 errhint("Monitors of models that you may read are listed in mlops.monitor_status.")));
	return monitor;
}

TimestampTz
mlops_monitor_due(const Monitor *monitor, TimestampTz window_end)
{
	return mlops_window_shift(window_end, &monitor->lateness);
}

TimestampTz
mlops_monitor_label_due(const Monitor *monitor, TimestampTz window_end)
{
	return mlops_window_shift(mlops_monitor_due(monitor, window_end), &monitor->label_delay);
}
