/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  From a reference to a version, from a digest to bytes, under rights.
 *
 * First step of every prediction.  Reads our tables by index scans of its own
 * under the active snapshot instead of SPI, so that it costs two probes for the
 * owner and three for others, and runs where SPI or our tables' grants would
 * not allow it.  A session that has asked before looks at the same rows again
 * instead (found_row.h).  Text keys are COLLATE "C" because scan keys of the
 * system are.
 *
 * Locks: AccessShareLock on the tables read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "base/spi.h"
#include "registry/calibration.h"
#include "registry/probe.h"
#include "registry/registry.h"
#include "registry/tables.h"

/* Owner of a model; InvalidOid when there is no such model.  Here and below the
 * last argument takes the row, or is NULL. */
static Oid
find_owner(const char *model, FoundRow *row)
{
	Probe		probe;
	ScanKeyData key;
	Oid			owner = InvalidOid;

	mlops_probe_text_key(&key, Anum_model_name, model);
	mlops_probe_begin(&probe, "model", "model_pkey", 1, &key);
	if (mlops_probe_fetch(&probe))
	{
		owner = DatumGetObjectId(mlops_probe_filled_column(&probe, Anum_model_owner));
		mlops_probe_keep(&probe, row);
	}
	mlops_probe_end(&probe);
	return owner;
}

/* Version of an alias and owner of its model; 0 when there is no such alias. */
static int
find_alias(const char *model, const char *alias, Oid *owner, FoundRow *row)
{
	Probe		probe;
	ScanKeyData keys[2];
	int			version = 0;

	mlops_probe_text_key(&keys[0], Anum_alias_model, model);
	mlops_probe_text_key(&keys[1], Anum_alias_alias, alias);
	mlops_probe_begin(&probe, "alias", "alias_pkey", 2, keys);
	if (mlops_probe_fetch(&probe))
	{
		version = DatumGetInt32(mlops_probe_filled_column(&probe, Anum_alias_version));
		*owner = DatumGetObjectId(mlops_probe_filled_column(&probe, Anum_alias_owner));
		mlops_probe_keep(&probe, row);
	}
	mlops_probe_end(&probe);
	return version;
}

/* Whether the role has what was granted; role 0 is PUBLIC, the OID of a dropped
 * role matches nobody. */
static bool
match_grantee(Oid role, Oid grantee)
{
	return !OidIsValid(grantee) || has_privs_of_role(role, grantee);
}

/* Whether the role has the privilege by a grant, and by whose. */
static bool
find_grant(const char *model, Oid role, ModelPrivilege privilege, Oid *grantee, FoundRow *row)
{
	Probe		probe;
	ScanKeyData key;
	bool		found = false;

	mlops_probe_text_key(&key, Anum_model_privilege_model, model);
	mlops_probe_begin(&probe, "model_privilege", "model_privilege_pkey", 1, &key);
	while (!found && mlops_probe_fetch(&probe))
	{
		char	   *name = TextDatumGetCString(mlops_probe_filled_column(&probe, Anum_model_privilege_privilege));

		*grantee = DatumGetObjectId(mlops_probe_filled_column(&probe, Anum_model_privilege_role));
		found = mlops_registry_privilege_from_name(name) >= privilege &&
			match_grantee(role, *grantee);
		if (found)
			mlops_probe_keep(&probe, row);
	}
	mlops_probe_end(&probe);
	return found;
}

/* Whether the role has the privilege on a model of this owner. */
static bool
permit_role(const char *model, Oid owner, Oid role, ModelPrivilege privilege)
{
	Oid			grantee;

	return OidIsValid(owner) &&
		(has_privs_of_role(role, owner) || find_grant(model, role, privilege, &grantee, NULL));
}

bool
mlops_registry_permits(const char *model, Oid role, ModelPrivilege privilege)
{
	return permit_role(model, find_owner(model, NULL), role, privilege);
}

/*
 * Error for a privilege that the current user lacks.  Who may not even predict
 * gets the same error as for a model that does not exist.
 */
static void
report_forbidden(const char *model, Oid owner, ModelPrivilege privilege)
{
	if (privilege == MODEL_PREDICT || !permit_role(model, owner, GetUserId(), MODEL_PREDICT))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("model \"%s\" does not exist, or you have no right to use it", model),
				 errhint("Your models are listed in mlops.model; the owner of a model gives rights with mlops.grant_model.")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", model),
			 errdetail("The right \"%s\" is needed.", mlops_registry_privilege_name(privilege)),
			 errhint("The owner of the model gives rights with mlops.grant_model.")));
}

void
mlops_registry_require(const char *model, ModelPrivilege privilege)
{
	Oid			owner = find_owner(model, NULL);

	if (!permit_role(model, owner, GetUserId(), privilege))
		report_forbidden(model, owner, privilege);
}

char *
mlops_registry_list_aliases(const char *model, int version)
{
	Probe		probe;
	ScanKeyData key;
	StringInfoData list;

	initStringInfo(&list);
	mlops_probe_text_key(&key, Anum_alias_model, model);
	mlops_probe_begin(&probe, "alias", "alias_pkey", 1, &key);
	while (mlops_probe_fetch(&probe))
		if (version == 0 ||
			DatumGetInt32(mlops_probe_filled_column(&probe, Anum_alias_version)) == version)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 TextDatumGetCString(mlops_probe_filled_column(&probe, Anum_alias_alias)));
	mlops_probe_end(&probe);
	return list.data;
}

static void
report_missing_alias(const char *model, const char *alias)
{
	char	   *aliases = mlops_registry_list_aliases(model, 0);

	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
			 errmsg("model \"%s\" has no alias \"%s\"", model, alias),
			 aliases[0] != '\0' ? errhint("Its aliases are: %s.", aliases) :
			 errhint("Set one with mlops.set_alias.")));
}

/* Copy the current row of model_version. */
static ModelVersion *
copy_version(const Probe *probe)
{
	ModelVersion *result = palloc0(sizeof(ModelVersion));
	bytea	   *digest = DatumGetByteaPP(mlops_probe_filled_column(probe, Anum_model_version_digest));
	Datum		value;
	bool		isnull;

	if (VARSIZE_ANY_EXHDR(digest) != MLOPS_DIGEST_SIZE)
		elog(ERROR, "digest of a model version has the wrong size");
	memcpy(result->digest, VARDATA_ANY(digest), MLOPS_DIGEST_SIZE);
	result->model = TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_version_model));
	result->version = DatumGetInt32(mlops_probe_filled_column(probe, Anum_model_version_version));
	result->format = TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_version_format));
	result->task = TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_version_task));
	result->objective = TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_version_objective));
	result->signature = DatumGetJsonbPCopy(mlops_probe_filled_column(probe, Anum_model_version_signature));

	value = mlops_probe_column(probe, Anum_model_version_classes, &isnull);
	if (!isnull)
	{
		Datum	   *labels;

		deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
						  &labels, NULL, &result->n_classes);
		result->classes = palloc(sizeof(char *) * Max(result->n_classes, 1));
		for (int i = 0; i < result->n_classes; i++)
			result->classes[i] = TextDatumGetCString(labels[i]);
	}

	value = mlops_probe_column(probe, Anum_model_version_threshold, &isnull);
	result->threshold = isnull ? 0.5 : DatumGetFloat8(value);
	return result;
}

static ModelVersion *
find_version(const char *model, int version, bool deleted_too, FoundRow *row)
{
	Probe		probe;
	ScanKeyData keys[2];
	ModelVersion *result = NULL;
	bool		alive = true;

	mlops_probe_text_key(&keys[0], Anum_model_version_model, model);
	mlops_probe_int4_key(&keys[1], Anum_model_version_version, version);
	mlops_probe_begin(&probe, "model_version", "model_version_pkey", 2, keys);
	if (mlops_probe_fetch(&probe))
	{
		(void) mlops_probe_column(&probe, Anum_model_version_deleted_at, &alive);
		if (alive || deleted_too)
		{
			result = copy_version(&probe);
			mlops_probe_keep(&probe, row);
		}
	}
	mlops_probe_end(&probe);

	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 alive ? errmsg("model \"%s\" has no version %d", model, version) :
				 errmsg("version %d of model \"%s\" was deleted", version, model),
				 errhint("Its versions are in mlops.model_version.")));
	return result;
}

int
mlops_registry_find_alias(const char *model, const char *alias, FoundRow *row)
{
	Oid			owner;

	return find_alias(model, alias, &owner, row);
}

ModelVersion *
mlops_registry_find_version(const char *model, int version)
{
	return find_version(model, version, false, NULL);
}

static ModelVersion *
resolve_reference(const char *reference, ModelPrivilege privilege, bool deleted_too,
				  Resolution *resolution)
{
	ModelReference parsed;
	Resolution	scratch;
	Resolution *rows = resolution != NULL ? resolution : &scratch;

	memset(rows, 0, sizeof(Resolution));
	mlops_registry_parse_reference(reference, &parsed);
	if (parsed.version == 0)
		parsed.version = find_alias(parsed.model, parsed.alias, &rows->owner, &rows->owner_row);
	if (!OidIsValid(rows->owner))
		rows->owner = find_owner(parsed.model, &rows->owner_row);
	if (!OidIsValid(rows->owner) ||
		(!has_privs_of_role(GetUserId(), rows->owner) &&
		 !find_grant(parsed.model, GetUserId(), privilege, &rows->grantee, &rows->grant_row)))
		report_forbidden(parsed.model, rows->owner, privilege);
	if (parsed.version == 0)
		report_missing_alias(parsed.model, parsed.alias);
	return find_version(parsed.model, parsed.version, deleted_too, &rows->version_row);
}

ModelVersion *
mlops_registry_resolve(const char *reference, ModelPrivilege privilege)
{
	return resolve_reference(reference, privilege, false, NULL);
}

ModelVersion *
mlops_registry_resolve_any(const char *reference, ModelPrivilege privilege)
{
	return resolve_reference(reference, privilege, true, NULL);
}

ModelVersion *
mlops_registry_resolve_predict(const char *reference, Resolution *resolution)
{
	return resolve_reference(reference, MODEL_PREDICT, false, resolution);
}

bool
mlops_registry_resolves_same(const Resolution *resolution)
{
	Oid			user = GetUserId();
	Snapshot	snapshot = GetActiveSnapshot();

	return (has_privs_of_role(user, resolution->owner) ||
			(mlops_found_row_stands(&resolution->grant_row, snapshot) &&
			 match_grantee(user, resolution->grantee))) &&
		mlops_found_row_stands(&resolution->owner_row, snapshot) &&
		mlops_found_row_stands(&resolution->version_row, snapshot);
}

bytea *
mlops_registry_load(const uint8 *digest)
{
	Probe		probe;
	ScanKeyData key;
	bytea	   *bytes = NULL;
	bytea	   *wanted = palloc(VARHDRSZ + MLOPS_DIGEST_SIZE);
	uint8		actual[MLOPS_DIGEST_SIZE];

	SET_VARSIZE(wanted, VARHDRSZ + MLOPS_DIGEST_SIZE);
	memcpy(VARDATA(wanted), digest, MLOPS_DIGEST_SIZE);
	ScanKeyInit(&key, Anum_model_blob_digest, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(wanted));
	mlops_probe_begin(&probe, "model_blob", "model_blob_pkey", 1, &key);
	if (mlops_probe_fetch(&probe))
		bytes = DatumGetByteaPCopy(mlops_probe_filled_column(&probe, Anum_model_blob_bytes));
	mlops_probe_end(&probe);
	pfree(wanted);

	if (bytes == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the bytes of a model version are missing"),
				 errhint("Restore table mlops.model_blob from a backup, or register the model again.")));
	mlops_registry_digest(VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, actual);
	if (memcmp(actual, digest, MLOPS_DIGEST_SIZE) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the bytes of a model version do not match their digest"),
				 errhint("Restore table mlops.model_blob from a backup, or register the model again.")));
	return bytes;
}

/* Numbers of an array column of the current row. */
static Datum *
get_numbers(const Probe *probe, int column, int *n)
{
	Datum	   *numbers;
	bool	   *nulls;

	deconstruct_array(DatumGetArrayTypeP(mlops_probe_filled_column(probe, column)), FLOAT8OID,
					  sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &numbers, &nulls, n);
	for (int i = 0; i < *n; i++)
		if (nulls[i])
			elog(ERROR, "calibration of a model version holds nulls");
	return numbers;
}

/* Copy the current row of model_calibration, into one chunk. */
static Calibration *
copy_calibration(const Probe *probe)
{
	int			n;
	int			n_probabilities;
	Datum	   *scores = get_numbers(probe, Anum_model_calibration_score, &n);
	Datum	   *probabilities = get_numbers(probe, Anum_model_calibration_probability, &n_probabilities);
	Calibration *calibration = palloc(sizeof(Calibration) + n * sizeof(MetricKnot));

	if (n == 0 || n != n_probabilities)
		elog(ERROR, "calibration of a model version has the wrong size");
	calibration->n = DatumGetInt64(mlops_probe_filled_column(probe, Anum_model_calibration_n));
	calibration->n_knots = n;
	calibration->knots = (MetricKnot *) (calibration + 1);
	for (int i = 0; i < n; i++)
		calibration->knots[i] = (MetricKnot)
	{
		DatumGetFloat8(scores[i]), DatumGetFloat8(probabilities[i])
	};
	return calibration;
}

Calibration *
mlops_calibration_find(const char *model, int version)
{
	Probe		probe;
	ScanKeyData keys[2];
	Calibration *calibration = NULL;

	mlops_probe_text_key(&keys[0], Anum_model_calibration_model, model);
	mlops_probe_int4_key(&keys[1], Anum_model_calibration_version, version);
	mlops_probe_begin(&probe, "model_calibration", "model_calibration_pkey", 2, keys);
	if (mlops_probe_fetch(&probe))
		calibration = copy_calibration(&probe);
	mlops_probe_end(&probe);
	return calibration;
}

bool
mlops_registry_permits_run(int64 run, Oid role, ModelPrivilege privilege)
{
	Probe		probe;
	ScanKeyData key;
	Oid			submitter = InvalidOid;
	char	   *model = NULL;

	ScanKeyInit(&key, Anum_run_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(run));
	mlops_probe_begin(&probe, "run", "run_pkey", 1, &key);
	if (mlops_probe_fetch(&probe))
	{
		bool		isnull;
		Datum		value = mlops_probe_column(&probe, Anum_run_model, &isnull);

		model = isnull ? NULL : TextDatumGetCString(value);
		submitter = DatumGetObjectId(mlops_probe_filled_column(&probe, Anum_run_submitted_by));
	}
	mlops_probe_end(&probe);

	return (OidIsValid(submitter) && has_privs_of_role(role, submitter)) ||
		(model != NULL && mlops_registry_permits(model, role, privilege));
}

/* Read the facts off the current row of model_version; false when it was deleted. */
static bool
read_facts(const Probe *probe, ModelFacts *facts)
{
	Datum		classes;
	bool		isnull;

	(void) mlops_probe_column(probe, Anum_model_version_deleted_at, &isnull);
	if (!isnull)
		return false;
	facts->is_json = strcmp(TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_version_format)),
							"json") == 0;
	facts->size = DatumGetInt64(mlops_probe_filled_column(probe, Anum_model_version_size));
	facts->n_trees = DatumGetInt32(mlops_probe_filled_column(probe, Anum_model_version_n_trees));
	classes = mlops_probe_column(probe, Anum_model_version_classes, &isnull);
	facts->n_classes = isnull ? 0 :
		ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(classes)), ARR_DIMS(DatumGetArrayTypeP(classes)));
	return true;
}

bool
mlops_registry_peek(const char *reference, ModelFacts *facts)
{
	ModelReference parsed;
	Oid			owner;
	Probe		probe;
	ScanKeyData keys[2];
	bool		found;

	if (!mlops_registry_try_parse_reference(reference, &parsed))
		return false;
	if (parsed.version == 0)
		parsed.version = find_alias(parsed.model, parsed.alias, &owner, NULL);
	if (parsed.version == 0 || !mlops_registry_permits(parsed.model, GetUserId(), MODEL_PREDICT))
		return false;

	mlops_probe_text_key(&keys[0], Anum_model_version_model, parsed.model);
	ScanKeyInit(&keys[1], Anum_model_version_version, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(parsed.version));
	mlops_probe_begin(&probe, "model_version", "model_version_pkey", 2, keys);
	found = mlops_probe_fetch(&probe) && read_facts(&probe, facts);
	mlops_probe_end(&probe);
	return found;
}
