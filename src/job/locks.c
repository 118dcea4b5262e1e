/*-------------------------------------------------------------------------
 *
 * locks.c
 *	  Session locks that say who is alive.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lock.h"

#include "compat/pg_compat.h"
#include "job/locks.h"

static LOCKTAG
make_tag(JobLock kind, int64 id)
{
	LOCKTAG		tag;

	tag.locktag_field1 = MyDatabaseId;
	tag.locktag_field2 = (uint32) ((uint64) id >> 32);
	tag.locktag_field3 = (uint32) id;
	tag.locktag_field4 = kind;
	tag.locktag_type = LOCKTAG_USERLOCK;
	tag.locktag_lockmethodid = DEFAULT_LOCKMETHOD;
	return tag;
}

/*
 * The server releases session locks of the default method at an abort, but not at
 * the exit of a process that is outside a transaction.
 */
static void
release_all_at_exit(int code, Datum arg)
{
	AbortOutOfAnyTransaction();
	LockReleaseAll(DEFAULT_LOCKMETHOD, true);
}

bool
mlops_locks_acquire(JobLock kind, int64 id)
{
	static bool callback_registered = false;
	LOCKTAG		tag = make_tag(kind, id);

	if (!callback_registered)
	{
		before_shmem_exit(release_all_at_exit, (Datum) 0);
		callback_registered = true;
	}
	if (LockHeldByMe_compat(&tag, ExclusiveLock))
		return true;
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
mlops_locks_release(JobLock kind, int64 id)
{
	LOCKTAG		tag = make_tag(kind, id);

	LockRelease(&tag, ExclusiveLock, true);
}

int
mlops_locks_holder(int64 run)
{
	LOCKTAG		tag = make_tag(JOB_LOCK_RUN, run);
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->holdMask != 0 && memcmp(&lock->locktag, &tag, sizeof(tag)) == 0)
			return lock->pid;
	}
	return 0;
}
