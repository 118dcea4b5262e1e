/*-------------------------------------------------------------------------
 *
 * make_performance_seeds.c
 *	  Write performance states of all kinds as seeds.
 *
 * Usage: make_performance_seeds FOLDER
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "drift/performance.h"

/* A state of n rows; with weights from the second one on. */
static void
write_seed(const char *folder, unsigned parts, int n, bool weighted)
{
	static const char *const label[] = {"no", "yes", "\xc3\xa4"};
	Performance *p = malloc(mlops_performance_size(parts));
	PerformanceNeed need;
	char		path[4096];
	FILE	   *file;
	uint8_t    *bytes;

	mlops_performance_init(p, parts);
	for (int i = 0; i < n; i++)
	{
		PerformanceRow row = {
			.weight = weighted ? i * 0.3 : 1,.sign = 1,.label = i - 2,.prediction = i * 0.7,
			.actual = i % 2,.called = i % 3 == 0,.score = i / (double) n,
			.label_text = label[i % 3],.label_length = strlen(label[i % 3]),
			.prediction_text = label[i % 2],.prediction_length = strlen(label[i % 2])
		};

		while (mlops_performance_add(p, &row, &need) == PERFORMANCE_NO_ROOM)
		{
			Performance *larger = malloc(need.size);

			mlops_performance_grow(p, &need, larger);
			free(p);
			p = larger;
		}
	}
	if (mlops_performance_settle(p, &need) != PERFORMANCE_OK)
		exit(1);
	bytes = malloc(mlops_performance_packed_max(p));
	snprintf(path, sizeof(path), "%s/%u_%d_%d", folder, parts, n, weighted);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, mlops_performance_pack(p, bytes), 1, file) != 1 || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
	free(bytes);
	free(p);
}

int
main(int argc, char **argv)
{
	static const unsigned parts[] = {
		PERFORMANCE_HITS, PERFORMANCE_CELLS, PERFORMANCE_LOSSES, PERFORMANCE_BINS, PERFORMANCE_VALUES,
		PERFORMANCE_REGRESSION, PERFORMANCE_BINARY, PERFORMANCE_MULTICLASS
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (int n = 0; n <= 6; n += 3)
			for (int weighted = 0; weighted < 2; weighted++)
				write_seed(argc > 1 ? argv[1] : ".", parts[i], n, weighted);
	return 0;
}
