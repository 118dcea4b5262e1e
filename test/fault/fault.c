/*-------------------------------------------------------------------------
 *
 * fault.c
 *	  Faults on demand, by LD_PRELOAD: memory that runs out, disks that are full,
 *	  a libxgboost that misbehaves.
 *
 * In a server the file FAULT_FILE, mapped by every process, says what fails where;
 * the test writes it at any time.  In a trainer variables say it:
 *
 *	 FAULT_MALLOC=k     the k-th allocation fails; from there on all, if k < 0
 *	 FAULT_FD=n         writes to descriptor n find the disk full
 *	 FAULT_XGB=what     error, throw, abort, crash or flood instead of a round
 *
 * A disk is full for what makes a file longer.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum
{
	FULL_TEMP = 1,				/* files of base/pgsql_tmp */
	FULL_DATA = 2				/* files of base/<database> */
};

typedef struct Control
{
	volatile int pid;			/* whose allocations fail; 0: nobody's */
	volatile int countdown;		/* allocations before the first failure */
	volatile int failures;		/* how many fail then */
	volatile int full;			/* FULL_* */
} Control;

static Control own;
static Control *control = NULL;
static int	full_fd = -1;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static __attribute__((constructor))
void
read_environment(void)
{
	const char *file = getenv("FAULT_FILE");
	const char *number = getenv("FAULT_MALLOC");
	int			fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;

	if (getenv("FAULT_FD"))
		full_fd = atoi(getenv("FAULT_FD"));
	if (fd >= 0)
	{
		void	   *map = mmap(NULL, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (map != MAP_FAILED)
			control = map;
		close(fd);
	}
	else if (number)
	{
		own.pid = getpid();
		own.countdown = abs(atoi(number)) - 1;
		own.failures = atoi(number) < 0 ? 1 << 30 : 1;
		control = &own;
	}
}

/* Whether this allocation fails. */
static int
is_exhausted(void)
{
	if (!control || control->pid == 0 || control->failures <= 0 || control->pid != getpid())
		return 0;
	if (__sync_fetch_and_sub(&control->countdown, 1) > 0)
		return 0;
	(void) __sync_fetch_and_sub(&control->failures, 1);
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return is_exhausted() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return is_exhausted() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return is_exhausted() ? NULL : __libc_realloc(old, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	return is_exhausted() ? NULL : __libc_memalign(align, size);
}

int
posix_memalign(void **memory, size_t align, size_t size)
{
	if (is_exhausted())
		return ENOMEM;
	*memory = __libc_memalign(align, size);
	return *memory ? 0 : ENOMEM;
}

/* Whether a write of bytes before "end" finds the disk full. */
static int
is_full(int fd, off_t end)
{
	char		link[64];
	char		path[4096];
	const char *base;
	ssize_t		length;
	struct stat st;

	if (fd != full_fd && (!control || control->full == 0))
		return 0;
	if (fd != full_fd)
	{
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		length = readlink(link, path, sizeof(path) - 1);
		if (length <= 0)
			return 0;
		path[length] = '\0';
		base = strstr(path, "/base/");
		if (!base)
			return 0;
		if (!(control->full & (strncmp(base + 6, "pgsql_tmp", 9) == 0 ? FULL_TEMP : FULL_DATA)))
			return 0;
	}
	/* the sandbox of a trainer has no fstat */
	if (fd != full_fd && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || end <= st.st_size))
		return 0;
	errno = ENOSPC;
	return 1;
}

static off_t
add_lengths(const struct iovec *parts, int n)
{
	off_t		sum = 0;

	for (int i = 0; i < n; i++)
		sum += parts[i].iov_len;
	return sum;
}

#define NEXT(name, ...) \
	static __typeof__(name) *next; \
	if (!next) \
		next = dlsym(RTLD_NEXT, #name); \
	return next(__VA_ARGS__)

ssize_t
write(int fd, const void *bytes, size_t size)
{
	if (is_full(fd, lseek(fd, 0, SEEK_CUR) + size))
		return -1;
	NEXT(write, fd, bytes, size);
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (is_full(fd, at + size))
		return -1;
	NEXT(pwrite, fd, bytes, size, at);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	if (is_full(fd, at + size))
		return -1;
	NEXT(pwrite64, fd, bytes, size, at);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
	if (is_full(fd, at + add_lengths(parts, n)))
		return -1;
	NEXT(pwritev, fd, parts, n, at);
}

ssize_t
pwritev64(int fd, const struct iovec *parts, int n, off64_t at)
{
	if (is_full(fd, at + add_lengths(parts, n)))
		return -1;
	NEXT(pwritev64, fd, parts, n, at);
}

int
posix_fallocate(int fd, off_t at, off_t size)
{
	if (is_full(fd, at + size))
		return ENOSPC;
	NEXT(posix_fallocate, fd, at, size);
}

int
posix_fallocate64(int fd, off64_t at, off64_t size)
{
	if (is_full(fd, at + size))
		return ENOSPC;
	NEXT(posix_fallocate64, fd, at, size);
}

/* C++ of libxgboost's own library; there is none in a server. */
extern void throw_length_error(const char *what) __asm__("_ZSt20__throw_length_errorPKc") __attribute__((weak));
extern int	XGBoosterUpdateOneIter(void *booster, int round, void *rows);
extern const char *XGBGetLastError(void);

const char *
XGBGetLastError(void)
{
	static char text[100000];

	if (!getenv("FAULT_XGB"))
	{
		NEXT(XGBGetLastError);
	}
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "no more trees", 13);
	return text;
}

int
XGBoosterUpdateOneIter(void *booster, int round, void *rows)
{
	const char *what = getenv("FAULT_XGB");

	if (what && strcmp(what, "error") == 0)
		return -1;
	if (what && strcmp(what, "throw") == 0)
		throw_length_error("too long");
	if (what && strcmp(what, "abort") == 0)
		abort();
	if (what && strcmp(what, "crash") == 0)
		raise(SIGSEGV);
	for (int i = 0; what && strcmp(what, "flood") == 0 && i < 20000; i++)
		if (dprintf(1, "%0500d\n", i) < 0 || dprintf(2, "%0500d\n", i) < 0)
			break;
	NEXT(XGBoosterUpdateOneIter, booster, round, rows);
}
