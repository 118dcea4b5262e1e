/*-------------------------------------------------------------------------
 *
 * model_cache.c
 *	  Model reference -> version with parsed signature and inputs, kept by the
 *	  session.
 *
 * Between call_site.c, which remembers for one statement, and the registry.
 * What is kept depends on the row of model_version alone, and every use looks
 * whether that row and the one that leads to it still stand (registry.h), so an
 * entry is never stale: a promotion, a rollback, a revoked right or another
 * snapshot merely resolve the reference anew.
 *
 * A use pins its entry by a callback of its memory context, so that an error
 * anywhere releases it.  Entries leave, least recently used first, when all
 * together exceed MAX_SIZE; a version that its reference no longer means leaves
 * with its last use.
 *
 * Locks: none, all memory is the backend's own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "serve/model_cache.h"

/* Bytes of all entries. */
#define MAX_SIZE ((Size) 16 * 1024 * 1024)
/* Combinations of argument types remembered for one version. */
#define MAX_INPUTS 8
/* More than the longest valid reference. */
#define REFERENCE_SIZE 200

typedef struct PreparedModel
{
	MemoryContext context;		/* holds all the rest */
	struct CachedReference *reference;	/* NULL: only its uses keep it */
	ModelVersion *version;
	Signature  *signature;
	dlist_head	inputs;			/* most recently used first */
	int			n_inputs;
	int			uses;
	bool		grown;			/* since it was measured */
	Size		size;
} PreparedModel;

typedef struct PreparedInput
{
	MemoryContext context;		/* holds all the rest */
	PreparedModel *model;
	dlist_node	recency;		/* in model->inputs */
	int			uses;
	RowInput   *input;
	int			n_types;
	Oid			types[FLEXIBLE_ARRAY_MEMBER];
} PreparedInput;

typedef struct CachedReference
{
	char		reference[REFERENCE_SIZE];	/* hash key; must be first */
	PreparedModel *model;
	Resolution	resolution;
	MemoryContext rows;			/* of resolution, when it was repeated */
	dlist_node	recency;		/* in cache_recency */
} CachedReference;

static MemoryContext cache_context = NULL;
static HTAB *cache_references;
static dlist_head cache_recency;	/* most recently used first */
static Size cache_size;			/* of all models that a reference means */

/* Make the empty cache. */
static void
create_cache(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "mlops model cache",
												  ALLOCSET_SMALL_SIZES);
	HASHCTL		info = {0};

	info.keysize = REFERENCE_SIZE;
	info.entrysize = sizeof(CachedReference);
	info.hcxt = context;
	cache_references = hash_create("mlops model references", 16, &info,
								   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	dlist_init(&cache_recency);
	cache_context = context;
}

/* The reference means another version now, or is forgotten. */
static void
detach_model(PreparedModel *model)
{
	cache_size -= model->size;
	model->reference = NULL;
	if (model->uses == 0)
		MemoryContextDelete(model->context);
}

/* Take note of what a model takes. */
static void
measure_model(PreparedModel *model)
{
	cache_size -= model->size;
	model->size = MemoryContextMemAllocated(model->context, true);
	cache_size += model->size;
	model->grown = false;
}

/* Forget the least recently used references that nobody uses, down to the limit. */
static void
evict_references(void)
{
	dlist_node *node = dlist_is_empty(&cache_recency) ? NULL : dlist_tail_node(&cache_recency);

	while (node != NULL && cache_size > MAX_SIZE)
	{
		CachedReference *entry = dlist_container(CachedReference, recency, node);

		node = dlist_has_prev(&cache_recency, node) ? dlist_prev_node(&cache_recency, node) : NULL;
		if (entry->model->uses > 0)
			continue;
		dlist_delete(&entry->recency);
		detach_model(entry->model);
		hash_search(cache_references, entry->reference, HASH_REMOVE, NULL);
	}
}

static void
remove_input(PreparedInput *input)
{
	input->model->n_inputs--;
	dlist_delete(&input->recency);
	MemoryContextDelete(input->context);
}

/* Memory context callback: end one use. */
static void
release_use(void *arg)
{
	PreparedInput *input = ((ModelUse *) arg)->prepared;
	PreparedModel *model = input->model;

	if (--input->uses == 0 && !mlops_row_input_is_shareable(input->input))
		remove_input(input);
	if (--model->uses > 0)
		return;
	if (model->reference == NULL)
		MemoryContextDelete(model->context);
	else if (model->grown)
	{
		measure_model(model);
		evict_references();
	}
}

/* Whether all that a prediction takes from two versions is equal. */
static bool
equal_versions(const ModelVersion *a, const ModelVersion *b)
{
	if (memcmp(a->digest, b->digest, MLOPS_DIGEST_SIZE) != 0 ||
		a->version != b->version || a->n_classes != b->n_classes ||
		memcmp(&a->threshold, &b->threshold, sizeof(double)) != 0 ||
		strcmp(a->model, b->model) != 0 || strcmp(a->task, b->task) != 0 ||
		VARSIZE(a->signature) != VARSIZE(b->signature) ||
		memcmp(a->signature, b->signature, VARSIZE(a->signature)) != 0)
		return false;
	for (int i = 0; i < a->n_classes; i++)
		if (strcmp(a->classes[i], b->classes[i]) != 0)
			return false;
	return true;
}

/*
 * Resolve a reference through the tables.  "entry" is what is known of it, or NULL;
 * its model stays when the version is the same.
 */
static CachedReference *
resolve_reference(const char *reference, CachedReference *entry)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops model",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Resolution	resolution;
	ModelVersion *version = mlops_registry_resolve_predict(reference, &resolution);
	PreparedModel *model;

	if (entry != NULL && equal_versions(entry->model->version, version))
	{
		MemoryContextSwitchTo(caller);
		if (entry->rows != NULL)
			MemoryContextDelete(entry->rows);
		entry->rows = context;
		entry->resolution = resolution;
		MemoryContextSetParent(context, entry->model->context);
		return entry;
	}

	model = palloc0(sizeof(PreparedModel));
	model->context = context;
	model->version = version;
	model->signature = mlops_signature_from_jsonb(version->signature);
	dlist_init(&model->inputs);
	MemoryContextSwitchTo(caller);

	if (entry != NULL)
		detach_model(entry->model);
	else
	{
		evict_references();
		entry = hash_search(cache_references, reference, HASH_ENTER, NULL);
		dlist_push_head(&cache_recency, &entry->recency);
	}
	entry->model = model;
	entry->resolution = resolution;
	entry->rows = NULL;
	model->reference = entry;
	MemoryContextSetParent(context, cache_context);
	measure_model(model);
	return entry;
}

/* Prepare for arguments of these types. */
static PreparedInput *
create_input(PreparedModel *model, int n_types, const Oid *types)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops row input",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PreparedInput *input = palloc0(offsetof(PreparedInput, types) + n_types * sizeof(Oid));

	input->context = context;
	input->model = model;
	input->n_types = n_types;
	memcpy(input->types, types, n_types * sizeof(Oid));
	input->input = mlops_row_input_create(model->signature, n_types, input->types);
	MemoryContextSwitchTo(caller);

	for (dlist_node *node = model->n_inputs < MAX_INPUTS ? NULL : dlist_tail_node(&model->inputs);
		 node != NULL;)
	{
		PreparedInput *old = dlist_container(PreparedInput, recency, node);

		node = dlist_has_prev(&model->inputs, node) ? dlist_prev_node(&model->inputs, node) : NULL;
		if (old->uses > 0)
			continue;
		remove_input(old);
		break;
	}
	dlist_push_head(&model->inputs, &input->recency);
	model->n_inputs++;
	model->grown = true;
	MemoryContextSetParent(context, model->context);
	return input;
}

/* Input for arguments of these types. */
static PreparedInput *
get_input(PreparedModel *model, int n_types, const Oid *types)
{
	dlist_iter	iter;

	dlist_foreach(iter, &model->inputs)
	{
		PreparedInput *input = dlist_container(PreparedInput, recency, iter.cur);

		if (input->n_types == n_types && memcmp(input->types, types, n_types * sizeof(Oid)) == 0 &&
			mlops_row_input_is_shareable(input->input))
		{
			dlist_move_head(&model->inputs, &input->recency);
			return input;
		}
	}
	return create_input(model, n_types, types);
}

ModelUse *
mlops_model_cache_get(const char *reference, Size length,
					  int n_types, const Oid *types, MemoryContext context)
{
	ModelUse   *use = MemoryContextAlloc(context, sizeof(ModelUse));
	char		key[REFERENCE_SIZE];
	CachedReference *entry;
	PreparedModel *model;

	if (cache_context == NULL)
		create_cache();
	/* what does not fit is no valid reference, and stays none when cut */
	length = Min(length, REFERENCE_SIZE - 1);
	memcpy(key, reference, length);
	key[length] = '\0';

	entry = hash_search(cache_references, key, HASH_FIND, NULL);
	if (entry == NULL || !mlops_registry_resolves_same(&entry->resolution))
		entry = resolve_reference(key, entry);
	dlist_move_head(&cache_recency, &entry->recency);

	model = entry->model;
	use->prepared = get_input(model, n_types, types);
	use->version = model->version;
	use->signature = model->signature;
	use->input = use->prepared->input;
	use->release.func = release_use;
	use->release.arg = use;
	use->prepared->uses++;
	model->uses++;
	MemoryContextRegisterResetCallback(context, &use->release);
	return use;
}
