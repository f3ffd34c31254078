/*
 * transcript: the dialogue on stdout as people read it, `S: …` and `C: …`.
 *
 * On a terminal with time, connection number and colours, otherwise the plain lines. Passwords are masked by whoever gives the line.
 * Control characters are shown, not obeyed. Never blocks: lines go through a bounded queue to a thread that writes; what a slow
 * reader of stdout makes overflow is counted and said. Thread-safe.
 */
#ifndef POSTROOM_PROTOCOL_TRANSCRIPT_H
#define POSTROOM_PROTOCOL_TRANSCRIPT_H

#include "base/buf.h"
#include "base/slice.h"

struct transcript;

enum transcript_side { TRANSCRIPT_CLIENT = 'C', TRANSCRIPT_SERVER = 'S' };

/* Writes to `fd`, which stays the caller's; colours and times where it is a terminal. NULL: out of memory. */
struct transcript *transcript_new(int fd);
/* Writes what is queued, then ends. */
void transcript_free(struct transcript *t);

/* One party of one connection; embedded in a session. With t NULL every call below does nothing at once. */
struct transcript_feed {
	struct transcript *transcript;
	unsigned connection;
	struct buf partial[2]; /* an unfinished line of message text per side */
};

void transcript_feed_init(struct transcript_feed *f, struct transcript *t);
void transcript_feed_release(struct transcript_feed *f);
/* A whole line, without its end. */
void transcript_line(struct transcript_feed *f, enum transcript_side side, struct slice line);
/* A line of which the octets from `hidden` on are a secret: shown as "…" in their place. */
void transcript_secret(struct transcript_feed *f, enum transcript_side side, struct slice line, size_t hidden);
/* Message text in wire form, cut anywhere; shown line by line. */
void transcript_text(struct transcript_feed *f, enum transcript_side side, const char *octets, size_t n);
/* Something that neither said, e.g. "<client connects>", "<client hangs up>". */
void transcript_note(struct transcript_feed *f, enum transcript_side side, const char *note);

#endif
