/*-------------------------------------------------------------------------
 *
 * fuzz_handover.c
 *	  Feed any bytes to the reader of hand-over files; write again what it accepts.
 *
 * The last byte says which file it is, and whether prefix and digest are put in
 * front.
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#define read(fd, buffer, size) fuzz_server_read_on(buffer, size)
#define fstat(fd, status) fuzz_server_stat(status)
#define close(fd) 0

#include "job/handover.c"
#include "registry/calibration.c"

/* Not SHA-256, which would take most of the time. */
void
mlops_registry_digest(const void *bytes, size_t size, uint8 *digest)
{
	uint64		hash = size;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *) bytes)[i]) * UINT64CONST(1099511628211);
	memset(digest, 0, DIGEST_SIZE);
	memcpy(digest, &hash, sizeof(hash));
}

/* Put a prefix that fits in front of a payload. */
static void
seal_file(const uint8_t *payload, size_t size)
{
	uint8_t    *bytes = palloc(PREFIX_SIZE + size);
	uint8_t		digest[DIGEST_SIZE];
	WireWriter	writer;

	mlops_registry_digest(payload, size, digest);
	mlops_wire_write_init(&writer, bytes, PREFIX_SIZE + size);
	mlops_wire_write_u64(&writer, MAGIC);
	mlops_wire_write_u64(&writer, size);
	mlops_wire_write_bytes(&writer, digest, DIGEST_SIZE);
	mlops_wire_write_bytes(&writer, payload, size);
	fuzz_server_file(bytes, PREFIX_SIZE + size);
}

/* What was read and is written is read as the same again. */
static void
write_again(RunResult *result)
{
	Attempt		attempt = {1, 1};
	Archive		first;
	Archive		second;
	RunResult  *again;

	begin_archive(&first);
	walk_result(&first, result);
	seal_file((uint8_t *) first.out->data + PREFIX_SIZE, first.out->len - PREFIX_SIZE);
	again = mlops_handover_read_result(&attempt);
	FUZZ_REQUIRE(again != NULL);
	begin_archive(&second);
	walk_result(&second, again);
	FUZZ_REQUIRE(first.out->len == second.out->len &&
				 memcmp(first.out->data, second.out->data, first.out->len) == 0);
}

static void
read_files(const uint8_t *data, size_t size)
{
	Attempt		attempt = {1, 1};
	uint8_t		choice = data[size - 1];
	Progress   *progress;
	RunResult  *result;

	if (choice & 1)
		fuzz_server_file(data, size - 1);
	else
		seal_file(data, size - 1);
	if (choice & 2)
	{
		progress = mlops_handover_read_progress(&attempt);
		FUZZ_REQUIRE(progress == NULL || progress->phase == NULL || strlen(progress->phase) < size);
	}
	else if ((result = mlops_handover_read_result(&attempt)) != NULL)
		write_again(result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && size < 16384)
		FUZZ_REQUIRE(fuzz_server_run(read_files, data, size));
	return 0;
}
