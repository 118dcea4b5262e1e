/*-------------------------------------------------------------------------
 *
 * trainer_sandbox.c
 *	  What the trainer's sandbox refuses, and what it must not.
 *
 * Every probe runs in two children: one without the sandbox, where it must
 * not be refused, so that the test can fail, and one within.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trainer/trainer_sandbox.h"

static char folder[64];
static char file[96];
static int	open_file;			/* opened for writing before the sandbox */
static int	passed;
static int	failed;

#define RESULT(call) ((call) < 0 ? errno : 0)

static int
open_to_read(void)
{
	return RESULT(open(file, O_RDONLY));
}

static int
open_to_write(void)
{
	return RESULT(open(file, O_WRONLY));
}

static int
open_old_call(void)
{
#ifdef SYS_open
	return RESULT(syscall(SYS_open, file, O_RDWR));
#else
	return open_to_write();
#endif
}

static int
open_new_call(void)
{
	uint64_t	how[3] = {O_RDONLY, 0, 0};

	return RESULT(syscall(437, AT_FDCWD, file, how, sizeof(how)));
}

static int
create_file(void)
{
	char		name[128];

	snprintf(name, sizeof(name), "%s/new", folder);
	return RESULT(creat(name, 0600));
}

static int
make_folder(void)
{
	char		name[128];

	snprintf(name, sizeof(name), "%s/inner", folder);
	return RESULT(mkdir(name, 0700)) | RESULT(rmdir(name));
}

static int
rename_file(void)
{
	return RESULT(rename(file, file));
}

static int
unlink_file(void)
{
	char		name[128];

	snprintf(name, sizeof(name), "%s/absent", folder);
	return RESULT(unlink(name));
}

static int
change_mode(void)
{
	return RESULT(chmod(file, 0600)) | RESULT(fchmod(open_file, 0600));
}

static int
truncate_file(void)
{
	return RESULT(truncate(file, 0)) | RESULT(ftruncate(open_file, 0));
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
	return RESULT(fcntl(open_file, F_SETOWN, getppid())) | RESULT(fcntl(open_file, F_SETSIG, SIGTERM));
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

/* What training needs. */

static int
write_open_file(void)
{
	return RESULT(write(open_file, "x", 1));
}

static int
map_memory(void)
{
	return mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int
signal_self(void)
{
	signal(SIGUSR1, SIG_IGN);
	return RESULT(kill(getpid(), SIGUSR1)) | RESULT(raise(SIGUSR1));
}

static int
limit_self(void)
{
	struct rlimit limit;

	return RESULT(getrlimit(RLIMIT_AS, &limit));
}

static int
name_thread(void)
{
	return pthread_setname_np(pthread_self(), "probe");
}

static void *
return_argument(void *argument)
{
	return argument;
}

static int
start_thread(void)
{
	pthread_t	thread;
	int			error = pthread_create(&thread, NULL, return_argument, NULL);

	return error ? error : pthread_join(thread, NULL);
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

/* Run a probe in a child; returns its errno, or minus the signal that killed it. */
static int
run_probe(int (*probe) (void), int sandbox)
{
	int			status;
	pid_t		child = fork();

	if (child == 0)
	{
		if (sandbox && mlops_trainer_enter_sandbox() != 0)
			_exit(255);
		_exit(probe());
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
check_probe(const char *name, int (*probe) (void), int expected)
{
	int			outside = run_probe(probe, 0);
	int			inside = run_probe(probe, 1);

	if (inside == expected && outside != EPERM && outside != ENOSYS)
		passed++;
	else
	{
		failed++;
		printf("not ok %s: errno %d without the sandbox, %d within\n", name, outside, inside);
	}
}

#ifdef __x86_64__
/* The 32-bit ABI has other numbers: 20 is getpid there, writev here. */
static int
call_other_abi(void)
{
	long		result;

	__asm__ volatile ("int $0x80":"=a" (result):"a"(20L):"memory");

	return result > 0 ? 0 : 1;
}

static int
call_x32(void)
{
	return RESULT(syscall(0x40000000 | 39));
}
#endif

int
main(void)
{
	strcpy(folder, "/tmp/mlops-sandbox.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 2;
	snprintf(file, sizeof(file), "%s/file", folder);
	open_file = open(file, O_RDWR | O_CREAT, 0600);

	check_probe("open to read", open_to_read, EPERM);
	check_probe("open to write", open_to_write, EPERM);
	check_probe("open, old call", open_old_call, EPERM);
	check_probe("open, new call", open_new_call, ENOSYS);
	check_probe("open in a thread", open_from_thread, EPERM);
	check_probe("creat", create_file, EPERM);
	check_probe("mkdir", make_folder, EPERM);
	check_probe("rename", rename_file, EPERM);
	check_probe("unlink", unlink_file, EPERM);
	check_probe("chmod", change_mode, EPERM);
	check_probe("truncate", truncate_file, EPERM);
	check_probe("socket", make_socket, EPERM);
	check_probe("socketpair", make_socket_pair, EPERM);
	check_probe("fork", fork_child, EPERM);
	check_probe("fork, old call", fork_old_call, EPERM);
	check_probe("clone3", clone_new_call, ENOSYS);
	check_probe("execve", run_program, EPERM);
	check_probe("kill the parent", signal_parent, EPERM);
	check_probe("kill the group", signal_group, EPERM);
	check_probe("signals by a descriptor", signal_by_descriptor, EPERM);
	check_probe("life beyond the parent's", outlive_parent, EPERM);
	check_probe("sched_setaffinity of the parent", pin_parent, EPERM);
	check_probe("ptrace", trace_parent, EPERM);
	check_probe("process_vm_readv", read_process, EPERM);
	check_probe("shmget", find_shared_memory, EPERM);
	check_probe("prlimit of the parent", limit_parent, EPERM);
	check_probe("memfd_create", make_memory_file, EPERM);
	check_probe("unshare", make_namespace, EPERM);

	check_probe("write to an open file", write_open_file, 0);
	check_probe("memory", map_memory, 0);
	check_probe("signal to itself", signal_self, 0);
	check_probe("its own limits", limit_self, 0);
	check_probe("threads", start_thread, 0);
	check_probe("names of threads", name_thread, 0);
#ifdef __x86_64__
	if (run_probe(call_other_abi, 0) == 0)	/* a kernel that has it */
		check_probe("the 32-bit ABI", call_other_abi, -SIGSYS);
	if (run_probe(call_x32, 1) == ENOSYS)
		passed++;
	else
	{
		failed++;
		printf("not ok x32\n");
	}
#endif

	unlink(file);
	{
		char		created[128];

		snprintf(created, sizeof(created), "%s/new", folder);
		unlink(created);
	}
	rmdir(folder);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
