/*-------------------------------------------------------------------------
 *
 * reference.h
 *	  The references of a version: profiles of what it has seen, in the table
 *	  model_reference.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_REFERENCE_H
#define MLOPS_REFERENCE_H

#include "drift/reference_set.h"
#include "feature/signature.h"
#include "registry/registry.h"

/* What the references of a version are made from. */
typedef struct VersionReference
{
	const char *model;
	int			version;
	const Signature *signature;
	char	  **classes;		/* of binary and multiclass tasks */
	int			n_classes;
	bool		predicts_classes;	/* the task is multiclass */
	const Forest *forest;
	const char *target;			/* name of the label; NULL: none is stored */
	int			n_profiles;		/* features + 2, or 0: nothing to store */
	Profile   **profiles;		/* features, label, prediction; each of the
								 * latter two may be NULL */
	const char *rows;			/* which rows were profiled: train or query */
	const char *scored;			/* which were predicted: test or query */
} VersionReference;

/*
 * A profile of a counted column (reference_set.h): of numbers as it is, of
 * categories made from the counts and these labels by code.  In the current
 * context; an error when the counts cannot be.
 */
extern Profile *mlops_reference_profile(const ReferenceColumn *column, char **labels);

/*
 * Store them in the transaction of the caller.  Profiles that do not fit the
 * signature are an error: they may come from a hostile process.  Without "replace",
 * what is stored already stays.  No rights check.
 */
extern void mlops_reference_store(const VersionReference *reference, bool replace);

/*
 * Make the references of a version anew from the rows of a query, which runs as
 * the caller, who must own the model.  Returns the number of rows.
 */
extern int64 mlops_reference_set(const char *model_ref, const char *query, const char *target);

#endif							/* MLOPS_REFERENCE_H */
