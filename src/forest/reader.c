/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  The part of the document reader that both formats share.
 *
 * Model bytes -> reader -> model_document.c.  The methods of a format do the
 * lexing; what is here keeps their contracts: kinds are checked before a
 * method is called, and nothing is called after an error.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>

#include "forest/reader.h"

#define POLL_EVERY	4096		/* values between two polls */

void
mlops_reader_init(Reader *reader, const ReaderMethods *methods,
				  const void *bytes, size_t size,
				  const ForestLimits *limits, ForestError *error)
{
	memset(reader, 0, sizeof(*reader));
	reader->next = bytes;
	reader->end = reader->next + size;
	reader->methods = methods;
	reader->limits = limits;
	reader->error = error;
	reader->status = FOREST_OK;
}

/* Record an error; the first one wins. */
void
mlops_reader_fail(Reader *reader, ForestStatus status, const char *format,...)
{
	va_list		args;

	if (reader->status != FOREST_OK)
		return;
	reader->status = status;
	va_start(args, format);
	vsnprintf(reader->error->message, sizeof(reader->error->message), format, args);
	va_end(args);
}

/* Ask the caller now and then whether to go on; false when there is an error. */
bool
mlops_reader_poll(Reader *reader)
{
	if (reader->status == FOREST_OK && reader->ticks++ % POLL_EVERY == 0 &&
		reader->limits->interrupted != NULL && reader->limits->interrupted())
		mlops_reader_fail(reader, FOREST_INTERRUPTED, "interrupted");
	return reader->status == FOREST_OK;
}

/* Open a container; NULL when too many are open. */
ReaderLevel *
mlops_reader_push(Reader *reader, bool is_object)
{
	ReaderLevel *level;

	if (reader->depth >= READER_MAX_DEPTH)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED,
						  "containers are nested more than %d deep", READER_MAX_DEPTH);
		return NULL;
	}
	level = &reader->levels[reader->depth++];
	memset(level, 0, sizeof(*level));
	level->is_object = is_object;
	return level;
}

/* Return the kind of the value ahead; any error leaves READER_NOTHING. */
static ReaderKind
peek_kind(Reader *reader)
{
	ReaderKind	kind;

	if (reader->status != FOREST_OK)
		return READER_NOTHING;
	kind = reader->methods->peek(reader);
	if (kind == READER_NOTHING)
		mlops_reader_fail(reader, FOREST_MALFORMED,
						  reader->next == reader->end ?
						  "model ends too early" : "no value where one is expected");
	return reader->status == FOREST_OK ? kind : READER_NOTHING;
}

static bool
expect_kind(Reader *reader, ReaderKind kind, const char *name)
{
	ReaderKind	found = peek_kind(reader);

	if (found != READER_NOTHING && found != kind)
		mlops_reader_fail(reader, FOREST_MALFORMED,
						  "a value is not %s where one is expected", name);
	return reader->status == FOREST_OK;
}

bool
mlops_reader_enter_object(Reader *reader)
{
	if (expect_kind(reader, READER_OBJECT, "an object"))
		reader->methods->enter(reader);
	return reader->status == FOREST_OK;
}

/* Enter an array of any values; arrays of one number type are for read_*s. */
bool
mlops_reader_enter_array(Reader *reader)
{
	if (expect_kind(reader, READER_ARRAY, "an array"))
		reader->methods->enter(reader);
	return reader->status == FOREST_OK;
}

/* Step to the next member of the open object; false at its end or an error. */
bool
mlops_reader_next_member(Reader *reader, ReaderText *key)
{
	return mlops_reader_poll(reader) && reader->methods->next(reader, key);
}

/* Step to the next element of the open array; false at its end or an error. */
bool
mlops_reader_next_element(Reader *reader)
{
	return mlops_reader_poll(reader) && reader->methods->next(reader, NULL);
}

bool
mlops_reader_read_string(Reader *reader, ReaderText *string)
{
	memset(string, 0, sizeof(*string));
	if (expect_kind(reader, READER_STRING, "a string"))
		reader->methods->read_string(reader, string);
	return reader->status == FOREST_OK;
}

bool
mlops_reader_read_int(Reader *reader, int64_t *value)
{
	*value = 0;
	if (expect_kind(reader, READER_NUMBER, "a number"))
		reader->methods->read_int(reader, value);
	return reader->status == FOREST_OK;
}

/*
 * Count the elements ahead in the array just entered, with a copy of the
 * reader; 0 when there is an error, which the reader will meet itself.
 */
static size_t
count_elements(const Reader *reader)
{
	Reader		probe = *reader;
	ForestError error;
	size_t		count = 0;

	probe.error = &error;
	for (; mlops_reader_next_element(&probe); count++)
		mlops_reader_skip(&probe);
	return probe.status == FOREST_OK ? count : 0;
}

/* Read an array of numbers: in place where it is of one type, else copied. */
static bool
read_numbers(Reader *reader, bool floats, Buffer *scratch, NumberArray *array)
{
	memset(array, 0, sizeof(*array));
	array->type = floats ? NUMBER_NATIVE_FLOAT : NUMBER_NATIVE_INT32;

	if (peek_kind(reader) == READER_NUMBERS)
	{
		reader->methods->read_numbers(reader, array);
		if (!floats && !mlops_number_is_integer(array->type))
			mlops_reader_fail(reader, FOREST_MALFORMED, "a number is not an integer");
		return reader->status == FOREST_OK;
	}

	scratch->used = 0;
	if (!mlops_reader_enter_array(reader))
		return false;
	/* Growing step by step would take twice the memory for a moment. */
	if (!mlops_buffer_reserve(scratch, count_elements(reader) * sizeof(float)))
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
	while (mlops_reader_next_element(reader))
	{
		union
		{
			float		real;
			int32_t		integer;
		}			number;
		int64_t		value = 0;

		if (!expect_kind(reader, READER_NUMBER, "a number"))
			break;
		if (floats)
			reader->methods->read_float(reader, &number.real);
		else
		{
			reader->methods->read_int(reader, &value);
			if (value < INT32_MIN || value > INT32_MAX)
				mlops_reader_fail(reader, FOREST_MALFORMED, "an integer is out of range");
			number.integer = (int32_t) value;
		}
		if (reader->status != FOREST_OK)
			break;
		if (!mlops_buffer_append(scratch, &number, sizeof(number)))
			mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
	}
	array->bytes = scratch->data;
	array->count = scratch->used / sizeof(float);
	return reader->status == FOREST_OK;
}

/* Read an array of numbers as floats; "scratch" must outlive the array. */
bool
mlops_reader_read_floats(Reader *reader, Buffer *scratch, NumberArray *array)
{
	return read_numbers(reader, true, scratch, array);
}

/* Read an array of integers; "scratch" must outlive the array. */
bool
mlops_reader_read_ints(Reader *reader, Buffer *scratch, NumberArray *array)
{
	return read_numbers(reader, false, scratch, array);
}

/* Skip one value of any kind, however deep. */
void
mlops_reader_skip(Reader *reader)
{
	int			floor = reader->depth;
	ReaderText	string;
	NumberArray array;

	do
	{
		if (reader->depth > floor &&
			!(mlops_reader_poll(reader) && reader->methods->next(reader, &string)))
			continue;
		switch (peek_kind(reader))
		{
			case READER_OBJECT:
			case READER_ARRAY:
				reader->methods->enter(reader);
				break;
			case READER_NUMBERS:
				reader->methods->read_numbers(reader, &array);
				break;
			case READER_STRING:
				reader->methods->read_string(reader, &string);
				break;
			case READER_NUMBER:
				reader->methods->skip_number(reader);
				break;
			case READER_LITERAL:
				reader->methods->skip_literal(reader);
				break;
			case READER_NOTHING:
				break;
		}
	} while (reader->status == FOREST_OK && reader->depth > floor);
}

/* Check that nothing follows the document. */
bool
mlops_reader_finish(Reader *reader)
{
	if (reader->status == FOREST_OK)
		reader->methods->finish(reader);
	if (reader->status == FOREST_OK && reader->next != reader->end)
		mlops_reader_fail(reader, FOREST_MALFORMED, "bytes follow the end of the model");
	return reader->status == FOREST_OK;
}
