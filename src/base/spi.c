/*-------------------------------------------------------------------------
 *
 * spi.c
 *	  The one way into our own tables: SPI as the extension's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/spi.h"
#include "base/version.h"

/* More names than relations of ours are asked for. */
#define MAX_KNOWN_RELATIONS 64

typedef struct KnownRelation
{
	const char *name;			/* compared by address */
	Oid			oid;
} KnownRelation;

/* Relations found since one of them, or a schema, changed for the last time. */
static KnownRelation known_relations[MAX_KNOWN_RELATIONS];
static int	n_known_relations;
static uint64 relations_epoch = 1;	/* number of that time */

/*
 * Owner of the extension, or InvalidOid: not known.  Whatever changes it changes
 * the owner of its tables as well, which is how it is noticed.  It is known only
 * while the library serves the objects' version: scripts of updates touch the
 * schema.
 */
static Oid	known_owner = InvalidOid;

/* The same by the catalogs.  Checks the version, unless a script of the extension runs. */
static Oid
find_owner(void)
{
	Oid			owner = InvalidOid;
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("mlops"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(rel), &isnull);

		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
		if (!creating_extension)
			mlops_version_check(TextDatumGetCString(version));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"mlops\" does not exist in this database"),
				 errhint("Use CREATE EXTENSION mlops.")));
	return owner;
}

Oid
mlops_schema(void)
{
	return get_namespace_oid("mlops", false);
}

static void
forget_relations(void)
{
	n_known_relations = 0;
	known_owner = InvalidOid;
	relations_epoch++;
}

/* Callback of the relation cache; InvalidOid stands for all. */
static void
forget_relation(Datum argument, Oid relation)
{
	if (n_known_relations == 0) /* the first one is being looked for */
		forget_relations();
	for (int i = 0; i < n_known_relations; i++)
		if (!OidIsValid(relation) || known_relations[i].oid == relation)
			forget_relations();
}

/* Callback of the schemas' cache. */
static void
forget_schema(Datum argument, int cache, uint32 hash)
{
	forget_relations();
}

/* OID by the catalogs. */
static Oid
find_relation(const char *name)
{
	Oid			oid = get_relname_relid(name, mlops_schema());

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"mlops.%s\" does not exist", name),
				 errhint("Use ALTER EXTENSION mlops UPDATE.")));
	return oid;
}

Oid
mlops_relation(const char *name)
{
	static bool watching = false;
	Oid			oid;

	for (int i = 0; i < n_known_relations; i++)
		if (known_relations[i].name == name)
			return known_relations[i].oid;

	/* what a script of the extension sees is not remembered */
	if (creating_extension)
		return find_relation(name);
	if (!watching)
	{
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_schema, (Datum) 0);
		watching = true;
	}
	if (n_known_relations == MAX_KNOWN_RELATIONS)
		forget_relations();
	do
	{
		/* each of the two may forget what is known */
		if (!OidIsValid(known_owner))
			known_owner = find_owner();
		oid = find_relation(name);
	} while (!OidIsValid(known_owner));
	known_relations[n_known_relations].name = name;
	known_relations[n_known_relations++].oid = oid;
	return oid;
}

uint64
mlops_relation_epoch(Oid relation)
{
	for (int i = 0; i < n_known_relations; i++)
		if (known_relations[i].oid == relation)
			return relations_epoch;
	return 0;
}

bool
mlops_relations_unchanged(uint64 epoch)
{
	AcceptInvalidationMessages();
	return epoch == relations_epoch;
}

Oid
mlops_extension_owner(void)
{
	if (creating_extension)
		return find_owner();
	if (!OidIsValid(known_owner))
		(void) mlops_relation("model");
	return known_owner;
}

void
mlops_spi_begin(SpiScope *scope, bool read_only)
{
	scope->read_only = read_only;
	GetUserIdAndSecContext(&scope->user, &scope->sec_context);
	SetUserIdAndSecContext(mlops_extension_owner(),
						   scope->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	scope->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
mlops_spi_end(SpiScope *scope)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(true, scope->guc_level);
	SetUserIdAndSecContext(scope->user, scope->sec_context);
}

uint64
mlops_spi_execute(const SpiScope *scope, const char *sql, int nargs,
				  Oid *types, Datum *values, const char *nulls)
{
	int			result = SPI_execute_with_args(sql, nargs, types, values, nulls,
											   scope->read_only, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return SPI_processed;
}

Datum
mlops_spi_value(uint64 row, int column, bool *isnull)
{
	Assert(row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

char *
mlops_spi_text(uint64 row, int column)
{
	Assert(row < SPI_tuptable->numvals);
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}
