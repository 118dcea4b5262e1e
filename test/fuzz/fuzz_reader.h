/*-------------------------------------------------------------------------
 *
 * fuzz_reader.h
 *	  Read a document with the methods of one format, in every way there is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FUZZ_READER_H
#define MLOPS_FUZZ_READER_H

#include <stdlib.h>

#include "forest/model_document.h"

#define FUZZ_REQUIRE(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

static const ForestLimits fuzz_limits = {
	.max_image = 1 << 20,.max_features = 1000,.max_outputs = 100
};

/* Look at every number of an array, where it lies. */
static inline void
fuzz_numbers(const NumberArray *array, bool floats)
{
	for (uint64_t i = 0; i < array->count; i++)
	{
		int64_t		value;

		if (floats)
			(void) mlops_number_float(array, i);
		else
			(void) mlops_number_int(array, i, &value);
	}
}

/* Do with the value ahead what "choice" says, mostly something that its kind allows. */
static inline void
fuzz_value(Reader *reader, uint32_t choice, Buffer *scratch)
{
	ReaderKind	kind = reader->methods->peek(reader);
	ReaderText text;
	NumberArray array;
	int64_t		number;
	uint64_t	count;

	if (choice % 64 == 0)
		kind = choice / 64 % (READER_LITERAL + 1);
	else if (choice % 4 == 0)
		kind = READER_NOTHING;
	scratch->used = 0;
	switch (kind)
	{
		case READER_OBJECT:
			mlops_reader_enter_object(reader);
			break;
		case READER_ARRAY:
		case READER_NUMBERS:
			if (choice % 8 == 1 && mlops_reader_read_floats(reader, scratch, &array))
				fuzz_numbers(&array, true);
			else if (choice % 8 == 2 && mlops_reader_read_ints(reader, scratch, &array))
				fuzz_numbers(&array, false);
			else if (choice % 8 > 2)
				mlops_reader_enter_array(reader);
			break;
		case READER_STRING:
			if (mlops_reader_read_string(reader, &text))
			{
				(void) mlops_text_to_uint(&text, &count);
				(void) mlops_text_append(reader, &text, scratch);
			}
			break;
		case READER_NUMBER:
			mlops_reader_read_int(reader, &number);
			break;
		case READER_LITERAL:
		case READER_NOTHING:
			mlops_reader_skip(reader);
			break;
	}
}

/* Walk through a document; what is done with a value follows from the bytes so far. */
static inline ForestStatus
fuzz_walk(Reader *reader)
{
	Buffer		scratch = {0};
	ReaderText	key;
	uint32_t	choice = 1;

	mlops_reader_enter_object(reader);
	while (reader->status == FOREST_OK && reader->depth > 0)
	{
		bool		is_object = reader->levels[reader->depth - 1].is_object;

		if (is_object ? !mlops_reader_next_member(reader, &key) : !mlops_reader_next_element(reader))
			continue;
		choice = choice * 1664525 + 1013904223 + (reader->next < reader->end ? *reader->next : 0);
		if (is_object && choice >> 28 == 0)
			(void) mlops_text_append(reader, &key, &scratch);
		fuzz_value(reader, choice >> 16, &scratch);
	}
	mlops_buffer_free(&scratch);
	mlops_reader_finish(reader);
	return reader->status;
}

static inline void
fuzz_check(const Reader *reader)
{
	FUZZ_REQUIRE(reader->next <= reader->end);
	FUZZ_REQUIRE(reader->status != FOREST_OK || (reader->next == reader->end && reader->depth == 0));
	FUZZ_REQUIRE((reader->status == FOREST_OK) == (reader->error->message[0] == '\0'));
}

/*
 * Walk, skip, and read as a model.  What can be walked or read can be skipped.
 */
static inline void
fuzz_reader(const ReaderMethods *methods, const uint8_t *data, size_t size)
{
	Reader		reader;
	ForestError error[3] = {{""}, {""}, {""}};
	ModelDocument document = {0};
	bool		accepted;

	mlops_reader_init(&reader, methods, data, size, &fuzz_limits, &error[0]);
	accepted = fuzz_walk(&reader) == FOREST_OK;
	fuzz_check(&reader);

	mlops_reader_init(&reader, methods, data, size, &fuzz_limits, &error[1]);
	accepted |= mlops_document_read(&reader, &document);
	fuzz_check(&reader);
	mlops_document_free(&document);

	mlops_reader_init(&reader, methods, data, size, &fuzz_limits, &error[2]);
	mlops_reader_skip(&reader);
	mlops_reader_finish(&reader);
	fuzz_check(&reader);
	FUZZ_REQUIRE(!accepted || reader.status == FOREST_OK);
}

#endif							/* MLOPS_FUZZ_READER_H */
