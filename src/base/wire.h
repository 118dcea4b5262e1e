/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Bounds-checked writer and reader for our own byte formats.
 *
 * Pure C, for the library, the trainer and the fuzzers alike.  Integers are
 * little-endian.  A reader never reads beyond its end: the first short or
 * oversized field sets "failed", and every later read returns zero.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WIRE_H
#define MLOPS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct WireReader
{
	const uint8_t *next;		/* first byte not yet read */
	const uint8_t *end;
	bool		failed;			/* a read went beyond the end */
} WireReader;

/* The buffer belongs to the caller; a write beyond it sets "failed". */
typedef struct WireWriter
{
	uint8_t    *next;
	uint8_t    *end;
	bool		failed;
} WireWriter;

static inline void
mlops_wire_read_init(WireReader *reader, const void *bytes, size_t size)
{
	reader->next = bytes;
	reader->end = reader->next + size;
	reader->failed = false;
}

/* Return the next "size" bytes in place, or NULL. */
static inline const uint8_t *
mlops_wire_read_bytes(WireReader *reader, size_t size)
{
	const uint8_t *bytes = reader->next;

	if (reader->failed || size > (size_t) (reader->end - reader->next))
	{
		reader->failed = true;
		return NULL;
	}
	reader->next += size;
	return bytes;
}

static inline uint32_t
mlops_wire_read_u32(WireReader *reader)
{
	const uint8_t *bytes = mlops_wire_read_bytes(reader, 4);

	return bytes ? (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 |
		(uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24 : 0;
}

static inline uint64_t
mlops_wire_read_u64(WireReader *reader)
{
	uint64_t	low = mlops_wire_read_u32(reader);

	return low | (uint64_t) mlops_wire_read_u32(reader) << 32;
}

/* Read a length-prefixed string of at most "max" bytes; not terminated. */
static inline const char *
mlops_wire_read_string(WireReader *reader, size_t max, size_t *length)
{
	*length = mlops_wire_read_u32(reader);
	if (*length > max)
		reader->failed = true;
	if (reader->failed)
		*length = 0;
	return (const char *) mlops_wire_read_bytes(reader, *length);
}

static inline void
mlops_wire_write_init(WireWriter *writer, void *buffer, size_t size)
{
	writer->next = buffer;
	writer->end = writer->next + size;
	writer->failed = false;
}

static inline void
mlops_wire_write_bytes(WireWriter *writer, const void *bytes, size_t size)
{
	if (writer->failed || size > (size_t) (writer->end - writer->next))
	{
		writer->failed = true;
		return;
	}
	if (size > 0)
		memcpy(writer->next, bytes, size);
	writer->next += size;
}

static inline void
mlops_wire_write_u32(WireWriter *writer, uint32_t value)
{
	uint8_t		bytes[4] = {value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff, value >> 24};

	mlops_wire_write_bytes(writer, bytes, sizeof(bytes));
}

static inline void
mlops_wire_write_u64(WireWriter *writer, uint64_t value)
{
	mlops_wire_write_u32(writer, (uint32_t) value);
	mlops_wire_write_u32(writer, (uint32_t) (value >> 32));
}

static inline void
mlops_wire_write_string(WireWriter *writer, const char *string, size_t length)
{
	mlops_wire_write_u32(writer, (uint32_t) length);
	mlops_wire_write_bytes(writer, string, length);
}

#endif							/* MLOPS_WIRE_H */
