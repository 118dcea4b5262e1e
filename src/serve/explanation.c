/*-------------------------------------------------------------------------
 *
 * explanation.c
 *	  What a prediction, or a model, is made of -> rows of a result.
 *
 * The forest computes, interruptibly; here are the names, labels and errors.
 * Rows are made in a context that is reset for each, since there can be
 * millions of pairs.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "compat/pg_compat.h"
#include "serve/explanation.h"
#include "serve/forest_cache.h"

#define BASE_NAME		"(base)"
#define UNSEEN_LABEL	"(unseen)"

/* Features of one margin whose pairs are told apart; the table takes 256 MB. */
#define MAX_PAIRED_FEATURES 8192

/* Rows on their way to a result. */
typedef struct RowSink
{
	ReturnSetInfo *result;
	MemoryContext context;		/* of one row */
} RowSink;

static RowSink
open_sink(ReturnSetInfo *result)
{
	RowSink		sink;

	sink.result = result;
	sink.context = AllocSetContextCreate(CurrentMemoryContext, "mlops explanation row",
										 ALLOCSET_SMALL_SIZES);
	return sink;
}

/* Write a row of texts, each of which may be NULL, and a number. */
static void
put_row(const RowSink *sink, int n_texts, const char *const *texts, double number)
{
	Datum		values[4];
	bool		isnull[4] = {false};
	MemoryContext caller = MemoryContextSwitchTo(sink->context);

	for (int i = 0; i < n_texts; i++)
	{
		isnull[i] = texts[i] == NULL;
		values[i] = isnull[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[n_texts] = Float8GetDatum(number);
	tuplestore_putvalues(sink->result->setResult, sink->result->setDesc, values, isnull);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(sink->context);
}

/*
 * Name of a margin: its class, the positive one of two; NULL when it is the
 * only one; otherwise its number from 1.
 */
static const char *
name_margin(const ServedModel *served, uint32 output)
{
	const ModelVersion *version = served->version;

	if (version->n_classes == served->n_outputs)
		return version->classes[output];
	if (served->n_outputs == 1)
		return version->n_classes == 2 ? version->classes[1] : NULL;
	return psprintf("%u", output + 1);
}

/* A value as the model saw it; NULL when it is missing. */
static const char *
show_value(const Feature *feature, float value)
{
	if (isnan(value))
		return NULL;
	if (feature->kind == FEATURE_CATEGORY)
		return value >= 0 && value < feature->n_categories ?
			feature->categories[(int) value] : UNSEEN_LABEL;
	if (feature->kind == FEATURE_BOOLEAN && (value == 0 || value == 1))
		return value == 1 ? "true" : "false";
	return DatumGetCString(DirectFunctionCall1(float4out, Float4GetDatum(value)));
}

/* Turn a status other than FOREST_OK and FOREST_UNSUPPORTED into an error. */
static void
check_status(ForestStatus status)
{
	if (status == FOREST_INTERRUPTED)
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling statement while explaining a model")));
	}
	if (status == FOREST_NO_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while explaining a model.")));
}

/* Error: the bytes lack what training knew of the nodes. */
pg_noreturn static void
report_lack(const ModelVersion *version, const char *member)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" version %d cannot be explained", version->model, version->version),
			 errdetail("Its bytes have no usable \"%s\" in every tree.", member),
			 errhint("Register the model as XGBoost's save_model or save_raw writes it.")));
}

/* Error unless contributions of the model can be computed. */
static void
require_cover(const ServedModel *served)
{
	if (!mlops_forest_has_cover(served->forest))
		report_lack(served->version, "sum_hessian");
}

void
mlops_explanation_contributions(ServedModel *served, ReturnSetInfo *result)
{
	const Signature *signature = served->signature;
	int			n = signature->n_features;
	double	   *contribution = palloc((n + 1) * sizeof(double));
	RowSink		sink = open_sink(result);

	require_cover(served);
	for (uint32 output = 0; output < served->n_outputs; output++)
	{
		const char *texts[3] = {name_margin(served, output), NULL, NULL};

		CHECK_FOR_INTERRUPTS();
		check_status(mlops_forest_contributions(served->forest, served->vector, output,
												mlops_registry_interrupted, contribution));
		for (int i = 0; i < n; i++)
		{
			MemoryContext caller = MemoryContextSwitchTo(sink.context);

			texts[1] = signature->features[i].name;
			texts[2] = show_value(&signature->features[i], served->vector[i]);
			MemoryContextSwitchTo(caller);
			put_row(&sink, 3, texts, contribution[i]);
		}
		texts[1] = BASE_NAME;
		texts[2] = NULL;
		put_row(&sink, 3, texts, contribution[n]);
	}
}

/* Write the pairs of one margin; place and pair are those of mlops_forest_interactions. */
static void
put_pairs(const RowSink *sink, const Signature *signature, const char *class,
		  const double *contribution, const uint32 *place, const double *pair)
{
	const char *texts[3] = {class, BASE_NAME, BASE_NAME};

	for (int i = 0; i < signature->n_features; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = i; j < signature->n_features; j++)
		{
			double		number = 0;

			/* places ascend with the features */
			if (place[i] != PG_UINT32_MAX && place[j] != PG_UINT32_MAX)
				number = pair[(Size) place[j] * (place[j] + 1) / 2 + place[i]];
			if (i != j && number == 0)
				continue;
			texts[1] = signature->features[i].name;
			texts[2] = signature->features[j].name;
			put_row(sink, 3, texts, i == j ? number : 2 * number);
		}
	}
	texts[1] = texts[2] = BASE_NAME;
	put_row(sink, 3, texts, contribution[signature->n_features]);
}

void
mlops_explanation_interactions(ServedModel *served, ReturnSetInfo *result)
{
	int			n_features = served->signature->n_features;
	double	   *contribution = palloc((n_features + 1) * sizeof(double));
	uint32	   *place = palloc(n_features * sizeof(uint32));
	RowSink		sink = open_sink(result);

	require_cover(served);
	for (uint32 output = 0; output < served->n_outputs; output++)
	{
		uint32		n = mlops_forest_place_features(served->forest, output, place);
		Size		size = ((Size) n * (n + 1) / 2 + 1) * sizeof(double);
		double	   *pair;

		CHECK_FOR_INTERRUPTS();
		if (n > MAX_PAIRED_FEATURES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model \"%s\" version %d splits on %u features, interactions are limited to %d",
							served->version->model, served->version->version, n, MAX_PAIRED_FEATURES),
					 errhint("Use mlops.explain for the contributions of single features.")));
		pair = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		check_status(mlops_forest_interactions(served->forest, served->vector, output,
											   mlops_registry_interrupted, contribution, place, pair));
		put_pairs(&sink, served->signature, name_margin(served, output), contribution, place, pair);
		pfree(pair);
	}
}

/* Importance of a feature, to be sorted. */
typedef struct Score
{
	int			feature;
	float		importance;
} Score;

/* Greatest first (NaN is greatest, as in SQL), then in the order of the signature. */
static int
compare_scores(const void *a, const void *b)
{
	const Score *left = a;
	const Score *right = b;
	int			order = float4_cmp_internal(right->importance, left->importance);

	return order != 0 ? order : left->feature - right->feature;
}

static ForestImportance
find_importance(const char *type)
{
	static const char *const names[] = {
		[IMPORTANCE_WEIGHT] = "weight",
		[IMPORTANCE_GAIN] = "gain",
		[IMPORTANCE_COVER] = "cover",
		[IMPORTANCE_TOTAL_GAIN] = "total_gain",
		[IMPORTANCE_TOTAL_COVER] = "total_cover",
	};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(type, names[i]) == 0)
			return (ForestImportance) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no importance of type \"%s\"", type),
			 errhint("The types are weight, gain, cover, total_gain and total_cover.")));
}

/* Error: the model does not have that importance. */
pg_noreturn static void
report_no_importance(const ModelVersion *version, const Forest *forest, ForestImportance importance)
{
	/* only trees have covers and gains that could be missing */
	if (mlops_forest_is_linear(forest))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("linear model \"%s\" version %d has no such importance",
						version->model, version->version),
				 importance != IMPORTANCE_WEIGHT ?
				 errhint("It has its weights: type => 'weight'.") :
				 errhint("It has a weight per feature and output; use mlops.explain for a row.")));
	report_lack(version, importance == IMPORTANCE_GAIN || importance == IMPORTANCE_TOTAL_GAIN ?
				"loss_changes" : "sum_hessian");
}

void
mlops_explanation_importance(const char *reference, const char *type, ReturnSetInfo *result)
{
	ModelVersion *version = mlops_registry_resolve(reference, MODEL_PREDICT);
	ForestImportance importance = find_importance(type);
	const Forest *forest = mlops_forest_cache_get(version->digest, CurrentMemoryContext);
	Signature  *signature = mlops_signature_from_jsonb(version->signature);
	uint32		n = mlops_forest_n_features(forest);
	float	   *score = palloc(n * sizeof(float));
	uint32	   *n_splits = palloc(n * sizeof(uint32));
	Score	   *used = palloc(n * sizeof(Score));
	int			n_used = 0;
	RowSink		sink = open_sink(result);
	ForestStatus status;

	if (n != signature->n_features)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("signature of model \"%s\" version %d has %d features, its bytes have %u",
						version->model, version->version, signature->n_features, n)));
	status = mlops_forest_importance(forest, importance, mlops_registry_interrupted, score, n_splits);
	if (status == FOREST_UNSUPPORTED)
		report_no_importance(version, forest, importance);
	check_status(status);

	for (uint32 i = 0; i < n; i++)
		if (n_splits[i] > 0)
		{
			used[n_used].feature = i;
			used[n_used++].importance = score[i];
		}
	qsort(used, n_used, sizeof(Score), compare_scores);
	for (int i = 0; i < n_used; i++)
	{
		const char *texts[] = {signature->features[used[i].feature].name};

		put_row(&sink, 1, texts, used[i].importance);
	}
}
