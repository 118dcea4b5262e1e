/*-------------------------------------------------------------------------
 *
 * tree_builder.h
 *	  Trees of a model document -> sections of an image.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_TREE_BUILDER_H
#define MLOPS_FOREST_TREE_BUILDER_H

#include "forest/image.h"
#include "forest/reader.h"

/* Fields of a tree that are arrays; the names are in tree_builder.c. */
typedef enum TreeField
{
	TREE_LEFT,
	TREE_RIGHT,
	TREE_SPLIT_INDEX,
	TREE_DEFAULT_LEFT,
	TREE_SPLIT_TYPE,
	TREE_CATEGORY_NODE,
	TREE_CATEGORY_BEGIN,
	TREE_CATEGORY_SIZE,
	TREE_CATEGORY,
	TREE_CONDITION,				/* floats from here on */
	TREE_BASE_WEIGHT,
	TREE_LEAF_WEIGHT,
	TREE_COVER,
	TREE_GAIN,
	N_TREE_FIELDS
} TreeField;

/* The trees read so far, as sections; zero it first, then mlops_trees_free. */
typedef struct TreeBuilder
{
	Buffer		section[FOREST_N_SECTIONS];
	uint64_t	n_trees;
	uint64_t	vector_width;	/* of vector leaves; 0 when there are none */
	uint32_t	max_feature;	/* greatest index that a split uses */
	bool		lacks_cover;	/* some tree has none that makes sense */
	bool		lacks_gain;		/* some tree has none */
	Buffer		visited;		/* bits, of the tree at hand */
	Buffer		scratch[N_TREE_FIELDS];
} TreeBuilder;

extern bool mlops_tree_read(Reader *reader, TreeBuilder *builder);
extern int	mlops_reader_find_key(Reader *reader, const ReaderText *key,
								  const char *const *names, uint32_t *seen);
extern void mlops_trees_free_scratch(TreeBuilder *builder);
extern void mlops_trees_free(TreeBuilder *builder);

#endif							/* MLOPS_FOREST_TREE_BUILDER_H */
