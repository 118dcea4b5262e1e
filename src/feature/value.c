/*-------------------------------------------------------------------------
 *
 * value.c
 *	  One SQL value -> nearest float32, or a label.
 *
 * Training and serving both come through here, so that a row makes the same
 * vector in both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat/pg_compat.h"
#include "feature/value.h"

ValueKind
mlops_value_kind(Oid type)
{
	char		category;
	bool		preferred;

	switch (type)
	{
		case BOOLOID:
			return VALUE_BOOLEAN;
		case INT2OID:
			return VALUE_INT2;
		case INT4OID:
			return VALUE_INT4;
		case INT8OID:
			return VALUE_INT8;
		case FLOAT4OID:
			return VALUE_FLOAT4;
		case FLOAT8OID:
			return VALUE_FLOAT8;
		case NUMERICOID:
			return VALUE_NUMERIC;
		case DATEOID:
			return VALUE_DATE;
		case TIMEOID:
			return VALUE_TIME;
		case TIMESTAMPOID:
			return VALUE_TIMESTAMP;
		case TIMESTAMPTZOID:
			return VALUE_TIMESTAMPTZ;
		case TEXTOID:
		case VARCHAROID:
			return VALUE_TEXT;
		case BPCHAROID:
			return VALUE_BPCHAR;
		case UUIDOID:
		case CHAROID:
			return VALUE_LABEL;
		default:
			get_type_category_preferred(type, &category, &preferred);
			return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM ?
				VALUE_LABEL : VALUE_NONE;
	}
}

void
mlops_value_init(ValueType *value_type, Oid type)
{
	Oid			output;
	bool		is_varlena;

	memset(value_type, 0, sizeof(*value_type));
	value_type->type = getBaseType(type);
	value_type->element_type = get_element_type(value_type->type);
	if (OidIsValid(value_type->element_type))
	{
		value_type->element_kind = mlops_value_kind(getBaseType(value_type->element_type));
		if (mlops_value_is_number(value_type->element_kind))
			value_type->kind = VALUE_ARRAY;
		get_typlenbyvalalign(value_type->element_type, &value_type->element_length,
							 &value_type->element_by_value, &value_type->element_align);
	}
	else
		value_type->kind = mlops_value_kind(value_type->type);

	getTypeOutputInfo(value_type->type, &output, &is_varlena);
	fmgr_info(output, &value_type->output);
}

/*
 * Nearest float32 of the decimal value.
 *
 * Reads the on-disk form, which pg_upgrade keeps stable: a header, then digits
 * of base 10000.  Up to four digits that make an integer below 2^53, times or
 * over a power of ten up to 22, give the nearest double in one operation; that
 * rounds to the nearest float32 unless the double lies half-way between two.
 * All else goes through text.
 */
static float
convert_numeric(Datum value)
{
	static const double power[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
	};
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	const char *next = VARDATA_ANY(bytes);
	const char *end = next + VARSIZE_ANY_EXHDR(bytes);
	bool		negative;
	int			weight;
	int			n_digits;
	uint16		header;

	memcpy(&header, next, sizeof(header));
	next += sizeof(header);
	if ((header & 0xC000) == 0xC000)
		return (header & 0xF000) == 0xC000 ? NAN :
			(header & 0xF000) == 0xF000 ? -INFINITY : INFINITY;
	if (header & 0x8000)
	{
		negative = (header & 0x2000) != 0;
		weight = (header & 0x003F) - (header & 0x0040);
	}
	else
	{
		int16		long_weight;

		memcpy(&long_weight, next, sizeof(long_weight));
		next += sizeof(long_weight);
		negative = (header & 0xC000) == 0x4000;
		weight = long_weight;
	}
	n_digits = (end - next) / sizeof(int16);

	if (n_digits <= 4)
	{
		int64		mantissa = 0;
		int			exponent = 4 * (weight - n_digits + 1);

		for (; next < end; next += sizeof(int16))
		{
			int16		digit;

			memcpy(&digit, next, sizeof(digit));
			mantissa = mantissa * 10000 + digit;
		}
		if (mantissa == 0)
			return 0;
		if (mantissa < INT64CONST(1) << 53 && exponent >= -22 && exponent <= 22)
		{
			double		wide = exponent < 0 ? mantissa / power[-exponent] : mantissa * power[exponent];
			uint64		bits;

			memcpy(&bits, &wide, sizeof(bits));
			if ((bits & 0x1FFFFFFF) != 0x10000000 && wide >= FLT_MIN)
				return negative ? -(float) wide : (float) wide;
		}
	}
	return strtof(DatumGetCString(DirectFunctionCall1(numeric_out, PointerGetDatum(bytes))), NULL);
}

static float
convert_timestamp(Timestamp timestamp)
{
	if (TIMESTAMP_NOT_FINITE(timestamp))
		return INFINITY;
	return (float) ((double) timestamp / USECS_PER_SEC +
					(double) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY);
}

float
mlops_value_number(ValueKind kind, Datum value)
{
	switch (kind)
	{
		case VALUE_BOOLEAN:
			return DatumGetBool(value) ? 1 : 0;
		case VALUE_INT2:
			return DatumGetInt16(value);
		case VALUE_INT4:
			return (float) DatumGetInt32(value);
		case VALUE_INT8:
			return (float) DatumGetInt64(value);
		case VALUE_FLOAT4:
			return DatumGetFloat4(value);
		case VALUE_FLOAT8:
			return (float) DatumGetFloat8(value);
		case VALUE_NUMERIC:
			return convert_numeric(value);
		case VALUE_DATE:
			return DATE_NOT_FINITE(DatumGetDateADT(value)) ? INFINITY :
				(float) DatumGetDateADT(value);
		case VALUE_TIME:
			return (float) ((double) DatumGetTimeADT(value) / USECS_PER_SEC);
		case VALUE_TIMESTAMP:
		case VALUE_TIMESTAMPTZ:
			return convert_timestamp(DatumGetTimestamp(value));
		default:
			elog(ERROR, "value kind %d is no number", kind);
	}
}

int
mlops_value_array_length(Datum value, const char *column)
{
	ArrayType  *array = DatumGetArrayTypeP(value);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("column \"%s\" holds an array of %d dimensions", column, ARR_NDIM(array)),
				 errhint("Use arrays of one dimension.")));
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

void
mlops_value_array(const ValueType *value_type, Datum value, int length,
				  const char *column, float *vector)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	int			actual = mlops_value_array_length(PointerGetDatum(array), column);
	const char *next = ARR_DATA_PTR(array);
	const bits8 *nulls = ARR_NULLBITMAP(array);

	if (actual != length)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("column \"%s\" holds an array of %d elements where others have %d",
						column, actual, length),
				 errhint("All arrays of a column must have the same length.")));

	for (int i = 0; i < length; i++)
	{
		if (nulls != NULL && (nulls[i / 8] & (1 << (i % 8))) == 0)
		{
			vector[i] = NAN;
			continue;
		}
		vector[i] = mlops_value_number(value_type->element_kind,
									   fetch_att(next, value_type->element_by_value,
												 value_type->element_length));
		if (isinf(vector[i]))
			mlops_value_overflow(column);
		next = att_addlength_pointer(next, value_type->element_length, next);
		next = (const char *) att_align_nominal(next, value_type->element_align);
	}
}

const char *
mlops_value_label(ValueType *value_type, Datum value, size_t *length)
{
	const char *label;

	switch (value_type->kind)
	{
		case VALUE_TEXT:
		case VALUE_BPCHAR:
			{
				struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

				label = VARDATA_ANY(bytes);
				*length = VARSIZE_ANY_EXHDR(bytes);
				if (value_type->kind == VALUE_BPCHAR)
					*length = bpchartruelen(unconstify(char *, label), *length);
				return label;
			}
		case VALUE_BOOLEAN:
			label = DatumGetBool(value) ? "true" : "false";
			break;
		case VALUE_NUMERIC:
			value = DirectFunctionCall1(numeric_trim_scale, value);
			/* FALLTHROUGH */
		default:
			label = OutputFunctionCall(&value_type->output, value);
	}
	*length = strlen(label);
	return label;
}

void
mlops_value_overflow(const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("column \"%s\" holds a value that is infinite or too large for float32", column),
			 errhint("Replace such values in the query, for instance by NULL.")));
}
