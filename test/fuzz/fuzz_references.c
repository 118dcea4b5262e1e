/*-------------------------------------------------------------------------
 *
 * fuzz_references.c
 *	  Feed any bytes to the reader of the profiles that a trainer leaves.
 *
 * The first byte chooses the columns; the size and digest of profiles of numbers are
 * mended where it says so.
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "drift/profile_image.h"
#include "drift/reference.c"
#include "job/reference_file.c"

static const uint8_t *file_bytes;
static size_t file_size;

char *
mlops_handover_read_file(const Attempt *attempt, const char *name, int64 max, int64 *size)
{
	char	   *bytes = palloc(VARHDRSZ + file_size);

	memcpy(bytes + VARHDRSZ, file_bytes, file_size);
	*size = (int64) file_size;
	return file_size > 0 ? bytes : NULL;
}

/* Put digests right in a file of these columns; n < 0: numbers. */
static void
mend_file(uint8_t *bytes, size_t size, const int *columns, int n_columns)
{
	WireReader	reader;

	mlops_wire_read_init(&reader, bytes, size);
	for (int i = 0; i < n_columns && !reader.failed; i++)
	{
		size_t		length = mlops_wire_read_u32(&reader);
		const uint8_t *at = mlops_wire_read_bytes(&reader, length);
		const char *why;
		Profile    *copy;

		if (at == NULL || columns[i] >= 0 || length < 8)
			continue;
		copy = memcpy(palloc(length), at, length);
		((uint32_t *) copy)[1] = (uint32_t) length;
		if (!mlops_profile_check(copy, length, &why) && strcmp(why, "wrong digest") == 0)
			mlops_profile_seal(copy);
		memcpy(bytes + (at - bytes), copy, length);
	}
}

static void
read_references(const uint8_t *data, size_t size)
{
	char	   *labels[] = {"a", "b", "\xc3\xa4", "a label that is longer than what a profile keeps of it, and then some"};
	Feature		features[3] = {
		{.name = "f",.kind = FEATURE_NUMERIC},
		{.name = "g",.kind = FEATURE_CATEGORY,.categories = labels,.n_categories = data[0] % 4 + 1},
		{.name = "h",.kind = FEATURE_BOOLEAN}
	};
	Signature	signature = {.n_features = data[0] / 4 % 3 + 1,.features = features};
	Dataset		dataset = {
		.signature = &signature,.task = data[0] & 64 ? TASK_MULTICLASS : TASK_REGRESSION,
		.classes = labels,.n_classes = data[0] & 64 ? 3 : 0
	};
	const int	columns[] = {-1, data[0] % 4 + 1, -1};
	Attempt		attempt = {1, 1};
	RunResult	result = {0};
	uint8_t    *copy = memcpy(palloc(size), data + 1, size - 1);
	VersionReference reference = {
		.model = "m",.version = 1,.signature = &signature,.classes = labels,.n_classes = dataset.n_classes,
		.predicts_classes = dataset.task == TASK_MULTICLASS,.target = "y"
	};
	const char *why;

	if (data[0] & 128)
		mend_file(copy, size - 1, columns, signature.n_features);
	file_bytes = copy;
	file_size = size - 1;
	mlops_reference_file_read(&attempt, &dataset, &result);
	FUZZ_REQUIRE(result.n_references == signature.n_features + 2);
	for (int i = 0; i < result.n_references; i++)
		FUZZ_REQUIRE(result.references[i] == NULL ||
					 mlops_profile_check(result.references[i], mlops_profile_size(result.references[i]), &why));
	for (int i = 0; i < signature.n_features; i++)
		check_profile(result.references[i], features[i].name, features[i].categories,
					  features[i].kind == FEATURE_CATEGORY ? features[i].n_categories : -1);
	check_profile(result.references[signature.n_features], "label", reference.classes,
				  reference.n_classes > 0 ? reference.n_classes : -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && size < 8192)
		(void) fuzz_server_run(read_references, data, size);
	return 0;
}
