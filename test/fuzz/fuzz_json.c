/*-------------------------------------------------------------------------
 *
 * fuzz_json.c
 *	  Feed any bytes to the reader of JSON, whatever they look like.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz_reader.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(&mlops_reader_json, data, size);
	return 0;
}
