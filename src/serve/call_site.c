/*-------------------------------------------------------------------------
 *
 * call_site.c
 *	  What one place in an expression remembers between rows.
 *
 * fn_extra points to a CallSite.  It binds the model references that it meets
 * to versions; a binding is good for the same user, transaction, subtransaction
 * and snapshot, and is looked up again for any other, because PL/pgSQL keeps
 * fn_extra across statements.  When the version is still the same, its forest
 * and plans stay.
 *
 * Locks: none, all memory hangs off fn_mcxt.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/memutils.h"

#include "base/statement.h"
#include "serve/call_site.h"
#include "serve/forest_cache.h"
#include "serve/model_cache.h"

/* References remembered by one call site; the least recently used leaves. */
#define MAX_BINDINGS 16

typedef struct Binding
{
	MemoryContext context;		/* holds all the rest */
	StatementKey key;			/* under which it was made */
	dlist_node	recency;		/* in CallSite.bindings */
	ServedModel served;
	Size		length;			/* of reference */
	char		reference[FLEXIBLE_ARRAY_MEMBER];
} Binding;

typedef struct CallSite
{
	MemoryContext context;		/* fn_mcxt */
	MemoryContext row_context;	/* reset for each row that needs it; or NULL */
	dlist_head	bindings;		/* most recently used first */
	int			n_bindings;
	StatCall	call;			/* under way */
	int			n_types;
	Oid			types[FLEXIBLE_ARRAY_MEMBER];	/* of the variadic arguments */
} CallSite;

/* Make the call site, with the types of its arguments from "first" on. */
static CallSite *
create_call_site(const FmgrInfo *flinfo, int first, int n_args)
{
	CallSite   *site = MemoryContextAllocZero(flinfo->fn_mcxt,
											  offsetof(CallSite, types) + n_args * sizeof(Oid));
	const FuncExpr *call = (const FuncExpr *) flinfo->fn_expr;

	site->context = flinfo->fn_mcxt;
	dlist_init(&site->bindings);
	site->n_types = n_args - 1;
	if (call != NULL && IsA(call, FuncExpr) && list_length(call->args) == first + n_args)
		for (int i = 0; i < site->n_types; i++)
			site->types[i] = exprType(list_nth(call->args, first + i + 1));
	return site;
}

/* Memory for the row, empty. */
static MemoryContext
get_row_context(CallSite *site)
{
	if (site->row_context == NULL)
		site->row_context = AllocSetContextCreate(site->context, "mlops row",
												  ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(site->row_context);
	return site->row_context;
}

/* Get everything ready that scoring with the use's version needs. */
static void
prepare_model(CallSite *site, ServedModel *served, ModelUse *use)
{
	uint32		n_features = use->signature->n_features;
	ForestCacheCounters before = mlops_forest_cache_counters;

	served->version = use->version;
	served->signature = use->signature;
	served->stat = mlops_stat_create(use->version->model, use->version->version);
	mlops_stat_bind(&site->call, served->stat);
	mlops_stat_describe(served->stat, use->signature);
	mlops_model_cache_get_input(use, site->n_types, site->types);
	served->input = use->input;
	served->forest = mlops_forest_cache_get(use->version->digest, CurrentMemoryContext);
	mlops_stat_count_loads(served->stat, mlops_forest_cache_counters.builds - before.builds,
						   mlops_forest_cache_counters.maps - before.maps);
	if (mlops_forest_n_features(served->forest) != n_features)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("signature of model \"%s\" version %d has %u features, its bytes have %u",
						use->version->model, use->version->version, n_features,
						mlops_forest_n_features(served->forest))));
	served->n_outputs = mlops_forest_n_outputs(served->forest);
	served->n_values = mlops_forest_n_values(served->forest);
	served->vector = palloc((n_features + served->n_outputs +
							 Max(served->n_values, served->n_outputs)) * sizeof(float));
	served->margin = served->vector + n_features;
	served->values = served->margin + served->n_outputs;
}

/* Binding of the reference, whatever its key, or NULL. */
static Binding *
find_binding(CallSite *site, const char *reference, Size length)
{
	dlist_iter	iter;

	dlist_foreach(iter, &site->bindings)
	{
		Binding    *binding = dlist_container(Binding, recency, iter.cur);

		if (binding->length == length && memcmp(binding->reference, reference, length) == 0)
			return binding;
	}
	return NULL;
}

static void
remove_binding(CallSite *site, Binding *binding)
{
	dlist_delete(&binding->recency);
	site->n_bindings--;
	MemoryContextDelete(binding->context);
}

/*
 * Look the reference up.  "old" is a binding of the same reference under
 * another key, or NULL; it stays when the version is the same.
 */
static Binding *
bind_reference(CallSite *site, const char *reference, Size length,
			   const StatementKey *key, Binding *old)
{
	/* below the caller's context until nothing can fail any more */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops binding",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ModelUse   *use = mlops_model_cache_get(reference, length, context);
	Binding    *binding;

	if (old != NULL && old->served.version == use->version &&
		mlops_row_input_is_shareable(old->served.input))
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
		old->key = *key;
		if (old->served.calibration != NULL)
			pfree(old->served.calibration);
		old->served.calibration = NULL; /* it may have been set anew */
		return old;
	}
	binding = palloc0(sizeof(Binding) + length);
	binding->context = context;
	memcpy(binding->reference, reference, length);
	binding->length = length;
	binding->key = *key;
	prepare_model(site, &binding->served, use);
	MemoryContextSwitchTo(caller);

	if (old != NULL)
		remove_binding(site, old);
	else if (site->n_bindings == MAX_BINDINGS)
		remove_binding(site, dlist_tail_element(Binding, recency, &site->bindings));
	dlist_push_head(&site->bindings, &binding->recency);
	site->n_bindings++;
	MemoryContextSetParent(context, site->context);
	return binding;
}

/* The version that the reference means now, to the current user. */
static ServedModel *
get_model(CallSite *site, const char *reference, Size length)
{
	Binding    *binding = find_binding(site, reference, length);
	StatementKey key;

	mlops_statement_key(&key);
	if (binding == NULL || !mlops_statement_same(&binding->key, &key))
		binding = bind_reference(site, reference, length, &key, binding);
	dlist_move_head(&site->bindings, &binding->recency);
	return &binding->served;
}

/* The same for a reference that is an argument. */
static ServedModel *
get_model_of(CallSite *site, Datum argument)
{
	text	   *reference = DatumGetTextPP(argument);
	ServedModel *served = get_model(site, VARDATA_ANY(reference), VARSIZE_ANY_EXHDR(reference));

	if (reference != (text *) DatumGetPointer(argument))
		pfree(reference);
	return served;
}

/* Encode the row into served->vector; false when it is NULL. */
static bool
encode_row(CallSite *site, ServedModel *served, const NullableDatum *args)
{
	MemoryContext caller;
	bool		is_row;

	if (!mlops_row_input_takes_memory(served->input, args))
		return mlops_row_input_encode(served->input, args, served->vector);
	caller = MemoryContextSwitchTo(get_row_context(site));
	is_row = mlops_row_input_encode(served->input, args, served->vector);
	MemoryContextSwitchTo(caller);
	return is_row;
}

ServedModel *
mlops_call_site_encode(FmgrInfo *flinfo, int first, int n_args, const NullableDatum *args)
{
	CallSite   *site = flinfo->fn_extra;
	ServedModel *served;
	bool		is_row;

	if (args[0].isnull)
		return NULL;
	if (site == NULL)
		flinfo->fn_extra = site = create_call_site(flinfo, first, n_args);
	mlops_stat_watch(&site->call, &mlops_stat_unknown);
	served = get_model_of(site, args[0].value);
	mlops_stat_bind(&site->call, served->stat);
	is_row = encode_row(site, served, args + 1);
	mlops_stat_unwatch(&site->call);
	return is_row ? served : NULL;
}

ServedModel *
mlops_call_site_score(FmgrInfo *flinfo, int first, int n_args, const NullableDatum *args)
{
	CallSite   *site = flinfo->fn_extra;
	bool		is_first = site == NULL;
	ServedModel *served;
	bool		is_row;

	if (args[0].isnull)
		return NULL;
	if (is_first)
		flinfo->fn_extra = site = create_call_site(flinfo, first, n_args);

	mlops_stat_begin(&site->call, is_first);
	served = get_model_of(site, args[0].value);
	mlops_stat_bind(&site->call, served->stat);
	is_row = encode_row(site, served, args + 1);
	if (is_row)
		mlops_forest_margin(served->forest, served->vector, served->margin);
	mlops_stat_end(&site->call, served->vector, is_row);
	return is_row ? served : NULL;
}

ServedModel *
mlops_call_site_open(const char *reference)
{
	CallSite   *site = palloc0(offsetof(CallSite, types) + sizeof(Oid));

	site->context = CurrentMemoryContext;
	site->n_types = 1;
	site->types[0] = RECORDOID;
	dlist_init(&site->bindings);
	return get_model(site, reference, strlen(reference));
}
