/*-------------------------------------------------------------------------
 *
 * training.h
 *	  The part of a run that the trainer does, seen from the executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINING_H
#define MLOPS_TRAINING_H

#include "lib/stringinfo.h"
#include "portability/instr_time.h"

#include "job/baseline.h"
#include "job/handover.h"
#include "job/params.h"
#include "job/recipe.h"
#include "job/spool.h"

#define TRAINING_MAX_PHASES 16

/* One run in its executor; lives until the executor exits. */
typedef struct TrainingRun
{
	Attempt		attempt;
	char	   *kind;			/* as in table run */
	Jsonb	   *json;			/* the recipe as it is stored */
	Recipe	   *recipe;
	StringInfoData features;	/* what the trainer is told of them */
	Progress	progress;
	bool		progress_changed;
	instr_time	progress_written;
	RunResult	result;
	char		library_version[32];
	int64		peak_memory_kb; /* of the trainer */
	int			n_phases;
	char		phase_name[TRAINING_MAX_PHASES][32];
	instr_time	phase_start[TRAINING_MAX_PHASES];
} TrainingRun;

/* Enter a phase; shown in the run's row. */
extern void mlops_training_phase(TrainingRun *run, const char *phase);

/* Write the progress file if it changed and is due. */
extern void mlops_training_progress(TrainingRun *run);

extern void mlops_training_note(TrainingRun *run, const char *note);

/* Remember the features; inside a transaction, which conversions need. */
extern void mlops_training_describe(TrainingRun *run, const Signature *signature);

/* Train on the spool; fills in the model's side of the result. */
extern void mlops_training_run(TrainingRun *run, const Dataset *dataset, Spool *spool,
							   const Params *params, Baseline *baseline);

#endif							/* MLOPS_TRAINING_H */
