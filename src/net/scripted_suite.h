/*
 * scripted: a small session for tests, whose peer says in each line what it shall do. It does everything that the
 * contract of net/session.h allows.
 *
 *     w…    waits, then says "resumed"              e, E  lines end in CR LF alone; in either
 *     m…    says 40 pieces of 8 KiB, by more()      b…    octets up to a full stop are echoed; 'w' among them waits
 *     s…    waits, and is answered inside the call  q…    says "bye", then closes
 *     T…    where it may (starttls): "begin", then TLS, then "secured" and the version; within TLS "have" and the version
 *     all else is echoed as "[text]", with "long" or "lf" behind it where the line was that.
 */
#ifndef POSTROOM_NET_SCRIPTED_SUITE_H
#define POSTROOM_NET_SCRIPTED_SUITE_H

#include "net/jobs.h"
#include "net/session.h"

enum { SCRIPTED_LINE_MAX = 32, SCRIPTED_PIECES = 40, SCRIPTED_PIECE = 8192 };

struct scripted {
	struct session base;
	struct session_ops ops;
	enum session_next after_wait;
	int pieces;
	int calls; /* of callbacks */
	bool in_body;
	bool last_mail; /* stopped in the body: closes after it */
	bool waiting;   /* returned NEXT_WAIT and was not yet resumed */
	bool starttls;
	bool *gone;        /* where to note what base.gone was at the end; may be NULL */
	int *freed;        /* counts the end; may be NULL */
	struct jobs *jobs; /* waits are ended by a job, job_ms later; NULL: by the test */
	struct loop *loop;
	struct job job;
	int job_ms; /* 20, unless the test sets it */
};

struct scripted *scripted_new(int *freed);

#endif
