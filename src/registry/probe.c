/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  Rows of a table of ours by an index scan, under the active snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "base/spi.h"
#include "registry/probe.h"

void
mlops_probe_begin(Probe *probe, const char *table, const char *index, int n_keys, ScanKey keys)
{
	Assert(ActiveSnapshotSet());
	probe->rel = table_open(mlops_relation(table), AccessShareLock);
	probe->scan = systable_beginscan(probe->rel, mlops_relation(index), true,
									 GetActiveSnapshot(), n_keys, keys);
	probe->tuple = NULL;
}

bool
mlops_probe_fetch(Probe *probe)
{
	probe->tuple = systable_getnext(probe->scan);
	return HeapTupleIsValid(probe->tuple);
}

void
mlops_probe_keep(const Probe *probe, FoundRow *row)
{
	if (row != NULL)
		mlops_found_row_remember(row, probe->scan, probe->tuple);
}

void
mlops_probe_end(Probe *probe)
{
	systable_endscan(probe->scan);
	table_close(probe->rel, AccessShareLock);
}

Datum
mlops_probe_column(const Probe *probe, int column, bool *isnull)
{
	return heap_getattr(probe->tuple, column, RelationGetDescr(probe->rel), isnull);
}

Datum
mlops_probe_filled_column(const Probe *probe, int column)
{
	bool		isnull;
	Datum		value = mlops_probe_column(probe, column, &isnull);

	if (isnull)
		elog(ERROR, "column %d of relation \"%s\" is null", column,
			 RelationGetRelationName(probe->rel));
	return value;
}

void
mlops_probe_text_key(ScanKey key, int column, const char *value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
}

void
mlops_probe_int4_key(ScanKey key, int column, int32 value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(value));
}
