/*-------------------------------------------------------------------------
 *
 * registry_fn.c
 *	  SQL functions of the registry: versions, aliases, lineage.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/argument.h"
#include "base/error.h"
#include "base/settings.h"
#include "registry/import.h"
#include "registry/lineage.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_sql_register_model);
PG_FUNCTION_INFO_V1(mlops_sql_export_model);
PG_FUNCTION_INFO_V1(mlops_sql_resolve);
PG_FUNCTION_INFO_V1(mlops_sql_classes);
PG_FUNCTION_INFO_V1(mlops_sql_set_alias);
PG_FUNCTION_INFO_V1(mlops_sql_set_threshold);
PG_FUNCTION_INFO_V1(mlops_sql_delete_model_version);
PG_FUNCTION_INFO_V1(mlops_sql_lineage);

static char *
get_text(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

Datum
mlops_sql_register_model(PG_FUNCTION_ARGS)
{
	ImportRequest request = {0};

	mlops_argument_require(fcinfo, 0, "name");
	mlops_argument_require(fcinfo, 1, "model");
	mlops_argument_require(fcinfo, 3, "params");
	mlops_argument_require(fcinfo, 4, "metrics");
	mlops_argument_require(fcinfo, 7, "tags");

	/* before unpacking: a small compressed value may become a large one */
	if (toast_raw_datum_size(PG_GETARG_DATUM(1)) > (Size) mlops_max_model_size * 1024 * 1024 + VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model exceeds the maximum of %d MB", mlops_max_model_size),
				 errhint("The limit is mlops.max_model_size.")));
	request.model = get_text(fcinfo, 0);
	request.bytes = PG_GETARG_BYTEA_PP(1);
	request.signature = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	request.params = PG_GETARG_JSONB_P(3);
	request.metrics = PG_GETARG_JSONB_P(4);
	request.parent_version = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT32(5);
	request.description = get_text(fcinfo, 6);
	request.tags = PG_GETARG_JSONB_P(7);
	PG_RETURN_INT32(mlops_import_register(&request));
}

Datum
mlops_sql_export_model(PG_FUNCTION_ARGS)
{
	char	   *format = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ModelVersion *version = mlops_registry_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)),
												   MODEL_READ);

	if (strcmp(format, "ubj") != 0 && strcmp(format, "json") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model format \"%s\"", format),
				 errhint("Use ubj or json.")));
	if (strcmp(format, version->format) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("version %d of model \"%s\" is not stored as %s",
						version->version, version->model, format),
				 errhint("Use mlops.export_model('%s/%d', '%s').",
						 version->model, version->version, version->format)));
	PG_RETURN_BYTEA_P(mlops_registry_load(version->digest));
}

Datum
mlops_sql_resolve(PG_FUNCTION_ARGS)
{
	ModelVersion *version = mlops_registry_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)),
												   MODEL_PREDICT);
	bytea	   *digest = palloc(VARHDRSZ + MLOPS_DIGEST_SIZE);
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SET_VARSIZE(digest, VARHDRSZ + MLOPS_DIGEST_SIZE);
	memcpy(VARDATA(digest), version->digest, MLOPS_DIGEST_SIZE);
	values[0] = CStringGetTextDatum(version->model);
	values[1] = Int32GetDatum(version->version);
	values[2] = PointerGetDatum(digest);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

Datum
mlops_sql_classes(PG_FUNCTION_ARGS)
{
	ModelVersion *version = mlops_registry_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)),
												   MODEL_PREDICT);
	Datum	   *labels;

	if (version->classes == NULL)
		PG_RETURN_NULL();
	labels = palloc(sizeof(Datum) * Max(version->n_classes, 1));
	for (int i = 0; i < version->n_classes; i++)
		labels[i] = CStringGetTextDatum(version->classes[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(labels, version->n_classes, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

Datum
mlops_sql_set_alias(PG_FUNCTION_ARGS)
{
	char	   *model = get_text(fcinfo, 0);
	int			version = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	int			expected = PG_ARGISNULL(3) ? -1 : PG_GETARG_INT32(3);
	int			previous;

	mlops_argument_require(fcinfo, 0, "name");
	mlops_argument_require(fcinfo, 1, "alias");
	if ((!PG_ARGISNULL(2) && version <= 0) || (!PG_ARGISNULL(3) && expected < 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("versions count from 1"),
				 errhint("Version NULL removes the alias; expected_version 0 means that it must not exist yet.")));
	mlops_registry_require_writable("set_alias");
	mlops_registry_require(model, MODEL_OWN);
	previous = mlops_registry_move_alias(model, get_text(fcinfo, 1), version, expected,
										 GetUserId(), get_text(fcinfo, 4));
	if (previous == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(previous);
}

Datum
mlops_sql_set_threshold(PG_FUNCTION_ARGS)
{
	mlops_registry_set_threshold(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_FLOAT8(1));
	PG_RETURN_VOID();
}

Datum
mlops_sql_delete_model_version(PG_FUNCTION_ARGS)
{
	mlops_argument_require(fcinfo, 0, "model_ref");
	mlops_registry_delete_version(get_text(fcinfo, 0), get_text(fcinfo, 1));
	PG_RETURN_VOID();
}

Datum
mlops_sql_lineage(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	mlops_registry_lineage(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						   (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
