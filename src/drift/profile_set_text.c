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
mlops_profile_set_print(const ProfileSet *set, char *text, size_t capacity)
{
	TextWriter	writer = {.text = text,
/**INDENT** Error@15: Statement nesting error */
		.capacity = capacity};

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
		int			depth = 0;

		do
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
		} while		(depth > 0);
					return true;
	}

/* Size of the set; 0 on error. */
	static size_t
				measure_text(TextReader reader, int *n, const char **why)
	{
		char		name[PROFILE_MAX_LABEL];
		size_t		length;
		size_t		size = 0;
		ProfileShape shape;

				   *n = 0;
		if			(mlops_text_take(&reader, "{"))
			while		(take_name(&reader, *n, name, &length))
			{
				if (*n == PROFILE_SET_MAX)
				{
					*why = "too many entries";
					return 0;
				}
				if (!mlops_text_look(&reader, &shape, why))
					return 0;
				size += mlops_profile_set_entry_size(length, shape.size);
				(*n)++;
				if (!mlops_text_take(&reader, "{"))
					break;
				reader.next--;
				if (!skip_profile(&reader))
					break;
			}
				   *why = reader.why;
					return reader.why != NULL ? 0 : mlops_profile_set_start_size(*n) + size;
	}

	size_t
				mlops_profile_set_parse(const char **text, const char *end, void *memory, const char **why)
	{
		TextReader	reader = {.next = *text,.end = end};
		char		name[PROFILE_MAX_LABEL];
		size_t		length;
		ProfileSet *set;
		ProfileShape shape;
		int			n;
		int			i = 0;
		size_t		size = measure_text(reader, &n, why);

		if			(size == 0 || memory == NULL)
			return size;
					set = mlops_profile_set_start(memory, n);
		if			(mlops_text_take(&reader, "{"))
			for			(i = 0; i < n && take_name(&reader, i, name, &length); i++)
				if			(!mlops_text_look(&reader, &shape, why) ||
							 !mlops_text_take_profile(&reader, &shape,
													  mlops_profile_set_put(set, i, name, length, shape.size)))
								break;
		if			(reader.why == NULL && i == n && mlops_text_take(&reader, "}"))
			mlops_profile_set_seal(set);
		if			(reader.why == NULL && i == n && mlops_profile_set_check(set, size, why))
		{
			*text = reader.next;
			return size;
		}
		if			(reader.why != NULL)
					   *why = reader.why;
				   *text = reader.next;
					return 0;
	}
/**INDENT** Error@133: Stuff missing from end of file */
