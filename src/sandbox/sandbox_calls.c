/*
 * sandbox_calls: the lists. See sandbox_calls.h.
 *
 * A call that this machine's kind does not have (open, stat and the like are missing on some) is passed over.
 */
#include "sandbox/sandbox_calls.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	ANY = 1 << SANDBOX_ANY,
	LOOP = 1 << SANDBOX_LOOP,
	DISK = 1 << SANDBOX_DISK,
	HASH = 1 << SANDBOX_HASH,
	TALK = 1 << SANDBOX_TALK,
	WEB = 1 << SANDBOX_WEB,
	ALL = ANY | LOOP | DISK | HASH | TALK | WEB,
};

/* Where an argument counts. */
enum look {
	FREE,         /* whatever the arguments are */
	NO_EXECUTING, /* the third has no PROT_EXEC */
	NEW_THREAD,   /* the first has CLONE_THREAD: a thread, not a process */
	OWN_PROCESS,  /* the first is this process */
	OWN_LIMITS,   /* the first is 0: this process */
	NAMING,       /* the first is PR_SET_NAME or PR_SET_NO_NEW_PRIVS */
};

struct row {
	int call;
	unsigned kinds;
	enum look look;
};

#define CALL(name) SCMP_SYS(name)

static const struct row rows[] = {
	/* What the C library does for every thread: memory, locks, time, its own end. */
	{ CALL(mmap), ALL, NO_EXECUTING },
	{ CALL(mprotect), ALL, NO_EXECUTING },
	{ CALL(munmap), ALL, FREE },
	{ CALL(mremap), ALL, FREE },
	{ CALL(madvise), ALL, FREE },
	{ CALL(brk), ALL, FREE },
	{ CALL(futex), ALL, FREE },
	{ CALL(sched_yield), ALL, FREE },
	{ CALL(sched_getaffinity), ALL, FREE }, /* malloc asks how many cores there are */
	{ CALL(clock_gettime), ALL, FREE },
	{ CALL(clock_getres), ALL, FREE },
	{ CALL(clock_nanosleep), ALL, FREE },
	{ CALL(nanosleep), ALL, FREE },
	{ CALL(gettimeofday), ALL, FREE },
	{ CALL(time), ALL, FREE },
	{ CALL(getrandom), ALL, FREE },
	{ CALL(getpid), ALL, FREE },
	{ CALL(gettid), ALL, FREE },
	{ CALL(getuid), ALL, FREE },
	{ CALL(geteuid), ALL, FREE },
	{ CALL(getgid), ALL, FREE },
	{ CALL(getegid), ALL, FREE },
	{ CALL(rt_sigprocmask), ALL, FREE },
	{ CALL(rt_sigreturn), ALL, FREE },
	{ CALL(rt_sigaction), ALL, FREE },
	{ CALL(sigaltstack), ALL, FREE },
	{ CALL(restart_syscall), ALL, FREE },
	{ CALL(set_robust_list), ALL, FREE },
	{ CALL(rseq), ALL, FREE },
	{ CALL(membarrier), ALL, FREE },
	{ CALL(tgkill), ALL, OWN_PROCESS }, /* abort() */
	{ CALL(prctl), ALL, NAMING },
	{ CALL(seccomp), ALL, FREE }, /* makes narrower, never wider */
	{ CALL(exit), ALL, FREE },
	{ CALL(exit_group), ALL, FREE },
	/* A line in the log, and the word that work is done (an eventfd). */
	{ CALL(write), ALL, FREE },
	{ CALL(close), ALL, FREE },

	/* Only while the process begins and ends, and in the threads that start others. */
	{ CALL(clone), ANY, NEW_THREAD },
	{ CALL(prlimit64), ANY | WEB, OWN_LIMITS },
	{ CALL(sysinfo), ANY | WEB, FREE },
	{ CALL(uname), ANY, FREE },
	{ CALL(signalfd4), ANY, FREE },

	/* Sessions: the network. There is no socket, bind or connect: the ports are open by then, and a server calls nobody. */
	{ CALL(accept4), ANY | LOOP | WEB, FREE },
	{ CALL(epoll_create1), ANY | LOOP, FREE },
	{ CALL(epoll_ctl), ANY | LOOP | WEB, FREE },
	{ CALL(epoll_wait), ANY | LOOP | WEB, FREE },
	{ CALL(epoll_pwait), ANY | LOOP | WEB, FREE },
	{ CALL(epoll_pwait2), ANY | LOOP, FREE },
	{ CALL(timerfd_create), ANY | LOOP, FREE },
	{ CALL(timerfd_settime), ANY | LOOP, FREE },
	{ CALL(eventfd2), ANY | LOOP | WEB, FREE },
	{ CALL(pipe2), ANY | LOOP, FREE },
	{ CALL(read), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(readv), ANY | LOOP, FREE },
	{ CALL(writev), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(recvfrom), ANY | LOOP | WEB, FREE },
	{ CALL(recvmsg), ANY | LOOP | WEB, FREE },
	{ CALL(sendto), ANY | LOOP | WEB, FREE },
	{ CALL(sendmsg), ANY | LOOP | WEB, FREE },
	{ CALL(shutdown), ANY | LOOP | WEB, FREE },
	{ CALL(getsockname), ANY | LOOP | WEB, FREE },
	{ CALL(getpeername), ANY | LOOP | WEB, FREE },
	{ CALL(getsockopt), ANY | LOOP, FREE },
	{ CALL(setsockopt), ANY | LOOP | WEB, FREE },
	{ CALL(ioctl), ANY | LOOP | TALK | WEB, FREE },
	{ CALL(poll), ALL, FREE }, /* whether there is room in the log */
	{ CALL(ppoll), ALL, FREE },

	/* Files that are open already: sessions read mails that are in the kernel's memory, and write those that come in to unnamed files. */
	{ CALL(fcntl), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(lseek), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(pread64), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(preadv), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(preadv2), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(pwrite64), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(pwritev), ANY | LOOP | DISK, FREE },
	{ CALL(ftruncate), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(fstat), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(newfstatat), ANY | LOOP | DISK | WEB, FREE }, /* … and see that the users file has changed */
	{ CALL(statx), ANY | LOOP | DISK | WEB, FREE },
	{ CALL(memfd_create), ANY | LOOP | DISK, FREE },

	/* Jobs: the store, the users file, the certificate. */
	{ CALL(openat), ANY | DISK | WEB, FREE },
	{ CALL(open), ANY | DISK, FREE },
	{ CALL(mkdirat), ANY | DISK, FREE },
	{ CALL(unlinkat), ANY | DISK | WEB, FREE },
	{ CALL(linkat), ANY | DISK, FREE },
	{ CALL(renameat), ANY | DISK, FREE },
	{ CALL(renameat2), ANY | DISK, FREE },
	{ CALL(fchmod), ANY | DISK, FREE },
	{ CALL(fchown), ANY | DISK, FREE },
	{ CALL(fsync), ANY | DISK | WEB, FREE },
	{ CALL(fdatasync), ANY | DISK | WEB, FREE },
	{ CALL(fallocate), ANY | DISK, FREE },
	{ CALL(copy_file_range), ANY | DISK, FREE },
	{ CALL(sendfile), ANY | DISK, FREE },
	{ CALL(timer_create), ANY | DISK, FREE }, /* a lock is waited for so long and no longer */
	{ CALL(timer_settime), ANY | DISK, FREE },
	{ CALL(timer_delete), ANY | DISK, FREE },
	{ CALL(getdents64), ANY | DISK | WEB, FREE },
	{ CALL(fstatfs), ANY | DISK | WEB, FREE },

	/* SQLite: its journal. */
	{ CALL(unlink), WEB, FREE },
	{ CALL(access), WEB, FREE },
	{ CALL(faccessat), WEB, FREE },
	{ CALL(faccessat2), WEB, FREE },
	{ CALL(lstat), WEB, FREE },
	{ CALL(stat), WEB, FREE },
	{ CALL(fchown), WEB, FREE },
	{ CALL(fchmod), WEB, FREE },
};

static int allow(scmp_filter_ctx context, int call)
{
	return seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0);
}

/* Where an argument, masked, is a value. */
static int allow_if(scmp_filter_ctx context, int call, unsigned argument, scmp_datum_t mask, scmp_datum_t value)
{
	const struct scmp_arg_cmp is = { .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value };
	return seccomp_rule_add_array(context, SCMP_ACT_ALLOW, call, 1, &is);
}

static int add(scmp_filter_ctx context, const struct row *r)
{
	static const scmp_datum_t whole = UINT32_MAX; /* of an int or a pid; the kernel passes over the upper half */
	switch (r->look) {
	case FREE:
		break;
	case NO_EXECUTING:
		return allow_if(context, r->call, 2, PROT_EXEC, 0);
	case NEW_THREAD:
		return allow_if(context, r->call, 0, CLONE_THREAD, CLONE_THREAD);
	case OWN_PROCESS:
		return allow_if(context, r->call, 0, whole, (scmp_datum_t)getpid());
	case OWN_LIMITS:
		return allow_if(context, r->call, 0, whole, 0);
	case NAMING:
		if (allow_if(context, r->call, 0, whole, PR_SET_NAME) != 0)
			return -1;
		return allow_if(context, r->call, 0, whole, PR_SET_NO_NEW_PRIVS);
	}
	return allow(context, r->call);
}

/* clone3's flags cannot be looked at: said to be missing, it makes the C library use clone. */
static bool refuse_clone3(scmp_filter_ctx context)
{
	return seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0) == 0;
}

bool sandbox_allow_calls(scmp_filter_ctx context, enum sandbox_thread kind)
{
	/* One comparison after the other would cost the last of them a microsecond. */
	if (seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		return false;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].kinds & 1U << kind && add(context, &rows[i]) != 0)
			return false;
	}
	return refuse_clone3(context);
}
