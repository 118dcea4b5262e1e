/*-------------------------------------------------------------------------
 *
 * memcheck.h
 *	  What a server tells Valgrind about its memory, told to AddressSanitizer instead.
 *
 * A memory context gets blocks and hands out chunks of them, so that
 * AddressSanitizer alone sees only what leaves a block.  A server that is built
 * with this header and USE_VALGRIND tells it where each chunk ends and what was
 * freed or reset, if its library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MEMCHECK_H
#define MEMCHECK_H

extern void __asan_poison_memory_region(void *address, size_t size) __attribute__((weak));
extern void __asan_unpoison_memory_region(void *address, size_t size) __attribute__((weak));

#define FORBID_MEMORY(address, size) \
	(__asan_poison_memory_region ? __asan_poison_memory_region((void *) (address), size) : (void) 0)
#define ALLOW_MEMORY(address, size) \
	(__asan_unpoison_memory_region ? __asan_unpoison_memory_region((void *) (address), size) : (void) 0)

#define VALGRIND_MAKE_MEM_NOACCESS(address, size)		FORBID_MEMORY(address, size)
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size)		ALLOW_MEMORY(address, size)
#define VALGRIND_MAKE_MEM_DEFINED(address, size)		ALLOW_MEMORY(address, size)
#define VALGRIND_MEMPOOL_ALLOC(pool, address, size)		ALLOW_MEMORY(address, size)
#define VALGRIND_MEMPOOL_FREE(pool, address)			((void) 0)
#define VALGRIND_MEMPOOL_CHANGE(pool, from, to, size)	((void) 0)
#define VALGRIND_CREATE_MEMPOOL(pool, redzones, zeroed)	((void) 0)
#define VALGRIND_DESTROY_MEMPOOL(pool)					((void) 0)
#define VALGRIND_CHECK_MEM_IS_DEFINED(address, size)	((void) 0)
#define VALGRIND_COUNT_ERRORS							0
#define VALGRIND_PRINTF(...)							((void) 0)

#endif
