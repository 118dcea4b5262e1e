/*-------------------------------------------------------------------------
 *
 * trainer_evaluate.h
 *	  Metrics of the finished model, from its stored bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_EVALUATE_H
#define MLOPS_TRAINER_EVALUATE_H

#include "forest/forest.h"
#include "trainer/trainer_reference.h"
#include "trainer/trainer_train.h"

/* The evaluator of model bytes; ends the process when they cannot be served. */
extern Forest *mlops_trainer_build_forest(const void *bytes, size_t size,
										  ForestDescription *description);

/*
 * Report metrics on the test part, the calibration and the curve of thresholds of
 * a binary task, the threshold where it is to be chosen, and the comparison with
 * the baseline where there is one.  The reference gets the profile of predictions.
 */
extern void mlops_trainer_evaluate(const TrainerConfig *config, const TrainerPart *parts,
								   const TrainerModel *model, TrainerReference *reference);

/*
 * Compare our scores of a sample of the test part with libxgboost's own, bit
 * for bit; ends the process if any differs.
 */
extern void mlops_trainer_verify(const TrainerConfig *config, const TrainerPart *parts,
								 const TrainerModel *model);

#endif							/* MLOPS_TRAINER_EVALUATE_H */
