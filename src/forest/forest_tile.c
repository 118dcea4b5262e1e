/*-------------------------------------------------------------------------
 *
 * forest_tile.c
 *	  A block of rows -> tiles -> margins, whatever kernel scores the tiles.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "forest/forest_steps.h"
#include "forest/forest_tile.h"

#define STACK_BYTES		(96 * 1024)
#define TILE_BYTES		(512 * 1024)	/* of columns and rows, in the second
										 * cache */
#define MAX_STRIDE		(1 << 26)	/* 16 rows of floats within 32 bits */

#define MANY_INNER		48		/* of the ends of a top */

/* Walk rows on from nodes of a tree, side by side, in up to "depth" steps. */
static inline void
walk_rows(const Tile *tile, const ForestTree *tree, uint32_t depth, const uint16_t row[LANES],
		  uint32_t at[LANES])
{
	const ForestStep *steps[LANES];
	const float *rows[LANES];

	for (int lane = 0; lane < LANES; lane++)
	{
		steps[lane] = mlops_image_section(tile->forest, SECTION_STEP);
		steps[lane] += tree->first_node;
		rows[lane] = tile->doubled + row[lane] * double_length(tile->forest);
	}
	take_steps(steps, rows, depth, at);
}

/* Walk the rows of a list, whose rest up to full lanes is filled up. */
static void
walk_list(const Tile *tile, const ForestTree *tree, uint32_t depth, uint16_t *rows, uint32_t n,
		  uint32_t *at)
{
	for (uint32_t i = n; i % LANES != 0; i++)
		rows[i] = rows[n - 1];
	for (uint32_t i = 0; i < n; i += LANES)
	{
		uint32_t	side[LANES];

		for (int lane = 0; lane < LANES; lane++)
			side[lane] = at[rows[i + lane]];
		walk_rows(tile, tree, depth, rows + i, side);
		for (int lane = 0; lane < LANES; lane++)
			at[rows[i + lane]] = side[lane];
	}
}

/* Walk all rows on by nodes, and add the leaves. */
static void
walk_nodes(const Tile *tile, const ForestTree *tree, const uint32_t *at)
{
	for (uint32_t i = 0; i < tile->n_rows; i++)
		mlops_walk_add_leaf(tile->forest, tree,
							mlops_walk_tree(tile->forest, tree, at[i],
											tile->rows + i * tile->stride),
							tile->sums + i, tile->capacity);
}

void
mlops_tile_walk(const Tile *tile, const ForestTree *tree)
{
	const uint32_t at[MAX_TILE_ROWS] = {0};

	walk_nodes(tile, tree, at);
}

void
mlops_tile_walk_on(const Tile *tile, const ForestTree *tree, const ForestTop *top,
				   const uint8_t *ends)
{
	const ForestStep *steps = mlops_image_section(tile->forest, SECTION_STEP);
	float	   *sums = tile->sums + tree->group * (size_t) tile->capacity;
	uint16_t	rows[MAX_TILE_ROWS + LANES];
	uint32_t	at[MAX_TILE_ROWS];
	uint32_t	n = 0;
	uint64_t	inner = 0;

	for (uint32_t i = 0; i < tile->n_rows; i++)
		at[i] = top->end.node[ends[i]];
	if (!(tree->flags & TREE_STEPS))
	{
		walk_nodes(tile, tree, at);
		return;
	}
	steps += tree->first_node;
	for (uint32_t i = 0; i < TOP_SIZE; i++)
	{
		uint32_t	node = top->end.node[i];

		inner |= (uint64_t) (steps[node].right != node + 1) << i;
	}
	/* Rows whose path has ended are left out where that is worth it. */
	if (__builtin_popcountll(inner) > MANY_INNER)
		inner = UINT64_MAX;
	for (uint32_t i = 0; i < tile->n_rows; i++)
	{
		rows[n] = (uint16_t) i;
		n += inner >> ends[i] & 1;
	}
	walk_list(tile, tree, tree->depth - TOP_LEVELS, rows, n, at);
	for (uint32_t i = 0; i < tile->n_rows; i++)
		sums[i] += steps[at[i]].value.leaf;
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
	if (tile->doubled != NULL)
	{
		size_t		length = double_length(tile->forest);

		for (uint32_t i = 0; i < tile->n_rows; i++)
			double_row(tile->rows + i * tile->stride, tile->forest->n_features,
					   tile->doubled + i * length);
	}
	score(tile);
	for (uint32_t i = 0; i < tile->n_rows; i++)
		for (size_t output = 0; output < n_outputs; output++)
			margin[i * n_outputs + output] = tile->sums[output * tile->capacity + i];
}

/* Whether some tree is walked by steps below its top. */
static bool
check_walks(const Forest *forest)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);

	for (uint64_t i = 0; i < forest->count[SECTION_TREE]; i++)
		if (trees[i].flags & TREE_STEPS && trees[i].depth > TOP_LEVELS)
			return true;
	return false;
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
	size_t		of_sums;
	size_t		of_doubled = 0;
	size_t		size;

	if (forest->count[SECTION_TOP] == 0 || stride > MAX_STRIDE)
		return false;
	if (n_axes > 0)
		tile.n_columns = axes[n_axes - 1].first_column + axes[n_axes - 1].n_columns;
	if (check_walks(forest))
		of_doubled = double_length(forest) * sizeof(float);
	while (tile.capacity > 64 && (tile.capacity * (tile.n_columns + of_doubled) > TILE_BYTES ||
								  tile.capacity / 2 >= n))
		tile.capacity /= 2;
	of_columns = (size_t) tile.capacity * tile.n_columns;
	of_missing = (tile.n_columns + 511) / 512 * 64;
	of_sums = (size_t) forest->n_outputs * tile.capacity * sizeof(float);
	of_doubled *= tile.capacity;
	size = 2 * of_columns + of_missing + of_sums + of_doubled;
	if (size > sizeof(on_stack) && (memory = aligned_alloc(64, size)) == NULL)
		return false;
	tile.bytes = memory;
	tile.lefts = memory + of_columns;
	tile.missing = (uint64_t *) (memory + 2 * of_columns);
	tile.sums = (float *) (memory + 2 * of_columns + of_missing);
	if (of_doubled > 0)
		tile.doubled = (float *) (memory + size - of_doubled);
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
