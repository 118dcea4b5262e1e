/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  Models, versions, aliases and rights, as the rest of the code sees them.
 *
 * A reference is "name" (= name@champion), "name@alias" or "name/version".
 * Names are resolved through the caller's active snapshot; what is cached
 * anywhere is keyed by the digest of the bytes, never by a name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_REGISTRY_H
#define MLOPS_REGISTRY_H

#include "utils/jsonb.h"

#include "forest/forest.h"

#define MLOPS_DIGEST_SIZE 32

typedef enum ModelPrivilege
{
	MODEL_PREDICT,
	MODEL_READ,
	MODEL_OWN					/* each includes the ones before it */
} ModelPrivilege;

typedef struct ModelVersion
{
	char	   *model;
	int			version;
	uint8		digest[MLOPS_DIGEST_SIZE];
	char	   *task;
	char	   *objective;
	Jsonb	   *signature;
	char	  **classes;		/* NULL unless binary or multiclass */
	int			n_classes;
	double		threshold;		/* 0.5 when none is stored */
} ModelVersion;

/*
 * Resolve a reference for the current user, who needs "privilege".  A missing
 * and a forbidden model give the same error.  Allocates in the current context.
 */
extern ModelVersion *mlops_registry_resolve(const char *reference, ModelPrivilege privilege);

/* Whether "role" has "privilege" on the model (owner, superuser, grants). */
extern bool mlops_registry_permits(const char *model, Oid role, ModelPrivilege privilege);

/* The same as an error for the current user. */
extern void mlops_registry_require(const char *model, ModelPrivilege privilege);

/* Model bytes, checked against their digest; palloc'ed bytea. */
extern bytea *mlops_registry_load(const uint8 * digest);

/* Build a forest from bytes: forest errors become ereports; the image is
 * palloc'ed in the current context; interruptible. */
extern Forest *mlops_registry_build_forest(const bytea *bytes, ForestDescription *description);

/* Check the form of names; errors say the rule. */
extern void mlops_registry_check_model_name(const char *name);
extern void mlops_registry_check_alias(const char *alias);

/* Create the model when it is new (owned by "owner"), else demand MODEL_OWN of "owner". */
extern void mlops_registry_ensure_model(const char *name, Oid owner);

/* A version about to be stored. */
typedef struct NewVersion
{
	const char *model;
	bytea	   *bytes;
	Jsonb	   *signature;
	const char *task;
	char	  **classes;		/* NULL unless binary or multiclass */
	int			n_classes;
	double		threshold;		/* NaN: none */
	Jsonb	   *recipe;			/* NULL: imported */
	Jsonb	   *params;
	int64		run_id;			/* 0: none, likewise below */
	int64		dataset_id;
	int			parent_version;
	bool		refit;
	const char *description;
	Jsonb	   *tags;
	Oid			created_by;
} NewVersion;

/*
 * Store a version under the model's row lock: next number, blob, champion on
 * the first.  The same bytes and signature as the newest version return that
 * version with *existed set.  Parses the bytes first.
 */
extern int	mlops_registry_publish(const NewVersion *version, bool *existed);

/* Move an alias; expected_version -1: whatever it was.  Returns the version
 * before, 0 when there was none.  No rights check. */
extern int	mlops_registry_move_alias(const char *model, const char *alias, int version,
									  int expected_version, Oid by, const char *reason);

#endif							/* MLOPS_REGISTRY_H */
