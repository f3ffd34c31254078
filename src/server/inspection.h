/*
 * inspection: what a server wants to know of a mail's header, found while the mail's text goes by: how long the Subject is, in characters, unfolded and
 * decoded, and how many Received fields there are.
 *
 * Knows no limit and no reply. Stays where it was begun: the parser in it points to it.
 */
#ifndef POSTROOM_SERVER_INSPECTION_H
#define POSTROOM_SERVER_INSPECTION_H

#include "base/buf.h"
#include "mail/header.h"

struct inspection {
	struct header_parser header;
	bool wants_subject;
	struct buf subject;        /* with its continuation lines, as it came */
	size_t first_line;         /* octets of its first line */
	size_t received;           /* fields of that name */
	size_t subject_characters; /* set by inspection_judge() */
	bool out_of_memory;
};

void inspection_begin(struct inspection *i, bool wants_subject);
/* The mail's text as it is stored, in any pieces. */
void inspection_push(struct inspection *i, const char *octets, size_t n);
void inspection_finish(struct inspection *i);
/* Whether judging may read character tables from the disk, and so is a job. */
bool inspection_blocks(const struct inspection *i);
/* After inspection_finish(): counts the Subject's characters. */
void inspection_judge(struct inspection *i);
/* Also of one that is all zeroes. */
void inspection_release(struct inspection *i);

#endif
