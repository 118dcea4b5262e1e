/*-------------------------------------------------------------------------
 *
 * buffer.h
 *	  Growable array of plain elements, for the parts that build a forest.
 *
 * A zeroed buffer is empty.  Memory is malloc'ed and belongs to the buffer
 * until mlops_buffer_free.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_BUFFER_H
#define MLOPS_FOREST_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Buffer
{
	void	   *data;
	size_t		used;			/* bytes */
	size_t		capacity;		/* bytes */
} Buffer;

/* Make room for "size" more bytes. */
static inline bool
mlops_buffer_reserve(Buffer *buffer, size_t size)
{
	size_t		capacity = buffer->capacity + buffer->capacity / 2;
	void	   *data;

	if (size <= buffer->capacity - buffer->used)
		return true;
	if (size > SIZE_MAX / 2 - buffer->used)
		return false;
	if (capacity < buffer->used + size)
		capacity = buffer->used + size;
	if (capacity < 64)
		capacity = 64;
	data = realloc(buffer->data, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* Extend the buffer by "size" bytes; returns where they start, or NULL. */
static inline void *
mlops_buffer_extend(Buffer *buffer, size_t size)
{
	if (!mlops_buffer_reserve(buffer, size))
		return NULL;
	buffer->used += size;
	return (char *) buffer->data + (buffer->used - size);
}

static inline bool
mlops_buffer_append(Buffer *buffer, const void *bytes, size_t size)
{
	void	   *place = mlops_buffer_extend(buffer, size);

	if (place == NULL)
		return false;
	if (size > 0)
		memcpy(place, bytes, size);
	return true;
}

static inline void
mlops_buffer_free(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

#endif							/* MLOPS_FOREST_BUFFER_H */
