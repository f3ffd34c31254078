/*
 * transcript: the dialogue on stdout as people read it, `S: …` and `C: …`.
 *
 * On a terminal with time, connection number and colours, otherwise the plain lines. Passwords are masked by whoever gives the line.
 * Control characters are shown, not obeyed. Never blocks: lines go through a bounded queue to a thread that writes; what a slow
 * reader of stdout makes overflow is counted and said. Thread-safe.
 *
 * It can explain, too: under a line that means something stands a sentence about it (protocol/explain), on a terminal wrapped to its width and in
 * a dim colour, otherwise as one line, indented.
 */
#ifndef POSTROOM_PROTOCOL_TRANSCRIPT_H
#define POSTROOM_PROTOCOL_TRANSCRIPT_H

#include "base/buf.h"
#include "base/slice.h"
#include "course/course.h"

struct explain;
struct transcript;

enum transcript_side { TRANSCRIPT_CLIENT = 'C', TRANSCRIPT_SERVER = 'S' };

/* Writes to `fd`, which stays the caller's; colours and times where it is a terminal. The thread that writes calls `begin` first, unless NULL.
 * NULL: out of memory. */
struct transcript *transcript_new(int fd, void (*begin)(void));
/* Writes what is queued, then ends. */
void transcript_free(struct transcript *t);
/* From here on lines are explained. Before the first feed. `verbs` are a course's further spellings, and must outlive the transcript. */
void transcript_explain(struct transcript *t, const struct course_verb *verbs, size_t verbs_len);
/* Waits until all that was said so far is written: for a program whose own words go to the same place. Alone here, it blocks. NULL: nothing. */
void transcript_flush(struct transcript *t);

/* Somebody else who is told, at once, on the thread of the session, whether there is a transcript or not. The lines are those of the transcript, secrets left out. */
enum transcript_kind {
	TRANSCRIPT_SAID,
	TRANSCRIPT_SECRET, /* it goes on with what is not told */
	TRANSCRIPT_MAIL,   /* a client's text of a mail */
};
struct transcript_sink {
	void *(*begin)(void *owner); /* a connection; NULL: this one is not followed */
	void (*line)(void *connection, enum transcript_side side, struct slice line, enum transcript_kind kind);
	void (*secured)(void *connection, const char *version, const char *cipher);
	void (*end)(void *connection);
	void *owner;
};

/* One party of one connection; embedded in a session. With t NULL and no sink every call below does nothing at once. */
struct transcript_feed {
	struct transcript *transcript;
	const struct transcript_sink *sink;
	void *heard; /* the sink's own */
	unsigned connection;
	struct buf partial[2];   /* an unfinished line of message text per side */
	struct explain *explain; /* follows this connection's dialogue; NULL: nothing is explained */
};

void transcript_feed_init(struct transcript_feed *f, struct transcript *t);
void transcript_feed_release(struct transcript_feed *f);
/* Before the first line. NULL: there is none. */
void transcript_feed_tell(struct transcript_feed *f, const struct transcript_sink *sink);
/* A whole line, without its end. */
void transcript_line(struct transcript_feed *f, enum transcript_side side, struct slice line);
/* A line of which the octets from `hidden` on are a secret: shown as "…" in their place. */
void transcript_secret(struct transcript_feed *f, enum transcript_side side, struct slice line, size_t hidden);
/* A client's command as a server hears it: what follows PASS, AUTH or APOP is a secret, whether the server knows the verb or not. */
void transcript_command(struct transcript_feed *f, struct slice line);
/* Message text in wire form, cut anywhere; shown line by line. */
void transcript_text(struct transcript_feed *f, enum transcript_side side, const char *octets, size_t n);
/* The text ends here, be it amid a line. */
void transcript_text_end(struct transcript_feed *f, enum transcript_side side);
/* TLS has begun: for the sink alone. */
void transcript_secured(struct transcript_feed *f, const char *version, const char *cipher);
/* Something that neither said, e.g. "<client connects>", "<client hangs up>". */
void transcript_note(struct transcript_feed *f, enum transcript_side side, const char *note);

#endif
