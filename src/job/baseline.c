/*-------------------------------------------------------------------------
 *
 * baseline.c
 *	  The champion that a new version is compared with on the same rows.
 *
 * The comparison is fair only when the champion never saw the hold-out rows:
 * both must split by the same rule.  Otherwise there is no baseline, but a
 * reason, which becomes a note of the run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "base/spi_args.h"
#include "job/baseline.h"

/* Keys of the recipe that decide which rows are held out. */
static const char *const split_keys[] = {"target", "split", "split_by", "test_size", "key", "qid"};

static bool
equal_keys(Jsonb *left, Jsonb *right, const char *key)
{
	JsonbValue	a;
	JsonbValue	b;
	bool		have_a = getKeyJsonValueFromContainer(&left->root, key, strlen(key), &a) != NULL;
	bool		have_b = getKeyJsonValueFromContainer(&right->root, key, strlen(key), &b) != NULL;

	if (!have_a || !have_b)
		return have_a == have_b;
	return compareJsonbContainers(&JsonbValueToJsonb(&a)->root, &JsonbValueToJsonb(&b)->root) == 0;
}

/* Why the champion's recipe gives no fair comparison; NULL: it does. */
static char *
find_obstacle(Jsonb *ours, Jsonb *theirs, bool refit)
{
	if (!theirs)
		return "the champion was imported, so its training rows are not known";
	if (refit)
		return "the champion was trained on all rows (refit), hold-out included";
	for (int i = 0; i < lengthof(split_keys); i++)
	{
		if (!equal_keys(ours, theirs, split_keys[i]))
			return psprintf("the champion was trained with another \"%s\"", split_keys[i]);
	}
	return NULL;
}

Baseline *
mlops_baseline_load(const Recipe *recipe, Jsonb *json)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	Baseline   *baseline = palloc0(sizeof(Baseline));
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	bool		no_recipe;
	Datum		value;

	mlops_spi_begin(&scope, true);
	mlops_args_add_text(&args, recipe->model);
	if (mlops_spi_run(&scope,
					  "SELECT v.version, v.recipe, v.refit, v.signature, v.threshold, b.bytes"
					  " FROM mlops.alias a"
					  " JOIN mlops.model_version v ON v.model = a.model AND v.version = a.version"
					  " JOIN mlops.model_blob b ON b.digest = v.digest"
					  " WHERE a.model = $1 AND a.alias = 'champion'", &args) > 0)
	{
		old = MemoryContextSwitchTo(context);
		baseline->version = DatumGetInt32(mlops_spi_value(0, 1, &isnull));
		value = mlops_spi_value(0, 2, &no_recipe);
		baseline->reason = find_obstacle(json, no_recipe ? NULL : DatumGetJsonbP(value),
										 DatumGetBool(mlops_spi_value(0, 3, &isnull)));
		baseline->signature = mlops_signature_from_jsonb(DatumGetJsonbP(mlops_spi_value(0, 4, &isnull)));
		value = mlops_spi_value(0, 5, &isnull);
		baseline->threshold = isnull ? NAN : DatumGetFloat8(value);
		if (baseline->reason)
			baseline->version = 0;
		else
			baseline->bytes = DatumGetByteaPCopy(mlops_spi_value(0, 6, &isnull));
		MemoryContextSwitchTo(old);
	}
	mlops_spi_end(&scope);
	return baseline;
}

/* Indices of the baseline's categories for ours, and last for labels that our
 * dictionary leaves out; those it never saw get its number of categories. */
static char *
make_recode(const Feature *ours, const Feature *theirs)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < ours->n_categories; i++)
	{
		const char *label = ours->categories[i];
		int			code = mlops_signature_find_category(theirs, label, strlen(label));

		appendStringInfo(&out, "%d,", code < 0 ? theirs->n_categories : code);
	}
	appendStringInfo(&out, "%d", theirs->n_categories);
	return out.data;
}

bool
mlops_baseline_map(Baseline *baseline, const Signature *signature, List **sources, List **recodes)
{
	*sources = NIL;
	*recodes = NIL;
	for (int i = 0; i < baseline->signature->n_features; i++)
	{
		const Feature *theirs = &baseline->signature->features[i];
		const Feature *ours = NULL;
		int			source = -1;

		for (int j = 0; j < signature->n_features && source < 0; j++)
		{
			ours = &signature->features[j];
			if (strcmp(ours->name, theirs->name) == 0 &&
				(ours->kind == FEATURE_CATEGORY) == (theirs->kind == FEATURE_CATEGORY))
				source = j;
		}
		if (source < 0)
		{
			baseline->reason = psprintf("the champion's feature \"%s\" is not in the query",
										theirs->name);
			return false;
		}
		*sources = lappend(*sources, psprintf("%d", source));
		*recodes = lappend(*recodes, theirs->kind == FEATURE_CATEGORY ?
						   make_recode(ours, theirs) : "");
	}
	return true;
}
