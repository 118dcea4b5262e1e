/*-------------------------------------------------------------------------
 *
 * forest_file.h
 *	  Forests in files that every backend maps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_FILE_H
#define MLOPS_FOREST_FILE_H

#include <sys/types.h>

#include "forest/forest.h"
#include "registry/registry.h"

/* A mapped file; unmapped with the memory context that it was made in. */
typedef struct ForestFile
{
	const Forest *forest;
	void	   *address;
	size_t		length;
	dev_t		device;
	ino_t		inode;
	MemoryContextCallback release;
} ForestFile;

/* The right to build a file; others wait meanwhile. */
typedef struct ForestBuild
{
	int			fd;				/* of the locked temporary file, or -1 */
	uint8		digest[MLOPS_DIGEST_SIZE];
} ForestBuild;

typedef enum ForestFileState
{
	FOREST_FILE_MAPPED,			/* *file is set */
	FOREST_FILE_BUILD,			/* *build is set: publish or cancel it, also
								 * on an error */
	FOREST_FILE_PRIVATE,		/* no file can be had; a warning was given */
} ForestFileState;

/*
 * Map the forest of these model bytes, or get the right to build it.  While
 * another backend builds it, waits; interruptible.  Allocates in the current
 * memory context.
 */
extern ForestFileState mlops_forest_file_acquire(const uint8 *digest, ForestBuild *build,
												 ForestFile **file);

/* Write the forest where all find it, and map it.  NULL after a warning when that
 * is impossible.  Ends the build; other files leave beyond mlops.cache_size. */
extern ForestFile *mlops_forest_file_publish(ForestBuild *build, const Forest *forest);

/* Give the right to build back; nothing when it has ended. */
extern void mlops_forest_file_cancel(ForestBuild *build);

/* Whether others still find this file.  "used" marks it as recently used. */
extern bool mlops_forest_file_is_current(const uint8 *digest, const ForestFile *file, bool used);

/* Remove the file when the (sub)transaction commits. */
extern void mlops_forest_file_remove_at_commit(const uint8 *digest);

#endif							/* MLOPS_FOREST_FILE_H */
