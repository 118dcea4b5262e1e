/*-------------------------------------------------------------------------
 *
 * latency_test.c
 *	  The histogram of durations against sorted samples.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>

#include "serve/latency.h"
#include "unit.h"

#define N_SAMPLES 20000
#define SEED 41

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

/* Edges are strictly increasing by at most a quarter, and start their buckets. */
static void
test_edges(void)
{
	CHECK(mlops_latency_edge(0) == 0, "first edge");
	CHECK(mlops_latency_edge(1) == 128, "second edge");
	CHECK(mlops_latency_edge(LATENCY_N_BUCKETS - 1) == UINT64_C(1) << 37, "last edge");
	CHECK(mlops_latency_bucket(0) == 0, "zero");
	CHECK(mlops_latency_bucket(UINT64_MAX) == LATENCY_N_BUCKETS - 1, "greatest number");
	for (int i = 1; i < LATENCY_N_BUCKETS; i++)
	{
		uint64_t	edge = mlops_latency_edge(i);

		CHECK(mlops_latency_bucket(edge) == i, "an edge belongs to its bucket");
		CHECK(mlops_latency_bucket(edge - 1) == i - 1, "what is below does not");
		if (i > 1)
			CHECK(edge * 4 <= mlops_latency_edge(i - 1) * 5, "buckets are narrow");
	}
}

/* A quantile lies in the bucket of the sample of that rank. */
static void
test_quantiles(void)
{
	static uint64_t samples[N_SAMPLES];
	uint64_t	histogram[LATENCY_N_BUCKETS] = {0};
	double		last = 0;

	srand48(SEED);
	for (int i = 0; i < N_SAMPLES; i++)
	{
		samples[i] = exp(3 + 20 * drand48() * drand48());
		histogram[mlops_latency_bucket(samples[i])]++;
	}
	qsort(samples, N_SAMPLES, sizeof(samples[0]), compare_numbers);
	for (int percent = 1; percent <= 100; percent++)
	{
		double		value = mlops_latency_quantile(histogram, percent / 100.0, samples[N_SAMPLES - 1]);
		int			bucket = mlops_latency_bucket(samples[percent * (N_SAMPLES / 100) - 1]);

		CHECK(value >= mlops_latency_edge(bucket), "quantile is not below its bucket");
		CHECK(bucket == LATENCY_N_BUCKETS - 1 || value <= mlops_latency_edge(bucket + 1),
			  "quantile is not above its bucket");
		CHECK(value >= last, "quantiles increase");
		CHECK(value <= samples[N_SAMPLES - 1], "no quantile above the longest");
		last = value;
	}
	CHECK(last == samples[N_SAMPLES - 1] || mlops_latency_bucket(last) == mlops_latency_bucket(samples[N_SAMPLES - 1]),
		  "the last quantile is the longest");
}

/* Few samples, none, and none but too long ones. */
static void
test_corners(void)
{
	uint64_t	histogram[LATENCY_N_BUCKETS] = {0};

	CHECK(isnan(mlops_latency_quantile(histogram, 0.5, 0)), "no sample");
	histogram[0] = 1;
	CHECK(mlops_latency_quantile(histogram, 0.99, 100) <= 100, "one sample");
	histogram[0] = 0;
	histogram[LATENCY_N_BUCKETS - 1] = 3;
	CHECK(mlops_latency_quantile(histogram, 0.5, UINT64_C(1) << 40) == UINT64_C(1) << 40, "beyond the last edge");
	histogram[LATENCY_N_BUCKETS - 1] = UINT64_C(1) << 60;
	histogram[5] = UINT64_C(3) << 60;
	CHECK(mlops_latency_bucket(mlops_latency_quantile(histogram, 0.5, UINT64_MAX)) == 5, "great counts");
}

int
main(void)
{
	printf("latency_test: seed %d\n", SEED);
	test_edges();
	test_quantiles();
	test_corners();
	return unit_finish("latency_test");
}
