/*-------------------------------------------------------------------------
 *
 * step.h
 *	  One piece of the dispatcher's work, contained in a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_STEP_H
#define MLOPS_STEP_H

#include "utils/elog.h"

#include "base/spi.h"

/*
 * Do one piece of work as the extension's owner, in a transaction of its own.
 * Returns NULL, or the error, allocated in the current context; the session
 * goes on then, and keeps its session locks.  Between steps the caller holds
 * cancel interrupts off.
 */
extern ErrorData *mlops_step_do(void (*work) (const SpiScope *scope, void *arg), void *arg);

/* The same, for work whose failure only the server log needs to know. */
extern bool mlops_step_try(void (*work) (const SpiScope *scope, void *arg), void *arg,
						   const char *what);

extern void mlops_step_log(const ErrorData *error, const char *what);

/* Errors that go away when somebody else ends a transaction, or that come from
 * somebody who canceled the dispatcher's statement. */
extern bool mlops_step_is_transient(const ErrorData *error);

/* Whether the extension exists in this database. */
extern bool mlops_step_is_possible(void);

#endif							/* MLOPS_STEP_H */
