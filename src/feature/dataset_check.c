/*-------------------------------------------------------------------------
 *
 * dataset_check.c
 *	  What is decided once all rows of a data set came: dictionaries, refusals,
 *	  sizes of the parts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/error.h"
#include "feature/dataset_state.h"
#include "feature/digest.h"

/* A text column is no category when more than this share of its values is distinct. */
#define MAX_DISTINCT_SHARE 0.99
#define MIN_ROWS_DISTINCT 20

/* The hold-out may stray this share of test_size from it. */
#define MAX_STRAY 0.5

void
mlops_dataset_start_sort(struct DatasetState *state)
{
	/* while undecided, label 0 and 1 may turn out to be classes */
	state->n_class_rows = state->target->mode == TARGET_UNDECIDED ? 2 : state->target->n_classes;
	if (state->n_class_rows > 0)
		state->class_rows = palloc0(3 * state->n_class_rows * sizeof(int64));
	state->sorter = mlops_sorter_create(state->spec, state->columns->features->n_features);
}

static void
add_note(struct DatasetState *state, char *note)
{
	state->dataset->notes = lappend(state->dataset->notes, note);
}

static char *
format_rows(int64 n)
{
	return psprintf(INT64_FORMAT " row%s", n, n == 1 ? "" : "s");
}

/* An array column without any array has no width. */
void
mlops_dataset_check_widths(struct DatasetState *state)
{
	const EncodePlan *plan = state->columns->features;

	for (int i = 0; i < plan->n_steps && state->n_read > 0; i++)
		if (plan->steps[i].width == 0)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("column \"%s\" is NULL in all rows", plan->steps[i].name),
					 errhint("Leave it out with exclude => '{%s}'.",
							 quote_identifier(plan->steps[i].name))));
}

void
mlops_dataset_check_rows(struct DatasetState *state)
{
	const DatasetSpec *spec = state->spec;
	int64		n = state->n_read - state->n_without_target - state->n_without_part;

	state->dataset->n_dropped = state->n_without_target + state->n_without_part;
	if (state->n_without_target > 0)
		add_note(state, psprintf("%s left out because target \"%s\" is missing",
								 format_rows(state->n_without_target), spec->target));
	if (state->n_without_part > 0)
		add_note(state, psprintf("%s left out because \"%s\" is NULL",
								 format_rows(state->n_without_part), spec->split_by));
	if (spec->target == NULL || spec->split == SPLIT_NONE || spec->any_parts)
		return;
	if (state->n_read == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query returned no rows")));
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\" is NULL in all rows",
						state->n_without_target > 0 ? spec->target : spec->split_by)));
	if (n == 1)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query returned only one row%s",
						state->n_read > 1 ? " that can be used" : ""),
				 errhint("Training needs rows to learn from and rows to test with.")));
}

static void
check_labels(const struct DatasetState *state, const EncodeStep *step)
{
	const DatasetSpec *spec = state->spec;
	int64		n_rows = mlops_label_set_total(step->labels);
	int64		n = mlops_label_set_count(step->labels);
	const char *name = quote_identifier(step->name);

	if (!step->included && n_rows >= MIN_ROWS_DISTINCT && n > MAX_DISTINCT_SHARE * n_rows)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\" has " INT64_FORMAT " distinct labels in " INT64_FORMAT " rows",
						step->name, n, n_rows),
				 errdetail("It names rows; a model cannot learn from it for other rows."),
				 errhint("Leave it out with exclude => '{%s}', make it the key, or insist with include => '{%s}'.",
						 name, name)));
	if (n > spec->max_categories && !spec->keep_frequent)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has " INT64_FORMAT " distinct labels, more than mlops.max_categories (%d)",
						step->name, n, spec->max_categories),
				 errhint("Leave it out with exclude => '{%s}', group its values in the query, or raise mlops.max_categories.",
						 name)));
}

/* Sort the dictionaries, and refuse columns for what they hold. */
void
mlops_dataset_finish_features(struct DatasetState *state)
{
	EncodePlan *plan = state->columns->features;
	const char *duplicate;

	state->codes = palloc0(Max(plan->n_steps, 1) * sizeof(int *));
	for (int i = 0; i < plan->n_steps; i++)
	{
		EncodeStep *step = &plan->steps[i];
		Feature    *feature;

		if (step->uniqueness != NULL && mlops_uniqueness_is_serial(step->uniqueness))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("column \"%s\" looks like a serial number", step->name),
					 errdetail("Its values are distinct and dense; rows to come lie outside of what the model saw."),
					 errhint("Leave it out with exclude => '{%s}', make it the key, or insist with include => '{%s}'.",
							 quote_identifier(step->name), quote_identifier(step->name))));
		if (step->labels == NULL)
			continue;
		check_labels(state, step);
		feature = palloc0(sizeof(Feature));
		feature->n_categories = mlops_label_set_sort(step->labels, state->spec->max_categories,
													 &feature->categories, &state->codes[i]);
		step->feature = feature;
		if (feature->n_categories < mlops_label_set_count(step->labels))
			add_note(state, psprintf("column \"%s\" has " INT64_FORMAT " distinct labels; the %d most frequent are categories, the others count as one",
									 step->name, mlops_label_set_count(step->labels),
									 feature->n_categories));
	}

	if (state->spec->signature != NULL)
		state->dataset->signature = unconstify(Signature *, state->spec->signature);
	else
		state->dataset->signature = mlops_columns_describe(state->columns, state->tupdesc);
	duplicate = mlops_signature_find_duplicate(state->dataset->signature);
	if (duplicate != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("feature \"%s\" occurs more than once", duplicate),
				 errdetail("Elements of an array column are features too."),
				 errhint("Give the columns different names with AS.")));
}

/* Each class that occurs must be there to learn from, and to test with. */
static void
check_classes(const struct DatasetState *state, int64 n_test)
{
	int			n = state->n_class_rows;
	int			n_present = 0;

	for (int i = 0; i < state->dataset->n_classes; i++)
	{
		int64		train = state->class_rows[PART_TRAIN * n + i];
		int64		test = state->class_rows[PART_TEST * n + i];
		int64		validation = state->class_rows[PART_VALIDATION * n + i];

		if (train + test + validation == 0)
			continue;			/* keeps its slot */
		n_present++;
		if (train == 0 || (test == 0 && n_test > 0))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("no row of class \"%s\" is in the %s part",
							state->dataset->classes[i], train == 0 ? "training" : "hold-out"),
					 errdetail("The query has " INT64_FORMAT " rows of this class.",
							   train + test + validation),
					 errhint("Select more rows of it, change test_size, or mark the parts yourself with split => 'column'.")));
	}
	if (state->dataset->n_classes > 0 && n_present < 2)
		mlops_target_report_one_class(state->target);
}

static void
add_notes(struct DatasetState *state)
{
	const DatasetSpec *spec = state->spec;

	if (state->n_in_gap > 0)
		add_note(state, psprintf("%s left out within gap of a cut", format_rows(state->n_in_gap)));
	if (spec->split == SPLIT_HASH && spec->key == NIL && spec->qid == NULL)
		add_note(state, pstrdup("without key the split goes by the whole row: a row that changes may change sides, and rows of one entity are on both; name the entity with key"));
	if (state->target->mode == TARGET_UNDECIDED && state->dataset->task == TASK_REGRESSION)
		add_note(state, psprintf("target \"%s\" is a number: task is regression; for classes use task => 'multiclass'",
								 spec->target));
}

/* Refuse a data set whose parts do not suit training and testing. */
void
mlops_dataset_check_parts(struct DatasetState *state)
{
	const DatasetSpec *spec = state->spec;
	Dataset    *dataset = state->dataset;
	int64	   *n_part = dataset->n_part;
	double		share;

	dataset->n_rows = n_part[PART_TRAIN] + n_part[PART_VALIDATION] + n_part[PART_TEST];
	dataset->n_dropped += state->n_in_gap;
	if (spec->split == SPLIT_NONE || spec->any_parts)
		return;
	add_notes(state);

	if (n_part[PART_TRAIN] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("no rows are left to train with"),
				 errdetail("Of " INT64_FORMAT " rows, " INT64_FORMAT " are in the hold-out, " INT64_FORMAT " in the validation part and " INT64_FORMAT " within gap.",
						   dataset->n_rows + state->n_in_gap, n_part[PART_TEST],
						   n_part[PART_VALIDATION], state->n_in_gap),
				 errhint("Select more rows, or change test_size, gap or split.")));
	if (spec->validation_size > 0 && n_part[PART_VALIDATION] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("the validation part is empty"),
				 errhint("Select more rows, change validation_size, or mark rows with 'validation' in split_by.")));
	if (spec->split == SPLIT_COLUMN && n_part[PART_TEST] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("the hold-out is empty"),
				 errhint("Mark its rows in column \"%s\": with true, or with 'test'.", spec->split_by)));

	if (state->columns->weight.column >= 0 && !state->has_weight)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\", named by weight, is 0 in all rows", spec->weight)));

	share = (double) n_part[PART_TEST] / (dataset->n_rows + state->n_in_gap);
	if (spec->split != SPLIT_COLUMN && fabs(share - spec->test_size) > MAX_STRAY * spec->test_size)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("the hold-out has " INT64_FORMAT " of " INT64_FORMAT " rows, where test_size asks for %g",
						n_part[PART_TEST], dataset->n_rows + state->n_in_gap, spec->test_size),
				 spec->split == SPLIT_HASH ?
				 errhint("Use a key with more distinct values, select more rows, or mark the parts yourself with split => 'column'.") :
				 errhint("Use a split_by with more distinct values, or mark the parts yourself with split => 'column'.")));
	check_classes(state, n_part[PART_TEST]);
}

static void
digest_column(Digest *digest, const struct DatasetState *state, const RoleColumn *role, int role_code)
{
	Form_pg_attribute attribute;

	if (role->column < 0)
		return;
	attribute = TupleDescAttr(state->tupdesc, role->column);
	mlops_digest_u8(digest, role_code);
	mlops_digest_string(digest, role->name);
	mlops_digest_string(digest, format_type_with_typemod(attribute->atttypid, attribute->atttypmod));
}

/*
 * "mlops.schema.v1" 00 | u32 features | per feature: name, type, u8 kind, u32
 * categories, each category | then u8 role (1 target, 2 weight, 3 group, 4 upper
 * bound), name, type of the columns with a role | u32 classes, each class
 */
void
mlops_dataset_digest_schema(struct DatasetState *state)
{
	const Dataset *dataset = state->dataset;
	Digest	   *digest = mlops_digest_create("mlops.schema.v1");

	mlops_digest_u32(digest, dataset->signature->n_features);
	for (int i = 0; i < dataset->signature->n_features; i++)
	{
		const Feature *feature = &dataset->signature->features[i];

		CHECK_FOR_INTERRUPTS();
		mlops_digest_string(digest, feature->name);
		mlops_digest_string(digest, feature->type != NULL ? feature->type : "");
		mlops_digest_u8(digest, feature->kind);
		mlops_digest_u32(digest, feature->n_categories);
		for (int j = 0; j < feature->n_categories; j++)
			mlops_digest_string(digest, feature->categories[j]);
	}
	digest_column(digest, state, &state->columns->target, 1);
	digest_column(digest, state, &state->columns->weight, 2);
	digest_column(digest, state, &state->columns->qid, 3);
	digest_column(digest, state, &state->columns->upper, 4);
	mlops_digest_u32(digest, dataset->n_classes);
	for (int i = 0; i < dataset->n_classes; i++)
		mlops_digest_string(digest, dataset->classes[i]);
	mlops_digest_finish(digest, state->dataset->schema_digest);
}
