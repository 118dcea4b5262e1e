/*-------------------------------------------------------------------------
 *
 * skew.c
 *	  Features as serving sees them against those of the training.
 *
 *	 query -> rows encoded by the version's signature -> statistics of each
 *		column, beside those that the training left in table dataset
 *
 * Checksums do not depend on the order of rows: the same number of rows and the
 * same checksum prove that a column has the same values.  The training's own
 * query does not run here: it belongs to its author.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

#include "base/error.h"
#include "base/settings.h"
#include "base/spi_args.h"
#include "feature/dataset.h"
#include "feature/encode.h"
#include "feature/query.h"
#include "registry/registry.h"
#include "registry/skew.h"

#define SKEW_COLUMNS 13

/* One feature: what the training left, and what the query has. */
typedef struct SkewColumn
{
	const Feature *feature;
	FeatureFit	fit;
	DatasetColumn trained;
	DatasetColumn served;		/* set where the column fits */
	int64		n_unseen;		/* labels that the dictionary does not have */
	int64		n_out_of_range; /* numbers below min or above max */
} SkewColumn;

typedef struct SkewCheck
{
	ModelVersion *version;
	Signature  *signature;
	int64		n_trained;
	int64		n_served;
	SkewColumn *columns;		/* by feature */
} SkewCheck;

/* A number of the row, or "missing". */
static float
get_float(uint64 row, int column, float missing)
{
	bool		isnull;
	Datum		value = mlops_spi_value(row, column, &isnull);

	return isnull ? missing : DatumGetFloat4(value);
}

/* Statistics of the version's data set, which its signature describes. */
static void
fetch_trained(SkewCheck *check)
{
	const ModelVersion *version = check->version;
	SpiScope	scope;
	SpiArgs		args = {0};
	bool		isnull;
	uint64		n;

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, version->version);
	mlops_spi_begin(&scope, true);
	n = mlops_spi_run(&scope,
					  "SELECT d.n_rows, c ->> 'name', (c ->> 'n_null')::int8, (c ->> 'min')::float4,"
					  " (c ->> 'max')::float4, c ->> 'checksum'"
					  " FROM mlops.model_version v JOIN mlops.dataset d ON d.id = v.dataset_id,"
					  " jsonb_array_elements(d.columns) WITH ORDINALITY e(c, i)"
					  " WHERE v.model = $1 AND v.version = $2 ORDER BY i", &args);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the training data of model \"%s\" version %d are not known",
						version->model, version->version),
				 errhint("Only versions trained by mlops.train have them.")));
	if (n != check->signature->n_features)
		elog(ERROR, "data set and signature of a version do not match");
	check->n_trained = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	for (uint64 i = 0; i < n; i++)
	{
		DatasetColumn *trained = &check->columns[i].trained;

		if (strcmp(mlops_spi_text(i, 2), check->signature->features[i].name) != 0)
			elog(ERROR, "data set and signature of a version do not match");
		trained->n_null = DatumGetInt64(mlops_spi_value(i, 3, &isnull));
		trained->min = get_float(i, 4, INFINITY);
		trained->max = get_float(i, 5, -INFINITY);
		trained->checksum = strtoull(mlops_spi_text(i, 6), NULL, 16);
	}
	mlops_spi_end(&scope);
}

/* See which features the query has; returns the signature of those. */
static Signature *
fit_features(SkewCheck *check, const char *query)
{
	TupleDesc	tupdesc = ExecCleanTypeFromTL(mlops_query_parse(query)->targetList);
	Signature  *fitting = palloc0(sizeof(Signature));

	fitting->features = palloc(sizeof(Feature) * Max(check->signature->n_features, 1));
	for (int i = 0; i < check->signature->n_features; i++)
	{
		SkewColumn *column = &check->columns[i];

		CHECK_FOR_INTERRUPTS();
		column->feature = &check->signature->features[i];
		column->fit = mlops_encode_fit(column->feature, tupdesc);
		if (column->fit == FEATURE_FITS)
			fitting->features[fitting->n_features++] = *column->feature;
	}
	return fitting;
}

/* Count what the training never saw. */
static void
count_strange(SkewColumn *column, float value)
{
	if (isnan(value))
		return;
	if (column->feature->kind == FEATURE_CATEGORY)
		column->n_unseen += value >= column->feature->n_categories;
	else
		column->n_out_of_range += value < column->trained.min || value > column->trained.max;
}

static void
read_served(SkewCheck *check, const char *query, const Signature *fitting)
{
	DatasetSpec spec = {0};
	SkewColumn **columns = palloc(sizeof(SkewColumn *) * Max(fitting->n_features, 1));
	Dataset    *dataset;
	DatasetRow	row;
	int			n = 0;

	for (int i = 0; i < check->signature->n_features; i++)
		if (check->columns[i].fit == FEATURE_FITS)
			columns[n++] = &check->columns[i];
	if (n == 0)
		return;

	spec.query = query;
	spec.as_of = GetCurrentTransactionStartTimestamp();
	spec.signature = fitting;
	spec.split = SPLIT_NONE;
	spec.max_categories = mlops_max_categories;
	spec.max_rows = mlops_max_rows * INT64CONST(1000);
	spec.max_bytes = mlops_max_spool_size * INT64CONST(1024) * 1024;
	dataset = mlops_dataset_read(&spec);
	while (mlops_dataset_next(dataset, &row))
		for (int i = 0; i < n; i++)
			count_strange(columns[i], row.features[i]);
	for (int i = 0; i < n; i++)
		columns[i]->served = *mlops_dataset_column(dataset, i);
	check->n_served = dataset->n_rows;
	mlops_dataset_end(dataset);
}

static bool
has_same_values(const SkewCheck *check, const SkewColumn *column)
{
	return check->n_served == check->n_trained &&
		column->served.n_null == column->trained.n_null &&
		column->served.checksum == column->trained.checksum;
}

/* Least and greatest number of a column into a row of the result, if there is one. */
static void
put_range(const DatasetColumn *column, Datum *values, bool *nulls)
{
	values[0] = Float4GetDatum(column->min);
	values[1] = Float4GetDatum(column->max);
	nulls[0] = nulls[1] = column->min > column->max;
}

static void
put_column(const SkewCheck *check, const SkewColumn *column, ReturnSetInfo *result)
{
	bool		fits = column->fit == FEATURE_FITS;
	bool		is_category = column->feature->kind == FEATURE_CATEGORY;
	Datum		values[SKEW_COLUMNS] = {0};
	bool		nulls[SKEW_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(column->feature->name);
	values[1] = CStringGetTextDatum(column->fit == FEATURE_IS_MISSING ? "missing" :
									!fits ? "wrong kind" :
									has_same_values(check, column) ? "equal" : "differs");
	values[2] = Int64GetDatum(check->n_served);
	values[3] = Int64GetDatum(check->n_trained);
	values[4] = Int64GetDatum(column->served.n_null);
	values[5] = Int64GetDatum(column->trained.n_null);
	put_range(&column->served, &values[6], &nulls[6]);
	put_range(&column->trained, &values[8], &nulls[8]);
	nulls[6] = nulls[7] = nulls[6] || is_category;
	values[10] = Int64GetDatum(column->n_out_of_range);
	nulls[10] = is_category;
	values[11] = Int64GetDatum(column->n_unseen);
	nulls[11] = !is_category;
	values[12] = BoolGetDatum(column->served.checksum == column->trained.checksum);
	if (!fits)
		nulls[2] = nulls[4] = nulls[6] = nulls[7] = nulls[10] = nulls[11] = nulls[12] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void
mlops_registry_check_skew(const char *reference, const char *query, ReturnSetInfo *result)
{
	SkewCheck	check = {0};

	check.version = mlops_registry_resolve(reference, MODEL_READ);
	check.signature = mlops_signature_from_jsonb(check.version->signature);
	check.columns = palloc0(sizeof(SkewColumn) * Max(check.signature->n_features, 1));
	fetch_trained(&check);
	read_served(&check, query, fit_features(&check, query));
	for (int i = 0; i < check.signature->n_features; i++)
		put_column(&check, &check.columns[i], result);
}
