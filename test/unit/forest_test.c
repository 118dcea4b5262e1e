/*-------------------------------------------------------------------------
 *
 * forest_test.c
 *	  Hand-made model documents and their known scores.
 *
 * Each document is read as JSON and as UBJSON with every form of arrays; the
 * four images have to be equal, byte for byte.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "forest/forest_kernel.h"
#include "forest_documents.h"
#include "unit.h"

#define MAX_OUTPUTS 8

/* Read a document in all forms; NULL when one fails.  Free the result. */
static Forest *
build_all(const char *name, const char *json, ForestDescription *description)
{
	Forest	   *first = NULL;
	size_t		first_size = 0;

	for (int form = -1; form < N_UBJ_FORMS; form++)
	{
		size_t		size = strlen(json);
		uint8_t    *bytes = form < 0 ? (uint8_t *) strdup(json) : make_ubj(json, form, &size);
		Forest	   *image;
		size_t		image_size;
		ForestDescription ours;
		ForestError error = {""};
		ForestStatus status = mlops_forest_build(bytes, size, &default_limits, &image, &image_size,
												 &ours, &error);

		free(bytes);
		if (!CHECK(status == FOREST_OK, name))
		{
			printf("  %s\n", error.message);
			continue;
		}
		CHECK(mlops_forest_check(image, image_size, &default_limits, &error) == FOREST_OK, name);
		CHECK(ours.format == (form < 0 ? FOREST_JSON : FOREST_UBJ), name);
		if (first == NULL)
		{
			first = image;
			first_size = image_size;
			if (description != NULL)
				*description = ours;
			else
				mlops_forest_free_description(&ours);
			continue;
		}
		CHECK(image_size == first_size && memcmp(image, first, image_size) == 0, name);
		free(image);
		mlops_forest_free_description(&ours);
	}
	return first;
}

/* Check the margins of a row in every kernel, one at a time and in a block. */
static void
check_margin(const char *name, const Forest *forest, const float *row, const float *expected)
{
	uint32_t	n_features = mlops_forest_n_features(forest);
	uint32_t	n_outputs = mlops_forest_n_outputs(forest);
	float		margin[MAX_OUTPUTS];
	float		rows[70 * 8];
	float		block[70 * MAX_OUTPUTS];

	for (int i = 0; i < 70; i++)
		memcpy(rows + i * n_features, row, n_features * sizeof(float));
	for (ForestKernel kernel = 0; kernel < N_KERNELS; kernel++)
	{
		if (!mlops_kernel_available(kernel))
			continue;
		mlops_kernel_margin(kernel, forest, row, margin);
		if (!CHECK(memcmp(margin, expected, n_outputs * sizeof(float)) == 0, name))
			printf("  %s: %.9g instead of %.9g\n", mlops_kernel_name(kernel), margin[0],
				   expected[0]);
		mlops_kernel_margin_block(kernel, forest, rows, n_features, 70, block);
		for (int i = 0; i < 70; i++)
			CHECK(memcmp(block + i * n_outputs, expected, n_outputs * sizeof(float)) == 0, name);
	}
}

/* Check one margin of a two-feature model. */
static void
check_row(const char *name, const Forest *forest, float f0, float f1, float expected)
{
	const float row[] = {f0, f1};

	check_margin(name, forest, row, &expected);
}

static void
test_splits(void)
{
	Forest	   *forest = build_all("splits", MODEL, NULL);
	const float row[] = {0.0f, 3.0f};
	int32_t		leaf[2];
	char	   *json;

	check_row("left, left", forest, 0.0f, 1.0f, 0.25f - 0.25f + 0.125f);
	check_row("a value at the threshold goes right", forest, 0.5f, 1.0f, 0.25f + 0.75f + 0.125f);
	check_row("just below goes left", forest, nextafterf(0.5f, 0.0f), 1.0f, 0.125f);
	check_row("second level, right", forest, 0.0f, 2.0f, 2.0f);
	check_row("second level, left", forest, -2.0f, 2.0f, 1.0f);
	check_row("minus zero is zero", forest, -0.0f, 5.0f, 2.0f);
	check_row("missing f0 goes right", forest, NAN, 1.0f, 1.125f);
	check_row("missing f1 goes left", forest, 0.0f, NAN, 0.125f);
	check_row("infinity goes right", forest, INFINITY, INFINITY, 3.0f);
	check_row("minus infinity goes left", forest, -INFINITY, -INFINITY, 0.125f);
	mlops_forest_leaf(forest, row, leaf);
	CHECK(leaf[0] == 1 && leaf[1] == 4, "leaf numbers");
	free(forest);

	json = edit_document(MODEL, "[5E-1,-2.5E-1,7.5E-1]", "[Infinity,-2.5E-1,7.5E-1]");
	forest = build_all("infinite threshold", json, NULL);
	check_row("all is below infinity", forest, FLT_MAX, 1.0f, 0.125f);
	check_row("but infinity", forest, INFINITY, 1.0f, 1.125f);
	free(forest);
	free(json);

	json = edit_document(MODEL, "[5E-1,-2.5E-1,7.5E-1]", "[1E-45,-1E-45,1E-40]");
	json = edit_further(json, "\"2.5E-1\"", "\"0E0\"");
	forest = build_all("denormals", json, NULL);
	check_row("denormal threshold, left", forest, 0.0f, 1.0f, 0.0f - 1e-45f + 0.125f);
	free(forest);
	free(json);
}

/* Deleted nodes are not looked at, and a child may come before its parent. */
static void
test_pruned(void)
{
	char	   *json = edit_document(MODEL, "\"left_children\":[1,-1,3,-1,-1]",
									 "\"left_children\":[3,-1,-1,-1,1]");
	Forest	   *forest;

	json = edit_further(json, "\"right_children\":[2,-1,4,-1,-1]",
						"\"right_children\":[4,-1,-1,-1,2]");
	json = edit_further(json, "[2E0,1.25E-1,-1E0,1E0,2E0]", "[2E0,1E0,2E0,1.25E-1,-1E0]");
	forest = build_all("child before parent", json, NULL);
	check_row("child before parent", forest, 0.0f, 2.0f, 2.0f);
	check_row("child before parent", forest, -2.0f, 2.0f, 1.0f);
	free(forest);
	free(json);

	json = edit_document(MODEL, "\"left_children\":[1,-1,3,-1,-1]",
						 "\"left_children\":[1,-1,-1,77,0]");
	json = edit_further(json, "\"right_children\":[2,-1,4,-1,-1]",
						"\"right_children\":[2,-1,-1,5,0]");
	json = edit_further(json, "[2E0,1.25E-1,-1E0,1E0,2E0]", "[2E0,1.25E-1,-1E0,NaN,Infinity]");
	json = edit_further(json, "\"split_indices\":[1,0,0,0,0]", "\"split_indices\":[1,0,0,-1,9]");
	forest = build_all("deleted nodes", json, NULL);
	check_row("deleted nodes", forest, 0.0f, 2.0f, 0.25f - 0.25f - 1.0f);
	free(forest);
	free(json);
}

static void
test_description(void)
{
	char	   *json = edit_document(MODEL, "\"age\"", "\"\\u00e4\\n\\\"\\ud83d\\ude00\"");
	ForestDescription description;
	ForestError error;
	Forest	   *forest = build_all("description", MODEL, &description);
	size_t		size;

	CHECK(description.version[0] == 1 && description.version[1] == 7 &&
		  description.version[2] == 4, "version");
	CHECK(strcmp(description.booster, "gbtree") == 0, "booster");
	CHECK(strcmp(description.objective, "reg:squarederror") == 0, "objective");
	CHECK(description.n_features == 2 && description.n_outputs == 1 &&
		  description.n_values == 1 && description.n_classes == 0 &&
		  description.n_trees == 2, "counts");
	CHECK(description.best_iteration == -1 && description.n_categories[0] == 0 &&
		  description.n_categories[1] == 0, "other fields");
	CHECK(description.n_feature_names == 2 &&
		  strcmp(description.feature_names[0], "age") == 0 &&
		  strcmp(description.feature_names[1], "size") == 0, "names");
	CHECK(strcmp(description.feature_types[0], "float") == 0 &&
		  strcmp(description.feature_types[1], "q") == 0, "types");
	free(forest);
	mlops_forest_free_description(&description);

	if (CHECK(mlops_forest_build(json, strlen(json), &default_limits, &forest, &size, &description,
								 &error) == FOREST_OK, "escapes"))
	{
		CHECK(strcmp(description.feature_names[0], "\xc3\xa4\n\"\xf0\x9f\x98\x80") == 0,
			  "escapes are decoded");
		free(forest);
		mlops_forest_free_description(&description);
	}
	free(json);
}

/* Check the margins of no row that matters, and the values of them. */
static void
check_values(const char *name, const char *json, const float *margin, const float *values)
{
	const float row[] = {0.0f, 1.0f};
	Forest	   *forest = build_all(name, json, NULL);
	float		ours[MAX_OUTPUTS];

	if (forest == NULL)
		return;
	check_margin(name, forest, row, margin);
	mlops_forest_transform(forest, margin, ours);
	if (!CHECK(memcmp(ours, values, mlops_forest_n_values(forest) * sizeof(float)) == 0, name))
		printf("  %.9g instead of %.9g\n", ours[0], values[0]);
	free(forest);
}

/* The row (0, 1) adds -0.125 to the base margin. */
static void
test_objectives(void)
{
	static const char *const identities[] = {
		"binary:logitraw", "rank:map", "rank:ndcg", "rank:pairwise", "reg:absoluteerror",
		"reg:pseudohubererror", "reg:quantileerror", "reg:squaredlogerror", "reg:linear"
	};
	static const char *const exponentials[] = {
		"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"
	};
	char		name[64];

	for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++)
	{
		const float margin = 0.125f;
		char	   *json;

		snprintf(name, sizeof(name), "\"%s\"", identities[i]);
		json = edit_document(MODEL, "\"reg:squarederror\"", name);
		check_values(name, json, &margin, &margin);
		free(json);
	}
	for (size_t i = 0; i < sizeof(exponentials) / sizeof(exponentials[0]); i++)
	{
		const float margin = logf(0.25f) - 0.25f + 0.125f;
		const float value = i == 4 ? (float) exp(margin) : expf(margin);
		char	   *json;

		snprintf(name, sizeof(name), "\"%s\"", exponentials[i]);
		json = edit_document(MODEL, "\"reg:squarederror\"", name);
		check_values(name, json, &margin, &value);
		free(json);
	}
	for (int i = 0; i < 2; i++)
	{
		const float margin = -logf(1.0f / 0.25f - 1.0f) - 0.25f + 0.125f;
		const float value = 1.0f / (expf(-margin) + 1.0f + 1e-16f);
		char	   *json = edit_document(MODEL, "\"reg:squarederror\"",
										 i ? "\"binary:logistic\"" : "\"reg:logistic\"");

		check_values("logistic", json, &margin, &value);
		free(json);
	}
	{
		const float margin = 0.125f;
		const float value = 1.0f;
		char	   *json = edit_document(MODEL, "\"reg:squarederror\"", "\"binary:hinge\"");

		check_values("hinge", json, &margin, &value);
		free(json);
	}
}

/* Values at the limits of the logistic function. */
static void
test_logistic_limits(void)
{
	char	   *json = edit_document(MODEL, "\"reg:squarederror\"", "\"binary:logistic\"");
	Forest	   *forest = build_all("logistic", json, NULL);
	float		margin[] = {1000.0f, -1000.0f, 88.7f, -88.8f};
	float		value;

	mlops_forest_transform(forest, &margin[0], &value);
	CHECK(value == 1.0f, "far above");
	mlops_forest_transform(forest, &margin[1], &value);
	CHECK(value == 1.0f / (expf(88.7f) + 1.0f), "far below is clipped");
	mlops_forest_transform(forest, &margin[3], &value);
	CHECK(value == 1.0f / (expf(88.7f) + 1.0f), "just beyond the clip");
	mlops_forest_probability(forest, &margin[2], &margin[2]);
	CHECK(margin[2] == 1.0f, "in place");
	free(forest);
	free(json);
}

/* survival:aft has its exponential in double precision, the others in float. */
static void
test_exponentials(void)
{
	int			differing = 0;

	for (int aft = 0; aft < 2; aft++)
	{
		char	   *json = edit_document(MODEL, "\"reg:squarederror\"",
										 aft ? "\"survival:aft\"" : "\"survival:cox\"");
		Forest	   *forest = build_all("exponentials", json, NULL);

		for (int i = -5000; i < 5000; i++)
		{
			float		margin = (float) i / 997.0f;
			float		wide = (float) exp((double) margin);
			float		value;

			mlops_forest_transform(forest, &margin, &value);
			CHECK(value == (aft ? wide : expf(margin)), "exponentials");
			differing += wide != expf(margin);
		}
		free(forest);
		free(json);
	}
	CHECK(differing > 0, "the two kinds differ");
}

/* What differs between versions of the library that wrote the model. */
static void
test_versions(void)
{
	const float lo = 1e-6f;
	const float clipped = -logf(1.0f / lo - 1.0f) - 0.25f + 0.125f;
	const float value = 1.0f / (expf(-clipped) + 1.0f + 1e-16f);
	char	   *json = edit_document(MODEL, "\"reg:squarederror\"", "\"binary:logistic\"");
	ForestError error;
	Forest	   *forest;
	size_t		size;

	json = edit_further(json, "\"2.5E-1\"", "\"0E0\"");
	json = edit_further(json, "[1,7,4]", "[3,1,2]");
	CHECK(mlops_forest_build(json, strlen(json), &default_limits, &forest, &size, NULL, &error) ==
		  FOREST_MALFORMED, "3.1 has no probability 0");
	json = edit_further(json, "[3,1,2]", "[3,2,0]");
	check_values("3.2 clips", json, &clipped, &value);
	json = edit_further(json, "\"0E0\"", "\"[0E0]\"");
	check_values("a list of one", json, &clipped, &value);
	free(json);

	for (int minor = 3; minor <= 4; minor++)
	{
		/*
		 * The margins 3 - 0.125, 1 and 2 - 0: only the first output has
		 * trees.
		 */
		const float margin[] = {3.0f - 0.25f + 0.125f, 1.0f, 2.0f};
		const float sorted[] = {1.0f, 2.0f, 2.875f};

		json = edit_document(MODEL, "\"reg:squarederror\"", "\"reg:quantileerror\"");
		json = edit_further(json, "\"2.5E-1\"", "\"[3E0,1E0,2E0]\"");
		json = edit_further(json, "\"num_target\":\"1\"", "\"num_target\":\"3\"");
		json = edit_further(json, "[1,7,4]", minor == 3 ? "[3,3,0]" : "[3,4,1]");
		check_values("quantiles", json, margin, minor == 3 ? margin : sorted);
		free(json);
	}
	{
		const float gap = 0.5f - 1e-6f;
		const float margin[] = {1.0f - 0.25f + 0.125f, gap + logf(-expm1f(-gap))};
		const float values[] = {
			margin[0], margin[0] + (1e-6f + log1pf(expf(margin[1])))
		};

		json = edit_document(MODEL, "\"reg:squarederror\"", "\"reg:expectileerror\"");
		json = edit_further(json, "\"2.5E-1\"", "\"(1E0, 1.5E0)\"");
		json = edit_further(json, "\"num_target\":\"1\"", "\"num_target\":\"2\"");
		json = edit_further(json, "[1,7,4]", "[3,3,0]");
		check_values("expectiles", json, margin, values);
		free(json);
	}
}

static void
test_classes(void)
{
	const float margin[] = {0.25f + 0.125f, 0.25f - 0.25f, 0.25f};
	const float softmax = 0.0f;
	const float tie[] = {-1.0f, 2.0f, 2.0f};
	float		softprob[3];
	double		sum = 0;
	char	   *json = edit_document(MODEL, "\"reg:squarederror\"", "\"multi:softprob\"");
	ForestDescription description;
	Forest	   *forest;
	float		probability[3];

	for (int i = 0; i < 3; i++)
		sum += softprob[i] = expf(margin[i] - margin[0]);
	for (int i = 0; i < 3; i++)
		softprob[i] /= (float) sum;
	json = edit_further(json, "\"num_class\":\"0\"", "\"num_class\":\"3\"");
	json = edit_further(json, "\"tree_info\":[0,0]", "\"tree_info\":[1,0]");
	check_values("softprob", json, margin, softprob);
	json = edit_further(json, "\"multi:softprob\"", "\"multi:softmax\"");
	check_values("softmax", json, margin, &softmax);

	forest = build_all("classes", json, &description);
	CHECK(description.n_classes == 3 && description.n_outputs == 3 && description.n_values == 1,
		  "counts of softmax");
	mlops_forest_probability(forest, margin, probability);
	CHECK(memcmp(probability, softprob, sizeof(softprob)) == 0, "probabilities of softmax");
	mlops_forest_transform(forest, tie, probability);
	CHECK(probability[0] == 1.0f, "the first of equal classes");
	mlops_forest_free_description(&description);
	free(forest);
	free(json);
}

/* Categories 1, 33 and 40 go right, and in one set many more that lie apart. */
static void
test_categories(bool sparse)
{
	char	   *json = edit_document(MODEL, "\"categories\":[],\"categories_nodes\":[],"
									 "\"categories_segments\":[],\"categories_sizes\":[]", sparse ?
									 "\"categories\":[7,1,33,40,5000,70000],\"categories_nodes\":[0],"
									 "\"categories_segments\":[1],\"categories_sizes\":[5]" :
									 "\"categories\":[7,1,33,40],\"categories_nodes\":[0],"
									 "\"categories_segments\":[1],\"categories_sizes\":[3]");
	ForestDescription description;
	Forest	   *forest;

	json = edit_further(json, "\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]");
	json = edit_further(json, "[5E-1,-2.5E-1,7.5E-1]", "[NaN,-2.5E-1,7.5E-1]");
	forest = build_all("categories", json, &description);
	CHECK(description.n_categories[0] == (sparse ? 70001 : 41) && description.n_categories[1] == 0,
		  "numbers of categories");
	mlops_forest_free_description(&description);
	for (int code = 0; code < 100; code++)
		check_row("category", forest, (float) code, 1.0f,
				  code == 1 || code == 33 || code == 40 ? 1.125f : 0.125f);
	check_row("in the sparse set", forest, 5000.0f, 1.0f, sparse ? 1.125f : 0.125f);
	check_row("last of the sparse set", forest, 70000.0f, 1.0f, sparse ? 1.125f : 0.125f);
	check_row("beyond the sparse set", forest, 70001.0f, 1.0f, 0.125f);
	check_row("fraction is cut off", forest, 33.9f, 1.0f, 1.125f);
	check_row("negative", forest, -1.0f, 1.0f, 0.125f);
	check_row("negative fraction", forest, -0.5f, 1.0f, 0.125f);
	check_row("too large", forest, 16777216.0f, 1.0f, 0.125f);
	check_row("largest", forest, 16777215.0f, 1.0f, 0.125f);
	check_row("infinite", forest, INFINITY, 1.0f, 0.125f);
	check_row("minus infinite", forest, -INFINITY, 1.0f, 0.125f);
	check_row("missing", forest, NAN, 1.0f, 1.125f);
	free(forest);
	free(json);
}

static void
test_dart(void)
{
	const float expected = 0.25f + (-0.25f) * 0.3f + 0.125f * 0.7f;
	const float short_expected = 0.25f + (-0.25f) * 0.3f + 0.125f;
	char	   *json;
	Forest	   *forest;

	/* up to 3.2: a gbtree within the dart */
	json = edit_document(MODEL, "\"gradient_booster\":{\"model\":",
						 "\"gradient_booster\":{\"gbtree\":{\"model\":");
	json = edit_further(json, "\"name\":\"gbtree\"}",
						"\"name\":\"gbtree\"},\"name\":\"dart\",\"weight_drop\":[3E-1,7E-1]}");
	forest = build_all("dart", json, NULL);
	check_row("dart", forest, 0.0f, 1.0f, expected);
	free(forest);
	free(json);

	/* 3.3: a gbtree with weights beside the model, perhaps too few */
	json = edit_document(MODEL, "\"name\":\"gbtree\"}",
						 "\"name\":\"gbtree\",\"weight_drop\":[3E-1]}");
	forest = build_all("weights beside", json, NULL);
	check_row("weights beside", forest, 0.0f, 1.0f, short_expected);
	free(forest);
	free(json);

	/* 3.4: within the model */
	json = edit_document(MODEL, "\"tree_info\"", "\"weight_drop\":[3E-1,7E-1],\"tree_info\"");
	forest = build_all("weights within", json, NULL);
	check_row("weights within", forest, 0.0f, 1.0f, expected);
	free(forest);
	free(json);
}

static void
test_linear(void)
{
	const float row[] = {3.0f, 4.0f};
	const float expected[] = {1.0f + 0.25f + 1.5f - 8.0f, 8.0f + 0.25f + 3.0f};
	Forest	   *forest = build_all("linear", LINEAR_MODEL, NULL);
	char	   *json;

	check_row("linear", forest, 3.0f, 4.0f, 1.0f + 0.25f + 1.5f - 8.0f);
	check_row("linear with missing", forest, NAN, 4.0f, 1.0f + 0.25f - 8.0f);
	check_row("linear, all missing", forest, NAN, NAN, 1.25f);
	free(forest);

	/* libxgboost adds the first base to every output, so must we */
	json = edit_document(LINEAR_MODEL, "[5E-1,-2E0,1E0]", "[5E-1,1E0,-2E0,0E0,1E0,8E0]");
	json = edit_further(json, "\"num_target\":\"1\"", "\"num_target\":\"2\"");
	json = edit_further(json, "\"2.5E-1\"", "\"[2.5E-1,4E0]\"");
	forest = build_all("linear, two outputs", json, NULL);
	check_margin("linear, two outputs", forest, row, expected);
	free(forest);
	free(json);
}

/* Leaves of two outputs; up to 3.1 by node, later by leaf. */
static void
test_vector_leaves(void)
{
	const float row[] = {0.0f, 1.0f};
	const float right[] = {1.0f, 1.0f};
	const float left_expected[] = {0.25f - 1.0f, 0.25f + 2.0f};
	const float right_expected[] = {0.25f + 4.0f, 0.25f + 8.0f};
	const float weighted_expected[] = {0.25f + 2.0f, 0.25f + 4.0f};

	for (int since_32 = 0; since_32 < 2; since_32++)
	{
		char	   *json = edit_document(MODEL, "," TREE_1, "");
		Forest	   *forest;

		json = edit_further(json, "\"num_trees\":\"2\"", "\"num_trees\":\"1\"");
		json = edit_further(json, "\"tree_info\":[0,0]", "\"tree_info\":[0]");
		json = edit_further(json, "\"num_target\":\"1\"", "\"num_target\":\"2\"");
		json = edit_further(json, "\"num_nodes\":\"3\",\"size_leaf_vector\":\"0\"",
							"\"num_nodes\":\"3\",\"size_leaf_vector\":\"2\"");
		if (since_32)
		{
			json = edit_further(json, "\"right_children\":[2,-1,-1]",
								"\"leaf_weights\":[4E0,8E0,-1E0,2E0],\"right_children\":[2,1,0]");
			json = edit_further(json, "[1,7,4]", "[3,3,0]");
		}
		else
		{
			json = edit_further(json, "\"base_weights\":[0E0,-1E0,1E0]",
								"\"base_weights\":[0E0,0E0,-1E0,2E0,4E0,8E0]");
			json = edit_further(json, "[1,7,4]", "[2,1,0]");
		}
		forest = build_all("vector leaves", json, NULL);
		check_margin("vector leaf, left", forest, row, left_expected);
		check_margin("vector leaf, right", forest, right, right_expected);
		free(forest);

		json = edit_further(json, "\"tree_info\"", "\"weight_drop\":[5E-1],\"tree_info\"");
		forest = build_all("weighted vector leaves", json, NULL);
		check_margin("weighted vector leaf", forest, right, weighted_expected);
		free(forest);
		free(json);
	}
}

static void
test_best_iteration(void)
{
	char	   *json = edit_document(MODEL, "\"attributes\":{}",
									 "\"attributes\":{\"best_iteration\":\"0\",\"best_score\":\"0.5\"}");
	ForestDescription description;
	Forest	   *forest = build_all("best iteration", json, &description);

	CHECK(description.best_iteration == 0 && description.n_trees == 1, "best iteration");
	check_row("best iteration", forest, 0.0f, 1.0f, 0.0f);
	mlops_forest_free_description(&description);
	free(forest);

	json = edit_further(json, "\"tree_info\"", "\"iteration_indptr\":[0,2],\"tree_info\"");
	json = edit_further(json, "[1,7,4]", "[2,0,0]");
	forest = build_all("iterations of two trees", json, NULL);
	check_row("iterations of two trees", forest, 0.0f, 1.0f, 0.125f);
	free(forest);
	free(json);
}

/* Objects in another order, spaces, and what is not looked at. */
static void
test_layout(void)
{
	char	   *json = edit_document(MODEL, "{\"learner\":", " {\r\n\t\"version\" : [ 1, 7, 4 ] ,"
									 "\"more\":[{},[],[[1,NaN,-Infinity]],true,false,null,-1.5e+10,"
									 "\"\\\"]}\",{\"a\":{\"b\":{}}}], \"learner\":");
	ForestError error;
	Forest	   *forest;
	size_t		size;

	json = edit_further(json, ",\"version\":[1,7,4]}", "}\n\n ");
	if (CHECK(mlops_forest_build(json, strlen(json), &default_limits, &forest, &size, NULL,
								 &error) == FOREST_OK, "layout"))
	{
		check_row("layout", forest, 0.0f, 1.0f, 0.125f);
		free(forest);
	}
	else
		printf("  %s\n", error.message);
	free(json);

	json = edit_document(MODEL, "\"tree_info\"", "\"cats\":{\"enc\":[],\"feature_segments\":[],"
						 "\"sorted_idx\":[]},\"tree_info\"");
	free(build_all("cats", json, NULL));
	free(json);
}

#define MAX_STUMPS	700

/*
 * Stumps over the first feature that say -1 below their thresholds and +1 from them
 * on; in every other one what is missing goes left.
 */
static Forest *
build_stumps(const char *name, const float *thresholds, int n)
{
	static char trees[MAX_STUMPS * 1024];
	static char info[MAX_STUMPS * 2 + 16];
	char text[	64];
	char	   *json;
	Forest	   *forest = NULL;
	ForestError error;
	size_t		size;

	trees[0] = '\0';
	strcpy(info, "\"tree_info\":[0");
	for (int i = 0; i < n; i++)
	{
		char	   *tree;

		snprintf(text, sizeof(text), "[%.9e,-1E0,1E0]", thresholds[i]);
		if (isinf(thresholds[i]))
			snprintf(text, sizeof(text), "[%sInfinity,-1E0,1E0]", thresholds[i] < 0 ? "-" : "");
		tree = edit_document(TREE_0, "[5E-1,-2.5E-1,7.5E-1]", text);
		snprintf(text, sizeof(text), "\"default_left\":[%d,0,0]", i % 2);
		tree = edit_further(tree, "\"default_left\":[0,0,0]", text);
		snprintf(text, sizeof(text), "\"id\":%d", i);
		tree = edit_further(tree, "\"id\":0", text);
		if (i > 0)
		{
			strcat(trees, ",");
			strcat(info, ",0");
		}
		strcat(trees, tree);
		free(tree);
	}
	strcat(info, "]");
	json = edit_document(MODEL, TREE_0 "," TREE_1, trees);
	json = edit_further(json, "\"tree_info\":[0,0]", info);
	snprintf(text, sizeof(text), "\"num_trees\":\"%d\"", n);
	json = edit_further(json, "\"num_trees\":\"2\"", text);
	if (!CHECK(mlops_forest_build(json, strlen(json), &default_limits, &forest, &size, NULL,
								  &error) == FOREST_OK, name))
		printf("  %s\n", error.message);
	else
		CHECK(mlops_forest_check(forest, size, &default_limits, &error) == FOREST_OK, name);
	free(json);
	return forest;
}

/* Score values at the thresholds and beside them. */
static void
check_thresholds(const char *name, const float *thresholds, int n)
{
	Forest	   *forest = build_stumps(name, thresholds, n);

	for (int i = 0; i < 3 * n + 6 && forest != NULL; i++)
	{
		static const float others[] = {INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 0, -0.0f};
		float		value = i < n ? thresholds[i] :
		i < 2 * n ? nextafterf(thresholds[i - n], -INFINITY) :
		i < 3 * n ? nextafterf(thresholds[i - 2 * n], INFINITY) : others[i - 3 * n];
		int			right = 0;

		for (int k = 0; k < n; k++)
			right += value >= thresholds[k];
		check_row(name, forest, value, 0.0f, 0.25f + (float) (2 * right - n));
	}
	if (forest != NULL)
		check_row(name, forest, NAN, 0.0f, 0.25f + (float) (n % 2));
	free(forest);
}

/* Thresholds whose buckets are of all kinds, and more than a column of bytes has ranks. */
static void
test_thresholds(void)
{
	float		thresholds[MAX_STUMPS];
	Forest	   *forest;

	for (int i = 0; i < MAX_STUMPS; i++)
		thresholds[i] = (float) (i * 37 % MAX_STUMPS) + 0.5f;
	forest = build_stumps("columns", thresholds, MAX_STUMPS);
	if (forest != NULL)
	{
		const ForestAxis *axis = mlops_image_section(forest, SECTION_AXIS);

		CHECK(axis->n_cuts == MAX_STUMPS && axis->n_columns == 3, "columns of an axis");
		CHECK(axis->levels == 1, "even thresholds have buckets of their own");
		for (int i = 250; i < 260; i++)
			check_row("ranks in columns", forest, (float) i + 0.5f, 0.0f,
					  0.25f + (float) (2 * (i + 1) - MAX_STUMPS));
		check_row("beyond all", forest, 1e9f, 0.0f, 0.25f + MAX_STUMPS);
		check_row("missing in columns", forest, NAN, 0.0f, 0.25f);
	}
	free(forest);

	check_thresholds("even", thresholds, 200);
	check_thresholds("even, negative and one", (float[])
/**INDENT** Error@699: Unbalanced parens */
					 {
		-3, -2, -1, 5
/**INDENT** Warning@701: Extra ) */
	}, 4);
	for (int i = 0; i < 250; i++)
		thresholds[i] = ldexpf(i % 3 == 0 ? -1.0f : 1.0f, i - 125);
	check_thresholds("powers of two", thresholds, 250);
	for (int i = 0; i < 100; i++)
		thresholds[i] = (float) i * 1e-45f;
	check_thresholds("denormals", thresholds, 100);
	for (int i = 0; i < 100; i++)
		thresholds[i] = 1.0f + (float) i * FLT_EPSILON;
	thresholds[7] = -FLT_MAX;
	thresholds[8] = FLT_MAX;
	check_thresholds("close together and far apart", thresholds, 100);
	thresholds[9] = INFINITY;
	check_thresholds("infinity", thresholds, 100);
	/* Missing values below it are not above it. */
	thresholds[10] = -INFINITY;
	check_thresholds("both infinities", thresholds, 100);
	check_thresholds("infinity alone", (float[])
/**INDENT** Error@719: Unbalanced parens */
					 {
		INFINITY
/**INDENT** Warning@721: Extra ) */
	}, 1);
	check_thresholds("zero alone", (float[])
/**INDENT** Error@723: Unbalanced parens */
					 {
		0
/**INDENT** Warning@725: Extra ) */
	}, 1);
}

/* Sets whose codes are in several columns of bytes. */
static void
test_category_columns(void)
{
	static const int codes[] = {0, 31, 32, 95, 223, 224, 253, 254, 255, 507, 508, 2000, 4063};

	for (int default_left = 0; default_left < 2; default_left++)
	{
		char	   *json = edit_document(MODEL, "\"categories\":[],\"categories_nodes\":[],"
										 "\"categories_segments\":[],\"categories_sizes\":[]",
										 "\"categories\":[0,31,32,95,223,224,253,254,255,507,508,2000,4063],"
										 "\"categories_nodes\":[0],\"categories_segments\":[0],"
										 "\"categories_sizes\":[13]");
		const ForestAxis *axes;
		Forest	   *forest;

		json = edit_further(json, "\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]");
		json = edit_further(json, "[5E-1,-2.5E-1,7.5E-1]", "[NaN,-2.5E-1,7.5E-1]");
		if (default_left)
			json = edit_further(json, "\"default_left\":[0,0,0]", "\"default_left\":[1,0,0]");
		forest = build_all("categories in columns", json, NULL);
		axes = mlops_image_section(forest, SECTION_AXIS);
		CHECK(axes[1].feature == NODE_CATEGORICAL && axes[1].n_columns == 16,
			  "columns of categories");
		for (int code = 0, next = 0; code < 4200; code++)
		{
			bool		right = next < 13 && codes[next] == code;

			next += right;
			check_row("category in columns", forest, (float) code, 1.0f, right ? 1.125f : 0.125f);
		}
		check_row("missing category", forest, NAN, 1.0f, default_left ? 0.125f : 1.125f);
		check_row("negative category", forest, -3.0f, 1.0f, 0.125f);
		free(forest);
		free(json);
	}
}

int
main(void)
{
	test_splits();
	test_pruned();
	test_description();
	test_objectives();
	test_logistic_limits();
	test_exponentials();
	test_versions();
	test_classes();
	test_categories(false);
	test_categories(true);
	test_category_columns();
	test_thresholds();
	test_dart();
	test_linear();
	test_vector_leaves();
	test_best_iteration();
	test_layout();
	return unit_finish("forest");
}
