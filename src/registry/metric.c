/*-------------------------------------------------------------------------
 *
 * metric.c
 *	  Quality of predictions, under scikit-learn's names and values.
 *
 * Which metrics a task has, which one decides, and which way is up.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

/* Objectives of regression whose own loss decides, not the squared error. */
static const struct
{
	const char *objective;
	const char *metric;
}			primary_of[] = {
	{"reg:absoluteerror", "mae"},
	{"reg:pseudohubererror", "mae"},
	{"reg:squaredlogerror", "mean_squared_log_error"},
	{"reg:quantileerror", "mean_pinball_loss"},
	{"reg:gamma", "mean_gamma_deviance"},
	{"reg:tweedie", "mean_tweedie_deviance"},
	{"count:poisson", "mean_poisson_deviance"},
	{"binary:hinge", "accuracy"},
};

bool
mlops_metric_task_from_name(const char *name, MetricTask *task)
{
	static const char *const names[] = {
		[METRIC_REGRESSION] = "regression",
		[METRIC_BINARY] = "binary",
		[METRIC_MULTICLASS] = "multiclass",
		[METRIC_RANKING] = "ranking",
		[METRIC_SURVIVAL] = "survival",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(name, names[i]) == 0)
		{
			*task = (MetricTask) i;
			return true;
		}
	}
	return false;
}

const char *
mlops_metric_primary(MetricTask task, const char *objective, bool *greater_is_better)
{
	const char *name = "rmse";

	switch (task)
	{
		case METRIC_REGRESSION:
			break;
		case METRIC_BINARY:
		case METRIC_MULTICLASS:
			name = "log_loss";
			break;
		case METRIC_RANKING:
			name = "ndcg";
			break;
		case METRIC_SURVIVAL:
			name = "concordance_index";
			break;
	}
	for (size_t i = 0; i < sizeof(primary_of) / sizeof(primary_of[0]); i++)
		if (objective != NULL && strcmp(objective, primary_of[i].objective) == 0)
			name = primary_of[i].metric;
	if (greater_is_better != NULL)
		*greater_is_better = mlops_metric_greater_is_better(name);
	return name;
}

bool
mlops_metric_greater_is_better(const char *name)
{
	static const char *const greater[] = {
		"r2", "accuracy", "balanced_accuracy", "precision", "recall", "f1",
		"roc_auc", "average_precision", "precision_macro", "recall_macro",
		"f1_macro", "f1_weighted", "roc_auc_ovr", "ndcg", "map",
		"concordance_index"
	};

	for (size_t i = 0; i < sizeof(greater) / sizeof(greater[0]); i++)
		if (strcmp(name, greater[i]) == 0)
			return true;
	return false;
}

/* Numbers that no metric could make sense of. */
static bool
is_row_valid(const MetricInput *input, size_t row)
{
	float		label = input->label[row];

	for (uint32_t i = 0; i < input->n_scores; i++)
		if (!isfinite(input->score[row * input->n_scores + i]))
			return false;
	if (!isfinite(label) ||
		(input->weight && !(input->weight[row] >= 0 && isfinite(input->weight[row]))))
		return false;
	switch (input->task)
	{
		case METRIC_REGRESSION:
			return true;
		case METRIC_BINARY:
			return label == 0 || label == 1;
		case METRIC_MULTICLASS:
			return label >= 0 && label < (float) input->n_scores && label == floorf(label);
		case METRIC_RANKING:
			return label >= 0 && input->group != NULL;
		case METRIC_SURVIVAL:
			return input->upper == NULL || input->upper[row] >= label;
	}
	return false;
}

int
mlops_metric_compute(const MetricInput *input, MetricValue *values, bool (*interrupted) (void))
{
	MetricWork	work = {.input = input,.values = values,.interrupted = interrupted};
	bool		valid = input->n_scores > 0;

	if (input->n > UINT32_MAX)
		return METRIC_NO_MEMORY;
	for (size_t row = 0; row < input->n && valid; row++)
	{
		if (mlops_metric_stopped(&work, row))
			return work.status;
		valid = is_row_valid(input, row);
	}

	if (!valid)
	{
		/* the same names as ever, none of them defined */
		MetricInput none = *input;
		int			n;

		none.n = 0;
		n = mlops_metric_compute(&none, values, interrupted);
		return n;
	}
	switch (input->task)
	{
		case METRIC_REGRESSION:
			mlops_metric_judge_regression(&work);
			break;
		case METRIC_BINARY:
			mlops_metric_judge_binary(&work);
			break;
		case METRIC_MULTICLASS:
			mlops_metric_judge_multiclass(&work);
			break;
		case METRIC_RANKING:
			mlops_metric_judge_ranking(&work);
			break;
		case METRIC_SURVIVAL:
			mlops_metric_judge_survival(&work);
			break;
	}
	return work.status != 0 ? work.status : work.n_values;
}

double
mlops_metric_row_loss(const MetricInput *input, size_t row)
{
	if (!is_row_valid(input, row))
		return NAN;
	switch (input->task)
	{
		case METRIC_REGRESSION:
			return mlops_metric_regression_loss(input, row);
		case METRIC_BINARY:
		case METRIC_MULTICLASS:
			return mlops_metric_class_loss(input, row);
		case METRIC_RANKING:
			return mlops_metric_group_loss(input, row);
		case METRIC_SURVIVAL:
			return mlops_metric_survival_loss(input, row);
	}
	return NAN;
}
