/*
 * pop3_rig: for tests: a POP3 session, and a scripted host with some mails, which answers at once or later and fails where it is told to. The
 * password of alice is secret; SASL's TEST takes "eWVz" of her, after as many challenges as the test likes.
 */
#ifndef POSTROOM_PROTOCOL_POP3_RIG_SUITE_H
#define POSTROOM_PROTOCOL_POP3_RIG_SUITE_H

#include "net/pump.h"
#include "protocol/pop3_server.h"

enum { POP3_RIG_NEVER = -1 };

enum pop3_rig_owes { OWES_NOTHING, OWES_LOGIN, OWES_CHALLENGE, OWES_CONTINUE, OWES_COMMIT };

struct pop3_host {
	struct session *session;
	bool defers;  /* answers come when the test lets them */
	bool fetches; /* every info and read comes at the second asking */
	bool fetched; /* … and this is the second */
	enum pop3_rig_owes owes;
	enum pop3_login login;  /* the answer to a right one */
	enum pop3_login result; /* … and to this one */
	bool in_clear;          /* USER and PASS may be used */
	const char *mechanisms; /* "": none */
	unsigned challenges;    /* so many come before a response is looked at */
	bool no_apop;
	const char *const *mails; /* stored form, NULL at the end */
	size_t many;              /* instead of mails: so many of them, all "x\n" */
	int info_fails;           /* the mail whose info fails */
	int read_fails;           /* the offset from which on reads fail */
	size_t read_max;          /* octets a read gives at most */
	bool cannot_remove;
	struct buf noted;
};

struct pop3_rig {
	struct pop3_host host;
	struct pump pump;
	struct buf heard;
	struct pop3_config config;
};

/* A session and its host, whose answers come at once or, with `defers`, when settled. */
void pop3_rig_open(struct pop3_rig *r, bool defers);
/* … whose peer may be silent so long. */
void pop3_rig_open_idle(struct pop3_rig *r, int64_t idle_ms);
void pop3_rig_close(struct pop3_rig *r);
/* Gives a text, and then every answer that is owed. */
void pop3_rig_give(struct pop3_rig *r, const char *text);
/* What the host was told since the last call. */
void pop3_rig_expect_noted(struct pop3_rig *r, const char *expected);
/* All that was said since the last call. */
void pop3_rig_expect(struct pop3_rig *r, const char *expected);
/* Gives every answer that is owed. */
void pop3_rig_settle(struct pop3_rig *r);
/* Takes what is said, as a peer that reads. */
void pop3_rig_hear(struct pop3_rig *r);
/* Starts, and logs alice in; what is said and noted is forgotten. */
void pop3_rig_log_in(struct pop3_rig *r);
/* Opens, and logs in. */
void pop3_rig_open_mailbox(struct pop3_rig *r);
/* Gives the one that is owed. */
void pop3_rig_give_answer(struct pop3_host *h);

#endif
