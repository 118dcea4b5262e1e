/*-------------------------------------------------------------------------
 *
 * row_plan.c
 *	  Where the columns of a monitor and of a version are in rows of one type.
 *
 * Values are encoded as training encodes them (feature/value.h): numbers as
 * float32, labels by value::text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_attribute.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "base/error.h"
#include "drift/row_plan.h"

/* Find a live column by name; false when there is none. */
static bool
find_column(TupleDesc desc, const char *name, PlanColumn *column)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		/* a transition table has no values of virtual columns */
		if (!attribute->attisdropped && attribute->attgenerated != 'v' &&
			namestrcmp(&attribute->attname, name) == 0)
		{
			column->place = i;
			mlops_value_init(&column->type, attribute->atttypid);
			return true;
		}
	}
	column->place = -1;
	return false;
}

void
mlops_row_plan_find(TupleDesc desc, const char *name, PlanColumn *column)
{
	column->place = -1;
	if (name != NULL && !find_column(desc, name, column))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\", which the monitor names, does not exist", name),
				 errhint("Name another column with mlops.alter_monitor.")));
}

/* Find a column that the monitor names, and let the plan look at it. */
static void
find_named(RowPlan *plan, TupleDesc desc, const char *name, PlanColumn *column)
{
	mlops_row_plan_find(desc, name, column);
	plan->n_values = Max(plan->n_values, column->place + 1);
}

static void
refuse_type(const char *name, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" is not %s", name, wanted)));
}

RowPlan *
mlops_row_plan_make(const Monitor *monitor, TupleDesc desc)
{
	RowPlan    *plan = palloc0(sizeof(RowPlan));

	plan->monitor = monitor;
	/* a version that a row names may want any column of that row */
	plan->n_values = monitor->version_column != NULL ? desc->natts : 0;
	find_named(plan, desc, monitor->time_column, &plan->time);
	find_named(plan, desc, monitor->version_column, &plan->version);
	find_named(plan, desc, monitor->label, &plan->label);
	find_named(plan, desc, monitor->prediction, &plan->prediction);
	plan->key = palloc0(sizeof(PlanColumn) * Max(monitor->n_key, 1));
	for (int i = 0; i < monitor->n_key; i++)
		find_named(plan, desc, monitor->key[i], &plan->key[i]);
	if (plan->time.place >= 0 && plan->time.type.kind != VALUE_TIMESTAMPTZ &&
		plan->time.type.kind != VALUE_TIMESTAMP && plan->time.type.kind != VALUE_DATE)
		refuse_type(monitor->time_column, "a timestamp or date");
	if (plan->version.place >= 0 && !mlops_value_is_integer(plan->version.type.kind))
		refuse_type(monitor->version_column, "an integer");
	if (plan->label.place >= 0 && plan->label.type.kind == VALUE_NONE)
		refuse_type(monitor->label, "a number or a label");
	if (plan->prediction.place >= 0 && plan->prediction.type.kind == VALUE_NONE)
		refuse_type(monitor->prediction, "a number or a label");
	return plan;
}

/* Whether values of a type can be counted on the cells of a reference. */
static bool
fits_reference(ValueKind kind, const Profile *reference)
{
	if (kind == VALUE_NONE || kind == VALUE_ARRAY)
		return false;
	return mlops_profile_kind(reference) == PROFILE_CATEGORICAL || !mlops_value_is_label(kind);
}

SetPlan *
mlops_set_plan_make(RowPlan *plan, const WatchSet *set, TupleDesc desc)
{
	SetPlan    *result = palloc0(sizeof(SetPlan));

	result->set = set;
	result->columns = palloc0(sizeof(PlanColumn) * set->n);
	for (int i = 0; i < set->n; i++)
	{
		const WatchColumn *watched = &set->columns[i];
		PlanColumn *column = &result->columns[i];

		if (watched->role == WATCH_LABEL)
			*column = plan->label;
		else if (watched->role == WATCH_PREDICTION)
			*column = plan->prediction;
		else
			(void) find_column(desc, watched->name, column);
		if (column->place < 0)
			continue;
		if (!fits_reference(column->type.kind, watched->reference))
		{
			/* of a prediction it may be the class instead of the probability */
			if (result->problem == NULL && watched->role != WATCH_PREDICTION)
				result->problem = psprintf("column \"%s\" has another type than the reference",
										   NameStr(TupleDescAttr(desc, column->place)->attname));
			column->place = -1;
			continue;
		}
		column->is_float8 = column->type.kind == VALUE_FLOAT8 &&
			mlops_profile_kind(watched->reference) == PROFILE_NUMERIC;
		plan->n_values = Max(plan->n_values, column->place + 1);
		result->n_found++;
	}
	return result;
}

TimestampTz
mlops_row_plan_time(const RowPlan *plan, const Datum *values, const bool *nulls, TimestampTz now)
{
	TimestampTz time;

	if (plan->time.place < 0 || nulls[plan->time.place])
		return now;
	if (plan->time.type.kind == VALUE_DATE)
	{
		DateADT		date = DatumGetDateADT(values[plan->time.place]);

		/* of UTC, like timestamps without a zone: not of the writer's zone */
		if (DATE_NOT_FINITE(date) || date > TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE - 1)
			return now;
		time = date * USECS_PER_DAY;
	}
	else
		time = DatumGetTimestampTz(values[plan->time.place]);
	return TIMESTAMP_NOT_FINITE(time) ? now : time;
}

int
mlops_row_plan_version(const RowPlan *plan, const Datum *values, const bool *nulls)
{
	Datum		value;
	int64		version;

	if (plan->version.place < 0 || nulls[plan->version.place])
		return 0;
	value = values[plan->version.place];
	switch (plan->version.type.kind)
	{
		case VALUE_INT2:
			version = DatumGetInt16(value);
			break;
		case VALUE_INT4:
			version = DatumGetInt32(value);
			break;
		default:
			version = DatumGetInt64(value);
			break;
	}
	if (version <= 0 || version > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg(INT64_FORMAT " in column \"%s\" is no version", version,
						plan->monitor->version_column)));
	return (int) version;
}

DeltaValue
mlops_set_plan_value(SetPlan *plan, int i, const Datum *values, const bool *nulls)
{
	PlanColumn *column = &plan->columns[i];
	const Profile *reference = plan->set->columns[i].reference;
	DeltaValue	result = {.kind = DELTA_MISSING};

	if (column->place < 0)
		result.kind = DELTA_ABSENT;
	else if (nulls[column->place])
		return result;
	else if (mlops_profile_kind(reference) == PROFILE_NUMERIC)
	{
		result.as.number = mlops_value_number(column->type.kind, values[column->place]);
		if (!isnan(result.as.number))
			result.kind = DELTA_NUMBER;
	}
	else
	{
		size_t		length;
		const char *label = mlops_value_label(&column->type, values[column->place], &length);

		result.kind = DELTA_CELL;
		result.as.cell = mlops_profile_find_label(reference, label, length);
	}
	return result;
}
