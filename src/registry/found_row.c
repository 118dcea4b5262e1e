/*-------------------------------------------------------------------------
 *
 * found_row.c
 *	  A row that an index scan found, to be found again by its place.
 *
 * Step of every prediction of a session but the first of a model; see resolve.c.
 * Nothing needs to be told when a row moves or changes: ReadRecentBuffer fails
 * when the buffer no longer holds that page of that file, which covers rewritten
 * and truncated tables too, and the comparison covers a place that is used anew.
 *
 * Locks: content lock (share) of the page while it looks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "compat/pg_compat.h"
#include "registry/found_row.h"

void
mlops_found_row_remember(FoundRow *row, SysScanDesc scan, HeapTuple tuple)
{
	row->tuple = NULL;
	/* tables of other access methods have no such slot */
	if (!TTS_IS_BUFFERTUPLE(scan->slot))
		return;
	row->buffer = ((BufferHeapTupleTableSlot *) scan->slot)->buffer;
	row->tuple = heap_copytuple(tuple);
}

/* Whether two tuples are one: inserted by one transaction, the same bytes. */
static bool
equal_tuples(HeapTuple a, HeapTuple b)
{
	const size_t header = offsetof(HeapTupleHeaderData, t_bits);

	return a->t_len == b->t_len &&
		HeapTupleHeaderGetRawXmin(a->t_data) == HeapTupleHeaderGetRawXmin(b->t_data) &&
		HeapTupleHeaderGetNatts(a->t_data) == HeapTupleHeaderGetNatts(b->t_data) &&
		memcmp((char *) a->t_data + header, (char *) b->t_data + header, a->t_len - header) == 0;
}

bool
mlops_found_row_stands(const FoundRow *row, Relation rel, Snapshot snapshot)
{
	HeapTupleData tuple;
	OffsetNumber offset;
	Page		page;
	bool		stands = false;

	/* a serializable transaction must leave its marks on the index */
	if (row->tuple == NULL || IsolationIsSerializable() ||
		!ReadRecentBuffer(RelationGetLocator_compat(rel), MAIN_FORKNUM,
						  ItemPointerGetBlockNumber(&row->tuple->t_self), row->buffer))
		return false;

	LockBuffer(row->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(row->buffer);
	offset = ItemPointerGetOffsetNumber(&row->tuple->t_self);
	if (offset <= PageGetMaxOffsetNumber(page) && ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		tuple.t_self = row->tuple->t_self;
		tuple.t_tableOid = RelationGetRelid(rel);
		tuple.t_len = ItemIdGetLength(PageGetItemId(page, offset));
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, offset));
		stands = equal_tuples(&tuple, row->tuple) &&
			HeapTupleSatisfiesVisibility(&tuple, snapshot, row->buffer);
	}
	UnlockReleaseBuffer(row->buffer);
	return stands;
}
