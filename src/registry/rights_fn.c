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
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/statement.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_sql_grant_model);
PG_FUNCTION_INFO_V1(mlops_sql_revoke_model);
PG_FUNCTION_INFO_V1(mlops_sql_has_model_privilege);
PG_FUNCTION_INFO_V1(mlops_sql_has_run_privilege);

#define KEY_SIZE 160			/* more than any name of a model takes */
#define MAX_ANSWERS 10000

/* One answer of this statement. */
typedef struct Answer
{
	char		key[KEY_SIZE];	/* privilege and object */
	bool		permitted;
} Answer;

/* The answers of one call site, so that a scan of many rows asks once per object. */
typedef struct RightsMemo
{
	StatementKey statement;
	MemoryContext context;
	HTAB	   *answers;
} RightsMemo;

/* Answers given under what this statement sees; made anew for another one. */
static HTAB *
get_answers(FunctionCallInfo fcinfo)
{
	RightsMemo *memo = fcinfo->flinfo->fn_extra;
	StatementKey statement;
	HASHCTL		control = {.keysize = KEY_SIZE,.entrysize = sizeof(Answer)};

	mlops_statement_key(&statement);
	if (memo != NULL && memo->answers != NULL &&
		mlops_statement_same(&memo->statement, &statement) &&
		hash_get_num_entries(memo->answers) < MAX_ANSWERS)
		return memo->answers;

	if (memo == NULL)
	{
		memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RightsMemo));
		memo->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "mlops rights",
											  ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = memo;
	}
	memo->answers = NULL;
	MemoryContextReset(memo->context);
	control.hcxt = memo->context;
	memo->answers = hash_create("mlops rights", 16, &control,
								HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	memo->statement = statement;
	return memo->answers;
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
	HTAB	   *answers = get_answers(fcinfo);
	char		key[KEY_SIZE];
	Answer	   *answer;
	bool		permitted;

	/* longer ones are no names of models */
	if (snprintf(key, sizeof(key), "%d %s", privilege, model) >= (int) sizeof(key))
		PG_RETURN_BOOL(false);
	answer = hash_search(answers, key, HASH_FIND, NULL);
	if (answer == NULL)
	{
		permitted = mlops_registry_permits(model, GetUserId(), privilege);
		answer = hash_search(answers, key, HASH_ENTER, NULL);
		answer->permitted = permitted;
	}
	PG_RETURN_BOOL(answer->permitted);
}

Datum
mlops_sql_has_run_privilege(PG_FUNCTION_ARGS)
{
	int64		run = PG_GETARG_INT64(0);
	ModelPrivilege privilege = mlops_registry_privilege_from_name(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	HTAB	   *answers = get_answers(fcinfo);
	char		key[KEY_SIZE];
	Answer	   *answer;
	bool		permitted;

	snprintf(key, sizeof(key), "%d " INT64_FORMAT, privilege, run);
	answer = hash_search(answers, key, HASH_FIND, NULL);
	if (answer == NULL)
	{
		permitted = mlops_registry_permits_run(run, GetUserId(), privilege);
		answer = hash_search(answers, key, HASH_ENTER, NULL);
		answer->permitted = permitted;
	}
	PG_RETURN_BOOL(answer->permitted);
}
