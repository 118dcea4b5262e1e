/*-------------------------------------------------------------------------
 *
 * found_row.c
 *	  A row that an index scan found, to be found again by its place.
 *
 * Step of every prediction of a session but the first of a model; see resolve.c.
 * ReadRecentBuffer fails when the buffer no longer holds that page of that file,
 * and the comparison covers a place that is used anew.
 *
 * It takes no lock on the table.  When the table gets another file, by VACUUM
 * FULL or TRUNCATE, the message that it did is sent before the lock is released,
 * hence before anybody changes a row of the new file and commits; so who has no
 * such message (mlops_relations_unchanged) has no snapshot that sees a row of
 * the new file that is not in the old one.
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

#include "base/spi.h"
#include "registry/found_row.h"

void
mlops_found_row_remember(FoundRow *row, SysScanDesc scan, HeapTuple tuple)
{
	row->tuple = NULL;
	row->epoch = mlops_relation_epoch(RelationGetRelid(scan->heap_rel));
	/* tables of other access methods have no such slot */
	if (row->epoch == 0 || !TTS_IS_BUFFERTUPLE(scan->slot))
		return;
	row->file = RelationGetLocator_compat(scan->heap_rel);
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
mlops_found_row_stands(const FoundRow *row, Snapshot snapshot)
{
	HeapTupleData tuple;
	OffsetNumber offset;
	Page		page;
	bool		stands = false;

	/* a serializable transaction must leave its marks on the index */
	if (row->tuple == NULL || IsolationIsSerializable() ||
		!mlops_relations_unchanged(row->epoch) ||
		!ReadRecentBuffer(row->file, MAIN_FORKNUM,
						  ItemPointerGetBlockNumber(&row->tuple->t_self), row->buffer))
		return false;

	LockBuffer(row->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(row->buffer);
	offset = ItemPointerGetOffsetNumber(&row->tuple->t_self);
	if (offset <= PageGetMaxOffsetNumber(page) && ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		tuple.t_self = row->tuple->t_self;
		tuple.t_tableOid = row->tuple->t_tableOid;
		tuple.t_len = ItemIdGetLength(PageGetItemId(page, offset));
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, offset));
		stands = equal_tuples(&tuple, row->tuple) &&
			HeapTupleSatisfiesVisibility(&tuple, snapshot, row->buffer);
	}
	UnlockReleaseBuffer(row->buffer);
	return stands;
}
