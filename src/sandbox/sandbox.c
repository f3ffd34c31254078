/*
 * sandbox: Landlock's rules for files, and seccomp's programs, made once and put on by each thread. See sandbox.h.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "sandbox/sandbox_calls.h"

#ifndef __has_feature /* clang's */
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
        __has_feature(thread_sanitizer)
enum { FITS = 0 };
#else
enum { FITS = 1 };
#endif

bool sandbox_fits(void)
{
	return FITS;
}

/* ---- files ---- */

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

#define READING ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
#define WRITING                                                                                                 \
	((uint64_t)(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE))
/* Granted nowhere, but for the removal of directories where inboxes come and go. */
#define NEVER                                                                                                     \
	((uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |   \
	            LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	            LANDLOCK_ACCESS_FS_MAKE_SYM))

/* What this kernel's Landlock knows: each version has some more (landlock(7)). */
static uint64_t known_access(long version)
{
	uint64_t all = READING | WRITING | NEVER;
	if (version < 2)
		all &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (version < 3)
		all &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
	return all;
}

static bool allow(int rules, const struct sandbox_directory *d, uint64_t known, struct fault *why)
{
	uint64_t access = READING | (d->writable ? WRITING : 0) | (d->prunable ? LANDLOCK_ACCESS_FS_REMOVE_DIR : 0);
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = access & known,
		.parent_fd = open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	if (beneath.parent_fd < 0)
		return true;
	bool ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
	if (!ok)
		fault_errno(why, "cannot confine the server to %.100s", d->path);
	file_close(beneath.parent_fd);
	return ok;
}

static bool confine(int rules, const struct sandbox_directory *directories, size_t count, uint64_t known,
                    struct fault *why)
{
	for (size_t i = 0; i < count; i++) {
		if (!allow(rules, &directories[i], known, why))
			return false;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		return fault_errno(why, "cannot confine the server to its files");
	return true;
}

bool sandbox_files(const struct sandbox_directory *directories, size_t count, struct fault *why)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (!FITS) {
		log_info("built with a sanitizer: there is no sandbox");
		return true;
	}
	if (version < 1) {
		log_info("this kernel has no Landlock: the server's user decides alone which files it can open");
		return true;
	}
	const struct landlock_ruleset_attr attr = { .handled_access_fs = known_access(version) };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (rules < 0)
		return fault_errno(why, "cannot confine the server to its files");
	bool ok = confine(rules, directories, count, attr.handled_access_fs, why);
	file_close(rules);
	return ok;
}

/* ---- calls ---- */

/* One for each kind, made by sandbox_calls() before there are threads; kept until the process ends. */
static struct sock_fprog programs[SANDBOX_THREADS];

/* libseccomp writes its program to a descriptor alone. */
static bool read_program(int fd, struct sock_fprog *program)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return false;
	struct sock_filter *filter = malloc((size_t)st.st_size);
	if (!filter || file_read(fd, filter, (size_t)st.st_size, 0) != st.st_size) {
		free(filter);
		return false;
	}
	*program =
	        (struct sock_fprog){ .len = (unsigned short)((size_t)st.st_size / sizeof *filter), .filter = filter };
	return true;
}

static bool export_program(scmp_filter_ctx context, struct sock_fprog *program)
{
	int fd = memfd_create("seccomp", MFD_CLOEXEC);
	bool ok = fd >= 0 && seccomp_export_bpf(context, fd) == 0 && read_program(fd, program);
	file_close(fd);
	return ok;
}

static bool make_program(enum sandbox_thread kind)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!context)
		return false;
	bool ok = sandbox_allow_calls(context, kind) && export_program(context, &programs[kind]);
	seccomp_release(context);
	return ok;
}

static bool put_on(const struct sock_fprog *program)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) == 0;
}

/* Passwords are in memory for moments, and must not end in a file. */
static void leave_no_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = 0 });
}

static bool kernel_has_filters(void)
{
	/* EFAULT: the mode is known, the program is not there (seccomp(2)). */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) != 0 && errno == EFAULT;
}

/* False: there are no filters here. */
static bool begin_calls(void)
{
	if (!kernel_has_filters()) {
		log_info("this kernel has no seccomp filters: any system call is allowed");
		return false;
	}
	leave_no_core();
	return true;
}

bool sandbox_alone(enum sandbox_thread kind, struct fault *why)
{
	if (!begin_calls())
		return true;
	if (!make_program(kind))
		return fault_set(why, FAULT_FULL, "cannot make the filter of system calls: memory is out");
	return put_on(&programs[kind]) || fault_errno(why, "cannot put on the filter of system calls");
}

bool sandbox_calls(struct fault *why)
{
	if (!FITS)
		return true;
	if (!begin_calls())
		return true;
	for (int kind = SANDBOX_ANY; kind <= SANDBOX_TALK; kind++) {
		if (!make_program((enum sandbox_thread)kind))
			return fault_set(why, FAULT_FULL, "cannot make the filter of system calls: memory is out");
	}
	return put_on(&programs[SANDBOX_ANY]) || fault_errno(why, "cannot put on the filter of system calls");
}

/* A thread that cannot be narrowed is still held to what all may do. */
void sandbox_narrow(enum sandbox_thread kind)
{
	if (programs[kind].filter && !put_on(&programs[kind]))
		log_warning("a thread keeps more rights than it needs: %s", strerror(errno));
}

void sandbox_narrow_disk(void)
{
	sandbox_narrow(SANDBOX_DISK);
}

void sandbox_narrow_hash(void)
{
	sandbox_narrow(SANDBOX_HASH);
}

void sandbox_narrow_talk(void)
{
	sandbox_narrow(SANDBOX_TALK);
}
