/*-------------------------------------------------------------------------
 *
 * batch_array.c
 *	  Rows of one group -> array of their predictions, a block at a time.
 *
 * State of the aggregate predict_agg.  There may be many groups at a time, most
 * of them of few rows: so an array starts small, and rows of all groups in a
 * memory context wait in the same block, one per version.  A block knows the
 * places of its rows and goes with the context, as do the arrays.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "compat/pg_compat.h"
#include "serve/batch.h"
#include "serve/batch_array.h"
#include "serve/prediction.h"

#define BLOCK_ROWS 1024

/* Elements of an array of at most MaxAllocSize bytes: 64 bits and one for NULL. */
#define MAX_ROWS ((int) ((MaxAllocSize - 64) / 65 * 8))

#define FIRST_ROWS 4

/* Where the prediction of a waiting row goes. */
typedef struct RowPlace
{
	BatchArray *array;
	int			row;
} RowPlace;

/* Waiting rows of one version in the arrays of one memory context. */
typedef struct ArrayBlock
{
	dlist_node	node;			/* in live_blocks */
	MemoryContext context;
	uint8		digest[MLOPS_DIGEST_SIZE];
	Batch	   *batch;
	RowPlace   *places;			/* [n_places] */
	int			n_places;
	MemoryContextCallback remove;
} ArrayBlock;

struct BatchArray
{
	MemoryContext context;
	ArrayBlock *block;			/* of the last row, or NULL */
	int			n_waiting;		/* rows in blocks */
	int			n_rows;
	int			n_allocated;
	float	   *values;			/* [n_allocated] */
	bool	   *nulls;			/* [n_allocated], or NULL while n_nulls is 0 */
	int			n_nulls;
};

static dlist_head live_blocks = DLIST_STATIC_INIT(live_blocks);

BatchArray *
mlops_batch_array_create(void)
{
	BatchArray *array = palloc0(sizeof(BatchArray));

	array->context = CurrentMemoryContext;
	array->n_allocated = FIRST_ROWS;
	array->values = palloc(FIRST_ROWS * sizeof(float));
	return array;
}

/* Memory context callback: the block and its arrays go. */
static void
remove_block(void *arg)
{
	dlist_delete(&((ArrayBlock *) arg)->node);
}

/* Score the waiting rows. */
static void
flush_block(ArrayBlock *block)
{
	Batch	   *batch = block->batch;

	mlops_batch_score(batch);
	for (int i = 0; i < batch->n_rows; i++)
	{
		BatchArray *array = block->places[i].array;

		mlops_forest_transform(batch->forest, batch->margin + i,
							   array->values + block->places[i].row);
		array->n_waiting--;
	}
	batch->n_rows = 0;
}

static ArrayBlock *
create_block(MemoryContext context, const ServedModel *served)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	ArrayBlock *block = palloc0(sizeof(ArrayBlock));

	mlops_prediction_require_value(served);
	block->context = context;
	memcpy(block->digest, served->version->digest, MLOPS_DIGEST_SIZE);
	block->batch = mlops_batch_create(served, BLOCK_ROWS);
	block->n_places = block->batch->n_allocated;
	block->places = palloc(block->n_places * sizeof(RowPlace));
	block->remove.func = remove_block;
	block->remove.arg = block;
	dlist_push_head(&live_blocks, &block->node);
	MemoryContextRegisterResetCallback(context, &block->remove);
	MemoryContextSwitchTo(caller);
	return block;
}

/* Block for a row of the array. */
static ArrayBlock *
get_block(BatchArray *array, const ServedModel *served)
{
	const uint8 *digest = served->version->digest;
	dlist_iter	iter;

	if (array->block != NULL && memcmp(array->block->digest, digest, MLOPS_DIGEST_SIZE) == 0)
		return array->block;
	dlist_foreach(iter, &live_blocks)
	{
		ArrayBlock *block = dlist_container(ArrayBlock, node, iter.cur);

		if (block->context == array->context &&
			memcmp(block->digest, digest, MLOPS_DIGEST_SIZE) == 0)
			return array->block = block;
	}
	return array->block = create_block(array->context, served);
}

/* Let the row wait for its prediction. */
static void
put_row(ArrayBlock *block, BatchArray *array, int row, const float *vector)
{
	Batch	   *batch = block->batch;

	memcpy(mlops_batch_next(batch), vector, batch->n_features * sizeof(float));
	if (block->n_places < batch->n_allocated)
	{
		block->places = repalloc(block->places, batch->n_allocated * sizeof(RowPlace));
		block->n_places = batch->n_allocated;
	}
	block->places[batch->n_rows].array = array;
	block->places[batch->n_rows].row = row;
	batch->n_rows++;
	array->n_waiting++;
	if (mlops_batch_is_full(batch))
		flush_block(block);
}

/* Make room for one more row. */
static void
grow_array(BatchArray *array)
{
	int			n = array->n_allocated > MAX_ROWS / 2 ? MAX_ROWS : array->n_allocated * 2;

	if (array->n_rows == MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("predict_agg has more than %d rows in one group", MAX_ROWS),
				 errdetail("Their array would exceed 1 GB."),
				 errhint("Use mlops.predict_batch, which returns rows.")));
	array->values = repalloc(array->values, n * sizeof(float));
	if (array->nulls != NULL)
		array->nulls = repalloc(array->nulls, n * sizeof(bool));
	array->n_allocated = n;
}

void
mlops_batch_array_add(BatchArray *array, const ServedModel *served)
{
	int			row = array->n_rows;

	if (row == array->n_allocated)
		grow_array(array);
	if (served == NULL && array->nulls == NULL)
		array->nulls = MemoryContextAllocZero(array->context, array->n_allocated * sizeof(bool));
	if (array->nulls != NULL)
		array->nulls[row] = served == NULL;
	array->n_nulls += served == NULL;
	array->n_rows++;
	if (served != NULL)
		put_row(get_block(array, served), array, row, served->vector);
}

/* Score the rows of the array that wait, and those of others beside them. */
static void
flush_array(BatchArray *array)
{
	dlist_iter	iter;

	if (array->n_waiting == 0)
		return;
	dlist_foreach(iter, &live_blocks)
	{
		ArrayBlock *block = dlist_container(ArrayBlock, node, iter.cur);

		if (block->context == array->context)
			flush_block(block);
	}
	Assert(array->n_waiting == 0);
}

Datum
mlops_batch_array_get(BatchArray *array)
{
	bool		has_nulls = array->n_nulls > 0;
	int			data = has_nulls ? ARR_OVERHEAD_WITHNULLS(1, array->n_rows) :
	ARR_OVERHEAD_NONULLS(1);
	Size		size = data + (Size) (array->n_rows - array->n_nulls) * sizeof(float8);
	ArrayType  *result = palloc0(size);
	float8	   *values;

	flush_array(array);
	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = has_nulls ? data : 0;
	result->elemtype = FLOAT8OID;
	ARR_DIMS(result)[0] = array->n_rows;
	ARR_LBOUND(result)[0] = 1;
	values = (float8 *) ARR_DATA_PTR(result);
	for (int i = 0; i < array->n_rows; i++)
	{
		if (has_nulls && array->nulls[i])
			continue;
		if (has_nulls)
			ARR_NULLBITMAP(result)[i / 8] |= 1 << (i % 8);
		*values++ = array->values[i];
	}
	return PointerGetDatum(result);
}
