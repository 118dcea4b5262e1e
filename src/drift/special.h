/*-------------------------------------------------------------------------
 *
 * special.h
 *	  Tail probabilities that libm does not have; pure C.
 *
 * Logarithms are natural, so that tails far below the smallest double stay
 * comparable.  Relative errors are below 1e-12 of the logarithm or of the tail,
 * whichever is larger, for a up to 1e6.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SPECIAL_H
#define MLOPS_SPECIAL_H

#include <stdint.h>

/* log Q(a, x) of the regularised upper incomplete gamma function; a > 0, x >= 0. */
extern double mlops_special_log_gamma_q(double a, double x);

/* The x at which log Q(a, x) is log_q <= 0. */
extern double mlops_special_gamma_q_inverse(double a, double log_q);

/* log P(X >= x) of a chi-squared X with df > 0 degrees of freedom, and the x at
 * which P(X >= x) is alpha, 0 < alpha <= 1. */
extern double mlops_special_chi2_log_tail(double x, double df);
extern double mlops_special_chi2_critical(double alpha, double df);

/*
 * log P(X >= x), where X is how many of "drawn" rows, taken from "total" rows
 * without replacement, are among the "marked" ones: Fisher's exact test, one tail.
 */
extern double mlops_special_log_fisher_tail(int64_t x, int64_t marked, int64_t drawn, int64_t total);

#endif							/* MLOPS_SPECIAL_H */
