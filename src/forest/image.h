/*-------------------------------------------------------------------------
 *
 * image.h
 *	  The flat image of a forest, known to the files of forest/ only.
 *
 * A header, then sections of equal elements, each aligned to 64 bytes, in the
 * order of ForestSection.  All references are indexes.  The nodes of a tree
 * lie in breadth-first order: the n-th split of a tree has its children at
 * 1 + 2n and 2 + 2n.  So a checker needs one pass and no memory, a walk only
 * goes forward, and the levels near the root share cache lines.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_IMAGE_H
#define MLOPS_FOREST_IMAGE_H

#include "forest/forest.h"
#include "forest/objective.h"

#define FOREST_MAGIC		"MLOPSFST"
#define FOREST_FORMAT		1
#define FOREST_BYTE_ORDER	0x01020304
#define FOREST_ALIGNMENT	64

#define FOREST_MAX_TREE_DEPTH	4096
#define FOREST_MAX_CATEGORY		(1 << 24)	/* XGBoost's own limit */

typedef enum ForestSection
{
	SECTION_BASE,				/* float: margins before any tree */
	SECTION_LINEAR,				/* float: [feature][output], then biases */
	SECTION_TREE,				/* ForestTree */
	SECTION_NODE,				/* ForestNode */
	SECTION_NODE_ID,			/* int32: number of the node in the bytes */
	SECTION_CATEGORY,			/* uint32: sets; see CATEGORY_LIST */
	SECTION_VECTOR,				/* float: leaves of n_outputs each */
	FOREST_N_SECTIONS
} ForestSection;

/*
 * A set of categories is a number of words, and that many words: bits, or,
 * with this flag, an ascending list of codes.
 */
#define CATEGORY_LIST		0x80000000u

#define NODE_DEFAULT_LEFT	0x80000000u /* missing goes left */
#define NODE_CATEGORICAL	0x40000000u /* value.index is in SECTION_CATEGORY */
#define NODE_FEATURE_MASK	0x3fffffffu

/*
 * A split sends v left when v < threshold.  A leaf has the threshold NaN,
 * feature 0 and left = its own index - 1, so that a step from it, which goes
 * right, stays: kernels may take more steps than a path has.
 */
typedef struct ForestNode
{
	float		threshold;
	uint32_t	feature;		/* index and NODE_ flags */
	uint32_t	left;			/* in the tree; the right child is the next */
	union
	{
		float		leaf;
		uint32_t	index;		/* of a vector leaf, or of the categories */
	}			value;
} ForestNode;

#define TREE_CATEGORICAL	1u	/* some split is categorical */
#define TREE_VECTOR			2u	/* leaves are vectors */

typedef struct ForestTree
{
	uint32_t	first_node;
	uint32_t	n_nodes;
	uint32_t	depth;			/* most steps from the root to a leaf */
	uint32_t	group;			/* the output it adds to, unless vector */
	float		weight;			/* of dart; 1 otherwise */
	uint32_t	flags;
} ForestTree;

struct Forest
{
	char		magic[8];
	uint32_t	format;
	uint32_t	byte_order;
	uint64_t	size;			/* of the whole image */
	uint32_t	n_features;
	uint32_t	n_outputs;
	uint32_t	n_values;
	uint32_t	transform;		/* ObjectiveTransform */
	uint64_t	count[FOREST_N_SECTIONS];	/* elements */
	uint64_t	offset[FOREST_N_SECTIONS];	/* bytes from the start */
};

_Static_assert(sizeof(ForestNode) == 16, "nodes are four to a cache line");

extern uint64_t mlops_image_section_size(ForestSection section, uint64_t count);
extern bool mlops_image_layout(const uint64_t count[FOREST_N_SECTIONS],
							   uint64_t offset[FOREST_N_SECTIONS], uint64_t *size);

static inline const void *
mlops_image_section(const Forest *forest, ForestSection section)
{
	return (const char *) forest + forest->offset[section];
}

#endif							/* MLOPS_FOREST_IMAGE_H */
