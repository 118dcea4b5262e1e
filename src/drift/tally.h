/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  Rows -> deltas, one per version and window.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TALLY_H
#define MLOPS_TALLY_H

#include "drift/watcher.h"

/* Counts that are under way, all in one memory context. */
typedef struct TallyBook TallyBook;

/* A delta as it goes into mlops.drift_state. */
typedef struct TallyDelta
{
	int			version;
	TimestampTz window_start;	/* DT_NOBEGIN with window_rows */
	int64		n_rows;
	bytea	   *delta;
} TallyDelta;

/* Begin, in a child of the current context; "now" is for rows without a time. */
extern TallyBook *mlops_tally_begin(Watcher *watcher, TimestampTz now);

/* Count a row. */
extern void mlops_tally_row(TallyBook *book, const Datum *values, const bool *nulls);

/* Take the label of a row out (sign -1) or in (sign 1), where it has one. */
extern void mlops_tally_label(TallyBook *book, const Datum *values, const bool *nulls, int sign);

/* All deltas, as a list of TallyDelta * in the book's context. */
extern List *mlops_tally_finish(TallyBook *book);

/* A column that could not be counted, or NULL. */
extern const char *mlops_tally_problem(const TallyBook *book);

/* Rows so far, labels included. */
extern int64 mlops_tally_entries(const TallyBook *book);

#endif							/* MLOPS_TALLY_H */
