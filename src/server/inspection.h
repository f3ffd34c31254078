/*
 * subject: how long a mail's Subject is, in characters, unfolded and decoded, found while the mail's text goes by.
 *
 * Knows no limit and no reply. Stays where it was begun: the parser in it points to it.
 */
#ifndef POSTROOM_SERVER_SUBJECT_H
#define POSTROOM_SERVER_SUBJECT_H

#include "base/buf.h"
#include "mail/header.h"

struct subject {
	struct header_parser header;
	struct buf text;   /* with its continuation lines, as it came */
	size_t first_line; /* octets of its first line */
	bool out_of_memory;
};

void subject_begin(struct subject *s);
/* The mail's text as it is stored, in any pieces. */
void subject_push(struct subject *s, const char *octets, size_t n);
void subject_finish(struct subject *s);
/* Whether counting may read character tables from the disk, and so is a job. */
bool subject_blocks(const struct subject *s);
/* After subject_finish(). */
size_t subject_characters(const struct subject *s);
/* Also of one that is all zeroes. */
void subject_release(struct subject *s);

#endif
