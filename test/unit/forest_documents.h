/*-------------------------------------------------------------------------
 *
 * forest_documents.h
 *	  Small model documents for tests, made when the test runs.
 *
 * A document is written as JSON; edits replace a piece of it; a converter
 * makes UBJSON of it, with arrays in one of the forms that XGBoost writes or
 * reads.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TEST_FOREST_DOCUMENTS_H
#define MLOPS_TEST_FOREST_DOCUMENTS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "forest/forest.h"

static const ForestLimits default_limits = {
	.max_image = 64 << 20,.max_features = 10000,.max_outputs = 1000
};

/*
 * Two trees over two features.  The first: f0 < 0.5 (missing right): -0.25 or
 * 0.75.  The second: f1 < 2 (missing left): 0.125, else f0 < -1 (missing
 * right): 1 or 2.
 */
#define TREE_0 \
	"{\"base_weights\":[0E0,-1E0,1E0],\"categories\":[],\"categories_nodes\":[]," \
	"\"categories_segments\":[],\"categories_sizes\":[],\"default_left\":[0,0,0]," \
	"\"id\":0,\"left_children\":[1,-1,-1],\"loss_changes\":[5E0,0E0,0E0]," \
	"\"parents\":[2147483647,0,0],\"right_children\":[2,-1,-1]," \
	"\"split_conditions\":[5E-1,-2.5E-1,7.5E-1],\"split_indices\":[0,0,0]," \
	"\"split_type\":[0,0,0],\"sum_hessian\":[9E0,4E0,5E0],\"tree_param\":{" \
	"\"num_deleted\":\"0\",\"num_feature\":\"2\",\"num_nodes\":\"3\",\"size_leaf_vector\":\"0\"}}"
#define TREE_1 \
	"{\"base_weights\":[0E0,-1E0,1E0,0E0,0E0],\"categories\":[],\"categories_nodes\":[]," \
	"\"categories_segments\":[],\"categories_sizes\":[],\"default_left\":[1,0,0,0,0]," \
	"\"id\":1,\"left_children\":[1,-1,3,-1,-1],\"loss_changes\":[5E0,0E0,1E0,0E0,0E0]," \
	"\"parents\":[2147483647,0,0,2,2],\"right_children\":[2,-1,4,-1,-1]," \
	"\"split_conditions\":[2E0,1.25E-1,-1E0,1E0,2E0],\"split_indices\":[1,0,0,0,0]," \
	"\"split_type\":[0,0,0,0,0],\"sum_hessian\":[9E0,4E0,5E0,2E0,3E0],\"tree_param\":{" \
	"\"num_deleted\":\"0\",\"num_feature\":\"2\",\"num_nodes\":\"5\",\"size_leaf_vector\":\"0\"}}"
#define MODEL \
	"{\"learner\":{\"attributes\":{},\"feature_names\":[\"age\",\"size\"]," \
	"\"feature_types\":[\"float\",\"q\"],\"gradient_booster\":{\"model\":{" \
	"\"gbtree_model_param\":{\"num_parallel_tree\":\"1\",\"num_trees\":\"2\"," \
	"\"size_leaf_vector\":\"0\"},\"tree_info\":[0,0],\"trees\":[" TREE_0 "," TREE_1 "]}," \
	"\"name\":\"gbtree\"},\"learner_model_param\":{\"base_score\":\"2.5E-1\"," \
	"\"boost_from_average\":\"1\",\"num_class\":\"0\",\"num_feature\":\"2\"," \
	"\"num_target\":\"1\"},\"objective\":{\"name\":\"reg:squarederror\"," \
	"\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}}},\"version\":[1,7,4]}"

/* A linear model: two features, one output. */
#define LINEAR_MODEL \
	"{\"learner\":{\"attributes\":{},\"feature_names\":[],\"feature_types\":[]," \
	"\"gradient_booster\":{\"model\":{\"boosted_rounds\":3,\"weights\":[5E-1,-2E0,1E0]}," \
	"\"name\":\"gblinear\"},\"learner_model_param\":{\"base_score\":\"2.5E-1\"," \
	"\"boost_from_average\":\"1\",\"num_class\":\"0\",\"num_feature\":\"2\"," \
	"\"num_target\":\"1\"},\"objective\":{\"name\":\"reg:squarederror\"}}," \
	"\"version\":[1,7,4]}"

/* Copy a document with the first "from" replaced; NULL: as it is. */
static inline char *
edit_document(const char *document, const char *from, const char *to)
{
	const char *place = from ? strstr(document, from) : NULL;
	char	   *copy;

	if (from == NULL)
		return strdup(document);
	if (place == NULL)
	{
		fprintf(stderr, "the document has no %s\n", from);
		abort();
	}
	copy = malloc(strlen(document) + strlen(to) + 1);
	memcpy(copy, document, place - document);
	strcpy(copy + (place - document), to);
	strcat(copy, place + strlen(from));
	return copy;
}

/* As edit_document, freeing the document, so that edits can be chained. */
static inline char *
edit_further(char *document, const char *from, const char *to)
{
	char	   *copy = edit_document(document, from, to);

	free(document);
	return copy;
}

typedef enum UbjForm
{
	UBJ_TYPED,					/* arrays of numbers have a type and a count */
	UBJ_COUNTED,				/* arrays have a count */
	UBJ_OPEN,					/* arrays end with a bracket */
	N_UBJ_FORMS
} UbjForm;

static inline uint8_t *
put_number(uint8_t *out, char type, const char *string)
{
	uint64_t	value;
	float		real = strtof(string, NULL);
	uint32_t	bits;
	int			size = type == 'L' ? 8 : 4;

	if (type == 'd')
	{
		memcpy(&bits, &real, sizeof(bits));
		value = bits;
	}
	else
		value = (uint64_t) strtoll(string, NULL, 10);
	for (int i = size - 1; i >= 0; i--)
		*out++ = (uint8_t) (value >> (8 * i));
	return out;
}

static inline bool
is_number_start(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == 'N' || c == 'I';
}

/* Whether the number, or one of the array's, is written as a float. */
static inline bool
has_float(const char *string)
{
	size_t		length = strcspn(string, "]}");

	for (size_t i = 0; i < length; i++)
		if (strchr(".EeNI", string[i]) != NULL)
			return true;
	return false;
}

static inline size_t
count_elements(const char *string)
{
	size_t		n = *string != ']';

	for (int depth = 0; depth > 0 || *string != ']'; string++)
	{
		if (*string == '"')
			string += 1 + strcspn(string + 1, "\"");
		else if (*string == '[' || *string == '{')
			depth++;
		else if (*string == ']' || *string == '}')
			depth--;
		else if (*string == ',' && depth == 0)
			n++;
	}
	return n;
}

static inline const char *put_value(const char *string, uint8_t **out, UbjForm form);

/* Copy "..." as a length and bytes; returns what follows it. */
static inline const char *
put_string(const char *string, uint8_t **out)
{
	size_t		length = strcspn(string + 1, "\"");
	char		digits[24];

	snprintf(digits, sizeof(digits), "%zu", length);
	*(*out)++ = 'L';
	*out = put_number(*out, 'L', digits);
	memcpy(*out, string + 1, length);
	*out += length;
	return string + length + 2;
}

static inline const char *
put_array(const char *string, uint8_t **out, UbjForm form)
{
	char		type = has_float(string) ? 'd' : 'l';
	bool		typed = form == UBJ_TYPED && is_number_start(*string);
	char		digits[24];

	snprintf(digits, sizeof(digits), "%zu", count_elements(string));
	*(*out)++ = '[';
	if (typed)
	{
		*(*out)++ = '$';
		*(*out)++ = (uint8_t) type;
	}
	if (form != UBJ_OPEN)
	{
		*(*out)++ = '#';
		*(*out)++ = 'L';
		*out = put_number(*out, 'L', digits);
	}
	while (*string != ']')
	{
		if (*string == ',')
			string++;
		else if (typed)
		{
			*out = put_number(*out, type, string);
			string += strcspn(string, ",]");
		}
		else
			string = put_value(string, out, form);
	}
	if (form == UBJ_OPEN)
		*(*out)++ = ']';
	return string + 1;
}

static inline const char *
put_value(const char *string, uint8_t **out, UbjForm form)
{
	if (*string == '{')
	{
		*(*out)++ = '{';
		for (string++; *string != '}';)
		{
			if (*string == ',')
				string++;
			string = put_string(string, out);
			string = put_value(string + 1, out, form);
		}
		*(*out)++ = '}';
		return string + 1;
	}
	if (*string == '[')
		return put_array(string + 1, out, form);
	if (*string == '"')
	{
		*(*out)++ = 'S';
		return put_string(string, out);
	}
	if (is_number_start(*string))
	{
		size_t		length = strcspn(string, ",]}");
		char		type = 'l';

		for (size_t i = 0; i < length; i++)
			if (strchr(".EeNI", string[i]) != NULL)
				type = 'd';
		*(*out)++ = (uint8_t) type;
		*out = put_number(*out, type, string);
		return string + length;
	}
	*(*out)++ = *string == 't' ? 'T' : *string == 'f' ? 'F' : 'Z';
	return string + strcspn(string, ",]}");
}

/* Make UBJSON of a JSON document without spaces and escapes. */
static inline uint8_t *
make_ubj(const char *json, UbjForm form, size_t *size)
{
	uint8_t    *bytes = malloc(strlen(json) * 8 + 64);
	uint8_t    *out = bytes;

	put_value(json, &out, form);
	*size = (size_t) (out - bytes);
	return bytes;
}

#endif							/* MLOPS_TEST_FOREST_DOCUMENTS_H */
