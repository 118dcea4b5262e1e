/*-------------------------------------------------------------------------
 *
 * model_document.c
 *	  The schema of XGBoost's model documents, 1.7 to 3.4.
 *
 * reader.c -> document -> forest_build.c.  Members come in any order; those
 * that do not matter for scores are skipped.  One function per object.
 *
 *-------------------------------------------------------------------------
 */
#include "forest/model_document.h"

/* Read a string of decimal digits. */
static void
read_count(Reader *reader, const char *name, uint64_t *count)
{
	ReaderText	string;

	if (mlops_reader_read_string(reader, &string) && !mlops_text_to_uint(&string, count))
		mlops_reader_fail(reader, FOREST_MALFORMED, "parameter \"%s\" is not a count", name);
}

static void
read_version(Reader *reader, ModelDocument *document)
{
	Buffer		scratch = {0};
	NumberArray parts;
	int64_t		part = -1;

	if (mlops_reader_read_ints(reader, &scratch, &parts))
	{
		for (int i = 0; i < 3 && parts.count == 3; i++)
		{
			if (!mlops_number_int(&parts, (uint64_t) i, &part) || part < 0 || part > 9999)
				break;
			document->version[i] = (int) part;
		}
		if (part < 0 || part > 9999)
			mlops_reader_fail(reader, FOREST_MALFORMED, "version is malformed");
	}
	mlops_buffer_free(&scratch);
}

/* Read an array of at most max_features strings. */
static void
read_strings(Reader *reader, Buffer *strings, uint32_t *count)
{
	ReaderText	string;

	if (!mlops_reader_enter_array(reader))
		return;
	while (mlops_reader_next_element(reader))
	{
		if (*count == reader->limits->max_features)
			mlops_reader_fail(reader, FOREST_TOO_LARGE, "model has more than %u features",
							  reader->limits->max_features);
		else if (mlops_reader_read_string(reader, &string) &&
				 mlops_text_append(reader, &string, strings))
			(*count)++;
	}
}

static void
read_attributes(Reader *reader, ModelDocument *document)
{
	static const char *const keys[] = {"best_iteration", NULL};
	uint32_t	seen = 0;
	ReaderText	key;
	uint64_t	best = 0;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		if (mlops_reader_find_key(reader, &key, keys, &seen) < 0)
			mlops_reader_skip(reader);
		else
		{
			read_count(reader, keys[0], &best);
			document->best_iteration = (int64_t) best;
		}
	}
}

/*
 * Read the base scores: one number, or since 3.1 a list "[a,b]" with one for
 * each output.
 */
static void
read_base_score(Reader *reader, ModelDocument *document)
{
	ReaderText	string;
	size_t		at = 0;
	bool		list;

	if (!mlops_reader_read_string(reader, &string))
		return;
	list = string.length >= 2 &&
		((string.data[0] == '[' && string.data[string.length - 1] == ']') ||
		 (string.data[0] == '(' && string.data[string.length - 1] == ')'));
	if (list)
	{
		string.data++;
		string.length -= 2;
	}
	do
	{
		char		digits[READER_MAX_NUMBER + 1];
		size_t		length = 0;
		char	   *end = digits;
		float		value;

		for (; at < string.length && string.data[at] != ',' && length < READER_MAX_NUMBER; at++)
		{
			if (string.data[at] == '\0' || strchr("0123456789+-.eE", string.data[at]) == NULL)
			{
				if (string.data[at] == ' ')
					continue;
				break;
			}
			digits[length++] = string.data[at];
		}
		digits[length] = '\0';
		value = strtof(digits, &end);
		if (length == 0 || *end != '\0' ||
			(at < string.length && (string.data[at] != ',' || !list)))
		{
			mlops_reader_fail(reader, FOREST_MALFORMED, "base score is malformed");
			return;
		}
		if (document->base_score.used / sizeof(float) >= reader->limits->max_outputs)
			mlops_reader_fail(reader, FOREST_TOO_LARGE, "model has more than %u outputs",
							  reader->limits->max_outputs);
		else if (!mlops_buffer_append(&document->base_score, &value, sizeof(value)))
			mlops_reader_fail(reader, FOREST_NO_MEMORY, "out of memory");
	} while (at++ < string.length && mlops_reader_poll(reader));
}

static void
read_learner_param(Reader *reader, ModelDocument *document)
{
	static const char *const keys[] = {
		"base_score", "num_feature", "num_class", "num_target", NULL
	};
	uint32_t	seen = 0;
	ReaderText	key;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		switch (mlops_reader_find_key(reader, &key, keys, &seen))
		{
			case 0:
				read_base_score(reader, document);
				break;
			case 1:
				read_count(reader, keys[1], &document->n_features);
				break;
			case 2:
				read_count(reader, keys[2], &document->n_classes);
				break;
			case 3:
				read_count(reader, keys[3], &document->n_targets);
				break;
			default:
				mlops_reader_skip(reader);
				break;
		}
	}
}

/* Read a short string of printable ASCII. */
static bool
read_name(Reader *reader, char *name, size_t size)
{
	ReaderText	string;
	bool		valid;

	if (!mlops_reader_read_string(reader, &string))
		return false;
	valid = !string.escaped && string.length < size;
	for (size_t i = 0; valid && i < string.length; i++)
		valid = string.data[i] > ' ' && string.data[i] < 0x7f;
	if (!valid)
	{
		mlops_reader_fail(reader, FOREST_UNSUPPORTED, "a name is not one that XGBoost uses");
		return false;
	}
	memcpy(name, string.data, string.length);
	name[string.length] = '\0';
	return true;
}

static void
read_objective(Reader *reader, ModelDocument *document)
{
	static const char *const keys[] = {"name", NULL};
	uint32_t	seen = 0;
	ReaderText	key;
	char		name[64];

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		if (mlops_reader_find_key(reader, &key, keys, &seen) < 0)
			mlops_reader_skip(reader);
		else if (read_name(reader, name, sizeof(name)))
		{
			document->objective = mlops_objective_find(name);
			if (document->objective == NULL)
				mlops_reader_fail(reader, FOREST_UNSUPPORTED,
								  "objective \"%s\" is not supported", name);
		}
	}
}

static void
read_gbtree_param(Reader *reader, ModelDocument *document)
{
	static const char *const keys[] = {"num_trees", "num_parallel_tree", NULL};
	uint32_t	seen = 0;
	ReaderText	key;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		switch (mlops_reader_find_key(reader, &key, keys, &seen))
		{
			case 0:
				read_count(reader, keys[0], &document->n_trees);
				break;
			case 1:
				read_count(reader, keys[1], &document->n_parallel_trees);
				break;
			default:
				mlops_reader_skip(reader);
				break;
		}
	}
}

static void
read_trees(Reader *reader, ModelDocument *document)
{
	document->has_trees = true;
	if (!mlops_reader_enter_array(reader))
		return;
	while (mlops_reader_next_element(reader))
		if (!mlops_tree_read(reader, &document->trees))
			return;
}

/* The weights of dart lie beside the model up to 3.3, then in it. */
static void
read_weight_drop(Reader *reader, ModelDocument *document)
{
	NumberArray *array = &document->array[MODEL_WEIGHT_DROP];

	if (array->bytes != NULL)
		mlops_reader_fail(reader, FOREST_MALFORMED, "member \"weight_drop\" is there twice");
	else
		mlops_reader_read_floats(reader, &document->scratch[MODEL_WEIGHT_DROP], array);
}

static void
read_model(Reader *reader, ModelDocument *document)
{
	/* In the order of ModelArray, then the others. */
	static const char *const keys[] = {
		"tree_info", "iteration_indptr", "weight_drop", "weights",
		"gbtree_model_param", "trees", NULL
	};
	uint32_t	seen = 0;
	ReaderText	key;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		int			which = mlops_reader_find_key(reader, &key, keys, &seen);

		switch (which)
		{
			case MODEL_TREE_INFO:
			case MODEL_ITERATION_INDPTR:
				mlops_reader_read_ints(reader, &document->scratch[which],
									   &document->array[which]);
				break;
			case MODEL_WEIGHT_DROP:
				read_weight_drop(reader, document);
				break;
			case MODEL_WEIGHTS:
				mlops_reader_read_floats(reader, &document->scratch[which],
										 &document->array[which]);
				break;
			case N_MODEL_ARRAYS:
				read_gbtree_param(reader, document);
				break;
			case N_MODEL_ARRAYS + 1:
				read_trees(reader, document);
				break;
			default:
				mlops_reader_skip(reader);
				break;
		}
	}
}

/* Read a booster; dart has a gbtree within it up to 3.2. */
static void
read_booster(Reader *reader, ModelDocument *document, uint32_t *seen_models, bool inner)
{
	static const char *const keys[] = {"name", "weight_drop", "model", "gbtree", NULL};
	static const char *const models[] = {"model", NULL};
	uint32_t	seen = 0;
	ReaderText	key;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		int			which = mlops_reader_find_key(reader, &key, keys, &seen);

		if (which == 0 && !inner)
			read_name(reader, document->booster, sizeof(document->booster));
		else if (which == 1)
			read_weight_drop(reader, document);
		else if (which == 2 &&
				 mlops_reader_find_key(reader, &key, models, seen_models) == 0)
			read_model(reader, document);
		else if (which == 3 && !inner)
			read_booster(reader, document, seen_models, true);
		else
			mlops_reader_skip(reader);
	}
}

static void
read_learner(Reader *reader, ModelDocument *document)
{
	static const char *const keys[] = {
		"attributes", "feature_names", "feature_types", "gradient_booster",
		"learner_model_param", "objective", NULL
	};
	uint32_t	seen = 0;
	uint32_t	seen_models = 0;
	ReaderText	key;

	if (!mlops_reader_enter_object(reader))
		return;
	while (mlops_reader_next_member(reader, &key))
	{
		switch (mlops_reader_find_key(reader, &key, keys, &seen))
		{
			case 0:
				read_attributes(reader, document);
				break;
			case 1:
				read_strings(reader, &document->feature_names, &document->n_feature_names);
				break;
			case 2:
				read_strings(reader, &document->feature_types, &document->n_feature_types);
				break;
			case 3:
				read_booster(reader, document, &seen_models, false);
				break;
			case 4:
				read_learner_param(reader, document);
				break;
			case 5:
				read_objective(reader, document);
				break;
			default:
				mlops_reader_skip(reader);
				break;
		}
	}
}

/* Read the whole document; false when there is an error. */
bool
mlops_document_read(Reader *reader, ModelDocument *document)
{
	static const char *const keys[] = {"learner", "version", NULL};
	uint32_t	seen = 0;
	ReaderText	key;

	document->best_iteration = -1;
	document->n_targets = 1;
	document->n_parallel_trees = 1;

	if (!mlops_reader_enter_object(reader))
		return false;
	while (mlops_reader_next_member(reader, &key))
	{
		switch (mlops_reader_find_key(reader, &key, keys, &seen))
		{
			case 0:
				read_learner(reader, document);
				break;
			case 1:
				read_version(reader, document);
				break;
			default:
				mlops_reader_skip(reader);
				break;
		}
	}
	return mlops_reader_finish(reader);
}

void
mlops_document_free(ModelDocument *document)
{
	mlops_trees_free(&document->trees);
	for (int i = 0; i < N_MODEL_ARRAYS; i++)
		mlops_buffer_free(&document->scratch[i]);
	mlops_buffer_free(&document->base_score);
	mlops_buffer_free(&document->feature_names);
	mlops_buffer_free(&document->feature_types);
}
