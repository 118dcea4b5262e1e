/*-------------------------------------------------------------------------
 *
 * trainer_spool.h
 *	  The mapped rows of one part of the data set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_SPOOL_H
#define MLOPS_TRAINER_SPOOL_H

#include "job/spool_format.h"
#include "trainer/trainer_config.h"

typedef struct TrainerPart
{
	const char *rows;			/* mapped read-only */
	size_t		n_rows;
	uint32_t	n_features;
	uint32_t	row_size;
	uint32_t	label_offset;
	uint32_t	group_offset;

	/* filled by mlops_trainer_check_part */
	size_t		n_groups;
	uint32_t   *group_size;		/* rows of each group; NULL without groups */
	float		label_min;
	float		label_max;

	/* filled by mlops_trainer_set_weights: of rows, or of groups in ranking */
	float	   *weight;			/* NULL: all 1 */
} TrainerPart;

/* Map a spool file and check its header against its size; ends the process if it is wrong. */
extern void mlops_trainer_map_part(const TrainerConfig *config, int fd, TrainerPart *part);

/* Check every row, so that libxgboost sees only what it can digest. */
extern void mlops_trainer_check_part(const TrainerConfig *config, TrainerPart *part);

/*
 * Compute the weights that training uses: those of the rows, times the class
 * weights of the training part.  All parts take part, so that early stopping
 * judges by the loss that is trained.
 */
extern void mlops_trainer_set_weights(const TrainerConfig *config, TrainerPart *parts);

/*
 * The first rows of a part, whole groups where there are groups.  Rows lie in
 * the order of their hash, so that they are a random sample.
 */
extern TrainerPart mlops_trainer_sample_part(const TrainerPart *part, size_t max_rows);

static inline const float *
mlops_trainer_features(const TrainerPart *part, size_t row)
{
	return (const float *) (part->rows + row * part->row_size);
}

static inline float
mlops_trainer_label(const TrainerPart *part, size_t row)
{
	return mlops_trainer_features(part, row)[part->n_features];
}

static inline float
mlops_trainer_upper(const TrainerPart *part, size_t row)
{
	return mlops_trainer_features(part, row)[part->n_features + 1];
}

static inline float
mlops_trainer_weight(const TrainerPart *part, size_t row)
{
	return mlops_trainer_features(part, row)[part->n_features + 2];
}

static inline uint64_t
mlops_trainer_group(const TrainerPart *part, size_t row)
{
	return *(const uint64_t *) (part->rows + row * part->row_size + part->group_offset);
}

#endif							/* MLOPS_TRAINER_SPOOL_H */
