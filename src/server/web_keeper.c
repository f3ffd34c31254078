/*
 * web_keeper: fork, and fork and exec again and again. See web_keeper.h.
 */
#include "server/web_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "sandbox/sandbox.h"
#include "server/privileges.h"

static const char program[] = "postroom-web";

enum {
	PAUSE_FIRST_MS = 200, /* before it begins again; doubled each time */
	PAUSE_MAX_MS = 30 * 1000,
	LIVED_LONG_MS = 60 * 1000, /* who has lived so long begins again at once */
	LAST_PATIENCE_MS = 3000,   /* once the mail process has ended */
	LINK = 3,                  /* the web process's descriptors */
	SOCKET = 4,
	FIRST_FREE = 5,
	ARGUMENTS_MAX = 16 + 2 * WEB_KEEPER_HOSTS_MAX,
	NOT_BEGUN = 127,
};
#define MEMORY_MAX ((rlim_t)4 << 30)

/* Beside this program. */
static bool find_program(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return false;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	return (size_t)snprintf(path, PATH_MAX, "%s%s", self, program) < PATH_MAX && access(path, X_OK) == 0;
}

/* ---- the web process ---- */

/* What the kernel ends first where memory is short, and what no mail can make grow for ever. */
static void limit(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, "500", 3);
	file_close(fd);
	/* A sanitizer needs more memory, and to look into its own process. */
	if (!sandbox_fits())
		return;
	setrlimit(RLIMIT_AS, &(struct rlimit){ MEMORY_MAX, MEMORY_MAX });
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void become(const struct web_keeper_config *c, char *path)
{
	char *arguments[ARGUMENTS_MAX] = { path,     "--dir", (char *)c->dir, "--mailbox", (char *)c->mailbox,
		                           "--link", "3",     "--socket",     "4" };
	size_t n = 9;
	for (size_t i = 0; i < c->hosts_count && i < WEB_KEEPER_HOSTS_MAX; i++) {
		arguments[n++] = "--host";
		arguments[n++] = (char *)c->hosts[i];
	}
	if (c->login)
		arguments[n++] = "--login";
	if (c->no_sandbox)
		arguments[n++] = "--no-sandbox";
	if (c->verbose)
		arguments[n++] = "--verbose";
	limit();
	execv(path, arguments);
	_exit(NOT_BEGUN);
}

/* ---- the keeper ---- */

static bool link_ended(int ms)
{
	struct pollfd p = { .fd = LINK };
	return poll(&p, 1, ms) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* Until it ends; once the mail process has ended it is given a moment. -1: that was so. */
static int wait_for(pid_t web)
{
	int status;
	while (waitpid(web, &status, WNOHANG) == 0) {
		if (!link_ended(250))
			continue;
		for (int ms = 0; ms < LAST_PATIENCE_MS && waitpid(web, &status, WNOHANG) == 0; ms += 50)
			nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
		kill(web, SIGKILL);
		return -1;
	}
	return status;
}

static void tell_end(int status, int pause)
{
	if (WIFSIGNALED(status))
		log_error("the web inbox ended by signal %d; it begins again in %d ms, and mail goes on",
		          WTERMSIG(status), pause);
	else
		log_error("the web inbox ended with status %d; it begins again in %d ms, and mail goes on",
		          WEXITSTATUS(status), pause);
}

static void keep(const struct web_keeper_config *c, char *path)
{
	int pause = PAUSE_FIRST_MS;
	for (;;) {
		int64_t begun = clock_ms();
		pid_t web = fork();
		if (web == 0)
			become(c, path);
		int status = web > 0 ? wait_for(web) : NOT_BEGUN << 8;
		if (status == -1 || link_ended(0))
			return;
		if (clock_ms() - begun >= LIVED_LONG_MS)
			pause = PAUSE_FIRST_MS;
		tell_end(status, pause);
		if (link_ended(pause))
			return;
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

/* Only these two are open, and stay so in the web process. */
static bool arrange(int link, int socket)
{
	int a = fcntl(link, F_DUPFD, FIRST_FREE), b = fcntl(socket, F_DUPFD, FIRST_FREE);
	bool ok = a >= 0 && b >= 0 && dup2(a, LINK) == LINK && dup2(b, SOCKET) == SOCKET;
	return ok && close_range(FIRST_FREE, ~0U, 0) == 0;
}

/* Ctrl-C is the mail process's; this one ends with it. */
static void pass_over_signals(void)
{
	sigset_t none;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void be_keeper(const struct web_keeper_config *c, char *path, int link, int socket)
{
	char name[PRIVILEGES_NAME_MAX];
	struct fault why;
	pass_over_signals();
	int dir = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir >= 0 && privileges_drop(c->user, dir, name, &why);
	file_close(dir);
	if (!ok)
		log_error("no web inbox: %s", dir < 0 ? strerror(errno) : why.text);
	else if (arrange(link, socket))
		keep(c, path);
	_exit(0);
}

int web_keeper_start(const struct web_keeper_config *config, struct listener *listener, struct fault *why)
{
	char path[PATH_MAX];
	int ends[2] = { -1, -1 };
	bool ok =
	        find_program(path) || fault_set(why, FAULT_PERMANENT, "%s is not there, beside this program", program);
	ok = ok && (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ||
	            fault_errno(why, "cannot start the web inbox"));
	pid_t keeper = ok ? fork() : -1;
	if (keeper == 0) {
		file_close(ends[0]);
		be_keeper(config, path, ends[1], listener->fd);
	}
	if (ok && keeper < 0)
		ok = fault_errno(why, "cannot start the web inbox");
	file_close(ends[1]);
	listener_close(listener);
	if (ok && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return ends[0];
	file_close(ends[0]);
	return -1;
}
