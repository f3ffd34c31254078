/*
 * explain: a dialogue in plain sentences: what a line did, the session's state before and after it, where the RFC says so, and for an error a
 * line that would have been right.
 *
 * A follower: it is shown both sides' lines in the order in which they went and keeps its own idea of the state, so that it serves a server, a
 * client and a dialogue read from a file alike. It asks neither session nor socket. Which protocol is spoken it learns from the server's first
 * line. Replies may come long after their commands (pipelining); they come in order.
 *
 * All sentences are in the table (explain_table.h). They are ASCII and hold nothing of what the peers said: no secret, no control character.
 */
#ifndef POSTROOM_PROTOCOL_EXPLAIN_H
#define POSTROOM_PROTOCOL_EXPLAIN_H

#include "base/buf.h"
#include "base/slice.h"
#include "course/course.h"
#include "protocol/explain_table.h"

enum {
	EXPLAIN_PENDING_MAX = 64, /* commands that wait for their replies; of more only their number is kept */
	EXPLAIN_MAX = 1024,       /* octets of what is said about one line */
};

/* A command that waits for its reply. */
struct explain_pending {
	const struct explain_verb *verb;
	bool argument; /* it had one */
	bool too_long; /* for the RFC */
};

struct explain {
	const struct explain_protocol *protocol; /* NULL: the server has not spoken yet */
	unsigned state;
	size_t count;                        /* recipients taken, or mails marked */
	bool met;                            /* the connection was noted */
	bool text_ended;                     /* the mail's final full stop was seen, its answer not yet */
	bool in_reply;                       /* amid the lines of one SMTP reply */
	bool in_lines;                       /* amid the lines that follow a reply … */
	const struct explain_verb *answered; /* … to this */

	/* Commands not yet answered: a ring, and how many came when it was full. */
	struct explain_pending pending[EXPLAIN_PENDING_MAX];
	size_t first, waiting, beyond;

	const struct course_verb *verbs; /* a course's further spellings */
	size_t verbs_len;
	struct buf said;
};

/* `verbs` are a course's further spellings of verbs; they must outlive the follower. */
void explain_init(struct explain *e, const struct course_verb *verbs, size_t verbs_len);
void explain_release(struct explain *e);

/* A line, without its end. Returns what is to be said about it, which lives until the next call; empty: nothing, as about a line amid a mail.
 * `cut`: the line went on, but the rest is not shown: a password. */
struct slice explain_client(struct explain *e, struct slice line, bool cut);
/* A line that is known to be a mail's text, be it of DATA or of BDAT. */
struct slice explain_text(struct explain *e, struct slice line);
struct slice explain_server(struct explain *e, struct slice line);
/* Something that neither said: first that the client connected, later that it is gone. */
struct slice explain_note(struct explain *e);

#endif
