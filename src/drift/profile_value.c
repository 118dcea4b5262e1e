/*-------------------------------------------------------------------------
 *
 * profile_value.c
 *	  One SQL value -> what a profile counts: a number or a label.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "drift/profile_value.h"

void
mlops_profile_value_init(ProfileValue *value, Oid type)
{
	mlops_value_init(&value->type, type);
	value->kind = value->type.kind == VALUE_BOOLEAN || mlops_value_is_number(value->type.kind) ||
		mlops_value_is_time(value->type.kind) ||
		value->type.type == INTERVALOID || value->type.type == CASHOID ?
		PROFILE_NUMERIC : PROFILE_CATEGORICAL;
}

bool
mlops_profile_value_fits(const ProfileValue *value, ProfileKind kind)
{
	return kind == PROFILE_CATEGORICAL || value->kind == PROFILE_NUMERIC;
}

double
mlops_profile_date(Datum datum)
{
	DateADT		date = DatumGetDateADT(datum);

	if (DATE_IS_NOBEGIN(date))
		return -INFINITY;
	return DATE_IS_NOEND(date) ? INFINITY : date;
}

double
mlops_profile_time(Datum datum)
{
	return (double) DatumGetTimeADT(datum) / USECS_PER_SEC;
}

double
mlops_profile_timestamp(Datum datum)
{
	Timestamp	timestamp = DatumGetTimestamp(datum);

	if (TIMESTAMP_IS_NOBEGIN(timestamp))
		return -INFINITY;
	if (TIMESTAMP_IS_NOEND(timestamp))
		return INFINITY;
	return (double) timestamp / USECS_PER_SEC +
		(double) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

/* As extract(epoch): a month is 30 days, a year 365.25. */
double
mlops_profile_interval(Datum datum)
{
	const Interval *interval = DatumGetIntervalP(datum);

	if (INTERVAL_IS_NOBEGIN_compat(interval))
		return -INFINITY;
	if (INTERVAL_IS_NOEND_compat(interval))
		return INFINITY;
	return (double) interval->time / USECS_PER_SEC + (double) interval->day * SECS_PER_DAY +
		(double) (interval->month / MONTHS_PER_YEAR) * DAYS_PER_YEAR * SECS_PER_DAY +
		(double) (interval->month % MONTHS_PER_YEAR) * DAYS_PER_MONTH * SECS_PER_DAY;
}

/* Money is counted in its smallest unit: the locale only decides how that is written. */
double
mlops_profile_value_number(const ProfileValue *value, Datum datum, bool single)
{
	switch (value->type.type)
	{
		case FLOAT8OID:
			return DatumGetFloat8(datum);
		case FLOAT4OID:
			return DatumGetFloat4(datum);
		case INT8OID:
			return single ? (double) (float) DatumGetInt64(datum) : (double) DatumGetInt64(datum);
		case INT4OID:
			return DatumGetInt32(datum);
		case INT2OID:
			return DatumGetInt16(datum);
		case BOOLOID:
			return DatumGetBool(datum) ? 1 : 0;
		case NUMERICOID:
			return single ? (double) mlops_value_number(VALUE_NUMERIC, datum) :
				DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, datum));
		case DATEOID:
			return mlops_profile_date(datum);
		case TIMEOID:
			return mlops_profile_time(datum);
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return mlops_profile_timestamp(datum);
		case INTERVALOID:
			return mlops_profile_interval(datum);
		case CASHOID:
			return (double) DatumGetCash(datum);
		default:
			elog(ERROR, "type %u is no number", value->type.type);
	}
}

const char *
mlops_profile_value_label(ProfileValue *value, Datum datum, size_t *length)
{
	return mlops_value_label(&value->type, datum, length);
}

void
mlops_profile_value_add(ProfileValue *value, Profile *profile, Datum datum)
{
	const char *label;
	size_t		length;

	if (mlops_profile_kind(profile) == PROFILE_NUMERIC)
	{
		mlops_profile_add_number(profile, mlops_profile_value_number(value, datum,
																	 mlops_profile_flags(profile) & PROFILE_SINGLE));
		return;
	}
	label = mlops_profile_value_label(value, datum, &length);
	mlops_profile_add_label(profile, label, length);
}
