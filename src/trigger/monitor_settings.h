/*-------------------------------------------------------------------------
 *
 * monitor_settings.h
 *	  Arguments of create_monitor and alter_monitor -> columns of mlops.monitor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_MONITOR_SETTINGS_H
#define MLOPS_MONITOR_SETTINGS_H

#include "fmgr.h"

#include "base/spi_args.h"

/* Columns and values, all that were given. */
typedef struct MonitorSettings
{
	int			n;
	const char *columns[SPI_ARGS_MAX];
	SpiArgs		args;			/* values, in the same order */
} MonitorSettings;

/* Check and collect the arguments from "first" on, in the order of create_monitor or,
 * which has fewer, of alter_monitor; NULL is not given. */
extern void mlops_monitor_settings_read(FunctionCallInfo fcinfo, int first, bool alter,
										MonitorSettings *settings);

/* Add a column, or make its value NULL. */
extern void mlops_monitor_settings_add(MonitorSettings *settings, const char *column,
									   Oid type, Datum value);

extern void mlops_monitor_settings_remove(MonitorSettings *settings, const char *column);

/* Whether a column was given. */
extern bool mlops_monitor_settings_has(const MonitorSettings *settings, const char *column);

/* A text that was given, or NULL. */
extern char *mlops_monitor_settings_text(const MonitorSettings *settings, const char *column);

/* Statements for them; palloc'ed.  UPDATE has the monitor's name as the last parameter. */
extern char *mlops_monitor_settings_insert(const MonitorSettings *settings);
extern char *mlops_monitor_settings_update(const MonitorSettings *settings);

#endif							/* MLOPS_MONITOR_SETTINGS_H */
