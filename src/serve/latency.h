/*-------------------------------------------------------------------------
 *
 * latency.h
 *	  Histogram of durations with a fixed relative width; pure C.
 *
 * Four buckets per power of two, from 128 ns to 137 s, and one for what is
 * below and above.  A bucket includes its lower edge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_LATENCY_H
#define MLOPS_LATENCY_H

#include <stdint.h>

#define LATENCY_FIRST_OCTAVE 7	/* 2^7 ns */
#define LATENCY_END_OCTAVE 37	/* 2^37 ns */
#define LATENCY_N_BUCKETS ((LATENCY_END_OCTAVE - LATENCY_FIRST_OCTAVE) * 4 + 2)

/* Bucket of a duration. */
static inline int
mlops_latency_bucket(uint64_t ns)
{
	int			octave;

	if (ns < UINT64_C(1) << LATENCY_FIRST_OCTAVE)
		return 0;
	if (ns >= UINT64_C(1) << LATENCY_END_OCTAVE)
		return LATENCY_N_BUCKETS - 1;
	octave = 63 - __builtin_clzll(ns);
	return 1 + (octave - LATENCY_FIRST_OCTAVE) * 4 + ((ns >> (octave - 2)) & 3);
}

/* Lower edge of a bucket in ns. */
extern uint64_t mlops_latency_edge(int bucket);

/*
 * Duration in ns that a share of the counted calls did not exceed, linear
 * within its bucket and never above max_ns; NaN for an empty histogram.
 */
extern double mlops_latency_quantile(const uint64_t *histogram, double share, uint64_t max_ns);

#endif							/* MLOPS_LATENCY_H */
