/*-------------------------------------------------------------------------
 *
 * trainer_report.c
 *	  What the trainer tells the executor, and how it fails.
 *
 * Every failure ends here: one TRAINER_ERROR, then _exit, because exit() would
 * run the destructors of libxgboost beside its threads.  Texts of libxgboost
 * are cleaned of source positions and stack traces first.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xgboost/c_api.h>

#include "trainer/trainer_report.h"

#define MAX_NOTES 20

/* /proc/self/status, opened while files can still be opened. */
static int	status_fd = -1;

/* What has been noted; nothing is noted twice. */
static char notes[MAX_NOTES][512];
static int	n_notes;

/* What libxgboost said of parameters that it does not use. */
static char unused[512];

static void
write_message(TrainerMessage *message)
{
	const char *next = (const char *) message;
	size_t		left = sizeof(*message);

	while (left > 0)
	{
		ssize_t		n = write(TRAINER_FD_PIPE, next, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);			/* nobody listens any more */
		next += n;
		left -= (size_t) n;
	}
}

/* Copy text into the message, cut between characters of UTF-8. */
static void
set_text(TrainerMessage *message, const char *text)
{
	size_t		length = strnlen(text, sizeof(message->text) - 1);

	if (text[length] != '\0')
		while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80)
			length--;
	memcpy(message->text, text, length);
}

static TrainerMessage
make_message(TrainerMessageType type, const char *text)
{
	TrainerMessage message;

	memset(&message, 0, sizeof(message));
	message.type = type;
	message.error = NAN;
	set_text(&message, text);
	return message;
}

void
mlops_trainer_start_report(void)
{
	status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

void
mlops_trainer_send(TrainerMessageType type, const char *text)
{
	TrainerMessage message = make_message(type, text);

	write_message(&message);
}

void
mlops_trainer_send_round(SpoolPart part, int round, const char *metric, double value, size_t n)
{
	TrainerMessage message = make_message(TRAINER_ROUND, metric);

	message.part = part;
	message.index = round;
	message.value = value;
	message.n = (int64_t) n;
	write_message(&message);
}

void
mlops_trainer_send_stopped(int best_iteration)
{
	TrainerMessage message = make_message(TRAINER_STOPPED, "");

	message.index = best_iteration;
	write_message(&message);
}

void
mlops_trainer_send_metric(TrainerMessageType type, const char *name, bool weighted,
						  double value, double error, size_t n)
{
	TrainerMessage message = make_message(type, name);

	message.part = SPOOL_TEST;
	message.weighted = weighted;
	message.value = value;
	message.error = error;
	message.n = (int64_t) n;
	write_message(&message);
}

void
mlops_trainer_send_threshold(double threshold)
{
	TrainerMessage message = make_message(TRAINER_THRESHOLD, "");

	message.value = threshold;
	write_message(&message);
}

void
mlops_trainer_send_knot(SpoolPart part, double score, double probability, size_t n)
{
	TrainerMessage message = make_message(TRAINER_KNOT, "");

	message.part = part;
	message.value = score;
	message.other = probability;
	message.n = (int64_t) n;
	write_message(&message);
}

void
mlops_trainer_send_cut(SpoolPart part, double threshold, double positive, double negative,
					   bool weighted, size_t n)
{
	TrainerMessage message = make_message(TRAINER_CUT, "");

	message.part = part;
	message.weighted = weighted;
	message.value = threshold;
	message.error = positive;
	message.other = negative;
	message.n = (int64_t) n;
	write_message(&message);
}

/*
 * Peak resident memory in kB.  Not getrusage: its maximum survives exec and
 * would be that of the executor.
 */
static int
read_peak_memory(void)
{
	char		status[4096];
	ssize_t		n = status_fd < 0 ? -1 : pread(status_fd, status, sizeof(status) - 1, 0);
	const char *line;

	if (n <= 0)
		return 0;
	status[n] = '\0';
	line = strstr(status, "VmHWM:");
	return line ? atoi(line + strlen("VmHWM:")) : 0;
}

void
mlops_trainer_send_done(size_t n_bytes)
{
	TrainerMessage message = make_message(TRAINER_DONE, "");

	message.n = (int64_t) n_bytes;
	message.index = read_peak_memory();
	write_message(&message);
}

void
mlops_trainer_fail(const char *format,...)
{
	char text[	sizeof(((TrainerMessage *) NULL)->text)];
	va_list		args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mlops_trainer_send(TRAINER_ERROR, text);
	_exit(1);
}

void
mlops_trainer_note(const char *format,...)
{
	char	   *note = notes[n_notes];
	va_list		args;

	if (n_notes == MAX_NOTES)
		return;
	va_start(args, format);
	vsnprintf(note, sizeof(notes[0]), format, args);
	va_end(args);
	for (int i = 0; i < n_notes; i++)
		if (strcmp(notes[i], note) == 0)
			return;
	n_notes++;
	mlops_trainer_send(TRAINER_NOTE, note);
}

/*
 * Reduce "[10:00:00] WARNING: path:12: text\nStack trace: ..." to "text" on one
 * line, also without the list of objectives that the library has.
 */
static void
clean_text(const char *raw, char *clean, size_t size)
{
	static const char *const tails[] = {"\nStack trace:", "\nObjective candidate:"};
	const char *start = raw;
	const char *end;
	size_t		length = 0;

	if (*start == '[' && strchr(start, ']'))
		start = strchr(start, ']') + 1;
	for (const char *next = start; (next = strchr(next, ':')) != NULL; next++)
	{
		/*
		 * the position ends in ":<line>:" before any blank but the leading
		 * ones
		 */
		if (isdigit((unsigned char) next[1]))
		{
			const char *digits = next + 1;

			while (isdigit((unsigned char) *digits))
				digits++;
			if (*digits == ':' && memchr(start, '\n', (size_t) (digits - start)) == NULL)
				start = digits + 1;
			break;
		}
	}
	end = start + strlen(start);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
	{
		const char *tail = strstr(start, tails[i]);

		if (tail != NULL && tail < end)
			end = tail;
	}

	for (; start < end && length + 1 < size; start++)
	{
		char		c = isspace((unsigned char) *start) ? ' ' : *start;

		if (c == ' ' && (length == 0 || clean[length - 1] == ' '))
			continue;
		clean[length++] = c;
	}
	while (length > 0 && (clean[length - 1] == ' ' || clean[length - 1] == '.'))
		length--;
	clean[length] = '\0';
}

void
mlops_trainer_check(int rc)
{
	char text[	900];

	if (rc == 0)
		return;
	clean_text(XGBGetLastError(), text, sizeof(text));
	if (strstr(text, "bad_alloc"))
		mlops_trainer_fail("out of memory in libxgboost");
	mlops_trainer_fail("libxgboost: %s", text);
}

static void
catch_log(const char *raw)
{
	char text[	512];

	clean_text(raw, text, sizeof(text));
	if (strstr(text, "are not used") || strstr(text, "might not be used"))
		memcpy(unused, text, sizeof(unused));
	else if (text[0] != '\0')
		mlops_trainer_note("libxgboost: %s", text);
}

void
mlops_trainer_start_log(void)
{
	mlops_trainer_check(XGBRegisterLogCallback(catch_log));
	mlops_trainer_check(XGBSetGlobalConfig("{\"verbosity\":1}"));
}

void
mlops_trainer_check_log(void)
{
	if (unused[0] != '\0')
		mlops_trainer_fail("libxgboost: %s", unused);
}

void *
mlops_trainer_alloc(size_t count, size_t size)
{
	void	   *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (memory == NULL)
		mlops_trainer_fail("out of memory");
	return memory;
}
