/*-------------------------------------------------------------------------
 *
 * forest_tile.c
 *	  A block of rows -> tiles -> margins, whatever kernel scores the tiles.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "forest/forest_tile.h"

#define STACK_BYTES		(96 * 1024)
#define COLUMN_BYTES	(512 * 1024)	/* of a tile, in the second cache */
#define MAX_STRIDE		(1 << 26)	/* 16 rows of floats within 32 bits */

void
mlops_tile_walk(const Tile *tile, const ForestTree *tree)
{
	for (uint32_t i = 0; i < tile->n_rows; i++)
	{
		const float *row = tile->rows + i * tile->stride;

		mlops_walk_add_leaf(tile->forest, tree, mlops_walk_tree(tile->forest, tree, 0, row),
							tile->sums + i, tile->capacity);
	}
}

/* Score one tile. */
static void
score_tile(Tile *tile, TileScore score, float *margin)
{
	const float *base = mlops_image_section(tile->forest, SECTION_BASE);
	size_t		n_outputs = tile->forest->n_outputs;

	memset(tile->missing, 0, (tile->n_columns + 63) / 64 * sizeof(uint64_t));
	for (size_t output = 0; output < n_outputs; output++)
		for (uint32_t i = 0; i < tile->n_padded; i++)
			tile->sums[output * tile->capacity + i] = base[output];
	score(tile);
	for (uint32_t i = 0; i < tile->n_rows; i++)
		for (size_t output = 0; output < n_outputs; output++)
			margin[i * n_outputs + output] = tile->sums[output * tile->capacity + i];
}

/* Score a block; false, with nothing written, when it does not suit. */
bool
mlops_tile_block(const Forest *forest, const float *rows, size_t stride,
				 size_t n, uint32_t max_rows, TileScore score, float *margin)
{
	const ForestAxis *axes = mlops_image_section(forest, SECTION_AXIS);
	uint64_t	n_axes = forest->count[SECTION_AXIS];
	uint8_t		on_stack[STACK_BYTES] __attribute__((aligned(64)));
	uint8_t    *memory = on_stack;
	Tile		tile = {.forest = forest,.stride = stride,.capacity = max_rows};
	size_t		of_columns;
	size_t		of_missing;
	size_t		size;

	if (forest->count[SECTION_TOP] == 0 || stride > MAX_STRIDE)
		return false;
	if (n_axes > 0)
		tile.n_columns = axes[n_axes - 1].first_column + axes[n_axes - 1].n_columns;
	while (tile.capacity > 64 && ((size_t) tile.capacity * tile.n_columns > COLUMN_BYTES ||
								  tile.capacity / 2 >= n))
		tile.capacity /= 2;
	of_columns = (size_t) tile.capacity * tile.n_columns;
	of_missing = (tile.n_columns + 511) / 512 * 64;
	size = 2 * of_columns + of_missing +
		(size_t) forest->n_outputs * tile.capacity * sizeof(float);
	if (size > sizeof(on_stack) && (memory = aligned_alloc(64, size)) == NULL)
		return false;
	tile.bytes = memory;
	tile.lefts = memory + of_columns;
	tile.missing = (uint64_t *) (memory + 2 * of_columns);
	tile.sums = (float *) (memory + 2 * of_columns + of_missing);
	for (size_t row = 0; row < n; row += tile.capacity)
	{
		tile.rows = rows + row * stride;
		tile.n_rows = (uint32_t) (n - row < tile.capacity ? n - row : tile.capacity);
		tile.n_padded = (tile.n_rows + 63) / 64 * 64;
		score_tile(&tile, score, margin + row * forest->n_outputs);
	}
	if (memory != on_stack)
		free(memory);
	return true;
}
