/*-------------------------------------------------------------------------
 *
 * label_set.c
 *	  Distinct labels of one column, numbered as they come, with their counts.
 *
 * Memory is bounded: labels beyond the first max_kept are known by their
 * 64-bit hash only, and at MLOPS_MAX_COUNTED_LABELS the set gives up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/error.h"
#include "feature/label_set.h"

/* Longest label; longer text is prose, not a category. */
#define MAX_LABEL_LENGTH 8191

typedef struct LabelKey
{
	uint64		hash;
	const char *label;			/* NULL: known by its hash only */
	uint32		length;
} LabelKey;

typedef struct LabelEntry
{
	LabelKey	key;
	int			number;
	char		status;			/* for simplehash */
	int64		count;
} LabelEntry;

static inline bool
match_keys(LabelKey a, LabelKey b)
{
	return a.hash == b.hash && a.length == b.length &&
		(a.label == NULL || b.label == NULL || memcmp(a.label, b.label, a.length) == 0);
}

#define SH_PREFIX label_table
#define SH_ELEMENT_TYPE LabelEntry
#define SH_KEY_TYPE LabelKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) ((uint32) (key).hash)
#define SH_EQUAL(tb, a, b) match_keys(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"	/* within the server's header */
#include "lib/simplehash.h"
#pragma GCC diagnostic pop

struct LabelSet
{
	const char *column;
	int			max_kept;
	int64		total;
	label_table_hash *table;
	MemoryContext context;		/* holds the labels' text */
};

LabelSet *
mlops_label_set_create(const char *column, int max_kept)
{
	LabelSet   *set = palloc0(sizeof(LabelSet));

	set->column = column;
	set->max_kept = max_kept;
	set->context = CurrentMemoryContext;
	set->table = label_table_create(CurrentMemoryContext, 64, NULL);
	return set;
}

int
mlops_label_set_add(LabelSet *set, const char *label, size_t length, uint64 hash)
{
	LabelKey	key = {hash, label, (uint32) length};
	LabelEntry *entry;
	bool		found;

	set->total++;
	if (length > MAX_LABEL_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_INVALID_DATASET),
				 errmsg("column \"%s\" holds a text of %zu bytes, too long for a category",
						set->column, length),
				 errhint("Leave the column out with exclude => '{%s}', or shorten it in the query.",
						 set->column)));
	entry = label_table_insert(set->table, key, &found);
	if (!found)
	{
		entry->number = set->table->members - 1;
		entry->count = 0;
		if (entry->number < set->max_kept)
		{
			char	   *copy = MemoryContextAlloc(set->context, length + 1);

			memcpy(copy, label, length);
			copy[length] = '\0';
			entry->key.label = copy;
		}
		else
			entry->key.label = NULL;
		if (entry->number >= MLOPS_MAX_COUNTED_LABELS)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_INVALID_DATASET),
					 errmsg("column \"%s\" has more than %d distinct labels",
							set->column, MLOPS_MAX_COUNTED_LABELS),
					 errhint("Leave the column out with exclude => '{%s}', or group its values in the query.",
							 set->column)));
	}
	entry->count++;
	return entry->number;
}

int
mlops_label_set_find(LabelSet *set, const char *label, size_t length, uint64 hash)
{
	LabelKey	key = {hash, label, (uint32) length};
	LabelEntry *entry = label_table_lookup(set->table, key);

	return entry != NULL ? entry->number : -1;
}

int64
mlops_label_set_count(const LabelSet *set)
{
	return set->table->members;
}

int64
mlops_label_set_total(const LabelSet *set)
{
	return set->total;
}

static int
compare_bytes(const void *a, const void *b)
{
	return strcmp((*(LabelEntry *const *) a)->key.label, (*(LabelEntry *const *) b)->key.label);
}

/* Most frequent first; equally frequent ones bytewise. */
static int
compare_counts(const void *a, const void *b)
{
	int64		count_a = (*(LabelEntry *const *) a)->count;
	int64		count_b = (*(LabelEntry *const *) b)->count;

	return count_a != count_b ? (count_a < count_b ? 1 : -1) : compare_bytes(a, b);
}

int
mlops_label_set_sort(LabelSet *set, int max, char ***labels, int **codes)
{
	int			n = set->table->members;
	int			n_kept = Min(n, max);
	LabelEntry **entries = palloc(Max(n, 1) * sizeof(LabelEntry *));
	label_table_iterator iterator;
	LabelEntry *entry;
	int			i = 0;

	Assert(n <= set->max_kept);
	label_table_start_iterate(set->table, &iterator);
	while ((entry = label_table_iterate(set->table, &iterator)) != NULL)
		entries[i++] = entry;
	if (n > max)
		qsort(entries, n, sizeof(LabelEntry *), compare_counts);
	qsort(entries, n_kept, sizeof(LabelEntry *), compare_bytes);

	*labels = palloc(Max(n_kept, 1) * sizeof(char *));
	*codes = palloc(Max(n, 1) * sizeof(int));
	for (i = 0; i < n; i++)
	{
		if (i < n_kept)
			(*labels)[i] = unconstify(char *, entries[i]->key.label);
		(*codes)[entries[i]->number] = Min(i, n_kept);
	}
	pfree(entries);
	return n_kept;
}
