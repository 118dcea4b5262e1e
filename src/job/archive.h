/*-------------------------------------------------------------------------
 *
 * archive.h
 *	  Fields of a hand-over file, one walk for both directions.
 *
 * A field that comes in is checked: it is within the file, and a text is valid in
 * the server encoding.  The first one that is not sets in.failed; later ones are
 * zero.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ARCHIVE_H
#define MLOPS_ARCHIVE_H

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/wire.h"

/* Fields go out when "out" is set, else they come in. */
typedef struct Archive
{
	StringInfo	out;
	WireReader	in;
} Archive;

static inline void
walk_u64(Archive *archive, uint64 *value)
{
	WireWriter	writer;

	if (!archive->out)
	{
		*value = mlops_wire_read_u64(&archive->in);
		return;
	}
	enlargeStringInfo(archive->out, sizeof(*value));
	mlops_wire_write_init(&writer, archive->out->data + archive->out->len, sizeof(*value));
	mlops_wire_write_u64(&writer, *value);
	archive->out->len += sizeof(*value);
}

static inline void
walk_int64(Archive *archive, int64 *value)
{
	walk_u64(archive, (uint64 *) value);
}

static inline void
walk_int32(Archive *archive, int32 *value)
{
	uint64		wide = (uint32) *value;

	walk_u64(archive, &wide);
	*value = (int32) (uint32) wide;
}

static inline void
walk_bool(Archive *archive, bool *value)
{
	uint64		wide = *value;

	walk_u64(archive, &wide);
	*value = wide != 0;
}

static inline void
walk_double(Archive *archive, double *value)
{
	uint64		bits;

	memcpy(&bits, value, sizeof(bits));
	walk_u64(archive, &bits);
	memcpy(value, &bits, sizeof(bits));
}

static inline void
walk_bytes(Archive *archive, void *bytes, size_t size)
{
	const uint8_t *from;

	if (archive->out)
	{
		appendBinaryStringInfo(archive->out, bytes, size);
		return;
	}
	memset(bytes, 0, size);
	from = mlops_wire_read_bytes(&archive->in, size);
	if (from)
		memcpy(bytes, from, size);
}

/* A string or NULL; a string that comes in is valid in the server encoding. */
static inline void
walk_text(Archive *archive, char **string)
{
	uint64		size = *string && archive->out ? strlen(*string) + 1 : 0;
	const uint8_t *from;

	walk_u64(archive, &size);
	if (archive->out)
	{
		if (size > 0)
			appendBinaryStringInfo(archive->out, *string, size - 1);
		return;
	}
	*string = NULL;
	if (size == 0)
		return;
	from = mlops_wire_read_bytes(&archive->in, size - 1);
	if (!from || memchr(from, '\0', size - 1) ||
		!pg_verify_mbstr(GetDatabaseEncoding(), (const char *) from, size - 1, true))
	{
		archive->in.failed = true;
		return;
	}
	*string = pnstrdup((const char *) from, size - 1);
}

#endif							/* MLOPS_ARCHIVE_H */
