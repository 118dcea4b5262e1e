/*-------------------------------------------------------------------------
 *
 * measure.c
 *	  How far two profiles on the same cells are apart.
 *
 *	 counts -> divergences over all cells, missing and infinite ones included
 *	 counts and sums -> bounds of distances between the distributions of numbers
 *
 * Cells that are empty on both sides do not count.  PSI and KL add half a row to
 * every other cell on both sides (Jeffreys' prior), so that they are finite
 * without a constant of our own.
 *
 * PSI without drift is about (1/n + 1/m) times a chi-squared variable with as many
 * degrees of freedom as there are cells, less one (Yurdakul, 2018).
 *
 * Inside a cell from l to u, the integral of a distribution function F is
 * u F(u) - l F(l) less the sum of the cell's values divided by n: exact.  F - G is
 * between the differences of opposite ends there, and its absolute value below the
 * chord over these two: that bounds the Wasserstein distance from both sides.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "drift/contingency.h"
#include "drift/judge.h"
#include "drift/measure.h"
#include "drift/special.h"

static const DriftMeasures undefined = {
	.psi = NAN,.psi_noise = NAN,.psi_critical = NAN,.kl = NAN,.js = NAN,.hellinger = NAN,
	.tv = NAN,.l_infinity = NAN,.chi2 = NAN,.g = NAN,.p_value = NAN,.log10_p = NAN,
	.ks_low = NAN,.ks_high = NAN,.wasserstein_low = NAN,.wasserstein_high = NAN,
	.mean_shift = NAN,.null_rate_change = NAN,.unseen_rate = NAN,.out_of_range_rate = NAN
};

typedef struct Pair
{
	const Profile *reference;
	const Profile *current;
} Pair;

/* A correction may have taken more from a cell than was there. */
static double
count_rows(const Profile *profile, int cell)
{
	int64_t		count = mlops_profile_count(profile, cell);

	return count > 0 ? (double) count : 0;
}

static double
count_special(const Profile *profile, ProfileSpecial special)
{
	return count_rows(profile, mlops_profile_value_cells(profile) + special);
}

static double
sum_rows(const Profile *profile, int from, int upto)
{
	double		n = 0;

	for (int i = from; i < upto; i++)
		n += count_rows(profile, i);
	return n;
}

/* Cells that have rows on one side at least. */
static int
count_cells(const Pair *pair)
{
	int			n = 0;

	for (int i = 0; i < mlops_profile_cells(pair->reference); i++)
		n += count_rows(pair->reference, i) + count_rows(pair->current, i) > 0;
	return n;
}

static void
measure_divergences(const Pair *pair, int n_cells, DriftMeasures *m)
{
	double		n_reference = (double) m->n_reference;
	double		n_current = (double) m->n_current;
	double		js = 0;
	double		hellinger = 0;
	double		tv = 0;

	m->psi = m->kl = m->l_infinity = 0;
	for (int i = 0; i < mlops_profile_cells(pair->reference); i++)
	{
		double		reference = count_rows(pair->reference, i);
		double		current = count_rows(pair->current, i);
		double		p = reference / n_reference;
		double		q = current / n_current;
		double		smooth_p = (reference + 0.5) / (n_reference + 0.5 * n_cells);
		double		smooth_q = (current + 0.5) / (n_current + 0.5 * n_cells);
		double		root = sqrt(p) - sqrt(q);

		if (reference + current == 0)
			continue;
		m->psi += (smooth_p - smooth_q) * log(smooth_p / smooth_q);
		m->kl += smooth_p * log(smooth_p / smooth_q);
		if (p > 0)
			js += p * log2(2 * p / (p + q));
		if (q > 0)
			js += q * log2(2 * q / (p + q));
		hellinger += root * root;
		tv += fabs(p - q);
		m->l_infinity = fmax(m->l_infinity, fabs(p - q));
	}
	/* rounding may leave the interval from 0 to 1 */
	m->js = sqrt(fmin(fmax(js / 2, 0), 1));
	m->hellinger = sqrt(fmin(hellinger / 2, 1));
	m->tv = fmin(tv / 2, 1);
}

/*
 * What the reference would have counted in a cell that is empty in it by its very
 * making, had each row been left out in turn when the cells were made: labels that
 * occur once are new then, and the least number is below the others.  Without this
 * every sample has more new labels than the reference.
 */
static double
count_left_out(const Profile *reference, int cell)
{
	int			n_values = mlops_profile_value_cells(reference);
	double		n = 0;

	if (mlops_profile_kind(reference) == PROFILE_NUMERIC)
		return (cell == 0 || cell == n_values - 1) ? 1 : 0;
	for (int i = 0; cell == n_values + PROFILE_UNSEEN && i < n_values; i++)
		n += count_rows(reference, i) == 1;
	return n;
}

/* Cell i of the test: the special ones first, so that they end no run of neighbours. */
static TestCell
get_test_cell(const void *source, int i)
{
	const Pair *pair = source;
	int			n_values = mlops_profile_value_cells(pair->reference);
	int			n_special = mlops_profile_cells(pair->reference) - n_values;
	int			cell = i < n_special ? n_values + i : i - n_special;
	TestCell	result;

	result.reference = count_rows(pair->reference, cell);
	result.current = count_rows(pair->current, cell);
	if (result.reference == 0 && result.current > 0)
		result.reference = count_left_out(pair->reference, cell);
	if (cell > n_values + PROFILE_OTHER)
		result.kind = CELL_STRANGE;
	else if (mlops_profile_kind(pair->reference) == PROFILE_NUMERIC)
		result.kind = CELL_ORDERED;
	else
		result.kind = CELL_LABEL;
	return result;
}

static void
measure_test(const Pair *pair, DriftMeasures *m)
{
	TestResult	test;

	mlops_contingency_test(get_test_cell, pair, mlops_profile_cells(pair->reference), &test);
	m->chi2 = test.chi2;
	m->g = test.g;
	m->df = test.df;
	m->log10_p = test.log_p / log(10);
	m->p_value = mlops_drift_power10(m->log10_p);
}

/* One sample's distribution function of numbers, cell by cell. */
typedef struct Walk
{
	const Profile *profile;
	double		n;				/* numbers in the distribution */
	double		below;			/* its value at the lower end of the cell,
								 * times n */
	double		upto;			/* and at the upper end */
} Walk;

static void
enter_cell(Walk *walk, int cell)
{
	walk->below = walk->upto;
	walk->upto += count_rows(walk->profile, cell);
}

/* Bounds over all numbers, the infinite ones included. */
static void
measure_ks(const Pair *pair, DriftMeasures *m)
{
	Walk		f = {.profile = pair->reference};
	Walk		g = {.profile = pair->current};
	int			n_values = mlops_profile_value_cells(pair->reference);

	f.upto = count_special(f.profile, PROFILE_MINUS_INF);
	g.upto = count_special(g.profile, PROFILE_MINUS_INF);
	f.n = sum_rows(f.profile, 0, n_values) + f.upto + count_special(f.profile, PROFILE_PLUS_INF);
	g.n = sum_rows(g.profile, 0, n_values) + g.upto + count_special(g.profile, PROFILE_PLUS_INF);
	if (f.n <= 0 || g.n <= 0)
		return;

	m->ks_low = m->ks_high = fabs(f.upto / f.n - g.upto / g.n);
	for (int i = 0; i < n_values; i++)
	{
		double		at_end;

		enter_cell(&f, i);
		enter_cell(&g, i);
		at_end = fabs(f.upto / f.n - g.upto / g.n);
		m->ks_low = fmax(m->ks_low, at_end);
		m->ks_high = fmax(m->ks_high, at_end);
		if (!mlops_profile_is_atom(pair->reference, i))
			m->ks_high = fmax(m->ks_high, fmax(f.upto / f.n - g.below / g.n,
											   g.upto / g.n - f.below / f.n));
	}
}

/* The integral of the distribution function over a cell from low to high. */
static double
integrate_cell(const Walk *walk, int cell, double low, double high)
{
	return (high * walk->upto - low * walk->below -
			mlops_profile_cell_sum(walk->profile, cell)) / walk->n;
}

/* Upper bound of the integral of |F - G| over a cell of this width, given that of
 * F - G and the least and greatest value of F - G. */
static double
bound_area(double area, double width, double least, double greatest)
{
	double		mean;

	if (least >= 0 || greatest <= 0 || !(width > 0))
		return fabs(area);
	mean = fmin(fmax(area / width, least), greatest);
	return fmax(fabs(area), width * ((mean - least) * greatest - (greatest - mean) * least) /
				(greatest - least));
}

/* Bounds over the finite numbers. */
static void
measure_wasserstein(const Pair *pair, DriftMeasures *m)
{
	Walk		f = {.profile = pair->reference};
	Walk		g = {.profile = pair->current};
	int			n_values = mlops_profile_value_cells(pair->reference);
	double		least = fmin(mlops_profile_min(f.profile), mlops_profile_min(g.profile));
	double		greatest = fmax(mlops_profile_max(f.profile), mlops_profile_max(g.profile));

	f.n = sum_rows(f.profile, 0, n_values);
	g.n = sum_rows(g.profile, 0, n_values);
	if (f.n <= 0 || g.n <= 0)
		return;

	m->wasserstein_low = m->wasserstein_high = 0;
	for (int i = 0; i < n_values; i++)
	{
		/* beyond all numbers F and G are equal */
		double		low = fmax(mlops_profile_lower(pair->reference, i), least);
		double		high = fmin(mlops_profile_upper(pair->reference, i), greatest);
		double		area;

		enter_cell(&f, i);
		enter_cell(&g, i);
		if (mlops_profile_is_atom(pair->reference, i) || !(high > low))
			continue;
		area = integrate_cell(&f, i, low, high) - integrate_cell(&g, i, low, high);
		m->wasserstein_low += fabs(area);
		m->wasserstein_high += bound_area(area, high - low, f.below / f.n - g.upto / g.n,
										  f.upto / f.n - g.below / g.n);
	}
}

static void
measure_numbers(const Pair *pair, DriftMeasures *m)
{
	double		shift = mlops_profile_mean(pair->current) - mlops_profile_mean(pair->reference);
	double		sd = sqrt(mlops_profile_variance(pair->reference));
	int			last = mlops_profile_value_cells(pair->reference) - 1;

	measure_ks(pair, m);
	measure_wasserstein(pair, m);
	if (sd > 0 || shift == 0)
		m->mean_shift = shift == 0 ? 0 : shift / sd;
	/* the outer cells are empty in the reference */
	m->out_of_range_rate = (count_rows(pair->current, 0) + count_rows(pair->current, last)) /
		(double) m->n_current;
}

/* Critical value of chi-squared, remembered: checks go over many columns and windows
 * with the same alpha. */
static double
find_critical(double alpha, int df)
{
	static _Thread_local double known_alpha;
	static _Thread_local double known[64];

	if (df <= 0)
		return 0;				/* one cell has no noise */
	if (df >= (int) (sizeof(known) / sizeof(known[0])))
		return mlops_special_chi2_critical(alpha, df);
	if (known_alpha != alpha)
	{
		memset(known, 0, sizeof(known));
		known_alpha = alpha;
	}
	if (known[df] == 0)
		known[df] = mlops_special_chi2_critical(alpha, df);
	return known[df];
}

static double
measure_missing(const Profile *profile, int64_t n)
{
	return (count_special(profile, PROFILE_NULL) + count_special(profile, PROFILE_NAN)) / (double) n;
}

void
mlops_measure_clear(DriftMeasures *measures)
{
	*measures = undefined;
}

bool
mlops_measure_drift(const Profile *reference, const Profile *current, double alpha,
					DriftMeasures *measures)
{
	Pair		pair = {reference, current};
	DriftMeasures *m = measures;
	int			n_cells;
	double		noise;

	if (!mlops_profile_same_cells(reference, current))
		return false;
	mlops_measure_clear(m);
	m->n_reference = (int64_t) sum_rows(reference, 0, mlops_profile_cells(reference));
	m->n_current = (int64_t) sum_rows(current, 0, mlops_profile_cells(current));

	if (m->n_reference == 0 || m->n_current == 0)
		return true;

	n_cells = count_cells(&pair);
	noise = 1 / (double) m->n_reference + 1 / (double) m->n_current;
	m->psi_noise = noise * (n_cells - 1);
	m->psi_critical = noise * find_critical(alpha, n_cells - 1);
	measure_divergences(&pair, n_cells, m);
	measure_test(&pair, m);
	m->null_rate_change = measure_missing(current, m->n_current) -
		measure_missing(reference, m->n_reference);
	if (mlops_profile_kind(reference) == PROFILE_NUMERIC)
		measure_numbers(&pair, m);
	else
		m->unseen_rate = count_special(current, PROFILE_UNSEEN) / (double) m->n_current;
	return true;
}
