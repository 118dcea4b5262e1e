/*-------------------------------------------------------------------------
 *
 * digest.c
 *	  SHA-256 of big-endian fields.
 *
 * Small fields are gathered, because a call into the library costs as much as
 * hashing a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"

#include "feature/digest.h"

#define BUFFER_SIZE 16384

struct Digest
{
	pg_cryptohash_ctx *context;
	size_t		used;
	uint8		buffer[BUFFER_SIZE];
};

static void
flush_buffer(Digest *digest, const void *bytes, size_t size)
{
	if (pg_cryptohash_update(digest->context, digest->buffer, digest->used) < 0 ||
		pg_cryptohash_update(digest->context, bytes, size) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(digest->context));
	digest->used = 0;
}

Digest *
mlops_digest_create(const char *name)
{
	Digest	   *digest = palloc(sizeof(Digest));

	digest->used = 0;
	digest->context = pg_cryptohash_create(PG_SHA256);
	if (digest->context == NULL || pg_cryptohash_init(digest->context) < 0)
		elog(ERROR, "could not start SHA-256: %s", pg_cryptohash_error(digest->context));
	mlops_digest_bytes(digest, name, strlen(name) + 1);
	return digest;
}

void
mlops_digest_bytes(Digest *digest, const void *bytes, size_t size)
{
	if (size > BUFFER_SIZE - digest->used)
	{
		flush_buffer(digest, bytes, size);
		return;
	}
	memcpy(digest->buffer + digest->used, bytes, size);
	digest->used += size;
}

void
mlops_digest_u8(Digest *digest, uint8 value)
{
	mlops_digest_bytes(digest, &value, sizeof(value));
}

void
mlops_digest_u32(Digest *digest, uint32 value)
{
	value = pg_hton32(value);
	mlops_digest_bytes(digest, &value, sizeof(value));
}

void
mlops_digest_u64(Digest *digest, uint64 value)
{
	value = pg_hton64(value);
	mlops_digest_bytes(digest, &value, sizeof(value));
}

void
mlops_digest_string(Digest *digest, const char *string)
{
	char	   *utf8 = pg_server_to_any(string, strlen(string), PG_UTF8);

	mlops_digest_u32(digest, strlen(utf8));
	mlops_digest_bytes(digest, utf8, strlen(utf8));
	if (utf8 != string)
		pfree(utf8);
}

void
mlops_digest_finish(Digest *digest, uint8 *result)
{
	if (result != NULL)
	{
		flush_buffer(digest, NULL, 0);
		if (pg_cryptohash_final(digest->context, result, PG_SHA256_DIGEST_LENGTH) < 0)
			elog(ERROR, "could not finish SHA-256: %s", pg_cryptohash_error(digest->context));
	}
	pg_cryptohash_free(digest->context);
	pfree(digest);
}
