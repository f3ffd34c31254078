/*
 * dialog: the test's own side of a dialogue with a server in this process: patient, and content with whatever a server may say whose memory is out. An answer
 * that none may give ends the run as failed (run_failed).
 */
#ifndef POSTROOM_OOM_DIALOG_H
#define POSTROOM_OOM_DIALOG_H

#include <stdbool.h>
#include <stddef.h>

/* What comes of a run; shared with the process that began it. */
struct run {
	char why[600];                    /* "": every promise was kept */
	unsigned asked;                   /* allocations or descriptors, while they could fail */
	bool struck;                      /* one of them did */
	unsigned sessions, later, closed; /* in all; that got a temporary refusal; that were closed by the server */
};
extern struct run *run;
_Noreturn void run_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum { DIALOG_LINE_MAX = 2048, DIALOG_REPLY_MAX = 1024 * 1024 };

struct dialog {
	int fd;
	void *ssl;
	bool pop3;
	bool strict;  /* nothing lacks any more: no refusal is taken */
	bool waits;   /* what lacks may keep the server from greeting: then it lacks no more */
	bool gone;    /* the server has closed */
	bool refused; /* the last answer was a temporary no */
	bool later;   /* one of them was */
	size_t begin, end;
	char in[16 * 1024];
	char reply[DIALOG_REPLY_MAX]; /* the last one: all its lines, each with LF */
	size_t reply_len;
};

struct dialog *dialog_open(unsigned port, bool pop3, bool strict, bool waits);
void dialog_close(struct dialog *t);

/* Each gives true where the answer begins as expected, and false where it is a refusal for now or the connection is closed. */
bool dialog_hear(struct dialog *t, const char *expected);
bool dialog_say(struct dialog *t, const char *line, const char *expected);
void dialog_send(struct dialog *t, const char *octets, size_t n);
/* POP3: the lines up to the full stop, behind the +OK in t->reply. */
bool dialog_hear_lines(struct dialog *t);
bool dialog_begin_tls(struct dialog *t);
/* AUTH SCRAM-SHA-256 to its end. */
bool dialog_scram(struct dialog *t, const char *user, const char *password);

#endif
