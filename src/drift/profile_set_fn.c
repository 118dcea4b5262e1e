/*-------------------------------------------------------------------------
 *
 * profile_set_fn.c
 *	  The type mlops.profile_set: input and output, making and taking apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "libpq/pqformat.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"

#include "drift/profile_datum.h"

PG_FUNCTION_INFO_V1(mlops_sql_profile_set_in);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_out);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_recv);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_send);
PG_FUNCTION_INFO_V1(mlops_sql_profiles);
PG_FUNCTION_INFO_V1(mlops_sql_column_profile);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_add);
PG_FUNCTION_INFO_V1(mlops_sql_profile_set_collect);

static ProfileSet *
read_text(const char *string, size_t length)
{
	const char *next = string;
	const char *end = string + length;
	const char *why;
	size_t		size = mlops_profile_set_parse(&next, end, NULL, &why);
	ProfileSet *set = size > 0 ? palloc(size) : NULL;

	if (set != NULL)
		size = mlops_profile_set_parse(&next, end, set, &why);
	if (size > 0 && strspn(next, " \t\r\n") != end - next)
	{
		why = "text after the end";
		size = 0;
	}
	if (size == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "mlops.profile_set"),
				 errdetail("Near byte %zu: %s.", next - string + 1, why),
				 errhint("Sets of profiles come from mlops.reference() and mlops.profile() of rows, and from mlops.profile_set().")));
	return set;
}

Datum
mlops_sql_profile_set_in(PG_FUNCTION_ARGS)
{
	char	   *string = PG_GETARG_CSTRING(0);

	return ProfileSetGetDatum(read_text(string, strlen(string)));
}

Datum
mlops_sql_profile_set_out(PG_FUNCTION_ARGS)
{
	ProfileSet *set = DatumGetProfileSet(PG_GETARG_DATUM(0));
	size_t		length = mlops_profile_set_print(set, NULL, 0);
	char	   *string = palloc(length + 1);

	mlops_profile_set_print(set, string, length);
	string[length] = '\0';
	PG_RETURN_CSTRING(string);
}

Datum
mlops_sql_profile_set_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			format = pq_getmsgint(message, 1);
	char	   *string;
	int			length;

	if (format != PROFILE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported format %d of type %s", format, "mlops.profile_set"),
				 errhint("This version of mlops reads format %d.", PROFILE_FORMAT)));
	string = pq_getmsgtext(message, message->len - message->cursor, &length);
	return ProfileSetGetDatum(read_text(string, length));
}

Datum
mlops_sql_profile_set_send(PG_FUNCTION_ARGS)
{
	ProfileSet *set = DatumGetProfileSet(PG_GETARG_DATUM(0));
	size_t		length = mlops_profile_set_print(set, NULL, 0);
	char	   *string = palloc(length);
	StringInfoData message;

	mlops_profile_set_print(set, string, length);
	pq_begintypsend(&message);
	pq_sendint8(&message, PROFILE_FORMAT);
	pq_sendtext(&message, string, length);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* One line per entry. */
Datum
mlops_sql_profiles(PG_FUNCTION_ARGS)
{
	ProfileSet *set = DatumGetProfileSet(PG_GETARG_DATUM(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < mlops_profile_set_count(set); i++)
	{
		size_t		length;
		const char *name = mlops_profile_set_name(set, i, &length);
		Profile    *profile = mlops_profile_copy(mlops_profile_set_get(set, i));
		bool		isnull[2] = {0};
		Datum		values[2] = {
			PointerGetDatum(cstring_to_text_with_len(name, length)), PointerGetDatum(profile)
		};

		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
		pfree(profile);
	}
	return (Datum) 0;
}

Datum
mlops_sql_column_profile(PG_FUNCTION_ARGS)
{
	ProfileSet *set = DatumGetProfileSet(PG_GETARG_DATUM(0));
	text	   *name = PG_GETARG_TEXT_PP(1);
	int			i = mlops_profile_set_find(set, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (i < 0)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(mlops_profile_copy(mlops_profile_set_get(set, i)));
}

typedef struct SetEntry
{
	char	   *name;
	Profile    *profile;
} SetEntry;

/* Collect a named profile; the state is a list of entries. */
Datum
mlops_sql_profile_set_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = mlops_profile_aggregate_context(fcinfo);
	MemoryContext caller;
	List	   *state = PG_ARGISNULL(0) ? NIL : (List *) PG_GETARG_POINTER(0);
	SetEntry   *entry;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("neither name nor profile may be null"),
				 errhint("Leave such rows out with FILTER (WHERE profile IS NOT NULL).")));
	if (list_length(state) == PROFILE_SET_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a set has at most %d profiles", PROFILE_SET_MAX),
				 errhint("Make several sets.")));
	caller = MemoryContextSwitchTo(context);
	entry = palloc(sizeof(SetEntry));
	entry->name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	entry->profile = mlops_profile_copy(DatumGetProfile(PG_GETARG_DATUM(2)));
	if (entry->name[0] == '\0' || strlen(entry->name) > PROFILE_MAX_LABEL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name of a profile must have 1 to %d bytes", PROFILE_MAX_LABEL),
				 errhint("Use the name of the column.")));
	state = lappend(state, entry);
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(state);
}

Datum
mlops_sql_profile_set_collect(PG_FUNCTION_ARGS)
{
	List	   *state;
	const char **names;
	Profile   **profiles;

	mlops_profile_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (List *) PG_GETARG_POINTER(0);
	names = palloc(sizeof(char *) * list_length(state));
	profiles = palloc(sizeof(Profile *) * list_length(state));
	for (int i = 0; i < list_length(state); i++)
	{
		SetEntry   *entry = list_nth(state, i);

		names[i] = entry->name;
		profiles[i] = entry->profile;
	}
	return ProfileSetGetDatum(mlops_profile_set_make(list_length(state), names, profiles));
}
