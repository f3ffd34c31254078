/*
 * scratch: see scratch.h.
 */
#include "server/scratch.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

enum { DESCRIPTORS = 16 }; /* for the walk */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	remove(path); /* where it cannot be, the next one may */
	return 0;
}

/* The child. What Ctrl-C tells all is not meant for it: it ends after its parent. */
static _Noreturn void wait_and_remove(const char *path, int life)
{
	char nothing;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (read(life, &nothing, 1) > 0)
		;
	nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

/* It holds nothing of its parent's but its end of the line: no port, and no pipe that somebody reads to its end. */
static void let_go(int life)
{
	int null = dup2(life, STDIN_FILENO);
	closefrom(null + 1);
}

static bool start_remover(struct scratch *s, struct fault *why)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return fault_errno(why, "cannot make a temporary directory");
	pid_t child = fork();
	if (child == 0) {
		let_go(ends[1]);
		wait_and_remove(s->path, STDIN_FILENO);
	}
	close(ends[1]);
	s->life = ends[0];
	if (child > 0)
		return true;
	fault_errno(why, "cannot make a temporary directory");
	close(s->life);
	return false;
}

bool scratch_make(struct scratch *s, struct fault *why)
{
	const char *place = getenv("TMPDIR");
	*s = (struct scratch){ .life = -1 };
	snprintf(s->path, sizeof s->path, "%s/postroom-XXXXXX", place && place[0] == '/' ? place : "/tmp");
	if (!mkdtemp(s->path)) {
		fault_errno(why, "cannot make a temporary directory (%.100s)", s->path);
		s->path[0] = '\0';
		return false;
	}
	if (start_remover(s, why))
		return true;
	rmdir(s->path);
	s->path[0] = '\0';
	return false;
}

void scratch_remove(struct scratch *s)
{
	char nothing;
	if (s->path[0] == '\0')
		return;
	shutdown(s->life, SHUT_WR);
	while (read(s->life, &nothing, 1) > 0)
		;
	close(s->life);
	s->path[0] = '\0';
}
