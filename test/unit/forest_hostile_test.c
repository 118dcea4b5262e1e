/*-------------------------------------------------------------------------
 *
 * forest_hostile_test.c
 *	  Model bytes and images that somebody broke, by accident or on purpose.
 *
 * Everything has to end in an error, within a second and within about twice
 * the memory of the bytes; what happens to be accepted has to be safe to
 * score, which the sanitizers watch.  Names of cases start with the ids of the
 * catalogue of faults, M01 to M12.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "forest/forest_kernel.h"

#include "forest_documents.h"
#include "unit.h"

/* Of AddressSanitizer, whose header not every compiler brings. */
extern int	__sanitizer_install_malloc_and_free_hooks(void (*malloc_hook) (const volatile void *, size_t),
													  void (*free_hook) (const volatile void *));
extern size_t __sanitizer_get_allocated_size(const volatile void *pointer);

static size_t allocated;		/* bytes, since the start of a measurement */
static size_t allocated_most;

static void
note_malloc(const volatile void *pointer, size_t size)
{
	(void) pointer;
	allocated += size;
	if (allocated > allocated_most)
		allocated_most = allocated;
}

static void
note_free(const volatile void *pointer)
{
	if (pointer != NULL)
		allocated -= __sanitizer_get_allocated_size(pointer);
}

/* Score some rows, so that the sanitizers see every access. */
static void
score_some(const Forest *forest)
{
	static const float values[] = {0, 1, 3, -2, NAN, INFINITY, -INFINITY, 1e7f, 33};
	uint32_t	n_features = mlops_forest_n_features(forest);
	uint32_t	n_outputs = mlops_forest_n_outputs(forest);
	float	   *rows = malloc(sizeof(float) * n_features * 9);
	float	   *margin = malloc(sizeof(float) * n_outputs * 9);
	float	   *values_out = malloc(sizeof(float) * (n_outputs + mlops_forest_n_values(forest)));

	for (size_t i = 0; i < (size_t) n_features * 9; i++)
		rows[i] = values[(i + i / n_features) % 9];
	for (ForestKernel kernel = 0; kernel < N_KERNELS; kernel++)
	{
		if (!mlops_kernel_available(kernel))
			continue;
		mlops_kernel_margin_block(kernel, forest, rows, n_features, 9, margin);
		mlops_kernel_margin(kernel, forest, rows, margin);
	}
	for (int i = 0; i < 9; i++)
	{
		mlops_forest_margin(forest, rows + (size_t) i * n_features, margin);
		mlops_forest_transform(forest, margin, values_out);
		mlops_forest_probability(forest, margin, values_out);
	}
	free(rows);
	free(margin);
	free(values_out);
}

/* Read bytes; what is accepted is checked and scored.  Measures both bounds. */
static ForestStatus
try_bytes(const char *name, const void *bytes, size_t size)
{
	/* The bytes at the end of a block of their own: reading beyond is seen. */
	uint8_t    *copy = malloc(size + 1);
	clock_t		start;
	double		seconds;
	size_t		per_byte;
	Forest	   *image;
	size_t		image_size;
	ForestDescription description;
	ForestError error = {""};
	ForestStatus status;

	memcpy(copy + 1, bytes, size);
	allocated = allocated_most = 0;
	start = clock();
	status = mlops_forest_build(copy + 1, size, &default_limits, &image, &image_size,
								&description, &error);
	seconds = (double) (clock() - start) / CLOCKS_PER_SEC;
	if (!CHECK(seconds < 1.0, name))
		printf("  %g s for %zu bytes\n", seconds, size);
	/* numbers of one digit take more in memory than in JSON */
	per_byte = size > 1 && memchr("iUIlL", copy[2], 5) != NULL ? 2 : 3;
	if (!CHECK(allocated_most <= per_byte * size + 2 * image_size + 65536, name))
		printf("  %zu bytes for %zu\n", allocated_most, size);
	if (status == FOREST_OK)
	{
		CHECK(mlops_forest_check(image, image_size, &default_limits, &error) == FOREST_OK, name);
		score_some(image);
		free(image);
		mlops_forest_free_description(&description);
	}
	else
		CHECK(error.message[0] != '\0' && image == NULL && image_size == 0, name);
	free(copy);
	return status;
}

/* Edits of the good document that make it wrong. */
static const struct
{
	const char *id;				/* of the catalogue */
	const char *from;
	const char *to;
	ForestStatus expected;
}			edits[] = {

	/* counts */
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"0\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"-1\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"2147483647\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"2147483648\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"4294967295\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"4294967299\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"9223372036854775808\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"18446744073709551619\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":\"\"", FOREST_MALFORMED},
	{"M03", "\"num_nodes\":\"3\"", "\"num_nodes\":3", FOREST_MALFORMED},
	{"M03", "\"num_trees\":\"2\"", "\"num_trees\":\"3\"", FOREST_MALFORMED},
	{"M03", "\"num_trees\":\"2\"", "\"num_trees\":\"4294967298\"", FOREST_MALFORMED},
	{"M09", "\"tree_info\":[0,0]", "\"tree_info\":[0]", FOREST_MALFORMED},
	{"M09", "\"tree_info\":[0,0]", "\"tree_info\":[0,0,0]", FOREST_MALFORMED},
	{"M09", "\"num_class\":\"0\"", "\"num_class\":\"1000000000\"", FOREST_TOO_LARGE},
	{"M09", "\"num_class\":\"0\"", "\"num_class\":\"4294967296\"", FOREST_TOO_LARGE},
	{"M09", "\"num_class\":\"0\"", "\"num_class\":\"x\"", FOREST_MALFORMED},
	{"M09", "\"num_target\":\"1\"", "\"num_target\":\"1000000000\"", FOREST_TOO_LARGE},
	{"M09", "\"num_target\":\"1\"", "\"num_target\":\"0\"", FOREST_MALFORMED},
	{"M03", "\"num_feature\":\"2\",\"num_t", "\"num_feature\":\"0\",\"num_t", FOREST_MALFORMED},
	{"M03", "\"num_feature\":\"2\",\"num_t", "\"num_feature\":\"1\",\"num_t", FOREST_MALFORMED},
	{"M03", "\"num_feature\":\"2\",\"num_t", "\"num_feature\":\"3\",\"num_t", FOREST_MALFORMED},
	{"M03", "\"num_feature\":\"2\",\"num_t", "\"num_feature\":\"1000000000\",\"num_t", FOREST_TOO_LARGE},
	{"M09", "\"size_leaf_vector\":\"0\"}}", "\"size_leaf_vector\":\"2\"}}", FOREST_MALFORMED},
	{"M09", "\"size_leaf_vector\":\"0\"}}", "\"size_leaf_vector\":\"3\"}}", FOREST_MALFORMED},
	{"M09", "\"size_leaf_vector\":\"0\"}}", "\"size_leaf_vector\":\"1000000000\"}}", FOREST_TOO_LARGE},
	{"M03", "\"num_parallel_tree\":\"1\"", "\"num_parallel_tree\":\"x\"", FOREST_MALFORMED},
	{"M03", "\"attributes\":{}", "\"attributes\":{\"best_iteration\":\"2\"}", FOREST_MALFORMED},
	{"M03", "\"attributes\":{}", "\"attributes\":{\"best_iteration\":\"-1\"}", FOREST_MALFORMED},
	{"M03", "\"attributes\":{}", "\"attributes\":{\"best_iteration\":\"999999999999999999\"}", FOREST_MALFORMED},
	{"M03", "\"attributes\":{}", "\"attributes\":{\"best_iteration\":1}", FOREST_MALFORMED},
	{"M03", "\"attributes\":{}", "\"attributes\":[]", FOREST_MALFORMED},

	/* children */
	{"M04", "\"left_children\":[1,", "\"left_children\":[0,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[2,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[3,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[-2,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[1000000000,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[2147483647,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[-2147483648,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[2147483648,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[1E0,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[true,", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,", "\"left_children\":[", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,-1,3", "\"left_children\":[1,-1,1", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,-1,3", "\"left_children\":[1,-1,2", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,-1,3", "\"left_children\":[1,3,3", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,-1,3", "\"left_children\":[1,-1,0", FOREST_MALFORMED},
	{"M04", "\"right_children\":[2,", "\"right_children\":[1,", FOREST_MALFORMED},
	{"M04", "\"right_children\":[2,", "\"right_children\":[-1,", FOREST_MALFORMED},
	{"M04", "\"right_children\":[2,", "\"right_children\":[1000000000,", FOREST_MALFORMED},
	{"M04", "\"right_children\":[2,-1,4", "\"right_children\":[2,-1,5", FOREST_MALFORMED},
	{"M04", "\"left_children\":[1,-1,-1],", "", FOREST_MALFORMED},

	/* splits */
	{"M06", "\"split_indices\":[0,", "\"split_indices\":[2,", FOREST_MALFORMED},
	{"M06", "\"split_indices\":[0,", "\"split_indices\":[-1,", FOREST_MALFORMED},
	{"M06", "\"split_indices\":[0,", "\"split_indices\":[500000000,", FOREST_MALFORMED},
	{"M06", "\"split_indices\":[0,", "\"split_indices\":[2147483647,", FOREST_MALFORMED},
	{"M06", "\"split_indices\":[0,", "\"split_indices\":[2147483648,", FOREST_MALFORMED},
	{"M06", "\"default_left\":[0,", "\"default_left\":[2,", FOREST_MALFORMED},
	{"M06", "\"default_left\":[0,", "\"default_left\":[-1,", FOREST_MALFORMED},
	{"M08", "\"split_type\":[0,", "\"split_type\":[2,", FOREST_MALFORMED},
	{"M08", "\"split_type\":[0,", "\"split_type\":[1,", FOREST_MALFORMED},
	{"M08", "\"split_type\":[0,", "\"split_type\":[", FOREST_MALFORMED},
	{"M07", "[5E-1,", "[NaN,", FOREST_MALFORMED},
	{"M07", ",-2.5E-1,", ",NaN,", FOREST_MALFORMED},
	{"M07", ",-2.5E-1,", ",Infinity,", FOREST_MALFORMED},
	{"M07", ",-2.5E-1,", ",-Infinity,", FOREST_MALFORMED},
	{"M07", ",-2.5E-1,", ",1E39,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",\"1\",", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",+1,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",01,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",1.,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",.5,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",1e,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",-,", FOREST_MALFORMED},
	{"M07", ",-2.5E-1,", ",nan,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",0x1,", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",[1],", FOREST_MALFORMED},
	{"M10", ",-2.5E-1,", ",0.00000000000000000000000000000000000000000000000000000000000000001,", FOREST_MALFORMED},

	/* outputs, base score, objective, booster, version */
	{"M09", "\"tree_info\":[0,0]", "\"tree_info\":[0,1]", FOREST_MALFORMED},
	{"M09", "\"tree_info\":[0,0]", "\"tree_info\":[0,-1]", FOREST_MALFORMED},
	{"M09", "\"tree_info\":[0,0]", "\"tree_info\":[0,1000000000]", FOREST_MALFORMED},
	{"M07", "\"2.5E-1\"", "\"NaN\"", FOREST_MALFORMED},
	{"M07", "\"2.5E-1\"", "\"1E39\"", FOREST_MALFORMED},
	{"M07", "\"2.5E-1\"", "\"-1E39\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"[]\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"[1,2]\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"[1,]\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"[1\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"1,2\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"1]\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "\"1-2\"", FOREST_MALFORMED},
	{"M09", "\"2.5E-1\"", "0.25", FOREST_MALFORMED},
	{"M09", "\"base_score\":\"2.5E-1\",", "", FOREST_MALFORMED},
	{"M12", "\"reg:squarederror\"", "\"reg:unheardof\"", FOREST_UNSUPPORTED},
	{"M12", "\"reg:squarederror\"", "\"\"", FOREST_UNSUPPORTED},
	{"M12", "\"reg:squarederror\"", "1", FOREST_MALFORMED},
	{"M12", "\"reg:squarederror\"", "\"reg:\\u0000\"", FOREST_UNSUPPORTED},
	{"M12", "\"name\":\"reg:squarederror\",", "", FOREST_MALFORMED},
	{"M12", "\"gbtree\"}", "\"gbforest\"}", FOREST_UNSUPPORTED},
	{"M12", "\"gbtree\"}", "\"gblinear\"}", FOREST_MALFORMED},
	{"M12", ",\"name\":\"gbtree\"}", "}", FOREST_MALFORMED},
	{"M12", "[1,7,4]", "[1,6,2]", FOREST_UNSUPPORTED},
	{"M12", "[1,7,4]", "[3,5,0]", FOREST_UNSUPPORTED},
	{"M12", "[1,7,4]", "[4,0,0]", FOREST_UNSUPPORTED},
	{"M12", "[1,7,4]", "[0,0,0]", FOREST_MALFORMED},
	{"M12", "[1,7,4]", "[1,7]", FOREST_MALFORMED},
	{"M12", "[1,7,4]", "[1,7,4,0]", FOREST_MALFORMED},
	{"M12", "[1,7,4]", "[1,7,-4]", FOREST_MALFORMED},
	{"M12", "[1,7,4]", "[1,7,99999999999999999999]", FOREST_MALFORMED},
	{"M12", "[1,7,4]", "\"1.7.4\"", FOREST_MALFORMED},
	{"M12", ",\"version\":[1,7,4]", "", FOREST_MALFORMED},
	{"M12", "\"learner\"", "\"lerner\"", FOREST_MALFORMED},

	/* repeated members, order, names */
	{"M10", ",\"version\":[1,7,4]", ",\"version\":[1,7,4],\"version\":[1,7,4]", FOREST_MALFORMED},
	{"M10", "\"num_trees\":\"2\"", "\"num_trees\":\"2\",\"num_trees\":\"2\"", FOREST_MALFORMED},
	{"M10", "\"id\":0,", "\"id\":0,\"id\":0,", FOREST_MALFORMED},
	{"M10", "\"id\":0,", "\"id\":1,", FOREST_MALFORMED},
	{"M10", "\"id\":0,", "\"id\":-1,", FOREST_MALFORMED},
	{"M10", "\"tree_info\":[0,0]", "\"tree_info\":[0,0],\"tree_info\":[0,0]", FOREST_MALFORMED},
	{"M10", "\"name\":\"gbtree\"}", "\"name\":\"gbtree\",\"gbtree\":{\"model\":{}}}", FOREST_MALFORMED},
	{"M03", "\"tree_info\"", "\"weight_drop\":[1,1,1],\"tree_info\"", FOREST_MALFORMED},
	{"M07", "\"tree_info\"", "\"weight_drop\":[NaN],\"tree_info\"", FOREST_MALFORMED},
	{"M10", "\"age\",", "", FOREST_MALFORMED},
	{"M10", "\"age\"", "1", FOREST_MALFORMED},
	{"M10", "\"age\"", "\"\xff\"", FOREST_MALFORMED},
	{"M10", "\"age\"", "\"\xc0\x80\"", FOREST_MALFORMED},
	{"M10", "\"age\"", "\"\xed\xa0\x80\"", FOREST_MALFORMED},
	{"M10", "\"age\"", "\"\xf5\x80\x80\x80\"", FOREST_MALFORMED},
	{"M10", "\"age\"", "\"\xc3\"", FOREST_MALFORMED},

	/* syntax */
	{"M10", "\"version\":[1,7,4]}", "\"version\":[1,7,4],}", FOREST_MALFORMED},
	{"M10", "\"version\":[1,7,4]}", "\"version\":[1,7,4]}}", FOREST_MALFORMED},
	{"M10", "\"version\":[1,7,4]}", "\"version\":[1,7,4]}{}", FOREST_MALFORMED},
	{"M10", "\"version\":[1,7,4]}", "\"version\":[1,7,4]]", FOREST_MALFORMED},
	{"M10", "\"version\":[1,7,4]}", "\"version\"[1,7,4]}", FOREST_MALFORMED},
	{"M10", "\"version\":[1,7,4]}", "version:[1,7,4]}", FOREST_MALFORMED},
	{"M10", "{\"learner\"", "{,\"learner\"", FOREST_MALFORMED},
	{"M10", "{\"learner\"", "{\"a\":tru,\"learner\"", FOREST_MALFORMED},
	{"M10", "{\"learner\"", "{\"a\":\"\n\",\"learner\"", FOREST_MALFORMED},
	{"M10", "{\"learner\"", "{\"a\" 1,\"learner\"", FOREST_MALFORMED},
	{"M10", "{\"learner\"", "\xef\xbb\xbf{\"learner\"", FOREST_MALFORMED},
};

/* Edits that UBJSON does not show: escapes, and what is only JSON's syntax. */
static bool
is_json_only(size_t i)
{
	static const char *const marks[] = {
		"+1", ",01,", "1.,", "[1,]", "tru,", "\\u", "nan", "0x1", ",}", "]]", "}}", "{}",
		"\"version\"[", "version:", "{,", "\n", "\" 1", "\xef\xbb\xbf", ",,", ".5", "1e,", ",-,",
		"0.0000", "99999999999999999999", "2147483648", "\":[1E0", ",\"1\",", "[1],"
	};

	for (size_t k = 0; k < sizeof(marks) / sizeof(marks[0]); k++)
		if (strstr(edits[i].to, marks[k]) != NULL)
			return true;
	return false;
}

static void
test_edits(void)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
	{
		char	   *json = edit_document(MODEL, edits[i].from, edits[i].to);
		char		name[256];
		ForestStatus status;

		snprintf(name, sizeof(name), "%s: %s", edits[i].id, edits[i].to);
		status = try_bytes(name, json, strlen(json));
		if (!CHECK(status == edits[i].expected, name))
			printf("  status %d instead of %d\n", status, edits[i].expected);
		for (int form = 0; form < N_UBJ_FORMS && !is_json_only(i); form++)
		{
			size_t		size;
			uint8_t    *ubj = make_ubj(json, form, &size);

			status = try_bytes(name, ubj, size);
			if (!CHECK(status == edits[i].expected, name))
				printf("  status %d instead of %d in UBJSON\n", status, edits[i].expected);
			free(ubj);
		}
		free(json);
	}
}

/* Names of features with escapes that stand for nothing. */
static void
test_escapes(void)
{
	static const char *const escapes[] = {
		"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\u00\"", "\"\\u00zz\"", "\"\\x\"",
		"\"\\u0000\"", "\"\\"
	};

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
	{
		char	   *json = edit_document(MODEL, "\"age\"", escapes[i]);

		CHECK(try_bytes("M10: escape", json, strlen(json)) == FOREST_MALFORMED, escapes[i]);
		free(json);
	}
}

/* Children that no single edit can make wrong. */
static void
test_children(void)
{
	static const char *const cases[][2] = {
		{"[1,-1,1,-1,-1]", "[2,-1,2,-1,-1]"},	/* its own child */
		{"[1,3,3,-1,-1]", "[2,4,4,-1,-1]"}, /* two parents */
		{"[1,-1,0,-1,-1]", "[2,-1,1,-1,-1]"},	/* the root as a child */
		{"[0,-1,-1,-1,-1]", "[1,-1,-1,-1,-1]"}, /* the root as its own child */
		{"[3,-1,-1,-1,3]", "[4,-1,-1,-1,4]"},	/* a loop of two */
		{"[1,2,-1,-1,-1]", "[2,3,-1,-1,-1]"},	/* one child of two shared */
		{"[4,-1,-1,-1,-1]", "[5,-1,-1,-1,-1]"}, /* the right one beyond the
												 * end */
		{"[-1,1,3,-1,-1]", "[-1,2,4,-1,-1]"},	/* an island: never looked at */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char	   *json = edit_document(MODEL, "[1,-1,3,-1,-1]", cases[i][0]);
		ForestStatus expected = i == 7 ? FOREST_OK : FOREST_MALFORMED;

		json = edit_further(json, "[2,-1,4,-1,-1]", cases[i][1]);
		CHECK(try_bytes("M04: children", json, strlen(json)) == expected, cases[i][0]);
		free(json);
	}
}

/* Vector leaves that share a row, or have none. */
static void
test_vectors(void)
{
	static const struct
	{
		const char *right;
		const char *weights;
		ForestStatus expected;
	}			cases[] = {
		{"[2,0,1]", "[1E0,2E0,3E0,4E0]", FOREST_OK},
		{"[2,1,0]", "[1E0,2E0,3E0,4E0]", FOREST_OK},
		{"[2,0,0]", "[1E0,2E0]", FOREST_MALFORMED},
		{"[2,0,2]", "[1E0,2E0,3E0,4E0]", FOREST_MALFORMED},
		{"[2,0,-1]", "[1E0,2E0,3E0,4E0]", FOREST_MALFORMED},
		{"[2,0,1]", "[1E0,2E0,3E0]", FOREST_MALFORMED},
		{"[2,0,1]", "[1E0,2E0,3E0,NaN]", FOREST_MALFORMED},
		{"[2,0,2147483647]", "[1E0,2E0,3E0,4E0]", FOREST_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char	   *json = edit_document(MODEL, "\"right_children\":[2,-1,-1]", "\"right_children\":@");

		json = edit_further(json, "@", cases[i].right);
		json = edit_further(json, "\"id\":0,", "\"id\":0,\"leaf_weights\":@,");
		json = edit_further(json, "@", cases[i].weights);
		json = edit_further(json, "\"num_target\":\"1\"", "\"num_target\":\"2\"");
		json = edit_further(json, "\"num_nodes\":\"3\",\"size_leaf_vector\":\"0\"",
							"\"num_nodes\":\"3\",\"size_leaf_vector\":\"2\"");
		CHECK(try_bytes("M09: vector leaves", json, strlen(json)) == cases[i].expected, cases[i].right);
		free(json);
	}
}

static char *
make_categorical(const char *codes, const char *begin, const char *size)
{
	char		string[512];
	char	   *json;

	snprintf(string, sizeof(string), "\"categories\":%s,\"categories_nodes\":[0],"
			 "\"categories_segments\":%s,\"categories_sizes\":%s", codes, begin, size);
	json = edit_document(MODEL, "\"categories\":[],\"categories_nodes\":[],"
						 "\"categories_segments\":[],\"categories_sizes\":[]", string);
	return edit_further(json, "\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]");
}

static void
test_categories(void)
{
	static const char *const wrong[][3] = {
		{"[1,2]", "[0]", "[3]"}, {"[1,2]", "[1]", "[2]"}, {"[1,2]", "[3]", "[1]"},
		{"[1,2]", "[-1]", "[1]"}, {"[1,2]", "[0]", "[0]"}, {"[1,2]", "[0]", "[-1]"},
		{"[1,2]", "[2147483647]", "[2147483647]"}, {"[1,2]", "[0]", "[2147483647]"},
		{"[-1]", "[0]", "[1]"}, {"[16777216]", "[0]", "[1]"}, {"[2147483647]", "[0]", "[1]"},
		{"[1,2]", "[]", "[2]"}, {"[1,2]", "[0]", "[]"}, {"[]", "[0]", "[1]"},
		{"[2,1]", "[0]", "[2]"}, {"[1,1]", "[0]", "[2]"}
	};
	char	   *json = make_categorical("[16777215]", "[0]", "[1]");

	CHECK(try_bytes("M08: largest category", json, strlen(json)) == FOREST_OK, "M08: largest category");
	free(json);

	/* Splits that share categories would take more time than the bytes say. */
	json = edit_document(MODEL, "\"id\":1,", "\"id\":1,\"categories\":[1,2],\"categories_nodes\":[0,2],"
						 "\"categories_segments\":[0,@],\"categories_sizes\":[1,@],");
	json = edit_further(json, "\"categories\":[],\"categories_nodes\":[],\"categories_segments\":[],"
						"\"categories_sizes\":[],\"default_left\":[1,", "\"default_left\":[1,");
	json = edit_further(json, "\"split_type\":[0,0,0,0,0]", "\"split_type\":[1,0,1,0,0]");
	json = edit_further(edit_further(json, "@", "1"), "@", "1");
	CHECK(try_bytes("M08: a category each", json, strlen(json)) == FOREST_OK, "M08: a category each");
	json = edit_further(json, "\"categories_segments\":[0,1],\"categories_sizes\":[1,1]",
						"\"categories_segments\":[0,0],\"categories_sizes\":[1,2]");
	CHECK(try_bytes("M08: shared", json, strlen(json)) == FOREST_MALFORMED, "M08: shared");
	free(json);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		json = make_categorical(wrong[i][0], wrong[i][1], wrong[i][2]);
		CHECK(try_bytes("M08: categories", json, strlen(json)) == FOREST_MALFORMED, wrong[i][1]);
		free(json);
	}
}

/* M01: cut off at every byte; M02: every bit turned round. */
static void
test_damage(const char *name, const uint8_t *bytes, size_t size)
{
	uint8_t    *copy = malloc(size);
	size_t		accepted = 0;

	for (size_t i = 0; i < size; i++)
		CHECK(try_bytes("M01: cut off", bytes, i) != FOREST_OK, name);
	memcpy(copy, bytes, size);
	for (size_t bit = 0; bit < size * 8; bit++)
	{
		copy[bit / 8] ^= (uint8_t) (1 << (bit % 8));
		accepted += try_bytes("M02: a bit", copy, size) == FOREST_OK;
		copy[bit / 8] = bytes[bit / 8];
	}
	/* Digits of numbers may change; lengths, names and syntax may not. */
	CHECK(accepted < size * 8 * 3 / 4, name);
	free(copy);
}

/* Write a piece again and again. */
static char *
repeat(const char *start, const char *piece, size_t n, const char *end, size_t *size)
{
	size_t		length = strlen(piece);
	char	   *string = malloc(strlen(start) + n * length + strlen(end) + 1);
	char	   *out = stpcpy(string, start);

	for (size_t i = 0; i < n; i++, out += length)
		memcpy(out, piece, length);
	out = stpcpy(out, end);
	*size = (size_t) (out - string);
	return string;
}

static void
try_repeated(const char *name, const char *start, const char *piece, size_t n, const char *end)
{
	size_t		size;
	char	   *string = repeat(start, piece, n, end, &size);

	CHECK(try_bytes(name, string, size) == FOREST_MALFORMED, name);
	free(string);
}

static void
test_bombs(void)
{
	char	   *json;
	size_t		size;

	try_repeated("M10: nested arrays", "{\"a\":", "[", 2000000, "");
	try_repeated("M10: nested objects", "", "{\"a\":", 2000000, "");
	try_repeated("M10: nested arrays that end", "{\"a\":", "[", 60, "");
	try_repeated("M11: nested arrays of UBJSON", "{i\1a", "[", 2000000, "");
	try_repeated("M11: nested counted arrays", "{i\1a", "[#i\1", 500000, "");
	try_repeated("M11: nested objects of UBJSON", "", "{i\1a", 2000000, "");
	try_repeated("M10: a number of a million digits", "{\"version\":[", "9", 1000000, "]}");
	try_repeated("M10: a skipped number of a million digits", "{\"a\":", "9", 1000000, "}");
	try_repeated("M10: a million members", "{\"a\":1", ",\"b\":1", 1000000, "}");
	try_repeated("M11: a million members of UBJSON", "{", "i\1aZ", 1000000, "}");
	try_repeated("M10: a million spaces", "{", " ", 1000000, "}");
	try_repeated("M10: a huge string", "{\"a\":\"", "x", 8000000, "\"}");
	try_repeated("M10: a huge key", "{\"", "x", 8000000, "\":1}");
	try_repeated("M10: a million empty trees", "{\"learner\":{\"gradient_booster\":{\"model\":{\"trees\":[{}",
				 ",{}", 1000000, "]}}}}");
	try_repeated("M10: a huge array", "{\"learner\":{\"gradient_booster\":{\"model\":{\"tree_info\":[0",
				 ",0", 1000000, "]}}}}");
	try_repeated("M10: a huge array of a tree",
				 "{\"learner\":{\"gradient_booster\":{\"model\":{\"trees\":[{\"base_weights\":[0",
				 ",0", 1000000, "]}]}}}}");

	json = repeat("{\"learner\":{\"feature_names\":[\"\"", ",\"\"", 1000000, "]}}", &size);
	CHECK(try_bytes("M10: a million names", json, size) == FOREST_TOO_LARGE, "M10: a million names");
	free(json);
	json = repeat("{\"learner\":{\"learner_model_param\":{\"base_score\":\"[1", ",1", 1000000, "]\"}}}", &size);
	CHECK(try_bytes("M10: a million outputs", json, size) == FOREST_TOO_LARGE, "M10: a million outputs");
	free(json);
}

/* Bytes that are no model, and typed arrays that lie. */
static void
test_foreign(void)
{
#define BYTES(string) {string, sizeof(string) - 1}
	static const struct
	{
		const char *bytes;
		size_t		size;
	}			cases[] = {
		BYTES(""), BYTES("{"), BYTES("{}"), BYTES("[]"), BYTES("null"), BYTES("x"), BYTES("\0\0\0\0"),
		BYTES("{L"), BYTES("{}}"), BYTES("{i"), BYTES("{i\1"), BYTES("{i\1a"), BYTES("{i\1a}"),
		BYTES("{i\377a"), BYTES("{i\1aZ"), BYTES("{i\1aZ}}"), BYTES("{\0l\0e\0"),
		BYTES("{L\0\0\0\0\0\0\0\1aZ}x"),
		BYTES("{L\377\377\377\377\377\377\377\377aZ}"),
		BYTES("{L\177\377\377\377\377\377\377\377aZ}"),
		BYTES("{i\1a[$d#L\177\377\377\377\377\377\377\377}"),
		BYTES("{i\1a[$d#L\100\0\0\0\0\0\0\0}"),
		BYTES("{i\1a[$D#L\040\0\0\0\0\0\0\0}"),
		BYTES("{i\1a[$d#i\377}"), BYTES("{i\1a[$d#d\0\0\0\0}"), BYTES("{i\1a[$d#"), BYTES("{i\1a[$d"),
		BYTES("{i\1a[$"), BYTES("{i\1a[$Z#L\177\377\377\377\377\377\377\377}"),
		BYTES("{i\1a[$d#l\2\0\0\0\0\0\0\0\0\0\0\0}"), BYTES("{i\1a[$d#i\200}"), BYTES("{i\1a[$T#i\177}"), BYTES("{i\1a[$[#i\1}"), BYTES("{i\1a[$\1#i\1\0\0\0\0}"),
		BYTES("{i\1a[$\2#i\1\0\0\0\0}"), BYTES("{i\1a\1\0\0\0\0}"),
		BYTES("{i\1a[#L\0\0\377\377\377\377\377\377}"), BYTES("{i\1a[#M\377\377\377\377\377\377\377\377]}"),
		BYTES("{i\1aSi\377}"), BYTES("{i\1aSi\5abc}"), BYTES("{i\1aSd\0\0\0\0}"), BYTES("{i\1aN}"),
		BYTES("{i\1aHi\0011}"), BYTES("{$i#i\1a\1}"), BYTES("{#i\1i\1aZ"),
		BYTES("{i\7version[$d#i\3\0\0\0\0\0\0\0\0\0\0\0\0}"),
		BYTES("{i\7version[$L#i\3\177\377\377\377\377\377\377\377}"),
		BYTES("\200\4\225"), BYTES("\x08\x07\x12\x07"), BYTES("\x1f\x8b\x08\0"), BYTES("PK\3\4"),
		BYTES("\xff\xfe{\0\"\0"), BYTES("\xef\xbb\xbf{}")
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		name[32];

		snprintf(name, sizeof(name), "%s: foreign %zu", cases[i].size < 2 ? "M01" : cases[i].bytes[0] == '{' ? "M11" : "M12", i);
		CHECK(try_bytes(name, cases[i].bytes, cases[i].size) == FOREST_MALFORMED, name);
	}
	CHECK(try_bytes("M12: binf", "binf\0\0\0\0\0\0", 10) == FOREST_UNSUPPORTED, "M12: binf");
	CHECK(try_bytes("M12: CONFIG-offset:", "CONFIG-offset:12", 16) == FOREST_UNSUPPORTED, "M12: CONFIG");
}

/* A tree that is one long chain; every second node is a leaf. */
static void
test_chain(uint32_t n_splits, ForestStatus expected)
{
	uint32_t	n = 2 * n_splits + 1;
	char	   *json = malloc((size_t) n * 64 + 2048);
	char	   *out = json;
	char	   *model;

	out += sprintf(out, "{\"left_children\":[");
	for (uint32_t i = 0; i < n; i++)
		out += sprintf(out, "%s%d", i ? "," : "", i % 2 == 0 && i + 1 < n ? (int) i + 1 : -1);
	out += sprintf(out, "],\"right_children\":[");
	for (uint32_t i = 0; i < n; i++)
		out += sprintf(out, "%s%d", i ? "," : "", i % 2 == 0 && i + 1 < n ? (int) i + 2 : -1);
	for (int field = 0; field < 3; field++)
	{
		static const char *const names[] = {"split_indices", "default_left", "split_conditions"};

		out += sprintf(out, "],\"%s\":[", names[field]);
		for (uint32_t i = 0; i < n; i++)
			out += sprintf(out, "%s0", i ? "," : "");
	}
	sprintf(out, "],\"tree_param\":{\"num_nodes\":\"%u\"}}", n);
	model = edit_document(MODEL, TREE_0, json);
	CHECK(try_bytes("M05: chain", model, strlen(model)) == expected, "M05: chain");
	free(model);
	free(json);
}

/* A typed array of UBJSON, all of whose numbers "value" gives. */
static uint8_t *
put_typed(uint8_t *out, const char *key, char type, uint32_t n, uint32_t (*value) (uint32_t i, uint32_t n))
{
	int			size = type == 'U' ? 1 : 4;

	*out++ = 'i';
	*out++ = (uint8_t) strlen(key);
	out = (uint8_t *) stpcpy((char *) out, key);
	*out++ = '[';
	*out++ = '$';
	*out++ = (uint8_t) type;
	*out++ = '#';
	*out++ = 'l';
	for (int i = 3; i >= 0; i--)
		*out++ = (uint8_t) (n >> (8 * i));
	for (uint32_t i = 0; i < n; i++)
		for (int k = size - 1; k >= 0; k--)
			*out++ = (uint8_t) (value(i, n) >> (8 * k));
	return out;
}

static uint32_t
give_left(uint32_t i, uint32_t n)
{
	return i % 2 == 0 && i + 1 < n ? i + 1 : UINT32_MAX;
}

static uint32_t
give_right(uint32_t i, uint32_t n)
{
	return i % 2 == 0 && i + 1 < n ? i + 2 : UINT32_MAX;
}

static uint32_t
give_zero(uint32_t i, uint32_t n)
{
	return 0;
}

/* A model of UBJSON around trees: what is before them, and what is behind. */
static uint8_t *
put_text(uint8_t *out, const char *text)
{
	return (uint8_t *) stpcpy((char *) out, text);
}

#define UBJ_START "{i\7learner{i\20gradient_booster{i\5model{i\5trees["
#define UBJ_END "}i\4nameSi\6gbtree}i\23learner_model_param{i\12base_scoreSi\1" "0" \
	"i\13num_featureSi\1" "1" "i\12num_targetSi\1" "1" "}i\11objective{i\4nameSi\20reg:squarederror}}" \
	"i\7version[$i#i\3\3"

/* n trees of n_nodes nodes in a chain. */
static void
test_large(const char *name, uint32_t n, uint32_t n_nodes, ForestStatus expected)
{
	uint8_t    *bytes = malloc((size_t) n * ((size_t) n_nodes * 17 + 220) + 1000);
	uint8_t    *out = put_text(bytes, UBJ_START);
	char		count[32];

	for (uint32_t i = 0; i < n; i++)
	{
		out = put_typed(put_text(out, "{"), "left_children", 'l', n_nodes, give_left);
		out = put_typed(out, "right_children", 'l', n_nodes, give_right);
		out = put_typed(out, "split_indices", 'l', n_nodes, give_zero);
		out = put_typed(out, "default_left", 'U', n_nodes, give_zero);
		out = put_typed(out, "split_conditions", 'd', n_nodes, give_zero);
		out = put_text(out, "i\12tree_param{i\11num_nodesSi\7");
		snprintf(count, sizeof(count), "%07u", n_nodes);
		out = put_text(put_text(out, count), "}}");
	}
	out = put_text(out, "]i\22gbtree_model_param{i\11num_treesSi\7");
	snprintf(count, sizeof(count), "%07u", n);
	out = put_text(put_text(out, count), "}");
	out = put_text(put_typed(out, "tree_info", 'l', n, give_zero), UBJ_END);
	*out++ = 0;
	*out++ = 0;
	*out++ = '}';
	CHECK(try_bytes(name, bytes, (size_t) (out - bytes)) == expected, name);
	free(bytes);
}

/* Numbers that JSON has no words for, in every place of a float. */
static void
test_floats(void)
{
	static const struct
	{
		uint32_t	bits;
		bool		threshold;	/* is fine as a threshold; likewise as a leaf */
		bool		leaf;
	}			cases[] = {
		{0x00000001, true, true}, {0x80000001, true, true}, {0x007fffff, true, true},
		{0x80000000, true, true}, {0x7f7fffff, true, true}, {0x7f800000, true, false},
		{0xff800000, true, false}, {0x7fc00000, false, false}, {0x7fa00000, false, false},
		{0x7f800001, false, false}, {0xffffffff, false, false}
	};
	size_t		size;
	uint8_t    *bytes = make_ubj(MODEL, UBJ_TYPED, &size);
	uint8_t    *place = NULL;

	/* 0.5, -0.25 and 0.75: a threshold and two leaves */
	for (size_t i = 0; i + 12 <= size; i++)
		if (memcmp(bytes + i, "\x3f\0\0\0\xbe\x80\0\0\x3f\x40\0\0", 12) == 0)
			place = bytes + i;
	if (!CHECK(place != NULL, "M07: floats of a tree"))
		return;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool		leaf = i % 2;
		bool		fine = leaf ? cases[i / 2].leaf : cases[i / 2].threshold;
		uint8_t    *at = place + (leaf ? 4 : 0);
		uint8_t		saved[4];

		memcpy(saved, at, 4);
		for (int k = 0; k < 4; k++)
			at[k] = (uint8_t) (cases[i / 2].bits >> (24 - 8 * k));
		if (!CHECK((try_bytes("M07: float", bytes, size) == FOREST_OK) == fine, "M07: float"))
			printf("  %08x, leaf %d\n", cases[i / 2].bits, leaf);
		memcpy(at, saved, 4);
	}
	free(bytes);
}

static int	polls_left;

static bool
interrupt_later(void)
{
	return polls_left-- <= 0;
}

static void
test_limits(void)
{
	ForestLimits limits = default_limits;
	ForestError error;
	Forest	   *image;
	size_t		size;
	size_t		length;
	char	   *json;

	limits.max_image = 511;
	CHECK(mlops_forest_build(MODEL, strlen(MODEL), &limits, &image, &size, NULL, &error) ==
		  FOREST_TOO_LARGE, "image");
	limits = default_limits;
	limits.max_features = 1;
	CHECK(mlops_forest_build(MODEL, strlen(MODEL), &limits, &image, &size, NULL, &error) ==
		  FOREST_TOO_LARGE, "features");

	limits = default_limits;
	limits.interrupted = interrupt_later;
	polls_left = 0;
	CHECK(mlops_forest_build(MODEL, strlen(MODEL), &limits, &image, &size, NULL, &error) ==
		  FOREST_INTERRUPTED, "interrupted at once");
	polls_left = 100;
	json = repeat("{\"a\":[0", ",0", 1000000, "]}", &length);
	CHECK(mlops_forest_build(json, length, &limits, &image, &size, NULL, &error) ==
		  FOREST_INTERRUPTED, "interrupted later");
	free(json);
}

/* Every word of an image replaced, every bit turned round, every length. */
static void
test_image(const char *name, const char *json)
{
	static const uint32_t words[] = {0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fc00000};
	ForestError error;
	Forest	   *image;
	size_t		size;
	uint8_t    *copy;
	size_t		accepted = 0;

	if (!CHECK(mlops_forest_build(json, strlen(json), &default_limits, &image, &size, NULL,
								  &error) == FOREST_OK, name))
		return;
	copy = aligned_alloc(64, size);
	for (size_t i = 0; i < size; i++)
	{
		/* A block of just that length, so that reading beyond it is seen. */
		void	   *prefix = NULL;

		CHECK(posix_memalign(&prefix, 64, i + 1) == 0, name);
		memcpy(prefix, image, i);
		CHECK(mlops_forest_check(prefix, i, &default_limits, &error) != FOREST_OK, name);
		free(prefix);
	}
	memcpy(copy, image, size);
	for (size_t bit = 0; bit < size * 8; bit++)
	{
		copy[bit / 8] ^= (uint8_t) (1 << (bit % 8));
		if (mlops_forest_check(copy, size, &default_limits, &error) == FOREST_OK)
		{
			accepted++;
			score_some((Forest *) copy);
		}
		copy[bit / 8] = ((uint8_t *) image)[bit / 8];
	}
	for (size_t at = 0; at + 4 <= size; at += 4)
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		{
			memcpy(copy + at, &words[i], 4);
			if (mlops_forest_check(copy, size, &default_limits, &error) == FOREST_OK)
				score_some((Forest *) copy);
			memcpy(copy + at, (uint8_t *) image + at, 4);
		}
	CHECK(accepted > 0 && accepted < size * 8, name);
	free(copy);
	free(image);
}

/* Any other byte in a derived section is refused: it would not be of the nodes. */
static void
check_derived(Forest *image, size_t size)
{
	ForestError error;
	size_t		changed = 0;

	for (ForestSection section = SECTION_STEP; section <= SECTION_SET; section++)
	{
		uint8_t    *bytes = (uint8_t *) mlops_image_section(image, section);
		uint64_t	length = mlops_image_section_size(section, image->count[section]);

		for (uint64_t i = 0; i < length; i++)
		{
			bytes[i] ^= 1;
			CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_MALFORMED,
				  "derived section");
			bytes[i] ^= 1;
			changed++;
		}
	}
	CHECK(changed > 1000, "derived sections");
	CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_OK, "unchanged");
}

/* The image where kernels that load whole cache lines would fault. */
static ForestStatus
check_shifted(const Forest *image, size_t size)
{
	uint8_t    *block = aligned_alloc(64, size + 64);
	ForestError error;
	ForestStatus status = mlops_forest_check(memcpy(block + 8, image, size), size, &default_limits, &error);

	free(block);
	return status;
}

/* Trees in an image that are well-formed in every node, but not as a whole. */
static void
test_image_trees(void)
{
	ForestError error;
	Forest	   *image;
	size_t		size;
	ForestTree *trees;
	ForestNode *nodes;

	if (!CHECK(mlops_forest_build(MODEL, strlen(MODEL), &default_limits, &image, &size, NULL,
								  &error) == FOREST_OK, "image"))
		return;
	trees = (ForestTree *) mlops_image_section(image, SECTION_TREE);
	nodes = (ForestNode *) mlops_image_section(image, SECTION_NODE);
	for (int step = -1; step <= 1; step += 2)
	{
		trees[1].depth += step;
		CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_MALFORMED, "depth");
		trees[1].depth -= step;
	}
	trees[0].group = 1;
	CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_MALFORMED, "group");
	CHECK(mlops_forest_check_header(image, size, &error) == FOREST_OK, "header alone");
	CHECK(mlops_forest_check_header(image, size - 64, &error) == FOREST_MALFORMED, "header and length");
	CHECK(check_shifted(image, size) == FOREST_MALFORMED, "not aligned to cache lines");
	trees[0].group = 0;
	CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_OK, "unchanged");

	check_derived(image, size);

	/* The root a leaf, and behind it a node that is its own child. */
	nodes[1] = nodes[0];
	nodes[1].left = 1;
	nodes[0] = nodes[2];
	nodes[0].left = UINT32_MAX;
	CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_MALFORMED, "island");
	free(image);
}

int
main(void)
{
	char	   *categorical = make_categorical("[1,33,40]", "[0]", "[3]");
	char	   *classes = edit_document(MODEL, "\"reg:squarederror\"", "\"multi:softmax\"");

	__sanitizer_install_malloc_and_free_hooks(note_malloc, note_free);
	classes = edit_further(classes, "\"num_class\":\"0\"", "\"num_class\":\"3\"");
	test_edits();
	test_escapes();
	test_children();
	test_vectors();
	test_categories();
	test_damage("damaged JSON", (const uint8_t *) MODEL, strlen(MODEL));
	for (int form = 0; form < N_UBJ_FORMS; form++)
	{
		size_t		size;
		uint8_t    *ubj = make_ubj(form == UBJ_TYPED ? categorical : MODEL, form, &size);

		test_damage("damaged UBJSON", ubj, size);
		free(ubj);
	}
	test_bombs();
	test_foreign();
	test_chain(4000, FOREST_OK);
	test_chain(5000, FOREST_TOO_LARGE);
	test_large("M05: one leaf", 1, 1, FOREST_OK);
	test_large("M05: a chain of a million", 1, 2000001, FOREST_TOO_LARGE);
	test_large("M05: 20,000 trees of one leaf", 20000, 1, FOREST_OK);
	test_large("M05: more trees than an image may have", 300000, 1, FOREST_TOO_LARGE);
	test_floats();
	test_limits();
	test_image_trees();
	test_image("image", MODEL);
	test_image("image with categories", categorical);
	test_image("image of classes", classes);
	test_image("linear image", LINEAR_MODEL);
	free(categorical);
	free(classes);
	return unit_finish("forest_hostile");
}
