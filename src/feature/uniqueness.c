/*-------------------------------------------------------------------------
 *
 * uniqueness.c
 *	  Whether the integers of a column look like a serial number.
 *
 * The share of distinct values is exact while they fit; beyond that it is
 * taken over a sample of the values whose hash lies below a limit, which is halved
 * whenever the sample is full (Wegman's adaptive sampling).  All copies of a
 * value are in the sample or none, so that values which are all distinct
 * give exactly 1, whatever their number; a sketch of the count alone would
 * miss 1 by more than the 1 % that decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"

#include "feature/mix.h"
#include "feature/uniqueness.h"

#define MIN_ROWS 1000
#define MIN_DISTINCT_SHARE 0.99
#define MAX_RANGE_PER_ROW 2

typedef struct UniqueEntry
{
	int64		value;
	int64		count;
	char		status;			/* for simplehash */
} UniqueEntry;

#define SH_PREFIX unique_table
#define SH_ELEMENT_TYPE UniqueEntry
#define SH_KEY_TYPE int64
#define SH_KEY value
#define SH_HASH_KEY(tb, key) ((uint32) mlops_mix64((uint64) (key)))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"	/* within the server's header */
#include "lib/simplehash.h"
#pragma GCC diagnostic pop

struct Uniqueness
{
	int64		n;				/* values added */
	int64		min;
	int64		max;
	uint64		limit;			/* values whose hash is above are not in the
								 * sample */
	int			max_values;
	unique_table_hash *sample;
	MemoryContext context;
};

Uniqueness *
mlops_uniqueness_create(int max_values)
{
	Uniqueness *uniqueness = palloc0(sizeof(Uniqueness));

	uniqueness->min = PG_INT64_MAX;
	uniqueness->max = PG_INT64_MIN;
	uniqueness->limit = PG_UINT64_MAX;
	uniqueness->max_values = max_values;
	uniqueness->context = CurrentMemoryContext;
	uniqueness->sample = unique_table_create(CurrentMemoryContext, 16, NULL);
	return uniqueness;
}

/* Halve the sample until it fits. */
static void
shrink_sample(Uniqueness *uniqueness)
{
	while (uniqueness->sample->members > uniqueness->max_values)
	{
		unique_table_hash *smaller;
		unique_table_iterator iterator;
		UniqueEntry *entry;

		uniqueness->limit >>= 1;
		smaller = unique_table_create(uniqueness->context, uniqueness->max_values, NULL);
		unique_table_start_iterate(uniqueness->sample, &iterator);
		while ((entry = unique_table_iterate(uniqueness->sample, &iterator)) != NULL)
		{
			bool		found;

			if (mlops_mix64((uint64) entry->value) <= uniqueness->limit)
				unique_table_insert(smaller, entry->value, &found)->count = entry->count;
		}
		unique_table_destroy(uniqueness->sample);
		uniqueness->sample = smaller;
	}
}

void
mlops_uniqueness_add(Uniqueness *uniqueness, int64 value)
{
	uniqueness->n++;
	if (value < uniqueness->min)
		uniqueness->min = value;
	if (value > uniqueness->max)
		uniqueness->max = value;

	if (mlops_mix64((uint64) value) <= uniqueness->limit)
	{
		bool		found;
		UniqueEntry *entry = unique_table_insert(uniqueness->sample, value, &found);

		if (!found)
			entry->count = 0;
		entry->count++;
		if (uniqueness->sample->members > uniqueness->max_values)
			shrink_sample(uniqueness);
	}
}

bool
mlops_uniqueness_is_serial(const Uniqueness *uniqueness)
{
	unique_table_iterator iterator;
	UniqueEntry *entry;
	int64		range;
	int64		n_sampled = 0;

	if (uniqueness->n < MIN_ROWS ||
		pg_sub_s64_overflow(uniqueness->max, uniqueness->min, &range) ||
		range >= MAX_RANGE_PER_ROW * uniqueness->n)
		return false;

	unique_table_start_iterate(uniqueness->sample, &iterator);
	while ((entry = unique_table_iterate(uniqueness->sample, &iterator)) != NULL)
		n_sampled += entry->count;
	return uniqueness->sample->members > MIN_DISTINCT_SHARE * n_sampled;
}
