/*-------------------------------------------------------------------------
 *
 * lineage.c
 *	  Where a version comes from: run, data set, relations, parents.
 *
 * Reads the record that publish and the runs have written.  Takes no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/tuplestore.h"

#include "base/spi_args.h"
#include "registry/lineage.h"
#include "registry/registry.h"

#define LINEAGE_COLUMNS 5

/* The parent of a version is always older, so the recursion ends. */
static const char *const lineage_query =
"WITH RECURSIVE v AS ("
" SELECT 0 AS depth, o.* FROM mlops.model_version o WHERE o.model = $1 AND o.version = $2"
" UNION ALL"
" SELECT v.depth + 1, p.* FROM v JOIN mlops.model_version p"
" ON p.model = v.model AND p.version = v.parent_version AND p.version < v.version)"
" SELECT depth, kind, object, digest, detail FROM ("
" SELECT depth, 1 AS place, 'version' AS kind, model || '/' || version AS object, digest,"
"  pg_catalog.jsonb_build_object('format', format, 'size', size,"
"   'library_version', library_version, 'booster', booster, 'objective', objective,"
"   'task', task, 'params', params, 'refit', refit, 'parent_version', parent_version,"
"   'created_by', created_by, 'created_at', created_at, 'deleted_at', deleted_at) AS detail"
"  FROM v"
" UNION ALL"
" SELECT v.depth, 2, 'run', r.id::pg_catalog.text, NULL,"
"  pg_catalog.jsonb_build_object('kind', r.kind, 'status', r.status,"
"   'submitted_by', r.submitted_by, 'submitted_at', r.submitted_at,"
"   'started_at', r.started_at, 'ended_at', r.ended_at, 'notes', r.notes,"
"   'environment', r.environment)"
"  FROM v JOIN mlops.run r ON r.id = v.run_id"
" UNION ALL"
" SELECT v.depth, 3, 'dataset', d.id::pg_catalog.text, d.digest,"
"  pg_catalog.jsonb_build_object('n_rows', d.n_rows, 'n_dropped', d.n_dropped,"
"   'schema_digest', pg_catalog.encode(d.schema_digest, 'hex'),"
"   'reproducible', d.reproducible, 'snapshot', d.snapshot, 'lsn', d.lsn,"
"   'system_identifier', d.system_identifier, 'read_by', d.read_by, 'read_at', d.read_at)"
"  FROM v JOIN mlops.dataset d ON d.id = v.dataset_id"
" UNION ALL"
" SELECT v.depth, 4, 'query', d.query, NULL, d.context"
"  FROM v JOIN mlops.dataset d ON d.id = v.dataset_id"
" UNION ALL"
" SELECT v.depth, 5, 'relation', r.value ->> 'name', NULL, r.value"
"  FROM v JOIN mlops.dataset d ON d.id = v.dataset_id,"
"  pg_catalog.jsonb_array_elements(d.relations) r"
") l ORDER BY depth, place, object COLLATE \"C\"";

void
mlops_registry_lineage(const char *reference, ReturnSetInfo *result)
{
	ModelVersion *version = mlops_registry_resolve_any(reference, MODEL_READ);
	SpiScope	scope;
	SpiArgs		args = {0};
	uint64		n_rows;

	mlops_args_add_text(&args, version->model);
	mlops_args_add_int4(&args, version->version);
	mlops_spi_begin(&scope, true);
	n_rows = mlops_spi_run(&scope, lineage_query, &args);
	for (uint64 row = 0; row < n_rows; row++)
	{
		Datum		values[LINEAGE_COLUMNS];
		bool		nulls[LINEAGE_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < LINEAGE_COLUMNS; i++)
			values[i] = mlops_spi_value(row, i + 1, &nulls[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	mlops_spi_end(&scope);
}
