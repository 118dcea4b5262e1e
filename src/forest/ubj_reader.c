/*-------------------------------------------------------------------------
 *
 * ubj_reader.c
 *	  The methods of the document reader for UBJSON as XGBoost writes it.
 *
 * Big-endian numbers, keys and strings with a length before them, arrays with
 * or without a count, and arrays of numbers of one type ("[$d#" and so on),
 * which are taken in place.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/reader.h"

static size_t
count_left(const Reader *reader)
{
	return (size_t) (reader->end - reader->next);
}

static ReaderKind
peek_ubj(Reader *reader)
{
	if (count_left(reader) == 0)
		return READER_NOTHING;
	switch (*reader->next)
	{
		case '{':
			return READER_OBJECT;
		case '[':
			return count_left(reader) > 1 && reader->next[1] == '$' ?
				READER_NUMBERS : READER_ARRAY;
		case 'S':
			return READER_STRING;
		case 'T':
		case 'F':
		case 'Z':
			return READER_LITERAL;
		default:
			return *reader->next > NUMBER_NATIVE_FLOAT &&
				mlops_number_size(*reader->next) > 0 ? READER_NUMBER : READER_NOTHING;
	}
}

/* Take one tagged number as an array of one. */
static bool
take_number(Reader *reader, NumberArray *number)
{
	size_t		size;

	if (peek_ubj(reader) != READER_NUMBER)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, count_left(reader) == 0 ?
						  "model ends too early" : "no number where one is expected");
		return false;
	}
	size = mlops_number_size(*reader->next);
	if (count_left(reader) - 1 < size)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "model ends within a number");
		return false;
	}
	number->type = *reader->next;
	number->bytes = reader->next + 1;
	number->count = 1;
	reader->next += 1 + size;
	return true;
}

/* Take a count or a length: an integer that is not negative. */
static bool
take_count(Reader *reader, uint64_t *count)
{
	NumberArray number;
	int64_t		value;

	if (!take_number(reader, &number))
		return false;
	if (!mlops_number_is_integer(number.type) ||
		!mlops_number_int(&number, 0, &value) || value < 0)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "a length is not a count");
		return false;
	}
	*count = (uint64_t) value;
	return true;
}

static void
enter_ubj(Reader *reader)
{
	bool		is_object = *reader->next++ == '{';
	ReaderLevel *level = mlops_reader_push(reader, is_object);

	if (level == NULL || is_object || count_left(reader) == 0 || *reader->next != '#')
		return;
	reader->next++;
	level->counted = true;
	if (take_count(reader, &level->left) && level->left > count_left(reader))
		mlops_reader_fail(reader, FOREST_MALFORMED, "an array is longer than the model");
}

/* Take a length and that many bytes. */
static void
take_text(Reader *reader, ReaderText *string)
{
	uint64_t	length;

	if (!take_count(reader, &length))
		return;
	if (length > count_left(reader))
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "a string is longer than the model");
		return;
	}
	string->data = (const char *) reader->next;
	string->length = length;
	string->escaped = false;
	reader->next += length;
}

static bool
next_ubj(Reader *reader, ReaderText *key)
{
	ReaderLevel *level = &reader->levels[reader->depth - 1];

	if (level->counted ? level->left == 0 :
		count_left(reader) > 0 && *reader->next == (level->is_object ? '}' : ']'))
	{
		if (!level->counted)
			reader->next++;
		reader->depth--;
		return false;
	}
	if (level->counted)
		level->left--;
	if (level->is_object)
		take_text(reader, key);
	return reader->status == FOREST_OK;
}

static void
read_ubj_string(Reader *reader, ReaderText *string)
{
	reader->next++;
	take_text(reader, string);
}

static void
read_ubj_float(Reader *reader, float *value)
{
	NumberArray number;

	if (take_number(reader, &number))
		*value = mlops_number_float(&number, 0);
}

static void
read_ubj_int(Reader *reader, int64_t *value)
{
	NumberArray number;

	if (!take_number(reader, &number))
		return;
	if (!mlops_number_is_integer(number.type))
		mlops_reader_fail(reader, FOREST_MALFORMED, "a number is not an integer");
	else if (!mlops_number_int(&number, 0, value))
		mlops_reader_fail(reader, FOREST_MALFORMED, "an integer is out of range");
}

static void
skip_ubj_number(Reader *reader)
{
	NumberArray number;

	take_number(reader, &number);
}

static void
skip_ubj_literal(Reader *reader)
{
	reader->next++;
}

static void
read_ubj_numbers(Reader *reader, NumberArray *array)
{
	size_t		size;

	reader->next += 2;
	if (count_left(reader) < 2 || *reader->next <= NUMBER_NATIVE_FLOAT ||
		(size = mlops_number_size(*reader->next)) == 0 || reader->next[1] != '#')
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "an array has no known type and count");
		return;
	}
	array->type = *reader->next;
	reader->next += 2;
	if (!take_count(reader, &array->count))
		return;
	if (array->count > count_left(reader) / size)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "an array is longer than the model");
		return;
	}
	array->bytes = reader->next;
	reader->next += array->count * size;
}

static void
finish_ubj(Reader *reader)
{
	(void) reader;
}

const ReaderMethods mlops_reader_ubj = {
	.peek = peek_ubj,
	.enter = enter_ubj,
	.next = next_ubj,
	.read_string = read_ubj_string,
	.read_float = read_ubj_float,
	.read_int = read_ubj_int,
	.skip_number = skip_ubj_number,
	.skip_literal = skip_ubj_literal,
	.read_numbers = read_ubj_numbers,
	.finish = finish_ubj,
};
