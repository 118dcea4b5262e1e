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
#include "registry/found_row.h"

#define MLOPS_DIGEST_SIZE 32

typedef enum ModelPrivilege
{
	MODEL_PREDICT,
	MODEL_READ,
	MODEL_OWN					/* each includes the ones before it */
} ModelPrivilege;

/* A parsed reference: version 0 means "by alias". */
typedef struct ModelReference
{
	char	   *model;
	char	   *alias;			/* NULL with a version */
	int			version;
} ModelReference;

typedef struct ModelVersion
{
	char	   *model;
	int			version;
	uint8		digest[MLOPS_DIGEST_SIZE];
	char	   *format;			/* ubj or json, as stored */
	char	   *task;
	char	   *objective;
	Jsonb	   *signature;
	char	  **classes;		/* NULL unless binary or multiclass */
	int			n_classes;
	double		threshold;		/* 0.5 when none is stored */
} ModelVersion;

/* What the planner wants to know of a version. */
typedef struct ModelFacts
{
	bool		is_json;		/* format of the bytes */
	int64		size;			/* of the bytes */
	int			n_trees;
	int			n_classes;		/* 0 unless binary or multiclass */
} ModelFacts;

/*
 * Resolve a reference for the current user, who needs "privilege".  A missing
 * and a forbidden model give the same error.  Allocates in the current context.
 * This function and the ones down to load read by index scans of their own under
 * the active snapshot: also on a standby, in a parallel worker, and for a user
 * without any right on our tables.
 */
extern ModelVersion *mlops_registry_resolve(const char *reference, ModelPrivilege privilege);

/* Facts of the version that resolve would find with MODEL_PREDICT; false where it
 * would be an error. */
extern bool mlops_registry_peek(const char *reference, ModelFacts *facts);

/* The same as resolve, but a deleted version is found as well: for its lineage. */
extern ModelVersion *mlops_registry_resolve_any(const char *reference, ModelPrivilege privilege);

/* Where an answer came from, so that it can be checked without an index. */
typedef struct Resolution
{
	Oid			owner;
	Oid			grantee;		/* when a grant was needed; 0: PUBLIC */
	FoundRow	owner_row;		/* of alias or model */
	FoundRow	grant_row;		/* of model_privilege, likewise */
	FoundRow	version_row;	/* of model_version */
} Resolution;

/* mlops_registry_resolve for MODEL_PREDICT; fills *resolution. */
extern ModelVersion *mlops_registry_resolve_predict(const char *reference, Resolution *resolution);

/*
 * Whether the reference still means the same version, unchanged, and the current
 * user may predict with it.  When false, resolve it anew: that also gives the
 * error, if it is one.
 */
extern bool mlops_registry_resolves_same(const Resolution *resolution);

/* Version of an alias, 0 when there is none; and a version, an error when there is no
 * such.  No rights check; "row" as in Resolution, or NULL. */
extern int	mlops_registry_find_alias(const char *model, const char *alias, FoundRow *row);
extern ModelVersion *mlops_registry_find_version(const char *model, int version);

/* Whether "role" has "privilege" on the model (owner, superuser, grants);
 * false when there is no such model. */
extern bool mlops_registry_permits(const char *model, Oid role, ModelPrivilege privilege);

/* Whether the role submitted the run, or has the privilege on its model. */
extern bool mlops_registry_permits_run(int64 run, Oid role, ModelPrivilege privilege);

/* permits as an error for the current user. */
extern void mlops_registry_require(const char *model, ModelPrivilege privilege);

/* Aliases that point to a version (0: any), comma-separated; no rights check. */
extern char *mlops_registry_list_aliases(const char *model, int version);

/* Model bytes, checked against their digest; palloc'ed. */
extern bytea *mlops_registry_load(const uint8 *digest);

/* Error where the named function must not write: in a read-only transaction, on a
 * standby, inside a security-restricted operation. */
extern void mlops_registry_require_writable(const char *function);

/*
 * Build a forest from bytes: forest errors become ereports.  The image, and the
 * strings of the description (which may be NULL), live as long as the current
 * memory context; do not free them.  Interruptible.
 */
extern Forest *mlops_registry_build_forest(const bytea *bytes, ForestDescription *description);

/* Whether to stop; a callback for pure C. */
extern bool mlops_registry_interrupted(void);

/* SHA-256 of some bytes; digest[MLOPS_DIGEST_SIZE]. */
extern void mlops_registry_digest(const void *bytes, size_t size, uint8 *digest);

/* Check the form of names; errors say the rule. */
extern void mlops_registry_check_model_name(const char *name);
extern void mlops_registry_check_alias(const char *alias);
extern void mlops_registry_parse_reference(const char *reference, ModelReference *parsed);
extern bool mlops_registry_try_parse_reference(const char *reference, ModelReference *parsed);

/* Privilege by name: predict, read or own; an error for any other. */
extern ModelPrivilege mlops_registry_privilege_from_name(const char *name);
extern const char *mlops_registry_privilege_name(ModelPrivilege privilege);

/* Create the model when it is new (owned by "owner"), else demand MODEL_OWN of
 * "owner".  A model made in the same command is not yet visible to permits. */
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
	const ForestDescription *parsed;	/* when the bytes were parsed, or NULL */
} NewVersion;

/*
 * Store a version under the model's row lock: next number, blob, champion on
 * the first.  The same bytes, signature and threshold as the newest version
 * return that version with *existed set.  Parses the bytes first.  Task and
 * classes are fixed by version 1; others are an error.  No rights check.
 */
extern int	mlops_registry_publish(const NewVersion *version, bool *existed);

/* Move an alias, or remove it with version 0.  expected_version is the version
 * that must hold now: 0 none, -1 whatever it is.  Returns the version before, 0
 * when there was none.  No rights check. */
extern int	mlops_registry_move_alias(const char *model, const char *alias, int version,
									  int expected_version, Oid by, const char *reason);

/* Give or take a right, as the current user, who must own the model.  Role 0 is PUBLIC. */
extern void mlops_registry_grant(const char *model, Oid role, ModelPrivilege privilege);
extern void mlops_registry_revoke(const char *model, Oid role, ModelPrivilege privilege);

/* Set the threshold of a binary version, as the current user, who must own the model. */
extern void mlops_registry_set_threshold(const char *reference, double threshold);

/* Delete a version, likewise: its bytes go, its lineage stays. */
extern void mlops_registry_delete_version(const char *reference, const char *reason);

/* Told, before the commit, of bytes that no version of this database has any more;
 * may be NULL. */
extern void (*mlops_registry_bytes_deleted) (const uint8 *digest);

/*
 * Take dropped roles out of everything that gives rights, before their OIDs mean
 * somebody else (after a restore, or in years): grants go, their models pass to
 * the extension's owner, their versions (whose recipes run as their author), runs
 * and data sets to nobody.  For the dispatcher.
 */
extern void mlops_registry_sweep_roles(void);

#endif							/* MLOPS_REGISTRY_H */
