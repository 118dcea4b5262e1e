/*-------------------------------------------------------------------------
 *
 * forest_build.c
 *	  Model bytes -> document -> cross-checks -> image and description.
 *
 * Everything that needs two parts of the document is checked here, since the
 * parts come in any order.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>

#include "forest/derive.h"
#include "forest/model_document.h"

/* What the cross-checks found out. */
typedef struct ForestPlan
{
	uint32_t	n_features;
	uint32_t	n_outputs;
	uint32_t	n_trees;		/* up to the best iteration */
	float	   *base;			/* margins, n_outputs of them */
} ForestPlan;

/* Tell the format by its first two bytes, as XGBoost does. */
static const ReaderMethods *
find_format(Reader *reader, const uint8_t *bytes, size_t size)
{
	size_t		at = 0;

	if (size >= 4 && (memcmp(bytes, "binf", 4) == 0 || memcmp(bytes, "CONF", 4) == 0 ||
					  memcmp(bytes, "bs64", 4) == 0))
	{
		mlops_reader_fail(reader, FOREST_UNSUPPORTED,
						  "model is in XGBoost's old binary format, not UBJSON or JSON");
		return NULL;
	}
	while (at < size && memchr(" \n\t\r", bytes[at], 4) != NULL)
		at++;
	if (at >= size || bytes[at] != '{')
		mlops_reader_fail(reader, FOREST_MALFORMED, size == 0 ? "model is empty" :
						  "model is neither UBJSON nor JSON");
	else if (at + 1 < size && memchr("iUIlL", bytes[at + 1], 5) != NULL)
		return &mlops_reader_ubj;
	else
		return &mlops_reader_json;
	return NULL;
}

static bool
check_version(Reader *reader, const int version[3])
{
	bool		known;

	known = (version[0] == 1 && version[1] >= 7) || version[0] == 2 ||
		(version[0] == 3 && version[1] <= 4);
	if (version[0] == 0)
		mlops_reader_fail(reader, FOREST_MALFORMED, "model names no version");
	else if (!known)
		mlops_reader_fail(reader, FOREST_UNSUPPORTED,
						  "model of XGBoost %d.%d.%d is not of a version from 1.7 to 3.4",
						  version[0], version[1], version[2]);
	return known;
}

/* Check the numbers of features and outputs. */
static bool
plan_sizes(Reader *reader, const ModelDocument *document, ForestPlan *plan)
{
	const ForestLimits *limits = reader->limits;
	uint64_t	n_outputs = document->n_targets;

	if (n_outputs < document->n_classes)
		n_outputs = document->n_classes;
	if (document->objective == NULL)
		mlops_reader_fail(reader, FOREST_MALFORMED, "model names no objective");
	else if (document->n_features == 0)
		mlops_reader_fail(reader, FOREST_MALFORMED, "model names no number of features");
	else if (document->n_features > limits->max_features ||
			 document->n_features > NODE_FEATURE_MASK)
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "model has more than %u features",
						  limits->max_features);
	else if (n_outputs == 0)
		mlops_reader_fail(reader, FOREST_MALFORMED, "model has no output");
	else if (n_outputs > limits->max_outputs)
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "model has more than %u outputs",
						  limits->max_outputs);
	else if (document->trees.n_trees > 0 && document->trees.max_feature >= document->n_features)
		mlops_reader_fail(reader, FOREST_MALFORMED, "a split uses feature %u of %u",
						  document->trees.max_feature, (uint32_t) document->n_features);
	else if (document->trees.vector_width > 1 && document->trees.vector_width != n_outputs)
		mlops_reader_fail(reader, FOREST_MALFORMED, "vector leaves do not match the outputs");
	else if ((document->n_feature_names > 0 && document->n_feature_names != document->n_features) ||
			 (document->n_feature_types > 0 && document->n_feature_types != document->n_features))
		mlops_reader_fail(reader, FOREST_MALFORMED, "feature names or types are not one per feature");
	plan->n_features = (uint32_t) document->n_features;
	plan->n_outputs = (uint32_t) n_outputs;
	return reader->status == FOREST_OK;
}

/* Find the number of trees up to and with the best iteration. */
static bool
plan_iterations(Reader *reader, const ModelDocument *document, ForestPlan *plan)
{
	const NumberArray *indptr = &document->array[MODEL_ITERATION_INDPTR];
	uint64_t	n_trees = document->trees.n_trees;
	uint64_t	end;
	int64_t		value = -1;

	plan->n_trees = (uint32_t) n_trees;
	if (document->best_iteration < 0)
		return true;
	end = (uint64_t) document->best_iteration + 1;
	if (indptr->count > 0)
	{
		if (end < indptr->count)
			mlops_number_int(indptr, end, &value);
		end = value < 0 ? UINT64_MAX : (uint64_t) value;
	}
	else if (document->n_parallel_trees > n_trees ||
			 __builtin_mul_overflow(end, plan->n_outputs * document->n_parallel_trees, &end))
		end = UINT64_MAX;
	if (end > n_trees)
		mlops_reader_fail(reader, FOREST_MALFORMED, "best iteration %lld is beyond the trees",
						  (long long) document->best_iteration);
	else
		plan->n_trees = (uint32_t) end;
	return reader->status == FOREST_OK;
}

/* Give every tree its output and its weight. */
static bool
plan_trees(Reader *reader, ModelDocument *document, const ForestPlan *plan)
{
	const NumberArray *info = &document->array[MODEL_TREE_INFO];
	const NumberArray *weights = &document->array[MODEL_WEIGHT_DROP];
	ForestTree *trees = document->trees.section[SECTION_TREE].data;
	uint64_t	n_trees = document->trees.n_trees;

	if (!document->has_trees || document->n_trees != n_trees || info->count != n_trees ||
		weights->count > n_trees || n_trees > INT32_MAX)
		mlops_reader_fail(reader, FOREST_MALFORMED, "numbers of trees do not match");
	for (uint64_t i = 0; i < n_trees && mlops_reader_poll(reader); i++)
	{
		int64_t		group = -1;

		if (!mlops_number_int(info, i, &group) || group < 0 || group >= plan->n_outputs)
			mlops_reader_fail(reader, FOREST_MALFORMED, "tree %llu has no output",
							  (unsigned long long) i);
		else
			trees[i].group = (uint32_t) group;

		/* 3.3 may leave the weights of the last trees out: they are 1. */
		if (i < weights->count)
			trees[i].weight = mlops_number_float(weights, i);
		if (!isfinite(trees[i].weight))
			mlops_reader_fail(reader, FOREST_MALFORMED, "weight of tree %llu is not finite",
							  (unsigned long long) i);
	}
	return reader->status == FOREST_OK;
}

/* Copy the weights of gblinear to their section. */
static bool
plan_linear(Reader *reader, ModelDocument *document, const ForestPlan *plan)
{
	const NumberArray *weights = &document->array[MODEL_WEIGHTS];
	Buffer	   *section = &document->trees.section[SECTION_LINEAR];
	uint64_t	count = ((uint64_t) plan->n_features + 1) * plan->n_outputs;
	float	   *values;

	if (document->has_trees || weights->count != count)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "number of weights does not match the features");
		return false;
	}
	if (count * sizeof(float) > reader->limits->max_image)
	{
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "forest is larger than %zu bytes",
						  reader->limits->max_image);
		return false;
	}
	values = mlops_buffer_extend(section, count * sizeof(float));
	if (values == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return false;
	}
	for (uint64_t i = 0; i < count && mlops_reader_poll(reader); i++)
	{
		values[i] = mlops_number_float(weights, i);
		if (!isfinite(values[i]))
			mlops_reader_fail(reader, FOREST_MALFORMED, "a weight is not finite");
	}
	return reader->status == FOREST_OK;
}

/* Turn the base scores into one margin for each output. */
static bool
plan_base(Reader *reader, ModelDocument *document, ForestPlan *plan)
{
	Buffer	   *buffer = &document->base_score;
	uint64_t	n_given = buffer->used / sizeof(float);

	if (n_given != 1 && n_given != plan->n_outputs)
	{
		mlops_reader_fail(reader, FOREST_MALFORMED, "base scores do not match the outputs");
		return false;
	}
	for (uint64_t i = n_given; i < plan->n_outputs; i++)
	{
		float		first = *(float *) buffer->data;

		if (!mlops_buffer_append(buffer, &first, sizeof(first)))
		{
			mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
			return false;
		}
	}
	plan->base = buffer->data;
	if (!mlops_objective_base_margin(document->objective, document->version, plan->base,
									 plan->n_outputs))
		mlops_reader_fail(reader, FOREST_MALFORMED, "base score is out of range");
	return reader->status == FOREST_OK;
}

/*
 * Up to 3.2, the versions that write "dart", each leaf is added to a zero of its
 * own before it is weighed, which makes +0 of a leaf of -0.
 */
static void
clear_zero_signs(ModelDocument *document)
{
	ForestNode *nodes = document->trees.section[SECTION_NODE].data;
	uint64_t	n_nodes = document->trees.section[SECTION_NODE].used / sizeof(ForestNode);

	for (uint64_t i = 0; i < n_nodes && document->trees.vector_width <= 1; i++)
	{
		if (isnan(nodes[i].threshold) && (nodes[i].feature & NODE_CATEGORICAL) == 0)
			nodes[i].value.leaf += 0.0f;
	}
}

static bool
make_plan(Reader *reader, ModelDocument *document, ForestPlan *plan)
{
	bool		linear = strcmp(document->booster, "gblinear") == 0;

	if (!check_version(reader, document->version))
		return false;
	if (document->booster[0] == '\0')
		mlops_reader_fail(reader, FOREST_MALFORMED, "model names no booster");
	else if (!linear && strcmp(document->booster, "gbtree") != 0 &&
			 strcmp(document->booster, "dart") != 0)
		mlops_reader_fail(reader, FOREST_UNSUPPORTED, "booster \"%s\" is not supported",
						  document->booster);
	else if (plan_sizes(reader, document, plan) && plan_base(reader, document, plan))
	{
		/* XGBoost scores gblinear with all its rounds whatever the best one. */
		if (linear)
			plan_linear(reader, document, plan);
		else if (plan_trees(reader, document, plan))
			plan_iterations(reader, document, plan);
		if (strcmp(document->booster, "dart") == 0)
			clear_zero_signs(document);
	}
	return reader->status == FOREST_OK;
}

/* Derive what the fast kernels read. */
static bool
derive_sections(Reader *reader, ModelDocument *document, const ForestPlan *plan)
{
	Buffer	   *section = document->trees.section;
	DeriveSource source = {
		.trees = section[SECTION_TREE].data,
		.nodes = section[SECTION_NODE].data,
		.categories = section[SECTION_CATEGORY].data,
		.n_trees = plan->n_trees,
		.n_features = plan->n_features,
	};
	ForestStatus status = mlops_derive_sections(&source, section[SECTION_TREE].data,
												reader->limits->max_image,
												reader->limits->interrupted, section);

	if (status == FOREST_INTERRUPTED)
		mlops_reader_fail(reader, status, "interrupted");
	else if (status == FOREST_TOO_LARGE)
		mlops_reader_fail(reader, status, "forest is larger than %zu bytes",
						  reader->limits->max_image);
	else if (status != FOREST_OK)
		mlops_reader_fail(reader, status, "out of memory");
	return status == FOREST_OK;
}

/* Count the elements of the sections, without the trees left out. */
static void
count_sections(const ModelDocument *document, const ForestPlan *plan,
			   uint64_t count[FOREST_N_SECTIONS])
{
	const ForestTree *trees = document->trees.section[SECTION_TREE].data;

	for (int i = 0; i < FOREST_N_SECTIONS; i++)
		count[i] = document->trees.section[i].used / mlops_image_section_size(i, 1);
	count[SECTION_BASE] = plan->n_outputs;
	count[SECTION_TREE] = plan->n_trees;
	if (plan->n_trees < document->trees.n_trees)
		count[SECTION_NODE] = trees[plan->n_trees].first_node;
	count[SECTION_NODE_ID] = count[SECTION_NODE];
	count[SECTION_COVER] = document->trees.lacks_cover ? 0 : count[SECTION_NODE];
	count[SECTION_GAIN] = document->trees.lacks_gain ? 0 : count[SECTION_NODE];
}

/* Lay the sections out as one block, freeing each when it is copied. */
static Forest *
assemble_image(Reader *reader, ModelDocument *document, const ForestPlan *plan)
{
	Forest		header = {
		.format = FOREST_FORMAT,
		.byte_order = FOREST_BYTE_ORDER,
		.n_features = plan->n_features,
		.n_outputs = plan->n_outputs,
	};
	Forest	   *image;

	memcpy(header.magic, FOREST_MAGIC, sizeof(header.magic));
	header.transform = mlops_objective_transform(document->objective, document->version);
	header.n_values = mlops_transform_n_values(header.transform, plan->n_outputs);
	count_sections(document, plan, header.count);
	if (!mlops_image_layout(header.count, header.offset, &header.size) ||
		header.size > reader->limits->max_image)
	{
		mlops_reader_fail(reader, FOREST_TOO_LARGE, "forest is larger than %zu bytes",
						  reader->limits->max_image);
		return NULL;
	}
	image = aligned_alloc(FOREST_ALIGNMENT, header.size);
	if (image == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return NULL;
	}
	memset(image, 0, header.offset[0]);
	*image = header;
	for (int i = 0; i < FOREST_N_SECTIONS; i++)
	{
		const void *source = i == SECTION_BASE ? plan->base : document->trees.section[i].data;
		uint64_t	end = i + 1 < FOREST_N_SECTIONS ? header.offset[i + 1] : header.size;
		uint64_t	begin = header.offset[i];
		uint64_t	size = mlops_image_section_size(i, header.count[i]);

		if (size > 0)
			memcpy((char *) image + begin, source, size);
		/* Equal models have equal images: no byte is left as it was. */
		memset((char *) image + begin + size, 0, end - begin - size);
		mlops_buffer_free(&document->trees.section[i]);
	}
	return image;
}

/* Make an array of strings, in one block, of strings that lie in a row. */
static char **
copy_strings(Reader *reader, const Buffer *strings, uint32_t count)
{
	char	  **copy;
	char	   *next;

	if (count == 0)
		return NULL;
	copy = malloc(count * sizeof(char *) + strings->used);
	if (copy == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return NULL;
	}
	next = memcpy(copy + count, strings->data, strings->used);
	for (uint32_t i = 0; i < count; i++)
	{
		copy[i] = next;
		next += strlen(next) + 1;
	}
	return copy;
}

/* Per feature, 1 + the highest code in a set of its splits. */
static uint32_t *
count_categories(Reader *reader, const Forest *image)
{
	const ForestNode *nodes = mlops_image_section(image, SECTION_NODE);
	const uint32_t *sets = mlops_image_section(image, SECTION_CATEGORY);
	uint32_t   *counts = calloc(image->n_features + 1, sizeof(uint32_t));

	if (counts == NULL)
	{
		mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
		return NULL;
	}
	for (uint64_t i = 0; i < image->count[SECTION_NODE]; i++)
	{
		uint32_t   *count = &counts[nodes[i].feature & NODE_FEATURE_MASK];
		const uint32_t *set = sets + nodes[i].value.index;
		uint32_t	n_words;
		uint32_t	found = 0;

		if (!(nodes[i].feature & NODE_CATEGORICAL))
			continue;
		n_words = set[0] & ~CATEGORY_LIST;
		if (n_words > 0 && set[0] & CATEGORY_LIST)
			found = set[n_words] + 1;
		for (uint32_t w = n_words; w > 0 && found == 0; w--)
		{
			if (set[w] != 0)
				found = (w - 1) * 32 + (32 - (uint32_t) __builtin_clz(set[w]));
		}
		if (found > *count)
			*count = found;
	}
	return counts;
}

static void
describe_model(Reader *reader, const ModelDocument *document, const Forest *image,
			   ForestDescription *description)
{
	const char *objective = mlops_objective_name(document->objective);

	memset(description, 0, sizeof(*description));
	description->format = reader->methods == &mlops_reader_ubj ? FOREST_UBJ : FOREST_JSON;
	memcpy(description->version, document->version, sizeof(document->version));
	memcpy(description->booster, document->booster, sizeof(document->booster));
	memcpy(description->objective, objective, strlen(objective));
	description->n_features = image->n_features;
	description->n_classes = mlops_objective_is_multiclass(document->objective) ?
		(uint32_t) document->n_classes : 0;
	description->n_outputs = image->n_outputs;
	description->n_values = image->n_values;
	description->n_trees = (uint32_t) image->count[SECTION_TREE];
	description->n_stored_trees = (uint32_t) document->trees.n_trees;
	description->best_iteration = document->best_iteration;
	description->n_categories = count_categories(reader, image);
	description->n_feature_names = document->n_feature_names;
	description->feature_names = copy_strings(reader, &document->feature_names,
											  document->n_feature_names);
	description->feature_types = copy_strings(reader, &document->feature_types,
											  document->n_feature_types);
	if (reader->status != FOREST_OK)
		mlops_forest_free_description(description);
}

ForestStatus
mlops_forest_build(const void *bytes, size_t size, const ForestLimits *limits,
				   Forest **image, size_t *image_size,
				   ForestDescription *description, ForestError *error)
{
	ModelDocument document = {0};
	ForestPlan	plan = {0};
	Reader		reader;

	*image = NULL;
	*image_size = 0;
	mlops_reader_init(&reader, NULL, bytes, size, limits, error);
	reader.methods = find_format(&reader, bytes, size);
	if (reader.methods != NULL && mlops_document_read(&reader, &document) &&
		make_plan(&reader, &document, &plan))
	{
		mlops_trees_free_scratch(&document.trees);
		if (derive_sections(&reader, &document, &plan))
			*image = assemble_image(&reader, &document, &plan);
		if (*image != NULL && description != NULL)
			describe_model(&reader, &document, *image, description);
	}
	mlops_document_free(&document);
	if (reader.status != FOREST_OK)
	{
		free(*image);
		*image = NULL;
	}
	else
		*image_size = (*image)->size;
	return reader.status;
}

void
mlops_forest_free_description(ForestDescription *description)
{
	free(description->feature_names);
	free(description->feature_types);
	free(description->n_categories);
	memset(description, 0, sizeof(*description));
}
