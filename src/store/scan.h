/*
 * scan: reads a mailbox file from front to back and tells of each mail in it: where it lies, what it measures on the wire, its hash.
 *
 * The one place that knows what divides mails: a line with only a full stop, its end LF or CR LF. Reads in big blocks, in bounded
 * memory, and changes nothing. Blocks.
 */
#ifndef POSTROOM_STORE_SCAN_H
#define POSTROOM_STORE_SCAN_H

#include "base/fault.h"
#include "store/draft.h"

struct scan_mail {
	uint64_t offset; /* of its first octet in the file */
	uint64_t length; /* of its text, without the dividing line */
	uint64_t octets; /* on the wire */
	uint64_t end;    /* behind the dividing line */
	unsigned char hash[DRAFT_HASH];
};

struct scan {
	int fd;
	uint64_t from;
	uint64_t size;                                           /* where to stop: the file's size */
	bool (*mail)(void *owner, const struct scan_mail *mail); /* false: stop with a failure (memory is out) */
	void *owner;
	/* the answer */
	uint64_t whole;  /* where the last dividing line ends: equal to size when the file ends as it should */
	bool blank_tail; /* what lies behind holds nothing but blanks and line ends */
	bool dot_tail;   /* the very last line is a full stop that lacks its line end */
	bool cut_line;   /* the very last line lacks its line end */
};

bool scan_file(struct scan *s, struct fault *why);

#endif
