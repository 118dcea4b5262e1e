/*-------------------------------------------------------------------------
 *
 * make_seeds.c
 *	  Write the documents of the unit tests, and their images, as seeds.
 *
 * Usage: make_seeds FOLDER; the folder has the folders model, json, ubj and image.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "forest_documents.h"

static void
write_file(const char *folder, const char *kind, const char *name, int form,
		   const void *bytes, size_t size)
{
	char		path[512];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s/%s_%d", folder, kind, name, form);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
}

static void
write_seeds(const char *folder, const char *name, const char *json)
{
	ForestError error;
	Forest	   *image;
	size_t		size;

	write_file(folder, "model", name, N_UBJ_FORMS, json, strlen(json));
	write_file(folder, "json", name, 0, json, strlen(json));
	for (int form = 0; form < N_UBJ_FORMS; form++)
	{
		uint8_t    *ubj = make_ubj(json, form, &size);

		write_file(folder, "model", name, form, ubj, size);
		write_file(folder, "ubj", name, form, ubj, size);
		free(ubj);
	}
	if (mlops_forest_build(json, strlen(json), &default_limits, &image, &size, NULL, &error) !=
		FOREST_OK)
	{
		fprintf(stderr, "%s: %s\n", name, error.message);
		exit(1);
	}
	write_file(folder, "image", name, 0, image, size);
	free(image);
}

int
main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";
	char	   *json;

	write_seeds(folder, "trees", MODEL);
	write_seeds(folder, "linear", LINEAR_MODEL);

	json = edit_document(MODEL, "\"categories\":[],\"categories_nodes\":[],"
						 "\"categories_segments\":[],\"categories_sizes\":[]",
						 "\"categories\":[1,33,70000],\"categories_nodes\":[0],"
						 "\"categories_segments\":[0],\"categories_sizes\":[3]");
	json = edit_further(json, "\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]");
	json = edit_further(json, "\"name\":\"gbtree\"}", "\"name\":\"gbtree\",\"weight_drop\":[5E-1]}");
	write_seeds(folder, "categories", json);
	free(json);

	json = edit_document(MODEL, "\"categories\":[],\"categories_nodes\":[],"
						 "\"categories_segments\":[],\"categories_sizes\":[]",
						 "\"categories\":[1,33,300],\"categories_nodes\":[0],"
						 "\"categories_segments\":[0],\"categories_sizes\":[3]");
	json = edit_further(json, "\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]");
	write_seeds(folder, "sets", json);
	free(json);

	json = edit_document(MODEL, "\"reg:squarederror\"", "\"multi:softprob\"");
	json = edit_further(json, "\"num_class\":\"0\"", "\"num_class\":\"3\"");
	json = edit_further(json, "\"attributes\":{}", "\"attributes\":{\"best_iteration\":\"0\"}");
	json = edit_further(json, "\"tree_info\"", "\"iteration_indptr\":[0,2],\"tree_info\"");
	json = edit_further(json, "\"2.5E-1\"", "\"[1E0,2E0,3E0]\"");
	write_seeds(folder, "classes", json);
	free(json);

	json = edit_document(MODEL, "," TREE_1, "");
	json = edit_further(json, "\"num_trees\":\"2\"", "\"num_trees\":\"1\"");
	json = edit_further(json, "\"tree_info\":[0,0]", "\"tree_info\":[0]");
	json = edit_further(json, "\"num_target\":\"1\"", "\"num_target\":\"2\"");
	json = edit_further(json, "\"num_nodes\":\"3\",\"size_leaf_vector\":\"0\"",
						"\"num_nodes\":\"3\",\"size_leaf_vector\":\"2\"");
	json = edit_further(json, "\"right_children\":[2,-1,-1]",
						"\"leaf_weights\":[4E0,8E0,-1E0,2E0],\"right_children\":[2,1,0]");
	write_seeds(folder, "vectors", json);
	free(json);
	return 0;
}
