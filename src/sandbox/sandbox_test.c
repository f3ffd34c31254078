/*
 * sandbox: what is refused from inside, by every kind of thread, and what still works. Each test tries it in a child process.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char inside[] = "/tmp/postroom-sandbox-XXXXXX";
static const char outside[] = "/etc/passwd";

/* Says on stderr what went wrong, for whoever reads the test's log. */
static bool must(bool holds, const char *what)
{
	if (!holds)
		fprintf(stderr, "not so: %s (%s)\n", what, strerror(errno));
	return holds;
}

static bool refused(long result, const char *what)
{
	return must(result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS), what);
}

static bool enter(bool files)
{
	const struct sandbox_directory own = { .path = inside, .writable = true };
	struct fault why;
	if (files && !sandbox_files(&own, 1, &why))
		return must(false, why.text);
	return sandbox_calls(&why) || must(false, why.text);
}

/* Runs `check` in a child, in the sandbox. */
static void expect_inside(bool (*check)(void))
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(enter(true) && check() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- what no thread may do ---- */

static bool try_all(void)
{
	char *const argv[] = { "sh", NULL };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok = refused(page == MAP_FAILED ? -1 : 0, "memory that can be executed");
	ok &= refused(execve("/bin/sh", argv, NULL), "a program is begun");
	ok &= refused(syscall(SYS_execveat, AT_FDCWD, "/bin/sh", argv, NULL, 0), "a program is begun, by execveat");
	ok &= refused(fork(), "a process is begun");
	ok &= refused(syscall(SYS_vfork), "a process is begun, by vfork");
	ok &= refused(socket(AF_INET, SOCK_STREAM, 0), "a socket is made");
	ok &= refused(socket(AF_UNIX, SOCK_STREAM, 0), "a local socket is made");
	ok &= refused(connect(0, NULL, 0), "a connection is made");
	ok &= refused(bind(0, NULL, 0), "a port is taken");
	ok &= refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL), "a process is traced");
	ok &= refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0), "another process is read");
	ok &= refused(kill(getppid(), 0), "a signal is sent");
	ok &= refused(syscall(SYS_tgkill, getppid(), getppid(), 0), "a signal is sent to a thread elsewhere");
	ok &= refused(setuid(0), "another user");
	ok &= refused(chroot("/"), "another root");
	ok &= refused(syscall(SYS_bpf, 0, NULL, 0), "bpf");
	ok &= refused(syscall(SYS_io_uring_setup, 1, NULL), "io_uring, which would go round the list");
	ok &= refused(syscall(SYS_userfaultfd, 0), "userfaultfd");
	ok &= refused(open(outside, O_RDONLY), "a file elsewhere is read");
	ok &= refused(open("/tmp/postroom-sandbox-elsewhere", O_WRONLY | O_CREAT, 0600), "a file elsewhere is made");
	return ok;
}

struct attempt {
	enum sandbox_thread kind;
	bool (*check)(void);
	bool ok;
};

static void *attempt(void *arg)
{
	struct attempt *a = arg;
	sandbox_narrow(a->kind);
	a->ok = a->check();
	return NULL;
}

static bool on_thread(enum sandbox_thread kind, bool (*check)(void))
{
	struct attempt a = { .kind = kind, .check = check };
	pthread_t thread;
	if (!must(pthread_create(&thread, NULL, attempt, &a) == 0, "a thread is started"))
		return false;
	pthread_join(thread, NULL);
	return a.ok;
}

static bool all_kinds_try_all(void)
{
	bool ok = true;
	for (int kind = SANDBOX_ANY; kind < SANDBOX_THREADS; kind++)
		ok &= on_thread((enum sandbox_thread)kind, try_all);
	return ok;
}

static void nothing_leads_out(void **state)
{
	(void)state;
	expect_inside(all_kinds_try_all);
}

/* ---- what each kind may not do, and another may ---- */

static int own(const char *name, int flags)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", inside, name);
	return open(path, flags, 0600);
}

static bool uses_files(void)
{
	char from[128], to[128];
	int fd = own("a", O_RDWR | O_CREAT | O_TRUNC);
	snprintf(from, sizeof from, "%s/a", inside);
	snprintf(to, sizeof to, "%s/b", inside);
	bool ok = must(fd >= 0 && write(fd, "mail", 4) == 4 && fdatasync(fd) == 0 && ftruncate(fd, 2) == 0, "a file");
	ok &= must(renameat(AT_FDCWD, from, AT_FDCWD, to) == 0, "a new name");
	ok &= must(unlinkat(AT_FDCWD, to, 0) == 0, "a file is removed");
	ok &= refused(syscall(SYS_accept4, 0, NULL, NULL, 0), "a job takes a connection");
	return ok & refused(recv(0, to, 1, 0), "a job reads from the network");
}

static bool uses_the_network(void)
{
	errno = 0;
	bool ok = must(accept(0, NULL, NULL) < 0 && errno == EPERM, "accept() is not needed: accept4() is");
	errno = 0;
	ok &= must(accept4(-1, NULL, NULL, 0) < 0 && errno == EBADF, "a loop takes connections");
	ok &= refused(own("c", O_RDWR | O_CREAT), "a loop opens a file");
	ok &= refused(unlinkat(AT_FDCWD, inside, AT_REMOVEDIR), "a loop removes a file");
	return ok & refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), "a loop begins a process");
}

static bool counts_in_memory(void)
{
	char octet;
	void *some = malloc((size_t)8 << 20);
	bool ok = must(some != NULL, "memory");
	free(some);
	ok &= refused(own("d", O_RDONLY), "hashing opens a file");
	ok &= refused(read(0, &octet, 1), "hashing reads");
	return ok & refused(syscall(SYS_sendto, 0, &octet, 1, 0, NULL, 0), "hashing sends");
}

static bool writes_what_it_is_given(void)
{
	char octet;
	bool ok = must(write(STDERR_FILENO, "", 0) == 0, "a line is written");
	ok &= refused(own("d", O_RDONLY), "the transcript opens a file");
	return ok & refused(read(0, &octet, 1), "the transcript reads");
}

static bool each_its_own(void)
{
	bool ok = on_thread(SANDBOX_DISK, uses_files);
	ok &= on_thread(SANDBOX_LOOP, uses_the_network);
	ok &= on_thread(SANDBOX_HASH, counts_in_memory);
	return ok & on_thread(SANDBOX_TALK, writes_what_it_is_given);
}

static void each_kind_of_thread_has_what_its_work_needs(void **state)
{
	(void)state;
	expect_inside(each_its_own);
}

/* What is started by a narrow thread is as narrow: no way around by starting another. */
static void *opens(void *arg)
{
	*(bool *)arg = refused(own("e", O_RDWR | O_CREAT), "a thread of a loop's opens a file");
	return NULL;
}

static bool starts_another(void)
{
	bool ok = true;
	pthread_t thread;
	if (pthread_create(&thread, NULL, opens, &ok) == 0)
		pthread_join(thread, NULL);
	return ok;
}

static bool loops_start_none_that_may_more(void)
{
	return on_thread(SANDBOX_LOOP, starts_another);
}

static void no_thread_is_wider_than_who_started_it(void **state)
{
	(void)state;
	expect_inside(loops_start_none_that_may_more);
}

/* ---- files alone ---- */

static bool stays_within(void)
{
	bool ok = must(own("f", O_RDWR | O_CREAT) >= 0, "a file of its own");
	ok &= refused(open("/etc", O_RDONLY | O_DIRECTORY), "a directory elsewhere");
	ok &= refused(mkdir("/tmp/postroom-sandbox-directory", 0700), "a directory is made elsewhere");
	char link[128];
	snprintf(link, sizeof link, "%s/link", inside);
	ok &= refused(symlink(outside, link), "a link that leads out is made");
	return ok;
}

static void files_elsewhere_stay_closed_without_the_filter_of_calls_as_well(void **state)
{
	const struct sandbox_directory own_place = { .path = inside, .writable = true };
	struct fault why;
	int status;
	(void)state;
	pid_t child = fork();
	if (child == 0)
		_exit(sandbox_files(&own_place, 1, &why) && stays_within() ? 0 : 1);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static bool reads_and_does_not_write(void)
{
	int fd = own("read", O_RDONLY);
	return must(fd >= 0, "a file is read") & refused(own("read", O_RDWR), "… and written") &
	       refused(own("new", O_RDWR | O_CREAT), "… or made");
}

static void a_directory_to_read_is_not_written_to(void **state)
{
	const struct sandbox_directory readable = { .path = inside };
	struct fault why;
	int status;
	(void)state;
	close(own("read", O_RDWR | O_CREAT));
	pid_t child = fork();
	if (child == 0)
		_exit(sandbox_files(&readable, 1, &why) && reads_and_does_not_write() ? 0 : 1);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void without_a_sandbox_narrowing_does_nothing(void **state)
{
	int status;
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		sandbox_narrow(SANDBOX_HASH);
		_exit(open(outside, O_RDONLY) >= 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static int make_inside(void **state)
{
	(void)state;
	return mkdtemp(inside) ? 0 : -1;
}

static int remove_inside(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", inside);
	return system(command);
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0; /* a sanitizer needs calls of its own: there is no sandbox */
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return 0;
#endif
#endif
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leads_out),
		cmocka_unit_test(each_kind_of_thread_has_what_its_work_needs),
		cmocka_unit_test(no_thread_is_wider_than_who_started_it),
		cmocka_unit_test(files_elsewhere_stay_closed_without_the_filter_of_calls_as_well),
		cmocka_unit_test(a_directory_to_read_is_not_written_to),
		cmocka_unit_test(without_a_sandbox_narrowing_does_nothing),
	};
	return cmocka_run_group_tests(tests, make_inside, remove_inside);
}
