/*-------------------------------------------------------------------------
 *
 * encode.c
 *	  A row of any shape -> float32 vector in the order of a signature.
 *
 * Training, while it still collects the dictionaries, and serving run the same
 * steps: row -> steps -> vector.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/error.h"
#include "feature/encode.h"
#include "feature/encode_step.h"

static void
report_missing(const Signature *signature, TupleDesc tupdesc, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
			 errmsg("column \"%s\" is missing", column),
			 errdetail("The model has %d features; the row has %d columns.",
					   signature->n_features, tupdesc->natts),
			 errhint("Columns match by name; mlops.model_version shows the signature of every version.")));
}

/* Index of the column of that name; starts the search at "start", where it mostly is. */
static int
find_column(TupleDesc tupdesc, const char *name, int start)
{
	int			found = -1;

	if (start < tupdesc->natts)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, start);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			found = start;
	}
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (i == found || attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" occurs more than once", name),
					 errhint("Give the columns different names with AS.")));
		found = i;
	}
	return found;
}

/* Whether a value of that kind makes what the feature was at training. */
static bool
accept_kind(const Feature *feature, const ValueType *value_type)
{
	if (feature->element > 0)
		return value_type->kind == VALUE_ARRAY;
	switch (feature->kind)
	{
		case FEATURE_BOOLEAN:
			return value_type->kind == VALUE_BOOLEAN;
		case FEATURE_CATEGORY:
			return mlops_value_is_label(value_type->kind);
		default:
			break;
	}
	if (mlops_value_is_time(value_type->kind))
		return feature->type != NULL && strcmp(feature->type, format_type_be(value_type->type)) == 0;
	/* a time feature takes no plain number: the unit would be a guess */
	if (feature->type != NULL &&
		(strcmp(feature->type, "date") == 0 || strncmp(feature->type, "time", 4) == 0))
		return false;
	return mlops_value_is_number(value_type->kind);
}

/* Fill plan->plain, if all steps are plain. */
static void
collect_plain_steps(EncodePlan *plan)
{
	PlainStep  *plain = palloc(plan->n_steps * sizeof(PlainStep));

	for (int i = 0; i < plan->n_steps; i++)
	{
		ValueKind	kind = plan->steps[i].value_type.kind;

		if (kind == VALUE_NONE || kind == VALUE_NUMERIC || kind >= VALUE_TEXT ||
			plan->steps[i].slot != i)
			return;
		plain[i].column = plan->steps[i].column;
		plain[i].kind = kind;
	}
	plan->plain = plain;
}

FeatureFit
mlops_encode_fit(const Feature *feature, TupleDesc tupdesc)
{
	int			column = find_column(tupdesc, feature->column, 0);
	ValueType	value_type;

	if (column < 0)
		return FEATURE_IS_MISSING;
	mlops_value_init(&value_type, TupleDescAttr(tupdesc, column)->atttypid);
	return accept_kind(feature, &value_type) ? FEATURE_FITS : FEATURE_HAS_WRONG_KIND;
}

EncodePlan *
mlops_encode_plan(const Signature *signature, TupleDesc tupdesc)
{
	EncodePlan *plan = palloc0(sizeof(EncodePlan));
	int			next = 0;

	plan->n_features = signature->n_features;
	plan->steps = palloc0(signature->n_features * sizeof(EncodeStep));
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];
		EncodeStep *step = &plan->steps[plan->n_steps];
		Oid			type;

		if (feature->element > 1)
		{
			/* signatures put together from several versions may break the row */
			if (plan->n_steps == 0 || step[-1].slot + step[-1].width != i ||
				step[-1].width != feature->element - 1 || strcmp(step[-1].name, feature->column) != 0)
				ereport(ERROR,
						(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
						 errmsg("arrays of column \"%s\" have different lengths", feature->column)));
			step[-1].width++;
			continue;
		}
		plan->n_steps++;
		step->name = feature->column;
		step->slot = i;
		step->width = 1;
		step->feature = feature->kind == FEATURE_CATEGORY ? feature : NULL;
		step->column = find_column(tupdesc, feature->column, next);
		if (step->column < 0)
			report_missing(signature, tupdesc, feature->column);
		next = step->column + 1;

		type = TupleDescAttr(tupdesc, step->column)->atttypid;
		mlops_value_init(&step->value_type, type);
		if (!accept_kind(feature, &step->value_type))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("column \"%s\" is of type %s, but the model was trained with %s",
							feature->column, format_type_be(type),
							feature->type != NULL ? feature->type :
							feature->kind == FEATURE_BOOLEAN ? "boolean" :
							feature->kind == FEATURE_CATEGORY ? "text" : "numbers"),
					 errhint("Cast the column in the query.")));
	}
	collect_plain_steps(plan);
	return plan;
}

bool
mlops_encode_is_plain(const EncodePlan *plan)
{
	return plan->plain != NULL;
}

bool
mlops_encode_is_builtin(const EncodePlan *plan)
{
	for (int i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].value_type.kind == VALUE_LABEL &&
			plan->steps[i].value_type.output.fn_oid >= FirstNormalObjectId)
			return false;
	return true;
}

/* Label -> code; provisional while the dictionary is being collected. */
static float
encode_label(EncodePlan *plan, EncodeStep *step, Datum value)
{
	size_t		length;
	const char *label = mlops_value_label(&step->value_type, value, &length);
	int			code;

	if (plan->hash_labels || step->labels != NULL)
		step->label_hash = mlops_label_set_hash(label, length);
	if (step->labels != NULL)
		return mlops_label_set_add(step->labels, label, length, step->label_hash);
	code = mlops_signature_find_category(step->feature, label, length);
	return code < 0 ? step->feature->n_categories : code;
}

static inline int64
get_integer(ValueKind kind, Datum value)
{
	return kind == VALUE_INT2 ? DatumGetInt16(value) :
		kind == VALUE_INT4 ? DatumGetInt32(value) : DatumGetInt64(value);
}

/* One value -> its places in the vector. */
static inline void
encode_value(EncodePlan *plan, EncodeStep *step, Datum value, bool isnull, float *vector)
{
	ValueKind	kind = step->value_type.kind;
	float	   *slot = vector + step->slot;

	if (isnull)
	{
		for (int i = 0; i < step->width; i++)
			slot[i] = NAN;
		return;
	}
	switch (kind)
	{
		case VALUE_FLOAT4:
			*slot = DatumGetFloat4(value);
			break;
		case VALUE_FLOAT8:
			*slot = (float) DatumGetFloat8(value);
			break;
		case VALUE_INT2:
		case VALUE_INT4:
		case VALUE_INT8:
			*slot = (float) get_integer(kind, value);
			if (step->uniqueness != NULL)
				mlops_uniqueness_add(step->uniqueness, get_integer(kind, value));
			break;
		case VALUE_TEXT:
		case VALUE_BPCHAR:
		case VALUE_LABEL:
			*slot = encode_label(plan, step, value);
			break;
		case VALUE_ARRAY:
			mlops_value_array(&step->value_type, value, step->width, step->name, slot);
			break;
		default:
			*slot = mlops_value_number(kind, value);
	}
	if (isinf(*slot) && !plan->keep_infinite)
		mlops_value_overflow(step->name);
}

void
mlops_encode_keep_infinite(EncodePlan *plan)
{
	plan->keep_infinite = true;
}

void
mlops_encode_row(EncodePlan *plan, const Datum *values, const bool *isnull, float *vector)
{
	for (int i = 0; i < plan->n_steps; i++)
	{
		EncodeStep *step = &plan->steps[i];

		encode_value(plan, step, values[step->column], isnull[step->column], vector);
	}
}

void
mlops_encode_check(const EncodePlan *plan, const float *vector)
{
	bool		infinite = false;

	for (int i = 0; i < plan->n_features; i++)
		infinite |= fabsf(vector[i]) > FLT_MAX;
	for (int i = 0; infinite; i++)
		if (isinf(vector[i]))
			mlops_value_overflow(plan->steps[i].name);
}

/* mlops_encode_arguments for plain steps, without a look at what others need. */
static void
encode_plain(const EncodePlan *plan, const NullableDatum *arguments, float *vector)
{
	for (int i = 0; i < plan->n_steps; i++)
	{
		const NullableDatum *argument = &arguments[plan->plain[i].column];

		if (argument->isnull)
			vector[i] = NAN;
		else if (plan->plain[i].kind == VALUE_FLOAT8)
			vector[i] = (float) DatumGetFloat8(argument->value);
		else if (plan->plain[i].kind == VALUE_FLOAT4)
			vector[i] = DatumGetFloat4(argument->value);
		else
			vector[i] = mlops_value_number(plan->plain[i].kind, argument->value);
	}
	mlops_encode_check(plan, vector);
}

void
mlops_encode_arguments(EncodePlan *plan, const NullableDatum *arguments, float *vector)
{
	if (plan->plain != NULL)
	{
		encode_plain(plan, arguments, vector);
		return;
	}
	for (int i = 0; i < plan->n_steps; i++)
	{
		EncodeStep *step = &plan->steps[i];

		encode_value(plan, step, arguments[step->column].value,
					 arguments[step->column].isnull, vector);
	}
}
