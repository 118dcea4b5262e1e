/*-------------------------------------------------------------------------
 *
 * explain_test.c
 *	  Contributions, interactions and importance of trees whose answer is known.
 *
 * Small random trees are judged by the definition: Shapley values and
 * interaction indices as sums over all sets of features, where the worth of a
 * set is what the tree is expected to say when only these are known (algorithm
 * 1 of Lundberg, Erion and Lee 2018).  Deep trees have a closed form.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "forest/image.h"
#include "forest/quadrature.h"

#include "../random.h"
#include "forest_documents.h"
#include "unit.h"

#define SEED			20260726
#define N_FEATURES		6
#define MAX_NODES		64
#define MAX_TREES		4
#define CATEGORIES		5		/* of feature 0, where there are any */

static float
draw_number(void)
{
	return (float) (draw_uniform() * 4 - 2);
}

/* A tree as the test draws it. */
typedef struct RandomTree
{
	int			n_nodes;
	int			left[MAX_NODES];	/* -1: a leaf; the right one is the next */
	int			feature[MAX_NODES];
	float		condition[MAX_NODES];	/* of a leaf its value */
	int			default_left[MAX_NODES];
	uint32_t	categories[MAX_NODES];	/* bits; 0: a numeric split */
	float		cover[MAX_NODES];
	float		gain[MAX_NODES];
	float		weight;
	int			group;
} RandomTree;

typedef enum CoverKind
{
	COVER_PROPER,				/* children share what the parent has */
	COVER_SOME_ZERO,			/* likewise, but some child has nothing */
	COVER_WILD,					/* anything */
	COVER_NONE,					/* all zero */
	N_COVER_KINDS
} CoverKind;

/* Draw a tree of "depth" levels at most, breadth first. */
static void
draw_tree(RandomTree *tree, int depth, CoverKind kind, bool categorical)
{
	int			level[MAX_NODES] = {0};

	memset(tree, 0, sizeof(*tree));
	tree->n_nodes = 1;
	tree->cover[0] = kind == COVER_NONE ? 0 : 100;
	tree->weight = 1;
	for (int i = 0; i < tree->n_nodes; i++)
	{
		tree->condition[i] = draw_number();
		tree->left[i] = -1;
		if (level[i] == depth || tree->n_nodes + 2 > MAX_NODES || (i > 0 && draw() % 5 == 0))
			continue;
		tree->left[i] = tree->n_nodes;
		tree->feature[i] = (int) (draw() % N_FEATURES);
		tree->default_left[i] = (int) (draw() % 2);
		tree->gain[i] = (float) (draw() % 1000) / 8;
		if (categorical && tree->feature[i] == 0)
			tree->categories[i] = 1 + (uint32_t) (draw() % ((1u << CATEGORIES) - 1));
		for (int child = tree->n_nodes; child < tree->n_nodes + 2; child++)
		{
			float		share = (draw_number() + 2) / 4;

			if (kind == COVER_SOME_ZERO && draw() % 3 == 0)
				share = 0;
			level[child] = level[i] + 1;
			tree->cover[child] = kind == COVER_WILD ? (float) (draw() % 100) :
				child == tree->left[i] ? tree->cover[i] * share :
				tree->cover[i] - tree->cover[child - 1];
		}
		tree->n_nodes += 2;
	}
}

/* Write the values of one array of a tree. */
#define PUT_ARRAY(name, format, expression) \
	do { \
		fprintf(out, "\"" name "\":["); \
		for (int i = 0; i < tree->n_nodes; i++) \
			fprintf(out, "%s" format, i ? "," : "", expression); \
		fprintf(out, "],"); \
	} while (0)

static void
put_tree(FILE * out, const RandomTree *tree, int id)
{
	int			n_sets = 0;
	int			n_codes = 0;

	PUT_ARRAY("left_children", "%d", tree->left[i]);
	PUT_ARRAY("right_children", "%d", tree->left[i] < 0 ? -1 : tree->left[i] + 1);
	PUT_ARRAY("split_indices", "%d", tree->feature[i]);
	PUT_ARRAY("default_left", "%d", tree->default_left[i]);
	PUT_ARRAY("split_type", "%d", tree->categories[i] != 0);
	PUT_ARRAY("split_conditions", "%.9e", tree->condition[i]);
	PUT_ARRAY("sum_hessian", "%.9e", tree->cover[i]);
	PUT_ARRAY("loss_changes", "%.9e", tree->gain[i]);
	fprintf(out, "\"categories_nodes\":[");
	for (int i = 0; i < tree->n_nodes; i++)
		if (tree->categories[i] != 0)
			fprintf(out, "%s%d", n_sets++ ? "," : "", i);
	fprintf(out, "],\"categories_segments\":[");
	n_sets = 0;
	for (int i = 0; i < tree->n_nodes; i++)
		if (tree->categories[i] != 0)
		{
			fprintf(out, "%s%d", n_sets++ ? "," : "", n_codes);
			n_codes += __builtin_popcount(tree->categories[i]);
		}
	fprintf(out, "],\"categories_sizes\":[");
	n_sets = 0;
	for (int i = 0; i < tree->n_nodes; i++)
		if (tree->categories[i] != 0)
			fprintf(out, "%s%d", n_sets++ ? "," : "", __builtin_popcount(tree->categories[i]));
	fprintf(out, "],\"categories\":[");
	n_codes = 0;
	for (int i = 0; i < tree->n_nodes; i++)
		for (int code = 0; code < CATEGORIES; code++)
			if (tree->categories[i] >> code & 1)
				fprintf(out, "%s%d", n_codes++ ? "," : "", code);
	fprintf(out, "],\"id\":%d,\"tree_param\":{\"num_nodes\":\"%d\",\"size_leaf_vector\":\"0\"}}",
			id, tree->n_nodes);
}

/* Make the document of a dart model with some trees; free it. */
static char *
make_document(const RandomTree *trees, int n_trees, int n_outputs, int n_features)
{
	char	   *document;
	size_t		size;
	FILE	   *out = open_memstream(&document, &size);

	fprintf(out, "{\"version\":[1,7,4],\"learner\":{\"learner_model_param\":{\"base_score\":\"2.5E-1\","
			"\"num_class\":\"0\",\"num_feature\":\"%d\",\"num_target\":\"%d\"},"
			"\"objective\":{\"name\":\"reg:squarederror\"},\"gradient_booster\":{\"name\":\"dart\","
			"\"weight_drop\":[", n_features, n_outputs);
	for (int i = 0; i < n_trees; i++)
		fprintf(out, "%s%.9e", i ? "," : "", trees[i].weight);
	fprintf(out, "],\"gbtree\":{\"name\":\"gbtree\",\"model\":{\"gbtree_model_param\":{\"num_trees\":\"%d\","
			"\"num_parallel_tree\":\"1\"},\"tree_info\":[", n_trees);
	for (int i = 0; i < n_trees; i++)
		fprintf(out, "%s%d", i ? "," : "", trees[i].group);
	fprintf(out, "],\"trees\":[");
	for (int i = 0; i < n_trees; i++)
	{
		fprintf(out, "%s{", i ? "," : "");
		put_tree(out, &trees[i], i);
	}
	fprintf(out, "]}}}}}");
	fclose(out);
	return document;
}

/* Build the image; NULL after a failed check. */
static Forest *
build(const char *name, const char *document)
{
	ForestError error = {""};
	Forest	   *image;
	size_t		size;

	if (!CHECK(mlops_forest_build(document, strlen(document), &default_limits, &image, &size, NULL,
								  &error) == FOREST_OK, name))
	{
		printf("  %s\n", error.message);
		return NULL;
	}
	CHECK(mlops_forest_check(image, size, &default_limits, &error) == FOREST_OK, name);
	return image;
}

static bool
goes_left(const RandomTree *tree, int node, const float *row)
{
	float		value = row[tree->feature[node]];

	if (isnan(value))
		return tree->default_left[node];
	if (tree->categories[node] != 0)
		return !(tree->categories[node] >> (int) value & 1);
	return value < tree->condition[node];
}

/* What the tree is expected to say when the features in the set are known. */
static double
expect(const RandomTree *tree, int node, const float *row, unsigned set)
{
	int			left = tree->left[node];
	double		share[2];

	if (left < 0)
		return (double) tree->condition[node] * tree->weight;
	if (set >> tree->feature[node] & 1)
		return expect(tree, left + !goes_left(tree, node, row), row, set);
	for (int i = 0; i < 2; i++)
		share[i] = tree->cover[node] > 0 ?
			fmin((double) tree->cover[left + i] / tree->cover[node], 1) : 0.5;
	return share[0] * expect(tree, left, row, set) + share[1] * expect(tree, left + 1, row, set);
}

static double
factorial(int n)
{
	return n > 1 ? n * factorial(n - 1) : 1;
}

/* Shapley values and interaction indices by definition, from the worth of every set. */
static void
define_values(const double *worth, double *value, double (*index)[N_FEATURES])
{
	for (int i = 0; i < N_FEATURES; i++)
		for (unsigned set = 0; set < 1u << N_FEATURES; set++)
		{
			int			size = __builtin_popcount(set);

			if (set >> i & 1)
				continue;
			value[i] += factorial(size) * factorial(N_FEATURES - size - 1) / factorial(N_FEATURES) *
				(worth[set | 1u << i] - worth[set]);
			for (int j = 0; j < N_FEATURES; j++)
				if (j != i && !(set >> j & 1))
					index[i][j] += factorial(size) * factorial(N_FEATURES - size - 2) /
						(2 * factorial(N_FEATURES - 1)) *
						(worth[set | 1u << i | 1u << j] - worth[set | 1u << i] -
						 worth[set | 1u << j] + worth[set]);
		}
}

static double
read_pair(const double *pair, const uint32_t *place, int i, int j)
{
	size_t		a = place[i] > place[j] ? place[i] : place[j];
	size_t		b = place[i] > place[j] ? place[j] : place[i];

	return place[i] == UINT32_MAX || place[j] == UINT32_MAX ? 0 : pair[a * (a + 1) / 2 + b];
}

/* Compare one row of some trees with the definition. */
static void
check_row(const char *name, const Forest *forest, const RandomTree *trees, int n_trees,
		  int output, const float *row)
{
	double		worth[1 << N_FEATURES];
	double		value[N_FEATURES] = {0};
	double		index[N_FEATURES][N_FEATURES] = {{0}};
	double		ours[N_FEATURES + 1];
	double		again[N_FEATURES + 1];
	uint32_t	place[N_FEATURES];
	uint32_t	n = mlops_forest_place_features(forest, (uint32_t) output, place);
	double		pair[N_FEATURES * (N_FEATURES + 1) / 2] = {0};
	float		margin[2];
	double		sum = 0;

	for (unsigned set = 0; set < 1u << N_FEATURES; set++)
	{
		worth[set] = 0.25;
		for (int i = 0; i < n_trees; i++)
			if (trees[i].group == output)
				worth[set] += expect(&trees[i], 0, row, set);
	}
	define_values(worth, value, index);

	CHECK(mlops_forest_contributions(forest, row, (uint32_t) output, NULL, ours) == FOREST_OK, name);
	CHECK(mlops_forest_interactions(forest, row, (uint32_t) output, NULL, again, place, pair) ==
		  FOREST_OK, name);
	CHECK(memcmp(ours, again, sizeof(ours)) == 0, name);
	CHECK(n <= N_FEATURES, name);
	CHECK(fabs(ours[N_FEATURES] - worth[0]) < 1e-12, name);
	mlops_forest_margin(forest, row, margin);
	for (int i = 0; i < N_FEATURES; i++)
	{
		double		rest = value[i];

		sum += ours[i];
		if (!CHECK(fabs(ours[i] - value[i]) < 1e-12, name))
			printf("  feature %d: %.17g instead of %.17g\n", i, ours[i], value[i]);
		for (int j = 0; j < N_FEATURES; j++)
			if (i != j)
			{
				CHECK(fabs(read_pair(pair, place, i, j) - index[i][j]) < 1e-12, name);
				rest -= index[i][j];
			}
		CHECK(fabs(read_pair(pair, place, i, i) - rest) < 1e-11, name);
	}
	CHECK(fabs(sum + ours[N_FEATURES] - margin[output]) < 1e-5, name);
}

/* Importance by definition: sums and means over the splits. */
static void
check_importance(const char *name, const Forest *forest, const RandomTree *trees, int n_trees)
{
	double		count[N_FEATURES] = {0};
	double		total[2][N_FEATURES] = {{0}};
	float		score[N_FEATURES];
	uint32_t	n_splits[N_FEATURES];

	for (int i = 0; i < n_trees; i++)
		for (int node = 0; node < trees[i].n_nodes; node++)
			if (trees[i].left[node] >= 0)
			{
				count[trees[i].feature[node]]++;
				total[0][trees[i].feature[node]] += trees[i].gain[node];
				total[1][trees[i].feature[node]] += trees[i].cover[node];
			}
	for (int type = IMPORTANCE_WEIGHT; type <= IMPORTANCE_TOTAL_COVER; type++)
	{
		CHECK(mlops_forest_importance(forest, type, NULL, score, n_splits) == FOREST_OK, name);
		for (int i = 0; i < N_FEATURES; i++)
		{
			double		sum = total[type == IMPORTANCE_COVER || type == IMPORTANCE_TOTAL_COVER][i];
			double		wanted = type == IMPORTANCE_WEIGHT ? count[i] :
			type == IMPORTANCE_GAIN || type == IMPORTANCE_COVER ? sum / fmax(count[i], 1) : sum;

			CHECK(n_splits[i] == count[i], name);
			CHECK(fabs(score[i] - wanted) <= 1e-5 * fabs(wanted), name);
		}
	}
}

static void
test_definition(void)
{
	for (int model = 0; model < 200; model++)
	{
		RandomTree	trees[MAX_TREES];
		int			n_trees = 1 + model % MAX_TREES;
		int			n_outputs = model % 3 == 2 ? 2 : 1;
		char		name[64];
		char	   *document;
		Forest	   *forest;

		snprintf(name, sizeof(name), "random model %d", model);
		for (int i = 0; i < n_trees; i++)
		{
			draw_tree(&trees[i], model % 9, (CoverKind) (model / 5 % N_COVER_KINDS), model % 2);
			if (i > 0)
				trees[i].weight = draw_number();
			trees[i].group = i % n_outputs;
		}
		document = make_document(trees, n_trees, n_outputs, N_FEATURES);
		forest = build(name, document);
		for (int i = 0; i < 10 && forest != NULL; i++)
		{
			float		row[N_FEATURES];

			for (int k = 0; k < N_FEATURES; k++)
				row[k] = draw() % 5 == 0 ? NAN : k == 0 && model % 2 ?
					(float) (draw() % (CATEGORIES + 1)) : draw_number();
			for (int output = 0; output < n_outputs; output++)
				check_row(name, forest, trees, n_trees, output, row);
		}
		if (forest != NULL)
			check_importance(name, forest, trees, n_trees);
		free(forest);
		free(document);
	}
}

/* The integrals of the powers that a rule is exact for. */
static void
test_quadrature(void)
{
	static double node[2048];
	static double weight[2048];

	for (uint32_t n = 1; n <= 2048; n = n < 40 ? n + 1 : n * 2)
	{
		mlops_quadrature_fill(n, node, weight);
		for (uint32_t power = 0; power < 2 * n; power += n < 40 ? 1 : n / 8)
		{
			double		sum = 0;

			for (uint32_t i = 0; i < n; i++)
				sum += weight[i] * pow(node[i], power);
			CHECK(fabs(sum * (power + 1) - 1) < 1e-12, "an integral of a power");
		}
		for (uint32_t i = 0; i < n; i++)
			CHECK(node[i] > 0 && node[i] < 1 && weight[i] > 0, "a rule within the interval");
	}
}

/*
 * Make a chain: every split sends what is below 0.5 on to the next one, where
 * there is 0.99 of its cover; only the end of it, 1, is not 0.
 */
static char *
make_chain(int depth, int n_features)
{
	char	   *document;
	size_t		size;
	FILE	   *out = open_memstream(&document, &size);
	int			n_nodes = 2 * depth + 1;

	fprintf(out, "{\"version\":[1,7,4],\"learner\":{\"learner_model_param\":{\"base_score\":\"0E0\","
			"\"num_class\":\"0\",\"num_feature\":\"%d\",\"num_target\":\"1\"},"
			"\"objective\":{\"name\":\"reg:squarederror\"},\"gradient_booster\":{\"name\":\"gbtree\","
			"\"model\":{\"gbtree_model_param\":{\"num_trees\":\"1\",\"num_parallel_tree\":\"1\"},"
			"\"tree_info\":[0],\"trees\":[{\"left_children\":[", n_features);
	for (int i = 0; i < n_nodes; i++)
		fprintf(out, "%s%d", i ? "," : "", i == n_nodes - 2 || (i > 0 && i % 2 == 0) ? -1 : i == 0 ? 1 : i + 2);
	fprintf(out, "],\"right_children\":[");
	for (int i = 0; i < n_nodes; i++)
		fprintf(out, "%s%d", i ? "," : "", i == n_nodes - 2 || (i > 0 && i % 2 == 0) ? -1 : i == 0 ? 2 : i + 3);
	fprintf(out, "],\"split_indices\":[");
	for (int i = 0; i < n_nodes; i++)
		fprintf(out, "%s%d", i ? "," : "", (i + 1) / 2 % n_features);
	fprintf(out, "],\"default_left\":[");
	for (int i = 0; i < n_nodes; i++)
		fprintf(out, "%s0", i ? "," : "");
	fprintf(out, "],\"split_conditions\":[");
	for (int i = 0; i < n_nodes; i++)
		fprintf(out, "%s%s", i ? "," : "", i == n_nodes - 2 ? "1E0" : i > 0 && i % 2 == 0 ? "0E0" : "5E-1");
	fprintf(out, "],\"sum_hessian\":[");
	for (int i = 0; i < n_nodes; i++)
		fprintf(out, "%s%.9e", i ? "," : "", 1e10 * pow(0.99, (i + 1) / 2) * (i > 0 && i % 2 == 0 ? 0.01 / 0.99 : 1));
	fprintf(out, "],\"id\":0,\"tree_param\":{\"num_nodes\":\"%d\",\"size_leaf_vector\":\"0\"}}]}}}}", n_nodes);
	fclose(out);
	return document;
}

static int	patience;			/* answers of no before a yes */

static bool
lose_patience(void)
{
	return patience-- <= 0;
}

/* A chain over as many features as splits has one player of equal worth per split. */
static void
test_chain(int depth, int n_features)
{
	char	   *document = make_chain(depth, n_features);
	Forest	   *forest;
	float	   *row = calloc((size_t) n_features, sizeof(float));
	double	   *value = malloc((n_features + 1) * sizeof(double));
	uint32_t   *place = malloc(n_features * sizeof(uint32_t));
	double		base = pow(0.99, depth);
	double		sum = 0;
	char		name[64];

	snprintf(name, sizeof(name), "a chain of %d splits on %d features", depth, n_features);
	forest = build(name, document);
	free(document);
	if (forest == NULL)
		exit(1);
	CHECK(mlops_forest_contributions(forest, row, 0, NULL, value) == FOREST_OK, name);
	CHECK(fabs(value[n_features] - base) < 1e-5 * base, name);
	for (int i = 0; i < n_features; i++)
	{
		sum += value[i];
		if (depth % n_features == 0)
			CHECK(fabs(value[i] - (1 - base) / n_features) < 1e-3 / n_features, name);
	}
	CHECK(fabs(sum + value[n_features] - 1) < 1e-9, name);

	/* the row leaves at the first split: that feature alone decides */
	row[0] = 1;
	CHECK(mlops_forest_contributions(forest, row, 0, NULL, value) == FOREST_OK, name);
	sum = value[n_features];
	for (int i = 0; i < n_features; i++)
	{
		CHECK(isfinite(value[i]), name);
		sum += value[i];
	}
	CHECK(fabs(sum) < 1e-9, name);

	if (depth > 1000)
	{
		uint32_t	n = mlops_forest_place_features(forest, 0, place);
		double	   *pair = calloc((size_t) n * (n + 1) / 2, sizeof(double));

		patience = 2;
		CHECK(mlops_forest_interactions(forest, row, 0, lose_patience, value, place, pair) ==
			  FOREST_INTERRUPTED, name);
		patience = 0;
		CHECK(mlops_forest_contributions(forest, row, 0, lose_patience, value) ==
			  (n_features > 100 ? FOREST_INTERRUPTED : FOREST_OK), name);
		free(pair);
	}
	free(forest);
	free(row);
	free(value);
	free(place);
}

/* Bytes and images without covers, or with ones that are no weights. */
static void
test_hostile(void)
{
	static const char *const odd[] = {
		"[-9E0,4E0,5E0]", "[NaN,4E0,5E0]", "[9E0,Infinity,5E0]", "[9E0,4E0,-1E-30]", "[]"
	};
	const float row[] = {0, 3};
	double		value[3];
	float		score[2];
	uint32_t	n_splits[2];
	ForestError error;
	Forest	   *forest;
	size_t		size;
	char	   *document;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
	{
		document = edit_document(MODEL, "[9E0,4E0,5E0]", odd[i]);
		forest = build(odd[i], document);
		CHECK(forest != NULL && !mlops_forest_has_cover(forest), odd[i]);
		CHECK(mlops_forest_contributions(forest, row, 0, NULL, value) == FOREST_UNSUPPORTED, odd[i]);
		CHECK(mlops_forest_importance(forest, IMPORTANCE_COVER, NULL, score, n_splits) ==
			  FOREST_UNSUPPORTED, odd[i]);
		CHECK(mlops_forest_importance(forest, IMPORTANCE_GAIN, NULL, score, n_splits) ==
			  FOREST_OK && score[0] == 3.0f && score[1] == 5.0f, odd[i]);
		free(forest);
		free(document);
	}
	for (int i = 0; i < 2; i++)
	{
		document = edit_document(MODEL, i ? "[9E0,4E0,5E0]" : "\"loss_changes\":[5E0,0E0,0E0]",
								 i ? "[9E0,4E0]" : "\"loss_changes\":[5E0,0E0,0E0,0E0]");
		CHECK(mlops_forest_build(document, strlen(document), &default_limits, &forest, &size, NULL,
								 &error) == FOREST_MALFORMED, "statistics of another length");
		free(document);
	}

	CHECK(mlops_forest_build(MODEL, strlen(MODEL), &default_limits, &forest, &size, NULL, &error) ==
		  FOREST_OK, "the model");
	for (int i = 0; i < 4; i++)
	{
		static const float bad[] = {-1, NAN, INFINITY, -INFINITY};
		float	   *cover = (float *) mlops_image_section(forest, SECTION_COVER) + 3;
		float		before = *cover;

		*cover = bad[i];
		CHECK(mlops_forest_check(forest, size, &default_limits, &error) == FOREST_MALFORMED,
			  "an image with an odd cover");
		*cover = before;
	}
	CHECK(mlops_forest_check(forest, size, &default_limits, &error) == FOREST_OK, "the image");
	forest->count[SECTION_GAIN]--;
	CHECK(mlops_forest_check(forest, size, &default_limits, &error) == FOREST_MALFORMED,
		  "an image without some gain");
	free(forest);
}

static void
test_single_leaf(void)
{
	RandomTree	tree;
	const float row[N_FEATURES] = {0};
	double		value[N_FEATURES + 1];
	char	   *document;
	Forest	   *forest;

	draw_tree(&tree, 0, COVER_PROPER, false);
	document = make_document(&tree, 1, 1, N_FEATURES);
	forest = build("a single leaf", document);
	CHECK(mlops_forest_contributions(forest, row, 0, NULL, value) == FOREST_OK, "a single leaf");
	for (int i = 0; i < N_FEATURES; i++)
		CHECK(value[i] == 0, "a single leaf");
	CHECK(value[N_FEATURES] == 0.25 + tree.condition[0], "a single leaf");
	free(forest);
	free(document);
}

/* gblinear: 0.5 a - 2 b + 1, and a base score of 0.25. */
static void
test_linear(void)
{
	const float row[] = {3, NAN};
	double		value[3];
	double		pair[3] = {0};
	uint32_t	place[2];
	float		score[2];
	uint32_t	n_splits[2];
	Forest	   *forest = build("linear", LINEAR_MODEL);

	CHECK(mlops_forest_place_features(forest, 0, place) == 2, "linear");
	CHECK(mlops_forest_interactions(forest, row, 0, NULL, value, place, pair) == FOREST_OK, "linear");
	CHECK(value[0] == 1.5 && value[1] == 0 && value[2] == 1.25, "linear");
	CHECK(pair[0] == 1.5 && pair[1] == 0 && pair[2] == 0, "linear");
	CHECK(mlops_forest_importance(forest, IMPORTANCE_WEIGHT, NULL, score, n_splits) == FOREST_OK &&
		  score[0] == 0.5f && score[1] == -2.0f && n_splits[1] > 0, "linear");
	CHECK(mlops_forest_importance(forest, IMPORTANCE_GAIN, NULL, score, n_splits) ==
		  FOREST_UNSUPPORTED, "linear");
	free(forest);
}

int
main(void)
{
	state = SEED;
	printf("explain: seed %d\n", SEED);
	test_quadrature();
	test_definition();
	test_chain(1, 1);
	test_chain(7, 7);
	test_chain(40, 40);
	test_chain(64, 4);
	test_chain(500, 500);
	test_chain(4095, 4095);
	test_chain(4096, 2);
	test_hostile();
	test_single_leaf();
	test_linear();
	return unit_finish("explain");
}
