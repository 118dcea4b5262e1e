/*-------------------------------------------------------------------------
 *
 * trainer.h
 *	  Sources of the trainer inside a fuzzer: failures jump, files are memory.
 *
 * Include the sources after it.  Memory of the trainer, which ends with its process,
 * ends with fuzz_trainer_end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FUZZ_TRAINER_H
#define MLOPS_FUZZ_TRAINER_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/trainer_report.h"

#define MAX_BLOCKS 16384

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jmp_buf fuzz_failed;
static void *blocks[MAX_BLOCKS];
static int	n_blocks;

/* The only file there is. */
static const uint8_t *fuzz_file;
static size_t fuzz_file_size;

void
mlops_trainer_fail(const char *format,...)
{
	longjmp(fuzz_failed, 1);
}

static void *
keep_block(void *block)
{
	if (block == NULL || n_blocks == MAX_BLOCKS)
		abort();
	return blocks[n_blocks++] = block;
}

void *
mlops_trainer_alloc(size_t count, size_t size)
{
	return keep_block(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

static inline void
fuzz_free(void *block)
{
	for (int i = n_blocks - 1; i >= 0; i--)
		if (blocks[i] == block)
		{
			blocks[i] = blocks[--n_blocks];
			break;
		}
	free(block);
}

static inline void *
fuzz_realloc(void *block, size_t size)
{
	void	   *larger = realloc(block, size);

	for (int i = n_blocks - 1; i >= 0 && block != NULL; i--)
		if (blocks[i] == block)
			return blocks[i] = larger;
	return keep_block(larger);
}

static inline void
fuzz_trainer_end(void)
{
	while (n_blocks > 0)
		free(blocks[--n_blocks]);
}

static inline void
fuzz_open(const uint8_t *data, size_t size)
{
	fuzz_file = data;
	fuzz_file_size = size;
}

static inline ssize_t
fuzz_read(int fd, void *buffer, size_t size)
{
	size_t		piece = size < fuzz_file_size ? size : fuzz_file_size;

	if (piece > 0)
		memcpy(buffer, fuzz_file, piece);
	fuzz_file += piece;
	fuzz_file_size -= piece;
	return (ssize_t) piece;
}

static inline int
fuzz_fstat(int fd, struct stat *status)
{
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFREG;
	status->st_size = (off_t) fuzz_file_size;
	return 0;
}

/* A block of just that size, so that reading beyond it is seen. */
static inline void *
fuzz_map(size_t size)
{
	return memcpy(mlops_trainer_alloc(size, 1), fuzz_file, size);
}

#define free(block) fuzz_free(block)
#define realloc(block, size) fuzz_realloc(block, size)
#define read(fd, buffer, size) fuzz_read(fd, buffer, size)
#define fstat(fd, status) fuzz_fstat(fd, status)
#define mmap(address, size, protection, flags, fd, offset) fuzz_map(size)

#endif							/* MLOPS_FUZZ_TRAINER_H */
