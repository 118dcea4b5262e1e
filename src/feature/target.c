/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Target column -> label, task and classes.
 *
 * Text, enum and boolean targets are classes; numbers are classes when the task
 * says so or when there are only 0 and 1.  A class is known by value::text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "base/error.h"
#include "feature/target.h"

static const char *const task_names[] = {
	[TASK_REGRESSION] = "regression",
	[TASK_BINARY] = "binary",
	[TASK_MULTICLASS] = "multiclass",
	[TASK_RANKING] = "ranking",
	[TASK_SURVIVAL] = "survival"
};

const char *
mlops_dataset_task_name(DatasetTask task)
{
	return task_names[task];
}

DatasetTask
mlops_dataset_task_from_name(const char *name)
{
	for (DatasetTask task = TASK_REGRESSION; task <= TASK_SURVIVAL; task++)
		if (strcmp(name, task_names[task]) == 0)
			return task;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid task \"%s\"", name),
			 errhint("Tasks are regression, binary, multiclass, ranking and survival.")));
}

/* Put the positive class of two last. */
static void
order_classes(const DatasetSpec *spec, char **classes)
{
	const char *positive = spec->positive;

	if (positive == NULL)
	{
		bool		standard = (strcmp(classes[0], "0") == 0 && strcmp(classes[1], "1") == 0) ||
		(strcmp(classes[0], "false") == 0 && strcmp(classes[1], "true") == 0);

		if (!standard)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target \"%s\" has the classes \"%s\" and \"%s\", and none is known to be the positive one",
							spec->target, classes[0], classes[1]),
					 errhint("Say which one predict gives the probability of, for instance positive => %s.",
							 quote_literal_cstr(classes[1]))));
	}
	else if (strcmp(positive, classes[0]) == 0)
	{
		char	   *swap = classes[0];

		classes[0] = classes[1];
		classes[1] = swap;
	}
	else if (strcmp(positive, classes[1]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target \"%s\" has no class \"%s\"", spec->target, positive),
				 errhint("Its classes are \"%s\" and \"%s\".", classes[0], classes[1])));
}

/* Make the classes known; their number in "labels" is their index. */
static void
set_classes(Target *target, char **classes, int n_classes)
{
	target->mode = TARGET_CLASS;
	target->classes = classes;
	target->n_classes = n_classes;
	target->labels = mlops_label_set_create(target->column->name, n_classes);
	for (int i = 0; i < n_classes; i++)
		(void) mlops_label_set_add(target->labels, classes[i], strlen(classes[i]),
								   mlops_label_set_hash(classes[i], strlen(classes[i])));
}

static void
report_type(const Target *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("target \"%s\" is of type %s, which does not suit task %s", target->column->name,
					format_type_be(target->column->value_type.type),
					target->task == TASK_UNDECIDED ? "classification or regression" :
					task_names[target->task]),
			 errhint("Cast it in the query: to a number for regression, to text for classes.")));
}

static void
check_arguments(const Target *target)
{
	const DatasetSpec *spec = target->spec;

	if (spec->target_upper != NULL && target->task != TASK_SURVIVAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target_upper is for survival only"),
				 errhint("Use task => 'survival'.")));
	if (target->task == TASK_RANKING && spec->qid == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ranking needs qid, the column that says which rows are ranked together")));
	if (spec->positive != NULL && target->task != TASK_BINARY && target->task != TASK_UNDECIDED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("positive is for binary classification only"),
				 errhint("Leave it out, or use task => 'binary'.")));
}

Target *
mlops_target_create(const DatasetSpec *spec, DatasetColumns *columns)
{
	Target	   *target = palloc0(sizeof(Target));
	ValueKind	kind = columns->target.value_type.kind;

	target->spec = spec;
	target->column = &columns->target;
	target->upper = &columns->upper;
	target->task = spec->task;
	target->only_0_and_1 = true;
	if (columns->target.column < 0)
		return target;

	if (target->task == TASK_UNDECIDED &&
		(kind == VALUE_BOOLEAN || spec->n_classes == 2 || spec->positive != NULL))
		target->task = TASK_BINARY;
	else if (target->task == TASK_UNDECIDED && spec->n_classes > 2)
		target->task = TASK_MULTICLASS;
	check_arguments(target);
	if (!mlops_value_is_number(kind) && kind != VALUE_BOOLEAN && !mlops_value_is_label(kind))
		report_type(target);

	switch (target->task)
	{
		case TASK_UNDECIDED:
			target->mode = mlops_value_is_number(kind) ? TARGET_UNDECIDED : TARGET_COLLECT;
			break;
		case TASK_BINARY:
		case TASK_MULTICLASS:
			target->mode = TARGET_COLLECT;
			break;
		default:
			target->mode = TARGET_NUMBER;
			if (mlops_value_is_label(kind))
				report_type(target);
	}

	if (spec->n_classes == 2 && spec->positive != NULL && strcmp(spec->positive, spec->classes[1]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the positive class is \"%s\", not \"%s\"", spec->classes[1], spec->positive),
				 errhint("The first version of a model fixes it; use another model name.")));
	if (spec->n_classes > 0 && target->mode != TARGET_NUMBER)
		set_classes(target, spec->classes, spec->n_classes);
	else if (kind == VALUE_BOOLEAN && target->mode == TARGET_COLLECT)
	{
		char	  **classes = palloc(2 * sizeof(char *));

		classes[0] = pstrdup("false");
		classes[1] = pstrdup("true");
		order_classes(spec, classes);
		set_classes(target, classes, 2);
	}
	else if (target->mode == TARGET_COLLECT)
		target->labels = mlops_label_set_create(target->column->name, spec->max_categories);
	return target;
}

/* Upper bound of an interval that is known to start at "label"; NULL: open. */
static float
read_upper(Target *target, const Datum *values, const bool *isnull, float label)
{
	float		upper;

	if (isnull[target->upper->column])
		return INFINITY;
	upper = mlops_value_number(target->upper->value_type.kind, values[target->upper->column]);
	if (isnan(upper) || upper < label)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\" holds %g where target \"%s\" is %g", target->upper->name,
						upper, target->column->name, label),
				 errhint("The upper bound must be at least the target, or NULL when it is open.")));
	return upper;
}

static float
read_class(Target *target, Datum value)
{
	size_t		length;
	const char *label = mlops_value_label(&target->column->value_type, value, &length);
	uint64		hash = mlops_label_set_hash(label, length);
	int			number;

	if (!mlops_value_is_number(target->column->value_type.kind))
		target->hash = hash;
	if (target->mode == TARGET_COLLECT)
		return mlops_label_set_add(target->labels, label, length, hash);
	number = mlops_label_set_find(target->labels, label, length, hash);
	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("target \"%s\" has the new class \"%.*s\"", target->column->name,
						(int) Min(length, 100), label),
				 errdetail("The classes of a model are fixed by its first version."),
				 errhint("Leave such rows out of the query, or train a new model.")));
	return number;
}

bool
mlops_target_read(Target *target, const Datum *values, const bool *isnull,
				  float *label, float *upper)
{
	const RoleColumn *column = target->column;
	Datum		value;

	*label = *upper = 0;
	if (target->mode == TARGET_NONE)
		return true;
	if (isnull[column->column])
		return false;
	value = values[column->column];

	if (mlops_value_is_number(column->value_type.kind))
	{
		uint32		bits;

		*label = mlops_value_number(column->value_type.kind, value) + 0.0f;
		if (isnan(*label))
			return false;
		if (isinf(*label))
			mlops_value_overflow(column->name);
		memcpy(&bits, label, sizeof(bits));
		target->hash = bits;
	}
	else if (target->mode == TARGET_NUMBER)
		target->hash = *label = mlops_value_number(column->value_type.kind, value);

	if (target->mode == TARGET_UNDECIDED)
	{
		if (*label == 0 || *label == 1)
			target->seen[(int) *label] = true;
		else
			target->only_0_and_1 = false;
	}
	else if (target->mode != TARGET_NUMBER)
		*label = read_class(target, value);
	*upper = target->upper->column >= 0 ? read_upper(target, values, isnull, *label) : *label;
	return true;
}

void
mlops_target_report_one_class(const Target *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_INVALID_DATASET),
			 errmsg("target \"%s\" has the same value in all rows", target->column->name),
			 errhint("Classification needs rows of at least two classes.")));
}

int *
mlops_target_finish(Target *target)
{
	const DatasetSpec *spec = target->spec;
	int			n = target->labels != NULL ? mlops_label_set_count(target->labels) : 0;
	char	  **classes;
	int		   *codes;

	if (target->mode == TARGET_UNDECIDED)
	{
		if (!target->only_0_and_1)
			target->task = TASK_REGRESSION;
		else
		{
			if (spec->split != SPLIT_NONE && !(target->seen[0] && target->seen[1]))
				mlops_target_report_one_class(target);
			target->task = TASK_BINARY;
			target->classes = palloc(2 * sizeof(char *));
			target->classes[0] = pstrdup("0");
			target->classes[1] = pstrdup("1");
			target->n_classes = 2;
		}
	}
	if (target->mode != TARGET_COLLECT)
		return NULL;

	if (n > spec->max_categories)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("target \"%s\" has %d classes, more than mlops.max_categories (%d)",
						target->column->name, n, spec->max_categories),
				 errhint("Use a number as target for regression, or raise mlops.max_categories.")));
	if (n < 2 && spec->split != SPLIT_NONE)
		mlops_target_report_one_class(target);
	if (target->task == TASK_UNDECIDED)
		target->task = n == 2 ? TASK_BINARY : TASK_MULTICLASS;
	if (target->task == TASK_BINARY && n != 2)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("target \"%s\" has %d classes, but task binary needs two",
						target->column->name, n),
				 errhint("Use task => 'multiclass', or compare with the positive class in the query.")));

	n = mlops_label_set_sort(target->labels, n, &classes, &codes);
	if (target->task == TASK_BINARY)
	{
		const char *first = classes[0];

		order_classes(spec, classes);
		if (classes[0] != first)
			for (int i = 0; i < n; i++)
				codes[i] = 1 - codes[i];
	}
	target->classes = classes;
	target->n_classes = n;
	return codes;
}
