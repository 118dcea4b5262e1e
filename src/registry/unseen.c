/*-------------------------------------------------------------------------
 *
 * unseen.c
 *	  Rows that no version was trained on.
 *
 * A hash split gives a key the same side in every version of a model, and a
 * column split says the side itself.  Where versions were trained by such a rule
 * in common, the hold-out side is unseen by all of them, whatever the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/error.h"
#include "registry/unseen.h"

#define DEFAULT_TEST_SIZE 0.2

static bool
find_value(const Jsonb *recipe, const char *key, JsonbValue *value)
{
	return recipe != NULL &&
		getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &recipe->root), key,
									 strlen(key), value) != NULL;
}

char *
mlops_unseen_string(const Jsonb *recipe, const char *key)
{
	JsonbValue	value;

	if (!find_value(recipe, key, &value) || value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

List *
mlops_unseen_strings(const Jsonb *recipe, const char *key)
{
	JsonbValue	value;
	List	   *strings = NIL;

	if (!find_value(recipe, key, &value) || value.type != jbvBinary ||
		!JsonContainerIsArray(value.val.binary.data))
		return NIL;
	for (uint32 i = 0; i < JsonContainerSize(value.val.binary.data); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(value.val.binary.data, i);

		if (element->type == jbvString)
			strings = lappend(strings, pnstrdup(element->val.string.val, element->val.string.len));
	}
	return strings;
}

static double
get_test_size(const Jsonb *recipe)
{
	JsonbValue	value;

	if (!find_value(recipe, "test_size", &value) || value.type != jbvNumeric)
		return DEFAULT_TEST_SIZE;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
}

static bool
equal_values(const Jsonb *a, const Jsonb *b, const char *key)
{
	JsonbValue	left;
	JsonbValue	right;
	bool		have_left = find_value(a, key, &left);
	bool		have_right = find_value(b, key, &right);

	if (!have_left || !have_right)
		return have_left == have_right;
	return compareJsonbContainers(&JsonbValueToJsonb(&left)->root,
								  &JsonbValueToJsonb(&right)->root) == 0;
}

static bool
equal_features(const Signature *a, const Signature *b)
{
	if (a->n_features != b->n_features)
		return false;
	for (int i = 0; i < a->n_features; i++)
		if (strcmp(a->features[i].name, b->features[i].name) != 0)
			return false;
	return true;
}

/* Why the hold-out of this version is not that of the first one; NULL: it is. */
static const char *
find_obstacle(const JudgedVersion *first, const JudgedVersion *judged, const char *target)
{
	static const char *const keys[] = {"split", "split_by", "key", "qid"};
	const char *split = mlops_unseen_string(judged->recipe, "split");

	if (judged->recipe == NULL)
		return "it was imported, so its training rows are not known";
	if (judged->refit)
		return "it was trained on all rows (refit)";
	if (split != NULL && strcmp(split, "time") == 0)
		return "its hold-out is the newest part of its own training query";
	if (strcmp(judged->version->model, first->version->model) != 0)
		return "it belongs to another model, whose rows are split in another way";
	for (int i = 0; i < lengthof(keys); i++)
		if (!equal_values(first->recipe, judged->recipe, keys[i]))
			return psprintf("it was trained with another \"%s\"", keys[i]);

	/* without a unit, the hash covers all features and the target */
	if ((split == NULL || strcmp(split, "hash") == 0) &&
		mlops_unseen_strings(judged->recipe, "key") == NIL &&
		mlops_unseen_string(judged->recipe, "qid") == NULL)
	{
		const char *trained = mlops_unseen_string(judged->recipe, "target");

		if (!equal_features(first->signature, judged->signature))
			return "it was split by the whole row, without a key, and has other features";
		if (trained == NULL || strcmp(trained, target) != 0)
			return "it was split by the whole row, without a key, and has another target";
	}
	return NULL;
}

void
mlops_unseen_fill_spec(const Judgement *judgement, DatasetSpec *spec)
{
	const JudgedVersion *first = &judgement->versions[0];
	const char *split;

	spec->test_size = 1;
	for (int i = 0; i < judgement->n_versions; i++)
	{
		const JudgedVersion *judged = &judgement->versions[i];
		const char *obstacle = find_obstacle(first, judged, spec->target);

		if (obstacle != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("which rows version %d of model \"%s\" has not seen is not known",
							judged->version->version, judged->version->model),
					 errdetail("The reason is that %s.", obstacle),
					 errhint("Train with a key, or compare over all rows with unseen_only => false, which flatters a version that was trained on them.")));

		/* the hold-out of a small share lies within that of a larger one */
		spec->test_size = Min(spec->test_size, get_test_size(judged->recipe));
	}

	split = mlops_unseen_string(first->recipe, "split");
	spec->split = split != NULL && strcmp(split, "column") == 0 ? SPLIT_COLUMN : SPLIT_HASH;
	spec->split_by = mlops_unseen_string(first->recipe, "split_by");
	spec->key = mlops_unseen_strings(first->recipe, "key");
	spec->model = first->version->model;
	spec->any_parts = true;
}
