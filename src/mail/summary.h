/*
 * summary: what a list shows of a mail: sender, time of receipt, subject. Pure.
 *
 * A Subject goes on over indented lines only where the mail has an empty line after its header (see trace.h).
 *
 * From is the address alone (`Name <a@b>` gives a@b), Received the first such field (a course's `DATE : HOUR : MINUTE` as it
 * stands, of an RFC 5321 line the date behind the last semicolon, brought to the same form in local time), Subject decoded. Where a
 * mail has none, the text is "-". Control characters are left to whoever prints (terminal/term), save NUL, which
 * becomes a question mark.
 */
#ifndef POSTROOM_MAIL_SUMMARY_H
#define POSTROOM_MAIL_SUMMARY_H

#include "mail/header.h"

enum { SUMMARY_TEXT_MAX = 512 };

struct summary {
	char from[SUMMARY_TEXT_MAX];
	char received[64];
	char subject[SUMMARY_TEXT_MAX]; /* UTF-8, cut at a character */
	struct header_parser parser;
	char one_line_subject[SUMMARY_TEXT_MAX]; /* without its indented lines, until it shows which is right */
};

void summary_init(struct summary *s);
void summary_release(struct summary *s);
/* Octets of the mail as RETR or TOP brought them, unstuffed. */
void summary_push(struct summary *s, const char *octets, size_t n);
void summary_finish(struct summary *s);

#endif
