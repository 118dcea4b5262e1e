/*-------------------------------------------------------------------------
 *
 * stat.c
 *	  Serving statistics: counting calls, and the table they are shared in.
 *
 * The table has a fixed number of entries; when it is full, those that were not
 * used for longest leave.  It starts empty with the server, also after a crash,
 * and on a standby counts what is predicted there.
 *
 * Locks: StatShared.lock, shared to find an entry, exclusive to add or remove
 * some, which also guards StatShared.evictions; StatEntry.mutex, a spinlock
 * taken under it, guards the counts of an entry.  Neither is held where an error
 * may be raised.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/error.h"
#include "serve/stat.h"

#define TRANCHE "mlops stat"
#define TIMED_PERIOD 127		/* one call of this many is timed; a prime, so
								 * that sites that take turns all are */
#define SHARE_INTERVAL_NS UINT64CONST(1000000000)

typedef struct StatShared
{
	LWLock	   *lock;
	int64		evictions;
} StatShared;

static StatShared *shared = NULL;
static HTAB *entries;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* Calls that fail before their version is known. */
PredictionStat mlops_stat_unknown = {.model = ""};
int			mlops_stat_countdown = TIMED_PERIOD;

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(StatShared)),
									hash_estimate_size(mlops_stat_max_versions, sizeof(StatEntry))));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* Names are mostly much shorter than the key. */
static uint32
hash_key(const void *key, Size size)
{
	const StatKey *stat_key = key;

	return hash_bytes(key, offsetof(StatKey, model) + strlen(stat_key->model));
}

static void
start_shmem(void)
{
	HASHCTL		control = {.keysize = sizeof(StatKey),.entrysize = sizeof(StatEntry),.hash = hash_key};
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("mlops stat", sizeof(StatShared), &found);
	if (!found)
	{
		shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		shared->evictions = 0;
	}
	entries = ShmemInitHash("mlops stat entries", mlops_stat_max_versions,
							mlops_stat_max_versions, &control, HASH_ELEM | HASH_FUNCTION);
	LWLockRelease(AddinShmemInitLock);
}

uint64
mlops_stat_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64) now.tv_sec * UINT64CONST(1000000000) + now.tv_nsec;
}

/*
 * Make room: remove the tenth of the time since the oldest last use, so that
 * the search is not repeated for every new version.
 */
static void
evict_entries(void)
{
	HASH_SEQ_STATUS scan;
	StatEntry  *entry;
	TimestampTz oldest = DT_NOEND;
	TimestampTz newest = DT_NOBEGIN;

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		oldest = Min(oldest, entry->last_call);
		newest = Max(newest, entry->last_call);
	}
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->last_call <= oldest + (newest - oldest) / 10)
		{
			hash_search(entries, &entry->key, HASH_REMOVE, NULL);
			shared->evictions++;
		}
	}
}

/* Entry of the key, made when it is new; NULL when that is impossible. */
static StatEntry *
enter_entry(const StatKey *key, TimestampTz now)
{
	StatEntry  *entry = hash_search(entries, key, HASH_FIND, NULL);

	if (entry != NULL)
		return entry;
	if (hash_get_num_entries(entries) >= mlops_stat_max_versions)
		evict_entries();
	entry = hash_search(entries, key, HASH_ENTER_NULL, NULL);
	if (entry == NULL)
		return NULL;
	memset((char *) entry + sizeof(StatKey), 0, sizeof(StatEntry) - sizeof(StatKey));
	SpinLockInit(&entry->mutex);
	entry->since = now;
	return entry;
}

/* Add counts to the entry. */
static void
add_counts(StatEntry *entry, const PredictionStat *stat, TimestampTz now)
{
	SpinLockAcquire(&entry->mutex);
	for (int i = 0; i < STAT_N_COUNTERS; i++)
		entry->counters[i] += stat->counters[i];
	for (int i = 0; i < stat->n_samples; i++)
		entry->histogram[stat->samples[i].bucket] += stat->samples[i].n_calls;
	entry->max_ns = Max(entry->max_ns, stat->max_ns);
	entry->last_call = Max(entry->last_call, now);
	SpinLockRelease(&entry->mutex);
}

/* Move the counts to shared memory. */
static void
share_counts(PredictionStat *stat)
{
	TimestampTz now;
	StatKey		key;
	StatEntry  *entry;

	if (stat->counters[STAT_CALLS] == 0 && stat->counters[STAT_CACHE_BUILDS] == 0 &&
		stat->counters[STAT_CACHE_MAPS] == 0)
		return;
	now = GetCurrentTimestamp();
	memset(&key, 0, sizeof(key));
	key.database = MyDatabaseId;
	key.version = stat->version;
	strlcpy(key.model, stat->model, sizeof(key.model));

	LWLockAcquire(shared->lock, LW_SHARED);
	entry = hash_search(entries, &key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		LWLockRelease(shared->lock);
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		entry = enter_entry(&key, now);
	}
	if (entry != NULL)
		add_counts(entry, stat, now);
	LWLockRelease(shared->lock);

	stat->max_ns = 0;
	stat->n_samples = 0;
	memset(stat->counters, 0, sizeof(stat->counters));
}

/* Memory context callback: the call site ends. */
static void
release_stat(void *arg)
{
	share_counts(arg);
}

/* Transaction callback: share the calls that failed without a version. */
static void
end_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PARALLEL_PRE_COMMIT &&
		event != XACT_EVENT_PRE_PREPARE)
		share_counts(&mlops_stat_unknown);
}

void
mlops_stat_init(void)
{
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shmem;
	RegisterXactCallback(end_transaction, NULL);
}

PredictionStat *
mlops_stat_create(const char *model, int version)
{
	PredictionStat *stat;

	if (shared == NULL)
		return NULL;
	stat = palloc0(sizeof(PredictionStat));
	stat->model = model;
	stat->version = version;
	stat->release.func = release_stat;
	stat->release.arg = stat;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &stat->release);
	return stat;
}

void
mlops_stat_describe(PredictionStat *stat, const Signature *signature)
{
	if (stat == NULL)
		return;
	stat->n_features = signature->n_features;
	for (int i = 0; i < signature->n_features; i++)
		stat->n_categories += signature->features[i].kind == FEATURE_CATEGORY;
	stat->categories = palloc(stat->n_categories * sizeof(StatCategory));
	stat->n_categories = 0;
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];

		if (feature->kind == FEATURE_CATEGORY)
		{
			stat->categories[stat->n_categories].slot = i;
			stat->categories[stat->n_categories].n_labels = feature->n_categories;
			stat->n_categories++;
		}
	}
}

void
mlops_stat_count_loads(PredictionStat *stat, int builds, int maps)
{
	if (stat == NULL || !mlops_track_predictions)
		return;
	stat->counters[STAT_CACHE_BUILDS] += builds;
	stat->counters[STAT_CACHE_MAPS] += maps;
}

/* Which counter an error belongs to. */
static StatCounter
classify_error(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_MLOPS_UNDEFINED_MODEL:
		case ERRCODE_MLOPS_INVALID_MODEL:
		case ERRCODE_DATA_CORRUPTED:
			return STAT_ERRORS_MODEL;
		case ERRCODE_MLOPS_SIGNATURE_MISMATCH:
			return STAT_ERRORS_INPUT;
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			return STAT_ERRORS_OTHER;
	}
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('2', '2', '0', '0', '0'):	/* data exception */
		case MAKE_SQLSTATE('4', '2', '0', '0', '0'):	/* types and names */
			return STAT_ERRORS_INPUT;
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):	/* operator intervention */
			return STAT_ERRORS_CANCELED;
	}
	return STAT_ERRORS_OTHER;
}

/*
 * Error context callback, for messages of any level inside a call: count the
 * call as failed.  The end of the call, if it comes, takes that back.
 */
void
mlops_stat_note_error(void *arg)
{
	StatCall   *call = arg;
	PredictionStat *stat = call->stat;

	if (call->noted != STAT_CALLS)
		stat->counters[call->noted]--;
	else
		stat->counters[STAT_CALLS]++;
	call->noted = classify_error(geterrcode());
	stat->counters[call->noted]++;
}

/* Take the note back: it was a warning, or something handled the error. */
void
mlops_stat_forget_note(StatCall *call)
{
	call->stat->counters[call->noted]--;
	call->stat->counters[STAT_CALLS]--;
	call->noted = STAT_CALLS;
}

/* Record the time of a call that stands for others. */
static void
record_time(PredictionStat *stat, StatCall *call, int n_rows)
{
	uint64		now = mlops_stat_clock();
	uint64		ns = (now - call->start_ns) / Max(n_rows, 1);
	uint32		n_calls = n_rows > 1 ? n_rows : call->is_first ? 1 : stat->n_untimed;

	stat->n_untimed -= n_rows > 1 ? 1 : n_calls;
	if (!call->is_first)
		mlops_stat_countdown = TIMED_PERIOD;
	stat->samples[stat->n_samples].bucket = mlops_latency_bucket(ns);
	stat->samples[stat->n_samples].n_calls = n_calls;
	stat->n_samples++;
	stat->counters[STAT_TIMED_CALLS] += n_calls;
	stat->counters[STAT_TIMED_NS] += n_calls * ns;
	stat->max_ns = Max(stat->max_ns, ns);

	if (stat->shared_ns == 0)
		stat->shared_ns = now;
	if (stat->n_samples == STAT_MAX_SAMPLES || now - stat->shared_ns > SHARE_INTERVAL_NS)
	{
		share_counts(stat);
		stat->shared_ns = now;
	}
}

/* What few calls need at their end. */
void
mlops_stat_end_special(StatCall *call, int n_rows)
{
	if (call->noted != STAT_CALLS)
		mlops_stat_forget_note(call);
	if (call->start_ns != 0)
		record_time(call->stat, call, n_rows);
}

void
mlops_stat_refuse(PredictionStat *stat)
{
	if (stat == NULL || !mlops_track_predictions)
		return;
	stat->counters[STAT_ROWS]--;
	stat->counters[STAT_ERRORS_INPUT]++;
}

int
mlops_stat_collect(StatEntry **copies)
{
	HASH_SEQ_STATUS scan;
	StatEntry  *entry;
	int			n = 0;

	*copies = NULL;
	if (shared == NULL)
		return 0;
	share_counts(&mlops_stat_unknown);
	/* allocated before the lock, for as many as there may be then */
	*copies = MemoryContextAllocHuge(CurrentMemoryContext,
									 (Size) mlops_stat_max_versions * sizeof(StatEntry));
	LWLockAcquire(shared->lock, LW_SHARED);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		SpinLockAcquire(&entry->mutex);
		memcpy(&(*copies)[n++], entry, sizeof(StatEntry));
		SpinLockRelease(&entry->mutex);
	}
	LWLockRelease(shared->lock);
	return n;
}

void
mlops_stat_get_info(StatInfo *info)
{
	memset(info, 0, sizeof(*info));
	if (shared == NULL)
		return;
	info->preloaded = true;
	LWLockAcquire(shared->lock, LW_SHARED);
	info->n_entries = hash_get_num_entries(entries);
	info->evictions = shared->evictions;
	LWLockRelease(shared->lock);
}

void
mlops_stat_reset(const char *model, int version)
{
	HASH_SEQ_STATUS scan;
	StatEntry  *entry;

	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->key.database == MyDatabaseId &&
			(model == NULL || strcmp(entry->key.model, model) == 0) &&
			(version == 0 || entry->key.version == version))
			hash_search(entries, &entry->key, HASH_REMOVE, NULL);
	}
	LWLockRelease(shared->lock);
}
