/*-------------------------------------------------------------------------
 *
 * probe.h
 *	  Rows of a table of ours by an index scan, under the active snapshot.
 *
 * Instead of SPI where a statement of any user must be cheap, or has no right on
 * our tables.  Text keys are COLLATE "C" because scan keys of the system are.
 *
 * Locks: AccessShareLock on the table while the probe is open.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROBE_H
#define MLOPS_PROBE_H

#include "access/genam.h"
#include "access/skey.h"
#include "utils/rel.h"

#include "registry/found_row.h"

typedef struct Probe
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;			/* current row */
} Probe;

/* Names are constants, as for mlops_relation. */
extern void mlops_probe_begin(Probe *probe, const char *table, const char *index,
							  int n_keys, ScanKey keys);
extern bool mlops_probe_fetch(Probe *probe);
extern void mlops_probe_end(Probe *probe);

/* Remember the current row; not with NULL. */
extern void mlops_probe_keep(const Probe *probe, FoundRow *row);

/* Column of the current row; a NULL is (Datum) 0, or an error for the second. */
extern Datum mlops_probe_column(const Probe *probe, int column, bool *isnull);
extern Datum mlops_probe_filled_column(const Probe *probe, int column);

/* Keys that demand equality. */
extern void mlops_probe_text_key(ScanKey key, int column, const char *value);
extern void mlops_probe_int4_key(ScanKey key, int column, int32 value);

#endif							/* MLOPS_PROBE_H */
