/*-------------------------------------------------------------------------
 *
 * forest.h
 *	  XGBoost model bytes -> validated flat image -> scores.
 *
 * Pure C: no server header, no longjmp, no global state.  An image is one
 * pointer-free block that can be copied, written to a file or mapped; it
 * depends on the model bytes only.  Scores are bit-identical to
 * XGBoosterPredictFromDMatrix of the library version that wrote the model
 * (up to the best iteration, where the bytes name one).
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_H
#define MLOPS_FOREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ForestStatus
{
	FOREST_OK,
	FOREST_MALFORMED,			/* not a model, truncated, inconsistent */
	FOREST_UNSUPPORTED,			/* a model, but of a kind we do not serve */
	FOREST_TOO_LARGE,			/* a limit is exceeded */
	FOREST_NO_MEMORY,
	FOREST_INTERRUPTED			/* the interrupted callback said so */
} ForestStatus;

typedef struct ForestError
{
	char		message[256];	/* lower case, no period; ASCII only */
} ForestError;

typedef struct ForestLimits
{
	size_t		max_image;		/* bytes of the image */
	uint32_t	max_features;
	uint32_t	max_outputs;	/* margins of one row */
	bool		(*interrupted) (void);	/* polled often; may be NULL */
} ForestLimits;

typedef enum ForestFormat
{
	FOREST_JSON,
	FOREST_UBJ
} ForestFormat;

/* What the bytes say of themselves; strings are owned by the description. */
typedef struct ForestDescription
{
	ForestFormat format;
	int			version[3];		/* of the library that wrote them */
	char		booster[16];	/* gbtree, dart, gblinear */
	char		objective[64];
	uint32_t	n_features;
	uint32_t	n_classes;		/* num_class; 0 unless multiclass */
	uint32_t	n_outputs;		/* margins of one row */
	uint32_t	n_values;		/* numbers after the transform */
	uint32_t	n_trees;		/* up to the best iteration */
	uint32_t	n_stored_trees; /* all in the bytes */
	int64_t		best_iteration; /* -1: none named */
	uint32_t   *n_categories;	/* n_features: 1 + highest code that a split
								 * names, 0: no split on categories */
	uint32_t	n_feature_names;	/* 0 or n_features */
	char	  **feature_names;
	char	  **feature_types;	/* NULL, or n_features of them */
} ForestDescription;

/* The image; its fields are known to forest/ only. */
typedef struct Forest Forest;

/*
 * Parse and validate model bytes.  On FOREST_OK *image is a malloc'ed image of
 * *image_size bytes, to be freed by free().  The description is filled whenever
 * FOREST_OK is returned and "description" is given; release it with
 * mlops_forest_free_description.  Memory is bounded by about twice the bytes,
 * three times those of JSON with numbers of one digit, plus twice the image.
 */
extern ForestStatus mlops_forest_build(const void *bytes, size_t size,
									   const ForestLimits *limits,
									   Forest **image, size_t *image_size,
									   ForestDescription *description,
									   ForestError *error);
extern void mlops_forest_free_description(ForestDescription *description);

/* Validate an image read from elsewhere, so that scoring it is safe. */
extern ForestStatus mlops_forest_check(const void *image, size_t image_size,
									   const ForestLimits *limits, ForestError *error);

/*
 * The part of that check which reads the header only: enough for an image that
 * this program built and nobody changed.
 */
extern ForestStatus mlops_forest_check_header(const void *image, size_t image_size,
											  ForestError *error);

/* Changes whenever equal bytes give another image. */
extern uint32_t mlops_forest_format(void);

extern size_t mlops_forest_size(const Forest *forest);	/* bytes of the image */
extern uint32_t mlops_forest_n_features(const Forest *forest);
extern uint32_t mlops_forest_n_outputs(const Forest *forest);
extern uint32_t mlops_forest_n_values(const Forest *forest);
extern uint32_t mlops_forest_n_trees(const Forest *forest); /* 0: gblinear */

/* Margins of one row: row[n_features], NaN = missing; margin[n_outputs]. */
extern void mlops_forest_margin(const Forest *forest, const float *row, float *margin);

/* Margins of n rows that lie "stride" floats apart; margin[n * n_outputs]. */
extern void mlops_forest_margin_block(const Forest *forest, const float *rows, size_t stride,
									  size_t n, float *margin);

/*
 * Turn margins of one row into values, by the objective.  values[n_values];
 * may be the same array when n_values <= n_outputs.  multi:softmax yields the
 * class index; use mlops_forest_probability for its probabilities.
 */
extern void mlops_forest_transform(const Forest *forest, const float *margin, float *values);

/*
 * Probabilities of the classes: softmax of the margins for multi:*, the value
 * for other objectives.  probability[n_outputs].
 */
extern void mlops_forest_probability(const Forest *forest, const float *margin, float *probability);

/* Leaf index of every tree, as XGBoost's pred_leaf: leaf[n_trees]. */
extern void mlops_forest_leaf(const Forest *forest, const float *row, int32_t *leaf);

/* Whether the bytes held what contributions need: the cover of every node. */
extern bool mlops_forest_has_cover(const Forest *forest);

/*
 * What each feature adds to one margin of a row, and the base that they add to:
 * exact path-dependent SHAP values, as XGBoost's pred_contribs but in double
 * precision.  contribution[n_features + 1], the base last; the sum is the
 * margin.  FOREST_UNSUPPORTED without covers; allocates, so it may be
 * FOREST_NO_MEMORY; FOREST_INTERRUPTED when the callback, which may be NULL and
 * is asked every few milliseconds, says so.
 */
extern ForestStatus mlops_forest_contributions(const Forest *forest, const float *row,
											   uint32_t output, bool (*interrupted) (void),
											   double *contribution);

/*
 * Number the features that margin "output" depends on: place[n_features], or
 * UINT32_MAX; returns how many.
 */
extern uint32_t mlops_forest_place_features(const Forest *forest, uint32_t output,
											uint32_t *place);

/*
 * The same contributions, split into what features add alone and in pairs, as
 * XGBoost's pred_interactions: the features at places i >= j have theirs at
 * pair[i * (i + 1) / 2 + j].  A pair has two cells of XGBoost's symmetric
 * matrix, of which this is one; a row of that matrix adds up to the feature's
 * contribution.  "pair" must hold zeros.
 */
extern ForestStatus mlops_forest_interactions(const Forest *forest, const float *row,
											  uint32_t output, bool (*interrupted) (void),
											  double *contribution, const uint32_t *place,
											  double *pair);

/* Whether it is gblinear. */
extern bool mlops_forest_is_linear(const Forest *forest);

typedef enum ForestImportance
{
	IMPORTANCE_WEIGHT,			/* number of splits; of gblinear, the weight */
	IMPORTANCE_GAIN,			/* mean over the splits */
	IMPORTANCE_COVER,
	IMPORTANCE_TOTAL_GAIN,		/* sum over the splits */
	IMPORTANCE_TOTAL_COVER
} ForestImportance;

/*
 * Importance of every feature, as XGBoosterFeatureScore gives it for these
 * trees: score[n_features], and n_splits[n_features], 0 for a feature that is
 * not used.  FOREST_UNSUPPORTED when the bytes do not hold it, or for gblinear
 * but IMPORTANCE_WEIGHT with one output.
 */
extern ForestStatus mlops_forest_importance(const Forest *forest, ForestImportance importance,
											bool (*interrupted) (void), float *score,
											uint32_t *n_splits);

#endif							/* MLOPS_FOREST_H */
