/*-------------------------------------------------------------------------
 *
 * trainer_config.h
 *	  The configuration of one training, read from its descriptor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_CONFIG_H
#define MLOPS_TRAINER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/metric.h"

/* A map of category indices: ours to those of the baseline. */
typedef struct TrainerRecode
{
	uint32_t	n;				/* 0: none, values are taken as they are */
	uint32_t   *index;
} TrainerRecode;

typedef struct TrainerConfig
{
	MetricTask	task;
	uint32_t	n_features;
	uint32_t	n_classes;
	int			num_boost_round;
	int			early_stopping_rounds;	/* 0: none */
	int			threads;
	bool		has_weight;
	bool		has_upper;
	bool		has_group;
	bool		refit;
	bool		balanced;
	bool		choose_threshold;	/* by F1 */
	double		threshold;

	uint32_t	n_params;
	const char **param_name;
	const char **param_value;

	const char **feature_name;	/* n_features each */
	const char **feature_kind;	/* "q", "i" or "c" */
	uint32_t   *cardinality;
	bool		categorical;	/* some feature is */

	bool		baseline;
	double		baseline_threshold;
	uint32_t	n_baseline;		/* features of the baseline */
	int32_t    *baseline_source;
	TrainerRecode *baseline_recode;
} TrainerConfig;

/* Read and check the configuration; ends the process when it is malformed. */
extern TrainerConfig *mlops_trainer_read_config(int fd);

/* Value of a parameter of XGBoost, the last one given; "otherwise" if absent. */
extern const char *mlops_trainer_param(const TrainerConfig *config, const char *name,
									   const char *otherwise);

/* The objective, the default of the task included. */
extern const char *mlops_trainer_objective(const TrainerConfig *config);

/* Read a descriptor to its end; ends the process above max bytes. */
extern uint8_t *mlops_trainer_read_all(int fd, size_t max, size_t *size);

#endif							/* MLOPS_TRAINER_CONFIG_H */
