/*-------------------------------------------------------------------------
 *
 * submitter.c
 *	  Who may have runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/settings.h"
#include "compat/pg_compat.h"
#include "job/submitter.h"

void
mlops_submitter_check_session(Oid role, Oid database)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		can_login;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u, the submitter of the run, does not exist", role)));
	can_login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);

	if (!can_login)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot have runs because it has no LOGIN",
						GetUserNameFromId(role, false)),
				 errdetail("The query of a run is executed in a session of its own."),
				 errhint("Use ALTER ROLE ... LOGIN, or submit as another role.")));
	if (pg_database_aclcheck(database, role, ACL_CONNECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot have runs because it has no CONNECT on database \"%s\"",
						GetUserNameFromId(role, false), get_database_name(database)),
				 errhint("Use GRANT CONNECT ON DATABASE.")));
}

void
mlops_submitter_check(Oid role)
{
	mlops_submitter_check_session(role, MyDatabaseId);
	if (superuser_arg(role) && !mlops_allow_superuser_runs)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot have runs because it is a superuser",
						GetUserNameFromId(role, false)),
				 errdetail("The query of a run has all rights of its submitter."),
				 errhint("Submit as another role, or set mlops.allow_superuser_runs.")));
}
