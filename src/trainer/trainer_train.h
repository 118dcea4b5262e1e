/*-------------------------------------------------------------------------
 *
 * trainer_train.h
 *	  Boosting: from matrices to model bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_TRAIN_H
#define MLOPS_TRAINER_TRAIN_H

#include <stddef.h>

#include "trainer/trainer_spool.h"

typedef struct TrainerModel
{
	void	   *bytes;			/* UBJSON */
	size_t		size;
	int			n_rounds;		/* boosting rounds in it */
} TrainerModel;

/*
 * Train on the training part, report the metrics of every round, stop early
 * where the configuration says so.  The model ends at its best round.
 */
extern TrainerModel mlops_trainer_train(const TrainerConfig *config, const TrainerPart *parts);

/* Train anew on the rows of all parts, for a given number of rounds. */
extern TrainerModel mlops_trainer_refit(const TrainerConfig *config, const TrainerPart *parts,
										int n_rounds);

#endif							/* MLOPS_TRAINER_TRAIN_H */
