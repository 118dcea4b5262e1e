/*-------------------------------------------------------------------------
 *
 * server.c
 *	  The functions of a server that hostile input of the library can reach.
 *
 * Blocks come from malloc, one each, so that the sanitizers see their ends.
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define MAX_BLOCKS 65536

sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;
MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopTransactionContext = NULL;
volatile	sig_atomic_t InterruptPending = false;
Oid			MyDatabaseId = 1;
struct Latch *MyLatch = NULL;

/* Settings */
int			mlops_max_model_size = 1;
int			mlops_max_run_time = 0;
int			mlops_trainer_memory = 0;

static void *blocks[MAX_BLOCKS];
static int	n_blocks;

static const uint8_t *file;
static size_t file_size;
static size_t file_place;

bool
fuzz_server_run(void (*function) (const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
	sigjmp_buf	failed;
	bool		done = false;

	if (sigsetjmp(failed, 0) == 0)
	{
		PG_exception_stack = &failed;
		function(data, size);
		done = true;
	}
	while (n_blocks > 0)
		free(blocks[--n_blocks]);
	return done;
}

void
fuzz_server_file(const uint8_t *data, size_t size)
{
	file = data;
	file_size = size;
	file_place = 0;
}

ssize_t
fuzz_server_read(void *buffer, size_t size, off_t place)
{
	size_t		left = (size_t) place < file_size ? file_size - (size_t) place : 0;

	if (left > size)
		left = size;
	if (left > 0)
		memcpy(buffer, file + place, left);
	return (ssize_t) left;
}

ssize_t
fuzz_server_read_on(void *buffer, size_t size)
{
	ssize_t		n = fuzz_server_read(buffer, size, (off_t) file_place);

	file_place += (size_t) n;
	return n;
}

int
fuzz_server_stat(struct stat *status)
{
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFREG;
	status->st_uid = geteuid();
	status->st_size = (off_t) file_size;
	return 0;
}

/* Mappings start at a page; the end is that of the file, so that reading beyond is seen. */
void *
fuzz_server_map(size_t size)
{
	void	   *block;

	FUZZ_REQUIRE(n_blocks < MAX_BLOCKS && posix_memalign(&block, 4096, size) == 0);
	blocks[n_blocks++] = block;
	return memcpy(block, file, size);
}

/* Memory */

static void *
allocate(size_t size, bool zero)
{
	void	   *block = zero ? calloc(1, size > 0 ? size : 1) : malloc(size > 0 ? size : 1);

	FUZZ_REQUIRE(block != NULL && n_blocks < MAX_BLOCKS);
	return blocks[n_blocks++] = block;
}

void *
palloc(Size size)
{
	FUZZ_REQUIRE(AllocSizeIsValid(size));
	return allocate(size, false);
}

void *
palloc0(Size size)
{
	FUZZ_REQUIRE(AllocSizeIsValid(size));
	return allocate(size, true);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return allocate(size, (flags & MCXT_ALLOC_ZERO) != 0);
}

/* The newest blocks are the first to go. */
static int
find_block(const void *block)
{
	for (int i = n_blocks - 1; i >= 0; i--)
		if (blocks[i] == block)
			return i;
	abort();
}

void
pfree(void *block)
{
	int			i = find_block(block);

	blocks[i] = blocks[--n_blocks];
	free(block);
}

void *
repalloc(void *block, Size size)
{
	int			i = find_block(block);

	FUZZ_REQUIRE(AllocSizeIsValid(size));
	blocks[i] = realloc(block, size);
	FUZZ_REQUIRE(blocks[i] != NULL);
	return blocks[i];
}

void
MemoryContextRegisterResetCallback(MemoryContext context, MemoryContextCallback *callback)
{
}

char *
pnstrdup(const char *string, Size length)
{
	char	   *copy;

	length = strnlen(string, length);
	copy = palloc(length + 1);
	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *
pstrdup(const char *string)
{
	return pnstrdup(string, strlen(string));
}

/* Lists; strings otherwise are those of libpgcommon */

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
		list->max_length = 4;
		list->elements = palloc(sizeof(ListCell) * 4);
	}
	else if (list->length == list->max_length)
		list->elements = repalloc(list->elements, sizeof(ListCell) * (list->max_length *= 2));
	list->elements[list->length++].ptr_value = datum;
	return list;
}

void
escape_json(StringInfo string, const char *text)
{
	appendStringInfoString(string, text);
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

bool
pg_verify_mbstr(int encoding, const char *string, int length, bool no_error)
{
	return pg_encoding_verifymbstr(encoding, string, length) == length;
}

int
pg_mbcliplen(const char *string, int length, int limit)
{
	int			clipped = 0;

	while (clipped < length && clipped + pg_utf_mblen((const unsigned char *) string + clipped) <= limit)
		clipped += pg_utf_mblen((const unsigned char *) string + clipped);
	return clipped;
}

/* Errors */

static int	level;

bool
errstart(int elevel, const char *domain)
{
	level = elevel;
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *name, int line, const char *function)
{
	if (level >= ERROR)
		pg_re_throw();
}

void
pg_re_throw(void)
{
	siglongjmp(*PG_exception_stack, 1);
}

int
errcode(int sqlstate)
{
	return 0;
}

int
errcode_for_file_access(void)
{
	return 0;
}

int
errmsg(const char *format,...)
{
	return 0;
}

int
errmsg_internal(const char *format,...)
{
	return 0;
}

int
errdetail(const char *format,...)
{
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}

void
ProcessInterrupts(void)
{
}

/* Waiting, and files */

int
WaitLatch(Latch *latch, int events, long timeout, uint32 info)
{
	return WL_TIMEOUT;
}

int
WaitLatchOrSocket(Latch *latch, int events, pgsocket sock, long timeout, uint32 info)
{
	return WL_SOCKET_READABLE;
}

void
ResetLatch(Latch *latch)
{
}

int
BasicOpenFile(const char *name, int flags)
{
	return 0;
}
