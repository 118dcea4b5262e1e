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
#define FOREST_FORMAT		3
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
	SECTION_STEP,				/* ForestStep: the nodes, for walks */
	SECTION_AXIS,				/* ForestAxis: the features that splits use */
	SECTION_CUT,				/* float: thresholds of the axes */
	SECTION_BUCKET,				/* uint32: where searches among them start */
	SECTION_TOP,				/* ForestTop of every tree, or none */
	SECTION_TEST,				/* ForestTest of categorical splits */
	SECTION_SET,				/* ForestSet of these */
	SECTION_COVER,				/* float: weight of the training rows at each
								 * node; empty when the bytes do not say */
	SECTION_GAIN,				/* float: of each split, 0 of a leaf; likewise */
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
#define TREE_STEPS			4u	/* derived: SECTION_STEP has the tree */
#define TREE_TOP			8u	/* derived: SECTION_TOP has the tree */

typedef struct ForestTree
{
	uint32_t	first_node;
	uint32_t	n_nodes;
	uint32_t	depth;			/* most steps from the root to a leaf */
	uint32_t	group;			/* the output it adds to, unless vector */
	float		weight;			/* of dart; 1 otherwise */
	uint32_t	flags;
} ForestTree;

/*
 * A node for walks over a row that is doubled: first each feature with +inf for
 * a missing value, then each with -inf, then one NaN.  A split goes right when
 * the value is >= threshold, to "right", and else to the node before.  A leaf
 * compares with the NaN, has "right" = its own index + 1, so that a step from it
 * stays, and its value times the weight of the tree in place of the threshold.
 */
typedef struct ForestStep
{
	union
	{
		float		threshold;
		float		leaf;
		uint32_t	vector;		/* as ForestNode's index */
	}			value;
	uint16_t	feature;		/* in the doubled row */
	uint16_t	right;			/* in the tree */
} ForestStep;

/*
 * Thresholds that splits of a feature use, ascending, each once.  The rank of a
 * value is the number of those <= value: v >= threshold k is rank > k.  Ranks
 * are bytes, in as many columns as that takes, COLUMN_CUTS thresholds in each.
 * A value falls into a bucket, which has the number of thresholds in the buckets
 * before and 2^levels - 1 thresholds of its own at most: the search for the rank
 * starts there and takes "levels" steps.  2^levels - 1 NaNs follow the cuts.
 * A categorical axis has no cuts; COLUMN_CUTS categories are in each column.
 */
typedef struct ForestAxis
{
	uint32_t	feature;		/* and NODE_CATEGORICAL */
	uint32_t	first_cut;
	uint32_t	n_cuts;
	uint32_t	levels;
	uint32_t	first_column;
	uint32_t	n_columns;
	uint32_t	first_bucket;
	uint32_t	n_buckets;
	float		origin;			/* of the buckets */
	float		scale;			/* buckets in a unit */
} ForestAxis;

#define COLUMN_CUTS		254		/* ranks and codes of a column */
#define COLUMN_OTHER	254		/* a category of no column: never in a set */
#define COLUMN_MISSING	255
#define MAX_COLUMNS		65536
#define MAX_CATEGORY_COLUMNS	16	/* of an axis */

#define TOP_LEVELS		6
#define TOP_SIZE		64		/* 2^TOP_LEVELS */
#define TEST_LANES		16
#define SET_BITS		32
#define MAX_SETS		((COLUMN_CUTS + SET_BITS - 1) / SET_BITS)	/* of a test */
#define MAX_TESTS		(TOP_SIZE / TEST_LANES * MAX_CATEGORY_COLUMNS)	/* of a tree */

/*
 * The upper levels of a tree as if it were complete: the root has the position
 * 1, the children of p have 2p and 2p + 1.  What lies below a leaf is never
 * asked for a split, and repeats the leaf.  A categorical split has the rank
 * COLUMN_MISSING and the first column of its axis, so that what is missing goes
 * its way as at a numeric one; categories go right by the tests.
 */
typedef struct ForestTop
{
	uint8_t		rank[TOP_SIZE]; /* right when the byte is >= rank */
	uint8_t		column[TOP_SIZE];	/* low byte */
	uint8_t		column_high[TOP_SIZE];
	uint64_t	splits;			/* positions with a split */
	uint64_t	default_left;	/* those where missing goes left */
	uint64_t	categorical;	/* positions whose split has tests */
	uint32_t	first_test;
	uint32_t	n_tests;
	uint32_t	levels;			/* of the tree, up to TOP_LEVELS */
	uint32_t	unused[7];
	union
	{
		float		leaf[TOP_SIZE]; /* times the weight of the tree */
		uint32_t	node[TOP_SIZE]; /* where to walk on, in a deeper tree */
	}			end;
} ForestTop;

/*
 * Up to TEST_LANES categorical splits side by side, in the order of their
 * positions.  Those whose byte of the column is k go right when bit k % SET_BITS
 * of the lane in set k / SET_BITS is on, or any other's by the axis's further
 * columns: first come the tests of all splits in the first column of their axes,
 * then those in the second, and so forth.
 */
typedef struct ForestTest
{
	uint64_t	positions;		/* bits */
	uint32_t	first_set;
	uint32_t	n_sets;
	uint8_t		column[TEST_LANES]; /* low byte */
	uint8_t		column_high[TEST_LANES];
	uint8_t		unused[16];
} ForestTest;

typedef struct ForestSet
{
	uint32_t	bits[TEST_LANES];
} ForestSet;

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
_Static_assert(sizeof(ForestStep) == 8, "steps are eight to a cache line");
_Static_assert(sizeof(ForestTop) == 512, "tops fill cache lines");
_Static_assert(sizeof(ForestTest) == 64, "tests fill cache lines");
_Static_assert(sizeof(ForestSet) == 64, "sets fill cache lines");

extern uint64_t mlops_image_section_size(ForestSection section, uint64_t count);
extern bool mlops_image_layout(const uint64_t count[FOREST_N_SECTIONS],
							   uint64_t offset[FOREST_N_SECTIONS], uint64_t *size);

/*
 * The bucket of a value, which never falls as the value grows, however the steps
 * are rounded: no cut of a bucket before is above it, and none of one behind below.
 */
static inline uint32_t
mlops_axis_bucket(const ForestAxis *axis, float value)
{
	float		last = (float) (axis->n_buckets - 1);
	float		at = (value - axis->origin) * axis->scale;

	at = at > 0 ? at : 0;
	return (uint32_t) (int32_t) (at < last ? at : last);
}

extern bool mlops_image_find_category(const uint32_t *set, float value);

static inline const void *
mlops_image_section(const Forest *forest, ForestSection section)
{
	return (const char *) forest + forest->offset[section];
}

#endif							/* MLOPS_FOREST_IMAGE_H */
