/*-------------------------------------------------------------------------
 *
 * random.h
 *	  Seeded random numbers of the tests and benchmarks in C; splitmix64.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdint.h>

static uint64_t state;			/* set it to the seed */

static inline uint64_t
draw(void)
{
	uint64_t	z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* From 0 inclusive to 1 exclusive. */
static inline double
draw_uniform(void)
{
	return (double) (draw() >> 11) / 9007199254740992.0;
}

#endif							/* TEST_RANDOM_H */
