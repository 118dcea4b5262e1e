/*-------------------------------------------------------------------------
 *
 * training.c
 *	  The part of a run that the trainer does, seen from the executor.
 *
 * Writes the trainer's configuration, starts it, and turns its messages into
 * progress and result.  No transaction is open meanwhile, so no snapshot is held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/json.h"

#include "base/error.h"
#include "base/settings.h"
#include "base/wire.h"
#include "compat/pg_compat.h"
#include "job/reference_file.h"
#include "job/trainer_process.h"
#include "job/training.h"

#define PROGRESS_INTERVAL_MS 200
#define MAX_METRICS 2000000
#define MAX_NOTES 100
#define MAX_METRIC_NAME 63
#define OTHER_MESSAGES 1000		/* neither of a round nor of a curve */
#define TRAINER_BASE_MEMORY (INT64CONST(160) << 20) /* program, library,
													 * stacks */

void
mlops_training_phase(TrainingRun *run, const char *phase)
{
	if (run->n_phases > 0 && strcmp(run->phase_name[run->n_phases - 1], phase) == 0)
		return;
	if (run->n_phases < TRAINING_MAX_PHASES)
	{
		strlcpy(run->phase_name[run->n_phases], phase, sizeof(run->phase_name[0]));
		INSTR_TIME_SET_CURRENT(run->phase_start[run->n_phases]);
		run->n_phases++;
	}
	run->progress.phase = run->phase_name[run->n_phases - 1];
	run->progress_changed = true;
	mlops_training_progress(run);
}

void
mlops_training_progress(TrainingRun *run)
{
	instr_time	now;
	instr_time	since;

	if (!run->progress_changed)
		return;
	INSTR_TIME_SET_CURRENT(now);
	since = now;
	INSTR_TIME_SUBTRACT(since, run->progress_written);
	if (!INSTR_TIME_IS_ZERO(run->progress_written) &&
		INSTR_TIME_GET_MILLISEC(since) < PROGRESS_INTERVAL_MS)
		return;
	mlops_handover_write_progress(&run->attempt, &run->progress);
	run->progress_written = now;
	run->progress_changed = false;
}

void
mlops_training_note(TrainingRun *run, const char *note)
{
	if (list_length(run->result.notes) < MAX_NOTES)
		run->result.notes = lappend(run->result.notes, pstrdup(note));
}

static void
put_string(StringInfo out, const char *string)
{
	size_t		size = strlen(string);
	WireWriter	writer;

	enlargeStringInfo(out, size + 4);
	mlops_wire_write_init(&writer, out->data + out->len, size + 4);
	mlops_wire_write_string(&writer, string, size);
	out->len += size + 4;
}

static void
put_pair(StringInfo out, const char *key, const char *value)
{
	put_string(out, key);
	put_string(out, value);
}

static void
put_number(StringInfo out, const char *key, int64 value)
{
	char		text_value[32];

	snprintf(text_value, sizeof(text_value), INT64_FORMAT, value);
	put_pair(out, key, text_value);
}

static void
put_baseline(StringInfo out, const Baseline *baseline, List *sources, List *recodes)
{
	char		threshold[64];
	ListCell   *cell;

	put_number(out, "baseline", 1);
	foreach(cell, sources)
		put_pair(out, "baseline_source", lfirst(cell));
	foreach(cell, recodes)
		put_pair(out, "baseline_recode", lfirst(cell));
	snprintf(threshold, sizeof(threshold), "%.17g",
			 isnan(baseline->threshold) ? 0.5 : baseline->threshold);
	put_pair(out, "baseline_threshold", threshold);
}

/* The configuration, as trainer_protocol.h has it. */
static void
make_config(const TrainingRun *run, const Dataset *dataset, const Params *params, StringInfo out)
{
	const Recipe *recipe = run->recipe;
	ListCell   *cell;

	initStringInfo(out);
	put_pair(out, "task", mlops_dataset_task_name(dataset->task));
	put_number(out, "n_features", dataset->signature->n_features);
	put_number(out, "n_classes", dataset->n_classes);
	put_number(out, "num_boost_round", recipe->num_boost_round);
	put_number(out, "threads", params->threads);
	if (recipe->early_stopping_rounds > 0)
		put_number(out, "early_stopping_rounds", recipe->early_stopping_rounds);
	put_number(out, "has_weight", recipe->weight != NULL);
	put_number(out, "has_upper", recipe->target_upper != NULL);
	put_number(out, "has_group", recipe->qid != NULL);
	put_number(out, "refit", recipe->refit);
	put_pair(out, "class_weight", recipe->class_weight ? recipe->class_weight : "none");
	if (recipe->threshold)
		put_pair(out, "threshold", recipe->threshold);
	foreach(cell, params->settings)
		put_pair(out, "param", lfirst(cell));
	appendBinaryStringInfo(out, run->features.data, run->features.len);
}

/* A file with these bytes and no name; read only. */
static int
make_input_file(const TrainingRun *run, const char *name, const char *bytes, int64 size)
{
	char	   *path = psprintf("%s/%s", mlops_handover_path(&run->attempt), name);
	int			out = BasicOpenFile(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY);
	int			in = out < 0 ? -1 : BasicOpenFile(path, O_RDONLY | PG_BINARY);

	if (in >= 0)
		errno = 0;
	if (out < 0 || in < 0 || write(out, bytes, size) != size || close(out) != 0 ||
		unlink(path) != 0)
	{
		if (errno == 0)
			errno = ENOSPC;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", path)));
	}
	return in;
}

/* A new file of the attempt, which the trainer fills. */
static int
create_file(const TrainingRun *run, const char *name, int mode)
{
	char	   *path = psprintf("%s/%s", mlops_handover_path(&run->attempt), name);
	int			fd = BasicOpenFile(path, mode | O_CREAT | O_EXCL | PG_BINARY);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path)));
	return fd;
}

/* What the trainer says does not fit together. */
pg_noreturn static void
report_invalid(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
			 errmsg("trainer sent an invalid %s", what)));
}

static void
add_metric(TrainingRun *run, const TrainerMessage *message, int round, bool baseline)
{
	ResultMetric *metric;

	if (message->part >= SPOOL_N_PARTS || message->text[0] == '\0' ||
		strlen(message->text) > MAX_METRIC_NAME || list_length(run->result.metrics) >= MAX_METRICS)
		report_invalid("metric");
	metric = palloc0(sizeof(ResultMetric));
	metric->part = message->part;
	metric->weighted = message->weighted != 0;
	metric->baseline = baseline;
	metric->name = pstrdup(message->text);
	metric->round = round;
	metric->value = message->value;
	metric->std_error = round < 0 ? message->error : NAN;
	metric->n = message->n;
	run->result.metrics = lappend(run->result.metrics, metric);
}

static void
check_round(const TrainingRun *run, const TrainerMessage *message)
{
	if (message->index < 0 || message->index >= run->recipe->num_boost_round)
		report_invalid("round");
}

static void
receive_round(TrainingRun *run, const TrainerMessage *message)
{
	int			watched = run->recipe->validation_size > 0 ? SPOOL_VALIDATION : SPOOL_TEST;

	check_round(run, message);
	add_metric(run, message, message->index, false);
	run->progress.round = message->index + 1;
	if (message->part == watched)
	{
		ResultMetric *metric = llast(run->result.metrics);

		run->progress.metric_name = metric->name;
		run->progress.metric_value = metric->value;
	}
	run->progress_changed = true;
}

/* A knot or a cut came; they are checked all together when the result is read. */
static void
add_knot(TrainingRun *run, const TrainerMessage *message)
{
	Calibration *calibration = &run->result.calibration;

	if (calibration->knots == NULL)
		calibration->knots = palloc(sizeof(MetricKnot) * METRIC_MAX_KNOTS);
	if (calibration->n_knots >= METRIC_MAX_KNOTS || message->part != SPOOL_TEST)
		report_invalid("calibration");
	calibration->n = message->n;
	calibration->knots[calibration->n_knots++] = (MetricKnot)
	{
		message->value, message->other
	};
}

static void
add_cut(TrainingRun *run, const TrainerMessage *message)
{
	ThresholdCurve *curve = &run->result.curve;

	if (curve->cuts == NULL)
		curve->cuts = palloc(sizeof(MetricCut) * METRIC_MAX_CUTS);
	if (curve->n_cuts >= METRIC_MAX_CUTS ||
		(message->part != SPOOL_TEST && message->part != SPOOL_VALIDATION))
		report_invalid("curve of thresholds");
	curve->n = message->n;
	curve->weighted = message->weighted != 0;
	run->result.curve_part = message->part;
	curve->cuts[curve->n_cuts++] = (MetricCut)
	{
		message->value, message->error, message->other
	};
}

/* A threshold that was chosen, which only some runs want. */
static void
take_threshold(TrainingRun *run, double threshold)
{
	const char *wanted = run->recipe->threshold;

	if (!wanted || strcmp(wanted, "f1") != 0 || !(threshold >= 0 && threshold <= 1))
		report_invalid("threshold");
	run->result.threshold = threshold;
}

static void
take_library_version(TrainingRun *run, const char *version)
{
	if (version[strspn(version, "0123456789.")] != '\0' ||
		strlcpy(run->library_version, version, sizeof(run->library_version)) >= sizeof(run->library_version))
		report_invalid("version of libxgboost");
}

/* The trainer's part of the phases of a run. */
static void
enter_phase(TrainingRun *run, const char *phase)
{
	if (strcmp(phase, "loading") != 0 && strcmp(phase, "training") != 0 &&
		strcmp(phase, "evaluating") != 0)
		report_invalid("phase");
	mlops_training_phase(run, phase);
}

static void
receive_message(const TrainerMessage *message, void *arg)
{
	TrainingRun *run = arg;

	switch ((TrainerMessageType) message->type)
	{
		case TRAINER_HELLO:
			take_library_version(run, message->text);
			break;
		case TRAINER_PHASE:
			enter_phase(run, message->text);
			break;
		case TRAINER_ROUND:
			receive_round(run, message);
			break;
		case TRAINER_STOPPED:
			check_round(run, message);
			mlops_training_note(run, psprintf("early stopping kept %d rounds", message->index + 1));
			break;
		case TRAINER_METRIC:
			add_metric(run, message, -1, false);
			break;
		case TRAINER_BASELINE_METRIC:
			add_metric(run, message, -1, true);
			break;
		case TRAINER_BASELINE_LOSS:
			mlops_training_note(run,
								psprintf("mean loss minus that of champion version %d on the same "
										 INT64_FORMAT " rows: %g, standard error %g",
										 run->result.baseline_version, message->n,
										 message->value, message->error));
			break;
		case TRAINER_THRESHOLD:
			take_threshold(run, message->value);
			break;
		case TRAINER_KNOT:
			add_knot(run, message);
			break;
		case TRAINER_CUT:
			add_cut(run, message);
			break;
		case TRAINER_NOTE:
			mlops_training_note(run, message->text);
			break;
		case TRAINER_ERROR:
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
					 errmsg("training failed: %s", message->text)));
			break;
		case TRAINER_DONE:
			run->result.model_size = message->n;
			run->peak_memory_kb = message->index;
			break;
	}
	mlops_training_progress(run);
}

static void
write_progress_when_idle(void *arg)
{
	mlops_training_progress(arg);
}

/* What the trainer may say at most: metrics of all parts and rounds, and the rest. */
static int64
count_messages(const Recipe *recipe, const Params *params)
{
	int64		n_metrics = 1;
	ListCell   *cell;

	foreach(cell, params->settings)
		n_metrics += strncmp(lfirst(cell), "eval_metric=", 12) == 0;
	return n_metrics * SPOOL_N_PARTS * recipe->num_boost_round +
		METRIC_MAX_KNOTS + METRIC_MAX_CUTS + OTHER_MESSAGES;
}

/* Refuse before the start what would not fit into mlops.trainer_memory. */
static void
check_memory(const Dataset *dataset, const Spool *spool, const Params *params)
{
	int64		n_rows = spool->n_rows[0] + spool->n_rows[1] + spool->n_rows[2];
	int64		n_outputs = Max(dataset->n_classes, 1);
	int64		n_features = dataset->signature->n_features;
	int64		per_row = mlops_spool_row_size(n_features) + 3 * n_features + 20 * n_outputs +
	(params->plain_matrix ? 16 * n_features : 0);
	int64		needed = TRAINER_BASE_MEMORY + n_rows * per_row;

	if (mlops_trainer_memory > 0 && needed > (int64) mlops_trainer_memory << 20)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("training on " INT64_FORMAT " rows of " INT64_FORMAT
						" features needs about " INT64_FORMAT " MB, more than the allowed %d MB",
						n_rows, n_features, needed >> 20, mlops_trainer_memory),
				 errhint("Raise mlops.trainer_memory, or select fewer rows or columns.")));
}

/* Library, threads, memory and seconds per phase, for run.environment. */
static char *
describe_environment(const TrainingRun *run, const Params *params)
{
	StringInfoData out;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(end);
	initStringInfo(&out);
	appendStringInfoString(&out, "{\"library_version\": ");
	escape_json(&out, run->library_version);
	appendStringInfo(&out, ", \"threads\": %d, \"peak_memory_kb\": " INT64_FORMAT
					 ", \"seconds\": {", params->threads, run->peak_memory_kb);
	for (int i = 0; i < run->n_phases; i++)
	{
		instr_time	time = i + 1 < run->n_phases ? run->phase_start[i + 1] : end;

		INSTR_TIME_SUBTRACT(time, run->phase_start[i]);
		if (i > 0)
			appendStringInfoString(&out, ", ");
		escape_json(&out, run->phase_name[i]);
		appendStringInfo(&out, ": %.3f", INSTR_TIME_GET_DOUBLE(time));
	}
	appendStringInfoString(&out, "}}");
	return out.data;
}

/* The version's threshold, until the trainer chooses another one. */
static double
first_threshold(const Recipe *recipe, const Dataset *dataset)
{
	if (dataset->task != TASK_BINARY)
		return NAN;
	return recipe->threshold && strcmp(recipe->threshold, "f1") != 0 ?
		strtod(recipe->threshold, NULL) : 0.5;
}

/* The parameters as XGBoost got them, for model_version.params. */
static char *
describe_params(const Params *params)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	foreach(cell, params->settings)
	{
		const char *setting = lfirst(cell);
		const char *equals = strchr(setting, '=');

		if (out.len > 1)
			appendStringInfoString(&out, ", ");
		escape_json(&out, pnstrdup(setting, equals - setting));
		appendStringInfoString(&out, ": ");
		escape_json(&out, equals + 1);
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

/* Names and kinds of the features; a model's strings are UTF-8. */
void
mlops_training_describe(TrainingRun *run, const Signature *signature)
{
	StringInfo	out = &run->features;

	initStringInfo(out);
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];

		CHECK_FOR_INTERRUPTS();
		put_pair(out, "feature_name",
				 pg_server_to_any(feature->name, strlen(feature->name), PG_UTF8));
		put_pair(out, "feature_kind", feature->kind == FEATURE_CATEGORY ? "c" :
				 feature->kind == FEATURE_BOOLEAN ? "i" : "q");
		put_number(out, "feature_cardinality",
				   feature->kind == FEATURE_CATEGORY ? feature->n_categories : 0);
	}
}

/* The champion as a second model to judge, when its features can be fed. */
static void
add_baseline(TrainingRun *run, const Dataset *dataset, Baseline *baseline,
			 StringInfo config, TrainerTask *task)
{
	List	   *sources;
	List	   *recodes;

	if (baseline->version > 0 &&
		mlops_baseline_map(baseline, dataset->signature, &sources, &recodes))
	{
		run->result.baseline_version = baseline->version;
		put_baseline(config, baseline, sources, recodes);
		task->fds[TRAINER_FD_BASELINE] = make_input_file(run, "baseline", VARDATA_ANY(baseline->bytes),
														 VARSIZE_ANY_EXHDR(baseline->bytes));
	}
	if (baseline->reason)
		mlops_training_note(run, psprintf("promotion undecided: %s", baseline->reason));
}

void
mlops_training_run(TrainingRun *run, const Dataset *dataset, Spool *spool,
				   const Params *params, Baseline *baseline)
{
	TrainerTask task = {.threads = params->threads};
	StringInfoData config;

	run->result.threshold = first_threshold(run->recipe, dataset);
	check_memory(dataset, spool, params);
	for (int i = 0; i < TRAINER_N_FDS; i++)
		task.fds[i] = -1;
	for (int i = 0; i < SPOOL_N_PARTS; i++)
		task.fds[TRAINER_FD_TRAIN + i] = spool->fd[i];
	task.memory_limit = (int64) mlops_trainer_memory << 20;
	task.file_limit = (int64) mlops_max_model_size << 20;
	task.max_messages = count_messages(run->recipe, params);

	make_config(run, dataset, params, &config);
	if (baseline)
		add_baseline(run, dataset, baseline, &config, &task);
	task.fds[TRAINER_FD_CONFIG] = make_input_file(run, "config", config.data, config.len);

	task.fds[TRAINER_FD_MODEL] = create_file(run, "model", O_WRONLY);
	task.fds[TRAINER_FD_REFERENCE] = create_file(run, REFERENCE_FILE, O_WRONLY);
	task.log_fd = create_file(run, "trainer.log", O_RDWR);

	run->progress.round = 0;
	run->progress.num_round = run->recipe->num_boost_round;
	mlops_training_phase(run, "loading");
	mlops_trainer_process_run(&task, receive_message, write_progress_when_idle, run);

	if (!mlops_calibration_is_valid(&run->result.calibration))
		report_invalid("calibration");
	if (!mlops_calibration_curve_is_valid(&run->result.curve))
		report_invalid("curve of thresholds");
	mlops_handover_seal_model(&run->attempt, &run->result);
	mlops_reference_file_read(&run->attempt, dataset, &run->result);
	run->result.params = describe_params(params);
	run->result.environment = describe_environment(run, params);
}
