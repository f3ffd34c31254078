/*
 * web_keeper: the web process and whoever begins it again when it dies: a small child of the mail process, made before that gives up its rights, which waits for
 * nothing else. What the web process is and may do is its own affair (postroom-web); from here it gets a listening socket and one socket to this process.
 *
 * When the mail process ends, however it ends, the web process sees its socket end, and so does the keeper.
 */
#ifndef POSTROOM_SERVER_WEB_KEEPER_H
#define POSTROOM_SERVER_WEB_KEEPER_H

#include <stddef.h>

#include "net/listen.h"

enum { WEB_KEEPER_HOSTS_MAX = 16 };

struct web_keeper_config {
	const char *dir;
	const char *mailbox;
	const char *user;         /* who to be, when root starts it; NULL: the directory's owner */
	const char *const *hosts; /* further names of the page */
	size_t hosts_count;
	bool login;
	bool no_sandbox;
	bool verbose;
};

/* Takes over the listening socket, in any case. The descriptor of this process's end of the socket, not blocking; -1 with why. Before there are threads. */
int web_keeper_start(const struct web_keeper_config *config, struct listener *listener, struct fault *why);

#endif
