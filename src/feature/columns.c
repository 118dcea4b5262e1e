/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Columns of a query -> features and other roles.
 *
 * Used twice: at submit with the analysed query, and by the executor with the
 * rows' descriptor.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/error.h"
#include "feature/columns.h"

/* Distinct integers that one column remembers in search of serial numbers. */
#define MIN_REMEMBERED 512
#define MAX_REMEMBERED 16384

static const char *
get_name(TupleDesc tupdesc, int column)
{
	return NameStr(TupleDescAttr(tupdesc, column)->attname);
}

static bool
contains_name(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
		return true;
	return false;
}

static int
find_column(TupleDesc tupdesc, const char *name, const char *argument)
{
	for (int i = 0; i < tupdesc->natts; i++)
		if (strcmp(get_name(tupdesc, i), name) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\", named by %s, does not exist in the query", name, argument),
			 errhint("Add it to the query's select list, or correct the name; names are case-sensitive here.")));
}

static void
resolve_role(RoleColumn *role, TupleDesc tupdesc, const char *name, const char *argument)
{
	role->column = -1;
	role->name = name;
	if (name == NULL)
		return;
	role->column = find_column(tupdesc, name, argument);
	mlops_value_init(&role->value_type, TupleDescAttr(tupdesc, role->column)->atttypid);
}

static void
check_role_is_number(const RoleColumn *role, const char *argument)
{
	if (role->column >= 0 && !mlops_value_is_number(role->value_type.kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\", named by %s, is of type %s", role->name, argument,
						format_type_be(role->value_type.type)),
				 errhint("It must be a number.")));
}

/* Names that features and roles are found by must be there and be distinct. */
static void
check_names(const DatasetSpec *spec, TupleDesc tupdesc)
{
	const char **names = palloc(Max(tupdesc->natts, 1) * sizeof(char *));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, spec->include)
		(void) find_column(tupdesc, lfirst(cell), "include");
	foreach(cell, spec->exclude)
	{
		(void) find_column(tupdesc, lfirst(cell), "exclude");
		if (contains_name(spec->include, lfirst(cell)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is both in include and in exclude",
							(char *) lfirst(cell))));
	}

	for (int i = 0; i < tupdesc->natts; i++)
	{
		const char *name = get_name(tupdesc, i);

		if (contains_name(spec->exclude, name))
			continue;
		if (strcmp(name, "?column?") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("column %d of the query has no name", i + 1),
					 errhint("Give it a name with AS.")));
		names[n++] = name;
	}
	qsort(names, n, sizeof(char *), pg_qsort_strcmp);
	for (int i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" occurs more than once in the query", names[i]),
					 errhint("Give the columns different names with AS, or leave them out with exclude => '{%s}'.",
							 quote_identifier(names[i]))));
	pfree(names);
}

static bool
has_role(const DatasetColumns *columns, int column)
{
	for (int i = 0; i < columns->n_keys; i++)
		if (columns->keys[i].column == column)
			return true;
	return column == columns->target.column || column == columns->upper.column ||
		column == columns->weight.column || column == columns->qid.column ||
		column == columns->split_by.column;
}

/* Refuse the types that make no feature, or none that helps. */
static void
check_feature_type(const EncodeStep *step, Oid type)
{
	const char *name = quote_identifier(step->name);
	ValueKind	kind = step->value_type.kind;

	if (mlops_value_is_time(kind) && !step->included)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\" of type %s is no useful feature", step->name, format_type_be(type)),
				 kind == VALUE_TIME ? 0 :
				 errdetail("Time only grows: rows to come lie outside of what the model saw."),
				 errhint("Use extract(epoch FROM %s%s) in the query, or decide with exclude => '{%s}' or include => '{%s}'.",
						 kind == VALUE_TIME ? "" : "$1 - ", name, name, name)));
	if (kind != VALUE_NONE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of type %s makes no feature", step->name, format_type_be(type)),
			 step->value_type.type == INTERVALOID ?
			 errhint("Use extract(epoch FROM %s) in the query, or leave it out with exclude => '{%s}'.", name, name) :
			 step->value_type.type == JSONBOID || step->value_type.type == JSONOID ?
			 errhint("Extract numbers or texts from it in the query, or leave it out with exclude => '{%s}'.", name) :
			 errhint("Cast it to a number or text in the query, or leave it out with exclude => '{%s}'.", name)));
}

static void
collect_features(const DatasetSpec *spec, DatasetColumns *columns, TupleDesc tupdesc)
{
	EncodePlan *plan = palloc0(sizeof(EncodePlan));
	int			n_integers = 0;
	int			n_remembered;

	plan->steps = palloc0(Max(tupdesc->natts, 1) * sizeof(EncodeStep));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		EncodeStep *step = &plan->steps[plan->n_steps];
		Oid			type = TupleDescAttr(tupdesc, i)->atttypid;

		if (has_role(columns, i) || contains_name(spec->exclude, get_name(tupdesc, i)))
			continue;
		plan->n_steps++;
		step->column = i;
		step->name = pstrdup(get_name(tupdesc, i));
		step->included = spec->include_all || contains_name(spec->include, step->name);
		mlops_value_init(&step->value_type, type);
		check_feature_type(step, type);
		step->width = step->value_type.kind == VALUE_ARRAY ? 0 : 1;
		if (mlops_value_is_label(step->value_type.kind))
			step->labels = mlops_label_set_create(step->name, spec->keep_frequent ?
												  MLOPS_MAX_COUNTED_LABELS : spec->max_categories);
		else if (mlops_value_is_integer(step->value_type.kind) && !step->included)
			n_integers++;
	}

	/* an eighth of the memory of this operation, shared by all columns */
	n_remembered = (int64) maintenance_work_mem * 1024 / 8 / 64 / Max(n_integers, 1);
	n_remembered = Min(Max(n_remembered, MIN_REMEMBERED), MAX_REMEMBERED);
	for (int i = 0; i < plan->n_steps; i++)
		if (mlops_value_is_integer(plan->steps[i].value_type.kind) && !plan->steps[i].included)
			plan->steps[i].uniqueness = mlops_uniqueness_create(n_remembered);
	columns->features = plan;
}

/* What is to be predicted can neither weigh nor place its row. */
static void
check_target_role(const DatasetColumns *columns, const RoleColumn *role, const char *argument)
{
	if (role->column >= 0 && role->column == columns->target.column)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" is named by both target and %s", role->name, argument)));
}

DatasetColumns *
mlops_columns_resolve(const DatasetSpec *spec, TupleDesc tupdesc)
{
	DatasetColumns *columns = palloc0(sizeof(DatasetColumns));
	ListCell   *cell;

	check_names(spec, tupdesc);
	resolve_role(&columns->target, tupdesc, spec->target, "target");
	resolve_role(&columns->upper, tupdesc, spec->target_upper, "target_upper");
	resolve_role(&columns->weight, tupdesc, spec->weight, "weight");
	resolve_role(&columns->qid, tupdesc, spec->qid, "qid");
	resolve_role(&columns->split_by, tupdesc, spec->split_by, "split_by");
	check_role_is_number(&columns->upper, "target_upper");
	check_role_is_number(&columns->weight, "weight");
	columns->keys = palloc0(Max(list_length(spec->key), 1) * sizeof(RoleColumn));
	foreach(cell, spec->key)
	{
		resolve_role(&columns->keys[columns->n_keys], tupdesc, lfirst(cell), "key");
		check_target_role(columns, &columns->keys[columns->n_keys++], "key");
	}
	check_target_role(columns, &columns->weight, "weight");
	check_target_role(columns, &columns->qid, "qid");
	check_target_role(columns, &columns->split_by, "split_by");

	if (spec->signature != NULL)
		columns->features = mlops_encode_plan(spec->signature, tupdesc);
	else
		collect_features(spec, columns, tupdesc);
	if (columns->features->n_steps == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query has no feature columns"),
				 errhint("Select at least one column beside target, key, qid, weight and split_by.")));
	return columns;
}

void
mlops_columns_place(const DatasetSpec *spec, EncodePlan *plan)
{
	int64		n = 0;

	for (int i = 0; i < plan->n_steps; i++)
	{
		plan->steps[i].slot = n;
		n += plan->steps[i].width;
	}
	if (spec->max_columns > 0 && n > spec->max_columns)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("query has " INT64_FORMAT " features, more than mlops.max_columns (%d)",
						n, spec->max_columns),
				 errhint("Leave columns out with exclude, or raise mlops.max_columns.")));
	plan->n_features = n;
}

static void
describe_step(const EncodeStep *step, Oid type, Feature *features)
{
	ValueKind	kind = step->value_type.kind;
	char	   *type_name = format_type_be(mlops_value_is_time(kind) ? step->value_type.type : type);

	for (int i = 0; i < step->width; i++)
	{
		Feature    *feature = &features[i];

		CHECK_FOR_INTERRUPTS();
		if (step->feature != NULL)
			*feature = *step->feature;
		feature->column = pstrdup(step->name);
		feature->name = kind == VALUE_ARRAY ? psprintf("%s[%d]", step->name, i + 1) : feature->column;
		feature->element = kind == VALUE_ARRAY ? i + 1 : 0;
		feature->type = type_name;
		feature->kind = mlops_value_is_label(kind) ? FEATURE_CATEGORY :
			kind == VALUE_BOOLEAN ? FEATURE_BOOLEAN : FEATURE_NUMERIC;
	}
}

Signature *
mlops_columns_describe(const DatasetColumns *columns, TupleDesc tupdesc)
{
	Signature  *signature = palloc0(sizeof(Signature));
	const EncodePlan *plan = columns->features;

	signature->n_features = plan->n_features;
	signature->features = palloc0(Max(plan->n_features, 1) * sizeof(Feature));
	for (int i = 0; i < plan->n_steps; i++)
	{
		const EncodeStep *step = &plan->steps[i];

		describe_step(step, TupleDescAttr(tupdesc, step->column)->atttypid,
					  &signature->features[step->slot]);
	}
	if (columns->target.column >= 0)
	{
		signature->target = pstrdup(columns->target.name);
		signature->target_type =
			format_type_be(TupleDescAttr(tupdesc, columns->target.column)->atttypid);
	}
	return signature;
}
