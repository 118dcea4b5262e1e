/*-------------------------------------------------------------------------
 *
 * model_document.h
 *	  What a document says of the model, read but not yet cross-checked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_MODEL_DOCUMENT_H
#define MLOPS_FOREST_MODEL_DOCUMENT_H

#include "forest/tree_builder.h"

typedef enum ModelArray
{
	MODEL_TREE_INFO,			/* output of each tree */
	MODEL_ITERATION_INDPTR,		/* first tree of each iteration, and the end */
	MODEL_WEIGHT_DROP,			/* weight of each tree; may be shorter */
	MODEL_WEIGHTS,				/* of gblinear */
	N_MODEL_ARRAYS
} ModelArray;

/* Zero it first; mlops_document_free releases it, also after an error. */
typedef struct ModelDocument
{
	int			version[3];
	const Objective *objective; /* NULL: none was met */
	char		booster[16];
	uint64_t	n_features;
	uint64_t	n_classes;
	uint64_t	n_targets;
	int64_t		best_iteration; /* -1: none named */
	uint64_t	n_trees;		/* as declared */
	uint64_t	n_parallel_trees;
	bool		has_trees;		/* an array of trees was met */
	Buffer		base_score;		/* floats */
	NumberArray array[N_MODEL_ARRAYS];
	Buffer		scratch[N_MODEL_ARRAYS];
	TreeBuilder trees;
	Buffer		feature_names;	/* terminated strings, one after the other */
	Buffer		feature_types;
	uint32_t	n_feature_names;
	uint32_t	n_feature_types;
} ModelDocument;

extern bool mlops_document_read(Reader *reader, ModelDocument *document);
extern void mlops_document_free(ModelDocument *document);

#endif							/* MLOPS_FOREST_MODEL_DOCUMENT_H */
