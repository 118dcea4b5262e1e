/*-------------------------------------------------------------------------
 *
 * trainer_matrix.h
 *	  Mapped rows as a matrix of libxgboost.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_MATRIX_H
#define MLOPS_TRAINER_MATRIX_H

#include <xgboost/c_api.h>

#include "trainer/trainer_spool.h"

/* Make a matrix of one or more parts, one after the other, to train on or to judge by. */
extern DMatrixHandle mlops_trainer_make_matrix(const TrainerConfig *config,
											   const TrainerPart *parts, int n_parts,
											   bool to_train);

/* Make a plain matrix of some rows of one part, without labels, to predict on. */
extern DMatrixHandle mlops_trainer_make_rows(const TrainerConfig *config, const TrainerPart *part,
											 size_t first, size_t n);

#endif							/* MLOPS_TRAINER_MATRIX_H */
