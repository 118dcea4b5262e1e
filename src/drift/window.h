/*-------------------------------------------------------------------------
 *
 * window.h
 *	  Event time -> window, by arithmetic that no setting changes.
 *
 * Windows of days and time start at multiples of their length since Monday,
 * 2001-01-01 00:00 UTC; those of months at multiples since January 2001.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WINDOW_H
#define MLOPS_WINDOW_H

#include "utils/timestamp.h"

/* Length of a window; 0, 0: by rows, not by time. */
typedef struct WindowSize
{
	int64		microseconds;
	int32		months;
} WindowSize;

/* Check a length; "argument" names it in errors. */
extern void mlops_window_parse(const Interval *interval, const char *argument, WindowSize *size);

/* Start of the window of a finite time, and the start of the next; near the limits of
 * timestamps those limits. */
extern TimestampTz mlops_window_start(const WindowSize *size, TimestampTz time);
extern TimestampTz mlops_window_add(const WindowSize *size, TimestampTz start, int64 n);

/* A span added to a time; infinite where it would be out of range. */
extern TimestampTz mlops_window_shift(TimestampTz time, const Interval *span);

/* Windows in one period, such as 168 hours in a week; 0: not a whole number. */
extern int64 mlops_window_count(const WindowSize *size, const WindowSize *period);

/* Whether an interval is negative in any field. */
extern bool mlops_window_is_negative(const Interval *interval);

#endif							/* MLOPS_WINDOW_H */
