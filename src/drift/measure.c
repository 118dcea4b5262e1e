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

/* Cells of any profile, at most. */
#define MAX_CELLS (3 * PROFILE_MAX_CELLS + 32)

/* One profile, its counts at hand: they are looked at a dozen times. */
typedef struct Sample
{
	const Profile *profile;
	double		n;
	double		counts[MAX_CELLS];	/* n_cells of the pair */
} Sample;

typedef struct Pair
{
	int			n_values;
	int			n_cells;
	int			n_used;			/* cells that have rows on one side at least */
	Sample		reference;
	Sample		current;
} Pair;

static void
read_sample(Sample *sample, const Profile *profile, int n_cells)
{
	sample->profile = profile;
	sample->n = 0;
	for (int i = 0; i < n_cells; i++)
	{
		int64_t		count = mlops_profile_count(profile, i);

		/* a correction may have taken more from a cell than was there */
		sample->counts[i] = count > 0 ? (double) count : 0;
		sample->n += sample->counts[i];
	}
}

/* False when there are more cells than any profile has. */
static bool
read_pair(Pair *pair, const Profile *reference, const Profile *current)
{
	pair->n_values = mlops_profile_value_cells(reference);
	pair->n_cells = mlops_profile_cells(reference);
	if (pair->n_cells > MAX_CELLS)
		return false;
	read_sample(&pair->reference, reference, pair->n_cells);
	read_sample(&pair->current, current, pair->n_cells);
	pair->n_used = 0;
	for (int i = 0; i < pair->n_cells; i++)
		pair->n_used += pair->reference.counts[i] + pair->current.counts[i] > 0;
	return true;
}

static bool
is_numeric(const Pair *pair)
{
	return mlops_profile_kind(pair->reference.profile) == PROFILE_NUMERIC;
}

static void
measure_divergences(const Pair *pair, DriftMeasures *m)
{
	double		n_reference = pair->reference.n;
	double		n_current = pair->current.n;
	double		prior = 0.5 * pair->n_used;
	double		js = 0;
	double		hellinger = 0;
	double		tv = 0;

	m->psi = m->kl = m->l_infinity = 0;
	for (int i = 0; i < pair->n_cells; i++)
	{
		double		reference = pair->reference.counts[i];
		double		current = pair->current.counts[i];
		double		p = reference / n_reference;
		double		q = current / n_current;
		double		smooth_p = (reference + 0.5) / (n_reference + prior);
		double		smooth_q = (current + 0.5) / (n_current + prior);
		double		log_ratio = log(smooth_p / smooth_q);
		double		root = sqrt(p) - sqrt(q);

		if (reference + current == 0)
			continue;
		m->psi += (smooth_p - smooth_q) * log_ratio;
		m->kl += smooth_p * log_ratio;
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
count_left_out(const Pair *pair, int cell)
{
	double		n = 0;

	if (is_numeric(pair))
		return (cell == 0 || cell == pair->n_values - 1) ? 1 : 0;
	for (int i = 0; cell == pair->n_values + PROFILE_UNSEEN && i < pair->n_values; i++)
		n += pair->reference.counts[i] == 1;
	return n;
}

/* Cell i of the test: the special ones first, so that they end no run of neighbours. */
static TestCell
get_test_cell(const void *source, int i)
{
	const Pair *pair = source;
	int			n_special = pair->n_cells - pair->n_values;
	int			cell = i < n_special ? pair->n_values + i : i - n_special;
	TestCell	result;

	result.reference = pair->reference.counts[cell];
	result.current = pair->current.counts[cell];
	if (result.reference == 0 && result.current > 0)
		result.reference = count_left_out(pair, cell);
	result.kind = cell > pair->n_values + PROFILE_OTHER ? CELL_STRANGE :
		is_numeric(pair) ? CELL_ORDERED : CELL_LABEL;
	return result;
}

static void
measure_test(const Pair *pair, DriftMeasures *m)
{
	TestResult	test;

	mlops_contingency_test(get_test_cell, pair, pair->n_cells, &test);
	m->chi2 = test.chi2;
	m->g = test.g;
	m->df = test.df;
	m->log10_p = test.log_p / log(10);
	m->p_value = mlops_drift_power10(m->log10_p);
}

/* One sample's distribution function of numbers, cell by cell. */
typedef struct Walk
{
	const Sample *sample;
	double		n;				/* numbers in the distribution */
	double		below;			/* its value at the lower end of the cell,
								 * times n */
	double		upto;			/* and at the upper end */
} Walk;

static void
enter_cell(Walk *walk, int cell)
{
	walk->below = walk->upto;
	walk->upto += walk->sample->counts[cell];
}

/* Start below all finite numbers. */
static void
start_walk(Walk *walk, const Pair *pair, const Sample *sample, bool with_infinite)
{
	const double *special = &sample->counts[pair->n_values];

	walk->sample = sample;
	walk->below = 0;
	walk->upto = walk->n = with_infinite ? special[PROFILE_MINUS_INF] : 0;
	for (int i = 0; i < pair->n_values; i++)
		walk->n += sample->counts[i];
	if (with_infinite)
		walk->n += special[PROFILE_PLUS_INF];
}

/* Bounds over all numbers, the infinite ones included. */
static void
measure_ks(const Pair *pair, DriftMeasures *m)
{
	Walk		f;
	Walk		g;

	start_walk(&f, pair, &pair->reference, true);
	start_walk(&g, pair, &pair->current, true);
	if (f.n <= 0 || g.n <= 0)
		return;

	m->ks_low = m->ks_high = fabs(f.upto / f.n - g.upto / g.n);
	for (int i = 0; i < pair->n_values; i++)
	{
		double		at_end;

		enter_cell(&f, i);
		enter_cell(&g, i);
		at_end = fabs(f.upto / f.n - g.upto / g.n);
		m->ks_low = fmax(m->ks_low, at_end);
		m->ks_high = fmax(m->ks_high, at_end);
		if (!mlops_profile_is_atom(f.sample->profile, i))
			m->ks_high = fmax(m->ks_high, fmax(f.upto / f.n - g.below / g.n,
											   g.upto / g.n - f.below / f.n));
	}
}

/* The integral of the distribution function over a cell from low to high. */
static double
integrate_cell(const Walk *walk, int cell, double low, double high)
{
	return (high * walk->upto - low * walk->below -
			mlops_profile_cell_sum(walk->sample->profile, cell)) / walk->n;
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
	const Profile *reference = pair->reference.profile;
	const Profile *current = pair->current.profile;
	double		least = fmin(mlops_profile_min(reference), mlops_profile_min(current));
	double		greatest = fmax(mlops_profile_max(reference), mlops_profile_max(current));
	Walk		f;
	Walk		g;

	start_walk(&f, pair, &pair->reference, false);
	start_walk(&g, pair, &pair->current, false);
	if (f.n <= 0 || g.n <= 0)
		return;

	m->wasserstein_low = m->wasserstein_high = 0;
	for (int i = 0; i < pair->n_values; i++)
	{
		/* beyond all numbers F and G are equal */
		double		low = fmax(mlops_profile_lower(reference, i), least);
		double		high = fmin(mlops_profile_upper(reference, i), greatest);
		double		area;

		enter_cell(&f, i);
		enter_cell(&g, i);
		if (mlops_profile_is_atom(reference, i) || !(high > low))
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
	double		shift = mlops_profile_mean(pair->current.profile) -
	mlops_profile_mean(pair->reference.profile);
	double		sd = sqrt(mlops_profile_variance(pair->reference.profile));

	measure_ks(pair, m);
	measure_wasserstein(pair, m);
	if (sd > 0 || shift == 0)
		m->mean_shift = shift == 0 ? 0 : shift / sd;
	/* the outer cells are empty in the reference */
	m->out_of_range_rate = (pair->current.counts[0] + pair->current.counts[pair->n_values - 1]) /
		pair->current.n;
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
measure_missing(const Pair *pair, const Sample *sample)
{
	const double *special = &sample->counts[pair->n_values];

	return (special[PROFILE_NULL] + special[PROFILE_NAN]) / sample->n;
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
	Pair		pair;
	DriftMeasures *m = measures;
	double		noise;

	if (!mlops_profile_same_cells(reference, current) || !read_pair(&pair, reference, current))
		return false;
	mlops_measure_clear(m);
	m->n_reference = (int64_t) pair.reference.n;
	m->n_current = (int64_t) pair.current.n;
	if (m->n_reference == 0 || m->n_current == 0)
		return true;

	noise = 1 / pair.reference.n + 1 / pair.current.n;
	m->psi_noise = noise * (pair.n_used - 1);
	m->psi_critical = noise * find_critical(alpha, pair.n_used - 1);
	measure_divergences(&pair, m);
	measure_test(&pair, m);
	m->null_rate_change = measure_missing(&pair, &pair.current) - measure_missing(&pair, &pair.reference);
	if (is_numeric(&pair))
		measure_numbers(&pair, m);
	else
		m->unseen_rate = pair.current.counts[pair.n_values + PROFILE_UNSEEN] / pair.current.n;
	return true;
}
