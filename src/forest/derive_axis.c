/*-------------------------------------------------------------------------
 *
 * derive_axis.c
 *	  Buckets of an axis, so that a search for a rank starts near its end.
 *
 * derive_sections.c -> derive_axis.c when an image is made; forest_check.c ->
 * derive_axis.c compares an image that was read with the same.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "forest/derive.h"

#define BUCKETS_PER_CUT		4	/* at least; fewer would take more levels */
#define MAX_BUCKETS			65536

/* Levels that cover the cuts of each bucket. */
static uint32_t
count_levels(const float *cuts, const ForestAxis *axis)
{
	uint32_t	levels = 0;

	for (uint32_t i = 0, begin = 0; i < axis->n_cuts; i++)
	{
		if (mlops_axis_bucket(axis, cuts[i]) != mlops_axis_bucket(axis, cuts[begin]))
			begin = i;
		while ((i + 1 - begin) >> levels > 0)
			levels++;
	}
	return levels;
}

/*
 * Choose where the buckets of an axis lie: between the outermost cuts, or
 * without some of them on both sides, so that few far ones do not crowd the rest
 * together; whatever takes the fewest levels.  Sets n_buckets, origin, scale and levels.
 */
void
mlops_derive_buckets(const float *cuts, ForestAxis *axis)
{
	static const uint8_t shifts[] = {31, 8, 6, 4, 2};
	uint32_t	n_buckets = 1;

	axis->origin = 0;
	axis->scale = 0;
	axis->n_buckets = 1;
	axis->levels = count_levels(cuts, axis);
	while (n_buckets < MAX_BUCKETS && n_buckets / BUCKETS_PER_CUT < axis->n_cuts)
		n_buckets *= 2;
	for (size_t i = 0; i < sizeof(shifts); i++)
	{
		ForestAxis	other = *axis;
		uint32_t	n_out = axis->n_cuts >> shifts[i];

		other.n_buckets = n_buckets;
		other.origin = cuts[n_out];
		other.scale = (float) n_buckets / (cuts[axis->n_cuts - 1 - n_out] - other.origin);
		/* Too near to each other, too far apart, or infinite. */
		if (!isfinite(other.scale) || !isfinite(other.origin) || other.scale <= 0)
			continue;
		other.levels = count_levels(cuts, &other);
		if (other.levels < axis->levels)
			*axis = other;
	}
}
