/*-------------------------------------------------------------------------
 *
 * trainer_config.c
 *	  The configuration of one training, read from its descriptor.
 *
 * The format is that of trainer_protocol.h.  Everything is bounded and checked
 * here, so that later steps take the configuration as it is.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "trainer/trainer_config.h"
#include "trainer/trainer_report.h"

#define MAX_CONFIG (64 * 1024 * 1024)
#define MAX_KEY 64
#define MAX_VALUE (16 * 1024 * 1024)
#define MAX_FEATURES (1 << 20)
#define MAX_CLASSES (1 << 20)
#define MAX_ROUNDS 1000000
#define MAX_THREADS 4096
#define MAX_CARDINALITY (1 << 24)	/* XGBoost keeps categories in floats */

/* A growing list of values of one repeated key. */
typedef struct ValueList
{
	uint32_t	n;
	uint32_t	allocated;
	char	  **value;
} ValueList;

typedef struct ConfigReader
{
	TrainerConfig *config;
	ValueList	param;
	ValueList	feature_name;
	ValueList	feature_kind;
	ValueList	cardinality;
	ValueList	baseline_source;
	ValueList	baseline_recode;
} ConfigReader;

uint8_t *
mlops_trainer_read_all(int fd, size_t max, size_t *size)
{
	size_t		allocated = 64 * 1024;
	uint8_t    *bytes = mlops_trainer_alloc(allocated, 1);

	*size = 0;
	for (;;)
	{
		ssize_t		n = read(fd, bytes + *size, allocated - *size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			mlops_trainer_fail("could not read descriptor %d: %s", fd, strerror(errno));
		if (n == 0)
			return bytes;
		*size += (size_t) n;
		if (*size > max)
			mlops_trainer_fail("descriptor %d holds more than %zu bytes", fd, max);
		if (*size == allocated)
		{
			allocated *= 2;
			bytes = realloc(bytes, allocated);
			if (bytes == NULL)
				mlops_trainer_fail("out of memory");
		}
	}
}

static void
append_value(ValueList *list, char *value)
{
	if (list->n == list->allocated)
	{
		list->allocated = list->allocated ? list->allocated * 2 : 64;
		list->value = realloc(list->value, list->allocated * sizeof(char *));
		if (list->value == NULL)
			mlops_trainer_fail("out of memory");
	}
	list->value[list->n++] = value;
}

static long
parse_integer(const char *key, const char *value, long min, long max)
{
	char	   *end;
	long		number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || number < min || number > max)
		mlops_trainer_fail("configuration: %s is out of range: \"%.64s\"", key, value);
	return number;
}

static double
parse_number(const char *key, const char *value)
{
	char	   *end;
	double		number = strtod(value, &end);

	if (end == value || *end != '\0' || !isfinite(number))
		mlops_trainer_fail("configuration: %s is not a number: \"%.64s\"", key, value);
	return number;
}

static MetricTask
parse_task(const char *value)
{
	MetricTask	task;

	if (mlops_metric_task_from_name(value, &task))
		return task;
	mlops_trainer_fail("configuration: no such task: \"%.64s\"", value);
}

/* Take a key that holds a list; false if the key is none of them. */
static bool
take_repeated(ConfigReader *reader, const char *key, char *value)
{
	struct
	{
		const char *key;
		ValueList  *list;
	}			lists[] = {
		{"param", &reader->param},
		{"feature_name", &reader->feature_name},
		{"feature_kind", &reader->feature_kind},
		{"feature_cardinality", &reader->cardinality},
		{"baseline_source", &reader->baseline_source},
		{"baseline_recode", &reader->baseline_recode},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(key, lists[i].key) == 0)
		{
			append_value(lists[i].list, value);
			return true;
		}
	return false;
}

static void
take_scalar(TrainerConfig *config, const char *key, const char *value)
{
	if (strcmp(key, "task") == 0)
		config->task = parse_task(value);
	else if (strcmp(key, "n_features") == 0)
		config->n_features = (uint32_t) parse_integer(key, value, 1, MAX_FEATURES);
	else if (strcmp(key, "n_classes") == 0)
		config->n_classes = (uint32_t) parse_integer(key, value, 0, MAX_CLASSES);
	else if (strcmp(key, "num_boost_round") == 0)
		config->num_boost_round = (int) parse_integer(key, value, 1, MAX_ROUNDS);
	else if (strcmp(key, "early_stopping_rounds") == 0)
		config->early_stopping_rounds = (int) parse_integer(key, value, 1, MAX_ROUNDS);
	else if (strcmp(key, "threads") == 0)
		config->threads = (int) parse_integer(key, value, 1, MAX_THREADS);
	else if (strcmp(key, "has_weight") == 0)
		config->has_weight = parse_integer(key, value, 0, 1) != 0;
	else if (strcmp(key, "has_upper") == 0)
		config->has_upper = parse_integer(key, value, 0, 1) != 0;
	else if (strcmp(key, "has_group") == 0)
		config->has_group = parse_integer(key, value, 0, 1) != 0;
	else if (strcmp(key, "refit") == 0)
		config->refit = parse_integer(key, value, 0, 1) != 0;
	else if (strcmp(key, "baseline") == 0)
		config->baseline = parse_integer(key, value, 0, 1) != 0;
	else if (strcmp(key, "baseline_threshold") == 0)
		config->baseline_threshold = parse_number(key, value);
	else if (strcmp(key, "class_weight") == 0)
	{
		config->balanced = strcmp(value, "balanced") == 0;
		if (!config->balanced && strcmp(value, "none") != 0)
			mlops_trainer_fail("configuration: no such class_weight: \"%.64s\"", value);
	}
	else if (strcmp(key, "threshold") == 0)
	{
		config->choose_threshold = strcmp(value, "f1") == 0;
		if (!config->choose_threshold)
			config->threshold = parse_number(key, value);
	}
	else
		mlops_trainer_fail("configuration: no such key: \"%.64s\"", key);
}

/* Read one string into memory of its own. */
static char *
read_string(WireReader *reader, size_t max)
{
	size_t		length;
	const char *bytes = mlops_wire_read_string(reader, max, &length);
	char	   *string;

	if (reader->failed)
		mlops_trainer_fail("configuration is truncated or has an oversized string");
	if (length > 0 && memchr(bytes, '\0', length) != NULL)
		mlops_trainer_fail("configuration has a zero byte in a string");
	string = mlops_trainer_alloc(length + 1, 1);
	if (length > 0)
		memcpy(string, bytes, length);
	return string;
}

static void
set_params(TrainerConfig *config, const ValueList *list)
{
	config->n_params = list->n;
	config->param_name = mlops_trainer_alloc(list->n, sizeof(char *));
	config->param_value = mlops_trainer_alloc(list->n, sizeof(char *));
	for (uint32_t i = 0; i < list->n; i++)
	{
		char	   *equals = strchr(list->value[i], '=');

		if (equals == NULL || equals == list->value[i])
			mlops_trainer_fail("configuration: param without a name: \"%.64s\"", list->value[i]);
		*equals = '\0';
		config->param_name[i] = list->value[i];
		config->param_value[i] = equals + 1;
	}
}

static void
set_features(TrainerConfig *config, const ConfigReader *reader)
{
	if (config->n_features == 0)
		mlops_trainer_fail("configuration: n_features is missing");
	if (reader->feature_name.n != config->n_features ||
		reader->feature_kind.n != config->n_features ||
		reader->cardinality.n != config->n_features)
		mlops_trainer_fail("configuration: %u features, but %u names, %u kinds and %u cardinalities",
						   config->n_features, reader->feature_name.n,
						   reader->feature_kind.n, reader->cardinality.n);

	config->feature_name = (const char **) reader->feature_name.value;
	config->feature_kind = (const char **) reader->feature_kind.value;
	config->cardinality = mlops_trainer_alloc(config->n_features, sizeof(uint32_t));
	for (uint32_t i = 0; i < config->n_features; i++)
	{
		const char *kind = config->feature_kind[i];

		if (strcmp(kind, "q") != 0 && strcmp(kind, "i") != 0 && strcmp(kind, "c") != 0)
			mlops_trainer_fail("configuration: no such feature_kind: \"%.64s\"", kind);
		config->cardinality[i] = (uint32_t) parse_integer("feature_cardinality",
														  reader->cardinality.value[i],
														  0, MAX_CARDINALITY);
		if (kind[0] == 'c')
			config->categorical = true;
	}
}

/* Parse "3,0,1": category indices of the baseline, in the order of ours. */
static void
parse_recode(TrainerRecode *recode, char *list)
{
	uint32_t	n = 1;
	char	   *next = list;

	if (*list == '\0')
		return;
	for (const char *c = list; *c != '\0'; c++)
		n += *c == ',';
	recode->index = mlops_trainer_alloc(n, sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
	{
		char	   *item = strsep(&next, ",");

		recode->index[i] = (uint32_t) parse_integer("baseline_recode", item, 0, MAX_CARDINALITY);
	}
	recode->n = n;
}

static void
set_baseline(TrainerConfig *config, const ConfigReader *reader)
{
	uint32_t	n = reader->baseline_source.n;

	if (!config->baseline)
		return;
	if (n == 0 || n > MAX_FEATURES || reader->baseline_recode.n != n)
		mlops_trainer_fail("configuration: %u baseline sources, but %u recodes",
						   n, reader->baseline_recode.n);
	config->n_baseline = n;
	config->baseline_source = mlops_trainer_alloc(n, sizeof(int32_t));
	config->baseline_recode = mlops_trainer_alloc(n, sizeof(TrainerRecode));
	for (uint32_t i = 0; i < n; i++)
	{
		config->baseline_source[i] = (int32_t) parse_integer("baseline_source",
															 reader->baseline_source.value[i],
															 -1, (long) config->n_features - 1);
		parse_recode(&config->baseline_recode[i], reader->baseline_recode.value[i]);
	}
}

static void
check_config(const TrainerConfig *config)
{
	const char *booster = mlops_trainer_param(config, "booster", "gbtree");

	if (config->num_boost_round == 0)
		mlops_trainer_fail("configuration: num_boost_round is missing");
	if (config->task == METRIC_MULTICLASS && config->n_classes < 2)
		mlops_trainer_fail("configuration: multiclass with %u classes", config->n_classes);
	if (config->task == METRIC_RANKING && !config->has_group)
		mlops_trainer_fail("configuration: ranking without groups");
	if (config->balanced && config->task != METRIC_BINARY && config->task != METRIC_MULTICLASS)
		mlops_trainer_fail("class_weight needs a classification task");
	if (config->choose_threshold && config->task != METRIC_BINARY)
		mlops_trainer_fail("threshold needs a binary task");
	/* from 3.3 on, dropout parameters make gbtree what dart was */
	if (mlops_trainer_param(config, "rate_drop", NULL) || mlops_trainer_param(config, "one_drop", NULL))
		booster = "dart";
	if (config->early_stopping_rounds > 0 && strcmp(booster, "gbtree") != 0)
		mlops_trainer_fail("early stopping is not defined for booster %s", booster);
	if (strcmp(mlops_trainer_param(config, "updater", ""), "shotgun") == 0)
		mlops_trainer_fail("updater shotgun is not reproducible; use coord_descent");
}

TrainerConfig *
mlops_trainer_read_config(int fd)
{
	size_t		size;
	uint8_t    *bytes = mlops_trainer_read_all(fd, MAX_CONFIG, &size);
	TrainerConfig *config = mlops_trainer_alloc(1, sizeof(*config));
	ConfigReader reader = {.config = config};
	WireReader	wire;

	config->threads = 1;
	config->threshold = 0.5;
	config->baseline_threshold = 0.5;

	mlops_wire_read_init(&wire, bytes, size);
	while (wire.next < wire.end)
	{
		char	   *key = read_string(&wire, MAX_KEY);
		char	   *value = read_string(&wire, MAX_VALUE);

		if (!take_repeated(&reader, key, value))
		{
			take_scalar(config, key, value);
			free(value);
		}
		free(key);
	}
	free(bytes);

	set_params(config, &reader.param);
	set_features(config, &reader);
	set_baseline(config, &reader);
	check_config(config);
	return config;
}

const char *
mlops_trainer_param(const TrainerConfig *config, const char *name, const char *otherwise)
{
	const char *value = otherwise;

	for (uint32_t i = 0; i < config->n_params; i++)
		if (strcmp(config->param_name[i], name) == 0)
			value = config->param_value[i];
	return value;
}

const char *
mlops_trainer_objective(const TrainerConfig *config)
{
	const char *otherwise = "reg:squarederror";

	switch (config->task)
	{
		case METRIC_REGRESSION:
			break;
		case METRIC_BINARY:
			otherwise = "binary:logistic";
			break;
		case METRIC_MULTICLASS:
			otherwise = "multi:softprob";
			break;
		case METRIC_RANKING:
			otherwise = "rank:ndcg";
			break;
		case METRIC_SURVIVAL:
			otherwise = config->has_upper ? "survival:aft" : "survival:cox";
			break;
	}
	return mlops_trainer_param(config, "objective", otherwise);
}
