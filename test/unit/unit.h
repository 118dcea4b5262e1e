/*-------------------------------------------------------------------------
 *
 * unit.h
 *	  The little that unit tests share: counting, and a line at the end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TEST_UNIT_H
#define MLOPS_TEST_UNIT_H

#include <stdbool.h>
#include <stdio.h>

static int	unit_passed;
static int	unit_failed;

#define CHECK(condition, ...) \
	unit_check((condition), __FILE__, __LINE__, #condition, __VA_ARGS__)

/* Count a check; say what failed, and for which case. */
static inline bool
unit_check(bool ok, const char *file, int line, const char *condition, const char *name)
{
	if (ok)
		unit_passed++;
	else if (unit_failed++ < 50)
		printf("%s:%d: %s: not %s\n", file, line, name, condition);
	return ok;
}

static inline int
unit_finish(const char *name)
{
	printf("%s: %d passed, %d failed\n", name, unit_passed, unit_failed);
	return unit_failed > 0;
}

#endif							/* MLOPS_TEST_UNIT_H */
