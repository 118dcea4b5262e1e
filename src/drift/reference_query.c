/*-------------------------------------------------------------------------
 *
 * reference_query.c
 *	  The references of a version from the rows of a query.
 *
 *	 query -> rows as the version sees them -> cells from the first of them,
 *		which are a random sample in canonical order -> counts of all
 *
 * Locks: those of mlops_reference_store.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "drift/reference.h"
#include "drift/scored_rows.h"

/* Rows that are counted, and the first of them until there are cells. */
typedef struct RowCounter
{
	int			n_columns;
	size_t		stride;
	ReferenceColumn *columns;	/* by malloc; freed with the context */
	bool		is_built;
	size_t		n_rows;
	size_t		n_sample;		/* held back in "sample" */
	size_t		max_sample;
	float	   *sample;
} RowCounter;

static void
free_columns(void *arg)
{
	RowCounter *counter = arg;

	mlops_reference_free(counter->columns, counter->n_columns);
}

static RowCounter *
create_counter(int n_columns)
{
	RowCounter *counter = palloc0(sizeof(RowCounter));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	counter->n_columns = n_columns;
	counter->stride = n_columns;
	counter->max_sample = mlops_reference_sample_rows(n_columns);
	counter->columns = calloc(n_columns, sizeof(ReferenceColumn));
	counter->sample = palloc_extended(counter->max_sample * counter->stride * sizeof(float),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	callback->func = free_columns;
	callback->arg = counter;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	if (counter->columns == NULL || counter->sample == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return counter;
}

/* Make the cells, and count the rows that were held back. */
static void
build_cells(RowCounter *counter)
{
	if (counter->is_built)
		return;
	if (!mlops_reference_build(counter->columns, counter->n_columns, counter->sample,
							   counter->stride, counter->n_sample))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	mlops_reference_count(counter->columns, counter->n_columns, counter->sample, counter->stride,
						  counter->n_sample);
	counter->is_built = true;
}

static void
count_rows(RowCounter *counter, const float *rows, size_t n)
{
	counter->n_rows += n;
	if (!counter->is_built)
	{
		size_t		taken = Min(n, counter->max_sample - counter->n_sample);

		memcpy(counter->sample + counter->n_sample * counter->stride, rows,
			   taken * counter->stride * sizeof(float));
		counter->n_sample += taken;
		if (counter->n_sample < counter->max_sample)
			return;
		build_cells(counter);
		rows += taken * counter->stride;
		n -= taken;
	}
	mlops_reference_count(counter->columns, counter->n_columns, rows, counter->stride, n);
}

/* Index of the class that predict_class gives. */
static int
choose_class(const ScoredRows *rows, const float *margin, float *scratch)
{
	int			greatest = 0;

	if (mlops_forest_n_values(rows->forest) == 1)
	{
		mlops_forest_transform(rows->forest, margin, scratch);
		return (int) scratch[0];
	}
	mlops_forest_probability(rows->forest, margin, scratch);
	for (uint32 i = 1; i < rows->n_outputs; i++)
		if (scratch[i] > scratch[greatest])
			greatest = i;
	return greatest;
}

/* Count a block: features and label side by side, and what is predicted. */
static void
count_block(const ScoredRows *rows, RowCounter *counter, RowCounter *predictions, bool is_class)
{
	float	   *block = palloc_extended(sizeof(float) * counter->stride * rows->n, MCXT_ALLOC_HUGE);
	float	   *predicted = palloc(sizeof(float) * rows->n);
	float	   *scratch = palloc(sizeof(float) * Max(rows->n_outputs, 1));

	for (int i = 0; i < rows->n; i++)
	{
		const float *margin = rows->margin + (size_t) i * rows->n_outputs;
		float	   *row = block + counter->stride * i;

		memcpy(row, rows->features + (size_t) i * rows->n_features,
			   sizeof(float) * rows->n_features);
		row[rows->n_features] = rows->label[i];
		if (is_class)
			predicted[i] = choose_class(rows, margin, scratch);
		else if (predictions != NULL)
			mlops_forest_transform(rows->forest, margin, &predicted[i]);
	}
	count_rows(counter, block, rows->n);
	if (predictions != NULL)
		count_rows(predictions, predicted, rows->n);
	pfree(block);
	pfree(predicted);
	pfree(scratch);
}

/* The target's name, when the query has it; NULL otherwise. */
static const char *
find_target(const ModelVersion *version, const char *query, const char *target)
{
	const Signature *signature = mlops_signature_from_jsonb(version->signature);

	if (target != NULL)
		return target;
	if (signature->target != NULL && mlops_scored_rows_has_column(query, signature->target))
		return signature->target;
	return NULL;
}

/* Store what was counted. */
static void
store_counts(const ModelVersion *version, const ScoredRows *rows, const char *target,
			 const RowCounter *counter, const RowCounter *predictions)
{
	int			n = rows->n_features;
	VersionReference reference = {
		.model = version->model,
		.version = version->version,
		.signature = rows->signature,
		.classes = version->classes,
		.n_classes = version->n_classes,
		.predicts_classes = strcmp(version->task, "multiclass") == 0,
		.forest = rows->forest,
		.target = rows->signature->target != NULL ? rows->signature->target : target,
		.n_profiles = n + 2,
		.profiles = palloc0(sizeof(Profile *) * (n + 2)),
		.rows = "query",
		.scored = "query",
	};

	for (int i = 0; i < n; i++)
		reference.profiles[i] = mlops_reference_profile(&counter->columns[i],
														rows->signature->features[i].categories);
	if (target != NULL)
		reference.profiles[n] = mlops_reference_profile(&counter->columns[n], version->classes);
	if (predictions != NULL)
		reference.profiles[n + 1] = mlops_reference_profile(&predictions->columns[0],
															version->classes);
	mlops_reference_store(&reference, true);
}

int64
mlops_reference_set(const char *model_ref, const char *query, const char *target)
{
	ModelVersion *version;
	ScoredRows *rows;
	RowCounter *counter;
	RowCounter *predictions = NULL;
	bool		is_class;

	mlops_registry_require_writable("set_reference");
	version = mlops_registry_resolve(model_ref, MODEL_OWN);
	target = find_target(version, query, target);
	is_class = strcmp(version->task, "multiclass") == 0;
	rows = mlops_scored_rows_open(version, query, target);

	counter = create_counter(rows->n_features + 1);
	for (uint32 i = 0; i < rows->n_features; i++)
		counter->columns[i].n_categories = rows->signature->features[i].kind == FEATURE_CATEGORY ?
			rows->signature->features[i].n_categories : -1;
	counter->columns[rows->n_features].n_categories = version->n_classes > 0 ? version->n_classes : -1;
	/* several numbers for a row: predict is an error then */
	if (is_class || (rows->n_outputs == 1 && mlops_forest_n_values(rows->forest) == 1))
	{
		predictions = create_counter(1);
		predictions->columns[0].n_categories = is_class ? version->n_classes : -1;
	}

	while (mlops_scored_rows_next(rows))
		count_block(rows, counter, predictions, is_class);
	mlops_scored_rows_end(rows);
	if (counter->n_rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query has no row to make references from"),
				 target != NULL ? errhint("Rows whose \"%s\" is NULL take no part.", target) : 0));
	build_cells(counter);
	if (predictions != NULL)
		build_cells(predictions);
	store_counts(version, rows, target, counter, predictions);
	return counter->n_rows;
}
