/*-------------------------------------------------------------------------
 *
 * profile_text.h
 *	  Steps of writing and reading profiles as JSON, for profile*.c only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_TEXT_H
#define MLOPS_PROFILE_TEXT_H

#include "drift/profile.h"

/* Counts what does not fit. */
typedef struct TextWriter
{
	char	   *text;
	size_t		capacity;
	size_t		length;
} TextWriter;

/* Stops at the first error, which "why" names. */
typedef struct TextReader
{
	const char *next;
	const char *end;
	const char *why;			/* NULL: no error yet */
} TextReader;

extern void mlops_text_put(TextWriter *writer, const char *string);
extern void mlops_text_put_label(TextWriter *writer, const char *label, size_t length);
extern void mlops_text_put_profile(TextWriter *writer, const Profile *profile);

/* Take a literal, white space before it skipped. */
extern bool mlops_text_take(TextReader *reader, const char *literal);

/* The same, but it may be missing: no error then. */
extern bool mlops_text_try(TextReader *reader, const char *literal);

/* Take a string of at most PROFILE_MAX_LABEL bytes into "buffer". */
extern bool mlops_text_take_label(TextReader *reader, char *buffer, size_t *length);

typedef struct ProfileShape
{
	ProfileKind kind;
	int			n_value;
	size_t		label_bytes;
	size_t		size;
} ProfileShape;

/* What the profile that starts here needs; the reader stays where it is unless there is an
 * error. */
extern bool mlops_text_look(TextReader *reader, ProfileShape *shape);

/* Take it into memory of that size. */
extern bool mlops_text_take_profile(TextReader *reader, const ProfileShape *shape, void *memory);

#endif							/* MLOPS_PROFILE_TEXT_H */
