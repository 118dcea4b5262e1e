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
 * snapshot merely resolve the reference anew.  Versions with equal signatures,
 * as retraining or one model per store makes them, share all that follows from
 * it.
 *
 * A use pins version and input by a callback of its memory context, so that an
 * error anywhere releases them.  References leave, least recently used first,
 * when all together exceed MAX_SIZE; a version goes when no reference and no use
 * needs it, a signature with its last version.
 *
 * Locks: none, all memory is the backend's own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "serve/model_cache.h"

/* Bytes of all that is kept. */
#define MAX_SIZE ((Size) 16 * 1024 * 1024)
/* Combinations of argument types remembered for one signature. */
#define MAX_INPUTS 8
/* More than the longest valid reference. */
#define REFERENCE_SIZE 200

typedef struct PreparedSignature
{
	MemoryContext context;		/* holds all the rest */
	uint64		hash;			/* of json */
	bool		listed;			/* in cache_signatures */
	Jsonb	   *json;
	Signature  *signature;
	dlist_head	inputs;			/* most recently used first */
	int			n_inputs;
	int			n_models;
	bool		grown;			/* since it was measured */
	Size		size;
} PreparedSignature;

typedef struct PreparedInput
{
	MemoryContext context;		/* holds all the rest */
	PreparedSignature *signature;
	dlist_node	recency;		/* in signature->inputs */
	int			uses;
	RowInput   *input;
	int			n_types;
	Oid			types[FLEXIBLE_ARRAY_MEMBER];
} PreparedInput;

typedef struct PreparedModel
{
	MemoryContext context;		/* holds all the rest */
	ModelVersion *version;
	PreparedSignature *signature;
	int			uses;
	bool		referenced;		/* by a CachedReference */
	Size		size;
} PreparedModel;

typedef struct CachedReference
{
	char		reference[REFERENCE_SIZE];	/* hash key; must be first */
	PreparedModel *model;
	Resolution	resolution;
	MemoryContext rows;			/* of resolution, when it was repeated */
	dlist_node	recency;		/* in cache_recency */
} CachedReference;

typedef struct SignatureEntry
{
	uint64		hash;			/* hash key; must be first */
	PreparedSignature *signature;
} SignatureEntry;

static MemoryContext cache_context = NULL;
static HTAB *cache_references;
static HTAB *cache_signatures;
static dlist_head cache_recency;	/* most recently used first */
static Size cache_size;			/* of all models and signatures */

/* Make the empty cache. */
static void
create_cache(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "mlops model cache",
												  ALLOCSET_SMALL_SIZES);
	HASHCTL		references = {0};
	HASHCTL		signatures = {0};

	references.keysize = REFERENCE_SIZE;
	references.entrysize = sizeof(CachedReference);
	references.hcxt = context;
	cache_references = hash_create("mlops model references", 16, &references,
								   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	signatures.keysize = sizeof(uint64);
	signatures.entrysize = sizeof(SignatureEntry);
	signatures.hcxt = context;
	cache_signatures = hash_create("mlops signatures", 16, &signatures,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&cache_recency);
	cache_context = context;
}

/* Take note of what a context holds now. */
static void
measure_context(MemoryContext context, Size *size)
{
	cache_size -= *size;
	*size = MemoryContextMemAllocated(context, true);
	cache_size += *size;
}

static void
delete_signature(PreparedSignature *signature)
{
	if (signature->listed)
		hash_search(cache_signatures, &signature->hash, HASH_REMOVE, NULL);
	cache_size -= signature->size;
	MemoryContextDelete(signature->context);
}

/* Delete a model that nothing needs. */
static void
drop_model(PreparedModel *model)
{
	if (model->uses > 0 || model->referenced)
		return;
	if (--model->signature->n_models == 0)
		delete_signature(model->signature);
	cache_size -= model->size;
	MemoryContextDelete(model->context);
}

/* A reference means another version now, or is forgotten. */
static void
detach_model(PreparedModel *model)
{
	model->referenced = false;
	drop_model(model);
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
	input->signature->n_inputs--;
	dlist_delete(&input->recency);
	MemoryContextDelete(input->context);
}

/* Memory context callback: end one use. */
static void
release_use(void *arg)
{
	ModelUse   *use = arg;
	PreparedInput *input = use->prepared_input;
	PreparedSignature *signature = use->model->signature;

	if (input != NULL && --input->uses == 0 && !mlops_row_input_is_shareable(input->input))
		remove_input(input);
	if (signature->grown)
	{
		/* only now, because the plans of rows are made at the first row */
		measure_context(signature->context, &signature->size);
		signature->grown = false;
	}
	use->model->uses--;
	drop_model(use->model);
	evict_references();
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

/* All that follows from a signature; in the cache, but used by no model yet. */
static PreparedSignature *
create_signature(Jsonb *json, uint64 hash)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops signature",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PreparedSignature *signature = palloc0(sizeof(PreparedSignature));
	SignatureEntry *entry;
	bool		found;

	signature->context = context;
	signature->hash = hash;
	signature->json = palloc(VARSIZE(json));
	memcpy(signature->json, json, VARSIZE(json));
	signature->signature = mlops_signature_from_jsonb(json);
	dlist_init(&signature->inputs);
	MemoryContextSwitchTo(caller);

	entry = hash_search(cache_signatures, &hash, HASH_ENTER, &found);
	if (!found)
	{
		entry->signature = signature;
		signature->listed = true;
	}
	MemoryContextSetParent(context, cache_context);
	measure_context(context, &signature->size);
	return signature;
}

static PreparedSignature *
get_signature(Jsonb *json)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) json, VARSIZE(json), 0);
	SignatureEntry *entry = hash_search(cache_signatures, &hash, HASH_FIND, NULL);

	if (entry != NULL && VARSIZE(entry->signature->json) == VARSIZE(json) &&
		memcmp(entry->signature->json, json, VARSIZE(json)) == 0)
		return entry->signature;
	return create_signature(json, hash);
}

/*
 * Resolve a reference through the tables.  "entry" is what is known of it, or
 * NULL; its model stays when the version is the same.
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
	PreparedModel *model = palloc0(sizeof(PreparedModel));

	MemoryContextSwitchTo(caller);
	if (entry != NULL && equal_versions(entry->model->version, version))
	{
		pfree(version->signature);
		if (entry->rows != NULL)
			MemoryContextDelete(entry->rows);
		entry->rows = context;
		entry->resolution = resolution;
		MemoryContextSetParent(context, entry->model->context);
		return entry;
	}

	if (entry == NULL)
		evict_references();
	model->context = context;
	model->version = version;
	model->signature = get_signature(version->signature);
	/* before the version that is replaced gives it up */
	model->signature->n_models++;
	pfree(version->signature);
	version->signature = model->signature->json;

	if (entry != NULL)
		detach_model(entry->model);
	else
	{
		entry = hash_search(cache_references, reference, HASH_ENTER, NULL);
		dlist_push_head(&cache_recency, &entry->recency);
	}
	entry->model = model;
	entry->resolution = resolution;
	entry->rows = NULL;
	model->referenced = true;
	MemoryContextSetParent(context, cache_context);
	measure_context(context, &model->size);
	return entry;
}

/* Remove the least recently used input that nobody uses. */
static void
evict_input(PreparedSignature *signature)
{
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &signature->inputs)
	{
		PreparedInput *input = dlist_container(PreparedInput, recency, iter.cur);

		if (input->uses == 0)
		{
			remove_input(input);
			return;
		}
	}
}

/* Prepare for arguments of these types. */
static PreparedInput *
create_input(PreparedSignature *signature, int n_types, const Oid *types)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops row input",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PreparedInput *input = palloc0(offsetof(PreparedInput, types) + n_types * sizeof(Oid));

	input->context = context;
	input->signature = signature;
	input->n_types = n_types;
	memcpy(input->types, types, n_types * sizeof(Oid));
	input->input = mlops_row_input_create(signature->signature, n_types, input->types);
	MemoryContextSwitchTo(caller);

	if (signature->n_inputs >= MAX_INPUTS)
		evict_input(signature);
	dlist_push_head(&signature->inputs, &input->recency);
	signature->n_inputs++;
	signature->grown = true;
	MemoryContextSetParent(context, signature->context);
	return input;
}

/* Input for arguments of these types. */
static PreparedInput *
get_input(PreparedSignature *signature, int n_types, const Oid *types)
{
	dlist_iter	iter;

	dlist_foreach(iter, &signature->inputs)
	{
		PreparedInput *input = dlist_container(PreparedInput, recency, iter.cur);

		if (input->n_types == n_types && memcmp(input->types, types, n_types * sizeof(Oid)) == 0 &&
			mlops_row_input_is_shareable(input->input))
		{
			dlist_move_head(&signature->inputs, &input->recency);
			return input;
		}
	}
	return create_input(signature, n_types, types);
}

ModelUse *
mlops_model_cache_get(const char *reference, Size length, MemoryContext context)
{
	ModelUse   *use = MemoryContextAllocZero(context, sizeof(ModelUse));
	char		key[REFERENCE_SIZE];
	CachedReference *entry;

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

	use->model = entry->model;
	use->version = use->model->version;
	use->signature = use->model->signature->signature;
	use->release.func = release_use;
	use->release.arg = use;
	use->model->uses++;
	MemoryContextRegisterResetCallback(context, &use->release);
	return use;
}

void
mlops_model_cache_get_input(ModelUse *use, int n_types, const Oid *types)
{
	use->prepared_input = get_input(use->model->signature, n_types, types);
	use->prepared_input->uses++;
	use->input = use->prepared_input->input;
}
