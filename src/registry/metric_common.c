/*-------------------------------------------------------------------------
 *
 * metric_common.c
 *	  What the metrics of all tasks share: ratios with standard errors, sorting.
 *
 * Standard errors are those of the infinitesimal jackknife (Efron, Journal of
 * the Royal Statistical Society B 54, 1992): each row adds the square of its
 * weight times the derivative of the metric by that weight, rows being a sample
 * and the model fixed.  n / (n - 1) makes it sd / sqrt(n) for a mean; for a
 * quotient of sums it is the linearised ratio.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

#define DIGIT_BITS 11
#define N_DIGITS 3
#define N_BUCKETS (1 << DIGIT_BITS)

/* Below this a plain insertion sort is faster than counting digits. */
#define SMALL_SORT 64

void
mlops_metric_add(MetricWork *work, const char *name, double value, double std_error)
{
	MetricValue *slot;

	if (work->n_values == METRIC_MAX)
		return;
	slot = &work->values[work->n_values++];
	slot->name = name;
	slot->value = value;
	slot->std_error = isnan(value) ? NAN : std_error;
}

void *
mlops_metric_alloc(MetricWork *work, size_t count, size_t size)
{
	void	   *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		work->status = METRIC_NO_MEMORY;
	return memory;
}

double
mlops_metric_error(double squares, size_t n_counted)
{
	return n_counted > 1 ? sqrt(squares * (double) n_counted / (double) (n_counted - 1)) : NAN;
}

MetricRatio
mlops_metric_ratio(const double *upper, const double *lower, const float *weight, size_t n)
{
	MetricRatio ratio = {NAN, NAN};
	MetricSum	uppers = {0};
	MetricSum	lowers = {0};
	MetricSum	squares = {0};
	double		total;
	size_t		n_counted = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		w = weight ? weight[i] : 1;

		/* a row of no weight must not turn the sum into NaN */
		if (w == 0)
			continue;
		n_counted++;
		mlops_metric_sum(&uppers, w * upper[i]);
		mlops_metric_sum(&lowers, lower ? w * lower[i] : w);
	}
	total = mlops_metric_total(&lowers);
	if (total == 0)
		return ratio;
	ratio.value = mlops_metric_total(&uppers) / total;

	for (size_t i = 0; i < n; i++)
	{
		double		w = weight ? weight[i] : 1;
		double		residual = upper[i] - ratio.value * (lower ? lower[i] : 1);

		if (w != 0)
			mlops_metric_sum(&squares, w * w * residual * residual);
	}
	ratio.std_error = mlops_metric_error(mlops_metric_total(&squares), n_counted) / fabs(total);
	return ratio;
}

/* An unsigned number that sorts as the float does; -0 and 0 are the same. */
static uint32_t
make_sort_key(float value, bool descending)
{
	uint32_t	bits;

	value += 0.0f;
	memcpy(&bits, &value, sizeof(bits));
	bits = bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
	return descending ? ~bits : bits;
}

static void
sort_small(uint64_t *element, size_t n)
{
	for (size_t i = 1; i < n; i++)
	{
		uint64_t	moving = element[i];
		size_t		j = i;

		for (; j > 0 && element[j - 1] > moving; j--)
			element[j] = element[j - 1];
		element[j] = moving;
	}
}

/* Stable sort by the upper half, one digit after the other, into "from" or "to". */
static uint64_t *
sort_digits(MetricWork *work, uint64_t *from, uint64_t *to, size_t n)
{
	for (int digit = 0; digit < N_DIGITS; digit++)
	{
		int			shift = 32 + digit * DIGIT_BITS;
		size_t		start[N_BUCKETS] = {0};
		size_t		sum = 0;
		uint64_t   *swap;

		for (size_t i = 0; i < n; i++)
			start[from[i] >> shift & (N_BUCKETS - 1)]++;
		for (int bucket = 0; bucket < N_BUCKETS; bucket++)
		{
			size_t		count = start[bucket];

			start[bucket] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n && !mlops_metric_stopped(work, i); i++)
			to[start[from[i] >> shift & (N_BUCKETS - 1)]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	return from;
}

uint64_t *
mlops_metric_order(MetricWork *work, const float *key, size_t stride, size_t n, bool descending)
{
	uint64_t   *element = mlops_metric_alloc(work, n, sizeof(uint64_t));
	uint64_t   *spare;
	uint64_t   *sorted;

	if (element == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		element[i] = (uint64_t) make_sort_key(key[i * stride], descending) << 32 | i;
	if (n <= SMALL_SORT)
	{
		sort_small(element, n);
		return element;
	}

	spare = mlops_metric_alloc(work, n, sizeof(uint64_t));
	if (spare == NULL)
	{
		free(element);
		return NULL;
	}
	sorted = sort_digits(work, element, spare, n);
	free(sorted == element ? spare : element);
	if (work->status != 0)
	{
		free(sorted);
		return NULL;
	}
	return sorted;
}
