/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Strings of a document: compare, read a number, decode and copy.
 *
 * reader.c -> text in place -> model_document.c.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/reader.h"

/* Compare with a known word; a string written with escapes is no known word. */
bool
mlops_text_equals(const ReaderText *string, const char *word)
{
	return !string->escaped && strlen(word) == string->length &&
		memcmp(string->data, word, string->length) == 0;
}

/* Read a decimal number without a sign, as XGBoost writes its parameters. */
bool
mlops_text_to_uint(const ReaderText *string, uint64_t *value)
{
	*value = 0;
	if (string->length == 0 || string->length > 18)
		return false;
	for (size_t i = 0; i < string->length; i++)
	{
		if (string->data[i] < '0' || string->data[i] > '9')
			return false;
		*value = *value * 10 + (uint64_t) (string->data[i] - '0');
	}
	return true;
}

/* Four hexadecimal digits, or UINT32_MAX. */
static uint32_t
read_hex4(const char *digits, const char *end)
{
	uint32_t	value = 0;

	if (end - digits < 4)
		return UINT32_MAX;
	for (int i = 0; i < 4; i++)
	{
		char		c = digits[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t) (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t) ((c | 0x20) - 'a' + 10);
		else
			return UINT32_MAX;
	}
	return value;
}

/* Encode a code point as UTF-8; returns the number of bytes. */
static size_t
encode_utf8(uint32_t code, char *out)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xc0 | code >> 6);
		out[1] = (char) (0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (char) (0xe0 | code >> 12);
		out[1] = (char) (0x80 | (code >> 6 & 0x3f));
		out[2] = (char) (0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char) (0xf0 | code >> 18);
	out[1] = (char) (0x80 | (code >> 12 & 0x3f));
	out[2] = (char) (0x80 | (code >> 6 & 0x3f));
	out[3] = (char) (0x80 | (code & 0x3f));
	return 4;
}

/*
 * Decode the escape at *next, just behind its backslash; returns the number of
 * bytes written to "out", 0 when it is none.
 */
static size_t
decode_escape(const char **next, const char *end, char *out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	uint32_t	code;
	uint32_t	low;

	if (*next == end)
		return 0;
	if (**next != 'u')
	{
		name = memchr(names, **next, sizeof(names) - 1);
		if (name == NULL)
			return 0;
		out[0] = values[name - names];
		*next += 1;
		return 1;
	}
	code = read_hex4(*next + 1, end);
	if (code == UINT32_MAX || (code >= 0xdc00 && code <= 0xdfff))
		return 0;
	*next += 5;
	if (code >= 0xd800 && code <= 0xdbff)
	{
		if (end - *next < 6 || (*next)[0] != '\\' || (*next)[1] != 'u')
			return 0;
		low = read_hex4(*next + 2, end);
		if (low < 0xdc00 || low > 0xdfff)
			return 0;
		*next += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	return encode_utf8(code, out);
}

/* Whether the bytes are UTF-8 without a NUL. */
static bool
is_valid_utf8(const unsigned char *bytes, size_t size)
{
	static const uint32_t smallest[] = {0x1, 0x80, 0x800, 0x10000};

	for (size_t i = 0; i < size;)
	{
		unsigned char first = bytes[i++];
		int			follow;
		uint32_t	code;

		follow = first < 0x80 ? 0 : first < 0xc0 ? -1 : first < 0xe0 ? 1 :
			first < 0xf0 ? 2 : first < 0xf8 ? 3 : -1;
		if (follow < 0 || size - i < (size_t) follow)
			return false;
		code = follow == 0 ? first : (uint32_t) first & (0x3fu >> follow);
		for (int k = 0; k < follow; k++, i++)
		{
			if ((bytes[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (bytes[i] & 0x3f);
		}
		if (code < smallest[follow] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}

/* Append the decoded text and a NUL; it must be UTF-8 without a NUL. */
bool
mlops_text_append(Reader *reader, const ReaderText *string, Buffer *buffer)
{
	const char *next = string->data;
	const char *end = next + string->length;
	size_t		start = buffer->used;
	char	   *out = mlops_buffer_extend(buffer, string->length + 1);
	size_t		length = 0;

	if (out == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return false;
	}
	while (next < end)
	{
		size_t		decoded;

		if (!string->escaped || *next != '\\')
		{
			out[length++] = *next++;
			continue;
		}
		/* An escape is never shorter than what it stands for. */
		next++;
		decoded = decode_escape(&next, end, out + length);
		if (decoded == 0)
		{
			mlops_reader_fail(reader, FOREST_MALFORMED, "a string has an invalid escape");
			return false;
		}
		length += decoded;
	}
	if (!is_valid_utf8((const unsigned char *) out, length))
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "a string is not valid UTF-8");
		return false;
	}
	out[length] = '\0';
	buffer->used = start + length + 1;
	return true;
}
