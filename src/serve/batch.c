/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Encoded rows of one forest, kept until there are enough to score them
 *	  together.
 *
 * Between the encoding of rows and the block kernel of forest/, for
 * predict_batch and predict_agg.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "serve/batch.h"
#include "serve/forest_cache.h"

/* Rows wait in no more than this, but for a single one. */
#define MAX_BATCH_BYTES (1024 * 1024)

/*
 * Rows scored between two looks at interrupts, times the bytes of the forest: a
 * row visits at most one node in each 16 bytes, in 10 ns or less.
 */
#define MAX_STEP_WORK UINT64CONST(4000000000)

#define FIRST_ROWS 4

Batch *
mlops_batch_create(const ServedModel *served, int max_rows)
{
	Batch	   *batch = palloc0(sizeof(Batch));
	Size		row_size;

	batch->forest = mlops_forest_cache_get(served->version->digest, CurrentMemoryContext);
	batch->n_features = mlops_forest_n_features(batch->forest);
	batch->n_outputs = mlops_forest_n_outputs(batch->forest);
	batch->stat = mlops_stat_create(pstrdup(served->version->model), served->version->version);
	mlops_stat_describe(batch->stat, served->signature);
	row_size = ((Size) batch->n_features + batch->n_outputs) * sizeof(float);
	batch->max_rows = Max(1, Min(max_rows, MAX_BATCH_BYTES / Max(row_size, 1)));
	batch->n_allocated = Min(FIRST_ROWS, batch->max_rows);
	batch->rows = palloc_extended(Max((Size) batch->n_allocated * batch->n_features, 1) * sizeof(float),
								  MCXT_ALLOC_HUGE);
	batch->margin = palloc_extended((Size) batch->n_allocated * batch->n_outputs * sizeof(float),
									MCXT_ALLOC_HUGE);
	return batch;
}

float *
mlops_batch_next(Batch *batch)
{
	Assert(!mlops_batch_is_full(batch));
	if (batch->n_rows == batch->n_allocated)
	{
		int			n = Min(batch->n_allocated * 4, batch->max_rows);

		batch->rows = repalloc_huge(batch->rows, Max((Size) n * batch->n_features, 1) * sizeof(float));
		batch->margin = repalloc_huge(batch->margin, (Size) n * batch->n_outputs * sizeof(float));
		batch->n_allocated = n;
	}
	return batch->rows + (Size) batch->n_rows * batch->n_features;
}

void
mlops_batch_score(Batch *batch)
{
	uint64		step = Max(MAX_STEP_WORK / mlops_forest_size(batch->forest), 16);

	if (batch->n_rows == 0)
		return;
	mlops_stat_begin(&batch->call, true);
	mlops_stat_bind(&batch->call, batch->stat);
	for (int i = 0; i < batch->n_rows; i += step)
	{
		CHECK_FOR_INTERRUPTS();
		mlops_forest_margin_block(batch->forest,
								  batch->rows + (Size) i * batch->n_features, batch->n_features,
								  Min(step, batch->n_rows - i),
								  batch->margin + (Size) i * batch->n_outputs);
	}
	mlops_stat_end(&batch->call, batch->rows, batch->n_rows);
}
