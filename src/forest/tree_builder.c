/*-------------------------------------------------------------------------
 *
 * tree_builder.c
 *	  Trees of a model document -> sections of an image.
 *
 * model_document.c hands over the reader at the start of each tree.  What is
 * reachable from the root is checked and copied, in breadth-first order; the
 * nodes that pruning left behind are not looked at.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "forest/tree_builder.h"

/* One tree in the document; a field that is absent has no elements. */
typedef struct TreeDocument
{
	NumberArray field[N_TREE_FIELDS];
	uint64_t	n_nodes;
	uint64_t	vector_width;	/* 0 and 1: scalar leaves */
	uint64_t	n_categories;	/* of the splits copied so far */
	uint64_t	n_vectors;		/* leaves copied so far */
} TreeDocument;

/* In the order of TreeField, then the others. */
static const char *const tree_keys[] = {
	"left_children", "right_children", "split_indices", "default_left", "split_type",
	"categories_nodes", "categories_segments", "categories_sizes", "categories",
	"split_conditions", "base_weights", "leaf_weights", "sum_hessian", "loss_changes",
	"tree_param", "id", NULL
};

enum
{
	KEY_TREE_PARAM = N_TREE_FIELDS,
	KEY_ID
};

/* Position of a key in "names", -1 for another one; a repeated one is an error. */
int
mlops_reader_find_key(Reader *reader, const ReaderText *key,
					  const char *const *names, uint32_t *seen)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		if (!mlops_text_equals(key, names[i]))
			continue;
		if (*seen & 1u << i)
			mlops_reader_fail(reader, FOREST_MALFORMED, "member \"%s\" is there twice", names[i]);
		*seen |= 1u << i;
		return i;
	}
	return -1;
}

static void
read_tree_param(Reader *reader, TreeDocument *tree)
{
	static const char *const keys[] = {"num_nodes", "size_leaf_vector", NULL};
	uint32_t	seen = 0;
	ReaderText	key;
	ReaderText	string;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		int			which = mlops_reader_find_key(reader, &key, keys, &seen);

		if (which < 0)
			mlops_reader_skip(reader);
		else if (mlops_reader_read_string(reader, &string) &&
				 !mlops_text_to_uint(&string, which == 0 ? &tree->n_nodes : &tree->vector_width))
			mlops_reader_fail(reader, FOREST_MALFORMED, "tree parameter \"%s\" is not a count",
							  keys[which]);
	}
}

/* Index of the node in TREE_CATEGORY_NODE, which ascends; UINT64_MAX if none. */
static uint64_t
find_category_node(const TreeDocument *tree, int64_t id)
{
	const NumberArray *nodes = &tree->field[TREE_CATEGORY_NODE];
	uint64_t	low = 0;
	uint64_t	high = nodes->count;

	while (low < high)
	{
		uint64_t	middle = low + (high - low) / 2;
		int64_t		value;

		if (!mlops_number_int(nodes, middle, &value) || value > id)
			high = middle;
		else if (value < id)
			low = middle + 1;
		else
			return middle;
	}
	return UINT64_MAX;
}

/* Whether the sections are still within the limit, with "more" bytes. */
static bool
check_size(Reader *reader, const TreeBuilder *builder, uint64_t more)
{
	uint64_t	size = more;

	for (int i = 0; i < FOREST_N_SECTIONS; i++)
		size += builder->section[i].used;
	if (size > reader->limits->max_image)
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "forest is larger than %zu bytes",
						  reader->limits->max_image);
	return reader->status == FOREST_OK;
}

/* Where the categories of a split lie in TREE_CATEGORY; false when nowhere. */
static bool
locate_categories(const TreeDocument *tree, int64_t id, uint64_t *begin, uint64_t *count)
{
	uint64_t	n_codes = tree->field[TREE_CATEGORY].count;
	uint64_t	which = find_category_node(tree, id);
	int64_t		first = -1;
	int64_t		size = 0;

	if (which == UINT64_MAX || which >= tree->field[TREE_CATEGORY_BEGIN].count ||
		which >= tree->field[TREE_CATEGORY_SIZE].count ||
		!mlops_number_int(&tree->field[TREE_CATEGORY_BEGIN], which, &first) ||
		!mlops_number_int(&tree->field[TREE_CATEGORY_SIZE], which, &size))
		return false;
	*begin = (uint64_t) first;
	*count = (uint64_t) size;
	return first >= 0 && size > 0 && *begin <= n_codes && *count <= n_codes - *begin;
}

/*
 * Copy the categories of a split; returns where they start.  They become a bit
 * set, or a list when that is shorter, so that the image is never much larger
 * than the model whatever the codes are.
 */
static uint32_t
add_categories(Reader *reader, TreeBuilder *builder, TreeDocument *tree, int64_t id)
{
	const NumberArray *codes = &tree->field[TREE_CATEGORY];
	Buffer	   *section = &builder->section[SECTION_CATEGORY];
	uint64_t	start = section->used / sizeof(uint32_t);
	uint64_t	begin = 0;
	uint64_t	count = 0;
	int64_t		largest = -1;
	int64_t		code = -1;
	uint64_t	n_words;
	uint32_t   *words;

	/* No category is of two splits, so the sum cannot be more than all. */
	if (!locate_categories(tree, id, &begin, &count) ||
		(tree->n_categories += count) > codes->count)
		mlops_reader_fail(reader, FOREST_MALFORMED,
						  "tree %llu: categories of a split are out of range",
						  (unsigned long long) builder->n_trees);
	for (uint64_t i = 0; mlops_reader_poll(reader) && i < count; i++, largest = code)
		if (!mlops_number_int(codes, begin + i, &code) || code <= largest ||
			code >= FOREST_MAX_CATEGORY)
			mlops_reader_fail(reader, FOREST_MALFORMED,
							  "tree %llu: categories are out of range or order",
							  (unsigned long long) builder->n_trees);
	if (reader->status != FOREST_OK)
		return 0;

	n_words = (uint64_t) largest / 32 + 1;
	if (n_words > count)
		n_words = count;
	if (!check_size(reader, builder, (n_words + 1) * sizeof(uint32_t)))
		return 0;
	words = mlops_buffer_extend(section, (n_words + 1) * sizeof(uint32_t));
	if (words == NULL || start > UINT32_MAX)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return 0;
	}
	memset(words, 0, (n_words + 1) * sizeof(uint32_t));
	words[0] = (uint32_t) n_words;
	if ((uint64_t) largest / 32 >= n_words)
		words[0] |= CATEGORY_LIST;
	for (uint64_t i = 0; i < count; i++)
	{
		mlops_number_int(codes, begin + i, &code);
		if (words[0] & CATEGORY_LIST)
			words[1 + i] = (uint32_t) code;
		else
			words[1 + code / 32] |= 1u << (code % 32);
	}
	return (uint32_t) start;
}

/* Copy the vector of a leaf; returns its row in SECTION_VECTOR. */
static uint32_t
add_vector(Reader *reader, TreeBuilder *builder, TreeDocument *tree, int64_t id)
{
	Buffer	   *section = &builder->section[SECTION_VECTOR];
	const NumberArray *weights = &tree->field[TREE_LEAF_WEIGHT];
	uint64_t	width = tree->vector_width;
	uint64_t	row = section->used / sizeof(float) / width;
	int64_t		from = id;
	float	   *values;

	/* Since 3.2 the right child of a leaf is its row of leaf_weights. */
	if (weights->count > 0)
	{
		if (!mlops_number_int(&tree->field[TREE_RIGHT], (uint64_t) id, &from))
			from = -1;
	}
	else
		weights = &tree->field[TREE_BASE_WEIGHT];

	/*
	 * No two leaves have the same vector, so there are no more leaves than
	 * rows.
	 */
	if (from < 0 || (uint64_t) from >= weights->count / width || row > UINT32_MAX ||
		++tree->n_vectors > weights->count / width)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: a leaf has no vector",
						  (unsigned long long) builder->n_trees);
		return 0;
	}
	if (!check_size(reader, builder, width * sizeof(float)))
		return 0;
	values = mlops_buffer_extend(section, width * sizeof(float));
	if (values == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return 0;
	}
	for (uint64_t i = 0; i < width; i++)
	{
		values[i] = mlops_number_float(weights, (uint64_t) from * width + i);
		if (!isfinite(values[i]))
			mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: a leaf is not finite",
							  (unsigned long long) builder->n_trees);
	}
	return (uint32_t) row;
}

/* Fill a leaf, which is node "at" of the tree in the image. */
static void
build_leaf(Reader *reader, TreeBuilder *builder, TreeDocument *tree,
		   int64_t id, uint32_t at, ForestNode *node)
{
	node->threshold = NAN;
	node->feature = 0;
	node->left = at - 1;
	if (tree->vector_width > 1)
		node->value.index = add_vector(reader, builder, tree, id);
	else
	{
		node->value.leaf = mlops_number_float(&tree->field[TREE_CONDITION], (uint64_t) id);
		if (!isfinite(node->value.leaf))
			mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: a leaf is not finite",
							  (unsigned long long) builder->n_trees);
	}
}

/* Fill a split whose left child is node "left" of the tree in the image. */
static void
build_split(Reader *reader, TreeBuilder *builder, TreeDocument *tree,
			int64_t id, uint32_t left, ForestNode *node)
{
	int64_t		feature = -1;
	int64_t		default_left = -1;
	int64_t		type = 0;

	if (!mlops_number_int(&tree->field[TREE_SPLIT_INDEX], (uint64_t) id, &feature) ||
		!mlops_number_int(&tree->field[TREE_DEFAULT_LEFT], (uint64_t) id, &default_left) ||
		(tree->field[TREE_SPLIT_TYPE].count > 0 &&
		 !mlops_number_int(&tree->field[TREE_SPLIT_TYPE], (uint64_t) id, &type)) ||
		feature < 0 || feature > NODE_FEATURE_MASK || (default_left & ~1) != 0 || (type & ~1) != 0)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: a split is out of range",
						  (unsigned long long) builder->n_trees);
		return;
	}
	if (feature > builder->max_feature)
		builder->max_feature = (uint32_t) feature;
	node->feature = (uint32_t) feature | (default_left ? NODE_DEFAULT_LEFT : 0);
	node->left = left;
	node->value.index = 0;
	if (type == 1)
	{
		node->feature |= NODE_CATEGORICAL;
		node->threshold = 0;
		node->value.index = add_categories(reader, builder, tree, id);
	}
	else
	{
		node->threshold = mlops_number_float(&tree->field[TREE_CONDITION], (uint64_t) id);
		if (isnan(node->threshold))
			mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: a threshold is not a number",
							  (unsigned long long) builder->n_trees);
	}
}

/*
 * Append the children of a split to the breadth-first list of node numbers.
 * XGBoost takes the right child to be the one after the left, so must we.
 */
static bool
add_children(Reader *reader, TreeBuilder *builder, const TreeDocument *tree,
			 int64_t id, int64_t left)
{
	uint8_t    *visited = builder->visited.data;
	int64_t		right = -1;
	int32_t    *ids;

	if (!mlops_number_int(&tree->field[TREE_RIGHT], (uint64_t) id, &right) ||
		left <= 0 || right != left + 1 || (uint64_t) right >= tree->n_nodes)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: children of a node are out of range",
						  (unsigned long long) builder->n_trees);
		return false;
	}
	for (int64_t child = left; child <= right; child++)
	{
		if (visited[child / 8] & 1 << (child % 8))
		{
			mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu: a node has two parents",
							  (unsigned long long) builder->n_trees);
			return false;
		}
		visited[child / 8] |= (uint8_t) (1 << (child % 8));
	}
	ids = mlops_buffer_extend(&builder->section[SECTION_NODE_ID], 2 * sizeof(int32_t));
	if (ids == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return false;
	}
	ids[0] = (int32_t) left;
	ids[1] = (int32_t) right;
	return true;
}

/* Check the lengths of the arrays of a tree. */
static bool
check_tree(Reader *reader, const TreeBuilder *builder, const TreeDocument *tree)
{
	static const TreeField per_node[] = {
		TREE_LEFT, TREE_RIGHT, TREE_SPLIT_INDEX, TREE_DEFAULT_LEFT, TREE_CONDITION
	};
	static const TreeField optional[] = {TREE_SPLIT_TYPE, TREE_COVER, TREE_GAIN};
	bool		matches = tree->n_nodes > 0 && tree->n_nodes <= INT32_MAX;

	for (size_t i = 0; i < sizeof(per_node) / sizeof(per_node[0]); i++)
		matches = matches && tree->field[per_node[i]].count == tree->n_nodes;
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		matches = matches && (tree->field[optional[i]].count == 0 ||
							  tree->field[optional[i]].count == tree->n_nodes);
	if (!matches)
		mlops_reader_fail(reader, FOREST_MALFORMED,
						  "tree %llu: number of nodes and arrays do not match",
						  (unsigned long long) builder->n_trees);
	if (tree->vector_width > reader->limits->max_outputs)
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "leaves have more than %u outputs",
						  reader->limits->max_outputs);
	if (tree->vector_width > 1 && builder->vector_width > 1 &&
		tree->vector_width != builder->vector_width)
		mlops_reader_fail(reader, FOREST_MALFORMED, "vector leaves of different widths");
	return reader->status == FOREST_OK;
}

/*
 * Append what training knew of a node.  Scores do not need it, so that a model
 * without it, or with a cover that is no weight, is fine.
 */
static void
add_statistics(Reader *reader, TreeBuilder *builder, const TreeDocument *tree, int64_t id, bool leaf)
{
	float		value;

	builder->lacks_cover |= tree->field[TREE_COVER].count == 0;
	builder->lacks_gain |= tree->field[TREE_GAIN].count == 0;
	if (!builder->lacks_cover)
	{
		value = mlops_number_float(&tree->field[TREE_COVER], (uint64_t) id);
		builder->lacks_cover = !(value >= 0 && value <= FLT_MAX);
		if (!mlops_buffer_append(&builder->section[SECTION_COVER], &value, sizeof(value)))
			mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
	}
	if (!builder->lacks_gain)
	{
		value = leaf ? 0 : mlops_number_float(&tree->field[TREE_GAIN], (uint64_t) id);
		if (!mlops_buffer_append(&builder->section[SECTION_GAIN], &value, sizeof(value)))
			mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
	}
}

/* Copy the tree into the sections, from its root breadth first. */
static void
build_tree(Reader *reader, TreeBuilder *builder, TreeDocument *tree)
{
	Buffer	   *nodes = &builder->section[SECTION_NODE];
	Buffer	   *ids = &builder->section[SECTION_NODE_ID];
	uint64_t	first = nodes->used / sizeof(ForestNode);
	uint32_t	count = 1;
	uint32_t	level_end = 1;
	int32_t		root = 0;
	ForestTree	entry = {.first_node = (uint32_t) first,.weight = 1.0f};

	/* Indexes of one or two bytes cannot reach many nodes: no need for room. */
	uint64_t	room = mlops_number_size(tree->field[TREE_LEFT].type) < 4 ? 0 : tree->n_nodes;

	builder->visited.used = 0;
	if (mlops_buffer_extend(&builder->visited, tree->n_nodes / 8 + 1) == NULL ||
		!mlops_buffer_reserve(nodes, room * sizeof(ForestNode)) ||
		!mlops_buffer_reserve(ids, room * sizeof(int32_t)) ||
		!mlops_buffer_append(ids, &root, sizeof(root)))
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return;
	}
	memset(builder->visited.data, 0, builder->visited.used);

	for (uint32_t at = 0; at < count && mlops_reader_poll(reader); at++)
	{
		int64_t		id = ((int32_t *) ids->data)[first + at];
		int64_t		left = -2;
		ForestNode	node = {0};

		if (at == level_end)
		{
			entry.depth++;
			level_end = count;
		}
		mlops_number_int(&tree->field[TREE_LEFT], (uint64_t) id, &left);
		if (left == -1)
			build_leaf(reader, builder, tree, id, at, &node);
		else if (add_children(reader, builder, tree, id, left))
		{
			build_split(reader, builder, tree, id, count, &node);
			count += 2;
			if (node.feature & NODE_CATEGORICAL)
				entry.flags |= TREE_CATEGORICAL;
		}
		add_statistics(reader, builder, tree, id, left == -1);
		if (reader->status == FOREST_OK && !mlops_buffer_append(nodes, &node, sizeof(node)))
			mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		if (reader->status != FOREST_OK)
			return;
	}
	if (entry.depth > FOREST_MAX_TREE_DEPTH)
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "tree %llu is deeper than %d",
						  (unsigned long long) builder->n_trees, FOREST_MAX_TREE_DEPTH);
	if (tree->vector_width > 1)
	{
		entry.flags |= TREE_VECTOR;
		builder->vector_width = tree->vector_width;
	}
	entry.n_nodes = count;
	if (first + count > UINT32_MAX ||
		!mlops_buffer_append(&builder->section[SECTION_TREE], &entry, sizeof(entry)))
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
	builder->n_trees++;
	check_size(reader, builder, 0);
}

/* Read one tree and append it; false when there is an error. */
bool
mlops_tree_read(Reader *reader, TreeBuilder *builder)
{
	TreeDocument tree = {0};
	uint32_t	seen = 0;
	ReaderText	key;
	int64_t		id;

	if (!mlops_reader_enter_object(reader))
		return false;
	while (mlops_reader_next_member(reader, &key))
	{
		int			which = mlops_reader_find_key(reader, &key, tree_keys, &seen);

		if (which < 0)
			mlops_reader_skip(reader);
		else if (which < TREE_CONDITION)
			mlops_reader_read_ints(reader, &builder->scratch[which], &tree.field[which]);
		else if (which < N_TREE_FIELDS)
			mlops_reader_read_floats(reader, &builder->scratch[which], &tree.field[which]);
		else if (which == KEY_TREE_PARAM)
			read_tree_param(reader, &tree);
		else if (mlops_reader_read_int(reader, &id) && (uint64_t) id != builder->n_trees)
			mlops_reader_fail(reader, FOREST_MALFORMED, "trees are not in order");
	}
	if (reader->status == FOREST_OK && check_tree(reader, builder, &tree))
		build_tree(reader, builder, &tree);
	return reader->status == FOREST_OK;
}

/* Free what only the reading of trees needs. */
void
mlops_trees_free_scratch(TreeBuilder *builder)
{
	for (int i = 0; i < N_TREE_FIELDS; i++)
		mlops_buffer_free(&builder->scratch[i]);
	mlops_buffer_free(&builder->visited);
}

void
mlops_trees_free(TreeBuilder *builder)
{
	mlops_trees_free_scratch(builder);
	for (int i = 0; i < FOREST_N_SECTIONS; i++)
		mlops_buffer_free(&builder->section[i]);
}
