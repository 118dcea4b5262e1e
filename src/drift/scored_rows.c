/*-------------------------------------------------------------------------
 *
 * scored_rows.c
 *	  Rows of a query as a version sees them, block by block.
 *
 * Locks: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"

#include "base/error.h"
#include "base/settings.h"
#include "drift/scored_rows.h"
#include "feature/query.h"

#define BLOCK_ROWS 256

bool
mlops_scored_rows_has_column(const char *query, const char *name)
{
	TupleDesc	tupdesc = ExecCleanTypeFromTL(mlops_query_parse(query)->targetList);

	for (int i = 0; i < tupdesc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(tupdesc, i)->attname), name) == 0)
			return true;
	return false;
}

/* Read the rows, and make room for a block. */
static void
read_rows(ScoredRows *rows, DatasetSpec *spec, const char *query)
{
	spec->query = query;
	spec->as_of = GetCurrentTransactionStartTimestamp();
	spec->signature = rows->signature;
	spec->split = SPLIT_NONE;
	spec->max_categories = mlops_max_categories;
	spec->max_rows = mlops_max_rows * INT64CONST(1000);
	spec->max_bytes = mlops_max_spool_size * INT64CONST(1024) * 1024;

	rows->n_features = rows->signature->n_features;
	rows->features = palloc_extended(sizeof(float) * BLOCK_ROWS * Max(rows->n_features, 1),
									 MCXT_ALLOC_HUGE);
	rows->label = palloc(sizeof(float) * BLOCK_ROWS);
	rows->margin = palloc_extended(sizeof(float) * BLOCK_ROWS * Max(rows->n_outputs, 1),
								   MCXT_ALLOC_HUGE);
	rows->dataset = mlops_dataset_read(spec);
}

ScoredRows *
mlops_scored_rows_open(const ModelVersion *version, const char *query, const char *target)
{
	ScoredRows *rows = palloc0(sizeof(ScoredRows));
	DatasetSpec spec = {0};

	rows->signature = mlops_signature_from_jsonb(version->signature);
	rows->forest = mlops_registry_build_forest(mlops_registry_load(version->digest), NULL);
	rows->n_outputs = mlops_forest_n_outputs(rows->forest);
	if (mlops_forest_n_features(rows->forest) != rows->signature->n_features)
		elog(ERROR, "signature and bytes of a version do not match");

	spec.target = target;
	if (target != NULL)
	{
		/* of the other tasks only the label itself is wanted */
		spec.task = version->n_classes > 0 ? mlops_dataset_task_from_name(version->task) :
			TASK_REGRESSION;
		spec.classes = version->classes;
		spec.n_classes = version->n_classes;
	}
	read_rows(rows, &spec, query);
	return rows;
}

ScoredRows *
mlops_scored_rows_open_scores(const char *query, const char *score)
{
	ScoredRows *rows = palloc0(sizeof(ScoredRows));
	Signature  *signature = palloc0(sizeof(Signature));
	DatasetSpec spec = {0};

	if (!mlops_scored_rows_has_column(query, score))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\", named by score, does not exist in the query", score),
				 errhint("Add it to the query's select list, or correct the name; names are case-sensitive here.")));
	signature->n_features = 1;
	signature->features = palloc0(sizeof(Feature));
	signature->features[0].name = signature->features[0].column = pstrdup(score);
	signature->features[0].type = "double precision";
	signature->features[0].kind = FEATURE_NUMERIC;
	rows->signature = signature;
	read_rows(rows, &spec, query);
	return rows;
}

bool
mlops_scored_rows_next(ScoredRows *rows)
{
	DatasetRow	row;

	CHECK_FOR_INTERRUPTS();
	rows->n = 0;
	while (rows->n < BLOCK_ROWS && mlops_dataset_next(rows->dataset, &row))
	{
		memcpy(rows->features + (size_t) rows->n * rows->n_features, row.features,
			   sizeof(float) * rows->n_features);
		rows->label[rows->n++] = row.label;
	}
	if (rows->forest != NULL && rows->n > 0)
		mlops_forest_margin_block(rows->forest, rows->features, rows->n_features, rows->n,
								  rows->margin);
	return rows->n > 0;
}

void
mlops_scored_rows_end(ScoredRows *rows)
{
	mlops_dataset_end(rows->dataset);
}
