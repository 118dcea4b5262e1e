/*-------------------------------------------------------------------------
 *
 * profile_set_text.c
 *	  Named profiles <-> text: one JSON object, name to profile.
 *
 *-------------------------------------------------------------------------
 */
#include "drift/profile_set.h"
#include "drift/profile_text.h"

size_t
mlops_profile_set_print(const ProfileSet *set, char *buffer, size_t capacity)
{
	TextWriter	writer = {buffer, capacity, 0};

	mlops_text_put(&writer, "{");
	for (int i = 0; i < mlops_profile_set_count(set); i++)
	{
		size_t		length;
		const char *name = mlops_profile_set_name(set, i, &length);

		mlops_text_put(&writer, i == 0 ? "" : ",\n ");
		mlops_text_put_label(&writer, name, length);
		mlops_text_put(&writer, ": ");
		mlops_text_put_profile(&writer, mlops_profile_set_get(set, i));
	}
	mlops_text_put(&writer, "}");
	return writer.length;
}

/* Take the next entry's name; false at the end and on error. */
static bool
take_name(TextReader *reader, int i, char *name, size_t *length)
{
	if (mlops_text_try(reader, "}"))
		return false;
	return (i == 0 || mlops_text_take(reader, ",")) && mlops_text_take_label(reader, name, length) &&
		mlops_text_take(reader, ":");
}

/* Move beyond an object by its brackets: a profile is read into memory only. */
static bool
skip_profile(TextReader *reader)
{
	char		label[PROFILE_MAX_LABEL];
	size_t		length;
	int			depth = 1;

	if (!mlops_text_take(reader, "{"))
		return false;
	while (depth > 0)
	{
		if (reader->next == reader->end)
			return mlops_text_take(reader, "}");
		if (*reader->next == '"')
		{
			if (!mlops_text_take_label(reader, label, &length))
				return false;
			continue;
		}
		if (*reader->next == '{')
			depth++;
		else if (*reader->next == '}')
			depth--;
		reader->next++;
	}
	return true;
}

/* Size of the set and number of its entries; 0 on error.  The reader stays where it is
 * unless there is an error. */
static size_t
measure_text(TextReader *start, int *n)
{
	TextReader	reader = *start;
	char		name[PROFILE_MAX_LABEL];
	size_t		length;
	size_t		size = 0;
	ProfileShape shape;

	*n = 0;
	if (mlops_text_take(&reader, "{"))
		while (take_name(&reader, *n, name, &length))
		{
			if (*n == PROFILE_SET_MAX)
				reader.why = "too many entries";
			if (reader.why != NULL || !mlops_text_look(&reader, &shape) || !skip_profile(&reader))
				break;
			size += mlops_profile_set_entry_size(length, shape.size);
			(*n)++;
		}
	if (reader.why == NULL)
		return mlops_profile_set_start_size(*n) + size;
	*start = reader;
	return 0;
}

/* Take as many entries as were counted. */
static bool
take_entries(TextReader *reader, ProfileSet *set, int n)
{
	char		name[PROFILE_MAX_LABEL];
	size_t		length;
	ProfileShape shape;

	if (!mlops_text_take(reader, "{"))
		return false;
	for (int i = 0; i < n; i++)
		if (!take_name(reader, i, name, &length) || !mlops_text_look(reader, &shape) ||
			!mlops_text_take_profile(reader, &shape,
									 mlops_profile_set_put(set, i, name, length, shape.size)))
			return false;
	return mlops_text_take(reader, "}");
}

size_t
mlops_profile_set_parse(const char **text, const char *end, void *memory, const char **why)
{
	TextReader	reader = {*text, end, NULL};
	int			n;
	size_t		size = measure_text(&reader, &n);
	ProfileSet *set = memory;

	if (size > 0 && set != NULL)
	{
		mlops_profile_set_start(set, n);
		if (take_entries(&reader, set, n))
		{
			mlops_profile_set_seal(set);
			if (mlops_profile_set_check(set, size, &reader.why))
				reader.why = NULL;
		}
		if (reader.why != NULL)
			size = 0;
	}
	*why = reader.why;
	*text = reader.next;
	return size;
}
