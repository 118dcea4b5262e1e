/*-------------------------------------------------------------------------
 *
 * row_input.c
 *	  The variadic arguments of a prediction -> feature vector.
 *
 * Every shape becomes a row type for feature/encode.h: that of the record;
 * for an object, one made from the signature; for an array or separate
 * arguments, one that gives the signature's names to their types.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat/pg_compat.h"
#include "base/error.h"
#include "feature/encode.h"
#include "feature/fixed_row.h"
#include "serve/row_input.h"

/* Row types remembered; more than one only where records of several types meet. */
#define MAX_ROW_TYPES 4

typedef enum InputShape
{
	INPUT_RECORD,
	INPUT_OBJECT,
	INPUT_ARRAY,
	INPUT_ARGUMENTS
} InputShape;

/* How to encode rows of one type. */
typedef struct RowPlan
{
	MemoryContext context;		/* holds all the rest */
	Oid			type;			/* of a record; likewise below */
	int32		typmod;
	uint64		identifier;		/* of the row type as it was then */
	const TypeCacheEntry *current;	/* has the one of now; NULL: RECORD, which
									 * never changes */
	TupleDesc	tupdesc;
	EncodePlan *encode;
	FixedRow   *fixed;			/* INPUT_RECORD: short cut, or NULL */
	Datum	   *values;			/* [natts] */
	bool	   *isnull;
} RowPlan;

/* A column that the signature wants: one feature, or an array of them. */
typedef struct InputColumn
{
	const Feature *feature;		/* the first */
	const char *name;			/* as the signature has it */
	Oid			object_type;	/* INPUT_OBJECT: of the member */
} InputColumn;

struct RowInput
{
	MemoryContext context;
	const Signature *signature;
	InputShape	shape;
	Oid			type;			/* of the one argument, base type */
	int			n_columns;
	InputColumn *columns;		/* in the order of the signature */
	int			n_plans;
	int			next_plan;		/* to be replaced when all are in use */
	bool		shareable;
	bool		takes_memory;	/* for a row */
	RowPlan    *plans[MAX_ROW_TYPES];	/* records; the others have plans[0] */

	/* INPUT_ARRAY */
	int16		element_length;
	bool		element_by_value;
	char		element_align;
};

/* Type that stands for the feature's column when the row is an object. */
static Oid
choose_object_type(const Feature *feature)
{
	static const Oid time_types[] = {DATEOID, TIMEOID, TIMESTAMPOID, TIMESTAMPTZOID};

	if (feature->element > 0)
		return NUMERICARRAYOID;
	if (feature->kind == FEATURE_CATEGORY)
		return TEXTOID;
	if (feature->kind == FEATURE_BOOLEAN)
		return BOOLOID;
	for (int i = 0; i < lengthof(time_types) && feature->type != NULL; i++)
		if (strcmp(feature->type, format_type_be(time_types[i])) == 0)
			return time_types[i];
	return NUMERICOID;
}

/* Columns of the signature, each named once. */
static void
collect_columns(RowInput *input)
{
	const Signature *signature = input->signature;

	input->columns = palloc(signature->n_features * sizeof(InputColumn));
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];
		InputColumn *column = &input->columns[input->n_columns];

		/* the elements of an array column follow each other */
		if (feature->element > 1)
			continue;
		column->feature = feature;
		column->name = feature->column;
		input->n_columns++;
	}
}

/* Make a plan for rows of "tupdesc", which it copies. */
static RowPlan *
create_plan(RowInput *input, const Signature *signature, TupleDesc tupdesc)
{
	/* below the current context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops row plan",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	RowPlan    *plan = palloc0(sizeof(RowPlan));

	plan->context = context;
	/* with the values of columns that rows may be older than */
	plan->tupdesc = CreateTupleDescCopyConstr(tupdesc);
	plan->encode = mlops_encode_plan(signature, plan->tupdesc);
	input->shareable = input->shareable && mlops_encode_is_builtin(plan->encode);
	input->takes_memory = input->takes_memory || !mlops_encode_is_plain(plan->encode);
	if (input->shape == INPUT_RECORD)
		plan->fixed = mlops_fixed_row_create(plan->encode, plan->tupdesc);
	plan->values = palloc(tupdesc->natts * sizeof(Datum));
	plan->isnull = palloc(tupdesc->natts * sizeof(bool));
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, input->context);
	return plan;
}

/* Plan for the row type of a record. */
static RowPlan *
get_record_plan(RowInput *input, HeapTupleHeader record)
{
	Oid			type = HeapTupleHeaderGetTypeId(record);
	int32		typmod = HeapTupleHeaderGetTypMod(record);
	uint64		identifier;
	const TypeCacheEntry *current;
	RowPlan    *plan;
	int			slot;

	for (int i = 0; i < input->n_plans; i++)
	{
		plan = input->plans[i];
		if (plan->type == type && plan->typmod == typmod &&
			(plan->current == NULL || plan->current->tupDesc_identifier == plan->identifier))
			return plan;
	}

	/* before the columns are read, lest they be taken for newer than they are */
	identifier = assign_record_type_identifier(type, typmod);
	current = type == RECORDOID ? NULL : lookup_type_cache(type, TYPECACHE_TUPDESC);
	plan = create_plan(input, input->signature, lookup_rowtype_tupdesc_copy(type, typmod));
	plan->type = type;
	plan->typmod = typmod;
	plan->identifier = identifier;
	plan->current = current;
	if (input->n_plans < MAX_ROW_TYPES)
		slot = input->n_plans++;
	else
	{
		slot = input->next_plan++ % MAX_ROW_TYPES;
		MemoryContextDelete(input->plans[slot]->context);
	}
	input->plans[slot] = plan;
	return plan;
}

/* Name for a column of a row type that we make; names of imports may be too long. */
static char *
make_column_name(const char *name, int number)
{
	return strlen(name) < NAMEDATALEN ? pstrdup(name) : psprintf("feature %d", number);
}

/*
 * Make the row type of objects or separate arguments: the columns of the
 * signature with the given types.
 */
static void
prepare_columns(RowInput *input, const Oid *types)
{
	const Signature *signature = input->signature;
	Signature  *renamed = palloc(sizeof(Signature));
	TupleDesc	tupdesc = CreateTemplateTupleDesc(input->n_columns);
	char	   *name = NULL;
	int			n = 0;

	*renamed = *signature;
	renamed->features = palloc(signature->n_features * sizeof(Feature));
	for (int i = 0; i < signature->n_features; i++)
	{
		Feature    *feature = &renamed->features[i];

		*feature = signature->features[i];
		if (feature->element <= 1)
		{
			name = make_column_name(feature->column, n + 1);
			TupleDescInitEntry(tupdesc, n + 1, name, types[n], -1, 0);
			n++;
		}
		feature->column = name;
	}
	input->plans[0] = create_plan(input, renamed, tupdesc);
}

/* Objects: what the signature says, each number a numeric. */
static void
prepare_object(RowInput *input)
{
	Oid		   *types = palloc(input->n_columns * sizeof(Oid));

	for (int i = 0; i < input->n_columns; i++)
		types[i] = input->columns[i].object_type = choose_object_type(input->columns[i].feature);
	prepare_columns(input, types);
}

/* Separate arguments: every column of the signature, types as passed. */
static void
prepare_arguments(RowInput *input, int n, const Oid *types)
{
	if (n != input->n_columns)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the model has %d feature columns, but the call passes %d",
						input->n_columns, n),
				 errhint("Pass one row, one jsonb object, one array of all features, or every column in the order of the signature.")));
	for (int i = 0; i < n; i++)
		if (!OidIsValid(types[i]) || types[i] == UNKNOWNOID)
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("could not determine the type of the argument for column \"%s\"",
							input->columns[i].name),
					 errhint("Cast it, for example NULL::float8.")));
	prepare_columns(input, types);
}

/*
 * Make the row type of arrays: one column per feature.  Elements of array
 * columns stand for themselves, and a boolean feature may be 0 or 1.
 */
static void
prepare_array(RowInput *input, Oid element_type)
{
	const Signature *signature = input->signature;
	Signature  *flat = palloc(sizeof(Signature));
	TupleDesc	tupdesc = CreateTemplateTupleDesc(signature->n_features);

	*flat = *signature;
	flat->features = palloc(signature->n_features * sizeof(Feature));
	for (int i = 0; i < signature->n_features; i++)
	{
		Feature    *feature = &flat->features[i];

		*feature = signature->features[i];
		feature->column = make_column_name(feature->name, i + 1);
		feature->element = 0;
		if (feature->kind == FEATURE_BOOLEAN && element_type != BOOLOID)
			feature->kind = FEATURE_NUMERIC;
		TupleDescInitEntry(tupdesc, i + 1, feature->column, element_type, -1, 0);
	}
	input->plans[0] = create_plan(input, flat, tupdesc);
	get_typlenbyvalalign(element_type, &input->element_length,
						 &input->element_by_value, &input->element_align);
}

RowInput *
mlops_row_input_create(const Signature *signature, int n, const Oid *types)
{
	RowInput   *input = palloc0(sizeof(RowInput));
	Oid			element_type;

	input->context = CurrentMemoryContext;
	input->signature = signature;
	input->shareable = true;
	collect_columns(input);

	input->type = n == 1 && OidIsValid(types[0]) ? getBaseType(types[0]) : InvalidOid;
	element_type = get_element_type(input->type);
	if (input->type == RECORDOID || get_typtype(input->type) == TYPTYPE_COMPOSITE)
		input->shape = INPUT_RECORD;
	else if (input->type == JSONBOID || input->type == JSONOID || input->type == TEXTOID)
	{
		input->shape = INPUT_OBJECT;
		input->takes_memory = true;
		prepare_object(input);
	}
	else if (OidIsValid(element_type))
	{
		input->shape = INPUT_ARRAY;
		input->takes_memory = true;
		prepare_array(input, element_type);
	}
	else
	{
		input->shape = INPUT_ARGUMENTS;
		prepare_arguments(input, n, types);
	}
	return input;
}

bool
mlops_row_input_is_shareable(const RowInput *input)
{
	return input->shareable;
}

bool
mlops_row_input_takes_memory(const RowInput *input, const NullableDatum *args)
{
	return input->takes_memory ||
		(input->shape == INPUT_RECORD && !args[0].isnull &&
		 VARATT_IS_EXTENDED(DatumGetPointer(args[0].value)));
}

/* Encode a record. */
static void
encode_record(RowInput *input, HeapTupleHeader record, float *vector)
{
	RowPlan    *plan = get_record_plan(input, record);
	HeapTupleData tuple;

	if (plan->fixed != NULL && mlops_fixed_row_encode(plan->fixed, record, vector))
		return;
	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = record;
	heap_deform_tuple(&tuple, plan->tupdesc, plan->values, plan->isnull);
	mlops_encode_row(plan->encode, plan->values, plan->isnull, vector);
}

/* Error: a member of an object has the wrong kind. */
pg_noreturn static void
report_wrong_member(const InputColumn *column, JsonbValue *value)
{
	const char *wanted = column->object_type == NUMERICARRAYOID ? "array of numbers" :
	column->object_type == NUMERICOID ? "number" :
	column->object_type == BOOLOID ? "boolean" : "string";

	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
			 errmsg("feature \"%s\" is a JSON %s, but the model wants a JSON %s",
					column->name, JsonbTypeName(value), wanted),
			 errhint("JSON null stands for a missing value.")));
}

/* A JSON array of numbers and nulls as numeric[]. */
static Datum
read_number_array(const InputColumn *column, JsonbValue *value)
{
	JsonbContainer *container = value->val.binary.data;
	int			n = JsonContainerSize(container);
	Datum	   *elements = palloc(n * sizeof(Datum));
	bool	   *isnull = palloc(n * sizeof(bool));
	int			low = 1;

	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(container, i);

		isnull[i] = element->type == jbvNull;
		if (element->type == jbvNumeric)
			elements[i] = NumericGetDatum(element->val.numeric);
		else if (!isnull[i])
			report_wrong_member(column, value);
	}
	return PointerGetDatum(construct_md_array(elements, isnull, 1, &n, &low,
											  NUMERICOID, -1, false, TYPALIGN_INT));
}

/* A member of an object as a value of its column's object_type. */
static Datum
read_member(const InputColumn *column, JsonbValue *value)
{
	switch (column->object_type)
	{
		case NUMERICOID:
			if (value->type == jbvNumeric)
				return NumericGetDatum(value->val.numeric);
			break;
		case BOOLOID:
			if (value->type == jbvBool)
				return BoolGetDatum(value->val.boolean);
			break;
		case NUMERICARRAYOID:
			if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
				return read_number_array(column, value);
			break;
		default:
			if (value->type == jbvString)
			{
				text	   *string = cstring_to_text_with_len(value->val.string.val,
															  value->val.string.len);
				Oid			function;
				Oid			parameter;

				if (column->object_type == TEXTOID)
					return PointerGetDatum(string);
				getTypeInputInfo(column->object_type, &function, &parameter);
				return OidInputFunctionCall(function, text_to_cstring(string), parameter, -1);
			}
	}
	report_wrong_member(column, value);
}

pg_noreturn static void
report_no_object(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
			 errmsg("the row is not a JSON object"),
			 errhint("Pass an object with one member per feature column, such as '{\"age\": 42}', or an SQL array.")));
}

/* An object from its text.  A text that does not even start like one was hardly
 * meant as JSON, so the parser's complaint would mislead. */
static Jsonb *
parse_object(const char *string)
{
	const char *start = string + strspn(string, " \t\r\n");

	if (*start != '{' && strncmp(start, "null", 4) != 0)
		report_no_object();
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(string)));
}

/* Read an object; NULL when it is the JSON null. */
static RowPlan *
read_object(RowInput *input, Jsonb *object)
{
	RowPlan    *plan = input->plans[0];

	if (JB_ROOT_IS_SCALAR(object) &&
		getIthJsonbValueFromContainer(&object->root, 0)->type == jbvNull)
		return NULL;
	if (!JB_ROOT_IS_OBJECT(object))
		report_no_object();

	for (int i = 0; i < input->n_columns; i++)
	{
		const InputColumn *column = &input->columns[i];
		JsonbValue	member;

		if (getKeyJsonValueFromContainer(&object->root, column->name,
										 strlen(column->name), &member) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("the row has no feature \"%s\"", column->name),
					 errhint("A missing value is JSON null.")));
		plan->isnull[i] = member.type == jbvNull;
		if (!plan->isnull[i])
			plan->values[i] = read_member(column, &member);
	}
	return plan;
}

/* Split an array into its elements. */
static RowPlan *
read_array(RowInput *input, ArrayType *array)
{
	RowPlan    *plan = input->plans[0];
	int			n_features = plan->tupdesc->natts;
	Datum	   *values;
	bool	   *isnull;
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the array has %d dimensions, must have one", ARR_NDIM(array)),
				 errhint("Call the function once per row.")));
	deconstruct_array(array, ARR_ELEMTYPE(array), input->element_length,
					  input->element_by_value, input->element_align, &values, &isnull, &n);
	if (n != n_features)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("the model has %d features, but the array has %d elements",
						n_features, n),
				 errhint("The order is that of the model's signature; a missing value is NULL.")));
	memcpy(plan->values, values, n * sizeof(Datum));
	memcpy(plan->isnull, isnull, n * sizeof(bool));
	return plan;
}

bool
mlops_row_input_encode(RowInput *input, const NullableDatum *args, float *vector)
{
	RowPlan    *plan = NULL;

	if (input->shape == INPUT_ARGUMENTS)
	{
		mlops_encode_arguments(input->plans[0]->encode, args, vector);
		return true;
	}
	if (args[0].isnull)
		return false;
	if (input->shape == INPUT_RECORD)
	{
		encode_record(input, DatumGetHeapTupleHeader(args[0].value), vector);
		return true;
	}
	if (input->shape == INPUT_ARRAY)
		plan = read_array(input, DatumGetArrayTypeP(args[0].value));
	else
		plan = read_object(input, input->type == JSONBOID ? DatumGetJsonbP(args[0].value) :
						   parse_object(TextDatumGetCString(args[0].value)));

	if (plan == NULL)
		return false;
	mlops_encode_row(plan->encode, plan->values, plan->isnull, vector);
	return true;
}
