/*-------------------------------------------------------------------------
 *
 * rights_fn.c
 *	  SQL functions of rights; the policies of our tables call the last two.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/statement.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_sql_grant_model);
PG_FUNCTION_INFO_V1(mlops_sql_revoke_model);
PG_FUNCTION_INFO_V1(mlops_sql_has_model_privilege);
PG_FUNCTION_INFO_V1(mlops_sql_has_run_privilege);

/* Last answer, so that a scan of many rows of one model asks once. */
typedef struct RightsMemo
{
	StatementKey statement;
	ModelPrivilege privilege;
	bool		permitted;
	int64		run;
	char		model[NAMEDATALEN * 4];
} RightsMemo;

/*
 * Memo of the call site; *known says whether it holds for this statement.  The
 * caller compares the object.
 */
static RightsMemo *
get_memo(FunctionCallInfo fcinfo, ModelPrivilege privilege, bool *known)
{
	RightsMemo *memo = fcinfo->flinfo->fn_extra;
	StatementKey statement;

	*known = false;
	if (memo == NULL)
	{
		memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RightsMemo));
		fcinfo->flinfo->fn_extra = memo;
	}
	else
	{
		mlops_statement_key(&statement);
		*known = memo->privilege == privilege && mlops_statement_same(&memo->statement, &statement);
	}
	return memo;
}

static void
set_memo(RightsMemo *memo, ModelPrivilege privilege, bool permitted)
{
	mlops_statement_key(&memo->statement);
	memo->privilege = privilege;
	memo->permitted = permitted;
}

Datum
mlops_sql_grant_model(PG_FUNCTION_ARGS)
{
	mlops_registry_grant(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1),
						 mlops_registry_privilege_from_name(text_to_cstring(PG_GETARG_TEXT_PP(2))));
	PG_RETURN_VOID();
}

Datum
mlops_sql_revoke_model(PG_FUNCTION_ARGS)
{
	mlops_registry_revoke(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1),
						  mlops_registry_privilege_from_name(text_to_cstring(PG_GETARG_TEXT_PP(2))));
	PG_RETURN_VOID();
}

Datum
mlops_sql_has_model_privilege(PG_FUNCTION_ARGS)
{
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ModelPrivilege privilege = mlops_registry_privilege_from_name(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	bool		known;
	RightsMemo *memo = get_memo(fcinfo, privilege, &known);

	if (!known || strcmp(memo->model, model) != 0)
	{
		bool		permitted = mlops_registry_permits(model, GetUserId(), privilege);

		/* longer ones are no names of models */
		if (strlen(model) >= sizeof(memo->model))
			PG_RETURN_BOOL(permitted);
		strcpy(memo->model, model);
		set_memo(memo, privilege, permitted);
	}
	PG_RETURN_BOOL(memo->permitted);
}

Datum
mlops_sql_has_run_privilege(PG_FUNCTION_ARGS)
{
	int64		run = PG_GETARG_INT64(0);
	ModelPrivilege privilege = mlops_registry_privilege_from_name(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	bool		known;
	RightsMemo *memo = get_memo(fcinfo, privilege, &known);

	if (!known || memo->run != run)
	{
		bool		permitted = mlops_registry_permits_run(run, GetUserId(), privilege);

		memo->run = run;
		set_memo(memo, privilege, permitted);
	}
	PG_RETURN_BOOL(memo->permitted);
}
