/*-------------------------------------------------------------------------
 *
 * pg_compat.h
 *	  The only place that looks at PG_VERSION_NUM.
 *
 * A back-ported helper takes the new server's name; changed behaviour takes
 * the suffix _compat.  Supported: 15 to 18.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PG_COMPAT_H
#define MLOPS_PG_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "mlops supports PostgreSQL 15 to 18"
#endif

/* varatt.h was split from postgres.h in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* a prefix took the place of pg_attribute_noreturn() in 18 */
#if PG_VERSION_NUM < 180000
#define pg_noreturn _Noreturn
#endif

/* the local transaction id moved in 17; wants storage/proc.h */
#if PG_VERSION_NUM >= 170000
#define MyLocalTransactionId_compat() (MyProc->vxid.lxid)
#else
#define MyLocalTransactionId_compat() (MyProc->lxid)
#endif

/* an argument says since 16 whether to copy; wants utils/tuplesort.h */
#if PG_VERSION_NUM >= 160000
#define tuplesort_getdatum_compat(state, forward, value, isnull) \
	tuplesort_getdatum(state, forward, true, value, isnull, NULL)
#else
#define tuplesort_getdatum_compat(state, forward, value, isnull) \
	tuplesort_getdatum(state, forward, value, isnull, NULL)
#endif

/* reading a whole record has its own function since 16; wants storage/buffile.h */
#if PG_VERSION_NUM < 160000
#define BufFileReadExact(file, record, size) \
	do { \
		if (BufFileRead(file, record, size) != (size)) \
			ereport(ERROR, \
					(errcode_for_file_access(), \
					 errmsg("could not read from a temporary file"))); \
	} while (0)
#endif

/* object_aclcheck() took the place of the function per class in 16 */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database.h"
#define pg_database_aclcheck(database, role, mode) \
	object_aclcheck(DatabaseRelationId, database, role, mode)
#endif

/* files of relations got another name in 16; wants utils/rel.h */
#if PG_VERSION_NUM >= 160000
#define RelFileLocator_compat RelFileLocator
#define RelationGetLocator_compat(rel) ((rel)->rd_locator)
#else
#define RelFileLocator_compat RelFileNode
#define RelationGetLocator_compat(rel) ((rel)->rd_node)
#endif

/* an argument says since 17 whether a stronger mode counts; wants storage/lock.h */
#if PG_VERSION_NUM >= 170000
#define LockHeldByMe_compat(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define LockHeldByMe_compat(tag, mode) LockHeldByMe(tag, mode)
#endif

/* intervals can be infinite since 17; wants utils/timestamp.h */
#if PG_VERSION_NUM >= 170000
#define INTERVAL_IS_NOBEGIN_compat(interval) INTERVAL_IS_NOBEGIN(interval)
#define INTERVAL_IS_NOEND_compat(interval) INTERVAL_IS_NOEND(interval)
#else
#define INTERVAL_IS_NOBEGIN_compat(interval) false
#define INTERVAL_IS_NOEND_compat(interval) false
#endif

#endif							/* MLOPS_PG_COMPAT_H */
