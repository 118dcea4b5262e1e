/*-------------------------------------------------------------------------
 *
 * performance_rank.c
 *	  Labels and scores of an aggregate, sorted on disk, for exact areas under
 *	  curves.
 *
 * A row is a score and a weight, which is negative for the negative class.  They
 * are sorted by both, so that the sums do not depend on the order of equal
 * scores in the input.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "compat/pg_compat.h"
#include "drift/performance_rank.h"

struct PerformanceRank
{
	MemoryContext context;
	Tuplesortstate *sort;		/* NULL once it is read */
	TupleTableSlot *put;
	TupleTableSlot *next;
	PerformanceCurve curve;
};

static void
end_rank(Datum argument)
{
	PerformanceRank *rank = (PerformanceRank *) DatumGetPointer(argument);

	if (rank->sort != NULL)
		tuplesort_end(rank->sort);
	rank->sort = NULL;
}

/* Kilobytes of a sort.  A hashed aggregate has one for each of its groups at once. */
static int
get_memory(FunctionCallInfo fcinfo)
{
	AggStrategy strategy = castNode(AggState, fcinfo->context)->aggstrategy;

	return strategy == AGG_HASHED || strategy == AGG_MIXED ? work_mem / 16 : work_mem;
}

PerformanceRank *
mlops_performance_rank_create(FunctionCallInfo fcinfo)
{
	TypeCacheEntry *type = lookup_type_cache(FLOAT8OID, TYPECACHE_GT_OPR);
	TupleDesc	tupdesc;
	AttrNumber	numbers[] = {1, 2};
	Oid			operators[] = {type->gt_opr, type->gt_opr};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};
	MemoryContext context;
	MemoryContext old_context;
	PerformanceRank *rank;

	if (AggCheckCallContext(fcinfo, &context) != AGG_CONTEXT_AGGREGATE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function works in an aggregate only, and not in one that is a window function"),
				 errhint("Use mlops.roc_auc_binned or mlops.average_precision_binned as window functions.")));
	old_context = MemoryContextSwitchTo(context);
	tupdesc = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(tupdesc, 1, NULL, FLOAT8OID, -1, 0);
	TupleDescInitEntry(tupdesc, 2, NULL, FLOAT8OID, -1, 0);
	rank = palloc0(sizeof(PerformanceRank));
	rank->context = context;
	rank->put = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	rank->next = MakeSingleTupleTableSlot(tupdesc, &TTSOpsMinimalTuple);
	rank->sort = tuplesort_begin_heap(tupdesc, 2, numbers, operators, collations, nulls_first,
									  get_memory(fcinfo), NULL, TUPLESORT_NONE);
	AggRegisterCallback(fcinfo, end_rank, PointerGetDatum(rank));
	MemoryContextSwitchTo(old_context);
	return rank;
}

void
mlops_performance_rank_put(PerformanceRank *rank, bool positive, double score, double weight)
{
	ExecClearTuple(rank->put);
	rank->put->tts_values[0] = Float8GetDatum(score);
	rank->put->tts_values[1] = Float8GetDatum(positive ? weight : -weight);
	rank->put->tts_isnull[0] = rank->put->tts_isnull[1] = false;
	ExecStoreVirtualTuple(rank->put);
	tuplesort_puttupleslot(rank->sort, rank->put);
}

/* Sorted rows -> curve, a step for each score. */
static void
read_curve(PerformanceRank *rank)
{
	double		score = 0;
	double		positive = 0;
	double		negative = 0;

	while (tuplesort_gettupleslot(rank->sort, true, false, rank->next, NULL))
	{
		double		weight;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(rank->next);
		weight = DatumGetFloat8(rank->next->tts_values[1]);
		if (DatumGetFloat8(rank->next->tts_values[0]) != score)
		{
			mlops_performance_step(&rank->curve, positive, negative);
			score = DatumGetFloat8(rank->next->tts_values[0]);
			positive = negative = 0;
		}
		if (weight > 0)
			positive += weight;
		else
			negative -= weight;
	}
	mlops_performance_step(&rank->curve, positive, negative);
}

const PerformanceCurve *
mlops_performance_rank_finish(PerformanceRank *rank)
{
	if (rank->sort != NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(rank->context);

		tuplesort_performsort(rank->sort);
		read_curve(rank);
		end_rank(PointerGetDatum(rank));
		MemoryContextSwitchTo(old_context);
	}
	return &rank->curve;
}
