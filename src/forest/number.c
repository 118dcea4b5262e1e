/*-------------------------------------------------------------------------
 *
 * number.c
 *	  Elements of number arrays, in place or in a buffer of ours.
 *
 * reader.c -> number arrays -> tree_builder.c.  UBJSON is big-endian.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/reader.h"

/* Bytes of one number; 0 for what is no type of numbers. */
size_t
mlops_number_size(NumberType type)
{
	switch (type)
	{
		case NUMBER_INT8:
		case NUMBER_UINT8:
		case NUMBER_CHAR:
			return 1;
		case NUMBER_INT16:
		case NUMBER_UINT16:
			return 2;
		case NUMBER_INT32:
		case NUMBER_UINT32:
		case NUMBER_FLOAT:
		case NUMBER_NATIVE_INT32:
		case NUMBER_NATIVE_FLOAT:
			return 4;
		case NUMBER_INT64:
		case NUMBER_UINT64:
		case NUMBER_DOUBLE:
			return 8;
	}
	return 0;
}

bool
mlops_number_is_integer(NumberType type)
{
	return type != NUMBER_FLOAT && type != NUMBER_DOUBLE && type != NUMBER_NATIVE_FLOAT;
}

static uint64_t
load_big_endian(const uint8_t *bytes, size_t size)
{
	uint64_t	value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Element of an array of integers; false when it is beyond int64. */
bool
mlops_number_int(const NumberArray *array, uint64_t index, int64_t *value)
{
	size_t		size = mlops_number_size(array->type);
	const uint8_t *bytes = array->bytes + index * size;
	int32_t		native;
	uint64_t	raw;

	if (array->type == NUMBER_NATIVE_INT32)
	{
		memcpy(&native, bytes, sizeof(native));
		*value = native;
		return true;
	}
	raw = load_big_endian(bytes, size);
	switch (array->type)
	{
		case NUMBER_INT8:
			*value = (int8_t) raw;
			break;
		case NUMBER_INT16:
			*value = (int16_t) raw;
			break;
		case NUMBER_INT32:
			*value = (int32_t) raw;
			break;
		default:
			*value = (int64_t) raw;
			break;
	}
	return array->type != NUMBER_UINT64 || raw <= INT64_MAX;
}

/* Element of an array of any numbers, rounded to the nearest float. */
float
mlops_number_float(const NumberArray *array, uint64_t index)
{
	size_t		size = mlops_number_size(array->type);
	const uint8_t *bytes = array->bytes + index * size;
	float		real;
	int64_t		integer;

	if (array->type == NUMBER_NATIVE_FLOAT)
		memcpy(&real, bytes, sizeof(real));
	else if (array->type == NUMBER_FLOAT)
	{
		uint32_t	raw = (uint32_t) load_big_endian(bytes, size);

		memcpy(&real, &raw, sizeof(real));
	}
	else if (array->type == NUMBER_DOUBLE)
	{
		uint64_t	raw = load_big_endian(bytes, size);
		double		wide;

		memcpy(&wide, &raw, sizeof(wide));
		real = (float) wide;
	}
	else if (mlops_number_int(array, index, &integer))
		real = (float) integer;
	else
		real = (float) (uint64_t) integer;
	return real;
}
