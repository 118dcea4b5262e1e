/*-------------------------------------------------------------------------
 *
 * profile_parse.c
 *	  Text -> profile; the opposite of profile_text.c.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "drift/profile_image.h"
#include "drift/profile_text.h"

static bool
fail(TextReader *reader, const char *why)
{
	if (reader->why == NULL)
		reader->why = why;
	return false;
}

static void
skip_space(TextReader *reader)
{
	while (reader->next < reader->end && *reader->next != '\0' && strchr(" \t\r\n", *reader->next) != NULL)
		reader->next++;
}

bool
mlops_text_try(TextReader *reader, const char *literal)
{
	size_t		length = strlen(literal);

	if (reader->why != NULL)
		return false;
	skip_space(reader);
	if ((size_t) (reader->end - reader->next) < length || memcmp(reader->next, literal, length) != 0)
		return false;
	reader->next += length;
	return true;
}

bool
mlops_text_take(TextReader *reader, const char *literal)
{
	return mlops_text_try(reader, literal) || fail(reader, "syntax error");
}

/* What stands before a value: a brace or comma, the key, a colon. */
static bool
take_key(TextReader *reader, const char *before, const char *key)
{
	return mlops_text_take(reader, before) && mlops_text_take(reader, "\"") &&
		(size_t) (reader->end - reader->next) > strlen(key) &&
		memcmp(reader->next, key, strlen(key)) == 0 && reader->next[strlen(key)] == '"' ?
		(reader->next += strlen(key) + 1, mlops_text_take(reader, ":")) :
		fail(reader, "another key, or keys in another order");
}

static bool
take_integer(TextReader *reader, ProfileSum low, ProfileSum high, ProfileSum *value)
{
	bool		negative = mlops_text_try(reader, "-");
	const char *start = reader->next;
	unsigned	__int128 digits = 0;

	if (!negative)
	{
		skip_space(reader);
		start = reader->next;
	}
	for (; reader->next < reader->end && *reader->next >= '0' && *reader->next <= '9'; reader->next++)
	{
		if (reader->next - start >= 38)
			return fail(reader, "integer out of range");
		digits = digits * 10 + (unsigned) (*reader->next - '0');
	}
	if (reader->next == start || (*start == '0' && reader->next > start + 1))
		return fail(reader, "no integer");
	*value = negative ? -(ProfileSum) digits : (ProfileSum) digits;
	return (*value >= low && *value <= high) || fail(reader, "integer out of range");
}

static bool
take_count(TextReader *reader, int64_t *count)
{
	ProfileSum	value;

	if (!take_integer(reader, -PROFILE_MAX_COUNT, PROFILE_MAX_COUNT, &value))
		return false;
	*count = (int64_t) value;
	return true;
}

/* A number, or null for "missing". */
static bool
take_double(TextReader *reader, double missing, double *value)
{
	char text[	40];
	size_t		length = 0;
	char	   *end;

	if (mlops_text_try(reader, "null"))
	{
		*value = missing;
		return true;
	}
	if (reader->why != NULL)
		return false;
	while (reader->next < reader->end && *reader->next != '\0' &&
		   strchr("+-.0123456789eE", *reader->next) != NULL)
	{
		if (length == sizeof(text) - 1)
			return fail(reader, "number too long");
		text[		length++] = *reader->next++;
	}
	text[		length] = '\0';

	*value = strtod(text, &end) + 0.0;
	return (length > 0 && *end == '\0') || fail(reader, "no number");
}

static bool
take_flag(TextReader *reader, const char *before, const char *key, unsigned flag, unsigned *flags)
{
	if (!take_key(reader, before, key))
		return false;
	if (mlops_text_try(reader, "true"))
		*flags |= flag;
	else if (!mlops_text_take(reader, "false"))
		return false;
	return true;
}

/* One ASCII character after \u00. */
static bool
take_escape(TextReader *reader, char *byte)
{
	unsigned	code = 0;

	if (reader->end - reader->next < 4 || memcmp(reader->next, "00", 2) != 0)
		return fail(reader, "only ASCII characters may be escaped");
	for (int i = 2; i < 4; i++)
	{
		char		c = reader->next[i];
		int			digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return fail(reader, "only ASCII characters may be escaped");
		code = code * 16 + (unsigned) digit;
	}
	if (code == 0 || code > 127)
		return fail(reader, "only ASCII characters may be escaped");
	reader->next += 4;
	*byte = (char) code;
	return true;
}

bool
mlops_text_take_label(TextReader *reader, char *buffer, size_t *length)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	size_t		n = 0;

	if (!mlops_text_take(reader, "\""))
		return false;
	for (;;)
	{
		char		byte;

		if (reader->next == reader->end)
			return fail(reader, "a string has no end");
		byte = *reader->next++;
		if (byte == '"')
			break;
		if ((unsigned char) byte < ' ')
			return fail(reader, "a control character in a string");
		if (byte == '\\')
		{
			const char *escape;

			if (reader->next == reader->end)
				return fail(reader, "a string has no end");
			byte = *reader->next++;
			escape = byte == '\0' ? NULL : strchr(escapes, byte);
			if (escape != NULL)
				byte = meant[escape - escapes];
			else if (byte != 'u' || !take_escape(reader, &byte))
				return fail(reader, "no such escape");
		}
		if (n == PROFILE_MAX_LABEL)
			return fail(reader, "a string is too long");
		buffer[n++] = byte;
	}
	*length = n;
	return true;
}

/* The part before the cells; false on error. */
static bool
take_start(TextReader *reader, ProfileKind *kind, unsigned *flags)
{
	ProfileSum	format;

	*flags = 0;
	if (!take_key(reader, "{", "format") ||
		!take_integer(reader, PROFILE_FORMAT, PROFILE_FORMAT, &format))
		return fail(reader, "another format");
	if (!take_key(reader, ",", "kind"))
		return false;
	if (mlops_text_try(reader, "\"numeric\""))
	{
		*kind = PROFILE_NUMERIC;
		return take_flag(reader, ",", "single", PROFILE_SINGLE, flags);
	}
	*kind = PROFILE_CATEGORICAL;
	if (!mlops_text_try(reader, "\"categorical\""))
		return fail(reader, "no such kind");
	return take_flag(reader, ",", "dropped", PROFILE_DROPPED, flags);
}

/* Exponents and mean of a numeric profile, in this order. */
static bool
take_units(TextReader *reader, ProfileSum *unit, ProfileSum *spread, ProfileSum *center)
{
	return take_key(reader, ",", "unit") && take_integer(reader, MIN_UNIT, MAX_UNIT, unit) &&
		take_key(reader, ",", "spread") && take_integer(reader, MIN_SPREAD, MAX_SPREAD, spread) &&
		take_key(reader, ",", "center") && take_integer(reader, -MAX_CENTER, MAX_CENTER, center);
}

/* The next element of an array that has been opened; "n" counts them. */
static bool
take_element(TextReader *reader, int limit, int *n)
{
	if (mlops_text_try(reader, "]") || reader->why != NULL)
		return false;
	if (*n > 0 && !mlops_text_take(reader, ","))
		return false;
	if (*n == limit)
		return fail(reader, "too many cells");
	(*n)++;
	return true;
}

bool
mlops_text_look(TextReader *start, ProfileShape *shape)
{
	TextReader	reader = *start;
	unsigned	flags;
	ProfileSum	ignored;
	double		edge;
	char		label[PROFILE_MAX_LABEL];
	size_t		length;

	memset(shape, 0, sizeof(*shape));
	if (take_start(&reader, &shape->kind, &flags))
	{
		if (shape->kind == PROFILE_NUMERIC)
		{
			if (take_units(&reader, &ignored, &ignored, &ignored) &&
				take_key(&reader, ",", "edges") && mlops_text_take(&reader, "["))
				while (take_element(&reader, MAX_VALUE_CELLS - 1, &shape->n_value) &&
					   take_double(&reader, 0, &edge))
					;
			shape->n_value++;
		}
		else if (take_key(&reader, ",", "labels") && mlops_text_take(&reader, "["))
			while (take_element(&reader, PROFILE_MAX_CELLS, &shape->n_value) &&
				   mlops_text_take_label(&reader, label, &length))
				shape->label_bytes += length;
	}
	if (reader.why != NULL)
	{
		*start = reader;
		return false;
	}
	shape->size = profile_layout(shape->kind, shape->n_value, shape->label_bytes);
	return true;
}

/* As many integers as there are value cells: counts or sums. */
static bool
take_counts(TextReader *reader, const Profile *profile)
{
	int			n = 0;

	if (!take_key(reader, ",", "counts") || !mlops_text_take(reader, "["))
		return false;
	while (take_element(reader, profile->n_value, &n))
		if (!take_count(reader, &profile_counts(profile)[n - 1]))
			return false;
	return reader->why == NULL && (n == profile->n_value || fail(reader, "too few counts"));
}

static bool
take_sums(TextReader *reader, const Profile *profile)
{
	ProfileSum	sum;
	int			n = 0;

	if (!take_key(reader, ",", "sums") || !mlops_text_take(reader, "["))
		return false;
	while (take_element(reader, profile->n_value, &n))
	{
		if (!take_integer(reader, -MAX_SUM, MAX_SUM, &sum))
			return false;
		profile_add_sum(&profile_sums(profile)[n - 1], sum);
	}
	return reader->why == NULL && (n == profile->n_value || fail(reader, "too few sums"));
}

static bool
take_special(TextReader *reader, const Profile *profile, const char *key, ProfileSpecial special)
{
	return take_key(reader, ",", key) &&
		take_count(reader, &profile_counts(profile)[profile->n_value + special]);
}

static bool
take_numeric(TextReader *reader, Profile *profile, ProfileSum unit, ProfileSum spread,
			 ProfileSum center)
{
	ProfileSum	second;
	int			n = 0;

	profile->unit = (int16_t) unit;
	profile->spread = (int16_t) spread;
	profile->center = (int64_t) center;
	if (!take_key(reader, ",", "edges") || !mlops_text_take(reader, "["))
		return false;
	while (take_element(reader, profile->n_value - 1, &n))
		if (!take_double(reader, -INFINITY, &profile_edges(profile)[n - 1]))
			return false;
	if (!take_counts(reader, profile) || !take_sums(reader, profile) ||
		!take_special(reader, profile, "null", PROFILE_NULL) ||
		!take_special(reader, profile, "nan", PROFILE_NAN) ||
		!take_special(reader, profile, "inf", PROFILE_PLUS_INF) ||
		!take_special(reader, profile, "-inf", PROFILE_MINUS_INF) ||
		!take_key(reader, ",", "second") || !take_integer(reader, -MAX_SUM, MAX_SUM, &second))
		return false;
	profile_add_sum(&profile->second, second);
	return take_key(reader, ",", "min") && take_double(reader, INFINITY, &profile->minimum) &&
		take_key(reader, ",", "max") && take_double(reader, -INFINITY, &profile->maximum);
}

/* Move the i-th label among those before it, which are in order. */
static void
place_label(Profile *profile, int i)
{
	uint32_t   *offsets = profile_offsets(profile);
	char	   *labels = (char *) profile_labels(profile);
	int64_t    *counts = profile_counts(profile);
	char		label[PROFILE_MAX_LABEL];
	uint32_t	length = offsets[i + 1] - offsets[i];
	int64_t		count = counts[i];
	int			j = i;

	while (j > 0 && mlops_profile_compare_labels(labels + offsets[j - 1], offsets[j] - offsets[j - 1],
												 labels + offsets[i], length) > 0)
		j--;
	if (j == i)
		return;
	memcpy(label, labels + offsets[i], length);
	memmove(labels + offsets[j] + length, labels + offsets[j], offsets[i] - offsets[j]);
	memcpy(labels + offsets[j], label, length);
	memmove(&counts[j + 1], &counts[j], sizeof(int64_t) * (i - j));
	counts[j] = count;
	for (int k = i; k > j; k--)
		offsets[k] = offsets[k - 1] + length;
}

static bool
take_categorical(TextReader *reader, Profile *profile)
{
	char		label[PROFILE_MAX_LABEL];
	size_t		length;
	int			n = 0;

	if (!take_key(reader, ",", "labels") || !mlops_text_take(reader, "["))
		return false;
	while (take_element(reader, profile->n_value, &n))
	{
		if (!mlops_text_take_label(reader, label, &length))
			return false;
		mlops_profile_put_label(profile, n - 1, label, length);
	}
	if (!take_counts(reader, profile))
		return false;
	for (int i = 1; i < profile->n_value; i++)
		place_label(profile, i);
	return take_special(reader, profile, "other", PROFILE_OTHER) &&
		take_special(reader, profile, "unseen", PROFILE_UNSEEN) &&
		take_special(reader, profile, "null", PROFILE_NULL);
}

bool
mlops_text_take_profile(TextReader *reader, const ProfileShape *shape, void *memory)
{
	Profile    *profile = memory;
	ProfileKind kind;
	unsigned	flags;
	ProfileSum	unit = 0;
	ProfileSum	spread = 0;
	ProfileSum	center = 0;
	const char *why;

	if (!take_start(reader, &kind, &flags) ||
		(kind == PROFILE_NUMERIC && !take_units(reader, &unit, &spread, &center)))
		return false;
	mlops_profile_start(profile, kind, shape->n_value, shape->label_bytes, flags);
	if (kind == PROFILE_NUMERIC ? !take_numeric(reader, profile, unit, spread, center) :
		!take_categorical(reader, profile))
		return false;
	if (!mlops_text_take(reader, "}"))
		return false;
	mlops_profile_seal(profile);
	return mlops_profile_check(profile, shape->size, &why) || fail(reader, why);
}

size_t
mlops_profile_parse(const char **text, const char *end, void *memory, const char **why)
{
	TextReader	reader = {*text, end, NULL};
	ProfileShape shape;

	if (!mlops_text_look(&reader, &shape) ||
		(memory != NULL && !mlops_text_take_profile(&reader, &shape, memory)))
		shape.size = 0;
	*why = reader.why;
	*text = reader.next;
	return shape.size;
}
