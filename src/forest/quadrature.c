/*-------------------------------------------------------------------------
 *
 * quadrature.c
 *	  Rules of Gauss and Legendre on the interval from 0 to 1.
 *
 * The nodes are the roots of a Legendre polynomial, found by Newton's method
 * from the usual first guess.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "forest/quadrature.h"

#define MAX_STEPS	20			/* a handful is enough */

/* The Legendre polynomial of degree n at x, and its derivative. */
static double
evaluate_legendre(uint32_t n, double x, double *derivative)
{
	double		before = 1;
	double		value = x;

	for (uint32_t k = 2; k <= n; k++)
	{
		double		next = ((2.0 * k - 1) * x * value - (k - 1.0) * before) / k;

		before = value;
		value = next;
	}
	*derivative = n * (x * value - before) / (x * x - 1);
	return value;
}

void
mlops_quadrature_fill(uint32_t n, double *node, double *weight)
{
	for (uint32_t i = 0; i < (n + 1) / 2; i++)
	{
		double		x = cos(M_PI * (i + 0.75) / (n + 0.5));
		double		derivative;

		for (int step = 0; step < MAX_STEPS; step++)
		{
			double		change = evaluate_legendre(n, x, &derivative) / derivative;

			x -= change;
			if (fabs(change) < 1e-15)
				break;
		}
		/* the middle one of an odd number, exactly */
		if (2 * i + 1 == n)
			x = 0;
		evaluate_legendre(n, x, &derivative);
		node[i] = (1 - x) / 2;
		node[n - 1 - i] = (1 + x) / 2;
		weight[i] = weight[n - 1 - i] = 1 / ((1 - x * x) * derivative * derivative);
	}
}
