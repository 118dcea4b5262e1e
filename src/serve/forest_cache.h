/*-------------------------------------------------------------------------
 *
 * forest_cache.h
 *	  Digest of model bytes -> forest, built once and kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_CACHE_H
#define MLOPS_FOREST_CACHE_H

#include "forest/forest.h"

/*
 * Forest of the model bytes with this digest.  It stays valid until "context"
 * is reset or deleted.  The caller has checked the rights.
 */
extern const Forest *mlops_forest_cache_get(const uint8 *digest, MemoryContext context);

#endif							/* MLOPS_FOREST_CACHE_H */
