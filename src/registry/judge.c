/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  The rows of one query, scored by one or more versions.
 *
 *	 query -> rows encoded by the union of all signatures -> recoded for each
 *		version -> scores -> metrics
 *
 * One reading, one snapshot, one digest for all versions.  Labels and scores of
 * the rows are held in memory; the rows themselves go by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "base/settings.h"
#include "base/spi_args.h"
#include "registry/judge.h"
#include "registry/unseen.h"

#define BLOCK_ROWS 256

/* How rows become scores of one version. */
typedef struct Scorer
{
	Forest	   *forest;
	uint32		n_features;
	uint32		n_scores;
	int		   *source;			/* feature of the union for each of ours */
	int		  **recode;			/* code of the union -> ours; NULL: no
								 * category */
	float	   *block;			/* BLOCK_ROWS rows of ours */
	int			n_block;
	float	   *score;			/* all rows */
	size_t		n_scored;
} Scorer;

/* Number under a key of the parameters, which may be a number, a text or an array. */
static double
get_parameter(const Jsonb *params, const char *name)
{
	JsonbValue	value;
	char	   *digits;

	if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &params->root), name,
									 strlen(name), &value) == NULL)
		return 0;
	/* the first of several quantiles is the one that counts */
	if (value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data) &&
		JsonContainerSize(value.val.binary.data) > 0)
		value = *getIthJsonbValueFromContainer(value.val.binary.data, 0);
	if (value.type == jbvNumeric)
		return DatumGetFloat8(DirectFunctionCall1(numeric_float8,
												  NumericGetDatum(value.val.numeric)));
	if (value.type != jbvString)
		return 0;
	digits = pnstrdup(value.val.string.val, value.val.string.len);
	return strtod(digits + (digits[0] == '['), NULL);
}

/* Fetch what resolve does not: recipe and parameters. */
static void
fetch_recipe(JudgedVersion *judged)
{
	MemoryContext caller = CurrentMemoryContext;
	SpiScope	scope;
	SpiArgs		args = {0};
	Datum		value;
	bool		isnull;

	mlops_args_add_text(&args, judged->version->model);
	mlops_args_add_int4(&args, judged->version->version);
	mlops_spi_begin(&scope, true);
	if (mlops_spi_run(&scope,
					  "SELECT recipe, refit, params FROM mlops.model_version"
					  " WHERE model = $1 AND version = $2", &args) == 0)
		elog(ERROR, "version is gone");
	MemoryContextSwitchTo(caller);
	value = mlops_spi_value(0, 1, &isnull);
	judged->recipe = isnull ? NULL : DatumGetJsonbPCopy(value);
	judged->refit = DatumGetBool(mlops_spi_value(0, 2, &isnull));
	value = mlops_spi_value(0, 3, &isnull);
	judged->input.quantile = get_parameter(DatumGetJsonbP(value), "quantile_alpha");
	judged->input.tweedie_power = get_parameter(DatumGetJsonbP(value), "tweedie_variance_power");
	mlops_spi_end(&scope);
	MemoryContextSwitchTo(caller);
}

static void
load_version(JudgedVersion *judged, const char *reference)
{
	ModelVersion *version = mlops_registry_resolve(reference, MODEL_READ);

	judged->version = version;
	judged->signature = mlops_signature_from_jsonb(version->signature);
	if (!mlops_metric_task_from_name(version->task, &judged->input.task))
		elog(ERROR, "no such task: \"%s\"", version->task);
	judged->input.objective = version->objective;
	judged->input.threshold = version->threshold;
	fetch_recipe(judged);
}

/* Versions are judged by the same labels or not at all. */
static void
check_same_task(const ModelVersion *a, const ModelVersion *b)
{
	bool		same = strcmp(a->task, b->task) == 0 && a->n_classes == b->n_classes;

	for (int i = 0; same && i < a->n_classes; i++)
		same = strcmp(a->classes[i], b->classes[i]) == 0;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
				 errmsg("\"%s/%d\" and \"%s/%d\" do not have the same task and classes",
						a->model, a->version, b->model, b->version)));
}

static Feature *
find_feature(const Signature *signature, const char *name)
{
	for (int i = 0; i < signature->n_features; i++)
		if (strcmp(signature->features[i].name, name) == 0)
			return &signature->features[i];
	return NULL;
}

/* Add the labels of one dictionary to another one, sorted. */
static void
merge_categories(Feature *into, const Feature *from)
{
	int			n = 0;
	int			total = into->n_categories + from->n_categories;
	char	  **labels = palloc(sizeof(char *) * Max(total, 1));

	memcpy(labels, into->categories, sizeof(char *) * into->n_categories);
	memcpy(labels + into->n_categories, from->categories, sizeof(char *) * from->n_categories);
	qsort(labels, total, sizeof(char *), pg_qsort_strcmp);
	for (int i = 0; i < total; i++)
		if (n == 0 || strcmp(labels[n - 1], labels[i]) != 0)
			labels[n++] = labels[i];
	into->categories = labels;
	into->by_label = NULL;
	into->n_categories = n;
}

/*
 * Features of all versions, those of the first one first, with all categories
 * that any of them knows.
 */
static Signature *
unite_signatures(const Judgement *judgement)
{
	const Signature *first = judgement->versions[0].signature;
	Signature  *united = palloc0(sizeof(Signature));

	for (int i = 0; i < judgement->n_versions; i++)
		united->n_features += judgement->versions[i].signature->n_features;
	united->features = palloc0(sizeof(Feature) * Max(united->n_features, 1));
	united->n_features = first->n_features;
	memcpy(united->features, first->features, sizeof(Feature) * first->n_features);

	for (int i = 1; i < judgement->n_versions; i++)
	{
		const Signature *signature = judgement->versions[i].signature;

		for (int j = 0; j < signature->n_features; j++)
		{
			const Feature *feature = &signature->features[j];
			Feature    *known = find_feature(united, feature->name);

			CHECK_FOR_INTERRUPTS();
			if (known == NULL)
				united->features[united->n_features++] = *feature;
			else if ((known->kind == FEATURE_CATEGORY) != (feature->kind == FEATURE_CATEGORY))
				ereport(ERROR,
						(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
						 errmsg("feature \"%s\" is a category for one version and a number for another",
								feature->name)));
			else if (feature->kind == FEATURE_CATEGORY)
				merge_categories(known, feature);
		}
	}
	return united;
}

/* Codes of our dictionary for those of the union; labels we never saw get our
 * number of categories. */
static int *
make_recode(const Feature *united, const Feature *ours)
{
	int		   *recode = palloc(sizeof(int) * (united->n_categories + 1));

	for (int i = 0; i < united->n_categories; i++)
	{
		const char *label = united->categories[i];

		recode[i] = mlops_signature_find_category(ours, label, strlen(label));
		if (recode[i] < 0)
			recode[i] = ours->n_categories;
	}
	recode[united->n_categories] = ours->n_categories;
	return recode;
}

static Scorer *
create_scorer(const JudgedVersion *judged, const Signature *united, size_t n_rows)
{
	Scorer	   *scorer = palloc0(sizeof(Scorer));
	const Signature *signature = judged->signature;

	scorer->forest = mlops_registry_build_forest(mlops_registry_load(judged->version->digest), NULL);
	scorer->n_features = mlops_forest_n_features(scorer->forest);
	scorer->n_scores = mlops_forest_n_outputs(scorer->forest);
	if (scorer->n_features != signature->n_features)
		elog(ERROR, "signature and bytes of a version do not match");
	if (n_rows > MaxAllocHugeSize / sizeof(float) / scorer->n_scores)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("query returned too many rows")));

	scorer->source = palloc(sizeof(int) * scorer->n_features);
	scorer->recode = palloc0(sizeof(int *) * scorer->n_features);
	for (uint32 i = 0; i < scorer->n_features; i++)
	{
		const Feature *ours = &signature->features[i];
		const Feature *theirs = find_feature(united, ours->name);

		scorer->source[i] = theirs - united->features;
		if (ours->kind == FEATURE_CATEGORY)
			scorer->recode[i] = make_recode(theirs, ours);
	}
	scorer->block = palloc_extended(sizeof(float) * BLOCK_ROWS * scorer->n_features,
									MCXT_ALLOC_HUGE);
	scorer->score = MemoryContextAllocHuge(CurrentMemoryContext,
										   Max(n_rows * scorer->n_scores, 1) * sizeof(float));
	return scorer;
}

static void
score_block(Scorer *scorer)
{
	float	   *score = scorer->score + scorer->n_scored * scorer->n_scores;

	mlops_forest_margin_block(scorer->forest, scorer->block, scorer->n_features,
							  scorer->n_block, score);
	for (int i = 0; i < scorer->n_block; i++)
		mlops_forest_probability(scorer->forest, score + i * scorer->n_scores,
								 score + i * scorer->n_scores);
	scorer->n_scored += scorer->n_block;
	scorer->n_block = 0;
}

static void
put_row(Scorer *scorer, const float *united)
{
	float	   *row = scorer->block + (size_t) scorer->n_block * scorer->n_features;

	for (uint32 i = 0; i < scorer->n_features; i++)
	{
		row[i] = united[scorer->source[i]];
		if (scorer->recode[i] != NULL && !isnan(row[i]))
			row[i] = scorer->recode[i][(int) row[i]];
	}
	if (++scorer->n_block == BLOCK_ROWS)
		score_block(scorer);
}

/* Take the rows of the parts that count, and score them by every version. */
static void
score_rows(Judgement *judgement, const Signature *united)
{
	Dataset    *dataset = judgement->dataset;
	size_t		n_rows = dataset->n_part[PART_TEST];
	bool		grouped = judgement->spec.task == TASK_RANKING;
	bool		bounded = judgement->spec.target_upper != NULL;
	float	   *label = MemoryContextAllocHuge(CurrentMemoryContext, Max(n_rows, 1) * sizeof(float));
	float	   *upper = MemoryContextAllocHuge(CurrentMemoryContext, Max(n_rows, 1) * sizeof(float));
	uint64	   *group = MemoryContextAllocHuge(CurrentMemoryContext,
											   grouped ? Max(n_rows, 1) * sizeof(uint64) : 1);
	size_t		n = 0;
	DatasetRow	row;

	for (int i = 0; i < judgement->n_versions; i++)
		judgement->versions[i].scorer = create_scorer(&judgement->versions[i], united, n_rows);
	while (mlops_dataset_next(dataset, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (row.part != PART_TEST)
			continue;
		if (n >= n_rows)
			elog(ERROR, "more rows than were counted");
		label[n] = row.label;
		upper[n] = row.upper;
		if (grouped)
			group[n] = row.group;
		n++;
		for (int i = 0; i < judgement->n_versions; i++)
			put_row(judgement->versions[i].scorer, row.features);
	}

	for (int i = 0; i < judgement->n_versions; i++)
	{
		JudgedVersion *judged = &judgement->versions[i];

		score_block(judged->scorer);
		judged->input.n = n;
		judged->input.n_scores = judged->scorer->n_scores;
		judged->input.score = judged->scorer->score;
		judged->input.label = label;
		judged->input.upper = bounded ? upper : NULL;
		judged->input.group = grouped ? group : NULL;
	}
}

static void
fill_spec(Judgement *judgement, const char *query, const char *target, bool unseen_only,
		  TimestampTz as_of)
{
	const JudgedVersion *first = &judgement->versions[0];
	DatasetSpec *spec = &judgement->spec;

	spec->query = query;
	spec->as_of = as_of;
	spec->target = target != NULL ? target : first->signature->target;
	if (spec->target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the target of \"%s/%d\" is not known", first->version->model,
						first->version->version),
				 errhint("Name the column that holds the truth with target => '...'.")));
	spec->task = mlops_dataset_task_from_name(first->version->task);
	if (spec->task == TASK_SURVIVAL)
		spec->target_upper = mlops_unseen_string(first->recipe, "target_upper");
	spec->qid = mlops_unseen_string(first->recipe, "qid");
	spec->classes = first->version->classes;
	spec->n_classes = first->version->n_classes;
	spec->split = SPLIT_NONE;
	spec->max_categories = mlops_max_categories;
	spec->max_columns = 0;		/* a stored version may be wider than the
								 * setting is now */
	spec->max_rows = mlops_max_rows * INT64CONST(1000);
	spec->max_bytes = mlops_max_spool_size * INT64CONST(1024) * 1024;
	if (unseen_only)
		mlops_unseen_fill_spec(judgement, spec);
}

Judgement *
mlops_judge_read(char **references, int n_references, const char *query, const char *target,
				 bool unseen_only)
{
	return mlops_judge_read_at(references, n_references, query, target, unseen_only,
							   GetCurrentTransactionStartTimestamp());
}

Judgement *
mlops_judge_read_at(char **references, int n_references, const char *query, const char *target,
					bool unseen_only, TimestampTz as_of)
{
	Judgement  *judgement = palloc0(sizeof(Judgement));
	Signature  *united;

	judgement->n_versions = n_references;
	judgement->versions = palloc0(sizeof(JudgedVersion) * n_references);
	for (int i = 0; i < n_references; i++)
	{
		load_version(&judgement->versions[i], references[i]);
		check_same_task(judgement->versions[0].version, judgement->versions[i].version);
	}
	fill_spec(judgement, query, target, unseen_only, as_of);
	united = unite_signatures(judgement);
	judgement->spec.signature = united;

	judgement->dataset = mlops_dataset_read(&judgement->spec);
	score_rows(judgement, united);
	judgement->columns = mlops_dataset_columns(judgement->dataset);
	mlops_dataset_end(judgement->dataset);
	return judgement;
}

int
mlops_judge_compute(const MetricInput *input, MetricValue *values)
{
	int			n = mlops_metric_compute(input, values, mlops_registry_interrupted);

	CHECK_FOR_INTERRUPTS();
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while computing metrics of %zu rows.", input->n)));
	return n;
}
