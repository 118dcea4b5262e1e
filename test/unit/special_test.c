/*-------------------------------------------------------------------------
 *
 * special_test.c
 *	  Tail probabilities against SciPy's; special_values.py made the numbers.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>

#include "drift/special.h"
#include "special_values.h"
#include "unit.h"

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* Equal logarithms, up to the relative error of the tail or of its logarithm. */
static bool
is_near(double got, double wanted, double tolerance)
{
	return got == wanted || fabs(got - wanted) <= tolerance * fmax(1, fabs(wanted));
}

static void
test_gamma(void)
{
	char		name[160];

	for (int i = 0; i < COUNT(log_gamma_q_values); i++)
	{
		const double *v = log_gamma_q_values[i];
		double		got = mlops_special_log_gamma_q(v[0], v[1]);

		snprintf(name, sizeof(name), "Q(%g, %g): %.17g for %.17g", v[0], v[1], got, v[2]);
		CHECK(is_near(got, v[2], 2e-13 * fmax(1, sqrt(v[0]))), name);

		/* back: where the tail is flat, x is not determined */
		if (v[2] < -1e-6)
		{
			double		x = mlops_special_gamma_q_inverse(v[0], v[2]);

			snprintf(name, sizeof(name), "inverse of Q(%g, %g): %.17g", v[0], v[1], x);
			CHECK(is_near(x, v[1], 1e-9), name);
		}
	}
	CHECK(mlops_special_log_gamma_q(3, 0) == 0, "Q(a, 0)");
	CHECK(isinf(mlops_special_log_gamma_q(3, INFINITY)), "Q(a, infinity)");
	CHECK(isnan(mlops_special_log_gamma_q(0, 1)), "a = 0");
	CHECK(isnan(mlops_special_log_gamma_q(1, -1)), "x < 0");
	CHECK(isnan(mlops_special_log_gamma_q(NAN, 1)), "a NaN");
	CHECK(mlops_special_gamma_q_inverse(3, 0) == 0, "inverse of 1");
	CHECK(isinf(mlops_special_gamma_q_inverse(3, -INFINITY)), "inverse of 0");
	CHECK(isnan(mlops_special_gamma_q_inverse(3, 0.1)), "inverse above 1");
}

static void
test_chi2(void)
{
	char		name[160];

	for (int i = 0; i < COUNT(chi2_critical_values); i++)
	{
		const double *v = chi2_critical_values[i];
		double		got = mlops_special_chi2_critical(v[0], v[1]);

		snprintf(name, sizeof(name), "critical(%g, %g): %.17g for %.17g", v[0], v[1], got, v[2]);
		CHECK(fabs(got - v[2]) <= 1e-10 * v[2], name);
		CHECK(is_near(mlops_special_chi2_log_tail(v[2], v[1]), log(v[0]), 1e-9), name);
	}
}

static void
test_fisher(void)
{
	char		name[160];

	for (int i = 0; i < COUNT(fisher_values); i++)
	{
		const double *v = fisher_values[i];
		double		got = mlops_special_log_fisher_tail((int64_t) v[0], (int64_t) v[1],
														(int64_t) v[2], (int64_t) v[3]);

		snprintf(name, sizeof(name), "fisher(%g, %g, %g, %g): %.17g for %.17g", v[0], v[1], v[2],
				 v[3], got, v[4]);
		CHECK(is_near(got, v[4], 1e-10), name);
	}
}

int
main(void)
{
	test_gamma();
	test_chi2();
	test_fisher();
	return unit_finish("special");
}
