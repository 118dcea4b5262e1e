/*-------------------------------------------------------------------------
 *
 * params_metric.c
 *	  The evaluation metrics of XGBoost that train takes.
 *
 * libxgboost fails an internal check, after the rows were read, when a metric
 * does not go with the labels; so the pairs that cannot work are refused before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "job/params_metric.h"

#define REGRESSION (1 << TASK_REGRESSION)
#define BINARY (1 << TASK_BINARY)
#define MULTICLASS (1 << TASK_MULTICLASS)
#define RANKING (1 << TASK_RANKING)
#define SURVIVAL (1 << TASK_SURVIVAL)
#define ONE_OUTPUT (REGRESSION | BINARY | RANKING)

typedef struct Metric
{
	const char *name;
	int			tasks;
	bool		needs_number;	/* name@number only */
	bool		takes_number;
} Metric;

static const Metric metrics[] = {
	{"rmse", ONE_OUTPUT, false, false},
	{"rmsle", ONE_OUTPUT, false, false},
	{"mae", ONE_OUTPUT, false, false},
	{"mape", ONE_OUTPUT, false, false},
	{"mphe", ONE_OUTPUT, false, false},
	{"logloss", ONE_OUTPUT, false, false},
	{"error", ONE_OUTPUT, false, true},
	{"merror", MULTICLASS, false, false},
	{"mlogloss", MULTICLASS, false, false},
	{"auc", REGRESSION | BINARY | MULTICLASS | RANKING, false, false},
	{"aucpr", REGRESSION | BINARY | MULTICLASS | RANKING, false, false},
	{"ndcg", ONE_OUTPUT, false, true},
	{"map", ONE_OUTPUT, false, true},
	{"pre", ONE_OUTPUT, false, true},
	{"poisson-nloglik", ONE_OUTPUT, false, false},
	{"gamma-nloglik", ONE_OUTPUT, false, false},
	{"gamma-deviance", ONE_OUTPUT, false, false},
	{"tweedie-nloglik", ONE_OUTPUT, true, true},
	{"quantile", REGRESSION, false, false},
	{"expectile", REGRESSION, false, false},
	{"cox-nloglik", SURVIVAL, false, false},
	{"aft-nloglik", SURVIVAL, false, false},
	{"interval-regression-accuracy", SURVIVAL, false, false}
};

static const Metric *
find_metric(const char *name, size_t length)
{
	for (int i = 0; i < lengthof(metrics); i++)
	{
		if (strlen(metrics[i].name) == length && memcmp(metrics[i].name, name, length) == 0)
			return &metrics[i];
	}
	return NULL;
}

/* Whether what follows the name is as it must be: "", "-", "@number", "@number-". */
static bool
has_valid_suffix(const Metric *metric, const char *suffix)
{
	bool		ranks = strcmp(metric->name, "ndcg") == 0 || strcmp(metric->name, "map") == 0;
	char	   *end;

	if (*suffix == '@')
	{
		(void) strtod(suffix + 1, &end);
		if (!metric->takes_number || end == suffix + 1 || strlen(suffix) >= 24)
			return false;
		suffix = end;
	}
	else if (metric->needs_number)
		return false;
	return *suffix == '\0' || (ranks && strcmp(suffix, "-") == 0);
}

char *
mlops_params_metric(const JsonbValue *value, DatasetTask task, const char *objective)
{
	char	   *name;
	size_t		length;
	const Metric *metric;
	bool		fits;

	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"eval_metric\" must be a string or an array of strings")));
	name = pnstrdup(value->val.string.val, value->val.string.len);
	length = strcspn(name, "@");
	metric = find_metric(name, length);
	if (!metric && length > 1 && name[length - 1] == '-')
		metric = find_metric(name, --length);
	if (!metric || !has_valid_suffix(metric, name + length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"eval_metric\" must be a metric of XGBoost such as rmse, logloss, auc, mlogloss or ndcg@10, not \"%s\"",
						name)));

	if (task == TASK_UNDECIDED)
		return name;
	fits = (metric->tasks & (1 << task)) != 0;
	/* a curve over scores wants labels that are 0 or 1 */
	if (strncmp(name, "auc", 3) == 0 && task == TASK_REGRESSION)
		fits = strcmp(objective, "reg:logistic") == 0;
	/* these two want both ends of an interval */
	if (strcmp(name, "aft-nloglik") == 0 || strcmp(name, "interval-regression-accuracy") == 0)
		fits = strcmp(objective, "survival:aft") == 0;
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" does not suit task %s and objective \"%s\"", name,
						mlops_dataset_task_name(task), objective)));
	return name;
}
