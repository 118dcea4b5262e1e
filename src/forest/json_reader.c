/*-------------------------------------------------------------------------
 *
 * json_reader.c
 *	  The methods of the document reader for JSON as XGBoost writes it.
 *
 * That is RFC 8259 plus the numbers NaN, Infinity and -Infinity.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/reader.h"

static void
skip_space(Reader *reader)
{
	while (reader->next < reader->end &&
		   (*reader->next == ' ' || *reader->next == '\n' ||
			*reader->next == '\t' || *reader->next == '\r'))
		reader->next++;
}

/* The next character that is no space, without taking it; -1 at the end. */
static int
peek_character(Reader *reader)
{
	skip_space(reader);
	return reader->next < reader->end ? *reader->next : -1;
}

static ReaderKind
peek_json(Reader *reader)
{
	int			c = peek_character(reader);

	switch (c)
	{
		case '{':
			return READER_OBJECT;
		case '[':
			return READER_ARRAY;
		case '"':
			return READER_STRING;
		case 't':
		case 'f':
		case 'n':
			return READER_LITERAL;
		case '-':
		case 'N':
		case 'I':
			return READER_NUMBER;
		default:
			return c >= '0' && c <= '9' ? READER_NUMBER : READER_NOTHING;
	}
}

static void
enter_json(Reader *reader)
{
	bool		is_object = *reader->next++ == '{';

	mlops_reader_push(reader, is_object);
}

static void
read_json_string(Reader *reader, ReaderText *string)
{
	const uint8_t *next = reader->next + 1;

	string->data = (const char *) next;
	string->escaped = false;
	for (; next < reader->end && *next != '"'; next++)
	{
		if (*next < 0x20)
		{
			mlops_reader_fail(reader, FOREST_MALFORMED, "a string has a control character");
			return;
		}
		if (*next == '\\')
		{
			string->escaped = true;
			next++;
		}
	}
	if (next >= reader->end)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "model ends within a string");
		return;
	}
	string->length = (size_t) ((const char *) next - string->data);
	reader->next = next + 1;
}

static bool
next_json(Reader *reader, ReaderText *key)
{
	ReaderLevel *level = &reader->levels[reader->depth - 1];
	int			c = peek_character(reader);

	if (c == (level->is_object ? '}' : ']'))
	{
		reader->next++;
		reader->depth--;
		return false;
	}
	if (level->started)
	{
		if (c != ',')
		{
			mlops_reader_fail(reader, FOREST_MALFORMED,
							  c < 0 ? "model ends too early" : "a comma is missing");
			return false;
		}
		reader->next++;
	}
	level->started = true;
	if (!level->is_object)
		return true;

	if (peek_character(reader) != '"')
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "a member has no name");
		return false;
	}
	read_json_string(reader, key);
	if (reader->status == FOREST_OK && peek_character(reader) != ':')
		mlops_reader_fail(reader, FOREST_MALFORMED, "a member has no value");
	if (reader->status != FOREST_OK)
		return false;
	reader->next++;
	return true;
}

/* Take the word at the cursor if it is there. */
static bool
take_word(Reader *reader, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (reader->end - reader->next) < length ||
		memcmp(reader->next, word, length) != 0)
		return false;
	reader->next += length;
	return true;
}

/* Skip digits; false when there are none. */
static bool
skip_digits(const uint8_t **next, const uint8_t *end)
{
	const uint8_t *start = *next;

	while (*next < end && **next >= '0' && **next <= '9')
		(*next)++;
	return *next > start;
}

/* Take a number by the grammar; returns its length, 0 when it is none. */
static size_t
take_number(Reader *reader, bool *integral)
{
	const uint8_t *next = reader->next;
	const uint8_t *end = reader->end;
	size_t		length;

	*integral = true;

	/* One character more than allowed shows that there are too many. */
	if (end - next > READER_MAX_NUMBER + 1)
		end = next + READER_MAX_NUMBER + 1;

	if (next < end && *next == '-')
		next++;
	if (next < end && *next == '0')
		next++;
	else if (!skip_digits(&next, end))
		return 0;
	if (next < end && *next == '.')
	{
		*integral = false;
		next++;
		if (!skip_digits(&next, end))
			return 0;
	}
	if (next < end && (*next | 0x20) == 'e')
	{
		*integral = false;
		next++;
		if (next < end && (*next == '+' || *next == '-'))
			next++;
		if (!skip_digits(&next, end))
			return 0;
	}
	length = (size_t) (next - reader->next);
	if (length > READER_MAX_NUMBER)
		return 0;
	reader->next = next;
	return length;
}

static void
read_json_float(Reader *reader, float *value)
{
	const uint8_t *start = reader->next;
	char		digits[READER_MAX_NUMBER + 1];
	bool		integral;
	size_t		length;

	if (take_word(reader, "NaN"))
		*value = __builtin_nanf("");
	else if (take_word(reader, "Infinity"))
		*value = __builtin_inff();
	else if (take_word(reader, "-Infinity"))
		*value = -__builtin_inff();
	else if ((length = take_number(reader, &integral)) > 0)
	{
		/* Every program here keeps LC_NUMERIC at "C", as the server does. */
		memcpy(digits, start, length);
		digits[length] = '\0';
		*value = strtof(digits, NULL);
	}
	else
		mlops_reader_fail(reader, FOREST_MALFORMED, "a number is malformed or too long");
}

static void
read_json_int(Reader *reader, int64_t *value)
{
	const uint8_t *next = reader->next;
	bool		negative = *next == '-';
	bool		integral;
	size_t		length = take_number(reader, &integral);
	int64_t		total = 0;

	if (length == 0 || !integral)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "a number is not an integer");
		return;
	}
	for (next += negative; next < reader->next; next++)
	{
		int			digit = *next - '0';

		if (__builtin_mul_overflow(total, (int64_t) 10, &total) ||
			__builtin_sub_overflow(total, (int64_t) digit, &total))
		{
			mlops_reader_fail(reader, FOREST_MALFORMED, "an integer is out of range");
			return;
		}
	}
	if (!negative && __builtin_sub_overflow((int64_t) 0, total, &total))
		mlops_reader_fail(reader, FOREST_MALFORMED, "an integer is out of range");
	*value = total;
}

static void
skip_json_number(Reader *reader)
{
	bool		integral;

	if (!take_word(reader, "NaN") && !take_word(reader, "Infinity") &&
		!take_word(reader, "-Infinity") && take_number(reader, &integral) == 0)
		mlops_reader_fail(reader, FOREST_MALFORMED, "a number is malformed or too long");
}

static void
skip_json_literal(Reader *reader)
{
	if (!take_word(reader, "true") && !take_word(reader, "false") &&
		!take_word(reader, "null"))
		mlops_reader_fail(reader, FOREST_MALFORMED, "no value where one is expected");
}

/* JSON has no arrays of one type; peek_json never says so. */
static void
read_json_numbers(Reader *reader, NumberArray *array)
{
	(void) array;
	mlops_reader_fail(reader, FOREST_MALFORMED, "no value where one is expected");
}

const ReaderMethods mlops_reader_json = {
	.peek = peek_json,
	.enter = enter_json,
	.next = next_json,
	.read_string = read_json_string,
	.read_float = read_json_float,
	.read_int = read_json_int,
	.skip_number = skip_json_number,
	.skip_literal = skip_json_literal,
	.read_numbers = read_json_numbers,
	.finish = skip_space,
};
