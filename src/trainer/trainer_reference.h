/*-------------------------------------------------------------------------
 *
 * trainer_reference.h
 *	  Profiles of what the model has learned from, and of what it predicts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_REFERENCE_H
#define MLOPS_TRAINER_REFERENCE_H

#include "drift/reference_set.h"
#include "trainer/trainer_spool.h"

typedef struct TrainerReference
{
	ReferenceColumn *columns;	/* features, then the label */
	ReferenceColumn prediction;
	bool		has_prediction;
} TrainerReference;

/* Profile features and label of the rows that the stored model learns from. */
extern void mlops_trainer_profile_rows(const TrainerConfig *config, const TrainerPart *parts,
									   TrainerReference *reference);

/* Profile what the model predicts for the rows of the test part. */
extern void mlops_trainer_profile_scores(const TrainerConfig *config, const MetricInput *scored,
										 TrainerReference *reference);

/* Write all of it to its descriptor. */
extern void mlops_trainer_write_reference(const TrainerConfig *config,
										  const TrainerReference *reference);

#endif							/* MLOPS_TRAINER_REFERENCE_H */
