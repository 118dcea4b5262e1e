/*-------------------------------------------------------------------------
 *
 * trainer_report.h
 *	  What the trainer tells the executor, and how it fails.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_REPORT_H
#define MLOPS_TRAINER_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "job/spool_format.h"
#include "job/trainer_protocol.h"

/* Remember what must be opened before the sandbox closes the file system. */
extern void mlops_trainer_start_report(void);

extern void mlops_trainer_send(TrainerMessageType type, const char *text);
extern void mlops_trainer_send_round(SpoolPart part, int round, const char *metric, double value,
									 size_t n);
extern void mlops_trainer_send_stopped(int best_iteration);
extern void mlops_trainer_send_metric(TrainerMessageType type, const char *name, bool weighted,
									  double value, double error, size_t n);
extern void mlops_trainer_send_threshold(double threshold);
extern void mlops_trainer_send_knot(SpoolPart part, double score, double probability, size_t n);
extern void mlops_trainer_send_cut(SpoolPart part, double threshold, double positive,
								   double negative, bool weighted, size_t n);
extern void mlops_trainer_send_done(size_t n_bytes);

/* Say why in a TRAINER_ERROR and end the process. */
extern void mlops_trainer_fail(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));
extern void mlops_trainer_note(const char *format,...)
			__attribute__((format(printf, 1, 2)));

/* Fail with libxgboost's own words unless rc is 0. */
extern void mlops_trainer_check(int rc);

/* Catch the warnings of libxgboost in this thread. */
extern void mlops_trainer_start_log(void);

/* Fail if libxgboost has said that it ignored some parameter. */
extern void mlops_trainer_check_log(void);

/* Zeroed memory for count elements, never NULL; ends the process when short. */
extern void *mlops_trainer_alloc(size_t count, size_t size);

#endif							/* MLOPS_TRAINER_REPORT_H */
