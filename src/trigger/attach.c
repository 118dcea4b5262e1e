/*-------------------------------------------------------------------------
 *
 * attach.c
 *	  Triggers of a monitor on the tables that it watches.
 *
 * A statement trigger fires only for the table that the statement names, so every
 * table of a partition tree has its own.  They are ordinary triggers, which
 * pg_dump writes, and depend on the extension as an automatic object: DROP
 * EXTENSION takes them along.
 *
 * Locks: ShareRowExclusiveLock on a table that gets a trigger, AccessExclusiveLock
 * on one that loses one, as CREATE and DROP TRIGGER take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/spi.h"
#include "trigger/attach.h"

typedef struct EventTrigger
{
	const char *function;
	const char *prefix;			/* of the trigger's name */
	const char *event;
	const char *tables;
} EventTrigger;

static const EventTrigger triggers[N_WATCH_EVENTS] = {
	{"observe_insert", "mlops_insert_", "INSERT", "NEW TABLE AS new_rows"},
	{"observe_update", "mlops_update_", "UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
};

bool
mlops_attach_wants(const Monitor *monitor, WatchEvent event)
{
	return event == WATCH_INSERT ||
		(monitor->label != NULL && monitor->n_key > 0 && monitor->time_column != NULL &&
		 monitor->window_rows == 0);
}

char *
mlops_attach_trigger_name(const char *monitor, WatchEvent event)
{
	StaticAssertStmt(sizeof("mlops_insert_") + MONITOR_MAX_NAME <= NAMEDATALEN,
					 "names of triggers fit");
	return psprintf("%s%s", triggers[event].prefix, monitor);
}

static void
refuse(Oid relation, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot watch \"%s\" by triggers: it is %s", get_rel_name(relation), what),
			 errhint("Give create_monitor a query instead, which is pulled.")));
}

/* Whether it has children or parents by INHERITS. */
static bool
has_inheritance(Relation rel)
{
	if (rel->rd_rel->relispartition)
		return false;
	return (rel->rd_rel->relhassubclass && rel->rd_rel->relkind == RELKIND_RELATION &&
			find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL) ||
		has_superclass(RelationGetRelid(rel));
}

static void
check_kind(Relation rel)
{
	Oid			relation = RelationGetRelid(rel);

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			refuse(relation, "a view");
			break;
		case RELKIND_MATVIEW:
			refuse(relation, "a materialized view");
			break;
		case RELKIND_FOREIGN_TABLE:
			refuse(relation, "a foreign table");
			break;
		default:
			refuse(relation, "not a table");
	}
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		refuse(relation, "a temporary table");
	if (IsCatalogRelation(rel))
		refuse(relation, "a system catalog");
	if (RelationGetNamespace(rel) == mlops_schema())
		refuse(relation, "a table of mlops");
	if (rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot watch partition \"%s\" alone: rows may come through its parent",
						RelationGetRelationName(rel)),
				 errhint("Watch the partitioned table, or give create_monitor a query.")));
	if (has_inheritance(rel))
		refuse(relation, "part of an inheritance tree");
}

void
mlops_attach_check(Oid relation)
{
	Relation	rel = table_open(relation, AccessShareLock);
	AclResult	result;

	check_kind(rel);
	result = pg_class_aclcheck(relation, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, RelationGetRelationName(rel));
	if (check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot watch table \"%s\" by triggers: row security hides rows of it from you",
						RelationGetRelationName(rel)),
				 errhint("Give create_monitor a query instead, which is pulled with your rights.")));
	table_close(rel, NoLock);
}

bool
mlops_attach_permits(const Monitor *monitor)
{
	return pg_class_aclcheck(monitor->relation, monitor->owner, ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(monitor->relation, monitor->owner, true) != RLS_ENABLED;
}

static Oid
find_function(WatchEvent event)
{
	return LookupFuncName(list_make2(makeString("mlops"), makeString(pstrdup(triggers[event].function))),
						  0, NULL, false);
}

/* DROP EXTENSION takes the trigger along. */
static void
depend_on_extension(Oid trigger)
{
	ObjectAddress object;
	ObjectAddress extension;

	ObjectAddressSet(object, TriggerRelationId, trigger);
	ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("mlops", false));
	recordDependencyOn(&object, &extension, DEPENDENCY_AUTO_EXTENSION);
}

static void
create_trigger(const Monitor *monitor, WatchEvent event, Oid relation)
{
	char	   *name = mlops_attach_trigger_name(monitor->name, event);
	char	   *sql = psprintf("CREATE TRIGGER %s AFTER %s ON %s REFERENCING %s"
							   " FOR EACH STATEMENT EXECUTE FUNCTION mlops.%s(%s)",
							   quote_identifier(name), triggers[event].event,
							   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
														  get_rel_name(relation)),
							   triggers[event].tables, triggers[event].function,
							   quote_literal_cstr(monitor->name));

	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", sql);
	CommandCounterIncrement();
	depend_on_extension(get_trigger_oid(relation, name, false));
}

/* The watched table and its partitions, locked; none when it is gone. */
static List *
find_tree(const Monitor *monitor)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(monitor->relation)))
		return NIL;
	return find_all_inheritors(monitor->relation, AccessShareLock, NULL);
}

/* Triggers of a monitor for an event, wherever they are: a list of OIDs, and one of
 * their tables. */
static List *
list_triggers(const char *monitor, WatchEvent event, List **relations)
{
	char	   *name = mlops_attach_trigger_name(monitor, event);
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	Relation	trigger = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *found = NIL;

	*relations = NIL;
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(find_function(event)));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend dependency = (Form_pg_depend) GETSTRUCT(tuple);
		ScanKeyData key;
		SysScanDesc trigger_scan;
		HeapTuple	trigger_tuple;

		if (dependency->classid != TriggerRelationId)
			continue;
		ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(dependency->objid));
		trigger_scan = systable_beginscan(trigger, TriggerOidIndexId, true, NULL, 1, &key);
		trigger_tuple = systable_getnext(trigger_scan);
		if (HeapTupleIsValid(trigger_tuple))
		{
			Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(trigger_tuple);

			if (namestrcmp(&form->tgname, name) == 0)
			{
				found = lappend_oid(found, form->oid);
				*relations = lappend_oid(*relations, form->tgrelid);
			}
		}
		systable_endscan(trigger_scan);
	}
	systable_endscan(scan);
	table_close(trigger, AccessShareLock);
	table_close(depend, AccessShareLock);
	return found;
}

/*
 * Drop the triggers of an event on tables of the tree, unless they are wanted, and
 * on all others that are not in use: what is left there does nothing, and may be
 * somebody's imitation on a table that he keeps locked.
 */
static void
drop_triggers(const char *monitor, WatchEvent event, const List *tree, bool wanted)
{
	List	   *relations;
	List	   *found = list_triggers(monitor, event, &relations);
	ListCell   *cell;
	ListCell   *relation;

	forboth(cell, found, relation, relations)
	{
		ObjectAddress object;
		bool		ours = list_member_oid(tree, lfirst_oid(relation));

		if (ours ? wanted : !ConditionalLockRelationOid(lfirst_oid(relation), AccessExclusiveLock))
			continue;
		ObjectAddressSet(object, TriggerRelationId, lfirst_oid(cell));
		performDeletion(&object, DROP_RESTRICT, 0);
	}
	CommandCounterIncrement();
}

void
mlops_attach_sync(const Monitor *monitor)
{
	List	   *tree = find_tree(monitor);
	int			guc_level = NewGUCNestLevel();
	ListCell   *cell;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(cell, tree)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			refuse(lfirst_oid(cell), "a foreign table");
	}
	for (int event = 0; event < N_WATCH_EVENTS; event++)
	{
		bool		wanted = mlops_attach_wants(monitor, event);

		drop_triggers(monitor->name, event, tree, wanted);
		foreach(cell, tree)
		{
			if (wanted && !OidIsValid(get_trigger_oid(lfirst_oid(cell),
													  mlops_attach_trigger_name(monitor->name, event), true)))
				create_trigger(monitor, event, lfirst_oid(cell));
		}
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(true, guc_level);
}

void
mlops_attach_remove(const Monitor *monitor)
{
	List	   *tree = find_tree(monitor);

	for (int event = 0; event < N_WATCH_EVENTS; event++)
		drop_triggers(monitor->name, event, tree, false);
}
