/*-------------------------------------------------------------------------
 *
 * window.c
 *	  Event time -> window, by arithmetic that no setting changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "utils/timestamp.h"

#include "drift/window.h"

/* Monday, 2001-01-01 00:00 UTC, counted from PostgreSQL's epoch a (leap) year before. */
#define ORIGIN (INT64CONST(366) * USECS_PER_DAY)
#define ORIGIN_YEAR 2001

bool
mlops_window_is_negative(const Interval *interval)
{
	return interval->time < 0 || interval->day < 0 || interval->month < 0;
}

void
mlops_window_parse(const Interval *interval, const char *argument, WindowSize *size)
{
	int64		days;

	if (mlops_window_is_negative(interval) ||
		(interval->month > 0) == (interval->day > 0 || interval->time > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a positive number of months, or of days and time", argument),
				 errhint("Use '1 hour', '1 day', '7 days' or '1 month', for instance.")));
	size->months = interval->month;
	days = interval->day;
	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &size->microseconds) ||
		pg_add_s64_overflow(size->microseconds, interval->time, &size->microseconds) ||
		size->microseconds > INT64CONST(36525) * USECS_PER_DAY || size->months > 1200 ||
		(size->months == 0 && size->microseconds < USECS_PER_SEC))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between a second and a hundred years", argument)));
}

static int64
floor_divide(int64 a, int64 b)
{
	int64		quotient = a / b;

	return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

static TimestampTz
clamp_time(int64 time)
{
	return time < MIN_TIMESTAMP ? MIN_TIMESTAMP : time >= END_TIMESTAMP ? END_TIMESTAMP - 1 : time;
}

/* Months since the origin of a time. */
static int64
count_months(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fraction;

	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return ((int64) tm.tm_year - ORIGIN_YEAR) * MONTHS_PER_YEAR + tm.tm_mon - 1;
}

/* Start of a month; the limits where it is out of range. */
static TimestampTz
start_of_month(int64 month)
{
	struct pg_tm tm = {0};
	Timestamp	time;
	int64		year = floor_divide(month, MONTHS_PER_YEAR) + ORIGIN_YEAR;

	if (year < JULIAN_MINYEAR)
		return MIN_TIMESTAMP;
	if (year > TIMESTAMP_END_JULIAN)
		return END_TIMESTAMP - 1;
	tm.tm_year = (int) year;
	tm.tm_mon = (int) (month - floor_divide(month, MONTHS_PER_YEAR) * MONTHS_PER_YEAR) + 1;
	tm.tm_mday = 1;
	if (tm2timestamp(&tm, 0, NULL, &time) != 0)
		return year < ORIGIN_YEAR ? MIN_TIMESTAMP : END_TIMESTAMP - 1;
	return time;
}

TimestampTz
mlops_window_start(const WindowSize *size, TimestampTz time)
{
	if (size->months > 0)
		return start_of_month(floor_divide(count_months(time), size->months) * size->months);
	return clamp_time(ORIGIN + floor_divide(time - ORIGIN, size->microseconds) * size->microseconds);
}

TimestampTz
mlops_window_add(const WindowSize *size, TimestampTz start, int64 n)
{
	int64		span;
	int64		time;

	if (size->months > 0)
		return start_of_month(count_months(start) + n * size->months);
	if (pg_mul_s64_overflow(size->microseconds, n, &span) ||
		pg_add_s64_overflow(start, span, &time))
		return n < 0 ? MIN_TIMESTAMP : END_TIMESTAMP - 1;
	return clamp_time(time);
}

TimestampTz
mlops_window_shift(TimestampTz time, const Interval *span)
{
	WindowSize	months = {.months = 1};
	int64		shifted = time;
	int64		days;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	if (span->month != 0)
	{
		TimestampTz start = mlops_window_start(&months, time);

		shifted = mlops_window_add(&months, start, span->month) + (time - start);
	}
	days = span->day;
	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &days) ||
		pg_add_s64_overflow(shifted, days, &shifted) ||
		pg_add_s64_overflow(shifted, span->time, &shifted) || !IS_VALID_TIMESTAMP(shifted))
		return span->time + days < 0 ? DT_NOBEGIN : DT_NOEND;
	return shifted;
}

int64
mlops_window_count(const WindowSize *size, const WindowSize *period)
{
	if ((size->months > 0) != (period->months > 0))
		return 0;
	if (size->months > 0)
		return period->months % size->months == 0 ? period->months / size->months : 0;
	return period->microseconds % size->microseconds == 0 ?
		period->microseconds / size->microseconds : 0;
}
