/*
 * mail_mbox: mails in the forms that other programs keep them in: plain text out of the stored form, and the mboxrd format, in which a line `From …` begins a
 * mail, an empty line stands before the next, and a text's own lines of `From ` behind any number of `>` get one `>` more. Pure push filters: any cut of the
 * input gives the same output.
 */
#ifndef POSTROOM_ADMIN_MAIL_MBOX_H
#define POSTROOM_ADMIN_MAIL_MBOX_H

#include <time.h>

#include "base/slice.h"

/* Where a filter's text goes, in any cut. */
struct mail_mbox_out {
	void (*text)(void *owner, const char *octets, size_t n);
	void *owner;
};

/* Stored form -> plain text: a doubled full stop at a line's beginning is one. */
struct mail_mbox_plain {
	struct mail_mbox_out out;
	bool in_line; /* behind a line's first octet */
	bool dot;     /* which was a full stop, and is held */
};

void mail_mbox_plain_init(struct mail_mbox_plain *p, struct mail_mbox_out out);
void mail_mbox_plain_push(struct mail_mbox_plain *p, const char *octets, size_t n);
void mail_mbox_plain_finish(struct mail_mbox_plain *p);

/* The front of a line that may be one of `From `: what of it was seen is held. */
struct mail_mbox_front {
	uint64_t quotes; /* of > */
	size_t from;     /* octets of "From " behind them */
};

/* Plain text of one mail -> its lines in an mbox file. */
struct mail_mbox_writer {
	struct mail_mbox_out out;
	bool in_line;
	struct mail_mbox_front front;
};

enum { MAIL_MBOX_FROM_MAX = 1000 }; /* octets of a `From ` line */

/* Writes the line that begins the mail: who sent it ("": nobody who wants an answer), when. */
void mail_mbox_writer_begin(struct mail_mbox_writer *w, struct mail_mbox_out out, struct slice sender, time_t when);
void mail_mbox_writer_push(struct mail_mbox_writer *w, const char *octets, size_t n);
/* … and the empty line behind it. */
void mail_mbox_writer_finish(struct mail_mbox_writer *w);

/* An mbox file -> its mails. A line `From …` begins one at the file's front and behind an empty line, where a time stands in it. */
struct mail_mbox_reader {
	/* The mails; text() comes between the other two alone. */
	void (*begin)(void *owner);
	void (*text)(void *owner, const char *octets, size_t n);
	void (*end)(void *owner);
	void *owner;
	bool keep_quotes; /* leave every > where it is: the older mbox format */
	/* the reader's own state follows */
	enum mail_mbox_stage {
		MAIL_MBOX_LINE, /* a line's beginning, or its front is held */
		MAIL_MBOX_CR,   /* a line of only a CR so far */
		MAIL_MBOX_FROM, /* a line that may begin a mail, in from_line */
		MAIL_MBOX_TEXT,
	} stage;
	struct mail_mbox_front front;
	bool in_mail;
	bool may_begin;    /* the line before was empty, or there was none */
	const char *blank; /* an empty line that belongs to the text if the next line begins no mail; NULL: none */
	bool stray;        /* the answer: there was text before the first mail */
	size_t from_len;
	char from_line[MAIL_MBOX_FROM_MAX];
};

void mail_mbox_reader_init(struct mail_mbox_reader *r);
void mail_mbox_reader_push(struct mail_mbox_reader *r, const char *octets, size_t n);
void mail_mbox_reader_finish(struct mail_mbox_reader *r);

#endif
