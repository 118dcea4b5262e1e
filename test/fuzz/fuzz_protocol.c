/*-------------------------------------------------------------------------
 *
 * fuzz_protocol.c
 *	  Let a trainer say anything on its pipe to the executor.
 *
 * The input is a list of messages in a short form, behind the one that comes first,
 * or all of them, or bytes as they are; the pipe gives them in pieces.
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "utils/timestamp.h"

static ssize_t read_pipe(void *buffer, size_t size);

#define read(fd, buffer, size) read_pipe(buffer, size)

#include "job/training.c"
#include "job/trainer_process.c"

#define N_SHORT 12				/* bytes of a message before its text */

/* First bytes of inputs that are not messages behind HELLO. */
#define AS_IS 254
#define ALL_MESSAGES 253

static uint32_t pace;			/* draws the sizes of pieces */
static int64 n_progress;

/* A piece of what is left, or nothing yet. */
static ssize_t
read_pipe(void *buffer, size_t size)
{
	pace = pace * 1664525 + 1013904223;
	if (pace >> 29 == 0)
	{
		errno = pace >> 28 & 1 ? EINTR : EAGAIN;
		return -1;
	}
	if (pace >> 29 == 1)
		size = (pace >> 16) % size + 1;
	return fuzz_server_read_on(buffer, size);
}

/* What goes to other processes is looked at by them. */
void
mlops_handover_write_progress(const Attempt *attempt, Progress *progress)
{
	n_progress += strlen(progress->phase) + (progress->metric_name ? strlen(progress->metric_name) : 0);
}

/* Spell out a message. */
static TrainerMessage
make_message(const uint8_t *data, size_t size, size_t *used)
{
	static const double values[] = {0, 0.5, 1, -1, 0.25, 0.75, 1e300, INFINITY, -INFINITY, NAN, 5e-324, -0.0};
	TrainerMessage message = {
		.type = data[0] == 255 ? UINT32_MAX : data[0],.part = data[1],.weighted = data[2],
		.value = values[data[3] % lengthof(values)],.error = values[data[4] % lengthof(values)],
		.other = data[5] / 255.0
	};
	size_t		length = data[6];

	memcpy(&message.index, data + 7, sizeof(message.index));
	message.n = (int64) (int8) data[11] * (INT64CONST(1) << data[5] % 56);
	if (data[3] >= 128)
		message.value = data[3] / 255.0;
	if (length == 255)
		memset(message.text, 'x', sizeof(message.text));
	else
	{
		length = Min(length, size - N_SHORT);
		memcpy(message.text, data + N_SHORT, length);
		*used = N_SHORT + length;
		return message;
	}
	*used = N_SHORT;
	return message;
}

/* The bytes of the pipe. */
static void
fill_pipe(const uint8_t *data, size_t size)
{
	StringInfo	pipe = makeStringInfo();
	TrainerMessage hello = {.type = TRAINER_HELLO,.text = "1.7.4"};
	size_t		used;

	if (data[0] == AS_IS)
	{
		fuzz_server_file(data + 1, size - 1);
		return;
	}
	if (data[0] == ALL_MESSAGES)
	{
		data++;
		size--;
	}
	else
		appendBinaryStringInfo(pipe, (char *) &hello, sizeof(hello));
	while (size >= N_SHORT)
	{
		TrainerMessage message = make_message(data, size, &used);

		appendBinaryStringInfo(pipe, (char *) &message, sizeof(message));
		data += used;
		size -= used;
	}
	/* what is left over is a message that was cut off */
	appendBinaryStringInfo(pipe, (const char *) data, size);
	fuzz_server_file((uint8_t *) pipe->data, pipe->len);
}

static void
listen_to_input(const uint8_t *data, size_t size)
{
	Recipe		recipe = {.num_boost_round = 100,.validation_size = data[size - 1] & 1 ? 0.1 : 0,.threshold = "f1"};
	TrainingRun run = {.recipe = &recipe};
	Params		params = {.threads = 1};
	TrainerTask task = {.max_messages = count_messages(&recipe, &params)};
	const char *environment;

	pace = (uint32_t) size;
	run.result.threshold = NAN;
	mlops_training_phase(&run, "loading");
	fill_pipe(data, size);
	(void) listen_to_trainer(0, &task, receive_message, write_progress_when_idle, &run);

	FUZZ_REQUIRE(list_length(run.result.metrics) < task.max_messages &&
				 list_length(run.result.notes) <= MAX_NOTES && run.n_phases <= TRAINING_MAX_PHASES);
	FUZZ_REQUIRE(run.progress.round >= 0 && run.progress.round <= recipe.num_boost_round);
	environment = describe_environment(&run, &params);
	FUZZ_REQUIRE(pg_verify_mbstr(PG_UTF8, environment, strlen(environment), true));
	for (int i = 0; i < list_length(run.result.metrics); i++)
	{
		ResultMetric *metric = list_nth(run.result.metrics, i);

		FUZZ_REQUIRE(metric->part >= 0 && metric->part < SPOOL_N_PARTS && metric->name[0] != '\0' &&
					 pg_verify_mbstr(PG_UTF8, metric->name, strlen(metric->name), true));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && size < 8192)
		(void) fuzz_server_run(listen_to_input, data, size);
	return 0;
}
