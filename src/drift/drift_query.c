/*-------------------------------------------------------------------------
 *
 * drift_query.c
 *	  Rows of a query against the references of a version.
 *
 *	 query, which may be parallel -> receiver -> encode -> profiles of features
 *												-> block -> predictions -> profile
 *											  -> profile of the label
 *	 profiles and references -> measures -> judged together -> rows
 *
 * So memory does not depend on the number of rows.  Features are counted as the
 * model sees them, which is how the references were counted.
 *
 * Locks: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "drift/drift_query.h"
#include "drift/drift_result.h"
#include "drift/profile_block.h"
#include "drift/profile_datum.h"
#include "drift/profile_value.h"
#include "feature/encode.h"
#include "feature/query.h"
#include "serve/batch.h"
#include "serve/prediction.h"

#define BLOCK_ROWS 1024
#define RESULT_COLUMNS (6 + DRIFT_MEASURES)

typedef enum ColumnRole
{
	ROLE_PREDICTION,
	ROLE_LABEL,
	ROLE_FEATURE
} ColumnRole;

/* One reference, and what the query has of it. */
typedef struct WatchedColumn
{
	ColumnRole	role;
	char	   *name;
	Profile    *reference;
	Profile    *current;
	DriftColumn judged;
} WatchedColumn;

typedef struct DriftQuery
{
	DestReceiver base;			/* must be first */
	MemoryContext context;		/* of the whole query */
	MemoryContext row_context;	/* reset for each row or block */
	ServedModel *served;
	EncodePlan *encode;
	Batch	   *batch;
	int			n_columns;
	WatchedColumn *columns;		/* in the order of the result */
	Profile   **features;		/* current, by feature; NULL: no reference */
	Profile    *prediction;		/* current; NULL: no reference */
	Profile    *label;			/* current; NULL: no reference, or not in the
								 * query */
	int			label_column;
	ProfileValue label_value;
} DriftQuery;

/* An empty copy. */
static Profile *
start_profile(const Profile *reference)
{
	return mlops_profile_clear(mlops_profile_copy(reference));
}

static ColumnRole
get_role(const char *name)
{
	return strcmp(name, "prediction") == 0 ? ROLE_PREDICTION :
		strcmp(name, "label") == 0 ? ROLE_LABEL : ROLE_FEATURE;
}

static const char *
name_role(ColumnRole role)
{
	return role == ROLE_PREDICTION ? "prediction" : role == ROLE_LABEL ? "label" : "feature";
}

/* Fetch the references of the version. */
static void
fetch_references(DriftQuery *state)
{
	const ModelVersion *version = state->served->version;
	SpiScope	scope;
	SpiArgs		args = {0};

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, version->version);
	mlops_spi_begin(&scope, true);
	state->n_columns = mlops_spi_run(&scope,
									 "SELECT role, name, profile, importance FROM mlops.model_reference"
									 " WHERE model = $1 AND version = $2", &args);
	state->columns = MemoryContextAllocZero(state->context,
											sizeof(WatchedColumn) * Max(state->n_columns, 1));
	for (int i = 0; i < state->n_columns; i++)
	{
		WatchedColumn *column = &state->columns[i];
		MemoryContext caller;
		bool		isnull;
		Datum		profile = mlops_spi_value(i, 3, &isnull);
		Datum		importance = mlops_spi_value(i, 4, &isnull);
		char	   *role = mlops_spi_text(i, 1);
		char	   *name = mlops_spi_text(i, 2);

		caller = MemoryContextSwitchTo(state->context);
		column->role = get_role(role);
		column->name = pstrdup(name);
		column->reference = mlops_profile_copy(DatumGetProfile(profile));
		column->current = start_profile(column->reference);
		column->judged.is_feature = column->role == ROLE_FEATURE;
		column->judged.importance = isnull ? NAN : DatumGetFloat8(importance);
		MemoryContextSwitchTo(caller);
	}
	mlops_spi_end(&scope);
	if (state->n_columns == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" version %d has no references", version->model,
						version->version),
				 errhint("Make them with mlops.set_reference('%s/%d', query).", version->model,
						 version->version)));
}

/* Where the receiver finds the profile of what it has at hand. */
static void
place_columns(DriftQuery *state)
{
	const Signature *signature = state->served->signature;

	state->features = palloc0(sizeof(Profile *) * Max(signature->n_features, 1));
	for (int i = 0; i < state->n_columns; i++)
	{
		WatchedColumn *column = &state->columns[i];

		if (column->role == ROLE_PREDICTION)
			state->prediction = column->current;
		for (int j = 0; column->role == ROLE_FEATURE && j < signature->n_features; j++)
			if (strcmp(signature->features[j].name, column->name) == 0)
				state->features[j] = column->current;
	}
}

/* Number of a column; -1: there is none. */
static int
find_column(TupleDesc tupdesc, const char *name)
{
	int			found = -1;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), name) != 0)
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

/* Count the label, when the query has it and the version a reference for it. */
static void
place_label(DriftQuery *state, TupleDesc tupdesc)
{
	for (int i = 0; i < state->n_columns; i++)
	{
		WatchedColumn *column = &state->columns[i];
		int			found = column->role == ROLE_LABEL ? find_column(tupdesc, column->name) : -1;

		if (found < 0)
			continue;
		mlops_profile_value_init(&state->label_value, TupleDescAttr(tupdesc, found)->atttypid);
		if (!mlops_profile_value_fits(&state->label_value, mlops_profile_kind(column->reference)))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_SIGNATURE_MISMATCH),
					 errmsg("column \"%s\" is not a number, as the target of the model is",
							column->name),
					 errhint("Cast it, or give it another name.")));
		state->label = column->current;
		state->label_column = found;
	}
}

static void
start_receiver(DestReceiver *self, int operation, TupleDesc tupdesc)
{
	DriftQuery *state = (DriftQuery *) self;
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	state->encode = mlops_encode_plan(state->served->signature, tupdesc);
	mlops_encode_keep_infinite(state->encode);
	place_label(state, tupdesc);
	MemoryContextSwitchTo(caller);
}

static void
ignore_receiver(DestReceiver *self)
{
}

/* Count a label that the dictionary does not have, where profile.h puts such. */
static void
add_unseen(Profile *profile)
{
	int			special = mlops_profile_flags(profile) & PROFILE_DROPPED ? PROFILE_OTHER : PROFILE_UNSEEN;

	if (!mlops_profile_add_cell(profile, mlops_profile_value_cells(profile) + special, 1, 0))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("query returned too many rows")));
}

static void
count_category(Profile *profile, const Feature *feature, float code)
{
	if (isnan(code))
		mlops_profile_add_null(profile);
	else if (code < feature->n_categories)
	{
		const char *label = feature->categories[(int) code];

		mlops_profile_add_label(profile, label, strlen(label));
	}
	else
		add_unseen(profile);
}

/* Count the waiting rows, column by column. */
static void
count_features(DriftQuery *state)
{
	const Signature *signature = state->served->signature;
	const Batch *batch = state->batch;

	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];
		Profile    *profile = state->features[i];

		CHECK_FOR_INTERRUPTS();
		if (profile == NULL)
			continue;
		if (feature->kind != FEATURE_CATEGORY)
			mlops_profile_add_floats(profile, batch->rows + i, batch->n_features, batch->n_rows);
		else
			for (int row = 0; row < batch->n_rows; row++)
				count_category(profile, feature, batch->rows[(Size) row * batch->n_features + i]);
	}
}

static bool
has_infinite(const float *vector, int n)
{
	for (int i = 0; i < n; i++)
		if (isinf(vector[i]))
			return true;
	return false;
}

/* Predict the waiting rows; one with an infinite number has no prediction. */
static void
count_predictions(DriftQuery *state)
{
	ServedModel *served = state->served;
	Batch	   *batch = state->batch;
	float	   *margin = served->margin;

	mlops_batch_score(batch);
	for (int i = 0; i < batch->n_rows; i++)
	{
		served->margin = batch->margin + (Size) i * served->n_outputs;
		if (has_infinite(batch->rows + (Size) i * batch->n_features, batch->n_features))
			mlops_profile_add_null(state->prediction);
		else if (mlops_profile_kind(state->prediction) == PROFILE_NUMERIC)
			mlops_profile_add_number(state->prediction, mlops_prediction_value(served));
		else
		{
			const char *class = mlops_prediction_class(served);

			mlops_profile_add_label(state->prediction, class, strlen(class));
		}
	}
	served->margin = margin;
}

/* Count the waiting rows, and what is predicted for them. */
static void
flush_rows(DriftQuery *state)
{
	MemoryContext caller = MemoryContextSwitchTo(state->row_context);

	count_features(state);
	if (state->prediction != NULL)
		count_predictions(state);
	state->batch->n_rows = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(state->row_context);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	DriftQuery *state = (DriftQuery *) self;
	float	   *vector = mlops_batch_next(state->batch);
	MemoryContext caller;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	caller = MemoryContextSwitchTo(state->row_context);
	mlops_encode_row(state->encode, slot->tts_values, slot->tts_isnull, vector);
	/* the truth is often late: a label that is not there yet says nothing */
	if (state->label != NULL && !slot->tts_isnull[state->label_column])
		mlops_profile_value_add(&state->label_value, state->label,
								slot->tts_values[state->label_column]);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(state->row_context);

	state->batch->n_rows++;
	if (mlops_batch_is_full(state->batch))
		flush_rows(state);
	return true;
}

/* Prediction and label first, then what weighs most. */
static int
compare_columns(const void *a, const void *b)
{
	const WatchedColumn *x = a;
	const WatchedColumn *y = b;
	double		weight[2];

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	for (int i = 0; i < 2; i++)
	{
		const DriftColumn *judged = i == 0 ? &x->judged : &y->judged;

		weight[i] = isnan(judged->measures.psi) ? -1 :
			judged->measures.psi * (isnan(judged->importance) ? 1 : judged->importance);
	}
	if (weight[0] != weight[1])
		return weight[0] > weight[1] ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
put_summary(const DriftQuery *state, const DriftSummary *summary, ReturnSetInfo *result)
{
	const ModelVersion *version = state->served->version;
	DriftMeasures measures;
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS];

	mlops_measure_clear(&measures);
	measures.n_reference = summary->n_reference;
	measures.n_current = summary->n_current;
	measures.psi = summary->psi;
	measures.psi_critical = summary->psi_critical;
	mlops_drift_result_put(&measures, values + 6, nulls + 6);
	memset(nulls, 0, sizeof(bool) * 6);
	values[0] = CStringGetTextDatum("dataset");
	values[1] = CStringGetTextDatum(psprintf("%s/%d", version->model, version->version));
	values[2] = CStringGetTextDatum(mlops_drift_status_name(summary->status));
	nulls[3] = true;
	mlops_drift_result_put_number(summary->p_adjusted, &values[4], &nulls[4]);
	mlops_drift_result_put_number(summary->drifted_share, &values[5], &nulls[5]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_column(const WatchedColumn *column, ReturnSetInfo *result)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS];

	mlops_drift_result_put(&column->judged.measures, values + 6, nulls + 6);
	memset(nulls, 0, sizeof(bool) * 6);
	values[0] = CStringGetTextDatum(name_role(column->role));
	values[1] = CStringGetTextDatum(column->name);
	values[2] = CStringGetTextDatum(mlops_drift_status_name(column->judged.status));
	mlops_drift_result_put_number(column->judged.importance, &values[3], &nulls[3]);
	mlops_drift_result_put_number(column->judged.p_adjusted, &values[4], &nulls[4]);
	nulls[5] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Measure, judge, and hand the rows over. */
static void
put_result(DriftQuery *state, double threshold, double alpha, ReturnSetInfo *result)
{
	DriftColumn *judged = palloc(sizeof(DriftColumn) * state->n_columns);
	WatchedColumn *kept = palloc(sizeof(WatchedColumn) * state->n_columns);
	DriftSummary summary;
	int			n = 0;

	for (int i = 0; i < state->n_columns; i++)
	{
		WatchedColumn *column = &state->columns[i];

		CHECK_FOR_INTERRUPTS();
		/* a query without the label is not one without labels */
		if (column->role == ROLE_LABEL && state->label == NULL)
			continue;
		if (!mlops_measure_drift(column->reference, column->current, alpha,
								 &column->judged.measures))
			elog(ERROR, "cells of a copied profile differ");
		kept[n] = *column;
		judged[n++] = column->judged;
	}
	mlops_drift_judge_columns(judged, n, threshold, alpha, &summary);
	for (int i = 0; i < n; i++)
		kept[i].judged = judged[i];
	qsort(kept, n, sizeof(WatchedColumn), compare_columns);

	put_summary(state, &summary, result);
	for (int i = 0; i < n; i++)
		put_column(&kept[i], result);
}

void
mlops_drift_query(const char *reference, const char *query, double threshold, double alpha,
				  ReturnSetInfo *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops drift query",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	DriftQuery *state = palloc0(sizeof(DriftQuery));
	QueryFacts	facts;

	mlops_drift_check_settings(threshold, alpha);
	(void) mlops_registry_resolve(reference, MODEL_READ);
	state->base.receiveSlot = receive_row;
	state->base.rStartup = start_receiver;
	state->base.rShutdown = ignore_receiver;
	state->base.rDestroy = ignore_receiver;
	state->base.mydest = DestTuplestore;
	state->context = context;
	state->row_context = AllocSetContextCreate(context, "mlops drift row", ALLOCSET_DEFAULT_SIZES);
	state->served = mlops_call_site_open(reference);
	state->batch = mlops_batch_create(state->served, BLOCK_ROWS);
	state->batch->stat = NULL;	/* nobody is served */
	fetch_references(state);
	place_columns(state);
	mlops_query_examine(mlops_query_parse(query), &facts);

	mlops_query_run(query, GetCurrentTransactionStartTimestamp(), &state->base);
	flush_rows(state);
	put_result(state, threshold, alpha, result);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
