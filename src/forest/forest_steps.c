/*-------------------------------------------------------------------------
 *
 * forest_steps.c
 *	  Walks over steps, in portable C: the kernel of any processor.
 *
 * A walk waits for memory and for its own last step, so eight of them go side
 * by side: one row through eight trees, or eight rows through one tree.  A row
 * is doubled first, so that a step has no branch and no test for what is
 * missing.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/forest_steps.h"

#define BLOCK_ROWS		64		/* rows that share the caches with a tree */
#define STACK_FLOATS	16384	/* of doubled rows, 64 kB */

/* Walk one row through up to eight trees and add their leaves. */
static inline void
score_trees(const Forest *forest, const ForestTree *trees, int n, const float *doubled,
			float *margin)
{
	const ForestStep *all = mlops_image_section(forest, SECTION_STEP);
	const ForestStep *steps[LANES];
	const float *rows[LANES];
	uint32_t	at[LANES];
	uint32_t	depth = 0;

	for (int lane = 0; lane < LANES; lane++)
	{
		const ForestTree *tree = &trees[lane < n ? lane : 0];

		steps[lane] = all + tree->first_node;
		rows[lane] = doubled;
		at[lane] = 0;
		depth = tree->depth > depth ? tree->depth : depth;
	}
	take_steps(steps, rows, depth, at);
	for (int lane = 0; lane < n; lane++)
	{
		if (trees[lane].flags & TREE_VECTOR)
			mlops_walk_add_leaf(forest, &trees[lane], at[lane], margin, 1);
		else
			margin[trees[lane].group] += steps[lane][at[lane]].value.leaf;
	}
}

/* Walk eight rows through one tree and add its leaves. */
static inline void
score_rows(const Forest *forest, const ForestTree *tree, const float *doubled, float *margin)
{
	const ForestStep *steps[LANES];
	const float *rows[LANES];
	uint32_t	at[LANES];

	for (int lane = 0; lane < LANES; lane++)
	{
		steps[lane] = mlops_image_section(forest, SECTION_STEP);
		steps[lane] += tree->first_node;
		rows[lane] = doubled + lane * double_length(forest);
		at[lane] = 0;
	}
	take_steps(steps, rows, tree->depth, at);
	for (int lane = 0; lane < LANES; lane++)
	{
		float	   *sums = margin + lane * (size_t) forest->n_outputs;

		if (tree->flags & TREE_VECTOR)
			mlops_walk_add_leaf(forest, tree, at[lane], sums, 1);
		else
			sums[tree->group] += steps[lane][at[lane]].value.leaf;
	}
}

static inline void
score_nodes(const Forest *forest, const ForestTree *tree, const float *row, float *margin)
{
	mlops_walk_add_leaf(forest, tree, mlops_walk_tree(forest, tree, 0, row), margin, 1);
}

bool
mlops_steps_margin(const Forest *forest, const float *row, float *margin)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	size_t		n_trees = forest->count[SECTION_TREE];
	size_t		length = double_length(forest);
	float		on_stack[2048];
	float	   *doubled = length > 2048 ? malloc(length * sizeof(float)) : on_stack;
	size_t		i = 0;

	if (doubled == NULL)
		return false;
	double_row(row, forest->n_features, doubled);
	memcpy(margin, mlops_image_section(forest, SECTION_BASE),
		   forest->n_outputs * sizeof(float));
	while (i < n_trees)
	{
		int			n = 0;

		while (n < LANES && i + n < n_trees && trees[i + n].flags & TREE_STEPS)
			n++;
		if (n > 0)
			score_trees(forest, trees + i, n, doubled, margin);
		else
			score_nodes(forest, trees + i, row, margin);
		i += n > 0 ? n : 1;
	}
	if (doubled != on_stack)
		free(doubled);
	return true;
}

/* Margins of the rows of a tile: every tree is brought to the caches once. */
static void
score_tile(const Forest *forest, const float *rows, size_t stride, size_t n,
		   float *doubled, float *margin)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	size_t		n_outputs = forest->n_outputs;

	for (size_t row = 0; row < n; row++)
	{
		double_row(rows + row * stride, forest->n_features, doubled + row * double_length(forest));
		memcpy(margin + row * n_outputs, mlops_image_section(forest, SECTION_BASE),
			   n_outputs * sizeof(float));
	}
	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
	{
		size_t		row = 0;

		for (; trees[i].flags & TREE_STEPS && row + LANES <= n; row += LANES)
			score_rows(forest, trees + i, doubled + row * double_length(forest),
					   margin + row * n_outputs);
		for (; row < n; row++)
			score_nodes(forest, trees + i, rows + row * stride, margin + row * n_outputs);
	}
}

bool
mlops_steps_block(const Forest *forest, const float *rows, size_t stride,
				  size_t n, float *margin)
{
	size_t		length = double_length(forest);
	size_t		tile = STACK_FLOATS / length / LANES * LANES;
	float		on_stack[STACK_FLOATS];
	float	   *doubled = on_stack;

	if (tile > BLOCK_ROWS)
		tile = BLOCK_ROWS;
	if (tile == 0)
	{
		tile = BLOCK_ROWS;
		doubled = malloc(tile * length * sizeof(float));
		if (doubled == NULL)
			return false;
	}
	for (size_t row = 0; row < n; row += tile)
		score_tile(forest, rows + row * stride, stride, n - row < tile ? n - row : tile,
				   doubled, margin + row * forest->n_outputs);
	if (doubled != on_stack)
		free(doubled);
	return true;
}
