/*-------------------------------------------------------------------------
 *
 * make_profile_seeds.c
 *	  Write profiles and sets of every kind as inputs for fuzz_profile.
 *
 *	  make_profile_seeds FOLDER
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "profile_exercise.h"

static int	n_seeds;

static void
write_seed(const char *folder, const void *bytes, size_t size, int what)
{
	char		path[4096];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%d", folder, n_seeds++);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, size, file) != size || fputc(what, file) == EOF ||
		fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
}

static Profile *
make_numeric(int n, int cells, unsigned flags)
{
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_NUMERIC, cells));
	Profile    *profile;

	mlops_profile_builder_init(builder, PROFILE_NUMERIC, cells, flags, n);
	for (int i = 0; i < n; i++)
		mlops_profile_builder_add_number(builder, (double) (i * i / 3) - 7);
	profile = malloc(mlops_profile_build_size(builder));
	mlops_profile_build(builder, profile);
	for (int i = 0; i < n; i++)
		mlops_profile_add_number(profile, (double) (i * i / 3) - 7);
	free(builder);
	return profile;
}

static Profile *
make_categorical(int n, int cells)
{
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_CATEGORICAL, cells));
	Profile    *profile;

	mlops_profile_builder_init(builder, PROFILE_CATEGORICAL, cells, 0, 0);
	for (int i = 0; i < n; i++)
	{
		char		label[8];

		mlops_profile_builder_add_label(builder, label, snprintf(label, sizeof(label), "%c\"%d", 'a' + i % 7, i), i + 1);
	}
	profile = malloc(mlops_profile_build_size(builder));
	mlops_profile_build(builder, profile);
	free(builder);
	return profile;
}

int
main(int argc, char **argv)
{
	Profile    *profiles[] = {
		make_numeric(0, 4, 0), make_numeric(1, 4, 0), make_numeric(30, 4, 0),
		make_numeric(30, 20, PROFILE_SINGLE), make_categorical(0, 4), make_categorical(3, 5),
		make_categorical(9, 3)
	};
	const int	n = sizeof(profiles) / sizeof(profiles[0]);
	size_t		size = mlops_profile_set_start_size(n);
	ProfileSet *set;
	char	   *text = malloc(1 << 16);

	if (argc != 2)
		return 1;
	for (int i = 0; i < n; i++)
		size += mlops_profile_set_entry_size(1, mlops_profile_size(profiles[i]));
	set = mlops_profile_set_start(malloc(size), n);
	for (int i = 0; i < n; i++)
	{
		write_seed(argv[1], profiles[i], mlops_profile_size(profiles[i]), 0);
		write_seed(argv[1], text, mlops_profile_print(profiles[i], text, 1 << 16), 4);
		memcpy(mlops_profile_set_put(set, i, &"abcdefgh"[i], 1, mlops_profile_size(profiles[i])),
			   profiles[i], mlops_profile_size(profiles[i]));
		free(profiles[i]);
	}
	mlops_profile_set_seal(set);
	write_seed(argv[1], set, size, 2);
	write_seed(argv[1], text, mlops_profile_set_print(set, text, 1 << 16), 6);
	free(set);
	free(text);
	return 0;
}
