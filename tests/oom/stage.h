/*
 * stage: a server's whole process, or a client's, in which something lacks: its directory with users and mail, the service on the main thread, and a thread
 * of the test's own that plays the scene with it.
 */
#ifndef POSTROOM_OOM_STAGE_H
#define POSTROOM_OOM_STAGE_H

#include "net/tls_suite.h"
#include "scarcity.h"
#include "server/service.h"
#include "dialog.h"

enum { STAGE_USERS = 2, STAGE_MAILS = 16, STAGE_MARK = 32 };

/* One mail of a scene: its text holds "Subject: MARK", and ends in "END MARK". */
struct stage_mail {
	char mark[STAGE_MARK];
	bool to[STAGE_USERS]; /* alice, bob */
	size_t least, most;   /* how often it must and may be in each of their mailboxes */
};

struct scene;
struct stage {
	const struct scene *scene;
	struct tls_suite *tls;
	struct scarcity scarcity;
	char dir[40];
	int log; /* what the service says */
	struct options options;
	struct site site;
	unsigned ports[2]; /* the service's; a client's scene: of both servers */
	bool strict;       /* nothing lacks any more */
	struct stage_mail mails[STAGE_MAILS];
	size_t count;
	pthread_t actor;
	volatile bool over; /* the service has ended */
};

struct scene {
	const char *name;
	const char *course; /* NULL: standard */
	const char *users;  /* NULL: alice secret, bob pw */
	struct session *(*session_new)(struct site *site, struct loop *loop, const struct peer *peer);
	void (*play)(struct stage *s);
	bool pop3;
	bool at_start; /* it lacks from the process's beginning, and not while the scene is played */
	bool client;   /* played on the main thread, with servers in processes of their own */
};

extern const struct scene stage_server_scenes[], stage_client_scenes[];
extern const size_t stage_server_scenes_count, stage_client_scenes_count;

/* A new mail, and its text with CRLF; `octets` at least. From malloc. */
struct stage_mail *stage_mail_new(struct stage *s, bool alice, bool bob);
char *stage_text(const struct stage_mail *m, size_t octets);
/* Puts one into alice's mailbox. */
struct stage_mail *stage_deliver(struct stage *s, size_t octets);
/* Takes away what earlier runs have left in it. */
void stage_empty(struct stage *s);
/* Every mail is there as often as it must and may be, and whole. */
void stage_check_mailboxes(struct stage *s);

/* The whole run, in a process of its own; does not return. */
_Noreturn void stage_run(struct stage *s);
/* A scene's servers, for all its runs. */
struct stage *stage_client_begin(const struct scene *scene, struct tls_suite *tls);
void stage_client_end(struct stage *s);

#endif
