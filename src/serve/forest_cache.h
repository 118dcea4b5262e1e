/*-------------------------------------------------------------------------
 *
 * forest_cache.h
 *	  Digest of model bytes -> forest, built once per server and kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_CACHE_H
#define MLOPS_FOREST_CACHE_H

#include "forest/forest.h"

/*
 * What this backend did so far.  A caller that wants to know what its get cost
 * compares the counts before and after it.
 */
typedef struct ForestCacheCounters
{
	uint64		builds;			/* from model bytes: takes milliseconds to
								 * seconds */
	uint64		maps;			/* of files that others built: microseconds */
} ForestCacheCounters;

extern ForestCacheCounters mlops_forest_cache_counters;

/*
 * Forest of the model bytes with this digest.  It stays valid, and in the cache,
 * until "context" is reset or deleted: whoever keeps it for longer than a
 * statement takes it out of the reach of mlops.cache_size.  A get of what is
 * cached costs a hash probe.  The caller has checked the rights.
 */
extern const Forest *mlops_forest_cache_get(const uint8 *digest, MemoryContext context);

/* At the start of the module. */
extern void mlops_forest_cache_init(void);

#endif							/* MLOPS_FOREST_CACHE_H */
