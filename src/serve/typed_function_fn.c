/*-------------------------------------------------------------------------
 *
 * typed_function_fn.c
 *	  SQL entry points of typed functions: what makes one, and what one calls.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "compat/pg_compat.h"
#include "serve/typed_function.h"

PG_FUNCTION_INFO_V1(mlops_sql_create_function);
PG_FUNCTION_INFO_V1(mlops_sql_named_row);

Datum
mlops_sql_create_function(PG_FUNCTION_ARGS)
{
	static const char *const argument_names[] = {"model", "function_name", "output", "security", "replace"};
	TypedFunctionRequest request = {0};
	char	   *security;

	for (int i = 0; i < lengthof(argument_names); i++)
		if (PG_ARGISNULL(i) && i != 2)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", argument_names[i])));
	security = text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (strcmp(security, "definer") != 0 && strcmp(security, "invoker") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid security \"%s\"", security),
				 errhint("Use definer, with which EXECUTE on the function suffices, or invoker, with which callers need the right to predict.")));
	request.reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.name = textToQualifiedNameList(PG_GETARG_TEXT_PP(1));
	request.output = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	request.definer = strcmp(security, "definer") == 0;
	request.replace = PG_GETARG_BOOL(4);
	PG_RETURN_OID(mlops_typed_function_create(&request));
}

/* What a call of named_row remembers: the row type made from these names. */
typedef struct NamedRow
{
	MemoryContext context;
	ArrayType  *names;			/* as passed */
	int			n;
	TupleDesc	tupdesc;
	Datum	   *values;			/* [n] */
	bool	   *isnull;
} NamedRow;

/* Make the row type; the values' types are those of the call's arguments. */
static NamedRow *
create_named_row(FunctionCallInfo fcinfo, ArrayType *names)
{
	/* below the current context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops named row",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	NamedRow   *row = palloc0(sizeof(NamedRow));
	Datum	   *elements;
	bool	   *isnull;
	int			n_names;

	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("named_row does not take its values as one VARIADIC array"),
				 errhint("Pass them as separate arguments.")));
	row->context = context;
	row->n = PG_NARGS() - 1;
	row->names = DatumGetArrayTypePCopy(PointerGetDatum(names));
	deconstruct_array(row->names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &isnull, &n_names);
	if (n_names != row->n || ARR_NDIM(row->names) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("names must be an array of %d names, one per value", row->n)));
	row->tupdesc = CreateTemplateTupleDesc(row->n);
	for (int i = 0; i < row->n; i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i + 1);
		char	   *name = isnull[i] ? NULL : TextDatumGetCString(elements[i]);

		if (name == NULL || name[0] == '\0' || strlen(name) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("name %d is no column name", i + 1),
					 errhint("A name has 1 to %d bytes.", NAMEDATALEN - 1)));
		if (!OidIsValid(type) || type == UNKNOWNOID)
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("could not determine the type of the value for \"%s\"", name),
					 errhint("Cast it, for example NULL::float8.")));
		TupleDescInitEntry(row->tupdesc, i + 1, name, type, -1, 0);
	}
	row->tupdesc = BlessTupleDesc(row->tupdesc);
	row->values = palloc(row->n * sizeof(Datum));
	row->isnull = palloc(row->n * sizeof(bool));
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, fcinfo->flinfo->fn_mcxt);
	return row;
}

Datum
mlops_sql_named_row(PG_FUNCTION_ARGS)
{
	NamedRow   *row = fcinfo->flinfo->fn_extra;
	ArrayType  *names;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"names\" must not be null")));
	names = PG_GETARG_ARRAYTYPE_P(0);
	if (row == NULL || VARSIZE(names) != VARSIZE(row->names) ||
		memcmp(names, row->names, VARSIZE(names)) != 0)
	{
		NamedRow   *old = row;

		fcinfo->flinfo->fn_extra = row = create_named_row(fcinfo, names);
		if (old != NULL)
			MemoryContextDelete(old->context);
	}
	for (int i = 0; i < row->n; i++)
	{
		row->values[i] = PG_GETARG_DATUM(i + 1);
		row->isnull[i] = PG_ARGISNULL(i + 1);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row->tupdesc, row->values, row->isnull)));
}
