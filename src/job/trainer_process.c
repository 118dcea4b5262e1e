/*-------------------------------------------------------------------------
 *
 * trainer_process.c
 *	  Start mlops_trainer, listen to it, and never outlive or orphan it.
 *
 * The executor forks and execs.  Between the two only async-signal-safe calls
 * happen: the child is a copy of a server process with its signal handlers,
 * shared memory and descriptors, all of which must go.  The child has a process
 * group of its own, which is killed on every way out; the kernel kills it when
 * the executor dies.  What comes through the pipe counts as hostile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "base/error.h"
#include "base/settings.h"
#include "job/trainer_process.h"

#define EXIT_TIMEOUT_MS 5000	/* between the end of the pipe and SIGKILL */
#define POLL_MS 200
#define MAX_LOG_BYTES 2000
#define OTHER_PROCESSES 1000	/* that the user may start while one trains */

/* The one child of this process, or 0; for the exit callback. */
static pid_t trainer_pid = 0;

/* Kill the trainer and whatever it started; wait for it, but not for ever. */
static void
kill_trainer(void)
{
	int			status;

	if (trainer_pid == 0)
		return;
	(void) kill(-trainer_pid, SIGKILL);
	(void) kill(trainer_pid, SIGKILL);
	for (int waited = 0; waited < EXIT_TIMEOUT_MS; waited++)
	{
		pid_t		pid = waitpid(trainer_pid, &status, WNOHANG);

		if (pid == trainer_pid || (pid < 0 && errno != EINTR))
			break;
		pg_usleep(1000);
	}
	trainer_pid = 0;
}

static void
kill_trainer_at_exit(int code, Datum arg)
{
	kill_trainer();
}

/* Path of the executable: beside this library. */
static void
find_trainer(char *path)
{
	Dl_info		info;
	const char *slash;

	if (dladdr((void *) find_trainer, &info) != 0 && info.dli_fname &&
		info.dli_fname[0] == '/' && (slash = strrchr(info.dli_fname, '/')) != NULL)
		snprintf(path, MAXPGPATH, "%.*s/mlops_trainer", (int) (slash - info.dli_fname),
				 info.dli_fname);
	else
		snprintf(path, MAXPGPATH, "%s/mlops_trainer", pkglib_path);

	if (access(path, X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not execute \"%s\": %m", path),
				 errhint("Install mlops_trainer beside mlops.so with make install.")));
}

/* Lower a limit; the server's own may be lower still. */
static void
set_limit(int resource, int64 value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		_exit(126);
	limit.rlim_cur = limit.rlim_max = Min((rlim_t) value, limit.rlim_max);
	/* a second of processor time to be told apart from other kills */
	if (resource == RLIMIT_CPU)
		limit.rlim_cur = Max(limit.rlim_max, 2) - 1;
	if (setrlimit(resource, &limit) != 0)
		_exit(126);
}

/*
 * How many threads the user may have while the trainer runs: the kernel counts
 * all of his.  Those of the whole machine now, this server's later ones and room
 * for others; few enough that the postmaster can always fork.  0: not known.
 */
static int64
count_processes(int threads)
{
	FILE	   *file = fopen("/proc/loadavg", "r");
	int64		count = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*s %*s %*s %*d/" INT64_FORMAT, &count) == 1 && count > 0)
		count += MaxBackends + threads + OTHER_PROCESSES;
	fclose(file);
	return count;
}

/*
 * The child, up to exec.  "fds" are the sources of descriptors 0 to
 * TRAINER_N_FDS - 1, all of them above that range, or -1.
 */
static void
exec_trainer(const char *path, char *const *arguments, char *const *environment,
			 const int *fds, pid_t parent, int64 max_processes, const TrainerTask *task)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t	none;
	int			oom;

	(void) setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(126);

	for (int sig = 1; sig < NSIG; sig++)
		(void) sigaction(sig, &action, NULL);
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);

	/* the first victim when the machine runs out of memory */
	oom = open("/proc/self/oom_score_adj", O_WRONLY);
	if (oom >= 0 && write(oom, "1000", 4) < 0)
		oom = -1;

	for (int i = 0; i < TRAINER_N_FDS; i++)
	{
		if (fds[i] < 0)
			(void) close(i);
		else if (dup2(fds[i], i) < 0)
			_exit(126);
	}
	if (syscall(SYS_close_range, TRAINER_N_FDS, ~0U, 0) != 0)
	{
		int			max = (int) sysconf(_SC_OPEN_MAX);

		for (int fd = TRAINER_N_FDS; fd < max; fd++)
			(void) close(fd);
	}

	if (chdir("/") != 0)
		_exit(126);
	umask(077);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_NOFILE, 64);
	set_limit(RLIMIT_FSIZE, task->file_limit);
	if (max_processes > 0)
		set_limit(RLIMIT_NPROC, max_processes);
	if (task->memory_limit > 0)
		set_limit(RLIMIT_AS, task->memory_limit);
	if (mlops_max_run_time > 0)
		set_limit(RLIMIT_CPU, (rlim_t) mlops_max_run_time * task->threads + 2);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(126);

	execve(path, arguments, environment);
	_exit(127);
}

/* Start it; returns our end of the pipe. */
static int
start_trainer(const TrainerTask *task)
{
	static bool callback_registered = false;
	char		path[MAXPGPATH];
	char		threads[64];
	char	   *arguments[] = {"mlops_trainer", TRAINER_PROTOCOL, NULL};
	char	   *environment[] = {"LC_ALL=C", "OMP_WAIT_POLICY=passive", threads, NULL};
	int			fds[TRAINER_N_FDS];
	int			ends[2];
	int			null_fd;
	int64		max_processes = count_processes(task->threads);
	pid_t		parent = getpid();
	pid_t		pid;
	sigset_t	all;
	sigset_t	before;

	if (!callback_registered)
	{
		before_shmem_exit(kill_trainer_at_exit, (Datum) 0);
		callback_registered = true;
	}
	find_trainer(path);
	snprintf(threads, sizeof(threads), "OMP_NUM_THREADS=%d", task->threads);

	/*
	 * sources beyond the range they are copied to, so that no copy hits
	 * another
	 */
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || pipe2(ends, O_CLOEXEC) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open descriptors for the trainer: %m")));
	for (int i = 0; i < TRAINER_N_FDS; i++)
	{
		int			source = i < 2 ? null_fd : i == 2 ? task->log_fd :
		i == TRAINER_FD_PIPE ? ends[1] : task->fds[i];

		fds[i] = -1;
		if (source >= 0 && (fds[i] = fcntl(source, F_DUPFD_CLOEXEC, TRAINER_N_FDS)) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not open descriptors for the trainer: %m")));
	}

	/* no handler of ours may run in the child */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0)
		exec_trainer(path, arguments, environment, fds, parent, max_processes, task);
	if (pid > 0)
	{
		(void) setpgid(pid, pid);
		trainer_pid = pid;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);

	for (int i = 0; i < TRAINER_N_FDS; i++)
	{
		if (fds[i] >= 0)
			close(fds[i]);
	}
	close(null_fd);
	close(ends[1]);
	if (pid < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not fork the trainer: %m")));
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		elog(ERROR, "could not set pipe to nonblocking mode: %m");
	return ends[0];
}

/*
 * Wait for the child to exit; it gets EXIT_TIMEOUT_MS after its last message.
 * False when it had to be killed.
 */
static bool
reap_trainer(int *status)
{
	for (int waited = 0; waited < EXIT_TIMEOUT_MS; waited += 10)
	{
		pid_t		pid = waitpid(trainer_pid, status, WNOHANG);

		if (pid == trainer_pid || (pid < 0 && errno != EINTR))
		{
			/* descendants, if it made any */
			(void) kill(-trainer_pid, SIGKILL);
			trainer_pid = 0;
			return true;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	kill_trainer();
	return false;
}

/* What it wrote to its standard error, for errdetail. */
static char *
read_log(int fd)
{
	char	   *log = palloc0(MAX_LOG_BYTES + 1);
	ssize_t		size = fd < 0 ? 0 : pread(fd, log, MAX_LOG_BYTES, 0);

	for (ssize_t i = 0; i < size; i++)
	{
		if ((unsigned char) log[i] >= 128 || ((unsigned char) log[i] < 32 && log[i] != '\n'))
			log[i] = '?';
	}
	while (size > 0 && log[size - 1] == '\n')
		log[--size] = '\0';
	return log;
}

/* Why the child died of a signal; no return. */
static void
report_signal(int sig, const char *log)
{
	/* the only file that the trainer writes at length is the model */
	if (sig == SIGXFSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model needs more than mlops.max_model_size (%d MB)", mlops_max_model_size),
				 errhint("Train fewer or shallower trees, or raise mlops.max_model_size.")));
	if (sig == SIGXCPU)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("trainer needs more processor time than mlops.max_run_time (%d s) allows",
						mlops_max_run_time),
				 errhint("Train fewer rounds or rows, or raise mlops.max_run_time.")));
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
			 errmsg("trainer was terminated by signal %d: %s", sig, pg_strsignal(sig)),
			 log[0] ? errdetail("%s", log) : 0,
			 sig == SIGKILL || sig == SIGABRT ?
			 errhint("It may have run out of memory; see mlops.trainer_memory.") :
			 errhint("This is a fault of libxgboost; other parameters or another version may avoid it.")));
}

/* Why there is no result: how the child exited, and whether it had said DONE. */
static void
report_exit(int status, bool done, int log_fd)
{
	char	   *log = read_log(log_fd);

	if (WIFSIGNALED(status))
		report_signal(WTERMSIG(status), log);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
				 errmsg("trainer could not be started"),
				 log[0] ? errdetail("%s", log) : 0,
				 errhint("Check that mlops_trainer and libxgboost are installed on the server.")));
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
			 errmsg("trainer exited with status %d %s",
					WIFEXITED(status) ? WEXITSTATUS(status) : -1,
					done ? "after its result" : "without a result"),
			 log[0] ? errdetail("%s", log) : 0));
}

/*
 * Check the form of a message: a known type, HELLO first and only there,
 * terminated text.  The text becomes printable and valid in the server encoding.
 */
static void
check_message(TrainerMessage *message, bool first)
{
	size_t		length = strnlen(message->text, sizeof(message->text));
	bool		valid;

	if (message->type < TRAINER_HELLO || message->type > TRAINER_DONE ||
		(first != (message->type == TRAINER_HELLO) && message->type != TRAINER_ERROR) ||
		length == sizeof(message->text))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
				 errmsg("trainer sent an invalid message"),
				 errhint("Install mlops.so and mlops_trainer of the same version.")));
	valid = pg_verify_mbstr(GetDatabaseEncoding(), message->text, length, true);
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = message->text[i];

		if (c < 32 || c == 127 || (c > 127 && !valid))
			message->text[i] = '?';
	}
}

/* Read messages up to DONE, or the end of the pipe; true when it was DONE. */
static bool
listen_to_trainer(int fd, const TrainerTask *task,
				  void (*receive) (const TrainerMessage *message, void *arg),
				  void (*idle) (void *arg), void *arg)
{
	TrainerMessage message;
	size_t		have = 0;
	int64		n_messages = 0;

	for (;;)
	{
		ssize_t		size = read(fd, (char *) &message + have, sizeof(message) - have);

		CHECK_FOR_INTERRUPTS();
		if (size == 0)
			return false;
		if (size > 0)
		{
			have += size;
			if (have < sizeof(message))
				continue;
			have = 0;
			check_message(&message, n_messages == 0);
			if (++n_messages > task->max_messages)
				ereport(ERROR,
						(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
						 errmsg("trainer sent more than " INT64_FORMAT " messages",
								task->max_messages)));
			receive(&message, arg);
			if (message.type == TRAINER_DONE)
				return true;
			continue;
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from the trainer: %m")));
		idle(arg);
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 fd, POLL_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
mlops_trainer_process_run(const TrainerTask *task,
						  void (*receive) (const TrainerMessage *message, void *arg),
						  void (*idle) (void *arg), void *arg)
{
	int			fd = start_trainer(task);

	PG_TRY();
	{
		bool		done = listen_to_trainer(fd, task, receive, idle, arg);
		int			status = 0;

		if (!reap_trainer(&status))
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
					 errmsg("trainer did not exit within %d s after its %s", EXIT_TIMEOUT_MS / 1000,
							done ? "result" : "last message")));
		if (!done || status != 0)
			report_exit(status, done, task->log_fd);
	}
	PG_FINALLY();
	{
		kill_trainer();
		close(fd);
	}
	PG_END_TRY();
}
