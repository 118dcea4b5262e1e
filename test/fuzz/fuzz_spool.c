/*-------------------------------------------------------------------------
 *
 * fuzz_spool.c
 *	  Feed any bytes to the trainer's reader of spool files.
 *
 * The first bytes choose the configuration; the others are the three files, cut
 * where the next bytes say.  Headers are put in front of two of four inputs.
 *
 *-------------------------------------------------------------------------
 */
#include "trainer.h"

#include "trainer/trainer_spool.c"

#define N_CHOICES 8
#define MAX_FEATURES 4

static const char *feature_kind[MAX_FEATURES];
static uint32_t cardinality[MAX_FEATURES];

static TrainerConfig
choose_config(const uint8_t *choice)
{
	static const char *const kinds[] = {"q", "i", "c"};
	TrainerConfig config = {
		.task = choice[0] % (METRIC_SURVIVAL + 1),.n_features = choice[1] % MAX_FEATURES + 1,
		.n_classes = choice[2] % 4 + 2,.has_weight = choice[3] & 1,.has_upper = choice[3] & 2,
		.feature_kind = feature_kind,.cardinality = cardinality
	};

	config.balanced = choice[3] & 4 && (config.task == METRIC_BINARY || config.task == METRIC_MULTICLASS);
	for (uint32_t i = 0; i < config.n_features; i++)
	{
		feature_kind[i] = kinds[choice[4] / (1 << (2 * i)) % 3];
		cardinality[i] = choice[5] % 8;
		config.categorical |= feature_kind[i][0] == 'c';
	}
	return config;
}

/* Map one part, behind a header that fits unless "as_is". */
static void
map_part(const TrainerConfig *config, const uint8_t *data, size_t size, bool as_is, TrainerPart *part)
{
	uint32_t	row_size = mlops_spool_row_size(config->n_features);
	SpoolHeader header = {
		.magic = SPOOL_MAGIC,.n_rows = size / row_size,.n_features = config->n_features,.row_size = row_size
	};
	uint8_t    *file;

	if (as_is)
	{
		fuzz_open(data, size);
		mlops_trainer_map_part(config, 0, part);
		return;
	}
	size -= size % row_size;
	file = mlops_trainer_alloc(sizeof(header) + size, 1);
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), data, size);
	fuzz_open(file, sizeof(header) + size);
	mlops_trainer_map_part(config, 0, part);
}

/* What training does with parts: weights, and samples of whole groups. */
static void
use_parts(const TrainerConfig *config, TrainerPart *parts)
{
	mlops_trainer_set_weights(config, parts);
	for (int i = 0; i < SPOOL_N_PARTS; i++)
	{
		TrainerPart sample = mlops_trainer_sample_part(&parts[i], 2);
		size_t		in_groups = 0;

		if (sample.n_rows > parts[i].n_rows)
			abort();
		for (size_t group = 0; group < parts[i].n_groups && parts[i].group_size != NULL; group++)
			in_groups += parts[i].group_size[group];
		if (parts[i].group_size != NULL && in_groups != parts[i].n_rows)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TrainerConfig config;
	TrainerPart parts[SPOOL_N_PARTS];
	const uint8_t *choice = data;
	size_t		cuts[SPOOL_N_PARTS + 1];

	if (size < N_CHOICES || size > 4096)
		return 0;
	config = choose_config(choice);
	data += N_CHOICES;
	size -= N_CHOICES;
	cuts[0] = 0;
	cuts[1] = size * choice[6] / 255;
	cuts[2] = cuts[1] + (size - cuts[1]) * choice[7] / 255;
	cuts[3] = size;
	if (setjmp(fuzz_failed) == 0)
	{
		for (int i = 0; i < SPOOL_N_PARTS; i++)
		{
			map_part(&config, data + cuts[i], cuts[i + 1] - cuts[i], choice[3] >> 6 == 3, &parts[i]);
			mlops_trainer_check_part(&config, &parts[i]);
		}
		use_parts(&config, parts);
	}
	fuzz_trainer_end();
	return 0;
}
