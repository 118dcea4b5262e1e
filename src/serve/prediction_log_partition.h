/*-------------------------------------------------------------------------
 *
 * prediction_log_partition.h
 *	  Partitions of mlops.prediction_log: made ahead, filled, dropped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PREDICTION_LOG_PARTITION_H
#define MLOPS_PREDICTION_LOG_PARTITION_H

#include "utils/timestamp.h"

#include "base/spi.h"

/*
 * A chore of the dispatcher, in a transaction of its own as the extension's owner:
 * makes missing partitions, or moves some rows to theirs, or drops one partition
 * that is old enough.  Returns when there is more to do.  Errors, such as that of
 * a lock that was not to be had, leave everything as it was.
 */
extern TimestampTz mlops_prediction_log_keep(const SpiScope *scope, TimestampTz now);

/* Make the first partitions, in the script of the extension. */
extern void mlops_prediction_log_make_partitions(void);

#endif							/* MLOPS_PREDICTION_LOG_PARTITION_H */
