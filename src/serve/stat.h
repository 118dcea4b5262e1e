/*-------------------------------------------------------------------------
 *
 * stat.h
 *	  Serving statistics: what calls of predictions count, and where to.
 *
 * A call goes begin -> bind, as soon as the version is known -> end.  It counts
 * into memory of its call site, without locks; from there the counts are added
 * to shared memory when that memory is given back, thus at the end of a
 * statement, and every second meanwhile.  A call that fails does not reach
 * end: an error context callback counts it.  Without preload, or with
 * mlops.track_predictions off, all of this costs one comparison.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_STAT_H
#define MLOPS_STAT_H

#include "datatype/timestamp.h"
#include "storage/spin.h"
#include "utils/elog.h"
#include "utils/palloc.h"

#include "base/settings.h"
#include "feature/signature.h"
#include "serve/latency.h"

typedef enum StatCounter
{
	STAT_CALLS,
	STAT_ROWS,
	STAT_ERRORS_MODEL,
	STAT_ERRORS_INPUT,
	STAT_ERRORS_CANCELED,
	STAT_ERRORS_OTHER,
	STAT_MISSING_VALUES,
	STAT_UNSEEN_CATEGORIES,
	STAT_CACHE_BUILDS,
	STAT_CACHE_MAPS,
	STAT_TIMED_CALLS,			/* that the latencies stand for */
	STAT_TIMED_NS,				/* their sum */
	STAT_N_COUNTERS
} StatCounter;

#define STAT_MODEL_SIZE 132		/* a name of 128 bytes, and then some */

/* Counts of one version in one database; model "": of no version. */
typedef struct StatKey
{
	Oid			database;
	int32		version;
	char		model[STAT_MODEL_SIZE];
} StatKey;

/* All but the key is guarded by the mutex. */
typedef struct StatEntry
{
	StatKey		key;			/* hash key; must be first */
	slock_t		mutex;
	TimestampTz since;
	TimestampTz last_call;
	uint64		max_ns;
	uint64		counters[STAT_N_COUNTERS];
	uint64		histogram[LATENCY_N_BUCKETS];
} StatEntry;

/* The bookkeeping of the shared table. */
typedef struct StatInfo
{
	bool		preloaded;
	int			n_entries;
	int64		evictions;
} StatInfo;

/* A duration, and the number of calls that it stands for. */
typedef struct StatSample
{
	int			bucket;
	uint32		n_calls;
} StatSample;

/* A category feature of a version. */
typedef struct StatCategory
{
	int			slot;
	float		n_labels;		/* codes from here on are unseen */
} StatCategory;

#define STAT_MAX_SAMPLES 24		/* then they are shared */

/* Counts of one version at one call site, not yet shared. */
typedef struct PredictionStat
{
	const char *model;
	int			version;
	int			n_features;
	int			n_categories;
	StatCategory *categories;
	uint32		n_untimed;		/* calls since the last timed one */
	uint64		counters[STAT_N_COUNTERS];
	uint64		shared_ns;		/* when counts were last shared */
	uint64		max_ns;
	int			n_samples;
	StatSample	samples[STAT_MAX_SAMPLES];
	MemoryContextCallback release;
} PredictionStat;

/* The call under way; lives at least until its end. */
typedef struct StatCall
{
	ErrorContextCallback context;
	PredictionStat *stat;		/* NULL: not tracked */
	StatCounter noted;			/* class of an error in this call, or
								 * STAT_CALLS */
	bool		is_first;		/* of its call site */
	uint64		start_ns;		/* 0: not timed */
} StatCall;

/*
 * Make the counts of a version, in the current context, whose end shares them;
 * the name must live as long.  NULL without preload, which the functions below
 * accept.
 */
extern PredictionStat *mlops_stat_create(const char *model, int version);

/* Say what a row of the version looks like. */
extern void mlops_stat_describe(PredictionStat *stat, const Signature *signature);

/* Count forests that were built from model bytes or mapped from a file. */
extern void mlops_stat_count_loads(PredictionStat *stat, int builds, int maps);

/* Count a scored call as failed after all, because its result was refused. */
extern void mlops_stat_refuse(PredictionStat *stat);

extern PredictionStat mlops_stat_unknown;
extern int	mlops_stat_countdown;
extern void mlops_stat_note_error(void *call);
extern void mlops_stat_forget_note(StatCall *call);
extern uint64 mlops_stat_clock(void);
extern void mlops_stat_end_special(StatCall *call, int n_rows);

/* Begin a call, whose version is not yet known.  The first one is always timed. */
static inline void
mlops_stat_begin(StatCall *call, bool is_first)
{
	call->stat = NULL;
	if (!mlops_track_predictions)
		return;
	call->stat = &mlops_stat_unknown;
	call->noted = STAT_CALLS;
	call->is_first = is_first;
	call->start_ns = 0;
	if (unlikely(is_first || --mlops_stat_countdown <= 0))
		call->start_ns = mlops_stat_clock();
	call->context.callback = mlops_stat_note_error;
	call->context.arg = call;
	call->context.previous = error_context_stack;
	error_context_stack = &call->context;
}

/* From here on the call is one of this version. */
static inline void
mlops_stat_bind(StatCall *call, PredictionStat *stat)
{
	if (call->stat == NULL)
		return;
	if (unlikely(call->noted != STAT_CALLS))
		mlops_stat_forget_note(call);
	call->stat = stat;
}

/*
 * Number of missing values.  Works on the bits, in parts of fixed size, so that
 * compilers make vector code of it.
 */
static inline uint32
mlops_stat_count_missing(const float *values, size_t n)
{
	uint32		count = 0;
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
	{
		uint32		bits[4];

		memcpy(bits, values + i, sizeof(bits));
		for (int j = 0; j < 4; j++)
			count += (bits[j] & 0x7fffffff) > 0x7f800000;
	}
	for (; i < n; i++)
		count += values[i] != values[i];
	return count;
}

/*
 * End a call that scored rows: vectors[n_rows][n_features]; none for a NULL row.
 * Blocks of rows count as one call, and their time is shared out over the rows.
 */
static inline void
mlops_stat_end(StatCall *call, const float *vectors, int n_rows)
{
	PredictionStat *stat = call->stat;
	size_t		n_values;

	if (stat == NULL)
		return;
	error_context_stack = call->context.previous;
	n_values = (size_t) n_rows * stat->n_features;
	stat->counters[STAT_CALLS]++;
	stat->counters[STAT_ROWS] += n_rows;
	stat->counters[STAT_MISSING_VALUES] += mlops_stat_count_missing(vectors, n_values);
	for (int i = 0; i < stat->n_categories; i++)
	{
		const StatCategory *category = &stat->categories[i];

		for (size_t slot = category->slot; slot < n_values; slot += stat->n_features)
			stat->counters[STAT_UNSEEN_CATEGORIES] += vectors[slot] >= category->n_labels;
	}
	stat->n_untimed++;
	if (unlikely(call->noted != STAT_CALLS || call->start_ns != 0))
		mlops_stat_end_special(call, n_rows);
}

/*
 * Count errors of the version as failed calls from here to mlops_stat_unwatch:
 * of what is done outside of calls, such as the encoding of a block's rows.
 */
static inline void
mlops_stat_watch(StatCall *call, PredictionStat *stat)
{
	call->stat = NULL;
	if (stat == NULL || !mlops_track_predictions)
		return;
	call->stat = stat;
	call->noted = STAT_CALLS;
	call->context.callback = mlops_stat_note_error;
	call->context.arg = call;
	call->context.previous = error_context_stack;
	error_context_stack = &call->context;
}

static inline void
mlops_stat_unwatch(StatCall *call)
{
	if (call->stat == NULL)
		return;
	error_context_stack = call->context.previous;
	if (unlikely(call->noted != STAT_CALLS))
		mlops_stat_forget_note(call);
}

/* Copies of the entries of all databases, palloc'ed; their number. */
extern int	mlops_stat_collect(StatEntry **entries);
extern void mlops_stat_get_info(StatInfo *info);

/* Forget entries of this database: of one model, or NULL; of one version, or 0. */
extern void mlops_stat_reset(const char *model, int version);

extern void mlops_stat_init(void);

#endif							/* MLOPS_STAT_H */
