/*-------------------------------------------------------------------------
 *
 * digest.h
 *	  SHA-256 of big-endian fields; for dataset*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DIGEST_H
#define MLOPS_DIGEST_H

typedef struct Digest Digest;

/* Lives in the current context and resource owner, until finished or dropped. */
extern Digest *mlops_digest_create(const char *name);	/* starts with name and
														 * a zero byte */
extern void mlops_digest_bytes(Digest *digest, const void *bytes, size_t size);
extern void mlops_digest_u8(Digest *digest, uint8 value);
extern void mlops_digest_u32(Digest *digest, uint32 value);
extern void mlops_digest_u64(Digest *digest, uint64 value);

/* Length, then the string in UTF-8. */
extern void mlops_digest_string(Digest *digest, const char *string);

/* Write 32 bytes and free it; NULL: only free it. */
extern void mlops_digest_finish(Digest *digest, uint8 *result);

#endif							/* MLOPS_DIGEST_H */
