/*
 * sandbox: what is left to a server once everything is open. Files: those under named directories (Landlock). System calls: a list for each kind of thread
 * (seccomp); sandbox_calls.c has them, with the reasons.
 *
 * A call that is not on a list fails with EPERM, and the session that needed it fails with it: one that the lists forgot, on a machine unlike ours, must not end
 * everybody's. Programs cannot be begun, sockets not made, processes not looked into, memory not made executable, by any thread.
 *
 * Where the kernel has no Landlock or no seccomp, that part is left out, and said in the log. Under a sanitizer, whose own needs are different, all of it is.
 */
#ifndef POSTROOM_SANDBOX_SANDBOX_H
#define POSTROOM_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

/* False: a sanitizer is built in, which needs more memory and other calls than a server. */
bool sandbox_fits(void);

/* A directory and all below it. */
struct sandbox_directory {
	const char *path;
	bool writable;
	bool prunable; /* directories in it may be removed */
};

/* Everything else cannot be opened any more, by this process; what is open stays so. A directory that is not there is passed over. Before there are threads:
 * only this one and those it starts are held. False: the kernel has Landlock, and refused. */
bool sandbox_files(const struct sandbox_directory *directories, size_t count, struct fault *why);

/* The kinds of threads. Each may only be narrowed: what is started by a narrow thread is as narrow. */
enum sandbox_thread {
	SANDBOX_ANY,  /* all of the process: what the kinds below may do, and start threads */
	SANDBOX_LOOP, /* runs sessions: the network, and files that are open already */
	SANDBOX_DISK, /* jobs: files, no network */
	SANDBOX_HASH, /* passwords: memory alone */
	SANDBOX_TALK, /* the transcript: writes what it is given */
	SANDBOX_WEB, /* a process of its own, one thread: HTTP connections, mailboxes that are read, an index that is written */
	SANDBOX_THREADS,
};

/* Holds the calling thread, and all it starts, to SANDBOX_ANY; the others' lists are made ready. */
bool sandbox_calls(struct fault *why);
/* Holds a process of one thread to one kind. */
bool sandbox_alone(enum sandbox_thread kind, struct fault *why);
/* Holds the calling thread to its kind, where sandbox_calls() was called; else nothing. */
void sandbox_narrow(enum sandbox_thread kind);
void sandbox_narrow_disk(void);
void sandbox_narrow_hash(void);
void sandbox_narrow_talk(void);

#endif
