/*-------------------------------------------------------------------------
 *
 * forest_tile.h
 *	  Rows of a block as columns of bytes, for the kernels that slice them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_TILE_H
#define MLOPS_FOREST_TILE_H

#include "forest/forest_kernel.h"

#define MAX_TILE_ROWS	512

/* Rows that are scored together. */
typedef struct Tile
{
	const Forest *forest;
	const float *rows;
	size_t		stride;
	uint32_t	n_rows;
	uint32_t	n_padded;		/* a multiple of 64 */
	uint32_t	capacity;		/* distance of columns */
	uint32_t	n_columns;
	uint8_t    *bytes;			/* columns where missing is COLUMN_MISSING */
	uint8_t    *lefts;			/* the same where missing is 0, if there are
								 * any */
	uint64_t   *missing;		/* bits: whether a column has missing values */
	float	   *sums;			/* [output][capacity] */
	float	   *doubled;		/* doubled rows, when trees are walked by
								 * steps */
} Tile;

/* Fills the columns of a tile and adds the trees to its sums. */
typedef void (*TileScore) (Tile *tile);

extern bool mlops_tile_block(const Forest *forest, const float *rows, size_t stride,
							 size_t n, uint32_t max_rows, TileScore score, float *margin);

/* Add a tree that has no top to the sums. */
extern void mlops_tile_walk(const Tile *tile, const ForestTree *tree);

/* Add a tree that is deeper than its top, where the path of each row ends in that. */
extern void mlops_tile_walk_on(const Tile *tile, const ForestTree *tree, const ForestTop *top,
							   const uint8_t *ends);

/* The column of a split: the one where missing goes its way. */
static inline const uint8_t *
find_column(const Tile *tile, const ForestTop *top, uint32_t position)
{
	uint32_t	column = top->column[position] | (uint32_t) top->column_high[position] << 8;
	bool		lefts = top->default_left >> position &
	tile->missing[column / 64] >> (column % 64) & 1;

	return (lefts ? tile->lefts : tile->bytes) + (size_t) column * tile->capacity;
}

/* The column of a lane of a test. */
static inline const uint8_t *
find_lane(const Tile *tile, const ForestTest *test, uint32_t lane)
{
	uint32_t	column = test->column[lane] | (uint32_t) test->column_high[lane] << 8;

	return tile->bytes + (size_t) column * tile->capacity;
}

#endif							/* MLOPS_FOREST_TILE_H */
