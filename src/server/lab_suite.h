/*
 * lab: for tests: a site in a directory of its own, a store that fails and waits for its disk as it is told, and one session to talk to.
 */
#ifndef POSTROOM_SERVER_LAB_SUITE_H
#define POSTROOM_SERVER_LAB_SUITE_H

#include "net/pump.h"
#include "server/site.h"

/* A store around another one. */
struct lab_store {
	struct store base;
	struct store *inner;
	const char *fails_for;  /* append and open fail for this user … */
	const char *fails_also; /* … and for this one … */
	enum fault_kind kind;   /* … with faults of this kind; the second's are FAULT_TEMPORARY */
	bool fails_to_remove;
	bool fails_to_read;
	bool fails_to_number;
	bool no_drafts;
	bool cold; /* every reading has to wait for the disk */
	int spill_dir;
	unsigned appends;
	unsigned blocking_reads;
	unsigned tidied;
	unsigned open_maildrops;
};

enum lab_kind { LAB_MEMORY = 0, LAB_FILES = 1, LAB_JOBS = 2 }; /* the last may be added */

struct lab {
	char dir[32];
	struct site site;
	struct options options; /* the site's, in the course standard */
	struct lab_store store;
	struct loop *loop; /* runs only what the jobs post */
	struct pump pump;
	bool talking;
	struct buf heard;
};

/* Users: alice secret, Bob d@t@comm, carol pw. The course is kharagpur. */
void lab_open(struct lab *lab, unsigned kind);
/* The course standard, for the domain example.org: a site over files, opened as the servers open theirs. Its store fails in no way. */
void lab_open_standard(struct lab *lab, unsigned kind, const char *users);
void lab_close(struct lab *lab);
/* A site as the servers open theirs does its jobs at once from now on, on the caller's thread. */
void lab_give_up_threads(struct site *site);
void lab_write_users(struct lab *lab, const char *text);

/* The peer is 192.0.2.7; in the course standard this machine, so that it may log in without TLS. */
typedef struct session *lab_session_new(struct site *site, struct loop *loop, const struct peer *peer);
void lab_connect(struct lab *lab, lab_session_new *session_new);
/* Gives the session the octets, waits for its jobs, and returns all that it said since the last call, CR LF as they are. */
const char *lab_say(struct lab *lab, const char *octets, size_t n);
const char *lab_say_text(struct lab *lab, const char *text);
/* Only gives the octets: jobs may be under way afterwards. */
void lab_give(struct lab *lab, const char *octets, size_t n);
void lab_settle(struct lab *lab);
/* The peer vanishes; what is under way is brought to its end. */
void lab_hang_up(struct lab *lab);

/* Mails of a user in the store, each followed by ".\n"; from malloc. */
char *lab_mailbox(struct lab *lab, const char *user);
/* Puts a mail, in its stored form, into a user's mailbox. */
void lab_deliver(struct lab *lab, const char *user, const char *text);

#endif
