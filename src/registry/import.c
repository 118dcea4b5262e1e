/*-------------------------------------------------------------------------
 *
 * import.c
 *	  Models trained elsewhere: what their bytes and the caller say of them.
 *
 * The bytes know the objective and perhaps the names of the features; what they
 * do not know (real names, category dictionaries, class labels) the caller gives
 * in the signature.  Nothing is guessed that would change a prediction.
 *
 * Locks: those of publish.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "feature/signature.h"
#include "registry/import.h"
#include "registry/registry.h"

#define CATEGORY_HINT \
	"Describe a category as {\"name\": \"...\", \"type\": \"text\", \"kind\": \"category\", \"categories\": [\"...\"]}, with the labels in the order of their codes."
#define SIGNATURE_HINT "Give signature => '{\"features\": [\"...\"]}' with one name per feature, in the order of training."

static void
check_object(const Jsonb *json, const char *argument)
{
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" of register_model must be a JSON object", argument)));
}

static const char *
derive_task(const char *objective)
{
	static const struct
	{
		const char *prefix;
		const char *task;
	}			tasks[] = {
		{"reg:", "regression"}, {"count:", "regression"}, {"binary:", "binary"},
		{"multi:", "multiclass"}, {"rank:", "ranking"}, {"survival:", "survival"}
	};

	for (int i = 0; i < lengthof(tasks); i++)
		if (strncmp(objective, tasks[i].prefix, strlen(tasks[i].prefix)) == 0)
			return tasks[i].task;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("objective \"%s\" is not supported", objective)));
}

/* Text of a scalar; NULL for a container or null. */
static char *
get_scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return numeric_normalize(value->val.numeric);
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

/* Array of scalars under a key of the signature; NULL when the key is absent. */
static char **
get_labels(Jsonb *signature, const char *key, int *n)
{
	JsonbValue	array;
	char	  **labels;

	*n = 0;
	if (getKeyJsonValueFromContainer(&signature->root, key, strlen(key), &array) == NULL)
		return NULL;
	if (array.type == jbvBinary && JsonContainerIsArray(array.val.binary.data))
	{
		int			size = JsonContainerSize(array.val.binary.data);

		labels = palloc(sizeof(char *) * Max(size, 1));
		while (*n < size)
		{
			labels[*n] = get_scalar_text(getIthJsonbValueFromContainer(array.val.binary.data, *n));
			if (labels[*n] == NULL)
				break;
			(*n)++;
		}
		if (*n == size)
			return labels;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key \"%s\" of the signature must be an array of labels", key)));
}

/* The short form of a signature: an array of strings.  NULL for any other form. */
static Signature *
read_short_signature(Jsonb *json)
{
	JsonbValue	array;
	Signature  *signature;
	char	  **names;
	int			n;

	if (getKeyJsonValueFromContainer(&json->root, "features", 8, &array) == NULL ||
		array.type != jbvBinary || !JsonContainerIsArray(array.val.binary.data))
		return NULL;
	n = JsonContainerSize(array.val.binary.data);
	for (int i = 0; i < n; i++)
		if (getIthJsonbValueFromContainer(array.val.binary.data, i)->type != jbvString)
			return NULL;

	names = get_labels(json, "features", &n);
	signature = palloc0(sizeof(Signature));
	signature->n_features = n;
	signature->features = palloc0(sizeof(Feature) * n);
	for (int i = 0; i < n; i++)
	{
		signature->features[i].name = signature->features[i].column = names[i];
		signature->features[i].type = "double precision";
		signature->features[i].kind = FEATURE_NUMERIC;
	}
	return signature;
}

/* Whether the names are the ones that XGBoost gives when it knows none. */
static bool
match_default_names(const ForestDescription *description)
{
	for (uint32 i = 0; i < description->n_feature_names; i++)
		if (strcmp(description->feature_names[i], psprintf("f%u", i)) != 0)
			return false;
	return true;
}

/* Name of a feature in the server's encoding; a model's strings are UTF-8. */
static char *
get_feature_name(const ForestDescription *description, uint32 i)
{
	const char *name = description->feature_names[i];

	return pg_any_to_server(name, strlen(name), PG_UTF8);
}

static Signature *
derive_signature(const ForestDescription *description)
{
	Signature  *signature = palloc0(sizeof(Signature));

	if (match_default_names(description))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the model does not name its features"),
				 errhint(SIGNATURE_HINT)));
	signature->n_features = description->n_features;
	signature->features = palloc0(sizeof(Feature) * description->n_features);
	for (uint32 i = 0; i < description->n_features; i++)
	{
		Feature    *feature = &signature->features[i];

		feature->name = feature->column = pstrdup(get_feature_name(description, i));
		feature->type = "double precision";
		feature->kind = FEATURE_NUMERIC;
	}
	return signature;
}

/* Error unless the signature fits what the bytes say of the features. */
static void
check_features(const Signature *signature, const ForestDescription *description)
{
	bool		named = !match_default_names(description);

	if (signature->n_features != description->n_features)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the model has %u features, the signature %d",
						description->n_features, signature->n_features),
				 errhint(SIGNATURE_HINT)));
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];
		const char *type = description->feature_types ? description->feature_types[i] : NULL;

		CHECK_FOR_INTERRUPTS();
		if (named && strcmp(feature->name, get_feature_name(description, i)) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("feature %d is \"%s\" in the model, but \"%s\" in the signature",
							i + 1, get_feature_name(description, i), feature->name),
					 errhint("Name the features in the order of training.")));
		if (type != NULL && (strcmp(type, "c") == 0) != (feature->kind == FEATURE_CATEGORY))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("feature \"%s\" is %s in the model, but not in the signature",
							feature->name, strcmp(type, "c") == 0 ? "a category" : "a number"),
					 errhint(CATEGORY_HINT)));
		if (description->n_categories[i] > feature->n_categories)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("feature \"%s\" has %u categories or more in the model, but %d in the signature",
							feature->name, description->n_categories[i], feature->n_categories),
					 errhint(CATEGORY_HINT)));
	}
}

static void
check_positive(Jsonb *signature, char **classes, int n_classes)
{
	JsonbValue	value;
	char	   *positive;

	if (getKeyJsonValueFromContainer(&signature->root, "positive", 8, &value) == NULL)
		return;
	positive = get_scalar_text(&value);
	if (positive == NULL || n_classes != 2 || strcmp(positive, classes[1]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the positive class must be the second of two classes"),
				 errhint("A binary model predicts the probability of label 1: give \"classes\": [label 0, label 1].")));
}

/*
 * Class labels: the caller's, else the ones that version 1 fixed, else 0, 1, ...
 */
static void
choose_classes(NewVersion *version, Jsonb *signature, uint32 n_model_classes)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;

	version->n_classes = strcmp(version->task, "binary") == 0 ? 2 :
		strcmp(version->task, "multiclass") == 0 ? (int) n_model_classes : 0;
	if (signature != NULL)
	{
		int			n;
		char	  **classes = get_labels(signature, "classes", &n);

		if (classes != NULL)
		{
			version->classes = classes;
			version->n_classes = n;
		}
	}
	if (version->classes == NULL && version->n_classes > 0)
	{
		MemoryContext caller = CurrentMemoryContext;

		version->classes = palloc(sizeof(char *) * version->n_classes);
		mlops_args_add_text(&args, version->model);
		mlops_args_add_int4(&args, version->n_classes);
		mlops_spi_begin(&scope, true);
		(void) mlops_spi_run(&scope,
							 "SELECT coalesce(m.classes[i], (i - 1)::pg_catalog.text)"
							 " FROM pg_catalog.generate_series(1, $2) i LEFT JOIN mlops.model m"
							 " ON m.name = $1 AND pg_catalog.cardinality(m.classes) = $2"
							 " ORDER BY i", &args);
		for (int i = 0; i < version->n_classes; i++)
			version->classes[i] = MemoryContextStrdup(caller,
													  TextDatumGetCString(mlops_spi_value(i, 1, &isnull)));
		mlops_spi_end(&scope);
	}
	for (int i = 1; i < version->n_classes; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(version->classes[i], version->classes[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
						 errmsg("class \"%s\" is named twice", version->classes[i])));
	if (signature != NULL)
		check_positive(signature, version->classes, version->n_classes);
}

static void
check_metrics(Jsonb *metrics)
{
	JsonbIterator *iterator = JsonbIteratorInit(&metrics->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *name = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = get_scalar_text(&value);
		else if (token == WJB_VALUE && value.type != jbvNumeric && value.type != jbvNull)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("metric \"%s\" is not a number", name)));
	}
}

static void
check_parent(const ImportRequest *request)
{
	SpiScope	scope;
	SpiArgs		args = {0};

	if (request->parent_version == 0)
		return;
	mlops_args_add_text(&args, request->model);
	mlops_args_add_int4(&args, request->parent_version);
	mlops_spi_begin(&scope, true);
	if (mlops_spi_run(&scope,
					  "SELECT FROM mlops.model_version WHERE model = $1 AND version = $2",
					  &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("model \"%s\" has no version %d", request->model, request->parent_version),
				 errhint("The parent must be an older version of the same model.")));
	mlops_spi_end(&scope);
}

static int64
insert_run(const ImportRequest *request, Oid caller)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	int64		run;

	mlops_args_add_text(&args, request->model);
	mlops_args_add_id(&args, request->parent_version);
	mlops_args_add_role(&args, caller);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.run (kind, model, status, recipe, parent_version,"
						 " submitted_by, started_at, ended_at)"
						 " VALUES ('import', $1, 'succeeded', '{}', $2, $3,"
						 " pg_catalog.now(), pg_catalog.now()) RETURNING id", &args);
	run = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	mlops_spi_end(&scope);
	return run;
}

static void
finish_run(int64 run, int version, const Jsonb *metrics)
{
	SpiScope	scope;
	SpiArgs		update = {0};
	SpiArgs		insert = {0};

	mlops_args_add_id(&update, run);
	mlops_args_add_int4(&update, version);
	mlops_args_add_id(&insert, run);
	mlops_args_add_jsonb(&insert, metrics);
	mlops_spi_begin(&scope, false);
	(void) mlops_spi_run(&scope, "UPDATE mlops.run SET version = $2 WHERE id = $1", &update);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.metric (run_id, dataset, name, value)"
						 " SELECT $1, 'test', key, value::pg_catalog.float8"
						 " FROM pg_catalog.jsonb_each_text($2)", &insert);
	mlops_spi_end(&scope);
}

/* Signature of the caller, or one made from the bytes, in the form that is stored. */
static Jsonb *
choose_signature(Jsonb *json, const ForestDescription *description)
{
	JsonbValue	value;
	Signature  *signature;

	if (json == NULL || getKeyJsonValueFromContainer(&json->root, "features", 8, &value) == NULL)
		json = mlops_signature_to_jsonb(derive_signature(description));
	else if ((signature = read_short_signature(json)) != NULL)
		json = mlops_signature_to_jsonb(signature);

	/* one check of names and dictionaries for all three */
	signature = mlops_signature_from_jsonb(json);
	check_features(signature, description);
	return mlops_signature_to_jsonb(signature);
}

int
mlops_import_register(const ImportRequest *request)
{
	Oid			caller = GetUserId();
	ForestDescription description;
	NewVersion	version = {0};
	bool		existed;
	int			number;

	mlops_registry_require_writable("register_model");
	mlops_registry_ensure_model(request->model, caller);
	if (request->signature != NULL)
		check_object(request->signature, "signature");
	check_object(request->params, "params");
	check_object(request->metrics, "metrics");
	check_object(request->tags, "tags");
	check_metrics(request->metrics);
	check_parent(request);

	(void) mlops_registry_build_forest(request->bytes, &description);
	version.model = request->model;
	version.bytes = request->bytes;
	version.parsed = &description;
	version.signature = choose_signature(request->signature, &description);
	version.task = derive_task(description.objective);
	choose_classes(&version, request->signature, description.n_classes);
	version.threshold = strcmp(version.task, "binary") == 0 ? 0.5 : get_float8_nan();
	version.params = request->params;
	version.parent_version = request->parent_version;
	version.description = request->description;
	version.tags = request->tags;
	version.created_by = caller;

	version.run_id = insert_run(request, caller);
	number = mlops_registry_publish(&version, &existed);
	finish_run(version.run_id, number, request->metrics);

	if (existed)
		ereport(NOTICE,
				(errmsg("model \"%s\" has these bytes already, as version %d",
						request->model, number)));
	else if (description.n_trees < description.n_stored_trees)
		ereport(NOTICE,
				(errmsg("predictions use the first %u of %u trees, up to the model's best iteration %lld",
						description.n_trees, description.n_stored_trees,
						(long long) description.best_iteration),
				 errdetail("The bytes are stored unchanged.")));
	return number;
}
