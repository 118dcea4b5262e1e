/*-------------------------------------------------------------------------
 *
 * profile_row.c
 *	  Rows of any shape -> counts in the profiles of a set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "drift/profile_row.h"
#include "drift/profile_value.h"

typedef struct PlanColumn
{
	int			attribute;		/* from 0 */
	int			element;		/* of an array of numbers, from 1; 0: the
								 * whole value */
	size_t		offset;			/* of the profile in the set */
	bool		is_plain;		/* float8 into a profile of numbers, the
								 * common case */
	ProfileValue value;
	ValueType	array;			/* whose element the value is */
	const char *name;			/* of that column */
} PlanColumn;

struct ProfileRowPlan
{
	uint64		digest;			/* of the sets that it fits */
	size_t		size;
	int			n_attributes;
	int			n;
	PlanColumn	columns[FLEXIBLE_ARRAY_MEMBER];
};

static int
find_attribute(TupleDesc tupdesc, const char *name, size_t length)
{
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && strlen(NameStr(attribute->attname)) == length &&
			memcmp(NameStr(attribute->attname), name, length) == 0)
			return i;
	}
	return -1;
}

/* The feature "name[2]" is the second element of the column "name". */
static int
find_element(TupleDesc tupdesc, const char *name, size_t length, int *element)
{
	size_t		base = length;
	int			attribute;
	ValueType	type;

	while (base > 0 && name[base - 1] != '[')
		base--;
	if (base < 2 || name[length - 1] != ']' || length - base > 6 || name[base] < '1' || name[base] > '9' ||
		strspn(name + base, "0123456789") != length - base - 1)
		return -1;
	attribute = find_attribute(tupdesc, name, base - 1);
	if (attribute < 0)
		return -1;
	mlops_value_init(&type, TupleDescAttr(tupdesc, attribute)->atttypid);
	*element = atoi(name + base);
	return type.kind == VALUE_ARRAY ? attribute : -1;
}

/* Whether the column can be counted; else an error or, if lenient, false. */
static bool
plan_column(PlanColumn *column, TupleDesc tupdesc, const ProfileSet *set, int i, bool lenient)
{
	size_t		length;
	const char *name = mlops_profile_set_name(set, i, &length);
	Profile    *profile = mlops_profile_set_get(set, i);
	Oid			type;

	column->element = 0;
	column->attribute = find_attribute(tupdesc, name, length);
	if (column->attribute < 0)
		column->attribute = find_element(tupdesc, name, length, &column->element);
	column->offset = (char *) profile - (char *) set;
	if (column->attribute < 0)
	{
		if (lenient)
			return false;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("row has no column \"%.*s\"", (int) length, name),
				 errhint("The reference has a profile of that name: select such a column.")));
	}
	type = TupleDescAttr(tupdesc, column->attribute)->atttypid;
	mlops_profile_value_init(&column->value, type);
	if (column->element > 0)
	{
		column->name = pstrdup(NameStr(TupleDescAttr(tupdesc, column->attribute)->attname));
		column->array = column->value.type;
		mlops_profile_value_init(&column->value, column->array.element_type);
	}
	column->is_plain = column->element == 0 && column->value.type.type == FLOAT8OID &&
		mlops_profile_kind(profile) == PROFILE_NUMERIC;
	if (mlops_profile_value_fits(&column->value, mlops_profile_kind(profile)))
		return true;
	if (!lenient)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%.*s\" of type %s is no number, and its reference has numbers",
						(int) length, name, format_type_be(type)),
				 errhint("Cast the column to a number.")));
	return false;
}

ProfileRowPlan *
mlops_profile_row_plan(TupleDesc tupdesc, const ProfileSet *set, bool lenient)
{
	int			n = mlops_profile_set_count(set);
	ProfileRowPlan *plan = palloc0(offsetof(ProfileRowPlan, columns) + sizeof(PlanColumn) * n);

	plan->digest = mlops_profile_set_digest(set);
	plan->size = mlops_profile_set_size(set);
	for (int i = 0; i < n; i++)
		if (plan_column(&plan->columns[plan->n], tupdesc, set, i, lenient))
		{
			plan->n_attributes = Max(plan->n_attributes, plan->columns[plan->n].attribute + 1);
			plan->n++;
		}
	return plan;
}

bool
mlops_profile_row_fits(const ProfileRowPlan *plan, const ProfileSet *set)
{
	return plan->digest == mlops_profile_set_digest(set) && plan->size == mlops_profile_set_size(set);
}

int
mlops_profile_row_attributes(const ProfileRowPlan *plan)
{
	return plan->n_attributes;
}

/* Count an element; what the array does not have is NULL. */
static void
add_element(PlanColumn *column, Profile *profile, ArrayType *array)
{
	Datum		element;
	bool		isnull = ARR_NDIM(array) == 0;

	if (ARR_NDIM(array) > 1)
		mlops_value_array_length(PointerGetDatum(array), column->name);
	if (!isnull)
	{
		int			index = ARR_LBOUND(array)[0] + column->element - 1;

		element = array_get_element(PointerGetDatum(array), 1, &index, -1, column->array.element_length,
									column->array.element_by_value, column->array.element_align, &isnull);
	}
	if (isnull)
		mlops_profile_add_null(profile);
	else
		mlops_profile_value_add(&column->value, profile, element);
}

void
mlops_profile_row_add(ProfileRowPlan *plan, ProfileSet *set, const Datum *values, const bool *isnull)
{
	ArrayType  *array = NULL;
	int			array_attribute = -1;

	for (int i = 0; i < plan->n; i++)
	{
		PlanColumn *column = &plan->columns[i];
		Profile    *profile = (Profile *) ((char *) set + column->offset);

		if (isnull[column->attribute])
			mlops_profile_add_null(profile);
		else if (column->is_plain)
			mlops_profile_add_number(profile, DatumGetFloat8(values[column->attribute]));
		else if (column->element == 0)
			mlops_profile_value_add(&column->value, profile, values[column->attribute]);
		else
		{
			/* the elements of an array follow each other: detoast it once */
			if (array_attribute != column->attribute)
				array = DatumGetArrayTypeP(values[column->attribute]);
			array_attribute = column->attribute;
			add_element(column, profile, array);
		}
	}
}
