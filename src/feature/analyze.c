/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  What a query says about its data set before it runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "base/error.h"
#include "base/json.h"
#include "feature/dataset_state.h"
#include "feature/query.h"

static const char *
get_kind_name(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
			return "table";
		case RELKIND_PARTITIONED_TABLE:
			return "partitioned table";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_SEQUENCE:
			return "sequence";
		default:
			return "other";
	}
}

static Jsonb *
list_relations(const List *relations)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, relations)
	{
		Oid			relation = lfirst_oid(cell);

		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		mlops_json_push_string(&state, WJB_KEY, "name");
		mlops_json_push_string(&state, WJB_VALUE,
							   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
														  get_rel_name(relation)));
		mlops_json_push_string(&state, WJB_KEY, "kind");
		mlops_json_push_string(&state, WJB_VALUE, get_kind_name(get_rel_relkind(relation)));
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* The features as far as the columns tell: each is one, unless it is an array. */
static Signature *
draft_features(const EncodePlan *plan)
{
	Signature  *signature = palloc0(sizeof(Signature));

	signature->features = palloc0(sizeof(Feature) * Max(plan->n_steps, 1));
	for (int i = 0; i < plan->n_steps; i++)
	{
		if (plan->steps[i].width != 1)
			return NULL;
		signature->features[signature->n_features++].name = pstrdup(plan->steps[i].name);
	}
	return signature;
}

void
mlops_dataset_analyze(const DatasetSpec *spec, DatasetAnalysis *analysis)
{
	Query	   *query = mlops_query_parse(spec->query);
	QueryFacts	facts;
	DatasetColumns *columns;
	Target	   *target;

	mlops_query_examine(query, &facts);
	if (facts.temporary != NULL && spec->split != SPLIT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("query reads the temporary relation \"%s\"", facts.temporary),
				 errdetail("A run has a session of its own, which does not see it."),
				 errhint("Use a permanent table.")));

	columns = mlops_columns_resolve(spec, ExecCleanTypeFromTL(query->targetList));
	target = mlops_target_create(spec, columns);
	(void) mlops_split_create(spec, columns);

	analysis->task = target->task;
	analysis->reproducible = facts.reproducible;
	analysis->relations = list_relations(facts.relations);
	analysis->features = draft_features(columns->features);
}
