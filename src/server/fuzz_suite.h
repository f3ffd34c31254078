/*
 * fuzz_suite: for fuzz targets: whole servers without network and disk. A site of each course, as the servers open theirs, but with its mail in memory and
 * its jobs done at once; and a session of it that hears any octets, what it says being looked at.
 */
#ifndef POSTROOM_SERVER_FUZZ_SUITE_H
#define POSTROOM_SERVER_FUZZ_SUITE_H

#include "net/pump.h"
#include "server/lab_suite.h"
#include "server/site.h"

void fuzz_check(bool holds);

/* The course's site, the same each time; made when it is first asked for. The users alice and bob, where it has users, have the password "secret". */
struct site *fuzz_site(const char *course);
/* No mail is there any more. Only while there is no session. */
void fuzz_site_empty(struct site *site);
/* A mail, in its stored form, for a user. */
void fuzz_deliver(struct site *site, const char *user, const char *text);
/* Appends all of a user's mails in their stored form, each with ".\n" behind it; returns how many there are. */
size_t fuzz_mails(struct site *site, const char *user, struct buf *to);

/* Looks at all that a session says at one time: whole lines, nothing else than the protocol allows. */
typedef void fuzz_look(void *owner, struct slice said);

struct fuzz_peer {
	struct pump pump;
	fuzz_look *look;
	void *owner;
};

/* `number` is the connection's, `local` says whether the peer is on this machine. */
void fuzz_connect(struct fuzz_peer *p, struct site *site, lab_session_new *session_new, int number, bool local);
/* The peer says this, in pieces of `step` octets, and takes all that it hears; TLS begins where it is asked for. */
void fuzz_say(struct fuzz_peer *p, struct slice octets, size_t step);
/* The server is over, or with `lost` the peer is gone. */
void fuzz_disconnect(struct fuzz_peer *p, bool lost);

/* RFC 5321 section 4.2: lines of at most 512 octets, a code in front, no control characters, CR LF. */
void fuzz_look_at_smtp(struct slice said);

#endif
