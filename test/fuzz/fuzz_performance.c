/*-------------------------------------------------------------------------
 *
 * fuzz_performance.c
 *	  Feed any bytes to the reader of performance states; use what it accepts.
 *
 * A state that comes out must be sound, be written as the same bytes again, and
 * survive rows, merges with itself and removal; so must the image itself with
 * bytes changed, which the check must refuse or which must be as sound.  Use takes
 * far longer than reading: one input of eight has it.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>

#include "drift/performance.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static PerformanceNeed need;

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

static Performance *
enlarge(Performance *p)
{
	Performance *larger = malloc(need.size);

	mlops_performance_grow(p, &need, larger);
	free(p);
	return larger;
}

static Performance *
copy_state(const Performance *p)
{
	Performance *copy = malloc(p->size);

	memcpy(copy, p, p->size);
	return copy;
}

/* Rows of all kinds, and states of twice the size, until something is full. */
static void
use_state(const Performance *original)
{
	Performance *p = copy_state(original);
	Performance *other;
	MetricValue values[METRIC_MAX];
	PerformanceRow row = {
		.weight = 1,.sign = 1,.label = 1e300,.prediction = -3e-300,.actual = true,.score = 0.25,
		.label_text = "a",.label_length = 1,.prediction_text = "bc",.prediction_length = 2
	};
	const char *why;

	REQUIRE(mlops_performance_metrics(p, values) <= METRIC_MAX);
	for (int i = 0; i < 4; i++)
	{
		row.sign = i == 3 ? -1 : 1;
		row.weight = i == 2 ? 0.1 : 1;
		while (mlops_performance_add(p, &row, &need) == PERFORMANCE_NO_ROOM)
			p = enlarge(p);
	}
	for (int i = 0; i < 4; i++)
	{
		other = copy_state(i % 2 ? p : original);
		while (mlops_performance_merge(p, other, &need) == PERFORMANCE_NO_ROOM)
			p = enlarge(p);
		free(other);
	}
	REQUIRE(mlops_performance_metrics(p, values) <= METRIC_MAX);
	while (mlops_performance_settle(p, &need) == PERFORMANCE_NO_ROOM)
		p = enlarge(p);
	if (p->pending == 0)
		REQUIRE(mlops_performance_check(p, p->size, &why));
	free(p);
}

/* Whether an input is one whose states are used. */
static bool
is_used(const uint8_t *data, size_t size)
{
	uint32_t	hash = 0;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 16777619;
	return hash >> 29 == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	size_t		image = mlops_performance_unpacked_size(data, size, &why);
	bool		used = is_used(data, size);
	Performance *p;

	/* large windows of many classes only cost time */
	if (image == 0 || image > 1 << 16)
		return 0;
	p = malloc(image);
	if (mlops_performance_unpack(data, size, p, &why))
	{
		uint8_t    *bytes = malloc(mlops_performance_packed_max(p));

		REQUIRE(mlops_performance_check(p, image, &why));
		REQUIRE(mlops_performance_pack(p, bytes) == size && memcmp(bytes, data, size) == 0);
		free(bytes);
		if (used)
			use_state(p);
		for (size_t i = 0; i + 2 < size && i < 12; i += 3)
		{
			Performance *changed = copy_state(p);

			((uint8_t *) changed)[((size_t) data[i] << 8 | data[i + 1]) % image] ^= data[i + 2];
			if (mlops_performance_check(changed, image, &why) && used)
				use_state(changed);
			free(changed);
		}
	}
	free(p);
	return 0;
}
