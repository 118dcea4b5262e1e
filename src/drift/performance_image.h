/*-------------------------------------------------------------------------
 *
 * performance_image.h
 *	  What the files of the performance state share; private to performance*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PERFORMANCE_IMAGE_H
#define MLOPS_PERFORMANCE_IMAGE_H

#include "drift/performance.h"

#define PERFORMANCE_MAGIC UINT32_C(0x66726570)
#define PERFORMANCE_FORMAT 1
#define PERFORMANCE_ALL_PARTS 127

/* The window of counts without weights. */
static const ExactWindow performance_narrow = {0, 1};

/* Rows and scored rows: far from overflow, of either sign. */
#define PERFORMANCE_MAX_ROWS (INT64_C(1) << 61)

/* Carry all; bit 0: some count has a full highest limb, bit 1: some sum. */
extern int	mlops_performance_carry(Performance *p);

/* Number of a label among those of the state, or where it would be. */
extern int	mlops_performance_find(const Performance *p, const char *label, size_t length, bool *found);

/* < 0, 0, > 0 as labels stand: bytewise, the shorter one first. */
extern int	mlops_performance_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* The header of a settled state. */
extern bool mlops_performance_check_header(const Performance *p, const char **why);

/* What follows it, in an image of the right size. */
extern bool mlops_performance_check_body(const Performance *p, const char **why);

#endif							/* MLOPS_PERFORMANCE_IMAGE_H */
