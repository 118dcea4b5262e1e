/*-------------------------------------------------------------------------
 *
 * fuzz_forest_file.c
 *	  Feed any bytes to the checks that a forest's file passes before it is mapped.
 *
 * The last byte says whether they are the file, an image, or the header of one that
 * is mended.
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#define pread(fd, buffer, size, place) fuzz_server_read(buffer, size, place)
#define fstat(fd, status) fuzz_server_stat(status)
#define mmap(address, size, protection, flags, fd, offset) fuzz_server_map(size)
#define futimens(fd, times) 0

#include "serve/forest_file.c"

#include "fuzz_image.h"

#define MAX_IMAGE 65536

static const uint8 digest[MLOPS_DIGEST_SIZE] = "the SHA-256 of some model, say";

/* Put the file's header in front of an image; one byte of it may be wrong. */
static void
make_file(const uint8_t *image, size_t size, int wrong)
{
	uint8_t    *bytes = palloc(sizeof(FileHeader) + size);
	FileHeader	header = {
		.magic = FILE_MAGIC,.format = mlops_forest_format(),.header_size = sizeof(FileHeader),.image_size = size
	};

	memcpy(header.digest, digest, sizeof(digest));
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), image, size);
	if (wrong >= 0)
		bytes[wrong] ^= 1;
	fuzz_server_file(bytes, sizeof(header) + size);
}

/* An image that has nothing but a header, whose fields follow from each other. */
static void
make_image(const uint8_t *data, size_t size)
{
	Forest	   *forest = palloc0(Max(size, sizeof(Forest)));
	uint64_t	needed;
	uint8_t    *image;

	memcpy(forest, data, size);
	needed = fuzz_mend_header(forest, 0);
	if (needed < sizeof(Forest) || needed > MAX_IMAGE)
		needed = sizeof(Forest);
	image = palloc0(needed);
	forest->size = needed;
	memcpy(image, forest, sizeof(Forest));
	make_file(image, needed, -1);
}

static void
map_bytes(const uint8_t *data, size_t size)
{
	uint8_t		choice = data[--size];
	ForestFile	mapped = {0};

	if (choice % 4 == 3)
		fuzz_server_file(data, size);
	else if (choice % 4 == 2)
		make_file(data, size, choice >> 2);
	else if (choice % 4 == 1)
		make_file(data, size, -1);
	else
		make_image(data, size);
	if (map_open_file(0, digest, &mapped) != MAP_DONE)
		return;

	/* the sections lie in the file */
	FUZZ_REQUIRE(mlops_forest_size(mapped.forest) == mapped.length - sizeof(FileHeader));
	for (int i = 0; i < FOREST_N_SECTIONS; i++)
		FUZZ_REQUIRE(mapped.forest->offset[i] % FOREST_ALIGNMENT == 0 &&
					 mapped.forest->offset[i] <= mapped.forest->size &&
					 mlops_image_section_size(i, mapped.forest->count[i]) <=
					 mapped.forest->size - mapped.forest->offset[i]);
	FUZZ_REQUIRE(mlops_forest_n_features(mapped.forest) > 0 && mlops_forest_n_outputs(mapped.forest) > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && size < 16384)
		(void) fuzz_server_run(map_bytes, data, size);
	return 0;
}
