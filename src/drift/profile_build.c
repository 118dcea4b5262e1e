/*-------------------------------------------------------------------------
 *
 * profile_build.c
 *	  A sample -> the cells of a reference.
 *
 * See profile.h for the rules.  Numbers come sorted, so that one pass suffices.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "drift/profile_image.h"

typedef struct KeptLabel
{
	int64_t		count;
	uint8_t		length;
	char		bytes[PROFILE_MAX_LABEL];
} KeptLabel;

struct ProfileBuilder
{
	ProfileKind kind;
	int			cells;
	unsigned	flags;

	/* numeric */
	int64_t		n;				/* values to come in all */
	int64_t		n_seen;			/* in groups that have ended */
	double		mean;
	double		minimum;
	double		maximum;
	double		group;			/* run of equal values */
	int64_t		group_count;
	int			next_rank;		/* of the edges that are quantiles */
	int			n_distinct;		/* stops beyond "cells" */
	int			n_edges;
	double	   *distinct;		/* [cells] */
	double	   *edges;			/* [3 * cells + 4] */

	/* categorical: a heap, the label to give up first on top */
	int			n_kept;
	int64_t		n_other;		/* rows of labels that were given up */
	KeptLabel  *kept;			/* [cells] */
};

size_t
mlops_profile_builder_size(ProfileKind kind, int cells)
{
	return sizeof(ProfileBuilder) +
		(kind == PROFILE_NUMERIC ? sizeof(double) * (4 * cells + 4) : sizeof(KeptLabel) * cells);
}

ProfileBuilder *
mlops_profile_builder_init(void *memory, ProfileKind kind, int cells, unsigned flags, int64_t n)
{
	ProfileBuilder *builder = memory;

	memset(builder, 0, sizeof(*builder));
	builder->kind = kind;
	builder->cells = cells;
	builder->flags = flags;
	builder->n = n;
	builder->next_rank = 1;
	builder->distinct = (double *) (builder + 1);
	builder->edges = builder->distinct + cells;
	builder->kept = (KeptLabel *) (builder + 1);
	return builder;
}

static void
push_edge(ProfileBuilder *builder, double edge)
{
	if (builder->n_edges == 0 || builder->edges[builder->n_edges - 1] < edge)
		builder->edges[builder->n_edges++] = edge + 0.0;
}

/* Rank of the j-th quantile among all values, from 1. */
static int64_t
compute_rank(const ProfileBuilder *builder, int j)
{
	return (int64_t) (((__int128) j * builder->n + builder->cells - 1) / builder->cells);
}

/* A run of equal values has ended. */
static void
end_group(ProfileBuilder *builder)
{
	double		value = builder->group;
	bool		is_quantile = false;

	if (builder->group_count == 0)
		return;
	if (builder->n_distinct < builder->cells)
		builder->distinct[builder->n_distinct] = value;
	if (builder->n_distinct <= builder->cells)
		builder->n_distinct++;
	if (builder->n_seen == 0)
	{
		builder->minimum = value;
		push_edge(builder, nextafter(value, -INFINITY));
	}
	builder->n_seen += builder->group_count;
	while (builder->next_rank < builder->cells &&
		   compute_rank(builder, builder->next_rank) <= builder->n_seen)
	{
		builder->next_rank++;
		is_quantile = true;
	}
	if ((__int128) builder->group_count * builder->cells >= builder->n)
	{
		push_edge(builder, nextafter(value, -INFINITY));
		push_edge(builder, value);
	}
	else if (is_quantile)
		push_edge(builder, value);
	builder->group_count = 0;
}

void
mlops_profile_builder_add_number(ProfileBuilder *builder, double value)
{
	value += 0.0;
	if (builder->group_count == 0 || value != builder->group)
	{
		end_group(builder);
		builder->group = value;
	}
	builder->group_count++;
	builder->mean += value / (double) builder->n;
	builder->maximum = value;
}

/* All numbers are there: the last edges. */
static void
finish_edges(ProfileBuilder *builder)
{
	end_group(builder);
	if (builder->n_seen == 0)
		return;
	push_edge(builder, builder->maximum);
	if (builder->n_distinct > builder->cells)
		return;
	builder->n_edges = 0;
	for (int i = 0; i < builder->n_distinct; i++)
	{
		push_edge(builder, nextafter(builder->distinct[i], -INFINITY));
		push_edge(builder, builder->distinct[i]);
	}
}

static int
clamp_exponent(int exponent, int low, int high)
{
	return exponent < low ? low : exponent > high ? high : exponent;
}

/* Units that suit the size and the range of the reference's values. */
static void
set_units(const ProfileBuilder *builder, Profile *profile)
{
	double		largest = fmax(fabs(builder->minimum), fabs(builder->maximum));
	double		half_range = builder->maximum / 2 - builder->minimum / 2;
	double		mean = fmin(fmax(builder->mean, builder->minimum), builder->maximum);
	int			exponent = 0;
	int			spread;

	if (largest > 0)
		frexp(largest, &exponent);
	profile->unit = (int16_t) clamp_exponent(exponent - UNIT_BITS, MIN_UNIT, MAX_UNIT);
	spread = exponent;
	if (half_range > 0)
	{
		frexp(half_range, &spread);
		spread++;
	}
	profile->spread = (int16_t) clamp_exponent(spread, MIN_SPREAD, MAX_SPREAD);
	profile->center = llrint(mean * profile_power(-profile->unit));
}

/* The heap's order: whether "a" is given up before "b". */
static bool
is_lesser(const KeptLabel *a, const KeptLabel *b)
{
	if (a->count != b->count)
		return a->count < b->count;
	return mlops_profile_compare_labels(a->bytes, a->length, b->bytes, b->length) > 0;
}

static void
swap_labels(KeptLabel *a, KeptLabel *b)
{
	KeptLabel	swap = *a;

	*a = *b;
	*b = swap;
}

static void
sift_down(KeptLabel *heap, int n, int i)
{
	for (;;)
	{
		int			least = i;

		for (int child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
			if (is_lesser(&heap[child], &heap[least]))
				least = child;
		if (least == i)
			return;
		swap_labels(&heap[i], &heap[least]);
		i = least;
	}
}

static void
sift_up(KeptLabel *heap, int i)
{
	for (; i > 0 && is_lesser(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap_labels(&heap[i], &heap[(i - 1) / 2]);
}

void
mlops_profile_builder_add_label(ProfileBuilder *builder, const char *label, size_t length,
								int64_t count)
{
	char		buffer[PROFILE_MAX_LABEL];
	KeptLabel	new;

	label = mlops_profile_short_label(label, &length, buffer);
	new.count = count;
	new.length = (uint8_t) length;
	memcpy(new.bytes, label, length);
	if (builder->n_kept < builder->cells)
	{
		builder->kept[builder->n_kept] = new;
		sift_up(builder->kept, builder->n_kept++);
		return;
	}
	if (is_lesser(&builder->kept[0], &new))
		swap_labels(&builder->kept[0], &new);
	builder->n_other += new.count;
	builder->flags |= PROFILE_DROPPED;
	sift_down(builder->kept, builder->n_kept, 0);
}

static int
compare_kept(const void *a, const void *b)
{
	const KeptLabel *x = a;
	const KeptLabel *y = b;

	return mlops_profile_compare_labels(x->bytes, x->length, y->bytes, y->length);
}

static size_t
sum_lengths(const ProfileBuilder *builder)
{
	size_t		sum = 0;

	for (int i = 0; i < builder->n_kept; i++)
		sum += builder->kept[i].length;
	return sum;
}

size_t
mlops_profile_build_size(ProfileBuilder *builder)
{
	if (builder->kind == PROFILE_CATEGORICAL)
		return profile_layout(PROFILE_CATEGORICAL, builder->n_kept, sum_lengths(builder));
	finish_edges(builder);
	return profile_layout(PROFILE_NUMERIC, builder->n_edges + 1, 0);
}

Profile *
mlops_profile_build(ProfileBuilder *builder, void *memory)
{
	Profile    *profile;

	if (builder->kind == PROFILE_NUMERIC)
	{
		profile = mlops_profile_start(memory, PROFILE_NUMERIC, builder->n_edges + 1, 0, builder->flags);
		memcpy(profile_edges(profile), builder->edges, sizeof(double) * builder->n_edges);
		set_units(builder, profile);
	}
	else
	{
		profile = mlops_profile_start(memory, PROFILE_CATEGORICAL, builder->n_kept,
									  sum_lengths(builder), builder->flags);
		qsort(builder->kept, builder->n_kept, sizeof(KeptLabel), compare_kept);
		for (int i = 0; i < builder->n_kept; i++)
		{
			mlops_profile_put_label(profile, i, builder->kept[i].bytes, builder->kept[i].length);
			profile_counts(profile)[i] = builder->kept[i].count;
		}
		profile_counts(profile)[builder->n_kept + PROFILE_OTHER] = builder->n_other;
	}
	mlops_profile_seal(profile);
	return profile;
}
