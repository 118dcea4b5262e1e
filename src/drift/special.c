/*-------------------------------------------------------------------------
 *
 * special.c
 *	  Tail probabilities that libm does not have.
 *
 * Incomplete gamma function: series below a + 1, continued fraction above (by
 * Lentz's method); its common factor by Stirling's series, so that a large a
 * costs no digits.  See Abramowitz and Stegun, 6.1.40, 6.5.29 and 6.5.31.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "drift/special.h"

#define EPSILON (DBL_EPSILON / 4)
#define TINY 1e-300
#define HALF_LOG_2PI 0.91893853320467274178

/* log Gamma(a + 1) less its Stirling approximation, for a >= 10. */
static double
sum_stirling(double a)
{
	double		square = 1 / (a * a);

	return (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square *
													   (1.0 / 1680 - square * (1.0 / 1188 - square * 691.0 / 360360))))) / a;
}

/* log Gamma(a); the C library's lgamma writes a global variable. */
static double
log_gamma(double a)
{
	double		product = 1;

	for (; a < 10; a++)
		product *= a;
	return (a - 0.5) * log(a) - a + HALF_LOG_2PI + sum_stirling(a) - log(product);
}

/* log(x^a e^-x / Gamma(a)), x > 0 */
static double
log_factor(double a, double x)
{
	double		excess;

	if (a < 10)
		return a * log(x) - x - log_gamma(a);
	excess = (x - a) / a;
	/* near x = a the large terms cancel: write them as one small one */
	if (fabs(excess) < 0.5)
		return a * (log1p(excess) - excess) + 0.5 * log(a) - HALF_LOG_2PI - sum_stirling(a);
	return a * log(x / a) - (x - a) + 0.5 * log(a) - HALF_LOG_2PI - sum_stirling(a);
}

/* P(a, x) by its series, without the factor; for x < a + 1. */
static double
sum_series(double a, double x)
{
	double		term = 1 / a;
	double		sum = term;

	for (double n = 1; term > sum * EPSILON; n++)
	{
		term *= x / (a + n);
		sum += term;
	}
	return sum;
}

/* Q(a, x) by its continued fraction, without the factor; for x >= a + 1. */
static double
sum_fraction(double a, double x)
{
	double		b = x + 1 - a;
	double		c = 1 / TINY;
	double		d = 1 / b;
	double		h = d;
	double		step = 0;

	/*
	 * convergence slows down as the square root of a; rounding may stop it
	 * just short of 1
	 */
	for (double n = 1; fabs(step - 1) > 2 * DBL_EPSILON && n < 1e7; n++)
	{
		double		an = n * (a - n);

		b += 2;
		d = an * d + b;
		d = fabs(d) < TINY ? TINY : d;
		c = b + an / c;
		c = fabs(c) < TINY ? TINY : c;
		d = 1 / d;
		step = d * c;
		h *= step;
	}
	return h;
}

double
mlops_special_log_gamma_q(double a, double x)
{
	double		p;

	if (isnan(a) || isnan(x) || a <= 0 || x < 0)
		return NAN;
	if (x == 0)
		return 0;
	if (isinf(x))
		return -INFINITY;
	if (x >= a + 1)
		return log_factor(a, x) + log(sum_fraction(a, x));
	p = exp(log_factor(a, x) + log(sum_series(a, x)));
	return log1p(-fmin(p, 1));
}

double
mlops_special_gamma_q_inverse(double a, double log_q)
{
	double		low = 0;
	double		high = a + 1;
	double		x;

	if (isnan(a) || isnan(log_q) || a <= 0 || log_q > 0)
		return NAN;
	if (log_q == 0)
		return 0;
	if (isinf(log_q))
		return INFINITY;
	while (mlops_special_log_gamma_q(a, high) > log_q)
	{
		low = high;
		high *= 2;
	}

	/*
	 * Newton's method on log Q, which is concave but for a < 1, kept inside
	 * of the bracket
	 */
	x = (low + high) / 2;
	for (int i = 0; i < 200; i++)
	{
		double		log_tail = mlops_special_log_gamma_q(a, x);
		double		slope = -exp(log_factor(a, x) - log(x) - log_tail);
		double		next;

		if (log_tail > log_q)
			low = x;
		else
			high = x;
		next = x - (log_tail - log_q) / slope;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (fabs(next - x) <= 2 * DBL_EPSILON * x)
			return next;
		x = next;
	}
	return x;
}

double
mlops_special_chi2_log_tail(double x, double df)
{
	return mlops_special_log_gamma_q(df / 2, x / 2);
}

double
mlops_special_chi2_critical(double alpha, double df)
{
	return 2 * mlops_special_gamma_q_inverse(df / 2, log(alpha));
}

/* log of n over k */
static double
log_choose(double n, double k)
{
	return log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1);
}

double
mlops_special_log_fisher_tail(int64_t x, int64_t marked, int64_t drawn, int64_t total)
{
	double		least = fmax(0, (double) marked + (double) drawn - (double) total);
	double		most = marked < drawn ? marked : drawn;
	double		term = 1;
	double		sum = 1;

	if ((double) x <= least)
		return 0;
	if ((double) x > most)
		return -INFINITY;

	/*
	 * terms relative to the first one, which fall faster and faster above the
	 * mode
	 */
	for (double i = x; i < most && term > sum * EPSILON; i++)
	{
		term *= ((double) marked - i) * ((double) drawn - i) /
			((i + 1) * ((double) total - (double) marked - (double) drawn + i + 1));
		sum += term;
	}
	if (!(sum <= DBL_MAX))		/* x is far below the mode */
		return 0;
	sum = log_choose(marked, x) + log_choose((double) total - marked, (double) drawn - x) -
		log_choose(total, drawn) + log(sum);
	return fmin(sum, 0);
}
