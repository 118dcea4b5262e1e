/*-------------------------------------------------------------------------
 *
 * forest_steps.h
 *	  Steps over a doubled row, eight walks side by side.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_STEPS_H
#define MLOPS_FOREST_STEPS_H

#include <math.h>

#include "forest/forest_kernel.h"

#define LANES			8		/* walks side by side */
#define ROUND_STEPS		8		/* steps between two looks for the end */

/* Length of a doubled row. */
static inline size_t
double_length(const Forest *forest)
{
	return 2 * (size_t) forest->n_features + 1;
}

/* Copy a row so that what is missing compares as the splits have it. */
static inline void
double_row(const float *row, size_t n_features, float *doubled)
{
	for (size_t i = 0; i < n_features; i++)
	{
		float		value = row[i];
		bool		missing = isnan(value);

		doubled[i] = missing ? INFINITY : value;
		doubled[n_features + i] = missing ? -INFINITY : value;
	}
	doubled[2 * n_features] = NAN;
}

static inline uint32_t
take_step(const ForestStep *steps, uint32_t at, const float *doubled)
{
	ForestStep	step = steps[at];

	return step.right - !(doubled[step.feature] >= step.value.threshold);
}

/*
 * Take up to "depth" steps in all lanes, to the leaves.  Trees that are deep in
 * few places are not walked to their depth each time.
 */
static inline void
take_steps(const ForestStep *const steps[LANES], const float *const doubled[LANES],
		   uint32_t depth, uint32_t at[LANES])
{
	while (depth > 0)
	{
		uint32_t	n = depth < ROUND_STEPS ? depth : ROUND_STEPS;
		bool		end = true;

		depth -= n;
		for (; n > 0; n--)
		{
#pragma GCC unroll 8
			for (int lane = 0; lane < LANES; lane++)
				at[lane] = take_step(steps[lane], at[lane], doubled[lane]);
		}
		if (depth == 0)
			return;
		for (int lane = 0; lane < LANES; lane++)
			end &= steps[lane][at[lane]].right == at[lane] + 1;
		if (end)
			return;
	}
}

#endif							/* MLOPS_FOREST_STEPS_H */
