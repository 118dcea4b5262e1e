/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  Server settings mlops.*, defined from one table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/settings.h"

int			mlops_max_concurrent_runs;
int			mlops_max_queued_runs;
int			mlops_max_run_time;
int			mlops_max_threads;
int			mlops_trainer_memory;
bool		mlops_allow_superuser_runs;
int			mlops_max_rows;
int			mlops_max_columns;
int			mlops_max_categories;
int			mlops_max_spool_size;
int			mlops_max_model_size;
int			mlops_cache_size;
int			mlops_monitor_interval;
int			mlops_drift_retention;
bool		mlops_shared_cache;
bool		mlops_log_features;
int			mlops_prediction_log_retention;
bool		mlops_track_predictions = false;
int			mlops_stat_max_versions;

typedef struct IntSetting
{
	const char *name;
	const char *description;
	const char *detail;
	int		   *variable;
	int			boot_value;
	int			min_value;
	int			max_value;
	int			flags;
} IntSetting;

static const IntSetting int_settings[] = {
	{"mlops.max_concurrent_runs", "Sets the maximum number of runs at a time in one database.",
		"Further runs wait in the queue. 0 starts none.",
	&mlops_max_concurrent_runs, 2, 0, 64, 0},
	{"mlops.max_queued_runs", "Sets the maximum number of unfinished runs of one role.",
		NULL,
	&mlops_max_queued_runs, 10000, 0, INT_MAX, 0},
	{"mlops.max_run_time", "Sets the maximum duration of one run.",
	"0 turns the limit off.", &mlops_max_run_time, 86400, 0, INT_MAX, GUC_UNIT_S},
	{"mlops.max_threads", "Sets the maximum number of threads of one training.",
		"It is also the default of the parameter nthread.",
	&mlops_max_threads, 1, 1, 256, 0},
	{"mlops.trainer_memory", "Sets the maximum address space of one training process.",
		"0 turns the limit off.",
	&mlops_trainer_memory, 4096, 0, INT_MAX, GUC_UNIT_MB},
	{"mlops.max_rows", "Sets the maximum number of rows of one data set, in thousands.",
		"0 turns the limit off.",
	&mlops_max_rows, 100000, 0, INT_MAX, 0},
	{"mlops.max_columns", "Sets the maximum number of features.",
		"Every element of an array column is one feature.",
	&mlops_max_columns, 4096, 1, 32000, 0},
	{"mlops.max_categories", "Sets the maximum number of categories of one column.",
		NULL,
	&mlops_max_categories, 1000, 2, 1000000, 0},
	{"mlops.max_spool_size", "Sets the maximum size of the encoded rows of one run.",
		"0 turns the limit off.",
	&mlops_max_spool_size, 16384, 0, INT_MAX, GUC_UNIT_MB},
	{"mlops.max_model_size", "Sets the maximum size of one model.",
		"Larger values than 511 MB could not be dumped by pg_dump.",
	&mlops_max_model_size, 256, 1, 511, GUC_UNIT_MB},
	{"mlops.cache_size", "Sets the maximum size of the models that are kept ready for predictions.",
		"It bounds the files shared by all connections, and what one connection keeps mapped. "
		"The least recently used leave first; the last one and those in use stay.",
	&mlops_cache_size, 256, 0, INT_MAX, GUC_UNIT_MB},
	{"mlops.prediction_log_retention", "Sets how long logged predictions are kept.",
		"Whole days are dropped. 0 keeps them all.",
	&mlops_prediction_log_retention, 90 * 24 * 60, 0, INT_MAX, GUC_UNIT_MIN},
	{"mlops.monitor_interval", "Sets how soon rows of watched tables are counted into windows.",
		"They are collected for this long.",
	&mlops_monitor_interval, 10, 1, 3600, GUC_UNIT_S},
	{"mlops.drift_retention", "Sets how long windows of monitors are kept, in days.",
		"0 keeps them.",
	&mlops_drift_retention, 400, 0, 36500, 0},
};

/* What shared memory of a preloaded library needs. */
static void
define_stat_settings(void)
{
	DefineCustomIntVariable("mlops.stat_max_versions",
							"Sets the maximum number of model versions with serving statistics.",
							"The versions that were not used for longest leave first.",
							&mlops_stat_max_versions, 1000, 10, 100000,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("mlops.track_predictions",
							 "Collects serving statistics of predictions.",
							 "They are in mlops.stat_prediction.",
							 &mlops_track_predictions, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

void
mlops_settings_init(void)
{
	for (int i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *setting = &int_settings[i];

		DefineCustomIntVariable(setting->name, setting->description, setting->detail,
								setting->variable, setting->boot_value,
								setting->min_value, setting->max_value,
								PGC_SIGHUP, setting->flags, NULL, NULL, NULL);
	}

	DefineCustomBoolVariable("mlops.allow_superuser_runs",
							 "Allows runs whose submitter is a superuser.",
							 "The query of a run has all rights of its submitter.",
							 &mlops_allow_superuser_runs, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("mlops.shared_cache",
							 "Shares models that are ready for predictions between connections.",
							 "Off keeps a copy in the memory of each connection.",
							 &mlops_shared_cache, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("mlops.log_features",
							 "Writes the features of logged predictions to the log.",
							 "They are in mlops.prediction_log.",
							 &mlops_log_features, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		define_stat_settings();

	MarkGUCPrefixReserved("mlops");
}
