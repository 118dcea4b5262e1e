/*-------------------------------------------------------------------------
 *
 * forest_explain.c
 *	  Rows -> what each feature adds to a margin, from a checked image.
 *
 * The values are those of path-dependent TreeSHAP (Lundberg, Erion and Lee
 * 2018, "Consistent Individualized Feature Attribution for Tree Ensembles",
 * algorithm 2), computed in another way.  For one leaf the game whose Shapley
 * values they are is a product: a feature of the path whose value is known
 * contributes the factor 1 or 0 (whether the row takes all its splits towards
 * the leaf), and one whose value is not known contributes z, the share of the
 * training rows that do.  The Shapley value of a player is the integral of the
 * game's multilinear extension along the diagonal (Owen 1972).  For a product
 * that is the integral over t from 0 to 1 of
 *
 *		leaf * (one - z) * product over the other features of (z + t (one - z))
 *
 * and for the interaction of two features the same without the factors of
 * both.  These are polynomials in t of a degree below the number of features on
 * the path, so that a rule of Gauss and Legendre with half as many points is
 * exact; all terms are sums of numbers of one sign, so that nothing is lost on
 * long paths, where the weights of algorithm 2 have to be unwound by
 * differences.  At each point of the rule the product goes down the tree with
 * the walk, and the sum over the leaves below comes up again; when an edge is
 * left, its feature gets that sum times
 *
 *		(one - z) / (z + t (one - z))		after the split
 *
 * minus the same before it (nothing for the feature's first split on the
 * path), which adds up to what holds at the leaf.  So a tree of L leaves and
 * depth D costs about L D, not L D D.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/image.h"
#include "forest/quadrature.h"

#define MAX_PAIRS	8			/* of points for which one walk computes */
#define POLL_EVERY	16384		/* edges between two polls */

/* Two points of the rule. */
typedef double Pair __attribute__((vector_size(16)));

/* The edge from a node of the path down to the next; the first leads to the root. */
typedef struct Edge
{
	Pair		product[MAX_PAIRS]; /* of the factors of all features so far,
									 * and of the weight of the point */
	Pair		inverse[MAX_PAIRS]; /* 1 / factor of this edge's feature;
									 * where the row leaves the path, 1 / (1 -
									 * t) */
	Pair		sum[MAX_PAIRS]; /* over the leaves seen below: product * leaf */
	double		share;			/* of the training rows that come here */
	double		zero;			/* z of this edge's feature, all its splits */
	double		scale;			/* such that scale * inverse is what the
								 * feature gets */
	uint32_t	node;			/* to which the edge leads */
	uint32_t	feature;
	uint32_t	before;			/* edge of the path with the same feature; 0:
								 * none */
	uint8_t		n_entered;		/* children */
	bool		one;			/* the row takes all splits on the feature */
	bool		goes_left;		/* which child the row takes */
	bool		hidden;			/* a later edge has the same feature */
} Edge;

typedef struct Explainer
{
	const Forest *forest;
	const float *row;
	uint32_t	output;
	bool		(*interrupted) (void);
	uint32_t	ticks;			/* edges since the last poll */
	Edge	   *path;
	uint32_t   *last;			/* of each feature: its last edge on the path */

	/* the rule */
	uint32_t	n_points;
	double	   *point;
	double	   *weight;

	/* the part of the rule that the walk at hand computes */
	int			n_pairs;
	Pair		at[MAX_PAIRS];	/* t */
	Pair		start[MAX_PAIRS];	/* weights */
	Pair		stay[MAX_PAIRS];	/* 1 - t */
	Pair		away[MAX_PAIRS];	/* 1 / (1 - t) */
	bool		first;			/* it is the first part */

	/* results */
	double	   *contribution;	/* [n_features + 1] */
	const uint32_t *place;		/* of each feature in "pair" */
	double	   *pair;			/* triangle, or NULL */
} Explainer;

static inline double *
find_pair(const Explainer *explainer, uint32_t a, uint32_t b)
{
	size_t		i = explainer->place[a];
	size_t		j = explainer->place[b];

	return &explainer->pair[i > j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i];
}

/* Whether the row goes left at a split. */
static bool
goes_left(const Forest *forest, const ForestNode *node, const float *row)
{
	const uint32_t *categories = mlops_image_section(forest, SECTION_CATEGORY);
	float		value = row[node->feature & NODE_FEATURE_MASK];

	if (isnan(value))
		return node->feature & NODE_DEFAULT_LEFT;
	if (node->feature & NODE_CATEGORICAL)
		return !mlops_image_find_category(categories + node->value.index, value);
	return value < node->threshold;
}

/*
 * Share of a node's training rows that its child got.  Where there were none,
 * neither child is likelier.
 */
static inline double
divide_cover(float child, float parent)
{
	double		share = (double) child / parent;

	if (!(parent > 0))
		return 0.5;
	return share < 1 ? share : 1;
}

/*
 * Fill in the edge below the end of the path; false when no feature gets
 * anything from there.  n, here and below, is the number of pairs of points: a
 * constant where the compiler can make use of it.
 */
static inline __attribute__((always_inline))
bool
fill_edge(const Explainer *explainer, uint32_t depth, uint32_t feature, double share, bool taken,
		  const int n)
{
	const Edge *parent = &explainer->path[depth];
	Edge	   *edge = &explainer->path[depth + 1];
	uint32_t	before = explainer->last[feature];
	const Edge *earlier = &explainer->path[before];
	bool		one = taken;
	double		zero = share;

	if (before > 0)
	{
		zero *= earlier->zero;
		one &= earlier->one;
	}
	if (!one && zero == 0)
		return false;

	if (before > 0 && !earlier->one)
		for (int i = 0; i < n; i++)
			edge->product[i] = parent->product[i] * share;
	else if (!one)
		for (int i = 0; i < n; i++)
			edge->product[i] = parent->product[i] * explainer->stay[i] * zero;
	else
		for (int i = 0; i < n; i++)
		{
			Pair		factor = zero + explainer->at[i] * (1 - zero);

			edge->product[i] = parent->product[i] * factor;
			edge->inverse[i] = 1 / factor;
		}
	if (before > 0 && earlier->one)
		for (int i = 0; i < n; i++)
			edge->product[i] *= earlier->inverse[i];
	if (!one)
		for (int i = 0; i < n; i++)
			edge->inverse[i] = explainer->away[i];
	edge->share = parent->share * share;
	edge->zero = zero;
	edge->scale = one ? 1 - zero : -1;
	edge->feature = feature;
	edge->before = before;
	edge->one = one;
	return true;
}

/* Give the feature of the last edge, and its pairs with others, their due. */
static inline __attribute__((always_inline))
void
credit_edge(Explainer *explainer, uint32_t depth, const Pair *sum, const int n)
{
	const Edge *edge = &explainer->path[depth];
	const Edge *earlier = &explainer->path[edge->before];
	Edge	   *parent = &explainer->path[depth - 1];
	Pair		total = {0, 0};
	Pair		due[MAX_PAIRS];

	for (int i = 0; i < n; i++)
	{
		due[i] = edge->inverse[i] * edge->scale;
		if (edge->before > 0)
			due[i] -= earlier->inverse[i] * earlier->scale;
		due[i] *= sum[i];
		total += due[i];
		parent->sum[i] += sum[i];
	}
	explainer->contribution[edge->feature] += total[0] + total[1];

	for (uint32_t k = 1; explainer->pair != NULL && k < depth; k++)
	{
		const Edge *other = &explainer->path[k];

		if (other->hidden || k == edge->before)
			continue;
		total = (Pair)
		{
			0, 0
		};
		for (int i = 0; i < n; i++)
			total += due[i] * other->inverse[i];
		*find_pair(explainer, edge->feature, other->feature) +=
			(total[0] + total[1]) * other->scale / 2;
	}
}

/* What a leaf adds to the margin. */
static inline double
read_leaf(const Explainer *explainer, const ForestTree *tree, const ForestNode *leaf)
{
	const Forest *forest = explainer->forest;
	const float *vectors = mlops_image_section(forest, SECTION_VECTOR);
	double		value = leaf->value.leaf;

	if (tree->flags & TREE_VECTOR)
		value = vectors[(size_t) leaf->value.index * forest->n_outputs + explainer->output];
	return value * tree->weight;
}

/* The last edge leads to a leaf. */
static inline __attribute__((always_inline))
void
reach_leaf(Explainer *explainer, uint32_t depth, double value, const int n)
{
	const Edge *edge = &explainer->path[depth];
	Pair		sum[MAX_PAIRS];

	for (int i = 0; i < n; i++)
		sum[i] = edge->product[i] * value;
	if (explainer->first)
		explainer->contribution[explainer->forest->n_features] += edge->share * value;
	if (depth > 0)
		credit_edge(explainer, depth, sum, n);
}

/* The path now goes on from the last edge, which leads to a split. */
static inline __attribute__((always_inline))
void
push_edge(Explainer *explainer, uint32_t depth, uint32_t node, const int n)
{
	Edge	   *edge = &explainer->path[depth];

	for (int i = 0; i < n; i++)
		edge->sum[i] = (Pair)
	{
		0, 0
	};
	edge->node = node;
	edge->n_entered = 0;
	edge->hidden = false;
	if (depth > 0)
	{
		explainer->path[edge->before].hidden = true;
		explainer->last[edge->feature] = depth;
	}
}

/* Both children of the split at the end of the path are done. */
static inline __attribute__((always_inline))
void
pop_edge(Explainer *explainer, uint32_t depth, const int n)
{
	const Edge *edge = &explainer->path[depth];

	credit_edge(explainer, depth, edge->sum, n);
	explainer->path[edge->before].hidden = false;
	explainer->last[edge->feature] = edge->before;
}

/* Whether to stop.  With pairs, an edge costs as much as there are edges above it. */
static inline bool
poll_interrupt(Explainer *explainer, uint32_t depth)
{
	explainer->ticks += explainer->pair != NULL ? depth + 1 : 1;
	if (explainer->ticks < POLL_EVERY || explainer->interrupted == NULL)
		return false;
	explainer->ticks = 0;
	return explainer->interrupted();
}

/* Walk one tree for the part of the rule at hand; false when interrupted. */
static inline __attribute__((always_inline))
bool
walk_tree(Explainer *explainer, const ForestTree *tree, const int n)
{
	const Forest *forest = explainer->forest;
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	const float *cover = mlops_image_section(forest, SECTION_COVER);
	Edge	   *root = explainer->path;
	uint32_t	depth = 0;

	nodes += tree->first_node;
	cover += tree->first_node;
	memcpy(root->product, explainer->start, n * sizeof(Pair));
	root->share = 1;
	if (tree->n_nodes == 1)
	{
		reach_leaf(explainer, 0, read_leaf(explainer, tree, nodes), n);
		return true;
	}
	push_edge(explainer, 0, 0, n);
	for (;;)
	{
		Edge	   *edge = &explainer->path[depth];
		const ForestNode *node = &nodes[edge->node];
		uint32_t	child = node->left + edge->n_entered;

		if (edge->n_entered == 2)
		{
			if (depth == 0)
				return true;
			pop_edge(explainer, depth--, n);
			continue;
		}
		if (poll_interrupt(explainer, depth))
			return false;
		if (edge->n_entered == 0)
			edge->goes_left = goes_left(forest, node, explainer->row);
		if (fill_edge(explainer, depth, node->feature & NODE_FEATURE_MASK,
					  divide_cover(cover[child], cover[edge->node]),
					  edge->goes_left == (edge->n_entered++ == 0), n))
		{
			if (nodes[child].left == child - 1)
				reach_leaf(explainer, depth + 1, read_leaf(explainer, tree, &nodes[child]), n);
			else
				push_edge(explainer, ++depth, child, n);
		}
	}
}

/* Points of a rule that is exact for the paths of a tree: an even number. */
static uint32_t
count_points(const Forest *forest, const ForestTree *tree)
{
	uint32_t	n_unique = tree->depth < forest->n_features ? tree->depth : forest->n_features;
	uint32_t	n = (n_unique + 1) / 2;

	if (n <= 2)
		return 2;
	if (n <= 2 * MAX_PAIRS)
		return (n + 1) & ~1u;
	return (n + 2 * MAX_PAIRS - 1) / (2 * MAX_PAIRS) * (2 * MAX_PAIRS);
}

/* Explain what one tree adds, a part of the rule after the other. */
static bool
explain_tree(Explainer *explainer, const ForestTree *tree)
{
	uint32_t	n = count_points(explainer->forest, tree);

	if (n != explainer->n_points)
		mlops_quadrature_fill(n, explainer->point, explainer->weight);
	explainer->n_points = n;
	for (uint32_t begin = 0; begin < n; begin += 2 * MAX_PAIRS)
	{
		explainer->first = begin == 0;
		explainer->n_pairs = n - begin < 2 * MAX_PAIRS ? (n - begin) / 2 : MAX_PAIRS;
		memcpy(explainer->at, explainer->point + begin, explainer->n_pairs * sizeof(Pair));
		memcpy(explainer->start, explainer->weight + begin, explainer->n_pairs * sizeof(Pair));
		for (int i = 0; i < explainer->n_pairs; i++)
		{
			explainer->stay[i] = 1 - explainer->at[i];
			explainer->away[i] = 1 / explainer->stay[i];
		}
		if (!(explainer->n_pairs == 1 ? walk_tree(explainer, tree, 1) :
			  explainer->n_pairs == 2 ? walk_tree(explainer, tree, 2) :
			  explainer->n_pairs == 3 ? walk_tree(explainer, tree, 3) :
			  walk_tree(explainer, tree, explainer->n_pairs)))
			return false;
	}
	return true;
}

static bool
feeds_output(const ForestTree *tree, uint32_t output)
{
	return tree->flags & TREE_VECTOR || tree->group == output;
}

static bool
allocate_work(Explainer *explainer)
{
	const Forest *forest = explainer->forest;
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	size_t		depth = 0;
	size_t		points = 2;

	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
		if (feeds_output(&trees[i], explainer->output) && trees[i].depth >= depth)
		{
			depth = trees[i].depth;
			points = count_points(forest, &trees[i]);
		}
	explainer->path = aligned_alloc(sizeof(Pair), (depth + 1) * sizeof(Edge));
	explainer->last = calloc(forest->n_features, sizeof(uint32_t));
	explainer->point = malloc(points * sizeof(double));
	explainer->weight = malloc(points * sizeof(double));
	return explainer->path != NULL && explainer->last != NULL &&
		explainer->point != NULL && explainer->weight != NULL;
}

/* gblinear: each present feature adds its weight times its value. */
static void
explain_linear(const Forest *forest, const float *row, uint32_t output, double *contribution)
{
	const float *base = mlops_image_section(forest, SECTION_BASE);
	const float *weights = mlops_image_section(forest, SECTION_LINEAR);
	size_t		n_outputs = forest->n_outputs;

	for (size_t i = 0; i < forest->n_features; i++)
		contribution[i] = isnan(row[i]) ? 0 : (double) row[i] * weights[i * n_outputs + output];
	contribution[forest->n_features] = (double) base[0] +
		weights[forest->n_features * n_outputs + output];
}

bool
mlops_forest_is_linear(const Forest *forest)
{
	return forest->count[SECTION_LINEAR] > 0;
}

bool
mlops_forest_has_cover(const Forest *forest)
{
	return forest->count[SECTION_COVER] == forest->count[SECTION_NODE];
}

ForestStatus
mlops_forest_contributions(const Forest *forest, const float *row, uint32_t output,
						   bool (*interrupted) (void), double *contribution)
{
	return mlops_forest_interactions(forest, row, output, interrupted, contribution, NULL, NULL);
}

uint32_t
mlops_forest_place_features(const Forest *forest, uint32_t output, uint32_t *place)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const ForestNode *nodes = mlops_image_section(forest, SECTION_NODE);
	bool		linear = mlops_forest_is_linear(forest);
	uint32_t	n = 0;

	memset(place, linear ? 0 : 0xff, forest->n_features * sizeof(uint32_t));
	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
	{
		if (!feeds_output(&trees[i], output))
			continue;
		for (size_t k = trees[i].first_node; k < (size_t) trees[i].first_node + trees[i].n_nodes; k++)
			if (nodes[k].left != k - trees[i].first_node - 1)
				place[nodes[k].feature & NODE_FEATURE_MASK] = 0;
	}
	for (uint32_t i = 0; i < forest->n_features; i++)
		if (place[i] != UINT32_MAX)
			place[i] = n++;
	return n;
}

/* The diagonal gets what the pairs leave of each contribution. */
static void
fill_diagonal(const Explainer *explainer)
{
	double	   *pair = explainer->pair;
	size_t		n = 0;

	for (uint32_t i = 0; i < explainer->forest->n_features; i++)
		if (explainer->place[i] != UINT32_MAX)
		{
			pair[n * (n + 1) / 2 + n] = explainer->contribution[i];
			n++;
		}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
		{
			double		half = pair[i * (i + 1) / 2 + j];

			pair[i * (i + 1) / 2 + i] -= half;
			pair[j * (j + 1) / 2 + j] -= half;
		}
}

ForestStatus
mlops_forest_interactions(const Forest *forest, const float *row, uint32_t output,
						  bool (*interrupted) (void), double *contribution,
						  const uint32_t *place, double *pair)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const float *base = mlops_image_section(forest, SECTION_BASE);
	ForestStatus status = FOREST_OK;
	Explainer	explainer = {
		.forest = forest,.row = row,.output = output,.interrupted = interrupted,
		.contribution = contribution,.place = place,.pair = pair
	};

	if (!mlops_forest_has_cover(forest))
		return FOREST_UNSUPPORTED;
	if (mlops_forest_is_linear(forest))
		explain_linear(forest, row, output, contribution);
	else
	{
		memset(contribution, 0, forest->n_features * sizeof(double));
		contribution[forest->n_features] = base[output];
		if (!allocate_work(&explainer))
			status = FOREST_NO_MEMORY;
		for (size_t i = 0; i < forest->count[SECTION_TREE] && status == FOREST_OK; i++)
			if (feeds_output(&trees[i], output) && !explain_tree(&explainer, &trees[i]))
				status = FOREST_INTERRUPTED;
		free(explainer.path);
		free(explainer.last);
		free(explainer.point);
		free(explainer.weight);
	}
	if (pair != NULL && status == FOREST_OK)
		fill_diagonal(&explainer);
	return status;
}
