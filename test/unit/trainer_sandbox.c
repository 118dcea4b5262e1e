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
#include "sandbox_probes.h"
#include "trainer/trainer_sandbox.h"

static int	passed;
static int	failed;

/* What training needs. */

static int
write_open_file(void)
{
	return RESULT(write(probe_fd, "x", 1));
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
check_result(const Probe *probe, int outside)
{
	int			inside = run_probe(probe->run, 1);

	if (inside == probe->expected && outside != EPERM && outside != ENOSYS)
		passed++;
	else
	{
		failed++;
		printf("not ok %s: errno %d without the sandbox, %d within\n", probe->name, outside, inside);
	}
}

static void
check_probe(const Probe *probe)
{
	check_result(probe, run_probe(probe->run, 0));
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
	strcpy(probe_folder, "/tmp/mlops-sandbox.XXXXXX");
	if (mkdtemp(probe_folder) == NULL)
		return 2;
	snprintf(probe_file, sizeof(probe_file), "%s/file", probe_folder);
	probe_fd = open(probe_file, O_RDWR | O_CREAT, 0600);

	for (size_t i = 0; i < N_SANDBOX_PROBES; i++)
		check_probe(&sandbox_probes[i]);
	for (size_t i = 0; i < N_RARE_PROBES; i++)
		check_result(&rare_probes[i], 0);
	check_probe(&(Probe)
/**INDENT** Error@138: Unbalanced parens */
				{
		"write to an open file", write_open_file, 0
/**INDENT** Warning@140: Extra ) */
	});
	check_probe(&(Probe)
/**INDENT** Error@142: Unbalanced parens */
				{
		"memory", map_memory, 0
/**INDENT** Warning@144: Extra ) */
	});
	check_probe(&(Probe)
/**INDENT** Error@146: Unbalanced parens */
				{
		"signal to itself", signal_self, 0
/**INDENT** Warning@148: Extra ) */
	});
	check_probe(&(Probe)
/**INDENT** Error@150: Unbalanced parens */
				{
		"its own limits", limit_self, 0
/**INDENT** Warning@152: Extra ) */
	});
	check_probe(&(Probe)
/**INDENT** Error@154: Unbalanced parens */
				{
		"threads", start_thread, 0
/**INDENT** Warning@156: Extra ) */
	});
	check_probe(&(Probe)
/**INDENT** Error@158: Unbalanced parens */
				{
		"names of threads", name_thread, 0
/**INDENT** Warning@160: Extra ) */
	});
#ifdef __x86_64__
	if (run_probe(call_other_abi, 0) == 0)	/* a kernel that has it */
		check_probe(&(Probe)
/**INDENT** Error@164: Unbalanced parens */
					{
		"the 32-bit ABI", call_other_abi, -SIGSYS
/**INDENT** Warning@166: Extra ) */
	});
	check_result(&(Probe)
/**INDENT** Error@168: Unbalanced parens */
				 {
		"x32", call_x32, ENOSYS
/**INDENT** Warning@170: Extra ) */
	}, 0);
#endif

	unlink(probe_file);
	{
		char		created[1200];

		snprintf(created, sizeof(created), "%s/new", probe_folder);
		unlink(created);
	}
	rmdir(probe_folder);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
