/*
 * trace: the Received line that a server adds, and its way into a mail that passes by.
 *
 * In a course it is `Received: DATE : HOUR : MINUTE` in local time: after the Subject field where the message starts with
 * From, To and Subject in that order, else the first line. A Subject goes on over indented lines only where the message has
 * an empty line after its header; a mail in the courses' form has one-line subjects.
 *
 * In the standard mode it is what mail/trace_head writes, on top of the mail.
 *
 * The stamper is a push filter over the message in its stored form (LF, dot-stuffed). Pure but for the clock; it holds back
 * no more than TRACE_HOLD_MAX octets, the lines of which the place of the stamp depends.
 */
#ifndef POSTROOM_MAIL_TRACE_H
#define POSTROOM_MAIL_TRACE_H

#include <time.h>

#include "base/buf.h"

enum { TRACE_HOLD_MAX = 64 * 1024 };

/* "Received: 2026-11-20 : 12 : 44\n"; returns its length (less than size). */
size_t trace_course_line(time_t when, char *line, size_t size);
/* "2026-11-20 : 12 : 44" */
size_t trace_course_date(time_t when, char *text, size_t size);

struct trace_stamper {
	char stamp[64];
	size_t stamp_len;
	struct buf held; /* octets whose place before or after the stamp is not decided */
	bool stamped;
	void (*out)(void *owner, const char *octets, size_t n);
	void *owner;
	/* the stamper's own state follows: what it waits for, and places in `held` */
	enum trace_stage {
		TRACE_FROM, /* waiting for this field's line */
		TRACE_TO,
		TRACE_SUBJECT,
		TRACE_FOLDS,  /* behind the Subject's line and lines that may be its continuation */
		TRACE_FIELDS, /* behind a field that came after such lines */
	} stage;
	size_t line;             /* where the line under way begins */
	size_t seen;             /* up to where no LF is left to be found */
	size_t subject_line_end; /* behind the Subject's first line */
	size_t subject_end;      /* behind the last line that may be its continuation */
};

void trace_stamper_init(struct trace_stamper *t, time_t when, void (*out)(void *owner, const char *octets, size_t n),
                        void *owner);
/* The same with a head that is known already, which goes on top; nothing is held back. It lives until the call returns. */
void trace_stamper_init_head(struct trace_stamper *t, struct slice head,
                             void (*out)(void *owner, const char *octets, size_t n), void *owner);
void trace_stamper_release(struct trace_stamper *t);
/* False: out of memory. */
bool trace_stamper_push(struct trace_stamper *t, const char *octets, size_t n);
/* The message is over: gives out what is left. */
bool trace_stamper_finish(struct trace_stamper *t);

#endif
