/*-------------------------------------------------------------------------
 *
 * typed_function.c
 *	  An ordinary SQL function that predicts with one model.
 *
 * Made from the signature of a version, it hands its arguments to a predict
 * function under the signature's names, so that later versions find them by
 * name.  Bodies name every object with its schema: nothing depends on
 * search_path.
 *
 * A function for which EXECUTE suffices is SECURITY DEFINER.  It is written in
 * PL/pgSQL, which keeps what a prediction has prepared for the transaction;
 * in SQL it would be looked up again for each row.  The other kind is SQL that
 * the planner inlines.
 *
 * Locks: those of CREATE FUNCTION and CREATE TYPE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat/pg_compat.h"
#include "base/error.h"
#include "base/spi.h"
#include "feature/signature.h"
#include "registry/registry.h"
#include "serve/forest_cache.h"
#include "serve/typed_function.h"

/* With the names, as many arguments as a function can have. */
#define MAX_ARGUMENTS (FUNC_MAX_ARGS - 1)

typedef struct TypedFunction
{
	const TypedFunctionRequest *request;
	const ModelVersion *version;
	Oid			schema;
	char	   *name;
	const char *output;			/* name of the function of mlops */
	Oid			result_type;
	int			n_columns;
	const char **columns;		/* names as the signature has them */
	Oid		   *types;
	char	   *row_type;		/* name of the composite type, or NULL */
} TypedFunction;

/* Type of the argument for a column: one to which callers' types convert by themselves. */
static Oid
choose_type(const Feature *feature)
{
	static const Oid kept[] = {DATEOID, TIMEOID, TIMESTAMPOID, TIMESTAMPTZOID, UUIDOID};

	if (feature->element > 0)
		return FLOAT8ARRAYOID;
	for (int i = 0; i < lengthof(kept) && feature->type != NULL; i++)
		if (strcmp(feature->type, format_type_be(kept[i])) == 0)
			return kept[i];
	return feature->kind == FEATURE_CATEGORY ? TEXTOID :
		feature->kind == FEATURE_BOOLEAN ? BOOLOID : FLOAT8OID;
}

static void
collect_columns(TypedFunction *function)
{
	Signature  *signature = mlops_signature_from_jsonb(function->version->signature);

	function->columns = palloc(signature->n_features * sizeof(char *));
	function->types = palloc(signature->n_features * sizeof(Oid));
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];

		/* the elements of an array column follow each other */
		if (feature->element > 1)
			continue;
		if (strlen(feature->column) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_NAME_TOO_LONG),
					 errmsg("name of feature \"%s\" is too long for an argument", feature->column),
					 errdetail("Names of SQL have at most %d bytes.", NAMEDATALEN - 1),
					 errhint("Call mlops.predict with a jsonb object or an array.")));
		function->columns[function->n_columns] = feature->column;
		function->types[function->n_columns++] = choose_type(feature);
	}
	if (function->n_columns > MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("model \"%s\" has %d feature columns, more than a row type can have (%d)",
						function->version->model, function->n_columns, MaxHeapAttributeNumber),
				 errhint("Call mlops.predict with a jsonb object or an array.")));
	if (function->n_columns > MAX_ARGUMENTS)
		function->row_type = makeObjectName(function->name, NULL, "row");
}

/* Default for the output, and errors for one that the model does not have. */
static void
choose_output(TypedFunction *function)
{
	const ModelVersion *version = function->version;
	const Forest *forest = mlops_forest_cache_get(version->digest, CurrentMemoryContext);
	bool		single = mlops_forest_n_outputs(forest) == 1 && mlops_forest_n_values(forest) == 1;

	function->output = function->request->output;
	if (function->output == NULL)
		function->output = version->n_classes > 2 ? "predict_class" :
			single ? "predict" : "predict_array";
	if (strcmp(function->output, "predict") == 0 && !single)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" version %d predicts %u numbers for a row",
						version->model, version->version, mlops_forest_n_outputs(forest)),
				 errhint("Use output predict_class or predict_array.")));
	if (version->n_classes == 0 && (strcmp(function->output, "predict_class") == 0 ||
									strcmp(function->output, "predict_proba") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" version %d does not predict classes",
						version->model, version->version),
				 errdetail("Its task is %s.", version->task),
				 errhint("Use output predict or predict_array.")));
}

/* Find the output among the functions of mlops of a model and a row that return one value. */
static void
resolve_output(TypedFunction *function)
{
	CatCList   *found;
	Oid			schema = mlops_schema();

	choose_output(function);
	found = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(function->output));
	for (int i = 0; i < found->n_members; i++)
	{
		Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&found->members[i]->tuple);

		if (proc->pronamespace == schema && proc->prokind == PROKIND_FUNCTION &&
			proc->provariadic == ANYOID && !proc->proretset &&
			proc->pronargs == 2 && proc->proargtypes.values[0] == TEXTOID)
			function->result_type = proc->prorettype;
	}
	ReleaseSysCacheList(found);
	if (!OidIsValid(function->result_type))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid output \"%s\"", function->output),
				 errhint("Use predict, predict_class, predict_array, predict_raw or predict_proba.")));
}

static Oid
get_row_type(const TypedFunction *function)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(function->row_type),
						   ObjectIdGetDatum(function->schema));
}

/* What is known of a function that has the name already. */
typedef struct ExistingFunction
{
	Oid			other;			/* one with other arguments */
	bool		definer;		/* of the one with the same arguments */
} ExistingFunction;

/* The function of this name, schema and arguments, or InvalidOid. */
static Oid
find_same(const TypedFunction *function, ExistingFunction *existing)
{
	CatCList   *found = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(function->name));
	Oid			row_type = function->row_type != NULL ? get_row_type(function) : InvalidOid;
	int			n_arguments = function->row_type != NULL ? 1 : function->n_columns;
	const Oid  *types = function->row_type != NULL ? &row_type : function->types;
	Oid			same = InvalidOid;

	memset(existing, 0, sizeof(*existing));
	for (int i = 0; i < found->n_members; i++)
	{
		Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&found->members[i]->tuple);

		if (proc->pronamespace != function->schema)
			continue;
		if (proc->pronargs == n_arguments &&
			memcmp(proc->proargtypes.values, types, n_arguments * sizeof(Oid)) == 0)
		{
			same = proc->oid;
			existing->definer = proc->prosecdef;
		}
		else
			existing->other = proc->oid;
	}
	ReleaseSysCacheList(found);
	return same;
}

/* Error when the name is taken, but for a function that may be replaced.  Two
 * functions of one name would make calls with untyped parameters ambiguous. */
static void
check_name_is_free(const TypedFunction *function, ExistingFunction *existing)
{
	Oid			same = find_same(function, existing);

	if (OidIsValid(existing->other))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_FUNCTION),
				 errmsg("function %s exists with other arguments", format_procedure(existing->other)),
				 errhint("Choose another name, or use DROP FUNCTION %s first.",
						 format_procedure_qualified(existing->other))));
	if (OidIsValid(same) && !function->request->replace)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_FUNCTION),
				 errmsg("function %s already exists", format_procedure(same)),
				 errhint("Choose another name, or use replace => true.")));
}

/* Run one statement as the current user. */
static void
execute(const char *sql)
{
	int			result = SPI_execute(sql, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
}

/* Whether the composite type exists with exactly these columns. */
static bool
match_row_type(const TypedFunction *function, Oid type)
{
	TupleDesc	tupdesc;
	bool		match;

	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return false;
	tupdesc = lookup_rowtype_tupdesc(type, -1);
	match = tupdesc->natts == function->n_columns;
	for (int i = 0; match && i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		match = !attribute->attisdropped && attribute->atttypid == function->types[i] &&
			strcmp(NameStr(attribute->attname), function->columns[i]) == 0;
	}
	ReleaseTupleDesc(tupdesc);
	return match;
}

/* Make the composite type of the only argument, or accept the one that is there. */
static void
create_row_type(const TypedFunction *function)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(function->schema), function->row_type);
	Oid			type = get_row_type(function);
	StringInfoData sql;

	if (OidIsValid(type) && function->request->replace && match_row_type(function, type))
		return;
	if (OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("type %s already exists", format_type_be(type)),
				 errdetail("The model has %d feature columns, and a function at most %d arguments; so it takes one row, of that type.",
						   function->n_columns, MAX_ARGUMENTS),
				 errhint("Choose another name for the function, or use DROP TYPE %s first.", name)));
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TYPE %s AS (", name);
	for (int i = 0; i < function->n_columns; i++)
		appendStringInfo(&sql, "%s%s %s", i > 0 ? ", " : "", quote_identifier(function->columns[i]),
						 format_type_be_qualified(function->types[i]));
	appendStringInfoChar(&sql, ')');
	execute(sql.data);
	execute(psprintf("COMMENT ON TYPE %s IS %s", name,
					 quote_literal_cstr(psprintf("Row that function %s takes: the feature columns of model %s.",
												 function->name, function->version->model))));
}

/* The call that is the body: $1, $2, ... are its arguments. */
static char *
build_call(const TypedFunction *function)
{
	StringInfoData call;
	Datum	   *names;
	ArrayType  *array;

	initStringInfo(&call);
	appendStringInfo(&call, "mlops.%s(%s::pg_catalog.text, ", quote_identifier(function->output),
					 quote_literal_cstr(function->request->reference));
	if (function->row_type != NULL)
	{
		appendStringInfoString(&call, "$1)");
		return call.data;
	}
	names = palloc(function->n_columns * sizeof(Datum));
	for (int i = 0; i < function->n_columns; i++)
		names[i] = CStringGetTextDatum(function->columns[i]);
	array = construct_array(names, function->n_columns, TEXTOID, -1, false, TYPALIGN_INT);
	appendStringInfo(&call, "mlops.named_row(%s::pg_catalog.text[]",
					 quote_literal_cstr(OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array))));
	for (int i = 0; i < function->n_columns; i++)
		appendStringInfo(&call, ", $%d", i + 1);
	appendStringInfoString(&call, "))");
	return call.data;
}

static void
create_function(const TypedFunction *function, const char *name)
{
	StringInfoData sql;
	char	   *call = build_call(function);

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE %sFUNCTION %s(", function->request->replace ? "OR REPLACE " : "", name);
	if (function->row_type != NULL)
		appendStringInfo(&sql, "features %s",
						 quote_qualified_identifier(get_namespace_name(function->schema), function->row_type));
	else
		for (int i = 0; i < function->n_columns; i++)
			appendStringInfo(&sql, "%s%s %s", i > 0 ? ", " : "", quote_identifier(function->columns[i]),
							 format_type_be_qualified(function->types[i]));
	appendStringInfo(&sql, ") RETURNS %s STABLE PARALLEL SAFE ", format_type_be_qualified(function->result_type));
	if (function->request->definer)
		appendStringInfo(&sql, "LANGUAGE plpgsql SECURITY DEFINER AS %s",
						 quote_literal_cstr(psprintf("BEGIN RETURN %s; END", call)));
	else
		appendStringInfo(&sql, "LANGUAGE sql RETURN %s", call);
	execute(sql.data);
}

/* Say in the catalog what the function is and how to make it again. */
static void
comment_function(const TypedFunction *function, const char *signature)
{
	const TypedFunctionRequest *request = function->request;
	StringInfoData comment;

	initStringInfo(&comment);
	appendStringInfo(&comment, "Predicts with model %s, by mlops.%s (task %s; made from version %d). ",
					 request->reference, function->output, function->version->task, function->version->version);
	if (function->row_type != NULL)
		appendStringInfo(&comment, "Argument: a row of the %d feature columns. ", function->n_columns);
	else
		appendStringInfo(&comment, "Arguments: the %d feature columns, by the units of the training query. ", function->n_columns);
	appendStringInfoString(&comment, "NULL is a missing value. ");
	appendStringInfoString(&comment, request->definer ?
						   "EXECUTE suffices: predicts with its owner's right to the model. " :
						   "Callers need the right to predict. ");
	appendStringInfo(&comment, "Made by SELECT mlops.create_function(%s, %s, output => %s, security => %s); when the features change, drop it and make it again.",
					 quote_literal_cstr(request->reference),
					 quote_literal_cstr(quote_qualified_identifier(get_namespace_name(function->schema), function->name)),
					 quote_literal_cstr(function->output), request->definer ? "'definer'" : "'invoker'");
	execute(psprintf("COMMENT ON FUNCTION %s IS %s", signature, quote_literal_cstr(comment.data)));
}

/* Resolve all of the request that needs no writing. */
static void
resolve_request(const TypedFunctionRequest *request, TypedFunction *function)
{
	function->request = request;
	function->version = mlops_registry_resolve(request->reference, MODEL_PREDICT);
	function->schema = QualifiedNameGetCreationNamespace(request->name, &function->name);
	resolve_output(function);
	collect_columns(function);
}

Oid
mlops_typed_function_create(const TypedFunctionRequest *request)
{
	TypedFunction function = {0};
	ExistingFunction existing;
	bool		was_definer;
	int			guc_level;
	Oid			created;
	char	   *signature;

	mlops_registry_require_writable("create_function");
	resolve_request(request, &function);
	check_name_is_free(&function, &existing);
	was_definer = existing.definer;

	guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (function.row_type != NULL)
		create_row_type(&function);
	create_function(&function, quote_qualified_identifier(get_namespace_name(function.schema), function.name));

	created = find_same(&function, &existing);
	signature = format_procedure_qualified(created);

	/*
	 * whoever may execute it may predict: that is to be granted, not the
	 * default
	 */
	if (request->definer && !was_definer)
		execute(psprintf("REVOKE ALL ON FUNCTION %s FROM PUBLIC", signature));
	comment_function(&function, signature);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(true, guc_level);
	return created;
}
