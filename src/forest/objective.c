/*-------------------------------------------------------------------------
 *
 * objective.c
 *	  XGBoost's objectives: from base score to margin, from margin to value.
 *
 * model_document.c -> base margins -> image; margins -> forest_score.c.
 * Every operation here has the type and the order it has in libxgboost, so
 * that results agree to the last bit; compile without contraction.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "forest/objective.h"

typedef enum ObjectiveLink
{
	LINK_IDENTITY,
	LINK_LOGIT,
	LINK_LOG,
	LINK_EXPECTILE
} ObjectiveLink;

struct Objective
{
	const char *name;
	ObjectiveLink link;
	ObjectiveTransform transform;
};

static const Objective objectives[] = {
	{"binary:hinge", LINK_IDENTITY, TRANSFORM_HINGE},
	{"binary:logistic", LINK_LOGIT, TRANSFORM_LOGISTIC},
	{"binary:logitraw", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"count:poisson", LINK_LOG, TRANSFORM_EXP},
	{"multi:softmax", LINK_IDENTITY, TRANSFORM_SOFTMAX},
	{"multi:softprob", LINK_IDENTITY, TRANSFORM_SOFTPROB},
	{"rank:map", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"rank:ndcg", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"rank:pairwise", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:absoluteerror", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:expectileerror", LINK_EXPECTILE, TRANSFORM_EXPECTILE},
	{"reg:gamma", LINK_LOG, TRANSFORM_EXP},
	{"reg:linear", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:logistic", LINK_LOGIT, TRANSFORM_LOGISTIC},
	{"reg:pseudohubererror", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:quantileerror", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:squarederror", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:squaredlogerror", LINK_IDENTITY, TRANSFORM_IDENTITY},
	{"reg:tweedie", LINK_LOG, TRANSFORM_EXP},
	{"survival:aft", LINK_LOG, TRANSFORM_EXP_DOUBLE},
	{"survival:cox", LINK_LOG, TRANSFORM_EXP},
};

/* The objective of that name, or NULL. */
const Objective *
mlops_objective_find(const char *name)
{
	for (size_t i = 0; i < sizeof(objectives) / sizeof(objectives[0]); i++)
		if (strcmp(objectives[i].name, name) == 0)
			return &objectives[i];
	return NULL;
}

const char *
mlops_objective_name(const Objective *objective)
{
	return objective->name;
}

bool
mlops_objective_is_multiclass(const Objective *objective)
{
	return objective->transform == TRANSFORM_SOFTMAX ||
		objective->transform == TRANSFORM_SOFTPROB;
}

static bool
is_at_least(const int version[3], int major, int minor)
{
	return version[0] > major || (version[0] == major && version[1] >= minor);
}

/* The transform that the writing version applies. */
ObjectiveTransform
mlops_objective_transform(const Objective *objective, const int version[3])
{
	/* 3.4 sorts the quantiles of a row, so that they never cross. */
	if (strcmp(objective->name, "reg:quantileerror") == 0 && is_at_least(version, 3, 4))
		return TRANSFORM_SORT;
	return objective->transform;
}

static float
invert_softplus(float x)
{
	x = x < 1e-6f ? 1e-6f : x;
	return x + logf(-expm1f(-x));
}

/* Turn base scores into margins in place; false when one is not finite. */
bool
mlops_objective_base_margin(const Objective *objective, const int version[3],
							float *base, uint32_t n_outputs)
{
	/* 3.2 and later clip a base score that is no probability. */
	bool		clip = is_at_least(version, 3, 2);

	if (objective->link == LINK_EXPECTILE)
		for (uint32_t i = n_outputs - 1; i > 0; i--)
			base[i] = invert_softplus(base[i] - base[i - 1] - 1e-6f);

	for (uint32_t i = 0; i < n_outputs; i++)
	{
		float		b = base[i];

		if (objective->link == LINK_LOGIT)
		{
			if (clip && b < 1e-6f)
				b = 1e-6f;
			if (clip && b > 1.0f - 1e-6f)
				b = 1.0f - 1e-6f;
			b = -logf(1.0f / b - 1.0f);
		}
		else if (objective->link == LINK_LOG)
			b = logf(b);
		if (!isfinite(b))
			return false;
		base[i] = b;
	}
	return true;
}

uint32_t
mlops_transform_n_values(ObjectiveTransform transform, uint32_t n_outputs)
{
	return transform == TRANSFORM_SOFTMAX ? 1 : n_outputs;
}

static float
compute_logistic(float x)
{
	/* exp overflows beyond 88.7; the constant 1e-16 is XGBoost's. */
	float		negative = 88.7f < -x ? 88.7f : -x;

	return 1.0f / (expf(negative) + 1.0f + 1e-16f);
}

static float
compute_softplus(float x)
{
	return x > 0.0f ? x + log1pf(expf(-x)) : log1pf(expf(x));
}

static void
apply_softprob(uint32_t n, const float *margin, float *values)
{
	float		largest = margin[0];
	double		sum = 0;

	for (uint32_t i = 1; i < n; i++)
		largest = fmaxf(margin[i], largest);
	for (uint32_t i = 0; i < n; i++)
	{
		values[i] = expf(margin[i] - largest);
		sum += values[i];
	}
	for (uint32_t i = 0; i < n; i++)
		values[i] /= (float) sum;
}

static void
apply_softmax(uint32_t n, const float *margin, float *values)
{
	uint32_t	best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (margin[i] > margin[best])
			best = i;
	values[0] = (float) best;
}

static void
apply_expectile(uint32_t n, const float *margin, float *values)
{
	float		total = margin[0];

	values[0] = total;
	for (uint32_t i = 1; i < n; i++)
	{
		total += 1e-6f + compute_softplus(margin[i]);
		values[i] = total;
	}
}

/* An insertion sort, as libxgboost's: what is not comparable stays. */
static void
apply_sort(uint32_t n, const float *margin, float *values)
{
	for (uint32_t i = 0; i < n; i++)
	{
		float		value = margin[i];
		uint32_t	at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

/* Margins of one row to values; "values" may be "margin". */
void
mlops_transform_apply(ObjectiveTransform transform, uint32_t n_outputs,
					  const float *margin, float *values)
{
	switch (transform)
	{
		case TRANSFORM_LOGISTIC:
			for (uint32_t i = 0; i < n_outputs; i++)
				values[i] = compute_logistic(margin[i]);
			break;
		case TRANSFORM_EXP:
			for (uint32_t i = 0; i < n_outputs; i++)
				values[i] = expf(margin[i]);
			break;
		case TRANSFORM_EXP_DOUBLE:
			for (uint32_t i = 0; i < n_outputs; i++)
				values[i] = (float) exp((double) margin[i]);
			break;
		case TRANSFORM_HINGE:
			for (uint32_t i = 0; i < n_outputs; i++)
				values[i] = margin[i] > 0.0f ? 1.0f : 0.0f;
			break;
		case TRANSFORM_SOFTMAX:
			apply_softmax(n_outputs, margin, values);
			break;
		case TRANSFORM_SOFTPROB:
			apply_softprob(n_outputs, margin, values);
			break;
		case TRANSFORM_EXPECTILE:
			apply_expectile(n_outputs, margin, values);
			break;
		case TRANSFORM_SORT:
			apply_sort(n_outputs, margin, values);
			break;
		case TRANSFORM_IDENTITY:
		case N_TRANSFORMS:
			if (values != margin)
				memcpy(values, margin, n_outputs * sizeof(float));
			break;
	}
}
