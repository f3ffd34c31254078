/*
 * status: connects, says in which form, and prints what comes. See status.h.
 */
#include "admin/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/serve.h"
#include "server/status.h"

enum { PATIENCE_S = 5 };

struct wishes {
	const char *dir;
	const char *config;
	bool json;
};

#define AT(field) offsetof(struct wishes, field)

static const struct admin_option options[] = {
	{ "dir", "DIR", "the directory that the server said when it began", AT(dir), "give a directory",
	  admin_set_word },
	{ "config", "FILE", "the server's configuration, which says the directory", AT(config), "give a file",
	  admin_set_word },
	{ "json", NULL, "print it as JSON", AT(json), NULL, NULL },
	{ 0 },
};

/* -1 and errno. */
static int connect_to(const char *dir)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if ((size_t)snprintf(to.sun_path, sizeof to.sun_path, "%s/" STATUS_SOCKET, dir) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* False and errno, or 0: it hung up without a word. */
static bool print_answer(int fd, const char *form)
{
	char text[4096];
	ssize_t n;
	size_t in_all = 0;
	if (send(fd, form, strlen(form), MSG_NOSIGNAL) < 0)
		return false;
	while ((n = recv(fd, text, sizeof text, 0)) > 0) {
		fwrite(text, 1, (size_t)n, stdout);
		in_all += (size_t)n;
	}
	if (n == 0)
		errno = 0;
	return n == 0 && in_all > 0;
}

static int ask(const char *dir, bool json)
{
	int fd = connect_to(dir);
	if (fd < 0)
		return admin_fail(EX_UNAVAILABLE, "no server answers at %s/" STATUS_SOCKET ": %s: say --dir DIR", dir,
		                  strerror(errno));
	bool ok = print_answer(fd, json ? "json\n" : "text\n");
	int error = errno;
	close(fd);
	if (ok)
		return admin_done();
	return admin_fail(EX_UNAVAILABLE, "the server at %s does not answer: %s", dir,
	                  error ? strerror(error) : "it hung up");
}

static int run(void *wishes, int count, char **operands)
{
	const struct wishes *w = wishes;
	char dir[SERVE_DIRECTORY_MAX];
	if (count > 0)
		return admin_fail(EX_USAGE, "'%s' is one argument too many: postroom status --help shows what there is",
		                  operands[0]);
	if (w->dir)
		return ask(w->dir, w->json);
	int status = serve_directory(w->config, dir);
	return status == EX_OK ? ask(dir, w->json) : status;
}

const struct admin_command status_command = {
	.name = "status",
	.operands = "",
	.summary = "asks a running `postroom serve` for its sessions, rates and disk",
	.about = "Asks the server whose mail is in a directory (default: /var/lib/postroom). Only the server's user, "
	         "and root, may ask.\n",
	.options = options,
	.wishes_size = sizeof(struct wishes),
	.run = run,
};
