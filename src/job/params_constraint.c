/*-------------------------------------------------------------------------
 *
 * params_constraint.c
 *	  Constraints on features, by name, in the form that XGBoost reads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "job/params_constraint.h"

static void
refuse_form(const char *name, const char *form)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"%s\" must be %s", name, form)));
}

static int
get_sign(const JsonbValue *value)
{
	double		number = value->type != jbvNumeric ? 2 :
	DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
									   NumericGetDatum(value->val.numeric)));

	if (number != -1 && number != 0 && number != 1)
		refuse_form("monotone_constraints",
					"an object of feature names, or an array, with values -1, 0 and 1");
	return (int) number;
}

static int
find_feature(const char *param, const JsonbValue *name, const Signature *signature)
{
	for (int i = 0; i < signature->n_features; i++)
	{
		if (strlen(signature->features[i].name) == name->val.string.len &&
			memcmp(signature->features[i].name, name->val.string.val, name->val.string.len) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"%s\" names \"%.*s\", which is not a feature", param,
					name->val.string.len, name->val.string.val)));
	return -1;
}

static void
read_monotone_object(JsonbContainer *object, const Signature *signature, int *signs)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		int			sign;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		sign = get_sign(&value);
		if (signature)
			signs[find_feature("monotone_constraints", &key, signature)] = sign;
	}
}

static void
read_monotone_array(JsonbContainer *array, const Signature *signature, int *signs)
{
	uint32		n = JsonContainerSize(array);

	for (uint32 i = 0; i < n; i++)
		(void) get_sign(getIthJsonbValueFromContainer(array, i));
	if (signature && n != signature->n_features)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"monotone_constraints\" has %u values for %d features", n,
						signature->n_features),
				 errhint("Name the features: {\"feature\": 1}.")));
	for (uint32 i = 0; signature && i < n; i++)
		signs[i] = get_sign(getIthJsonbValueFromContainer(array, i));
}

char *
mlops_params_monotone(const JsonbValue *value, const Signature *signature)
{
	int			n = signature ? signature->n_features : 0;
	int		   *signs = palloc0(sizeof(int) * Max(n, 1));
	StringInfoData out;

	if (value->type != jbvBinary)
		refuse_form("monotone_constraints",
					"an object of feature names, or an array, with values -1, 0 and 1");
	if (JsonContainerIsObject(value->val.binary.data))
		read_monotone_object(value->val.binary.data, signature, signs);
	else
		read_monotone_array(value->val.binary.data, signature, signs);

	initStringInfo(&out);
	for (int i = 0; i < n; i++)
		appendStringInfo(&out, "%s%d", i == 0 ? "(" : ",", signs[i]);
	if (n > 0)
		appendStringInfoChar(&out, ')');
	return out.data;
}

/* One set of features that may interact. */
static void
add_group(StringInfo out, const JsonbValue *group, const Signature *signature)
{
	JsonbContainer *array;

	if (group->type != jbvBinary || !JsonContainerIsArray(group->val.binary.data))
		refuse_form("interaction_constraints", "an array of arrays of feature names");
	array = group->val.binary.data;
	appendStringInfo(out, "%s[", out->len > 1 ? "," : "");
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbValue *name = getIthJsonbValueFromContainer(array, i);

		if (name->type != jbvString)
			refuse_form("interaction_constraints", "an array of arrays of feature names");
		if (signature)
			appendStringInfo(out, "%s%d", i > 0 ? "," : "",
							 find_feature("interaction_constraints", name, signature));
	}
	appendStringInfoChar(out, ']');
}

char *
mlops_params_interaction(const JsonbValue *value, const Signature *signature)
{
	StringInfoData out;
	JsonbContainer *array;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse_form("interaction_constraints", "an array of arrays of feature names");
	array = value->val.binary.data;
	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
		add_group(&out, getIthJsonbValueFromContainer(array, i), signature);
	appendStringInfoChar(&out, ']');
	return out.data;
}
