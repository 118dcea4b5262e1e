/*-------------------------------------------------------------------------
 *
 * trainer_spool.c
 *	  The mapped rows of one part of the data set.
 *
 * The executor wrote them, but a wrong byte must end in an error here and not
 * in libxgboost, which takes infinities silently and sizes arrays by the
 * largest category.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trainer/trainer_report.h"
#include "trainer/trainer_spool.h"

void
mlops_trainer_map_part(const TrainerConfig *config, int fd, TrainerPart *part)
{
	const SpoolHeader *header;
	size_t		size;
	uint32_t	row_size = mlops_spool_row_size(config->n_features);
	off_t		end = lseek(fd, 0, SEEK_END);	/* the sandbox refuses fstat */

	if (end < 0)
		mlops_trainer_fail("spool on descriptor %d is not a file", fd);
	if (end < (off_t) sizeof(SpoolHeader))
		mlops_trainer_fail("spool on descriptor %d is truncated", fd);
	size = (size_t) end;
	header = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (header == MAP_FAILED)
		mlops_trainer_fail("could not map the spool on descriptor %d: %m", fd);

	if (header->magic != SPOOL_MAGIC ||
		header->n_features != config->n_features ||
		header->row_size != row_size ||
		header->n_rows != (size - sizeof(SpoolHeader)) / row_size ||
		(size - sizeof(SpoolHeader)) % row_size != 0)
		mlops_trainer_fail("spool on descriptor %d has a wrong header", fd);
	if (header->n_rows > UINT32_MAX)
		mlops_trainer_fail("spool on descriptor %d has too many rows", fd);

	memset(part, 0, sizeof(*part));
	part->rows = (const char *) (header + 1);
	part->n_rows = header->n_rows;
	part->n_features = config->n_features;
	part->row_size = row_size;
	part->label_offset = mlops_spool_label_offset(config->n_features);
	part->group_offset = mlops_spool_group_offset(config->n_features);
}

/* No feature is infinite, and every category is one of the dictionary's. */
static void
check_features(const TrainerConfig *config, const TrainerPart *part)
{
	for (size_t row = 0; row < part->n_rows; row++)
	{
		const float *feature = mlops_trainer_features(part, row);
		unsigned	infinite = 0;

		/* without branches, so that the compiler can do several at a time */
		for (uint32_t i = 0; i < part->n_features; i++)
		{
			uint32_t	bits;

			memcpy(&bits, &feature[i], sizeof(bits));
			infinite |= (bits & 0x7fffffff) == 0x7f800000;
		}
		if (infinite)
			mlops_trainer_fail("spool has an infinite feature in row %zu", row);
		if (!config->categorical)
			continue;
		for (uint32_t i = 0; i < part->n_features; i++)
			if (config->feature_kind[i][0] == 'c' && !isnan(feature[i]) &&
				!(feature[i] >= 0 && feature[i] <= (float) config->cardinality[i] &&
				  feature[i] == floorf(feature[i])))
				mlops_trainer_fail("spool has a category of feature %u outside of its dictionary in row %zu",
								   i, row);
	}
}

static bool
is_label_valid(const TrainerConfig *config, float label, float upper)
{
	if (!isfinite(label))
		return false;
	switch (config->task)
	{
		case METRIC_REGRESSION:
			return true;
		case METRIC_BINARY:
			return label == 0 || label == 1;
		case METRIC_MULTICLASS:
			return label >= 0 && label < (float) config->n_classes && label == floorf(label);
		case METRIC_RANKING:
			return label >= 0;
		case METRIC_SURVIVAL:
			if (config->has_upper)
				return label >= 0 && upper >= label;
			return label != 0;
	}
	return false;
}

static void
check_labels(const TrainerConfig *config, TrainerPart *part)
{
	part->label_min = INFINITY;
	part->label_max = -INFINITY;
	for (size_t row = 0; row < part->n_rows; row++)
	{
		float		label = mlops_trainer_label(part, row);
		float		weight = mlops_trainer_weight(part, row);

		if (!is_label_valid(config, label, mlops_trainer_upper(part, row)))
			mlops_trainer_fail("label %g does not fit the task in row %zu", label, row);
		if (config->has_weight && !(weight >= 0 && isfinite(weight)))
			mlops_trainer_fail("weight %g is negative or not finite in row %zu", weight, row);
		part->label_min = fminf(part->label_min, label);
		part->label_max = fmaxf(part->label_max, label);
	}
}

/* Measure the groups, which lie one after the other. */
static void
measure_groups(TrainerPart *part)
{
	size_t		n = 0;

	for (size_t row = 0; row < part->n_rows; row++)
		n += row == 0 || mlops_trainer_group(part, row) != mlops_trainer_group(part, row - 1);
	part->group_size = mlops_trainer_alloc(n, sizeof(uint32_t));
	part->n_groups = n;
	n = 0;
	for (size_t row = 0; row < part->n_rows; row++)
	{
		n += row == 0 || mlops_trainer_group(part, row) != mlops_trainer_group(part, row - 1);
		part->group_size[n - 1]++;
	}
}

void
mlops_trainer_check_part(const TrainerConfig *config, TrainerPart *part)
{
	check_features(config, part);
	check_labels(config, part);
	if (config->task == METRIC_RANKING)
		measure_groups(part);
}

/* scikit-learn's "balanced": n / (number of classes seen * rows of the class). */
static double *
compute_class_weights(const TrainerConfig *config, const TrainerPart *train)
{
	uint32_t	n_classes = config->task == METRIC_BINARY ? 2 : config->n_classes;
	double	   *weight = mlops_trainer_alloc(n_classes, sizeof(double));
	uint32_t	n_seen = 0;

	for (size_t row = 0; row < train->n_rows; row++)
		weight[(uint32_t) mlops_trainer_label(train, row)]++;
	for (uint32_t i = 0; i < n_classes; i++)
		n_seen += weight[i] > 0;
	for (uint32_t i = 0; i < n_classes; i++)
		weight[i] = weight[i] > 0 ? (double) train->n_rows / (n_seen * weight[i]) : 1;
	return weight;
}

/* In ranking libxgboost wants one weight per group. */
static void
set_group_weights(TrainerPart *part)
{
	size_t		row = 0;

	part->weight = mlops_trainer_alloc(part->n_groups, sizeof(float));
	for (size_t group = 0; group < part->n_groups; group++)
	{
		size_t		end = row + part->group_size[group];

		part->weight[group] = mlops_trainer_weight(part, row);
		for (; row < end; row++)
			if (mlops_trainer_weight(part, row) != part->weight[group])
				mlops_trainer_fail("the weights of a ranking group differ; every row of a group must have the same");
	}
}

void
mlops_trainer_set_weights(const TrainerConfig *config, TrainerPart *parts)
{
	double	   *class_weight = NULL;

	if (!config->has_weight && !config->balanced)
		return;
	if (config->balanced)
		class_weight = compute_class_weights(config, &parts[SPOOL_TRAIN]);

	for (int i = 0; i < SPOOL_N_PARTS; i++)
	{
		TrainerPart *part = &parts[i];

		if (config->task == METRIC_RANKING)
		{
			set_group_weights(part);
			continue;
		}
		part->weight = mlops_trainer_alloc(part->n_rows, sizeof(float));
		for (size_t row = 0; row < part->n_rows; row++)
		{
			double		weight = config->has_weight ? mlops_trainer_weight(part, row) : 1;

			if (class_weight)
				weight *= class_weight[(uint32_t) mlops_trainer_label(part, row)];
			part->weight[row] = (float) weight;
		}
	}
}

TrainerPart
mlops_trainer_sample_part(const TrainerPart *part, size_t max_rows)
{
	TrainerPart sample = *part;

	if (part->n_rows <= max_rows)
		return sample;
	sample.n_rows = max_rows;
	if (part->group_size != NULL)
	{
		sample.n_rows = 0;
		sample.n_groups = 0;
		while (sample.n_groups == 0 ||
			   (sample.n_groups < part->n_groups &&
				sample.n_rows + part->group_size[sample.n_groups] <= max_rows))
			sample.n_rows += part->group_size[sample.n_groups++];
	}
	return sample;
}
