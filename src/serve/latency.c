/*-------------------------------------------------------------------------
 *
 * latency.c
 *	  Histogram of durations with a fixed relative width; pure C.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "serve/latency.h"

uint64_t
mlops_latency_edge(int bucket)
{
	int			step = bucket - 1;

	if (bucket == 0)
		return 0;
	return (UINT64_C(4) + step % 4) << (LATENCY_FIRST_OCTAVE - 2 + step / 4);
}

double
mlops_latency_quantile(const uint64_t *histogram, double share, uint64_t max_ns)
{
	uint64_t	total = 0;
	double		below = 0;
	double		rank;

	for (int i = 0; i < LATENCY_N_BUCKETS; i++)
		total += histogram[i];
	if (total == 0)
		return NAN;
	rank = share * total;
	for (int i = 0; i < LATENCY_N_BUCKETS - 1; i++)
	{
		if (histogram[i] > 0 && below + histogram[i] >= rank)
		{
			double		low = mlops_latency_edge(i);
			double		high = mlops_latency_edge(i + 1);

			return fmin(low + (high - low) * (rank - below) / histogram[i], max_ns);
		}
		below += histogram[i];
	}
	return max_ns;
}
