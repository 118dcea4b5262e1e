/*-------------------------------------------------------------------------
 *
 * trainer_sandbox.h
 *	  Take from this process what training does not need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_SANDBOX_H
#define MLOPS_TRAINER_SANDBOX_H

/*
 * From here on, and in every thread: no file is opened or changed, no socket,
 * no program, no process, no other process touched.  Returns 0 or an errno.
 */
extern int	mlops_trainer_enter_sandbox(void);

#endif							/* MLOPS_TRAINER_SANDBOX_H */
