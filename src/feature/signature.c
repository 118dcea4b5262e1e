/*-------------------------------------------------------------------------
 *
 * signature.c
 *	  Signatures as jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/json.h"
#include "feature/signature.h"

/* More would not fit into the settings' limit mlops.max_columns either. */
#define MAX_FEATURES 32000
/* XGBoost holds category codes as float32, exact up to here. */
#define MAX_CATEGORIES (1 << 24)

static const char *const kind_names[] = {"numeric", "boolean", "category"};

static void
report_invalid(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid signature"),
			 errdetail_internal("%s", detail),
			 errhint("A signature has the form {\"features\": [{\"name\": \"age\", \"type\": \"integer\", \"kind\": \"numeric\"}]}.")));
}

/* Field "key" of an object, or false when it is absent or null. */
static bool
find_field(JsonbContainer *object, const char *key, enum jbvType type, JsonbValue *value)
{
	if (getKeyJsonValueFromContainer(object, key, strlen(key), value) == NULL ||
		value->type == jbvNull)
		return false;
	if (value->type != type)
		report_invalid(psprintf("Field \"%s\" has the wrong type.", key));
	return true;
}

static char *
copy_string(JsonbContainer *object, const char *key, bool required)
{
	JsonbValue	value;

	if (!find_field(object, key, jbvString, &value))
	{
		if (required)
			report_invalid(psprintf("Field \"%s\" is missing.", key));
		return NULL;
	}
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static JsonbContainer *
find_array(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	if (!find_field(object, key, jbvBinary, &value) ||
		!JsonContainerIsArray(value.val.binary.data))
		report_invalid(psprintf("Field \"%s\" must be an array.", key));
	return value.val.binary.data;
}

static int
compare_labels(const void *a, const void *b, void *categories)
{
	return strcmp(((char **) categories)[*(const int *) a], ((char **) categories)[*(const int *) b]);
}

/* Make the dictionary searchable by label; error for a label that occurs twice. */
static void
sort_categories(Feature *feature)
{
	int			n = feature->n_categories;
	int		   *codes = palloc(Max(n, 1) * sizeof(int));
	bool		sorted = true;

	for (int i = 0; i < n; i++)
	{
		codes[i] = i;
		sorted = sorted && (i == 0 || strcmp(feature->categories[i - 1], feature->categories[i]) < 0);
	}
	if (sorted)
	{
		pfree(codes);
		return;
	}
	qsort_arg(codes, n, sizeof(int), compare_labels, feature->categories);
	for (int i = 1; i < n; i++)
		if (strcmp(feature->categories[codes[i - 1]], feature->categories[codes[i]]) == 0)
			report_invalid(psprintf("Category \"%s\" of feature \"%s\" occurs twice.",
									feature->categories[codes[i]], feature->name));
	feature->by_label = codes;
}

static void
read_categories(JsonbContainer *object, Feature *feature)
{
	JsonbContainer *array = find_array(object, "categories");
	int			n = JsonContainerSize(array);

	if (n > MAX_CATEGORIES)
		report_invalid(psprintf("Feature \"%s\" has %d categories.", feature->name, n));
	feature->categories = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *label = getIthJsonbValueFromContainer(array, i);

		CHECK_FOR_INTERRUPTS();
		if (label->type != jbvString)
			report_invalid(psprintf("Categories of feature \"%s\" must be strings.", feature->name));
		feature->categories[i] = pnstrdup(label->val.string.val, label->val.string.len);
	}
	feature->n_categories = n;
	sort_categories(feature);
}

static void
read_feature(JsonbContainer *object, Feature *feature, const Feature *previous)
{
	char	   *kind;
	JsonbValue	value;

	feature->name = copy_string(object, "name", true);
	feature->type = copy_string(object, "type", false);
	feature->column = copy_string(object, "column", false);
	if (feature->column == NULL)
		feature->column = feature->name;
	if (feature->name[0] == '\0')
		report_invalid("A feature has an empty name.");

	kind = copy_string(object, "kind", false);
	feature->kind = FEATURE_NUMERIC;
	for (int i = 0; kind != NULL; i++)
	{
		if (i == lengthof(kind_names))
			report_invalid(psprintf("Feature \"%s\" has kind \"%s\", which is none of numeric, boolean, category.",
									feature->name, kind));
		if (strcmp(kind, kind_names[i]) == 0)
		{
			feature->kind = i;
			break;
		}
	}
	if (feature->kind == FEATURE_CATEGORY)
		read_categories(object, feature);

	if (find_field(object, "element", jbvNumeric, &value))
	{
		int			expected = previous != NULL && previous->element > 0 &&
		strcmp(previous->column, feature->column) == 0 ? previous->element + 1 : 1;

		feature->element = DatumGetInt32(DirectFunctionCall1(numeric_int4,
															 NumericGetDatum(value.val.numeric)));
		if (feature->element != expected || feature->kind != FEATURE_NUMERIC)
			report_invalid(psprintf("Elements of column \"%s\" must be numeric and stand in order from 1.",
									feature->column));
	}
}

const char *
mlops_signature_find_duplicate(const Signature *signature)
{
	char	  **names = palloc(Max(signature->n_features, 1) * sizeof(char *));
	const char *duplicate = NULL;

	for (int pass = 0; pass < 2 && duplicate == NULL; pass++)
	{
		int			n = 0;

		for (int i = 0; i < signature->n_features; i++)
		{
			if (pass == 0)
				names[n++] = signature->features[i].name;
			else if (signature->features[i].element <= 1)
				names[n++] = signature->features[i].column;
		}
		qsort(names, n, sizeof(char *), pg_qsort_strcmp);
		for (int i = 1; i < n && duplicate == NULL; i++)
			if (strcmp(names[i - 1], names[i]) == 0)
				duplicate = names[i];
	}
	pfree(names);
	return duplicate;
}

Signature *
mlops_signature_from_jsonb(Jsonb *json)
{
	Signature  *signature = palloc0(sizeof(Signature));
	JsonbContainer *features;
	JsonbValue	target;
	const char *duplicate;

	if (!JB_ROOT_IS_OBJECT(json))
		report_invalid("It must be a JSON object.");
	features = find_array(&json->root, "features");
	signature->n_features = JsonContainerSize(features);
	if (signature->n_features < 1 || signature->n_features > MAX_FEATURES)
		report_invalid(psprintf("It has %d features.", signature->n_features));
	signature->features = palloc0(signature->n_features * sizeof(Feature));
	for (int i = 0; i < signature->n_features; i++)
	{
		JsonbValue *object = getIthJsonbValueFromContainer(features, i);

		CHECK_FOR_INTERRUPTS();
		if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
			report_invalid("Features must be JSON objects.");
		read_feature(object->val.binary.data, &signature->features[i],
					 i > 0 ? &signature->features[i - 1] : NULL);
	}
	duplicate = mlops_signature_find_duplicate(signature);
	if (duplicate != NULL)
		report_invalid(psprintf("Feature \"%s\" occurs twice.", duplicate));

	if (find_field(&json->root, "target", jbvBinary, &target))
	{
		if (!JsonContainerIsObject(target.val.binary.data))
			report_invalid("Field \"target\" must be an object.");
		signature->target = copy_string(target.val.binary.data, "name", true);
		signature->target_type = copy_string(target.val.binary.data, "type", false);
	}
	return signature;
}

static void
push_feature(JsonbParseState **state, const Feature *feature)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	mlops_json_push_string(state, WJB_KEY, "name");
	mlops_json_push_string(state, WJB_VALUE, feature->name);
	if (feature->type != NULL)
	{
		mlops_json_push_string(state, WJB_KEY, "type");
		mlops_json_push_string(state, WJB_VALUE, feature->type);
	}
	mlops_json_push_string(state, WJB_KEY, "kind");
	mlops_json_push_string(state, WJB_VALUE, kind_names[feature->kind]);
	if (feature->element > 0)
	{
		JsonbValue	element;

		mlops_json_push_string(state, WJB_KEY, "column");
		mlops_json_push_string(state, WJB_VALUE, feature->column);
		mlops_json_push_string(state, WJB_KEY, "element");
		element.type = jbvNumeric;
		element.val.numeric = int64_to_numeric(feature->element);
		pushJsonbValue(state, WJB_VALUE, &element);
	}
	if (feature->kind == FEATURE_CATEGORY)
	{
		mlops_json_push_string(state, WJB_KEY, "categories");
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		for (int i = 0; i < feature->n_categories; i++)
			mlops_json_push_string(state, WJB_ELEM, feature->categories[i]);
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
mlops_signature_to_jsonb(const Signature *signature)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	mlops_json_push_string(&state, WJB_KEY, "features");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < signature->n_features; i++)
		push_feature(&state, &signature->features[i]);
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	if (signature->target != NULL)
	{
		mlops_json_push_string(&state, WJB_KEY, "target");
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		mlops_json_push_string(&state, WJB_KEY, "name");
		mlops_json_push_string(&state, WJB_VALUE, signature->target);
		if (signature->target_type != NULL)
		{
			mlops_json_push_string(&state, WJB_KEY, "type");
			mlops_json_push_string(&state, WJB_VALUE, signature->target_type);
		}
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

int
mlops_signature_find_category(const Feature *feature, const char *label, size_t length)
{
	int			low = 0;
	int			high = feature->n_categories;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			code = feature->by_label != NULL ? feature->by_label[middle] : middle;
		const char *category = feature->categories[code];
		int			order = strncmp(category, label, length);

		/* a category that continues beyond the label comes after it */
		if (order == 0 && category[length] != '\0')
			order = 1;
		if (order == 0)
			return code;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
