/*-------------------------------------------------------------------------
 *
 * maintain.c
 *	  Grants, thresholds and the deletion of versions.
 *
 * What an owner does to a model besides training it and moving its aliases.
 *
 * Locks: deleting a version updates its row, then locks the row of its bytes; a
 * version that an alias is about to point to is share-locked by move_alias.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "registry/registry.h"

void		(*mlops_registry_bytes_deleted) (const uint8 *digest) = NULL;

static void
check_role_exists(Oid role)
{
	if (OidIsValid(role) && !SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u does not exist", role)));
}

void
mlops_registry_grant(const char *model, Oid role, ModelPrivilege privilege)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_registry_require_writable("grant_model");
	mlops_registry_require(model, MODEL_OWN);
	check_role_exists(role);
	mlops_args_add_text(&args, model);
	mlops_args_add_role(&args, role);
	mlops_args_add_text(&args, mlops_registry_privilege_name(privilege));
	mlops_args_add_role(&args, GetUserId());
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.model_privilege (model, role, privilege, granted_by)"
						 " VALUES ($1, $2, $3, $4) ON CONFLICT (model, role, privilege) DO NOTHING",
						 &args);
	mlops_spi_end(&scope);
}

void
mlops_registry_revoke(const char *model, Oid role, ModelPrivilege privilege)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_registry_require_writable("revoke_model");
	mlops_registry_require(model, MODEL_OWN);
	mlops_args_add_text(&args, model);
	mlops_args_add_role(&args, role);
	mlops_args_add_text(&args, mlops_registry_privilege_name(privilege));
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "DELETE FROM mlops.model_privilege"
						 " WHERE model = $1 AND role = $2 AND privilege = $3", &args);
	mlops_spi_end(&scope);
}

void
mlops_registry_set_threshold(const char *reference, double threshold)
{
	ModelVersion *version;
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_registry_require_writable("set_threshold");
	version = mlops_registry_resolve(reference, MODEL_OWN);
	if (strcmp(version->task, "binary") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has no threshold, because its task is %s",
						version->model, version->task),
				 errhint("Thresholds belong to binary classification.")));
	if (!(threshold >= 0 && threshold <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("threshold must be between 0 and 1")));

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, version->version);
	mlops_args_add_float8(&args, threshold);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "UPDATE mlops.model_version SET threshold = $3"
						 " WHERE model = $1 AND version = $2", &args);
	mlops_spi_end(&scope);
}

/* Error while an alias points to the version, even one newer than the snapshot. */
static void
check_no_alias(const char *model, int version)
{
	char	   *aliases;

	PushActiveSnapshot(GetLatestSnapshot());
	aliases = mlops_registry_list_aliases(model, version);
	PopActiveSnapshot();
	if (aliases[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("version %d of model \"%s\" is in use", version, model),
				 errdetail("It has the alias: %s.", aliases),
				 errhint("Move or remove the alias with mlops.set_alias first.")));
}

/* Remove the bytes of a digest when no version is left that has it. */
static void
delete_unused_blob(const SpiScope *scope, Datum digest)
{
	SpiArgs		args = {0};

	mlops_args_add(&args, BYTEAOID, digest, false);

	/*
	 * wait for whoever is storing the same bytes, then look with a new
	 * snapshot
	 */
	(void) mlops_spi_run(scope,
						 "SELECT FROM mlops.model_blob WHERE digest = $1 FOR UPDATE", &args);
	if (mlops_spi_run(scope,
					  "DELETE FROM mlops.model_blob WHERE digest = $1 AND NOT EXISTS ("
					  "SELECT FROM mlops.model_version"
					  " WHERE digest = $1 AND deleted_at IS NULL) RETURNING digest", &args) > 0 &&
		mlops_registry_bytes_deleted != NULL)
	{
		bytea	   *deleted = DatumGetByteaPP(digest);

		mlops_registry_bytes_deleted((uint8 *) VARDATA_ANY(deleted));
	}
}

void
mlops_registry_delete_version(const char *reference, const char *reason)
{
	ModelReference parsed;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;

	mlops_registry_require_writable("delete_model_version");
	mlops_registry_parse_reference(reference, &parsed);
	if (parsed.version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a deletion must name the version"),
				 errhint("Write the model as name/version.")));
	(void) mlops_registry_resolve(reference, MODEL_OWN);

	mlops_args_add_text(&args, parsed.model);
	mlops_args_add_int4(&args, parsed.version);
	mlops_args_add_role(&args, GetUserId());
	mlops_args_add_text(&args, reason);
	mlops_spi_begin(&scope, false);
	if (mlops_spi_run(&scope,
					  "UPDATE mlops.model_version SET deleted_at = pg_catalog.now(),"
					  " deleted_by = $3, delete_reason = $4"
					  " WHERE model = $1 AND version = $2 AND deleted_at IS NULL"
					  " RETURNING digest", &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("version %d of model \"%s\" was deleted", parsed.version, parsed.model)));
	check_no_alias(parsed.model, parsed.version);
	delete_unused_blob(&scope, mlops_spi_value(0, 1, &isnull));
	args.n = 2;
	(void) mlops_spi_run(&scope,
						 "DELETE FROM mlops.model_calibration WHERE model = $1 AND version = $2",
						 &args);
	(void) mlops_spi_run(&scope,
						 "DELETE FROM mlops.model_curve WHERE model = $1 AND version = $2", &args);
	(void) mlops_spi_run(&scope,
						 "DELETE FROM mlops.model_reference WHERE model = $1 AND version = $2", &args);
	mlops_spi_end(&scope);
}

void
mlops_registry_sweep_roles(void)
{
	static const char *const statements[] = {
		"DELETE FROM mlops.model_privilege t WHERE role <> 0::oid"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.role)",
		"DELETE FROM mlops.role_limit t WHERE role <> 0::oid"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.role)",
		"UPDATE mlops.model t SET owner = $1"
		" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.owner)",
		"UPDATE mlops.alias t SET owner = $1"
		" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.owner)",
		"UPDATE mlops.model_version t SET created_by = 0::oid WHERE created_by <> 0::oid"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.created_by)",
		"UPDATE mlops.run t SET submitted_by = 0::oid"
		" WHERE submitted_by <> 0::oid AND status NOT IN ('queued', 'running')"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.submitted_by)",
		"UPDATE mlops.dataset t SET read_by = 0::oid WHERE read_by <> 0::oid"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = t.read_by)",
	};
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_args_add_role(&args, mlops_extension_owner());
	mlops_spi_begin(&scope, false);
	for (int i = 0; i < lengthof(statements); i++)
		(void) mlops_spi_run(&scope, statements[i], &args);
	mlops_spi_end(&scope);
}
