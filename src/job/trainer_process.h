/*-------------------------------------------------------------------------
 *
 * trainer_process.h
 *	  Start mlops_trainer, listen to it, and never outlive or orphan it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_PROCESS_H
#define MLOPS_TRAINER_PROCESS_H

#include "job/trainer_protocol.h"

/* What the trainer gets.  The descriptors stay the caller's; -1: none. */
typedef struct TrainerTask
{
	int			fds[TRAINER_N_FDS]; /* from TRAINER_FD_CONFIG on */
	int			threads;
	int64		memory_limit;	/* bytes of address space; 0: none */
	int64		file_limit;		/* bytes of the model */
	int64		max_messages;	/* that it may send */
	int			log_fd;			/* its standard error; for the reader of the
								 * error */
} TrainerTask;

/*
 * Run a trainer to its end.  Each message goes to "receive" after its form has
 * been checked; its text is printable and valid in the server encoding.  "idle" is called
 * several times a second.  Returns when the trainer said DONE and exited with 0;
 * anything else is an ERROR, and on any way out the process is gone.
 */
extern void mlops_trainer_process_run(const TrainerTask *task,
									  void (*receive) (const TrainerMessage *message, void *arg),
									  void (*idle) (void *arg), void *arg);

#endif							/* MLOPS_TRAINER_PROCESS_H */
