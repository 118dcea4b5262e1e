/*-------------------------------------------------------------------------
 *
 * forest_file.c
 *	  Forests in files that every backend maps: find, build, evict, remove.
 *
 * The file base/pgsql_tmp/pgsql_tmp_mlops/<SHA-256 of the model>-<format> is a
 * header and the image.  Its content follows from its name, so it is never
 * stale and serves every database; a build that makes other images has another
 * format, hence other names.  The server empties pgsql_tmp* at start and base
 * backups skip it; nothing is synced, because a crash of the machine goes with
 * a start.  No WAL and no catalog: standbys are like primaries.
 *
 * A file is written with write() under a temporary name and renamed; after that
 * nobody changes it, least of all its length: reading beyond the end of a mapped
 * file is a SIGBUS.  Each backend compares the header with the name and the
 * length before it maps.  Anything else counts as absent and is replaced.  The
 * image was checked by the parser that built it, and only the operating system
 * user of the server can write here, as with any relation; so mapping checks the
 * headers only, which keeps it independent of the size.
 *
 * Locks: a builder holds flock() on the temporary file, from its creation to the
 * rename; others poll.  The kernel releases it when the builder dies.  Whoever
 * gets the lock makes sure that the path still means the file that he locked.
 * An empty one is his to fill; one with bytes is a dead builder's and is
 * removed.  A waiter gives up after a minute and builds for himself, so that
 * a builder that hangs (stopped, or waiting for a lock of the waiter's own
 * transaction) cannot block others for ever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "common/file_perm.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/settings.h"
#include "compat/pg_compat.h"
#include "serve/forest_file.h"

#define ROOT "base/pgsql_tmp/pgsql_tmp_mlops"
#define TEMPORARY ".tmp"
#define FILE_MAGIC UINT64_C(0x315453465f534c4d) /* "MLS_FST1"; tells the byte
												 * order too */
#define MAX_POLL_MS 50
#define MAX_WAIT_MS (60 * 1000)
#define WRITE_SIZE (4 * 1024 * 1024)	/* a multiple of a huge page */
#define TOUCH_SECONDS 2			/* at most this often */

typedef struct FileHeader
{
	uint64		magic;
	uint32		format;			/* of the image */
	uint32		header_size;
	uint64		image_size;
	uint8		digest[MLOPS_DIGEST_SIZE];
	uint64		unused;
} FileHeader;

StaticAssertDecl(sizeof(FileHeader) == 64, "the image must stay aligned to cache lines");

/* What looking for a file came to. */
typedef enum MapResult
{
	MAP_DONE,
	MAP_ABSENT,
	MAP_FAILED_HARD				/* there, but it cannot be mapped; see errno */
} MapResult;

typedef enum LockResult
{
	LOCK_DONE,
	LOCK_BUSY,
	LOCK_IMPOSSIBLE				/* see errno */
} LockResult;

/* A file of the folder, for eviction. */
typedef struct FolderEntry
{
	char		name[NAME_MAX + 1];
	struct timespec used;
	int64		size;
} FolderEntry;

/* A removal that waits for the commit. */
typedef struct PendingRemoval
{
	uint8		digest[MLOPS_DIGEST_SIZE];
	SubTransactionId subtransaction;
} PendingRemoval;

static List *pending_removals = NIL;	/* in TopTransactionContext */

/* Bytes that this backend may still add before it looks at the folder again. */
static int64 unchecked_room = 0;

/* Path of the file; allocates nothing. */
static void
get_path(const uint8 *digest, const char *suffix, char path[MAXPGPATH])
{
	char		hex[2 * MLOPS_DIGEST_SIZE + 1];

	hex[hex_encode((const char *) digest, MLOPS_DIGEST_SIZE, hex)] = '\0';
	snprintf(path, MAXPGPATH, ROOT "/%s-%u%s", hex, mlops_forest_format(), suffix);
}

/* Say once per backend that forests are not shared, and why (errno). */
static void
warn_private(const char *path)
{
	static bool warned = false;

	if (warned)
		return;
	warned = true;

	/* a leader gets the warnings of its workers, which are new each time */
	ereport(IsParallelWorker() ? LOG : WARNING,
			(errcode_for_file_access(),
			 errmsg("could not share a model in file \"%s\": %m", path),
			 errdetail("Predictions go on; this connection keeps models in its own memory."),
			 errhint("Make space or correct the permissions, or turn mlops.shared_cache off.")));
}

/* Memory context callback. */
static void
unmap_file(void *arg)
{
	ForestFile *file = arg;

	if (file->address != NULL)
		(void) munmap(file->address, file->length);
}

/* Whether the open file is the forest of the digest, by header and length. */
static bool
check_file(int fd, const struct stat *status, const uint8 *digest)
{
	FileHeader	header;

	return S_ISREG(status->st_mode) && status->st_uid == geteuid() &&
		pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
		header.magic == FILE_MAGIC &&
		header.format == mlops_forest_format() &&
		header.header_size == sizeof(header) &&
		memcmp(header.digest, digest, MLOPS_DIGEST_SIZE) == 0 &&
		status->st_size > sizeof(header) &&
		header.image_size == status->st_size - sizeof(header);
}

/* Map an open file. */
static MapResult
map_open_file(int fd, const uint8 *digest, ForestFile *file)
{
	struct stat status;
	ForestError error;
	void	   *address;

	if (fstat(fd, &status) != 0 || !check_file(fd, &status, digest))
		return MAP_ABSENT;
	address = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		return MAP_FAILED_HARD;
	file->address = address;
	file->length = status.st_size;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->forest = (const Forest *) ((char *) address + sizeof(FileHeader));
	if (mlops_forest_check_header(file->forest, status.st_size - sizeof(FileHeader),
								  &error) != FOREST_OK)
		return MAP_ABSENT;
	if (status.st_mtime + TOUCH_SECONDS <= time(NULL))
		(void) futimens(fd, NULL);
	return MAP_DONE;
}

/* Look for the file of the digest, and map it into the current memory context. */
static MapResult
map_file(const uint8 *digest, ForestFile **file)
{
	char		path[MAXPGPATH];
	int			fd;
	MapResult	result;

	get_path(digest, "", path);
	fd = OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | PG_BINARY);
	if (fd < 0)
		return MAP_ABSENT;

	/* registered first: nothing can leak if registering fails */
	*file = palloc0(sizeof(ForestFile));
	(*file)->release.func = unmap_file;
	(*file)->release.arg = *file;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &(*file)->release);

	result = map_open_file(fd, digest, *file);
	if (result != MAP_DONE)
	{
		int			save_errno = errno;

		unmap_file(*file);
		(*file)->address = NULL;
		(void) CloseTransientFile(fd);
		errno = save_errno;
		return result;
	}
	(void) CloseTransientFile(fd);
	return MAP_DONE;
}

/* Open the temporary file, making it and the folders. */
static int
open_temporary(const char *path)
{
	int			flags = O_RDWR | O_CREAT | O_NOFOLLOW | PG_BINARY;
	int			fd = OpenTransientFile(path, flags);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if ((MakePGDirectory("base/pgsql_tmp") != 0 && errno != EEXIST) ||
		(MakePGDirectory(ROOT) != 0 && errno != EEXIST))
		return -1;
	return OpenTransientFile(path, flags);
}

/* Lock an open temporary file, unless it is not (any more) what the path means. */
static LockResult
lock_open_file(int fd, const char *path, off_t * size)
{
	struct stat opened;
	struct stat named;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK || errno == EINTR ? LOCK_BUSY : LOCK_IMPOSSIBLE;
	if (fstat(fd, &opened) != 0)
		return LOCK_IMPOSSIBLE;
	if (lstat(path, &named) != 0 ||
		named.st_dev != opened.st_dev || named.st_ino != opened.st_ino)
		return LOCK_BUSY;
	*size = opened.st_size;
	return LOCK_DONE;
}

/* Try to become the builder. */
static LockResult
lock_build(const uint8 *digest, ForestBuild *build)
{
	char		path[MAXPGPATH];
	off_t		size = 0;
	int			fd;
	int			save_errno;
	LockResult	result;

	get_path(digest, TEMPORARY, path);
	fd = open_temporary(path);
	if (fd < 0)
		return LOCK_IMPOSSIBLE;
	result = lock_open_file(fd, path, &size);
	if (result == LOCK_DONE && size == 0)
	{
		build->fd = fd;
		memcpy(build->digest, digest, MLOPS_DIGEST_SIZE);
		return LOCK_DONE;
	}
	save_errno = errno;
	if (result == LOCK_DONE)
	{
		(void) unlink(path);
		result = LOCK_BUSY;
	}
	(void) CloseTransientFile(fd);
	errno = save_errno;
	return result;
}

ForestFileState
mlops_forest_file_acquire(const uint8 *digest, ForestBuild *build, ForestFile **file)
{
	TimestampTz start = 0;
	long		poll_ms = 1;
	char		path[MAXPGPATH];

	get_path(digest, "", path);
	build->fd = -1;
	for (;;)
	{
		MapResult	found = map_file(digest, file);
		LockResult	locked = LOCK_IMPOSSIBLE;

		if (found == MAP_ABSENT && (locked = lock_build(digest, build)) == LOCK_DONE)
		{
			/* somebody may have published it between the two looks */
			found = map_file(digest, file);
			if (found == MAP_ABSENT)
				return FOREST_FILE_BUILD;
			mlops_forest_file_cancel(build);
		}
		if (found == MAP_DONE)
			return FOREST_FILE_MAPPED;
		if (found == MAP_FAILED_HARD || locked == LOCK_IMPOSSIBLE)
		{
			warn_private(path);
			return FOREST_FILE_PRIVATE;
		}

		if (start == 0)
			start = GetCurrentTimestamp();
		else if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(), MAX_WAIT_MS))
			return FOREST_FILE_PRIVATE;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, poll_ms,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		poll_ms = Min(2 * poll_ms, MAX_POLL_MS);
	}
}

void
mlops_forest_file_cancel(ForestBuild *build)
{
	char		path[MAXPGPATH];
	int			save_errno = errno;

	if (build->fd < 0)
		return;
	get_path(build->digest, TEMPORARY, path);
	(void) unlink(path);
	(void) CloseTransientFile(build->fd);
	build->fd = -1;
	errno = save_errno;
}

/*
 * Write all of it at this place of the file; false with errno set.  Large, aligned
 * pieces let file systems keep the file in huge pages, which makes the first walks
 * of a connection cheap.
 */
static bool
write_bytes(int fd, const void *bytes, size_t size, size_t place)
{
	const char *at = bytes;

	while (size > 0)
	{
		size_t		piece = Min(size, WRITE_SIZE - place % WRITE_SIZE);
		ssize_t		written;

		CHECK_FOR_INTERRUPTS();
		errno = 0;
		written = write(fd, at, piece);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			return false;
		}
		at += written;
		size -= written;
		place += written;
	}
	return true;
}

static int
compare_used(const void *a, const void *b)
{
	const FolderEntry *left = a;
	const FolderEntry *right = b;

	if (left->used.tv_sec != right->used.tv_sec)
		return left->used.tv_sec < right->used.tv_sec ? -1 : 1;
	if (left->used.tv_nsec != right->used.tv_nsec)
		return left->used.tv_nsec < right->used.tv_nsec ? -1 : 1;
	return strcmp(left->name, right->name);
}

/* Remove a temporary file that no builder holds. */
static void
remove_dead_temporary(const char *path)
{
	int			fd = OpenTransientFile(path, O_RDWR | O_NOFOLLOW | PG_BINARY);
	off_t		size;

	if (fd < 0)
		return;
	if (lock_open_file(fd, path, &size) == LOCK_DONE)
		(void) unlink(path);
	(void) CloseTransientFile(fd);
}

/* List the plain files of the folder; temporary ones of dead builders are removed. */
static FolderEntry *
list_files(int *count)
{
	DIR		   *dir = AllocateDir(ROOT);
	struct dirent *entry;
	int			capacity = 64;
	FolderEntry *files = palloc(capacity * sizeof(FolderEntry));

	*count = 0;
	while (dir != NULL && (entry = ReadDirExtended(dir, ROOT, LOG)) != NULL)
	{
		size_t		length = strlen(entry->d_name);
		size_t		suffix = strlen(TEMPORARY);
		char		path[MAXPGPATH];
		struct stat status;

		CHECK_FOR_INTERRUPTS();
		snprintf(path, sizeof(path), ROOT "/%s", entry->d_name);
		if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
			continue;
		if (length > suffix && strcmp(entry->d_name + length - suffix, TEMPORARY) == 0)
		{
			remove_dead_temporary(path);
			continue;
		}
		if (*count == capacity)
			files = repalloc_huge(files, (capacity *= 2) * sizeof(FolderEntry));
		strlcpy(files[*count].name, entry->d_name, sizeof(files->name));
		files[*count].used = status.st_mtim;
		files[(*count)++].size = status.st_size;
	}
	if (dir != NULL)
		FreeDir(dir);
	return files;
}

/*
 * Unlink the least recently used files until the folder keeps the limit; the
 * one just added stays.  Who has one mapped is not disturbed.
 */
static void
evict_files(const char *added, int64 added_size)
{
	int64		limit = (int64) mlops_cache_size * 1024 * 1024;
	int64		total = 0;
	FolderEntry *files;
	int			count;

	/* a folder of thousands of small files is not listed for each of them */
	unchecked_room -= added_size;
	if (unchecked_room >= 0 && unchecked_room < limit)
		return;

	files = list_files(&count);
	for (int i = 0; i < count; i++)
		total += files[i].size;
	if (total > limit)
		qsort(files, count, sizeof(FolderEntry), compare_used);
	for (int i = 0; i < count && total > limit; i++)
	{
		char		path[MAXPGPATH];

		snprintf(path, sizeof(path), ROOT "/%s", files[i].name);
		if (strcmp(path, added) == 0)
			continue;
		(void) unlink(path);
		total -= files[i].size;
	}
	unchecked_room = Max(limit - total, 0) / 16;
	pfree(files);
}

ForestFile *
mlops_forest_file_publish(ForestBuild *build, const Forest *forest)
{
	FileHeader	header = {
		.magic = FILE_MAGIC,
		.format = mlops_forest_format(),
		.header_size = sizeof(FileHeader),
		.image_size = mlops_forest_size(forest)
	};
	char		temporary[MAXPGPATH];
	char		path[MAXPGPATH];
	ForestFile *file;

	get_path(build->digest, TEMPORARY, temporary);
	get_path(build->digest, "", path);
	memcpy(header.digest, build->digest, MLOPS_DIGEST_SIZE);
	if (!write_bytes(build->fd, &header, sizeof(header), 0) ||
		!write_bytes(build->fd, forest, header.image_size, sizeof(header)) ||
		rename(temporary, path) != 0)
	{
		mlops_forest_file_cancel(build);
		warn_private(path);
		return NULL;
	}

	/* the lock goes with the descriptor, hence after the rename */
	(void) CloseTransientFile(build->fd);
	build->fd = -1;
	elog(DEBUG1, "built forest \"%s\"", path);
	switch (map_file(build->digest, &file))
	{
		case MAP_DONE:
			break;
		case MAP_ABSENT:		/* others pushed it out already */
			return NULL;
		case MAP_FAILED_HARD:
			warn_private(path);
			return NULL;
	}
	evict_files(path, sizeof(header) + header.image_size);
	return file;
}

bool
mlops_forest_file_is_current(const uint8 *digest, const ForestFile *file, bool used)
{
	char		path[MAXPGPATH];
	struct stat status;

	get_path(digest, "", path);
	if (lstat(path, &status) != 0 ||
		status.st_dev != file->device || status.st_ino != file->inode)
		return false;
	if (used && status.st_mtime + TOUCH_SECONDS <= time(NULL))
		(void) utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
	return true;
}

/* Transaction callback: after the commit there must be no error. */
static void
finish_removals(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event == XACT_EVENT_COMMIT)
	{
		foreach(cell, pending_removals)
		{
			char		path[MAXPGPATH];

			get_path(((PendingRemoval *) lfirst(cell))->digest, "", path);
			(void) unlink(path);
		}
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		pending_removals = NIL;
}

/* Forget what a subtransaction that is rolled back wanted to remove. */
static void
forget_removals(SubXactEvent event, SubTransactionId my_subid, SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;

	/*
	 * its own subtransactions have greater numbers, and all later ones are
	 * new
	 */
	foreach(cell, pending_removals)
	{
		if (((PendingRemoval *) lfirst(cell))->subtransaction >= my_subid)
			pending_removals = foreach_delete_current(pending_removals, cell);
	}
}

void
mlops_forest_file_remove_at_commit(const uint8 *digest)
{
	static bool registered = false;
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	PendingRemoval *removal = palloc(sizeof(PendingRemoval));

	if (!registered)
	{
		RegisterXactCallback(finish_removals, NULL);
		RegisterSubXactCallback(forget_removals, NULL);
		registered = true;
	}
	memcpy(removal->digest, digest, MLOPS_DIGEST_SIZE);
	removal->subtransaction = GetCurrentSubTransactionId();
	pending_removals = lappend(pending_removals, removal);
	MemoryContextSwitchTo(caller);
}
