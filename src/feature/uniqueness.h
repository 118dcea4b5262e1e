/*-------------------------------------------------------------------------
 *
 * uniqueness.h
 *	  Whether the integers of a column look like a serial number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_UNIQUENESS_H
#define MLOPS_UNIQUENESS_H

typedef struct Uniqueness Uniqueness;

/* Remembers at most "max_values" distinct values.  Lives in the current context. */
extern Uniqueness *mlops_uniqueness_create(int max_values);

extern void mlops_uniqueness_add(Uniqueness *uniqueness, int64 value);

/* Distinct in more than 99 % of at least 1,000 values, and dense in their range. */
extern bool mlops_uniqueness_is_serial(const Uniqueness *uniqueness);

#endif							/* MLOPS_UNIQUENESS_H */
