/*-------------------------------------------------------------------------
 *
 * performance_state.h
 *	  Performance states in the server's memory.
 *
 * A state that needs more room is replaced by a larger one in the current
 * context; the old one is left as it is, for it may belong to an aggregate.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PERFORMANCE_STATE_H
#define MLOPS_PERFORMANCE_STATE_H

#include "fmgr.h"

#include "compat/pg_compat.h"
#include "drift/performance.h"

/* An empty state with these parts, a valid datum once it is settled. */
extern Performance *mlops_performance_new(unsigned parts);

/* Count a row; raises no error for what the row holds. */
extern PerformanceStatus mlops_performance_put(Performance **state, const PerformanceRow *row);
extern PerformanceStatus mlops_performance_put_loss(Performance **state, double loss, double weight);

/* Add all rows of another state. */
extern PerformanceStatus mlops_performance_join(Performance **into, const Performance *from);

/* A settled copy, whose bytes depend on the rows alone. */
extern Performance *mlops_performance_result(const Performance *state);

/* Bytes of mlops_performance_pack -> state; ERROR when they are none. */
extern Performance *mlops_performance_read(const void *bytes, size_t size);

/* Raise the error of a status that is not PERFORMANCE_OK. */
pg_noreturn extern void mlops_performance_fail(PerformanceStatus status);

#endif							/* MLOPS_PERFORMANCE_STATE_H */
