/*-------------------------------------------------------------------------
 *
 * trainer_reference.c
 *	  Profiles of what the model has learned from, and of what it predicts.
 *
 * Cells come from the first rows of the training part, which lie in the order
 * of their hash and so are a random sample; counts come from all rows.  Threads
 * count rows apart and are added up, which gives the same bytes however many.
 * Weights take no part: drift is about the rows that come.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/trainer_reference.h"
#include "trainer/trainer_report.h"

/* Rows that are worth a thread. */
#define THREAD_ROWS 20000
#define MAX_REFERENCE_THREADS 64

/* The rows that one thread counts. */
typedef struct CountTask
{
	const float *rows;
	size_t		stride;
	size_t		n;
	ReferenceColumn *columns;
	int			n_columns;
	pthread_t	thread;
	bool		started;
} CountTask;

static void *
run_task(void *arg)
{
	CountTask  *task = arg;

	mlops_reference_count(task->columns, task->n_columns, task->rows, task->stride, task->n);
	return NULL;
}

/* Count rows in as many threads as training may have; the first is this one. */
static void
count_rows(int max_threads, ReferenceColumn *columns, int n_columns, const float *rows,
		   size_t stride, size_t n)
{
	CountTask	tasks[MAX_REFERENCE_THREADS];
	size_t		n_tasks = n / THREAD_ROWS + 1;

	if (n_tasks > (size_t) max_threads)
		n_tasks = (size_t) max_threads;
	if (n_tasks > MAX_REFERENCE_THREADS)
		n_tasks = MAX_REFERENCE_THREADS;
	for (size_t i = 0; i < n_tasks; i++)
	{
		CountTask  *task = &tasks[i];
		size_t		first = n / n_tasks * i;

		task->rows = rows + first * stride;
		task->stride = stride;
		task->n = i + 1 < n_tasks ? n / n_tasks : n - first;
		task->n_columns = n_columns;
		task->columns = i == 0 ? columns : mlops_reference_clone(columns, n_columns);
		if (task->columns == NULL)
			mlops_trainer_fail("out of memory");
		task->started = i > 0 && pthread_create(&task->thread, NULL, run_task, task) == 0;
	}
	for (size_t i = 0; i < n_tasks; i++)
		if (!tasks[i].started)
			run_task(&tasks[i]);
	for (size_t i = 1; i < n_tasks; i++)
	{
		if (tasks[i].started)
			(void) pthread_join(tasks[i].thread, NULL);
		if (!mlops_reference_merge(columns, tasks[i].columns, n_columns))
			mlops_trainer_fail("counts of the profiles overflow");
		mlops_reference_free(tasks[i].columns, n_columns);
	}
}

static void
build_columns(ReferenceColumn *columns, int n_columns, const float *rows, size_t stride, size_t n)
{
	size_t		sample = mlops_reference_sample_rows(n_columns);

	if (!mlops_reference_build(columns, n_columns, rows, stride, n < sample ? n : sample))
		mlops_trainer_fail("out of memory");
}

/* Classes of the task, -1: its labels are numbers. */
static int
count_classes(const TrainerConfig *config)
{
	return config->task == METRIC_BINARY ? 2 :
		config->task == METRIC_MULTICLASS ? (int) config->n_classes : -1;
}

void
mlops_trainer_profile_rows(const TrainerConfig *config, const TrainerPart *parts,
						   TrainerReference *reference)
{
	int			n_columns = (int) config->n_features + 1;
	const TrainerPart *train = &parts[SPOOL_TRAIN];
	size_t		stride = train->row_size / sizeof(float);

	memset(reference, 0, sizeof(*reference));
	reference->columns = mlops_trainer_alloc((size_t) n_columns, sizeof(ReferenceColumn));
	for (uint32_t i = 0; i < config->n_features; i++)
		reference->columns[i].n_categories = config->feature_kind[i][0] == 'c' ?
			(int) config->cardinality[i] : -1;
	/* the label lies behind the features */
	reference->columns[config->n_features].n_categories = count_classes(config);

	build_columns(reference->columns, n_columns, mlops_trainer_features(train, 0), stride,
				  train->n_rows);
	for (int i = 0; i < SPOOL_N_PARTS; i++)
		if (i != SPOOL_TEST || config->refit)
			count_rows(config->threads, reference->columns, n_columns,
					   mlops_trainer_features(&parts[i], 0), stride, parts[i].n_rows);
}

/* The most probable class of every row, the first of equal ones, as predict_class. */
static float *
choose_classes(const MetricInput *scored)
{
	float	   *chosen = mlops_trainer_alloc(scored->n, sizeof(float));

	for (size_t row = 0; row < scored->n; row++)
	{
		const float *score = scored->score + row * scored->n_scores;
		uint32_t	greatest = 0;

		for (uint32_t i = 1; i < scored->n_scores; i++)
			if (score[i] > score[greatest])
				greatest = i;
		chosen[row] = (float) greatest;
	}
	return chosen;
}

void
mlops_trainer_profile_scores(const TrainerConfig *config, const MetricInput *scored,
							 TrainerReference *reference)
{
	bool		chooses = config->task == METRIC_MULTICLASS;
	float	   *chosen = NULL;
	const float *values = scored->score;

	/* several numbers for a row: predict is an error then */
	if (scored->n_scores > 1 && !chooses)
		return;
	if (chooses)
		values = chosen = choose_classes(scored);
	reference->prediction.n_categories = chooses ? (int) config->n_classes : -1;
	build_columns(&reference->prediction, 1, values, 1, scored->n);
	count_rows(config->threads, &reference->prediction, 1, values, 1, scored->n);
	reference->has_prediction = true;
	free(chosen);
}

static void
write_bytes(const void *bytes, size_t size)
{
	const char *next = bytes;

	while (size > 0)
	{
		ssize_t		n = write(TRAINER_FD_REFERENCE, next, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			mlops_trainer_fail("could not write the profiles: %s", strerror(errno));
		next += n;
		size -= (size_t) n;
	}
}

static void
write_column(const ReferenceColumn *column)
{
	const void *bytes = column->counts;
	uint32_t	size = (uint32_t) (((size_t) column->n_categories + 2) * sizeof(int64_t));

	if (column->n_categories < 0)
	{
		bytes = column->profile;
		size = (uint32_t) mlops_profile_size(column->profile);
	}
	write_bytes(&size, sizeof(size));
	write_bytes(bytes, size);
}

void
mlops_trainer_write_reference(const TrainerConfig *config, const TrainerReference *reference)
{
	for (uint32_t i = 0; i <= config->n_features; i++)
		write_column(&reference->columns[i]);
	if (reference->has_prediction)
		write_column(&reference->prediction);
}
