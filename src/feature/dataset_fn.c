/*-------------------------------------------------------------------------
 *
 * dataset_fn.c
 *	  SQL entry points of the feature layer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "base/settings.h"
#include "feature/dataset.h"
#include "feature/label_set.h"

PG_FUNCTION_INFO_V1(mlops_sql_dataset_digest);
Datum
mlops_sql_dataset_digest(PG_FUNCTION_ARGS)
{
	DatasetSpec spec = {0};
	Dataset    *dataset;
	DatasetRow	row;
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	spec.query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	spec.as_of = GetCurrentTransactionStartTimestamp();
	spec.include_all = true;
	spec.split = SPLIT_NONE;
	spec.max_categories = MLOPS_MAX_COUNTED_LABELS;
	spec.max_columns = mlops_max_columns;
	spec.max_rows = mlops_max_rows * INT64CONST(1000);
	spec.max_bytes = mlops_max_spool_size * INT64CONST(1024) * 1024;

	dataset = mlops_dataset_read(&spec);
	while (mlops_dataset_next(dataset, &row))
		continue;
	mlops_dataset_end(dataset);

	values[0] = PointerGetDatum(cstring_to_text_with_len((char *) dataset->digest, sizeof(dataset->digest)));
	values[1] = PointerGetDatum(cstring_to_text_with_len((char *) dataset->schema_digest,
														 sizeof(dataset->schema_digest)));
	values[2] = Int64GetDatum(dataset->n_rows);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
