/*-------------------------------------------------------------------------
 *
 * delta_references.h
 *	  A numeric and a categorical reference, for what reads deltas.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TEST_DELTA_REFERENCES_H
#define MLOPS_TEST_DELTA_REFERENCES_H

#include <stdlib.h>
#include <string.h>

#include "drift/delta.h"

#define N_COLUMNS 2
#define DIGEST UINT64_C(0x123456789abcdef0)

static inline void
copy_empty(Profile *const *from, Profile **to)
{
	for (int i = 0; i < N_COLUMNS; i++)
	{
		size_t		size = mlops_profile_size(from[i]);

		to[i] = mlops_profile_clear(memcpy(malloc(size), from[i], size));
	}
}

/* A numeric and a categorical reference. */
static inline void
build_references(Profile **references)
{
	ProfileBuilder *builder;
	void	   *memory;
	double		values[1000];

	for (int i = 0; i < 1000; i++)
		values[i] = i / 8.0;
	memory = malloc(mlops_profile_builder_size(PROFILE_NUMERIC, 10));
	builder = mlops_profile_builder_init(memory, PROFILE_NUMERIC, 10, PROFILE_SINGLE, 1000);
	for (int i = 0; i < 1000; i++)
		mlops_profile_builder_add_number(builder, values[i]);
	references[0] = mlops_profile_build(builder, malloc(mlops_profile_build_size(builder)));
	free(memory);

	memory = malloc(mlops_profile_builder_size(PROFILE_CATEGORICAL, 10));
	builder = mlops_profile_builder_init(memory, PROFILE_CATEGORICAL, 10, 0, 3);
	mlops_profile_builder_add_label(builder, "no", 2, 60);
	mlops_profile_builder_add_label(builder, "yes", 3, 30);
	mlops_profile_builder_add_label(builder, "?", 1, 10);
	references[1] = mlops_profile_build(builder, malloc(mlops_profile_build_size(builder)));
	free(memory);
}

static inline DeltaTarget
make_target(Profile **profiles, bool *touched)
{
	DeltaTarget target = {
		.digest = DIGEST,.n = N_COLUMNS,.label = 1,.profiles = profiles,.touched = touched
	};

	memset(touched, 0, sizeof(bool) * N_COLUMNS);
	return target;
}

#endif							/* MLOPS_TEST_DELTA_REFERENCES_H */
