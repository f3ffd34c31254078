/*
 * worker: the web process: one thread, one loop around HTTP, the mail process's socket and the mailboxes.
 */
#ifndef POSTROOM_WEB_WORKER_H
#define POSTROOM_WEB_WORKER_H

#include "base/fault.h"

enum { WORKER_HOSTS_MAX = 16 };

struct worker_options {
	const char *dir;     /* the mail directory */
	const char *mailbox; /* the mailbox files' name */
	const char *address; /* numeric; NULL: `listener` is it */
	unsigned port;
	int listener; /* an inherited listening socket, or -1 */
	int link;     /* the socket to the mail process, or -1 */
	bool login;   /* users have to log in */
	bool no_sandbox;
	const char *hosts[WORKER_HOSTS_MAX]; /* further names under which the page is reached */
	unsigned hosts_count;
};

/* Until SIGTERM, or the mail process ends. Prints `listening on ADDRESS port N (web)` to stderr. False with why: it could not begin. */
bool worker_run(const struct worker_options *o, struct fault *why);

#endif
