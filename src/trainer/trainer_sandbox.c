/*-------------------------------------------------------------------------
 *
 * trainer_sandbox.c
 *	  Take from this process what training does not need.
 *
 * The trainer runs as the server's operating system user and could otherwise
 * read and write the whole cluster.  A seccomp filter refuses the calls that
 * would do so; they fail with EPERM, as if the user had no right.
 *
 * Calls numbered from 424 on, the same on all architectures, came after Linux
 * 5.0 (clone3, openat2, io_uring, pidfd): they answer ENOSYS, as on an older
 * kernel, and the C library falls back to calls that are filtered here.  The
 * second ABI of x86-64, x32, has bit 30 set and meets the same answer.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trainer/trainer_sandbox.h"

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#error "the sandbox of mlops_trainer is not defined for this architecture"
#endif

#define FIRST_NEW_CALL 424
#define MAX_FILTER 512

static const int denied[] = {
	/* files */
	SYS_openat, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_truncate,
	SYS_ftruncate, SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_renameat2,
	SYS_linkat, SYS_symlinkat, SYS_fchmod, SYS_fchmodat, SYS_fchown,
	SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
	SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_memfd_create,
	SYS_chdir, SYS_fchdir, SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2,
	SYS_quotactl, SYS_swapon, SYS_swapoff, SYS_acct, SYS_fanotify_init,
	SYS_inotify_init1, SYS_ioctl, SYS_vmsplice, SYS_sync, SYS_syncfs,
	/* room beyond RLIMIT_FSIZE, on the disk of the server */
	SYS_fallocate,
	/* names, sizes and times of files */
	SYS_newfstatat, SYS_statx, SYS_statfs, SYS_faccessat, SYS_readlinkat,
	SYS_getxattr, SYS_lgetxattr, SYS_listxattr, SYS_llistxattr,
	/* sockets and System V objects; the server's own shared memory is one */
	SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept,
	SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_recvfrom,
	SYS_recvmsg, SYS_recvmmsg, SYS_shmget, SYS_shmat, SYS_shmctl, SYS_semget,
	SYS_semop, SYS_semtimedop, SYS_semctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv,
	SYS_msgctl, SYS_mq_open, SYS_mq_unlink,
	/* programs and processes */
	SYS_execve, SYS_execveat, SYS_unshare, SYS_setns, SYS_ptrace,
	SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_get_robust_list, SYS_tkill,
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpgid, SYS_setsid,
	SYS_migrate_pages, SYS_move_pages, SYS_setpriority, SYS_ioprio_set,
	SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr,
	SYS_sched_setaffinity, SYS_timer_create,
	/* a descriptor's owner, any process of the same user, gets its signals */
	SYS_fcntl,
	/* identity, kernel and clock */
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
	SYS_personality, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
	SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_sethostname,
	SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
	SYS_clock_adjtime, SYS_syslog, SYS_io_setup, SYS_vhangup,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef __x86_64__
	/* the older forms that only this architecture has */
	SYS_open, SYS_creat, SYS_mkdir, SYS_mknod, SYS_unlink, SYS_rmdir,
	SYS_rename, SYS_link, SYS_symlink, SYS_chmod, SYS_chown, SYS_lchown,
	SYS_utime, SYS_utimes, SYS_futimesat, SYS_stat, SYS_lstat, SYS_access,
	SYS_readlink, SYS_uselib, SYS_fork, SYS_vfork,
	SYS_inotify_init, SYS_ioperm, SYS_iopl, SYS_modify_ldt,
#endif
};

typedef struct FilterBuilder
{
	struct sock_filter code[MAX_FILTER];
	unsigned short n;
} FilterBuilder;

static void
append_code(FilterBuilder *builder, uint16_t op, uint8_t jump_true, uint8_t jump_false, uint32_t k)
{
	struct sock_filter code = {op, jump_true, jump_false, k};

	builder->code[builder->n++] = code;
}

static void
append_return(FilterBuilder *builder, uint32_t action)
{
	append_code(builder, BPF_RET | BPF_K, 0, 0, action);
}

static void
load_field(FilterBuilder *builder, uint32_t offset)
{
	append_code(builder, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

/*
 * Allow the call only when the low half of its first argument passes the test;
 * the half is at the field's own offset on both little-endian architectures.
 */
static void
append_argument_test(FilterBuilder *builder, int call, uint16_t test, uint32_t k)
{
	append_code(builder, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t) call);
	load_field(builder, offsetof(struct seccomp_data, args[0]));
	append_code(builder, BPF_JMP | test | BPF_K, 0, 1, k);
	append_return(builder, SECCOMP_RET_ALLOW);
	append_return(builder, SECCOMP_RET_ERRNO | EPERM);
}

static void
build_filter(FilterBuilder *builder)
{
	uint32_t	self = (uint32_t) getpid();

	builder->n = 0;
	load_field(builder, offsetof(struct seccomp_data, arch));
	append_code(builder, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, FILTER_ARCH);
	append_return(builder, SECCOMP_RET_KILL_PROCESS);

	load_field(builder, offsetof(struct seccomp_data, nr));
	append_code(builder, BPF_JMP | BPF_JGE | BPF_K, 0, 1, FIRST_NEW_CALL);
	append_return(builder, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
	{
		append_code(builder, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t) denied[i]);
		append_return(builder, SECCOMP_RET_ERRNO | EPERM);
	}

	/* threads, but no processes; signals to this process, and its own limits */
	append_argument_test(builder, SYS_clone, BPF_JSET, CLONE_THREAD);
	append_argument_test(builder, SYS_kill, BPF_JEQ, self);
	append_argument_test(builder, SYS_tgkill, BPF_JEQ, self);
	append_argument_test(builder, SYS_prlimit64, BPF_JEQ, 0);
	/* names of threads, but no life beyond the parent's */
	append_argument_test(builder, SYS_prctl, BPF_JEQ, PR_SET_NAME);
	append_return(builder, SECCOMP_RET_ALLOW);
}

int
mlops_trainer_enter_sandbox(void)
{
	FilterBuilder builder;
	struct sock_fprog program;

	build_filter(&builder);
	program.len = builder.n;
	program.filter = builder.code;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	/* all threads, should a library have started one */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		return errno;
	return 0;
}
