/*-------------------------------------------------------------------------
 *
 * model_cache.h
 *	  Model reference -> version with parsed signature and inputs, kept by the
 *	  session.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_MODEL_CACHE_H
#define MLOPS_MODEL_CACHE_H

#include "registry/registry.h"
#include "serve/row_input.h"

/* One use of a version. */
typedef struct ModelUse
{
	ModelVersion *version;
	const Signature *signature;
	RowInput   *input;			/* of the types asked for, or NULL; shared by
								 * all uses with this signature and these
								 * types */
	struct PreparedModel *model;
	struct PreparedInput *prepared_input;
	MemoryContextCallback release;
} ModelUse;

/*
 * The version that the reference means to the current user under the active
 * snapshot; errors as for mlops_registry_resolve.  Valid until "context" is reset
 * or deleted.
 */
extern ModelUse *mlops_model_cache_get(const char *reference, Size length,
									   MemoryContext context);

/* Get the input for arguments of certain types; once for a use. */
extern void mlops_model_cache_get_input(ModelUse *use, int n_types, const Oid *types);

#endif							/* MLOPS_MODEL_CACHE_H */
