/*-------------------------------------------------------------------------
 *
 * profile_row.c
 *	  Rows of any shape -> counts in the profiles of a set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "drift/profile_row.h"
#include "drift/profile_value.h"

typedef struct PlanColumn
{
	int			attribute;		/* from 0 */
	size_t		offset;			/* of the profile in the set */
	bool		is_plain;		/* float8 into a profile of numbers, the common case */
	ProfileValue value;
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

/* Whether the column can be counted; else an error or, if lenient, false. */
static bool
plan_column(PlanColumn *column, TupleDesc tupdesc, const ProfileSet *set, int i, bool lenient)
{
	size_t		length;
	const char *name = mlops_profile_set_name(set, i, &length);
	Profile    *profile = mlops_profile_set_get(set, i);

	column->attribute = find_attribute(tupdesc, name, length);
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
	mlops_profile_value_init(&column->value, TupleDescAttr(tupdesc, column->attribute)->atttypid);
	column->is_plain = column->value.type.type == FLOAT8OID && mlops_profile_kind(profile) == PROFILE_NUMERIC;
	if (mlops_profile_value_fits(&column->value, mlops_profile_kind(profile)))
		return true;
	if (!lenient)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%.*s\" of type %s is no number, and its reference has numbers",
						(int) length, name, format_type_be(column->value.type.type)),
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

void
mlops_profile_row_add(ProfileRowPlan *plan, ProfileSet *set, const Datum *values, const bool *isnull)
{
	for (int i = 0; i < plan->n; i++)
	{
		PlanColumn *column = &plan->columns[i];
		Profile    *profile = (Profile *) ((char *) set + column->offset);

		if (isnull[column->attribute])
			mlops_profile_add_null(profile);
		else if (column->is_plain)
			mlops_profile_add_number(profile, DatumGetFloat8(values[column->attribute]));
		else
			mlops_profile_value_add(&column->value, profile, values[column->attribute]);
	}
}
