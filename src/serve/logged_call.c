/*-------------------------------------------------------------------------
 *
 * logged_call.c
 *	  One place in an expression that predicts and logs.
 *
 *	 model and key -> arm -> call site, which scores -> row of the log
 *						  \-> shadow arms, which score -> rows of the log
 *
 * A shadow arm must not fail the statement: it scores in a subtransaction, which
 * writes nothing and hence takes no transaction id.
 *
 * Locks: see traffic.c and prediction_log.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/statement.h"
#include "serve/logged_call.h"
#include "serve/traffic.h"

/* What the log's index has room for, besides the name of the model. */
#define MAX_KEY_LENGTH 2000

struct LoggedCall
{
	FmgrInfo	scorer;			/* the function, whose fn_extra is the call
								 * site */
	TupleDesc	tupdesc;		/* of the result */
	MemoryContext context;		/* of traffic and its model */
	StatementKey key;			/* under which it was found */
	char	   *model;			/* NULL: none was looked up */
	Traffic    *traffic;
	bool		warned;			/* of a shadow arm that failed */
	NullableDatum args[FLEXIBLE_ARRAY_MEMBER];	/* reference and row */
};

LoggedCall *
mlops_logged_call_get(FunctionCallInfo fcinfo)
{
	LoggedCall *call = fcinfo->flinfo->fn_extra;
	MemoryContext caller;
	TupleDesc	tupdesc;

	if (call != NULL)
		return call;
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	call = palloc0(offsetof(LoggedCall, args) + PG_NARGS() * sizeof(NullableDatum));
	call->scorer = *fcinfo->flinfo;
	call->tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
	call->context = AllocSetContextCreate(CurrentMemoryContext, "mlops traffic",
										  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(caller);
	return fcinfo->flinfo->fn_extra = call;
}

TupleDesc
mlops_logged_call_tupdesc(const LoggedCall *call)
{
	return call->tupdesc;
}

static void
check_key(const text *key)
{
	if (key != NULL && VARSIZE_ANY_EXHDR(key) > MAX_KEY_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key of a logged prediction has more than %d bytes", MAX_KEY_LENGTH),
				 errhint("Use a shorter one, such as md5(key).")));
}

/* Traffic of the model, looked up once per statement. */
static const Traffic *
get_traffic(LoggedCall *call, const char *model)
{
	StatementKey key;
	MemoryContext caller;

	mlops_statement_key(&key);
	if (call->model != NULL && strcmp(call->model, model) == 0 &&
		mlops_statement_same(&call->key, &key))
		return call->traffic;
	call->model = NULL;
	MemoryContextReset(call->context);
	caller = MemoryContextSwitchTo(call->context);
	call->traffic = mlops_traffic_find(model);
	call->model = pstrdup(model);
	call->key = key;
	MemoryContextSwitchTo(caller);
	return call->traffic;
}

/* Score the row with a version; false when it is NULL. */
static bool
score_row(LoggedCall *call, FunctionCallInfo fcinfo, const char *reference,
		  LoggedPrediction *logged)
{
	int			n_args = PG_NARGS() - 1;
	ServedModel *served;

	memcpy(call->args, fcinfo->args + 1, n_args * sizeof(NullableDatum));
	call->args[0].value = CStringGetTextDatum(reference);
	call->args[0].isnull = false;
	served = mlops_call_site_score(&call->scorer, 1, n_args, call->args);
	if (served == NULL)
		return false;
	mlops_prediction_log_take(served, logged);
	return true;
}

/* The same for a shadow arm, where an error is a warning, but for cancellations. */
static bool
score_shadow(LoggedCall *call, FunctionCallInfo fcinfo, const char *reference,
			 LoggedPrediction *logged)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool scored = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		scored = score_row(call, fcinfo, reference, logged);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		if (!call->warned)
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("shadow arm \"%s\" could not predict: %s", reference, error->message),
					 errhint("Its prediction is not logged. Shadow arms are set with mlops.set_traffic.")));
		call->warned = true;
		scored = false;
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return scored;
}

/* Try the shadow arms of the key into logged[]; their number. */
static int
try_shadows(LoggedCall *call, FunctionCallInfo fcinfo, const Traffic *traffic, const char *model,
			const char *served, const text *key, LoggedPrediction *logged)
{
	int			n = 0;

	for (int i = 0; i < traffic->n_arms; i++)
	{
		const char *alias = traffic->arms[i].alias;

		if (strcmp(alias, served) == 0 || !mlops_traffic_is_tried(&traffic->arms[i], model, key) ||
			!score_shadow(call, fcinfo, psprintf("%s@%s", model, alias), &logged[n]))
			continue;
		logged[n].arm = alias;
		logged[n].shadow = true;
		n++;
	}
	return n;
}

bool
mlops_logged_call_predict(LoggedCall *call, FunctionCallInfo fcinfo, LoggedPrediction *logged)
{
	text	   *key = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	char	   *reference;
	ModelReference parsed;
	Traffic		none = {0};
	const Traffic *traffic = &none;
	LoggedPrediction *rows;
	int			n = 1;

	if (PG_ARGISNULL(0))
		return false;
	check_key(key);
	reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mlops_registry_parse_reference(reference, &parsed);
	if (key != NULL && strcmp(reference, parsed.model) == 0)
		traffic = get_traffic(call, parsed.model);
	if (traffic->n_arms > 0)
	{
		parsed.alias = unconstify(char *, mlops_traffic_route(traffic, parsed.model, key));
		reference = psprintf("%s@%s", parsed.model, parsed.alias);
	}

	rows = palloc((1 + traffic->n_arms) * sizeof(LoggedPrediction));
	if (!score_row(call, fcinfo, reference, &rows[0]))
		return false;
	rows[0].arm = parsed.alias;
	n += try_shadows(call, fcinfo, traffic, parsed.model, parsed.alias, key, &rows[1]);
	mlops_prediction_log_write(rows, n, key);
	*logged = rows[0];
	return true;
}
