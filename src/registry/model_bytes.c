/*-------------------------------------------------------------------------
 *
 * model_bytes.c
 *	  Digest of model bytes, and bytes -> forest with errors as PostgreSQL has
 *	  them.
 *
 * Stands between the pure parser in forest/ and everything that stores or
 * serves models.  Takes no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "miscadmin.h"

#include "base/error.h"
#include "base/settings.h"
#include "registry/registry.h"

/* margins of one row; keeps a row of scores small */
#define MAX_OUTPUTS 10000

/* Memory of a forest, freed with the memory context that it was built in. */
typedef struct BuiltForest
{
	Forest	   *image;
	ForestDescription description;
	MemoryContextCallback callback;
} BuiltForest;

void
mlops_registry_digest(const void *bytes, size_t size, uint8 *digest)
{
	unsigned int digest_size = MLOPS_DIGEST_SIZE;

	if (EVP_Digest(bytes, size, digest, &digest_size, EVP_sha256(), NULL) != 1 ||
		digest_size != MLOPS_DIGEST_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a SHA-256 digest"),
				 errhint("Check the configuration of OpenSSL on the server.")));
}

bool
mlops_registry_interrupted(void)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}

static void
release_forest(void *arg)
{
	BuiltForest *built = arg;

	free(built->image);
	mlops_forest_free_description(&built->description);
}

static void
report_forest_error(ForestStatus status, const ForestError *error)
{
	switch (status)
	{
		case FOREST_OK:
			break;
		case FOREST_MALFORMED:
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_MODEL),
					 errmsg("invalid model bytes: %s", error->message),
					 errhint("Save the model with XGBoost's save_model or save_raw, as UBJSON or JSON.")));
			break;
		case FOREST_UNSUPPORTED:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("model is not supported: %s", error->message)));
			break;
		case FOREST_TOO_LARGE:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model is too large: %s", error->message),
					 errhint("The limits are mlops.max_model_size and mlops.max_columns.")));
			break;
		case FOREST_NO_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("Failed while reading a model.")));
			break;
		case FOREST_INTERRUPTED:
			CHECK_FOR_INTERRUPTS();
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("canceling statement while reading a model")));
			break;
	}
}

static void
check_size(size_t size)
{
	if (size > (size_t) mlops_max_model_size * 1024 * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model of %zu bytes exceeds the maximum of %d MB", size, mlops_max_model_size),
				 errhint("The limit is mlops.max_model_size.")));
}

Forest *
mlops_registry_build_forest(const bytea *bytes, ForestDescription *description)
{
	BuiltForest *built = palloc0(sizeof(BuiltForest));
	ForestLimits limits = {
		.max_image = (size_t) mlops_max_model_size * 2 * 1024 * 1024,
		.max_features = mlops_max_columns,
		.max_outputs = MAX_OUTPUTS,
		.interrupted = mlops_registry_interrupted
	};
	ForestError error = {{0}};
	ForestStatus status;
	size_t		image_size;

	check_size(VARSIZE_ANY_EXHDR(bytes));

	/* registered first: nothing can leak if registering fails */
	built->callback.func = release_forest;
	built->callback.arg = built;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &built->callback);

	status = mlops_forest_build(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), &limits,
								&built->image, &image_size, &built->description, &error);
	if (status != FOREST_OK)
	{
		built->image = NULL;
		memset(&built->description, 0, sizeof(built->description));
		report_forest_error(status, &error);
	}
	if (description != NULL)
		*description = built->description;
	return built->image;
}
