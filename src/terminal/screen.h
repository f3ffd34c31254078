/*
 * screen: everything the client prints goes through here.
 *
 * In UTF-8; on a terminal with another character set it is put into that on the way out.
 * A course's own texts are printed as they are; what came from a mail or a server goes through visible first. Whether
 * stdout is a terminal, and how wide it is, is asked here and nowhere else. Output is buffered until screen_flush(),
 * which everybody calls before waiting.
 */
#ifndef POSTROOM_TERMINAL_SCREEN_H
#define POSTROOM_TERMINAL_SCREEN_H

#include <stdio.h>

#include "terminal/visible.h"

struct screen {
	FILE *out;
	bool terminal;
	struct local_set *local; /* the locale's */
	struct local_set *set;   /* the same, where `out` is a terminal */
	struct visible text;
	bool line_open; /* the mail under way did not end in a newline yet */
};

/* Sets LC_CTYPE for the whole program, so that widths are those of UTF-8. */
void screen_init(struct screen *s, FILE *out);
void screen_release(struct screen *s);

/* Texts of the program and of the course. */
void screen_say(struct screen *s, const char *text);
void screen_sayf(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text of the course as one line, its newline added; on a terminal broken between words. */
void screen_say_line(struct screen *s, const char *text);

/* The same for a foreign text behind one of ours. */
void screen_show_line(struct screen *s, const char *before, struct slice foreign);

/* A mail, cut anywhere; the end adds a newline where the mail has none. */
void screen_mail_begin(struct screen *s);
void screen_mail(struct screen *s, struct slice foreign);
void screen_mail_end(struct screen *s);

/* The terminal's width in columns; 0 where stdout is none. */
size_t screen_columns(const struct screen *s);
void screen_flush(struct screen *s);

#endif
