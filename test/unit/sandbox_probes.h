/*-------------------------------------------------------------------------
 *
 * sandbox_probes.h
 *	  What the trainer's sandbox must refuse, as functions that try it.
 *
 * Each returns 0 or the errno it met.  The unit test runs them in children, the
 * misbehaving trainer in itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SANDBOX_PROBES_H
#define SANDBOX_PROBES_H

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct Probe
{
	const char *name;
	int			(*run) (void);
	int			expected;		/* within the sandbox */
} Probe;

/* What they are tried on. */
static char probe_folder[1024];
static char probe_file[1100];
static int	probe_fd;			/* opened for writing before the sandbox */

#define RESULT(call) ((call) < 0 ? errno : 0)

/* The result of two calls that must have the same. */
static int
both(int one, int other)
{
	return one == other ? one : 254;
}

static int
open_to_read(void)
{
	return RESULT(open(probe_file, O_RDONLY));
}

static int
open_to_write(void)
{
	return RESULT(open(probe_file, O_WRONLY));
}

static int
open_old_call(void)
{
#ifdef SYS_open
	return RESULT(syscall(SYS_open, probe_file, O_RDWR));
#else
	return open_to_write();
#endif
}

static int
open_new_call(void)
{
	uint64_t	how[3] = {O_RDONLY, 0, 0};

	return RESULT(syscall(437, AT_FDCWD, probe_file, how, sizeof(how)));
}

static int
create_file(void)
{
	char		name[1200];

	snprintf(name, sizeof(name), "%s/new", probe_folder);
	return RESULT(creat(name, 0600));
}

static int
make_folder(void)
{
	char		name[1200];

	snprintf(name, sizeof(name), "%s/inner", probe_folder);
	if (mkdir(name, 0700) < 0)
		return errno;
	return RESULT(rmdir(name));
}

static int
rename_file(void)
{
	return RESULT(rename(probe_file, probe_file));
}

static int
unlink_file(void)
{
	char		name[1200];

	snprintf(name, sizeof(name), "%s/absent", probe_folder);
	return RESULT(unlink(name));
}

static int
change_mode(void)
{
	return both(RESULT(chmod(probe_file, 0600)), RESULT(fchmod(probe_fd, 0600)));
}

static int
truncate_file(void)
{
	return both(RESULT(truncate(probe_file, 0)), RESULT(ftruncate(probe_fd, 0)));
}

static int
make_socket(void)
{
	return RESULT(socket(AF_INET, SOCK_STREAM, 0));
}

static int
make_socket_pair(void)
{
	int			pair[2];

	return RESULT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int
fork_child(void)
{
	pid_t		child = fork();

	if (child == 0)
		_exit(0);
	return RESULT(child);
}

static int
fork_old_call(void)
{
#ifdef SYS_fork
	long		child = syscall(SYS_fork);

	if (child == 0)
		_exit(0);
	return RESULT(child);
#else
	return fork_child();
#endif
}

static int
clone_new_call(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	long		child = syscall(435, &args, sizeof(args));

	if (child == 0)
		_exit(0);
	return RESULT(child);
}

static int
run_program(void)
{
	char	   *argv[] = {"absent", NULL};

	return RESULT(execve("/absent", argv, argv));
}

static int
signal_parent(void)
{
	return RESULT(kill(getppid(), 0));
}

static int
signal_group(void)
{
	return RESULT(kill(0, 0));
}

/* A descriptor whose owner gets a signal of choice when it becomes ready. */
static int
signal_by_descriptor(void)
{
	return both(RESULT(fcntl(probe_fd, F_SETOWN, getppid())), RESULT(fcntl(probe_fd, F_SETSIG, SIGTERM)));
}

static int
outlive_parent(void)
{
	return RESULT(prctl(PR_SET_PDEATHSIG, 0));
}

static int
pin_parent(void)
{
	cpu_set_t	set;

	sched_getaffinity(0, sizeof(set), &set);
	return RESULT(sched_setaffinity(getppid(), sizeof(set), &set));
}

static int
trace_parent(void)
{
	return RESULT(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
read_process(void)
{
	int			from = 1;
	int			to = 0;
	struct iovec local = {&to, sizeof(to)};
	struct iovec remote = {&from, sizeof(from)};

	return RESULT(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static int
find_shared_memory(void)
{
	return RESULT(shmget(0x4d4c4f50, 0, 0));
}

static int
limit_parent(void)
{
	struct rlimit limit;

	return RESULT(prlimit(getppid(), RLIMIT_CORE, NULL, &limit));
}

static int
make_memory_file(void)
{
	return RESULT(memfd_create("probe", 0));
}

static int
make_namespace(void)
{
	return RESULT(unshare(CLONE_FILES));
}

static int
open_memory(void)
{
	return RESULT(open("/proc/self/mem", O_RDWR));
}

static int
open_shared_memory(void)
{
	return RESULT(open("/dev/shm", O_RDONLY));
}

static int
look_at_file(void)
{
	struct stat st;

	return both(RESULT(stat(probe_file, &st)), RESULT(lstat(probe_file, &st)));
}

static int
look_at_file_new(void)
{
	struct statx st;

	return RESULT(statx(AT_FDCWD, probe_file, 0, STATX_SIZE, &st));
}

static int
look_for_access(void)
{
	return both(RESULT(access(probe_file, F_OK)), RESULT(faccessat(AT_FDCWD, probe_file, F_OK, 0)));
}

static int
look_at_file_system(void)
{
	struct statfs st;

	return RESULT(statfs(probe_folder, &st));
}

static int
read_link(void)
{
	char		name[16];

	return RESULT(readlink("/proc/self/cwd", name, sizeof(name)));
}

/* Takes room of the disk beyond the limit of a file's size. */
static int
reserve_disk(void)
{
	return RESULT(fallocate(probe_fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 16));
}

static int
flush_file_system(void)
{
	return RESULT(syncfs(probe_fd));
}

static int
find_robust_list(void)
{
	void	   *head;
	size_t		size;

	return RESULT(syscall(SYS_get_robust_list, getppid(), &head, &size));
}

static int
write_process(void)
{
	int			from = 1;
	int			to = 0;
	struct iovec local = {&from, sizeof(from)};
	struct iovec remote = {&to, sizeof(to)};

	return RESULT(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

static int
leave_group(void)
{
	return both(RESULT(setpgid(0, 0)), RESULT(setsid()));
}

static int
queue_signal(void)
{
	union sigval value = {0};

	return RESULT(sigqueue(getppid(), 0, value));
}

static int
signal_thread(void)
{
	return both(RESULT(syscall(SYS_tgkill, getppid(), getppid(), 0)),
				RESULT(syscall(SYS_tkill, getppid(), 0)));
}

static int
open_process(void)
{
	return RESULT(syscall(434, getppid(), 0));
}

static int
slow_parent(void)
{
	return RESULT(setpriority(PRIO_PROCESS, (id_t) getppid(), 19));
}

static int
run_open_file(void)
{
	char	   *argv[] = {"absent", NULL};

	return RESULT(syscall(SYS_execveat, probe_fd, "", argv, argv, AT_EMPTY_PATH));
}

static int
use_rings(void)
{
	struct io_uring_params params = {0};

	return RESULT(syscall(425, 1, &params));
}

static int
use_old_rings(void)
{
	unsigned long context = 0;

	return RESULT(syscall(SYS_io_setup, 1, &context));
}

static int
change_own_marks(void)
{
	return RESULT(prctl(PR_SET_DUMPABLE, 1));
}

static void *
open_in_thread(void *argument)
{
	*(int *) argument = open_to_read();
	return NULL;
}

static int
open_from_thread(void)
{
	pthread_t	thread;
	int			error = -1;

	if (pthread_create(&thread, NULL, open_in_thread, &error) != 0)
		return -1;
	pthread_join(thread, NULL);
	return error;
}

static const Probe sandbox_probes[] = {
	{"open to read", open_to_read, EPERM},
	{"open to write", open_to_write, EPERM},
	{"open, old call", open_old_call, EPERM},
	{"open, new call", open_new_call, ENOSYS},
	{"open in a thread", open_from_thread, EPERM},
	{"its own memory as a file", open_memory, EPERM},
	{"/dev/shm", open_shared_memory, EPERM},
	{"stat", look_at_file, EPERM},
	{"statx", look_at_file_new, EPERM},
	{"access", look_for_access, EPERM},
	{"statfs", look_at_file_system, EPERM},
	{"readlink", read_link, EPERM},
	{"creat", create_file, EPERM},
	{"mkdir", make_folder, EPERM},
	{"rename", rename_file, EPERM},
	{"unlink", unlink_file, EPERM},
	{"chmod", change_mode, EPERM},
	{"truncate", truncate_file, EPERM},
	{"fallocate", reserve_disk, EPERM},
	{"syncfs", flush_file_system, EPERM},
	{"socket", make_socket, EPERM},
	{"socketpair", make_socket_pair, EPERM},
	{"fork", fork_child, EPERM},
	{"fork, old call", fork_old_call, EPERM},
	{"clone3", clone_new_call, ENOSYS},
	{"execve", run_program, EPERM},
	{"execveat", run_open_file, EPERM},
	{"a group of its own", leave_group, EPERM},
	{"kill the parent", signal_parent, EPERM},
	{"kill the group", signal_group, EPERM},
	{"kill a thread of the parent", signal_thread, EPERM},
	{"sigqueue to the parent", queue_signal, EPERM},
	{"pidfd_open", open_process, ENOSYS},
	{"signals by a descriptor", signal_by_descriptor, EPERM},
	{"life beyond the parent's", outlive_parent, EPERM},
	{"marks of the process", change_own_marks, EPERM},
	{"sched_setaffinity of the parent", pin_parent, EPERM},
	{"setpriority of the parent", slow_parent, EPERM},
	{"ptrace", trace_parent, EPERM},
	{"process_vm_readv", read_process, EPERM},
	{"process_vm_writev", write_process, EPERM},
	{"get_robust_list of the parent", find_robust_list, EPERM},
	{"shmget", find_shared_memory, EPERM},
	{"prlimit of the parent", limit_parent, EPERM},
	{"memfd_create", make_memory_file, EPERM},
	{"unshare", make_namespace, EPERM},
};

/* What kernels and containers may refuse to everybody. */
static const Probe rare_probes[] = {
	{"io_uring", use_rings, ENOSYS},
	{"io_setup", use_old_rings, EPERM},
};

#define N_SANDBOX_PROBES (sizeof(sandbox_probes) / sizeof(sandbox_probes[0]))
#define N_RARE_PROBES (sizeof(rare_probes) / sizeof(rare_probes[0]))

#endif							/* SANDBOX_PROBES_H */
