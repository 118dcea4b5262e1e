/*-------------------------------------------------------------------------
 *
 * profile_fn.c
 *	  The type mlops.profile: input and output, equality, what can be read off.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "drift/profile_datum.h"

PG_FUNCTION_INFO_V1(mlops_sql_profile_in);
PG_FUNCTION_INFO_V1(mlops_sql_profile_out);
PG_FUNCTION_INFO_V1(mlops_sql_profile_recv);
PG_FUNCTION_INFO_V1(mlops_sql_profile_send);
PG_FUNCTION_INFO_V1(mlops_sql_profile_equal);
PG_FUNCTION_INFO_V1(mlops_sql_profile_differ);
PG_FUNCTION_INFO_V1(mlops_sql_profile_rows);
PG_FUNCTION_INFO_V1(mlops_sql_profile_mean);
PG_FUNCTION_INFO_V1(mlops_sql_profile_stddev);
PG_FUNCTION_INFO_V1(mlops_sql_profile_minimum);
PG_FUNCTION_INFO_V1(mlops_sql_profile_maximum);
PG_FUNCTION_INFO_V1(mlops_sql_profile_null_rate);
PG_FUNCTION_INFO_V1(mlops_sql_profile_quantile);
PG_FUNCTION_INFO_V1(mlops_sql_profile_histogram);

/* Text that is not a profile from its first to its last byte is an error. */
static Profile *
read_text(const char *string, size_t length)
{
	const char *next = string;
	const char *end = string + length;
	const char *why;
	size_t		size = mlops_profile_parse(&next, end, NULL, &why);
	Profile    *profile = size > 0 ? palloc(size) : NULL;

	if (profile != NULL)
		size = mlops_profile_parse(&next, end, profile, &why);
	if (size > 0 && strspn(next, " \t\r\n") != end - next)
	{
		why = "text after the end";
		size = 0;
	}
	if (size == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "mlops.profile"),
				 errdetail("Near byte %zu: %s.", next - string + 1, why),
				 errhint("Profiles come from mlops.reference() and mlops.profile().")));
	return profile;
}

Datum
mlops_sql_profile_in(PG_FUNCTION_ARGS)
{
	char	   *string = PG_GETARG_CSTRING(0);

	return ProfileGetDatum(read_text(string, strlen(string)));
}

Datum
mlops_sql_profile_out(PG_FUNCTION_ARGS)
{
	Profile    *profile = DatumGetProfile(PG_GETARG_DATUM(0));
	size_t		length = mlops_profile_print(profile, NULL, 0);
	char	   *string = palloc(length + 1);

	mlops_profile_print(profile, string, length);
	string[length] = '\0';
	PG_RETURN_CSTRING(string);
}

/* As of jsonb: the number of the format, and the text. */
Datum
mlops_sql_profile_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			format = pq_getmsgint(message, 1);
	char	   *string;
	int			length;

	if (format != PROFILE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported format %d of type %s", format, "mlops.profile"),
				 errhint("This version of mlops reads format %d.", PROFILE_FORMAT)));
	string = pq_getmsgtext(message, message->len - message->cursor, &length);
	return ProfileGetDatum(read_text(string, length));
}

Datum
mlops_sql_profile_send(PG_FUNCTION_ARGS)
{
	Profile    *profile = DatumGetProfile(PG_GETARG_DATUM(0));
	size_t		length = mlops_profile_print(profile, NULL, 0);
	char	   *string = palloc(length);
	StringInfoData message;

	mlops_profile_print(profile, string, length);
	pq_begintypsend(&message);
	pq_sendint8(&message, PROFILE_FORMAT);
	pq_sendtext(&message, string, length);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
mlops_sql_profile_equal(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mlops_profile_equal(DatumGetProfile(PG_GETARG_DATUM(0)),
									   DatumGetProfile(PG_GETARG_DATUM(1))));
}

Datum
mlops_sql_profile_differ(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!mlops_profile_equal(DatumGetProfile(PG_GETARG_DATUM(0)),
										DatumGetProfile(PG_GETARG_DATUM(1))));
}

Datum
mlops_sql_profile_rows(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(mlops_profile_rows(DatumGetProfile(PG_GETARG_DATUM(0))));
}

/* What is not known is NULL. */
static Datum
return_number(FunctionCallInfo fcinfo, double number)
{
	if (isnan(number))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(number);
}

Datum
mlops_sql_profile_mean(PG_FUNCTION_ARGS)
{
	return return_number(fcinfo, mlops_profile_mean(DatumGetProfile(PG_GETARG_DATUM(0))));
}

/* Of a sample, as SQL's stddev. */
Datum
mlops_sql_profile_stddev(PG_FUNCTION_ARGS)
{
	Profile    *profile = DatumGetProfile(PG_GETARG_DATUM(0));
	double		n = mlops_profile_values(profile);

	if (n < 2)
		PG_RETURN_NULL();
	return return_number(fcinfo, mlops_profile_deviation(profile) * sqrt(n / (n - 1)));
}

Datum
mlops_sql_profile_minimum(PG_FUNCTION_ARGS)
{
	return return_number(fcinfo, mlops_profile_min(DatumGetProfile(PG_GETARG_DATUM(0))));
}

Datum
mlops_sql_profile_maximum(PG_FUNCTION_ARGS)
{
	return return_number(fcinfo, mlops_profile_max(DatumGetProfile(PG_GETARG_DATUM(0))));
}

Datum
mlops_sql_profile_null_rate(PG_FUNCTION_ARGS)
{
	Profile    *profile = DatumGetProfile(PG_GETARG_DATUM(0));
	int64		rows = mlops_profile_rows(profile);

	if (rows <= 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) mlops_profile_count(profile, mlops_profile_value_cells(profile) + PROFILE_NULL) / rows);
}

Datum
mlops_sql_profile_quantile(PG_FUNCTION_ARGS)
{
	double		fraction = PG_GETARG_FLOAT8(1);

	if (!(fraction >= 0 && fraction <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("fraction %g is not between 0 and 1", fraction),
				 errhint("The median is mlops.quantile(profile, 0.5).")));
	return return_number(fcinfo, mlops_profile_quantile(DatumGetProfile(PG_GETARG_DATUM(0)), fraction));
}

static const char *
name_cell(const Profile *profile, int cell)
{
	static const char *const special[] = {"other", "unseen", "null", "nan", "inf", "-inf"};
	int			n = mlops_profile_value_cells(profile);

	if (cell >= n)
		return special[cell - n];
	if (mlops_profile_kind(profile) == PROFILE_CATEGORICAL)
		return "label";
	return mlops_profile_is_atom(profile, cell) ? "atom" : "interval";
}

/* Whether the special cell can ever count something. */
static bool
has_cell(const Profile *profile, int cell)
{
	int			special = cell - mlops_profile_value_cells(profile);

	if (special < 0 || special == PROFILE_NULL)
		return true;
	return (mlops_profile_kind(profile) == PROFILE_CATEGORICAL) == (special < PROFILE_NULL);
}

static Datum
get_number(double number, bool *isnull)
{
	*isnull = isnan(number);
	return Float8GetDatum(number);
}

Datum
mlops_sql_profile_histogram(PG_FUNCTION_ARGS)
{
	Profile    *profile = DatumGetProfile(PG_GETARG_DATUM(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		rows = mlops_profile_rows(profile);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < mlops_profile_cells(profile); i++)
	{
		Datum		values[8];
		bool		isnull[8] = {0};
		size_t		length;
		const char *label = mlops_profile_label(profile, i, &length);
		bool		is_atom = i < mlops_profile_value_cells(profile) && mlops_profile_is_atom(profile, i);

		if (!has_cell(profile, i))
			continue;
		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(name_cell(profile, i));
		isnull[2] = label == NULL;
		values[2] = isnull[2] ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(label, length));
		values[3] = get_number(is_atom ? mlops_profile_upper(profile, i) : mlops_profile_lower(profile, i), &isnull[3]);
		values[4] = get_number(mlops_profile_upper(profile, i), &isnull[4]);
		values[5] = Int64GetDatum(mlops_profile_count(profile, i));
		values[6] = get_number(rows > 0 ? (double) mlops_profile_count(profile, i) / rows : NAN, &isnull[6]);
		values[7] = get_number(mlops_profile_cell_mean(profile, i), &isnull[7]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	return (Datum) 0;
}
