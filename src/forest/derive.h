/*-------------------------------------------------------------------------
 *
 * derive.h
 *	  What the fast kernels read, from the nodes of the trees.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_DERIVE_H
#define MLOPS_FOREST_DERIVE_H

#include "forest/buffer.h"
#include "forest/image.h"

/* The sections that others are derived from, and the axes once there are any. */
typedef struct DeriveSource
{
	const ForestTree *trees;
	const ForestNode *nodes;
	const uint32_t *categories;
	const ForestAxis *axes;
	const float *cuts;
	uint64_t	n_trees;
	uint32_t	n_axes;
	uint32_t	n_features;
} DeriveSource;

typedef struct DeriveSplit
{
	const ForestNode *node;
	uint32_t	position;
} DeriveSplit;

/* The upper levels of a tree. */
typedef struct DeriveLevels
{
	DeriveSplit split[TOP_SIZE];
	uint32_t	n_splits;
	uint32_t	end[TOP_SIZE];	/* node at the end of each path */
} DeriveLevels;

/* A top and its tests, whose references count from the first. */
typedef struct DerivedTop
{
	ForestTop	top;
	ForestTest	tests[MAX_TESTS];
	ForestSet	sets[MAX_TESTS * MAX_SETS];
	uint32_t	n_sets;
} DerivedTop;

extern void mlops_derive_levels(const DeriveSource *source, const ForestTree *tree,
								DeriveLevels *levels);
extern uint32_t mlops_derive_flags(const DeriveSource *source, const ForestTree *tree);
extern ForestStep mlops_derive_step(const DeriveSource *source, const ForestTree *tree,
									uint32_t at);
extern bool mlops_derive_top(const DeriveSource *source, const ForestTree *tree,
							 DerivedTop *derived);
extern void mlops_derive_buckets(const float *cuts, ForestAxis *axis);
extern int64_t mlops_derive_highest_code(const uint32_t *set);

/* Fill the derived sections, and the flags of the trees; polls "interrupted". */
extern ForestStatus mlops_derive_sections(DeriveSource *source, ForestTree *trees,
										  size_t max_size,
										  bool (*interrupted) (void),
										  Buffer section[FOREST_N_SECTIONS]);

#endif							/* MLOPS_FOREST_DERIVE_H */
