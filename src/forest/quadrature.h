/*-------------------------------------------------------------------------
 *
 * quadrature.h
 *	  Rules of Gauss and Legendre on the interval from 0 to 1.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_QUADRATURE_H
#define MLOPS_FOREST_QUADRATURE_H

#include <stdint.h>

/*
 * Fill in the rule of n > 0 points: the sum of weight[i] * f(node[i]) is the
 * integral of f for every polynomial f of a degree up to 2n - 1.
 */
extern void mlops_quadrature_fill(uint32_t n, double *node, double *weight);

#endif							/* MLOPS_FOREST_QUADRATURE_H */
