/*-------------------------------------------------------------------------
 *
 * signature.h
 *	  What a model wants to see: ordered features, their kinds and category
 *	  dictionaries, and the target.  Stored with every version as jsonb:
 *
 *	  {"features": [
 *		 {"name": "age",  "type": "integer", "kind": "numeric"},
 *		 {"name": "ok",   "type": "boolean", "kind": "boolean"},
 *		 {"name": "city", "type": "text",    "kind": "category", "categories": ["Bern", "Oslo"]},
 *		 {"name": "v[1]", "type": "real[]",  "kind": "numeric", "column": "v", "element": 1}],
 *	   "target": {"name": "churned", "type": "boolean"}}
 *
 *	  The code of a category is its index.  Our own trainings sort categories
 *	  bytewise; imported models have them in an order of their own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SIGNATURE_H
#define MLOPS_SIGNATURE_H

#include "utils/jsonb.h"

typedef enum FeatureKind
{
	FEATURE_NUMERIC,
	FEATURE_BOOLEAN,
	FEATURE_CATEGORY
} FeatureKind;

typedef struct Feature
{
	char	   *name;			/* as XGBoost sees it: column, or
								 * column[element] */
	char	   *column;			/* column of the query */
	int			element;		/* index from 1 within an array column, else 0 */
	char	   *type;			/* SQL type of the column, format_type() */
	FeatureKind kind;
	int			n_categories;
	char	  **categories;		/* by code, in server encoding */
	int		   *by_label;		/* codes in bytewise order of their labels;
								 * NULL: they are in that order */
} Feature;

typedef struct Signature
{
	int			n_features;
	Feature    *features;
	char	   *target;			/* NULL when not known (import) */
	char	   *target_type;
} Signature;

/* Both allocate in the current memory context.  The jsonb counts as hostile. */
extern Signature *mlops_signature_from_jsonb(Jsonb *json);
extern Jsonb *mlops_signature_to_jsonb(const Signature *signature);

/* A name that two features have, or a column, but for the elements of one; or NULL. */
extern const char *mlops_signature_find_duplicate(const Signature *signature);

/* Code of a label, or -1 when the dictionary does not have it. */
extern int	mlops_signature_find_category(const Feature *feature, const char *label, size_t length);

#endif							/* MLOPS_SIGNATURE_H */
