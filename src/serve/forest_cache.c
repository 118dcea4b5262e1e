/*-------------------------------------------------------------------------
 *
 * forest_cache.c
 *	  Digest of model bytes -> forest, built once per backend and kept.
 *
 * A forest depends on the bytes only, so an entry is never stale: it leaves
 * when the forests together exceed mlops.cache_size, least recently used
 * first.  An entry in use is pinned by a callback of its user's memory context,
 * so that an error anywhere releases it; what is above the limit then goes as
 * soon as nobody uses it.
 *
 * Locks: none, all memory is the backend's own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "registry/registry.h"
#include "serve/forest_cache.h"

typedef struct CachedForest
{
	uint8		digest[MLOPS_DIGEST_SIZE];	/* hash key; must be first */
	const Forest *forest;
	MemoryContext context;		/* owns the forest */
	Size		size;
	int			pins;
	dlist_node	recency;		/* in cache_recency */
} CachedForest;

/* One use of an entry; lives in the user's memory context. */
typedef struct ForestPin
{
	CachedForest *entry;
	MemoryContextCallback release;
} ForestPin;

static MemoryContext cache_context = NULL;
static HTAB *cache_entries;
static dlist_head cache_recency;	/* most recently used first */
static Size cache_size;			/* of all entries */

/* Make the empty cache. */
static void
create_cache(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "mlops forest cache",
												  ALLOCSET_SMALL_SIZES);
	HASHCTL		info = {0};

	info.keysize = MLOPS_DIGEST_SIZE;
	info.entrysize = sizeof(CachedForest);
	info.hcxt = context;
	cache_entries = hash_create("mlops forests", 16, &info,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&cache_recency);
	cache_context = context;
}

/* Free the least recently used entries that nobody uses, down to the limit. */
static void
evict_forests(void)
{
	Size		limit = (Size) mlops_cache_size * 1024 * 1024;
	dlist_node *node = dlist_is_empty(&cache_recency) ? NULL : dlist_tail_node(&cache_recency);

	while (node != NULL && cache_size > limit)
	{
		CachedForest *entry = dlist_container(CachedForest, recency, node);

		node = dlist_has_prev(&cache_recency, node) ? dlist_prev_node(&cache_recency, node) : NULL;
		if (entry->pins > 0)
			continue;
		dlist_delete(&entry->recency);
		cache_size -= entry->size;
		MemoryContextDelete(entry->context);
		hash_search(cache_entries, entry->digest, HASH_REMOVE, NULL);
	}
}

/* Memory context callback: end one use. */
static void
release_pin(void *arg)
{
	ForestPin  *pin = arg;

	if (--pin->entry->pins == 0)
		evict_forests();
}

/* Build the forest and enter it. */
static CachedForest *
load_forest(const uint8 *digest)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops forest",
												  ALLOCSET_SMALL_SIZES);
	bytea	   *bytes = mlops_registry_load(digest);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Forest	   *forest = mlops_registry_build_forest(bytes, NULL);
	CachedForest *entry;

	MemoryContextSwitchTo(caller);
	pfree(bytes);

	entry = hash_search(cache_entries, digest, HASH_ENTER, NULL);
	entry->forest = forest;
	entry->context = context;
	entry->size = MemoryContextMemAllocated(context, true) + mlops_forest_size(forest);
	entry->pins = 0;
	dlist_push_head(&cache_recency, &entry->recency);
	cache_size += entry->size;
	MemoryContextSetParent(context, cache_context);
	return entry;
}

const Forest *
mlops_forest_cache_get(const uint8 *digest, MemoryContext context)
{
	ForestPin  *pin = MemoryContextAlloc(context, sizeof(ForestPin));
	CachedForest *entry;

	if (cache_context == NULL)
		create_cache();

	entry = hash_search(cache_entries, digest, HASH_FIND, NULL);
	if (entry == NULL)
		entry = load_forest(digest);
	else
		dlist_move_head(&cache_recency, &entry->recency);

	pin->entry = entry;
	pin->release.func = release_pin;
	pin->release.arg = pin;
	entry->pins++;
	MemoryContextRegisterResetCallback(context, &pin->release);
	evict_forests();
	return entry->forest;
}
