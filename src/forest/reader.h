/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Pull reader of JSON and UBJSON documents from untrusted bytes.
 *
 * One pass, no recursion, no tree in memory: the caller enters containers and
 * either reads or skips every value.  The first error sticks: every later call
 * does nothing and returns false, so that a caller checks once, at the end of
 * a container.  After mlops_reader_next_member or mlops_reader_next_element
 * returned true, exactly one value has to be read, entered or skipped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_READER_H
#define MLOPS_FOREST_READER_H

#include "forest/buffer.h"
#include "forest/forest.h"

#define READER_MAX_DEPTH	64	/* nesting of containers */
#define READER_MAX_NUMBER	64	/* characters of a JSON number */

typedef enum ReaderKind
{
	READER_NOTHING,				/* an error, or the end of the bytes */
	READER_OBJECT,
	READER_ARRAY,
	READER_NUMBERS,				/* an array of numbers of one type (UBJSON) */
	READER_STRING,
	READER_NUMBER,
	READER_LITERAL				/* true, false, null */
} ReaderKind;

/* Text in place, not terminated. */
typedef struct ReaderText
{
	const char *data;
	size_t		length;
	bool		escaped;		/* holds JSON escapes not yet decoded */
} ReaderText;

/* UBJSON's letters for the types of numbers, used for our own arrays too. */
typedef enum NumberType
{
	NUMBER_INT8 = 'i',
	NUMBER_UINT8 = 'U',
	NUMBER_CHAR = 'C',
	NUMBER_INT16 = 'I',
	NUMBER_UINT16 = 'u',
	NUMBER_INT32 = 'l',
	NUMBER_UINT32 = 'm',
	NUMBER_INT64 = 'L',
	NUMBER_UINT64 = 'M',
	NUMBER_FLOAT = 'd',
	NUMBER_DOUBLE = 'D',
	NUMBER_NATIVE_INT32 = 1,	/* in a buffer of ours */
	NUMBER_NATIVE_FLOAT = 2
} NumberType;

/* An array of numbers, in place or in a buffer. */
typedef struct NumberArray
{
	const uint8_t *bytes;
	uint64_t	count;
	NumberType	type;
} NumberArray;

typedef struct ReaderLevel
{
	bool		is_object;
	bool		counted;		/* UBJSON: "left" elements are to come */
	bool		started;		/* a member or element was already met */
	uint64_t	left;
} ReaderLevel;

typedef struct Reader Reader;

/* What differs between the formats; see reader.c for the contracts. */
typedef struct ReaderMethods
{
	ReaderKind	(*peek) (Reader *reader);
	void		(*enter) (Reader *reader);
	bool		(*next) (Reader *reader, ReaderText *key);
	void		(*read_string) (Reader *reader, ReaderText *string);
	void		(*read_float) (Reader *reader, float *value);
	void		(*read_int) (Reader *reader, int64_t *value);
	void		(*skip_number) (Reader *reader);
	void		(*skip_literal) (Reader *reader);
	void		(*read_numbers) (Reader *reader, NumberArray *array);
	void		(*finish) (Reader *reader);
} ReaderMethods;

struct Reader
{
	const uint8_t *next;		/* first byte not yet read */
	const uint8_t *end;
	const ReaderMethods *methods;
	const ForestLimits *limits;
	ForestError *error;
	ForestStatus status;
	uint32_t	ticks;			/* calls since the start, to poll now and then */
	int			depth;			/* open containers */
	ReaderLevel levels[READER_MAX_DEPTH];
};

extern const ReaderMethods mlops_reader_json;
extern const ReaderMethods mlops_reader_ubj;

extern void mlops_reader_init(Reader *reader, const ReaderMethods *methods,
							  const void *bytes, size_t size,
							  const ForestLimits *limits, ForestError *error);
extern void mlops_reader_fail(Reader *reader, ForestStatus status, const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern bool mlops_reader_poll(Reader *reader);
extern ReaderLevel *mlops_reader_push(Reader *reader, bool is_object);

extern bool mlops_reader_enter_object(Reader *reader);
extern bool mlops_reader_enter_array(Reader *reader);
extern bool mlops_reader_next_member(Reader *reader, ReaderText *key);
extern bool mlops_reader_next_element(Reader *reader);
extern bool mlops_reader_read_string(Reader *reader, ReaderText *string);
extern bool mlops_reader_read_int(Reader *reader, int64_t *value);
extern bool mlops_reader_read_floats(Reader *reader, Buffer *scratch, NumberArray *array);
extern bool mlops_reader_read_ints(Reader *reader, Buffer *scratch, NumberArray *array);
extern void mlops_reader_skip(Reader *reader);
extern bool mlops_reader_finish(Reader *reader);

extern bool mlops_text_append(Reader *reader, const ReaderText *string, Buffer *buffer);
extern bool mlops_text_equals(const ReaderText *string, const char *word);
extern bool mlops_text_to_uint(const ReaderText *string, uint64_t *value);

extern size_t mlops_number_size(NumberType type);
extern bool mlops_number_is_integer(NumberType type);
extern float mlops_number_float(const NumberArray *array, uint64_t index);
extern bool mlops_number_int(const NumberArray *array, uint64_t index, int64_t *value);

#endif							/* MLOPS_FOREST_READER_H */
