/*-------------------------------------------------------------------------
 *
 * server.h
 *	  What sources of the library need of a server, inside a fuzzer.
 *
 * A fuzzer includes this, then the sources that it feeds, and so has their static
 * functions.  Memory is in one arena, which ends with the input; an error jumps.
 * What is not defined in server.c must not be reached from there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FUZZ_SERVER_H
#define MLOPS_FUZZ_SERVER_H

#include "postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Run function(data, size); false: it ended in an error.  Memory is gone afterwards. */
extern bool fuzz_server_run(void (*function) (const uint8_t *data, size_t size),
							const uint8_t *data, size_t size);

/* The only file there is, and the answers to calls that read it. */
extern void fuzz_server_file(const uint8_t *data, size_t size);
extern ssize_t fuzz_server_read(void *buffer, size_t size, off_t place);
extern ssize_t fuzz_server_read_on(void *buffer, size_t size);
extern int	fuzz_server_stat(struct stat *status);
extern void *fuzz_server_map(size_t size);

#define FUZZ_REQUIRE(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

#endif							/* MLOPS_FUZZ_SERVER_H */
