// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "which system calls are allowed is written down for x86-64"
#endif

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

enum {
	NOBODY = 65534,
	MEMORY_MAX = 128 << 20, /* libraries and an answer take a fifth of it */
	FILES_MAX = 32,
	FILTER_MAX = 256,
};

/* Those without a file, a socket or executable memory in them. */
static const int harmless[] = {
	SYS_read, SYS_write, SYS_close, SYS_poll, SYS_ppoll, SYS_connect, SYS_getsockopt,
	SYS_setsockopt, SYS_fcntl, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex,
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_gettimeofday, SYS_exit, SYS_exit_group,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_getrandom, SYS_getpid, SYS_gettid,
	SYS_restart_syscall,
};

/* What libc's resolver does besides. */
static const int of_resolver[] = {
	SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_ioctl, SYS_uname, SYS_bind, SYS_getsockname,
	SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_getuid, SYS_geteuid,
};

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short length;
};

static void add(struct filter *filter, unsigned short code, unsigned char yes, unsigned char no,
		uint32_t value)
{
	if (filter->length < FILTER_MAX)
		filter->code[filter->length++] =
			(struct sock_filter){ .code = code, .jt = yes, .jf = no, .k = value };
}

static void add_load(struct filter *filter, size_t offset)
{
	add(filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void add_return(struct filter *filter, uint32_t verdict)
{
	add(filter, BPF_RET | BPF_K, 0, 0, verdict);
}

static void allow(struct filter *filter, int call)
{
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)call);
	add_return(filter, SECCOMP_RET_ALLOW);
}

static void allow_all(struct filter *filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		allow(filter, calls[i]);
}

/* Of little endian, the lower half. */
static size_t argument_at(int argument)
{
	return offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t);
}

/* Only with an argument that has none of these bits. */
static void allow_without(struct filter *filter, int call, int argument, int bits)
{
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)call);
	add_load(filter, argument_at(argument));
	add(filter, BPF_JMP | BPF_JSET | BPF_K, 0, 1, (uint32_t)bits);
	add_return(filter, SECCOMP_RET_ERRNO | EPERM);
	add_return(filter, SECCOMP_RET_ALLOW);
}

/* Only with an argument of this value. */
static void allow_with(struct filter *filter, int call, int argument, int value)
{
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)call);
	add_load(filter, argument_at(argument));
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)value);
	add_return(filter, SECCOMP_RET_ALLOW);
	add_load(filter, offsetof(struct seccomp_data, nr));
}

static void make_filter(struct filter *filter, bool with_names)
{
	add_load(filter, offsetof(struct seccomp_data, arch));
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	add_return(filter, SECCOMP_RET_KILL_PROCESS);
	add_load(filter, offsetof(struct seccomp_data, nr));
	allow_all(filter, harmless, COUNT(harmless));
	allow_without(filter, SYS_mmap, 2, PROT_EXEC);
	allow_without(filter, SYS_mprotect, 2, PROT_EXEC);
	allow_with(filter, SYS_socket, 0, AF_INET);
	allow_with(filter, SYS_socket, 0, AF_INET6);
	allow_with(filter, SYS_socket, 0, AF_VSOCK);
	if (with_names) {
		allow_with(filter, SYS_socket, 0, AF_NETLINK);
		allow_without(filter, SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
		allow_all(filter, of_resolver, COUNT(of_resolver));
	}
	/* Not the end of it: libc tries some that it can do without. */
	add_return(filter, SECCOMP_RET_ERRNO | EPERM);
}

static int load_filter(bool with_names)
{
	struct filter filter = { .length = 0 };
	struct sock_fprog program = { .filter = filter.code };

	make_filter(&filter, with_names);
	program.len = filter.length;
	if (filter.length == FILTER_MAX)
		return -E2BIG;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t limit;
	} limits[] = {
		{ RLIMIT_AS, MEMORY_MAX }, { RLIMIT_CORE, 0 }, { RLIMIT_FSIZE, 0 },
		{ RLIMIT_NOFILE, FILES_MAX }, { RLIMIT_NPROC, 0 },
	};

	for (size_t i = 0; i < COUNT(limits); i++) {
		const struct rlimit limit = { limits[i].limit, limits[i].limit };

		if (setrlimit(limits[i].what, &limit) < 0)
			return -errno;
	}
	return 0;
}

/* A console is the host's: nothing is to be said there, either. */
static int close_others(const int fds[2])
{
	unsigned int first = (unsigned int)(fds[0] < fds[1] ? fds[0] : fds[1]);
	unsigned int last = (unsigned int)(fds[0] < fds[1] ? fds[1] : fds[0]);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	/* The lower of the two is -1 where there is one only. */
	if (fds[0] < 0 || fds[1] < 0)
		first = last;
	if (first > 3)
		close_range(3, first - 1, 0);
	if (last > first + 1)
		close_range(first + 1, last - 1, 0);
	return close_range(last + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int drop_privileges(void)
{
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (prctl(PR_CAPBSET_DROP, capability) < 0 && errno != EINVAL)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* Both were undone when the process became somebody else's, Linux: kernel/cred.c, commit_creds(). */
static int stay_private(pid_t parent)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int confine(const struct confinement *confinement)
{
	int r = close_others(confinement->fds);

	signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = drop_privileges();
	if (r == 0)
		r = stay_private(confinement->parent);
	if (r == 0)
		r = set_limits();
	return r < 0 ? r : load_filter(confinement->with_names);
}
