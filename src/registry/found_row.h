/*-------------------------------------------------------------------------
 *
 * found_row.h
 *	  A row that an index scan found, to be found again by its place.
 *
 * A unique key has at most one row in a snapshot.  So when the row that was
 * found for a key stands where it stood, byte for byte, and the snapshot of now
 * sees it, it is the answer of now, and no index need be asked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOUND_ROW_H
#define MLOPS_FOUND_ROW_H

#include "access/genam.h"
#include "access/htup.h"
#include "storage/buf.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#include "compat/pg_compat.h"

typedef struct FoundRow
{
	HeapTuple	tuple;			/* a copy; NULL: nothing is remembered */
	Buffer		buffer;			/* that held it */
	RelFileLocator_compat file; /* of the table */
	uint64		epoch;			/* in which the table had that file */
} FoundRow;

/* Remember the current row of a scan of a table of ours, in the current memory context. */
extern void mlops_found_row_remember(FoundRow *row, SysScanDesc scan, HeapTuple tuple);

/* Whether the row is visible and as it was; false also when that cannot be told at
 * once. */
extern bool mlops_found_row_stands(const FoundRow *row, Snapshot snapshot);

#endif							/* MLOPS_FOUND_ROW_H */
