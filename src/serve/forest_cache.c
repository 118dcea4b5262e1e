/*-------------------------------------------------------------------------
 *
 * forest_cache.c
 *	  Digest of model bytes -> forest, built once per server and kept.
 *
 * Each backend has a table of the forests that it has mapped (forest_file.c) or,
 * where files are off or impossible, holds in memory of its own.  A forest
 * depends on the bytes only, so an entry is never stale: it leaves when the
 * entries together exceed mlops.cache_size, least recently used first, or when
 * its file was removed.  The last one used stays, else a model larger than the
 * limit would be loaded at each statement.  An entry in use is pinned by a
 * callback of its user's memory context, so that an error anywhere releases it;
 * what is above the limit then goes as soon as nobody uses it.
 *
 * Locks: none here, all memory is the backend's own; see forest_file.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "registry/registry.h"
#include "serve/forest_cache.h"
#include "serve/forest_file.h"

#define CHECK_MS (10 * 1000)	/* between two looks at the mapped files */

typedef struct CachedForest
{
	uint8		digest[MLOPS_DIGEST_SIZE];	/* hash key; must be first */
	const Forest *forest;
	const ForestFile *file;		/* NULL: in private memory */
	MemoryContext context;		/* owns the forest */
	Size		size;
	int			pins;
	bool		used;			/* since the last look at its file */
	dlist_node	recency;		/* in cache_recency */
} CachedForest;

/* One use of an entry; lives in the user's memory context. */
typedef struct ForestPin
{
	CachedForest *entry;
	MemoryContextCallback release;
} ForestPin;

ForestCacheCounters mlops_forest_cache_counters;

static MemoryContext cache_context = NULL;
static HTAB *cache_entries;
static dlist_head cache_recency;	/* most recently used first */
static Size cache_size;			/* of all entries */
static TimestampTz last_check;	/* look at the files */

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
	last_check = GetCurrentTimestamp();
}

/* Free an entry that nobody uses. */
static void
remove_entry(CachedForest *entry)
{
	dlist_delete(&entry->recency);
	cache_size -= entry->size;
	MemoryContextDelete(entry->context);
	hash_search(cache_entries, entry->digest, HASH_REMOVE, NULL);
}

/* Free the least recently used entries that nobody uses, down to the limit. */
static void
evict_forests(void)
{
	Size		limit = (Size) mlops_cache_size * 1024 * 1024;
	dlist_node *node = dlist_is_empty(&cache_recency) ? NULL : dlist_tail_node(&cache_recency);

	while (node != NULL && cache_size > limit && dlist_has_prev(&cache_recency, node))
	{
		CachedForest *entry = dlist_container(CachedForest, recency, node);

		node = dlist_prev_node(&cache_recency, node);
		if (entry->pins == 0)
			remove_entry(entry);
	}
}

/*
 * Now and then: let go of files that were removed, so that their space is free,
 * and mark those in use, so that others are removed first.
 */
static void
check_files(void)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_mutable_iter iter;

	if (!TimestampDifferenceExceeds(last_check, now, CHECK_MS))
		return;
	last_check = now;
	dlist_foreach_modify(iter, &cache_recency)
	{
		CachedForest *entry = dlist_container(CachedForest, recency, iter.cur);

		if (entry->file == NULL)
			continue;
		if (!mlops_forest_file_is_current(entry->digest, entry->file,
										  entry->used || entry->pins > 0) &&
			entry->pins == 0)
			remove_entry(entry);
		else
			entry->used = false;
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

/* Build the forest in the current memory context. */
static const Forest *
build_forest(const uint8 *digest)
{
	bytea	   *bytes = mlops_registry_load(digest);
	const Forest *forest = mlops_registry_build_forest(bytes, NULL);

	pfree(bytes);
	mlops_forest_cache_counters.builds++;
	return forest;
}

/* Error or exit: let others build. */
static void
cancel_build(int code, Datum build)
{
	mlops_forest_file_cancel((ForestBuild *) DatumGetPointer(build));
}

/*
 * Build the forest and publish it.  Returns its file, or NULL and the forest in
 * memory that belongs to the current context.
 */
static const ForestFile *
build_file(const uint8 *digest, ForestBuild *build, const Forest **forest)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext memory = NULL;
	const ForestFile *file = NULL;

	PG_ENSURE_ERROR_CLEANUP(cancel_build, PointerGetDatum(build));
	{
		memory = AllocSetContextCreate(context, "mlops forest memory", ALLOCSET_SMALL_SIZES);
		MemoryContextSwitchTo(memory);
		*forest = build_forest(digest);
		MemoryContextSwitchTo(context);
		file = mlops_forest_file_publish(build, *forest);
	}
	PG_END_ENSURE_ERROR_CLEANUP(cancel_build, PointerGetDatum(build));

	if (file != NULL)
	{
		MemoryContextDelete(memory);
		*forest = file->forest;
	}
	return file;
}

/* Map the file of the forest, or make it, or else keep the forest in memory. */
static const ForestFile *
get_forest(const uint8 *digest, const Forest **forest)
{
	ForestBuild build;
	ForestFile *file = NULL;
	ForestFileState state = mlops_shared_cache ?
	mlops_forest_file_acquire(digest, &build, &file) : FOREST_FILE_PRIVATE;

	switch (state)
	{
		case FOREST_FILE_MAPPED:
			mlops_forest_cache_counters.maps++;
			*forest = file->forest;
			return file;
		case FOREST_FILE_BUILD:
			return build_file(digest, &build, forest);
		case FOREST_FILE_PRIVATE:
			break;
	}
	*forest = build_forest(digest);
	return NULL;
}

/* Get the forest and enter it. */
static CachedForest *
load_forest(const uint8 *digest)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops forest",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const Forest *forest;
	const ForestFile *file = get_forest(digest, &forest);
	CachedForest *entry;

	MemoryContextSwitchTo(caller);
	entry = hash_search(cache_entries, digest, HASH_ENTER, NULL);
	entry->forest = forest;
	entry->file = file;
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

	check_files();
	entry = hash_search(cache_entries, digest, HASH_FIND, NULL);
	if (entry != NULL && entry->file != NULL && entry->pins == 0 && !mlops_shared_cache)
	{
		remove_entry(entry);
		entry = NULL;
	}
	if (entry == NULL)
		entry = load_forest(digest);
	else
		dlist_move_head(&cache_recency, &entry->recency);

	entry->used = true;
	pin->entry = entry;
	pin->release.func = release_pin;
	pin->release.arg = pin;
	entry->pins++;
	MemoryContextRegisterResetCallback(context, &pin->release);
	evict_forests();
	return entry->forest;
}

void
mlops_forest_cache_init(void)
{
	mlops_registry_bytes_deleted = mlops_forest_file_remove_at_commit;
}
