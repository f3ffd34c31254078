/*
 * prompt: questions and answers. On a terminal a key answers at once and a password is not shown; from a pipe every
 * answer is a line.
 *
 * One prompt reads one descriptor for the program's whole life, since what it read ahead belongs to the next
 * question. Blocks.
 */
#ifndef POSTROOM_CLIENT_PROMPT_H
#define POSTROOM_CLIENT_PROMPT_H

#include "base/buf.h"
#include "terminal/screen.h"

struct prompt {
	int in;
	bool terminal;
	struct screen *screen;
	struct local_set
	        *typed;     /* lines typed at the terminal are made UTF-8 out of this set; NULL: they stay as typed */
	bool ended;         /* the input is over */
	bool swallow_enter; /* a key was pressed, and an Enter right after it belongs to it */
	int64_t pressed;    /* when; clock_ms() */
	char bytes[4096];   /* read ahead */
	size_t at;
	size_t len;
};

enum prompt_answer {
	PROMPT_OK,
	PROMPT_TOO_LONG, /* the line passed the buffer's maximum; what fitted is there, the rest was passed over */
	PROMPT_END,      /* end of input */
};

void prompt_init(struct prompt *p, int in, struct screen *screen);
/* From here on lines that are typed at a terminal are UTF-8, whatever the locale. */
void prompt_use_utf8(struct prompt *p);
/* Wipes what was read ahead: a password may be in it. */
void prompt_release(struct prompt *p);

/* A line, appended to `line` without its end (LF or CR LF). The question may be NULL. */
enum prompt_answer prompt_line(struct prompt *p, const char *question, struct buf *line);
/* The same, not shown on a terminal; one that would show it is as good as the end of input, and told so. */
enum prompt_answer prompt_secret(struct prompt *p, const char *question, struct buf *line);
/* One key, or the first octet of a line; '\n' for Enter or an empty line. Never PROMPT_TOO_LONG. */
enum prompt_answer prompt_key(struct prompt *p, const char *question, char *key);

#endif
