/*-------------------------------------------------------------------------
 *
 * label_set.h
 *	  Distinct labels of one column, numbered as they come, with their counts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_LABEL_SET_H
#define MLOPS_LABEL_SET_H

#include "common/hashfn.h"

/* Beyond this many distinct labels a set stops growing and raises an error. */
#define MLOPS_MAX_COUNTED_LABELS 100000

typedef struct LabelSet LabelSet;

static inline uint64
mlops_label_set_hash(const char *label, size_t length)
{
	return hash_bytes_extended((const unsigned char *) label, (int) length, 0);
}

/* Remembers the text of the first "max_kept" labels and counts the others.
 * Lives in the current context; errors name "column". */
extern LabelSet *mlops_label_set_create(const char *column, int max_kept);

/* Number of the label, from 0; added when new. */
extern int	mlops_label_set_add(LabelSet *set, const char *label, size_t length, uint64 hash);

/* Number of the label, or -1. */
extern int	mlops_label_set_find(LabelSet *set, const char *label, size_t length, uint64 hash);

extern int64 mlops_label_set_count(const LabelSet *set);	/* distinct labels */
extern int64 mlops_label_set_total(const LabelSet *set);	/* labels added */

/*
 * The "max" most frequent labels, sorted bytewise; all when there are fewer.
 * codes[number of a label] is its index in the result, or the length of the result for
 * those left out.  Allocates in the current context.
 */
extern int	mlops_label_set_sort(LabelSet *set, int max, char ***labels, int **codes);

#endif							/* MLOPS_LABEL_SET_H */
