/*-------------------------------------------------------------------------
 *
 * monitor_settings.c
 *	  Arguments of create_monitor and alter_monitor -> columns of mlops.monitor.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "drift/window.h"
#include "trigger/monitor_settings.h"

typedef struct Setting
{
	const char *argument;
	const char *column;
	Oid			type;
	bool		fixed;			/* at creation */
	double		minimum;		/* of numbers */
	bool		above;			/* the minimum itself is too small */
	const char *choices;		/* of texts: " a b ", or NULL */
} Setting;

/* In the order of create_monitor, after name and model. */
static const Setting settings_table[] = {
	{"relation", "relation", REGCLASSOID, true, 0, false, NULL},
	{"query", "query", TEXTOID, false, 0, false, NULL},
	{"key", "key", NAMEARRAYOID, false, 0, false, NULL},
	{"time_column", "time_column", NAMEOID, false, 0, false, NULL},
	{"label", "label", NAMEOID, false, 0, false, NULL},
	{"prediction", "prediction", NAMEOID, false, 0, false, NULL},
	{"version", "version_column", NAMEOID, false, 0, false, NULL},
	{"window_size", "window_size", INTERVALOID, true, 0, false, NULL},
	{"lateness", "lateness", INTERVALOID, false, 0, false, NULL},
	{"label_delay", "label_delay", INTERVALOID, false, 0, false, NULL},
	{"window_rows", "window_rows", INT8OID, true, 1, false, NULL},
	{"psi_threshold", "psi_threshold", FLOAT8OID, false, 0, true, NULL},
	{"alpha", "alpha", FLOAT8OID, false, 0, true, NULL},
	{"consecutive", "consecutive", INT4OID, false, 1, false, NULL},
	{"season", "season", INTERVALOID, false, 0, false, NULL},
	{"sample_key", "sample_key", NAMEOID, false, 0, false, NULL},
	{"min_rows", "min_rows", INT8OID, false, 1, false, NULL},
	{"on_error", "on_error", TEXTOID, false, 0, false, " ignore fail "},
	{"schedule", "schedule", INTERVALOID, false, 0, false, NULL},
	{"action", "action", TEXTOID, false, 0, false, " alert retrain retrain_and_promote "},
	{"retrain_query", "retrain_query", TEXTOID, false, 0, false, NULL},
	{"cooldown", "cooldown", INTERVALOID, false, 0, false, NULL},
	{"daily_limit", "daily_limit", INT4OID, false, 0, false, NULL},
	{"min_new_labels", "min_new_labels", INT8OID, false, 0, false, NULL},
	{"margin", "margin", FLOAT8OID, false, 0, false, NULL},
	{"metric", "metric", TEXTOID, false, 0, false, NULL},
	{"metric_floor", "metric_floor", FLOAT8OID, false, -1e308, false, NULL},
	{"retrain_rows", "retrain_rows", INT8OID, false, 1, false, NULL},
	{"retrain_age", "retrain_age", INTERVALOID, false, 0, false, NULL},
	{"description", "description", TEXTOID, false, 0, false, NULL}
};

static double
get_number(Oid type, Datum value)
{
	switch (type)
	{
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		default:
			return DatumGetFloat8(value);
	}
}

static void
check_choice(const Setting *setting, const char *value)
{
	if (setting->choices != NULL &&
		(strchr(value, ' ') != NULL || strstr(setting->choices, psprintf(" %s ", value)) == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be \"%s\"", setting->argument, value),
				 errhint("It is one of:%s.", pnstrdup(setting->choices, strlen(setting->choices) - 1))));
}

static void
check_number(const Setting *setting, double value)
{
	bool		is_share = strcmp(setting->argument, "alpha") == 0;

	if (!(setting->above ? value > setting->minimum : value >= setting->minimum) ||
		(is_share && value >= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 is_share ? errmsg("argument \"alpha\" must be between 0 and 1") :
				 errmsg("argument \"%s\" must be %s %g", setting->argument,
						setting->above ? "greater than" : "at least", setting->minimum)));
}

/* Spans that windows are cut or compared by; zero unsets them. */
static bool
is_period(const Setting *setting)
{
	return strcmp(setting->argument, "season") == 0 || strcmp(setting->argument, "schedule") == 0;
}

static bool
is_zero(const Interval *interval)
{
	return interval->time == 0 && interval->day == 0 && interval->month == 0;
}

static void
check_value(const Setting *setting, Datum value)
{
	WindowSize	size;

	switch (setting->type)
	{
		case TEXTOID:
			check_choice(setting, TextDatumGetCString(value));
			break;
		case INT4OID:
		case INT8OID:
		case FLOAT8OID:
			check_number(setting, get_number(setting->type, value));
			break;
		case INTERVALOID:
			if (strcmp(setting->argument, "window_size") == 0 ||
				(is_period(setting) && !is_zero(DatumGetIntervalP(value))))
				mlops_window_parse(DatumGetIntervalP(value), setting->argument, &size);
			else if (mlops_window_is_negative(DatumGetIntervalP(value)))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"%s\" must not be negative", setting->argument)));
			break;
		default:
			break;
	}
}

void
mlops_monitor_settings_add(MonitorSettings *settings, const char *column, Oid type, Datum value)
{
	settings->columns[settings->n++] = column;
	mlops_args_add(&settings->args, type, value, false);
}

void
mlops_monitor_settings_read(FunctionCallInfo fcinfo, int first, bool alter,
							MonitorSettings *settings)
{
	int			argument = first;

	for (int i = 0; i < lengthof(settings_table); i++)
	{
		const Setting *setting = &settings_table[i];

		if (alter && setting->fixed)
			continue;
		if (!PG_ARGISNULL(argument))
		{
			check_value(setting, PG_GETARG_DATUM(argument));
			mlops_monitor_settings_add(settings, setting->column, setting->type,
									   PG_GETARG_DATUM(argument));
		}
		argument++;
	}
	Assert(argument == PG_NARGS());
}

void
mlops_monitor_settings_remove(MonitorSettings *settings, const char *column)
{
	for (int i = 0; i < settings->n; i++)
		if (strcmp(settings->columns[i], column) == 0)
			settings->args.nulls[i] = 'n';
}

bool
mlops_monitor_settings_has(const MonitorSettings *settings, const char *column)
{
	for (int i = 0; i < settings->n; i++)
		if (strcmp(settings->columns[i], column) == 0)
			return true;
	return false;
}

char *
mlops_monitor_settings_text(const MonitorSettings *settings, const char *column)
{
	for (int i = 0; i < settings->n; i++)
		if (strcmp(settings->columns[i], column) == 0)
			return TextDatumGetCString(settings->args.values[i]);
	return NULL;
}

char *
mlops_monitor_settings_insert(const MonitorSettings *settings)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "INSERT INTO mlops.monitor (");
	for (int i = 0; i < settings->n; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", settings->columns[i]);
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 0; i < settings->n; i++)
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(&sql, ") ON CONFLICT (name) DO NOTHING");
	return sql.data;
}

/* An empty text or name, an empty array, and a span of zero where that says nothing,
 * unset a column. */
char *
mlops_monitor_settings_update(const MonitorSettings *settings)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "UPDATE mlops.monitor SET altered_at = now()");
	for (int i = 0; i < settings->n; i++)
	{
		Oid			type = settings->args.types[i];

		if (type == TEXTOID || type == NAMEOID)
			appendStringInfo(&sql, ", %s = nullif($%d::text, '')%s", settings->columns[i], i + 1,
							 type == NAMEOID ? "::name" : "");
		else if (strcmp(settings->columns[i], "season") == 0 ||
				 strcmp(settings->columns[i], "schedule") == 0 ||
				 strcmp(settings->columns[i], "retrain_age") == 0)
			appendStringInfo(&sql, ", %s = nullif($%d, interval '0')", settings->columns[i], i + 1);
		else if (type == NAMEARRAYOID)
			appendStringInfo(&sql, ", %s = nullif($%d, '{}')", settings->columns[i], i + 1);
		else
			appendStringInfo(&sql, ", %s = $%d", settings->columns[i], i + 1);
	}
	appendStringInfo(&sql, " WHERE name = $%d", settings->n + 1);
	return sql.data;
}
