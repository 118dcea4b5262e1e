/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  Server settings mlops.*; docs/reference.md lists them.
 *
 * Limits are SIGHUP: a user's query cannot raise them with set_config.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SETTINGS_H
#define MLOPS_SETTINGS_H

/* runs */
extern int	mlops_max_concurrent_runs;	/* per database */
extern int	mlops_max_queued_runs;	/* per role */
extern int	mlops_max_run_time; /* s; 0: no limit */
extern int	mlops_max_threads;	/* of one trainer */
extern int	mlops_trainer_memory;	/* MB; 0: no limit */
extern bool mlops_allow_superuser_runs;

/* data */
extern int	mlops_max_rows;		/* thousands; 0: no limit */
extern int	mlops_max_columns;	/* features of one row */
extern int	mlops_max_categories;	/* labels of one column */
extern int	mlops_max_spool_size;	/* MB; 0: no limit */

/* models */
extern int	mlops_max_model_size;	/* MB, below 512 so that pg_dump works */
extern int	mlops_cache_size;	/* MB of forests kept */
extern bool mlops_shared_cache; /* keep them in files that all map */

/* log of predictions */
extern bool mlops_log_features;
extern int	mlops_prediction_log_retention; /* min; 0: no limit */

/* monitors */
extern int	mlops_monitor_interval; /* s between folds */
extern int	mlops_drift_retention;	/* days; 0: for ever */

/* statistics; off and unknown without preload */
extern bool mlops_track_predictions;
extern int	mlops_stat_max_versions;	/* entries of shared memory */

extern void mlops_settings_init(void);

#endif							/* MLOPS_SETTINGS_H */
