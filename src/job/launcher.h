/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The static worker that starts dispatchers; only with preload.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_LAUNCHER_H
#define MLOPS_LAUNCHER_H

#include "utils/timestamp.h"

/* From _PG_init; does nothing unless the library is being preloaded. */
extern void mlops_launcher_init(void);

/*
 * Ask for a dispatcher of the database at that time.  No effect without
 * preload.  Neither allocates nor raises: called after commits.
 */
extern void mlops_launcher_set_due(Datum database, TimestampTz due);

/* Whether the library was preloaded, so that set_due has an effect. */
extern bool mlops_launcher_is_there(void);

/*
 * Whether to log that there is no worker slot: dispatchers of several databases may
 * come and go for want of one, which one line an hour tells.  Always without preload.
 */
extern bool mlops_launcher_log_slots(void);

extern PGDLLEXPORT void mlops_launcher_main(Datum main_arg);

#endif							/* MLOPS_LAUNCHER_H */
