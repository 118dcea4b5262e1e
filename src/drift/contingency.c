/*-------------------------------------------------------------------------
 *
 * contingency.c
 *	  Two-sample test of counts in the same cells.
 *
 *	 cells -> groups that expect at least five rows of each sample -> chi-squared
 *		   -> rare cells that no group may take in -> Fisher's exact test
 *
 * Why rare cells do not join a large neighbour: ten rows of a label that was
 * never seen, or ten NULLs, drown among a hundred others, while Fisher's test
 * finds them beyond doubt.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "drift/contingency.h"
#include "drift/special.h"

#define LEAST_EXPECTED 5

typedef struct Counts
{
	double		reference;
	double		current;
} Counts;

static const Counts none;

typedef struct Grouping
{
	Counts		all;			/* the samples */
	Counts		rest;			/* the samples without rare cells that are
								 * tested apart */
	Counts		rare;
	Counts		open;			/* small cells on their way to a group */
	Counts		last;			/* the last group of small cells, not yet
								 * tested */
	bool		has_last;
	int			n_groups;
	double		chi2;
	double		g;
} Grouping;

/* The reference alone says so: its edges are often quantiles, so that the sum of both
 * counts would tell the current one, and groups would follow its noise. */
static bool
is_small(const Grouping *grouping, Counts counts)
{
	double		scale = fmin(grouping->all.current / grouping->all.reference, 1);

	return counts.reference * scale < LEAST_EXPECTED;
}

static void
add_counts(Counts *into, Counts counts)
{
	into->reference += counts.reference;
	into->current += counts.current;
}

static Counts
counts_of(TestCell cell)
{
	Counts		counts = {cell.reference, cell.current};

	return counts;
}

static double
likelihood_term(double observed, double expected)
{
	return observed > 0 ? observed * log(observed / expected) : 0;
}

/* A group is complete: add its share of the statistics. */
static void
test_group(Grouping *grouping, Counts counts)
{
	const Counts *rest = &grouping->rest;
	double		share = (counts.reference + counts.current) / (rest->reference + rest->current);
	double		reference = rest->reference * share;
	double		current = rest->current * share;

	if (counts.reference + counts.current == 0)
		return;
	grouping->n_groups++;
	if (reference <= 0 || current <= 0)
		return;
	grouping->chi2 += (counts.reference - reference) * (counts.reference - reference) / reference +
		(counts.current - current) * (counts.current - current) / current;
	grouping->g += 2 * (likelihood_term(counts.reference, reference) +
						likelihood_term(counts.current, current));
}

/* No more small cells may join: what is open joins the last group, or is rare. */
static void
close_run(Grouping *grouping)
{
	if (grouping->has_last)
	{
		add_counts(&grouping->last, grouping->open);
		test_group(grouping, grouping->last);
	}
	else
		add_counts(&grouping->rare, grouping->open);
	grouping->open = none;
	grouping->has_last = false;
}

static void
add_cell(Grouping *grouping, Counts counts, CellKind kind)
{
	if (!is_small(grouping, counts))
	{
		if (kind == CELL_ORDERED)
			close_run(grouping);
		test_group(grouping, counts);
		return;
	}
	if (kind == CELL_STRANGE)
	{
		add_counts(&grouping->rare, counts);
		return;
	}
	add_counts(&grouping->open, counts);
	if (is_small(grouping, grouping->open))
		return;
	if (grouping->has_last)
		test_group(grouping, grouping->last);
	grouping->last = grouping->open;
	grouping->has_last = true;
	grouping->open = none;
}

/* Go through all cells, with rest as it is known so far. */
static void
group_cells(Grouping *grouping, TestCell (*get) (const void *source, int i), const void *source,
			int n)
{
	grouping->rare = none;
	grouping->n_groups = 0;
	grouping->chi2 = grouping->g = 0;
	for (int i = 0; i < n; i++)
	{
		TestCell	cell = get(source, i);

		add_cell(grouping, counts_of(cell), cell.kind);
	}
	close_run(grouping);
}

/* How likely the smaller sample has so many of the rare rows, or more. */
static double
test_rare(const Grouping *grouping)
{
	const Counts *all = &grouping->all;
	const Counts *rare = &grouping->rare;
	bool		is_current = all->current <= all->reference;

	return mlops_special_log_fisher_tail((int64_t) (is_current ? rare->current : rare->reference),
										 (int64_t) (rare->reference + rare->current),
										 (int64_t) (is_current ? all->current : all->reference),
										 (int64_t) (all->reference + all->current));
}

void
mlops_contingency_test(TestCell (*get) (const void *source, int i), const void *source, int n,
					   TestResult *result)
{
	Grouping	grouping = {0};
	bool		has_rare;

	memset(result, 0, sizeof(*result));
	for (int i = 0; i < n; i++)
		add_counts(&grouping.all, counts_of(get(source, i)));
	if (grouping.all.reference <= 0 || grouping.all.current <= 0)
		return;

	/* once to learn which cells are rare, once to test the others */
	grouping.rest = grouping.all;
	group_cells(&grouping, get, source, n);
	has_rare = is_small(&grouping, grouping.rare) && grouping.rare.reference + grouping.rare.current > 0;
	if (has_rare)
	{
		grouping.rest.reference -= grouping.rare.reference;
		grouping.rest.current -= grouping.rare.current;
		group_cells(&grouping, get, source, n);
	}
	else
		test_group(&grouping, grouping.rare);

	if (grouping.n_groups > 1 && grouping.rest.reference > 0 && grouping.rest.current > 0)
	{
		result->chi2 = grouping.chi2;
		result->g = grouping.g;
		result->df = grouping.n_groups - 1;
		result->log_p = mlops_special_chi2_log_tail(result->chi2, result->df);
	}
	if (has_rare)
	{
		double		log_rare = test_rare(&grouping);

		result->log_p = result->df == 0 ? log_rare :
			fmin(fmin(result->log_p, log_rare) + log(2), 0);
	}
}
