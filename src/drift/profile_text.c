/*-------------------------------------------------------------------------
 *
 * profile_text.c
 *	  A profile <-> text: one JSON object with a fixed order of keys.
 *
 * Exact: integers are written whole, other numbers with as many digits as bring
 * the same float64 back.  Reading takes nothing for granted; labels need not be
 * in order, because another encoding may sort them otherwise.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "drift/profile_image.h"
#include "drift/profile_text.h"

static void
put_bytes(TextWriter *writer, const char *bytes, size_t size)
{
	if (writer->length + size <= writer->capacity)
		memcpy(writer->text +writer->length, bytes, size);
	writer->length += size;
}

static void
put_string(TextWriter *writer, const char *string)
{
	put_bytes(writer, string, strlen(string));
}

static void
put_integer(TextWriter *writer, ProfileSum value)
{
	char		digits[48];
	char	   *next = digits + sizeof(digits);
	unsigned	__int128 rest = value < 0 ? -(unsigned __int128) value : (unsigned __int128) value;

	do
		*--next = (char) ('0' + (int) (rest % 10));
	while ((rest /= 10) > 0);
	if (value < 0)
		*--next = '-';
	put_bytes(writer, next, digits + sizeof(digits) - next);
}

/* The fewest digits that bring the same number back; what JSON has no number for is null. */
static void
put_double(TextWriter *writer, double value)
{
	char text[	32];

	if (!isfinite(value))
	{
		put_string(writer, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++)
	{
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	put_string(writer, text);
}

void
mlops_text_put_label(TextWriter *writer, const char *label, size_t length)
{
	char		escape[8];

	put_string(writer, "\"");
	for (size_t i = 0; i < length; i++)
	{
		if (label[i] == '"' || label[i] == '\\')
			put_string(writer, "\\");
		if ((unsigned char) label[i] >= ' ')
			put_bytes(writer, &label[i], 1);
		else
		{
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char) label[i]);
			put_string(writer, escape);
		}
	}
	put_string(writer, "\"");
}

void
mlops_text_put(TextWriter *writer, const char *string)
{
	put_string(writer, string);
}

static void
put_counts(TextWriter *writer, const Profile *profile)
{
	put_string(writer, ", \"counts\": [");
	for (int i = 0; i < profile->n_value; i++)
	{
		put_string(writer, i == 0 ? "" : ", ");
		put_integer(writer, profile_counts(profile)[i]);
	}
	put_string(writer, "]");
}

static void
put_special(TextWriter *writer, const Profile *profile, const char *name, ProfileSpecial special)
{
	put_string(writer, ", \"");
	put_string(writer, name);
	put_string(writer, "\": ");
	put_integer(writer, profile_counts(profile)[profile->n_value + special]);
}

static void
put_numeric(TextWriter *writer, const Profile *profile)
{
	put_string(writer, "\"numeric\", \"single\": ");
	put_string(writer, profile->flags & PROFILE_SINGLE ? "true" : "false");
	put_string(writer, ", \"unit\": ");
	put_integer(writer, profile->unit);
	put_string(writer, ", \"spread\": ");
	put_integer(writer, profile->spread);
	put_string(writer, ", \"center\": ");
	put_integer(writer, profile->center);
	put_string(writer, ", \"edges\": [");
	for (int i = 0; i < profile->n_value - 1; i++)
	{
		put_string(writer, i == 0 ? "" : ", ");
		put_double(writer, profile_edges(profile)[i]);
	}
	put_string(writer, "]");
	put_counts(writer, profile);
	put_string(writer, ", \"sums\": [");
	for (int i = 0; i < profile->n_value; i++)
	{
		put_string(writer, i == 0 ? "" : ", ");
		put_integer(writer, profile_load(&profile_sums(profile)[i]));
	}
	put_string(writer, "]");
	put_special(writer, profile, "null", PROFILE_NULL);
	put_special(writer, profile, "nan", PROFILE_NAN);
	put_special(writer, profile, "inf", PROFILE_PLUS_INF);
	put_special(writer, profile, "-inf", PROFILE_MINUS_INF);
	put_string(writer, ", \"second\": ");
	put_integer(writer, profile_load(&profile->second));
	put_string(writer, ", \"min\": ");
	put_double(writer, profile->minimum);
	put_string(writer, ", \"max\": ");
	put_double(writer, profile->maximum);
}

static void
put_categorical(TextWriter *writer, const Profile *profile)
{
	size_t		length;

	put_string(writer, "\"categorical\", \"dropped\": ");
	put_string(writer, profile->flags & PROFILE_DROPPED ? "true" : "false");
	put_string(writer, ", \"labels\": [");
	for (int i = 0; i < profile->n_value; i++)
	{
		const char *label = mlops_profile_label(profile, i, &length);

		put_string(writer, i == 0 ? "" : ", ");
		mlops_text_put_label(writer, label, length);
	}
	put_string(writer, "]");
	put_counts(writer, profile);
	put_special(writer, profile, "other", PROFILE_OTHER);
	put_special(writer, profile, "unseen", PROFILE_UNSEEN);
	put_special(writer, profile, "null", PROFILE_NULL);
}

void
mlops_text_put_profile(TextWriter *writer, const Profile *profile)
{
	put_string(writer, "{\"format\": ");
	put_integer(writer, PROFILE_FORMAT);
	put_string(writer, ", \"kind\": ");
	if (profile->kind == PROFILE_NUMERIC)
		put_numeric(writer, profile);
	else
		put_categorical(writer, profile);
	put_string(writer, "}");
}

size_t
mlops_profile_print(const Profile *profile, char *buffer, size_t capacity)
{
	TextWriter	writer = {buffer, capacity, 0};

	mlops_text_put_profile(&writer, profile);
	return writer.length;
}
