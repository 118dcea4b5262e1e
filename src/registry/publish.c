/*-------------------------------------------------------------------------
 *
 * publish.c
 *	  New models, new versions, aliases.
 *
 * Last step of a training, and of register_model; the only writer of
 * model_version, model_blob and alias besides the deletion of versions.
 *
 * Locks: publish holds the row of the model, so that numbers have no gaps;
 * moving an alias holds the rows of the alias and of its version, so that it
 * never waits for a training of the same model that is being published.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "registry/registry.h"

void
mlops_registry_ensure_model(const char *name, Oid owner)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		created;

	mlops_registry_check_model_name(name);
	mlops_spi_begin(&scope, false);
	mlops_args_add_text(&args, name);
	mlops_args_add_role(&args, owner);
	created = mlops_spi_run(&scope,
							"INSERT INTO mlops.model (name, owner) VALUES ($1, $2)"
							" ON CONFLICT (name) DO NOTHING", &args) > 0;
	mlops_spi_end(&scope);

	if (!created)
	{
		/* the row may be newer than the snapshot of the caller */
		PushActiveSnapshot(GetLatestSnapshot());
		if (owner == GetUserId())
			mlops_registry_require(name, MODEL_OWN);
		else if (!mlops_registry_permits(name, owner, MODEL_OWN))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for model \"%s\"", name),
					 errdetail("Role \"%s\" needs the right \"own\".",
							   GetUserNameFromId(owner, false))));
		PopActiveSnapshot();
	}
}

/* Error unless the version's own facts fit together and fit its bytes. */
static void
check_new_version(const NewVersion *version, const ForestDescription *description)
{
	JsonbValue	features;
	uint32		n_classes = strcmp(version->task, "multiclass") == 0 ? description->n_classes :
	strcmp(version->task, "binary") == 0 ? 2 : 0;

	if (!JB_ROOT_IS_OBJECT(version->signature) ||
		getKeyJsonValueFromContainer(&version->signature->root, "features", 8, &features) == NULL ||
		features.type != jbvBinary || !JsonContainerIsArray(features.val.binary.data) ||
		JsonContainerSize(features.val.binary.data) != description->n_features)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the signature does not list the %u features of the model",
						description->n_features),
				 errhint("Give signature => '{\"features\": [\"...\"]}' with one name per feature, in the order of training.")));
	if (n_classes == 0 && version->n_classes > 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("a model for the task %s has no classes", version->task)));
	if (version->n_classes != n_classes)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the model has %u classes, but %d are named", n_classes,
						version->n_classes),
				 errhint("Name them in the order of training, in the key \"classes\" of the signature.")));
}

/*
 * Lock the model's row and make sure that task and classes are the ones of
 * version 1.  Returns the newest version number.
 */
static int
lock_model(const SpiScope *scope, const NewVersion *version)
{
	SpiArgs		args = {0};
	bool		isnull;
	int			last_version;

	mlops_args_add_text(&args, version->model);
	mlops_args_add_text(&args, version->task);
	mlops_args_add_text_array(&args, version->classes, version->n_classes);
	if (mlops_spi_run(scope,
					  "SELECT last_version, task,"
					  " task IS NULL OR task = $2,"
					  " task IS NULL OR classes IS NOT DISTINCT FROM $3,"
					  " pg_catalog.array_to_string(classes, ', ')"
					  " FROM mlops.model WHERE name = $1 FOR NO KEY UPDATE", &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("model \"%s\" does not exist", version->model)));
	last_version = DatumGetInt32(mlops_spi_value(0, 1, &isnull));

	if (!DatumGetBool(mlops_spi_value(0, 3, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("model \"%s\" is for the task %s, the new version for %s",
						version->model, mlops_spi_text(0, 2), version->task),
				 errhint("The first version fixes the task; use another model name.")));
	if (!DatumGetBool(mlops_spi_value(0, 4, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the new version has other classes than model \"%s\"", version->model),
				 errdetail("The model's classes are: %s.", mlops_spi_text(0, 5)),
				 errhint("The first version fixes the classes and their order; use another model name.")));
	return last_version;
}

/* The newest version's number when it is the same in all that it does; else 0. */
static int
find_same_version(const SpiScope *scope, const NewVersion *version, const bytea *digest,
				  int last_version)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, last_version);
	mlops_args_add_bytea(&args, digest);
	mlops_args_add_jsonb(&args, version->signature);
	mlops_args_add_float8(&args, version->threshold);
	return mlops_spi_run(scope,
						 "SELECT FROM mlops.model_version"
						 " WHERE model = $1 AND version = $2 AND deleted_at IS NULL"
						 " AND digest = $3 AND signature = $4"
						 " AND threshold IS NOT DISTINCT FROM $5", &args) > 0 ? last_version : 0;
}

/*
 * Store the bytes unless they are there.  A real update of an existing row keeps
 * a concurrent deletion of another version with these bytes from removing them.
 */
static void
insert_blob(const SpiScope *scope, const bytea *digest, const bytea *bytes)
{
	SpiArgs		args = {0};

	mlops_args_add_bytea(&args, digest);
	mlops_args_add_bytea(&args, bytes);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.model_blob (digest, bytes) VALUES ($1, $2)"
						 " ON CONFLICT (digest) DO UPDATE SET digest = EXCLUDED.digest", &args);
}

static void
insert_version(const SpiScope *scope, const NewVersion *version, int number,
			   const bytea *digest, const ForestDescription *description)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, number);
	mlops_args_add_bytea(&args, digest);
	mlops_args_add_text(&args, description->format == FOREST_UBJ ? "ubj" : "json");
	mlops_args_add_id(&args, VARSIZE_ANY_EXHDR(version->bytes));
	mlops_args_add_text(&args, psprintf("%d.%d.%d", description->version[0],
										description->version[1], description->version[2]));
	mlops_args_add_text(&args, description->booster);
	mlops_args_add_text(&args, description->objective);
	mlops_args_add_text(&args, version->task);
	mlops_args_add_text_array(&args, version->classes, version->n_classes);
	mlops_args_add_jsonb(&args, version->signature);
	mlops_args_add_float8(&args, version->threshold);
	mlops_args_add_jsonb(&args, version->recipe);
	mlops_args_add_jsonb(&args, version->params);
	mlops_args_add_id(&args, version->run_id);
	mlops_args_add_id(&args, version->dataset_id);
	mlops_args_add_id(&args, version->parent_version);
	mlops_args_add_bool(&args, version->refit);
	mlops_args_add_text(&args, version->description);
	mlops_args_add_jsonb(&args, version->tags);
	mlops_args_add_role(&args, version->created_by);
	mlops_args_add_int4(&args, description->n_trees);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.model_version (model, version, digest, format, size,"
						 " library_version, booster, objective, task, classes, signature, threshold,"
						 " recipe, params, run_id, dataset_id, parent_version, refit, description,"
						 " tags, created_by, n_trees)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
						 " coalesce($14, '{}'::pg_catalog.jsonb), $15, $16, $17, $18, $19,"
						 " coalesce($20, '{}'::pg_catalog.jsonb), $21, $22)", &args);
}

/* Record the new number, and what version 1 fixes. */
static void
update_model(const SpiScope *scope, const NewVersion *version, int number)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, number);
	mlops_args_add_text(&args, version->task);
	mlops_args_add_text_array(&args, version->classes, version->n_classes);
	(void) mlops_spi_run(scope,
						 "UPDATE mlops.model SET last_version = $2, task = $3, classes = $4"
						 " WHERE name = $1", &args);
}

/* Parse the bytes unless that was done, and check the version against them. */
static void
describe_bytes(const NewVersion *version, ForestDescription *description)
{
	if (version->parsed != NULL)
		*description = *version->parsed;
	else
		(void) mlops_registry_build_forest(version->bytes, description);
	check_new_version(version, description);
}

int
mlops_registry_publish(const NewVersion *version, bool *existed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops publish",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ForestDescription description;
	SpiScope	scope;
	bytea	   *digest = palloc(VARHDRSZ + MLOPS_DIGEST_SIZE);
	int			last_version;
	int			number;

	describe_bytes(version, &description);
	SET_VARSIZE(digest, VARHDRSZ + MLOPS_DIGEST_SIZE);
	mlops_registry_digest(VARDATA_ANY(version->bytes), VARSIZE_ANY_EXHDR(version->bytes),
						  (uint8 *) VARDATA(digest));

	mlops_spi_begin(&scope, false);
	last_version = lock_model(&scope, version);
	number = find_same_version(&scope, version, digest, last_version);
	*existed = number > 0;
	if (!*existed)
	{
		number = last_version + 1;
		insert_blob(&scope, digest, version->bytes);
		insert_version(&scope, version, number, digest, &description);
		update_model(&scope, version, number);
	}
	mlops_spi_end(&scope);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	if (number == 1 && !*existed)
		(void) mlops_registry_move_alias(version->model, "champion", 1, -1, version->created_by,
										 "first version");
	return number;
}

/* Lock a version that an alias shall point to; it must not be deleted meanwhile. */
static void
lock_version(const SpiScope *scope, const char *model, int version)
{
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_text(&args, model);
	mlops_args_add_int4(&args, version);
	if (mlops_spi_run(scope,
					  "SELECT deleted_at IS NOT NULL FROM mlops.model_version"
					  " WHERE model = $1 AND version = $2 FOR SHARE", &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("model \"%s\" has no version %d", model, version),
				 errhint("Its versions are in mlops.model_version.")));
	if (DatumGetBool(mlops_spi_value(0, 1, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("version %d of model \"%s\" was deleted", version, model)));
}

/* Lock an alias and return its version; 0 when there is none. */
static int
lock_alias(const SpiScope *scope, const char *model, const char *alias)
{
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_text(&args, model);
	mlops_args_add_text(&args, alias);
	if (mlops_spi_run(scope,
					  "SELECT version FROM mlops.alias WHERE model = $1 AND alias = $2"
					  " FOR NO KEY UPDATE", &args) == 0)
		return 0;
	return DatumGetInt32(mlops_spi_value(0, 1, &isnull));
}

/* Write the locked alias, or insert it; false when somebody else inserted it first. */
static bool
write_alias(const SpiScope *scope, const char *model, const char *alias, int version,
			int previous, Oid by, const char *reason)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, model);
	mlops_args_add_text(&args, alias);
	if (version == 0)
		return mlops_spi_run(scope,
							 "DELETE FROM mlops.alias WHERE model = $1 AND alias = $2",
							 &args) > 0;
	mlops_args_add_int4(&args, version);
	mlops_args_add_role(&args, by);
	mlops_args_add_text(&args, reason);
	if (previous == 0)
		return mlops_spi_run(scope,
							 "INSERT INTO mlops.alias (model, alias, version, owner, updated_by, reason)"
							 " SELECT name, $2, $3, owner, $4, $5 FROM mlops.model WHERE name = $1"
							 " ON CONFLICT (model, alias) DO NOTHING", &args) > 0;
	return mlops_spi_run(scope,
						 "UPDATE mlops.alias SET version = $3, updated_by = $4,"
						 " updated_at = pg_catalog.now(), reason = $5"
						 " WHERE model = $1 AND alias = $2", &args) > 0;
}

/* Error while the alias has a share of the traffic. */
static void
check_no_traffic(const SpiScope *scope, const char *model, const char *alias)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, model);
	mlops_args_add_text(&args, alias);
	if (mlops_spi_run(scope, "SELECT FROM mlops.traffic WHERE model = $1 AND alias = $2", &args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("alias \"%s\" of model \"%s\" is in use", alias, model),
				 errdetail("It has a share of the traffic."),
				 errhint("Take it away with mlops.set_traffic first.")));
}

static void
check_expected_version(const char *model, const char *alias, int expected, int actual)
{
	if (expected < 0 || expected == actual)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_ALIAS_MOVED),
			 actual == 0 ? errmsg("alias \"%s\" of model \"%s\" does not exist", alias, model) :
			 errmsg("alias \"%s\" of model \"%s\" points to version %d", alias, model, actual),
			 expected == 0 ? errdetail("It was expected not to exist.") :
			 errdetail("It was expected to point to version %d.", expected),
			 errhint("Look at mlops.alias and decide again.")));
}

int
mlops_registry_move_alias(const char *model, const char *alias, int version,
						  int expected_version, Oid by, const char *reason)
{
	SpiScope	scope;
	int			previous;
	bool		done = false;

	mlops_registry_check_alias(alias);
	mlops_spi_begin(&scope, false);
	if (version > 0)
		lock_version(&scope, model, version);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		previous = lock_alias(&scope, model, alias);
		check_expected_version(model, alias, expected_version, previous);
		if (version == 0 && previous == 0)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
					 errmsg("model \"%s\" has no alias \"%s\"", model, alias)));
		if (version == 0)
			check_no_traffic(&scope, model, alias);
		done = version == previous ||
			write_alias(&scope, model, alias, version, previous, by, reason);
	}
	mlops_spi_end(&scope);
	return previous;
}
