/*-------------------------------------------------------------------------
 *
 * hostile_actions.h
 *	  What the misbehaving trainer can do; see hostile_trainer.c.
 *
 * An action that returns leaves the rest to the honest trainer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HOSTILE_ACTIONS_H
#define HOSTILE_ACTIONS_H

#include <math.h>

#include "sandbox_probes.h"
#include "trainer/trainer_reference.h"
#include "trainer/trainer_report.h"
#include "trainer/trainer_train.h"

typedef struct HostileAction
{
	const char *name;
	void		(*run) (void);
} HostileAction;

static TrainerModel *hostile_model;
static const TrainerReference *hostile_reference;
static int64_t hostile_size;	/* of the model that was written */
static pid_t postmaster;

/* Aim the probes at the server's files, and remember who its first process is. */
static void
prepare_probes(void)
{
	char		path[64];
	char		stat[512] = "";
	ssize_t		size;
	char	   *end;
	int			fd;

	size = readlink("/proc/self/fd/8", probe_folder, sizeof(probe_folder) - 1);
	end = size > 0 ? strstr(probe_folder, "/base/pgsql_tmp/") : NULL;
	if (end == NULL)
		return;
	*end = '\0';
	snprintf(probe_file, sizeof(probe_file), "%s/PG_VERSION", probe_folder);
	probe_fd = TRAINER_FD_MODEL;

	snprintf(path, sizeof(path), "/proc/%d/stat", getppid());
	fd = open(path, O_RDONLY);
	if (fd >= 0 && read(fd, stat, sizeof(stat) - 1) > 0 && (end = strrchr(stat, ')')) != NULL)
		postmaster = atoi(end + 4);
	close(fd);
}

static void
send_bytes(int fd, const void *bytes, size_t size)
{
	const char *next = bytes;

	while (size > 0)
	{
		ssize_t		n = write(fd, next, size);

		if (n <= 0)
			_exit(9);
		next += n;
		size -= (size_t) n;
	}
}

/* Send a message of any kind; its number goes wherever the kind has one. */
static void
send_message(uint32_t type, const char *text, int32_t index, double value)
{
	TrainerMessage message = {.type = type,.part = SPOOL_TEST,.index = index,.n = 1,
	.value = value,.error = value,.other = value};

	strncpy(message.text, text, sizeof(message.text) - 1);
	send_bytes(TRAINER_FD_PIPE, &message, sizeof(message));
}

static void
send_done_and_exit(int64_t size)
{
	TrainerMessage message = {.type = TRAINER_DONE,.n = size};

	send_bytes(TRAINER_FD_PIPE, &message, sizeof(message));
	_exit(0);
}

/* Ends */

static void
segv(void)
{
	int		   *volatile nowhere = NULL;

	*nowhere = 1;
}

static void
kill_self(void)
{
	kill(getpid(), SIGKILL);
}

static void
exit_0(void)
{
	_exit(0);
}

static void
exit_3(void)
{
	_exit(3);
}

static int
overflow_stack(int depth)
{
	volatile char frame[65536];

	frame[0] = (char) depth;
	return (depth < INT32_MAX ? overflow_stack(depth + 1) : 0) + frame[0];
}

static void
recurse(void)
{
	exit(overflow_stack(0));
}

#ifdef __x86_64__
static void
use_other_abi(void)
{
	long		result;

	__asm__ volatile ("int $0x80":"=a" (result):"a"(20L):"memory");
}
#else
static void
use_other_abi(void)
{
	raise(SIGSYS);
}
#endif

static void
ignore_signals(void)
{
	sigset_t	all;

	for (int sig = 1; sig < NSIG; sig++)
		(void) signal(sig, SIG_IGN);
	sigfillset(&all);
	(void) sigprocmask(SIG_BLOCK, &all, NULL);
}

static void
hang(void)
{
	ignore_signals();
	for (;;)
		pause();
}

static void
close_and_hang(void)
{
	close(TRAINER_FD_PIPE);
	hang();
}

static void *
spin(void *argument)
{
	for (;;)
		;
	return argument;
}

static void
burn(void)
{
	pthread_t	thread;

	ignore_signals();
	for (int i = 0; i < 3; i++)
		(void) pthread_create(&thread, NULL, spin, NULL);
	spin(NULL);
}

/* Without end */

static void
allocate(void)
{
	for (;;)
		memset(mlops_trainer_alloc(16 << 20, 1), 1, 16 << 20);
}

static void *
sleep_thread(void *argument)
{
	for (;;)
		pause();
	return argument;
}

/* As many threads as there can be, on the smallest stacks. */
static void
start_threads(void)
{
	pthread_attr_t attributes;
	pthread_t	thread;
	int			n = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	pthread_attr_setguardsize(&attributes, 0);
	while (pthread_create(&thread, &attributes, sleep_thread, NULL) == 0)
		n++;
	mlops_trainer_fail("%d threads", n);
}

static void
open_descriptors(void)
{
	int			n = 0;

	while (dup(TRAINER_FD_CONFIG) >= 0)
		n++;
	mlops_trainer_fail("%d descriptors", n);
}

static void
flood_garbage(void)
{
	static char junk[1 << 16];

	memset(junk, 0xff, sizeof(junk));
	for (;;)
		send_bytes(TRAINER_FD_PIPE, junk, sizeof(junk));
}

/* Messages that are valid one by one. */
static void
send_valid_messages(int n)
{
	char		name[64];

	for (int i = 0; i < n; i++)
	{
		snprintf(name, sizeof(name), "metric of number %d", i);
		send_message(TRAINER_ROUND, name, i % 2, i);
		send_message(TRAINER_METRIC, name, 0, i);
		send_message(TRAINER_PHASE, i % 2 ? "training" : "loading", 0, 0);
		send_message(TRAINER_NOTE, name, 0, 0);
		send_message(TRAINER_STOPPED, "", i % 2, 0);
	}
}

static void
flood_messages(void)
{
	for (;;)
		send_valid_messages(1000);
}

/* Few enough to be taken; whoever reads them stays to be looked at. */
static void
talk_and_hang(void)
{
	send_valid_messages(500);
	hang();
}

static void
flood_log(void)
{
	static char junk[1 << 16];

	signal(SIGXFSZ, SIG_IGN);
	memset(junk, '\033', sizeof(junk));
	while (write(2, junk, sizeof(junk)) > 0)
		;
	_exit(3);
}

static void
fill_model(void)
{
	static char junk[1 << 20];

	for (;;)
		send_bytes(TRAINER_FD_MODEL, junk, sizeof(junk));
}

static void
fill_model_to_the_limit(void)
{
	static char junk[1 << 20];
	int64_t		size = 0;
	ssize_t		n;

	signal(SIGXFSZ, SIG_IGN);
	while ((n = write(TRAINER_FD_MODEL, junk, sizeof(junk))) > 0)
		size += n;
	send_done_and_exit(size);
}

/* Lies */

static void
break_text(void)
{
	TrainerMessage message = {.type = TRAINER_ERROR};

	memset(message.text, 'x', sizeof(message.text));
	send_bytes(TRAINER_FD_PIPE, &message, sizeof(message));
}

/* Control characters, bytes that are no UTF-8, and ten megabytes of more. */
static void
shout(void)
{
	TrainerMessage message = {.type = TRAINER_ERROR};

	strcpy(message.text, "a\033[2Jb\nLOG:  forged\r\x7f" "c\xff\xc3(d");
	memset(message.text +strlen(message.text), 'e', 900);
	for (int i = 0; i < 10000; i++)
		send_bytes(TRAINER_FD_PIPE, &message, sizeof(message));
	hang();
}

#define ACTION(name, call) \
static void \
name(void) \
{ \
	call; \
}

ACTION(type_0, send_message(0, "", 0, 0))
ACTION(type_99, send_message(99, "", 0, 0))
ACTION(type_max, send_message(UINT32_MAX, "", 0, 0))
ACTION(no_hello, send_message(TRAINER_PHASE, "loading", 0, 0))
ACTION(bad_hello, send_message(TRAINER_HELLO, "1.7.4; and more", 0, 0))
ACTION(long_hello, send_message(TRAINER_HELLO, "1.7.411111111111111111111111111111111", 0, 0))
ACTION(two_hellos, send_message(TRAINER_HELLO, "1.7.4", 0, 0))
ACTION(other_protocol, mlops_trainer_fail("mlops_trainer speaks protocol 2 only"))
ACTION(bad_phase, send_message(TRAINER_PHASE, "pub\xc3", 0, 0))
ACTION(round_below, send_message(TRAINER_ROUND, "rmse", -1, 0))
ACTION(round_above, send_message(TRAINER_ROUND, "rmse", 2, 0))
ACTION(stopped_above, send_message(TRAINER_STOPPED, "", INT32_MAX, 0))
ACTION(metric_unnamed, send_message(TRAINER_METRIC, "", 0, 0))
ACTION(metric_long, send_message(TRAINER_METRIC, "a metric with a name that is much longer than that of any metric there is", 0, 0))
ACTION(threshold_nan, send_message(TRAINER_THRESHOLD, "", 0, NAN))
ACTION(threshold_above, send_message(TRAINER_THRESHOLD, "", 0, 2))
ACTION(knot_nan, send_message(TRAINER_KNOT, "", 0, NAN))
ACTION(cut_infinite, send_message(TRAINER_CUT, "", 0, INFINITY))

static void
metric_part(void)
{
	TrainerMessage message = {.type = TRAINER_METRIC,.part = 7,.text = "rmse"};

	send_bytes(TRAINER_FD_PIPE, &message, sizeof(message));
}

static void
many_knots(void)
{
	for (int i = 0; i < METRIC_MAX_KNOTS + 1; i++)
		send_message(TRAINER_KNOT, "", 0, 0.5);
}

/* Numbers that a metric may have, and none that it has. */
static void
odd_metrics(void)
{
	send_message(TRAINER_METRIC, "not a number", 0, NAN);
	send_message(TRAINER_METRIC, "infinite thing", 0, INFINITY);
	send_message(TRAINER_METRIC, "no \xff UTF-8", 0, 1);
	send_message(TRAINER_METRIC, "bell\a", 0, 1);
}

ACTION(size_negative, send_done_and_exit(-hostile_size))
ACTION(size_zero, send_done_and_exit(0))
ACTION(size_2_31, send_done_and_exit(INT64_C(1) << 31))
ACTION(size_2_63, send_done_and_exit(INT64_MIN))
ACTION(size_max, send_done_and_exit(INT64_MAX))
ACTION(size_more, send_done_and_exit(hostile_size + 1))
ACTION(size_less, send_done_and_exit(hostile_size - 1))

static void
more_after_done(void)
{
	send_message(TRAINER_DONE, "", 0, 0);
	flood_garbage();
}

static void
close_all(void)
{
	close(0);
	close(1);
	close(2);
}

static void
model_garbage(void)
{
	memset(hostile_model->bytes, 0xa5, hostile_model->size);
}

static void
model_cut(void)
{
	hostile_model->size -= 7;
}

/* A model for other rows than these. */
static void
model_other(void)
{
	static const char model[] = "{\"version\": [1, 7, 4], \"learner\": {\"attributes\": {}, \"feature_names\": [], \"feature_types\": [],"
	"\"learner_model_param\": {\"base_score\": \"0E0\", \"num_class\": \"0\", \"num_feature\": \"1\", \"num_target\": \"1\", \"boost_from_average\": \"1\"},"
	"\"objective\": {\"name\": \"reg:squarederror\", \"reg_loss_param\": {\"scale_pos_weight\": \"1\"}},"
	"\"gradient_booster\": {\"name\": \"gbtree\", \"model\": {"
	"\"gbtree_model_param\": {\"num_trees\": \"1\", \"num_parallel_tree\": \"1\", \"size_leaf_vector\": \"0\"}, \"tree_info\": [0],"
	"\"trees\": [{\"id\": 0, \"left_children\": [-1], \"right_children\": [-1], \"parents\": [2147483647], \"split_indices\": [0],"
	"\"split_conditions\": [1.0], \"default_left\": [0], \"base_weights\": [0.0], \"loss_changes\": [0.0], \"sum_hessian\": [1.0],"
	"\"split_type\": [0], \"categories\": [], \"categories_nodes\": [], \"categories_segments\": [], \"categories_sizes\": [],"
	"\"tree_param\": {\"num_nodes\": \"1\", \"num_feature\": \"1\", \"num_deleted\": \"0\", \"size_leaf_vector\": \"0\"}}]}}}}";

	hostile_model->bytes = (char *) model;
	hostile_model->size = strlen(model);
}

static void
put_profile(const void *bytes, uint32_t size, uint32_t said)
{
	send_bytes(TRAINER_FD_REFERENCE, &said, sizeof(said));
	send_bytes(TRAINER_FD_REFERENCE, bytes, size);
}

/* The profile of the first column, as it is. */
static void
put_first(uint32_t more)
{
	const Profile *profile = hostile_reference->columns[0].profile;
	uint32_t	size = (uint32_t) mlops_profile_size(profile);

	put_profile(profile, size, size + more);
}

static void
profiles_none(void)
{
}

ACTION(profiles_one, put_first(0))
ACTION(profiles_longer, put_first(1 << 20))
ACTION(profiles_longest, put_first(UINT32_MAX / 2))

static void
profiles_many(void)
{
	for (int i = 0; i < 50; i++)
		put_first(0);
}

static void
profiles_garbage(void)
{
	char		junk[400];

	memset(junk, 0x5a, sizeof(junk));
	for (int i = 0; i < 7; i++)
		put_profile(junk, sizeof(junk), sizeof(junk));
}

/* Profiles of numbers where one of classes belongs, which has negative counts. */
static void
profiles_negative(void)
{
	int64_t		counts[4] = {-5, 3, 0, 0};

	for (int i = 0; i < 4; i++)
		put_first(0);
	put_profile(counts, sizeof(counts), sizeof(counts));
}

static void
profiles_full(void)
{
	signal(SIGXFSZ, SIG_IGN);
	for (;;)
	{
		static char junk[1 << 20];

		if (write(TRAINER_FD_REFERENCE, junk, sizeof(junk)) <= 0)
			return;
	}
}

/* Whatever the sandbox is there to refuse. */
static void
escape(void)
{
	char		done[900] = "";
	int			refused = 0;

	for (size_t i = 0; i < N_SANDBOX_PROBES + N_RARE_PROBES; i++)
	{
		const Probe *probe = i < N_SANDBOX_PROBES ? &sandbox_probes[i] : &rare_probes[i - N_SANDBOX_PROBES];

		if (probe->run() == probe->expected)
			refused++;
		else
			snprintf(done + strlen(done), sizeof(done) - strlen(done), " %s", probe->name);
	}
	/* what the unit test had better not try without the sandbox */
	if (postmaster < 2 || kill(postmaster, SIGQUIT) == 0 || kill(-1, 0) == 0 ||
		kill(getppid(), SIGSEGV) == 0 || kill(-getpgrp(), SIGKILL) == 0)
		strcat(done, " kill");
	for (int limit = 0; limit < RLIM_NLIMITS; limit++)
	{
		struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
		struct rlimit now;

		(void) setrlimit(limit, &most);
		if (getrlimit(limit, &now) == 0 && now.rlim_cur == RLIM_INFINITY &&
			(limit == RLIMIT_AS || limit == RLIMIT_CPU || limit == RLIMIT_FSIZE ||
			 limit == RLIMIT_NOFILE || limit == RLIMIT_NPROC))
			strcat(done, " setrlimit");
	}
	mlops_trainer_fail("%d refused, done:%s", refused, done);
}

#define NAMED(name) {#name, name}

static const HostileAction hostile_actions[] = {
	NAMED(segv), {"abort", abort}, NAMED(kill_self), NAMED(exit_0), NAMED(exit_3),
	NAMED(recurse), NAMED(use_other_abi), NAMED(hang), NAMED(close_and_hang), NAMED(burn),
	NAMED(allocate), NAMED(start_threads), NAMED(open_descriptors), NAMED(flood_garbage),
	NAMED(flood_messages), NAMED(talk_and_hang), NAMED(flood_log), NAMED(fill_model),
	NAMED(fill_model_to_the_limit), NAMED(break_text), NAMED(shout), NAMED(type_0),
	NAMED(type_99), NAMED(type_max), NAMED(no_hello), NAMED(bad_hello), NAMED(long_hello),
	NAMED(two_hellos), NAMED(other_protocol), NAMED(bad_phase), NAMED(round_below),
	NAMED(round_above), NAMED(stopped_above), NAMED(metric_unnamed), NAMED(metric_long), NAMED(metric_part),
	NAMED(threshold_nan), NAMED(threshold_above), NAMED(knot_nan), NAMED(many_knots),
	NAMED(cut_infinite), NAMED(odd_metrics), NAMED(size_negative), NAMED(size_zero),
	NAMED(size_2_31), NAMED(size_2_63), NAMED(size_max), NAMED(size_more), NAMED(size_less),
	NAMED(more_after_done), NAMED(close_all), NAMED(model_garbage), NAMED(model_cut),
	NAMED(model_other), NAMED(profiles_none), NAMED(profiles_one), NAMED(profiles_longer),
	NAMED(profiles_longest), NAMED(profiles_many), NAMED(profiles_garbage),
	NAMED(profiles_negative), NAMED(profiles_full), NAMED(escape),
};

#endif							/* HOSTILE_ACTIONS_H */
