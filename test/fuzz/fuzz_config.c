/*-------------------------------------------------------------------------
 *
 * fuzz_config.c
 *	  Feed any bytes to the trainer's reader of its configuration.
 *
 *-------------------------------------------------------------------------
 */
#include "trainer.h"

#include "trainer/trainer_config.c"

/* Whether what later steps rely on is so. */
static void
check_accepted(const TrainerConfig *config)
{
	bool		sound = config->n_features > 0 && config->num_boost_round > 0 && config->threads > 0 &&
	isfinite(config->threshold) && isfinite(config->baseline_threshold) &&
	mlops_trainer_objective(config)[0] != '\n';

	for (uint32_t i = 0; i < config->n_features && sound; i++)
		sound = strlen(config->feature_kind[i]) == 1 && config->feature_name[i] != NULL &&
			config->cardinality[i] <= MAX_CARDINALITY;
	for (uint32_t i = 0; i < config->n_baseline && sound; i++)
	{
		sound = config->baseline_source[i] >= -1 &&
			config->baseline_source[i] < (int64_t) config->n_features;
		for (uint32_t k = 0; k < config->baseline_recode[i].n && sound; k++)
			sound = config->baseline_recode[i].index[k] <= MAX_CARDINALITY;
	}
	if (!sound)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	fuzz_open(data, size);
	if (setjmp(fuzz_failed) == 0)
		check_accepted(mlops_trainer_read_config(0));
	fuzz_trainer_end();
	return 0;
}
