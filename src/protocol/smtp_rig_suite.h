/*
 * smtp_rig: for tests: an SMTP session, and a scripted host that notes what it is asked. It knows alice and bob.
 *
 * Where it has a login: GOOD is right, in any mechanism; what holds a '!' is no BASE64, all else is wrong. The mechanism TWO asks twice, LONG with
 * a thousand octets, CLEAR needs TLS, LATER is out of order, and only ONE is there beside.
 */
#ifndef POSTROOM_PROTOCOL_SMTP_RIG_SUITE_H
#define POSTROOM_PROTOCOL_SMTP_RIG_SUITE_H

#include "net/pump.h"
#include "protocol/smtp_server.h"

struct smtp_host {
	struct session *session;
	bool defers; /* answers come when the test lets them */
	enum { OWES_NOTHING, OWES_ANSWER, OWES_LOGIN, OWES_CONTINUE } owes;
	enum reply_id answer;
	const char *mechanisms; /* for EHLO */
	char challenge[1024];   /* goes with the answer; overwritten when that was given */
	unsigned questions;     /* which the exchange will ask yet */
	enum reply_id data_begin;
	enum reply_id data_end;
	bool pauses; /* data() asks to wait, each time */
	struct buf noted;
	struct buf text;
};

struct smtp_rig {
	struct smtp_host host;
	struct pump pump;
	struct buf heard;
	struct smtp_config config;
};

/* A session and its host, whose answers come at once or, with `defers`, when settled. */
void smtp_rig_open(struct smtp_rig *r, bool defers);
/* … whose host has a login as well. */
void smtp_rig_open_login(struct smtp_rig *r, bool defers, const char *mechanisms);
void smtp_rig_close(struct smtp_rig *r);
/* Gives octets, and then every answer that is owed. */
void smtp_rig_give_octets(struct smtp_rig *r, const char *octets, size_t n);
void smtp_rig_give(struct smtp_rig *r, const char *text);
/* The codes alone: "250 250 354". */
void smtp_rig_expect_codes(struct smtp_rig *r, const char *expected);
/* What the host was asked since the last call, and the text it got. */
void smtp_rig_expect_noted(struct smtp_rig *r, const char *expected);
void smtp_rig_expect_text(struct smtp_rig *r, const char *expected);
/* All that was said since the last call. */
void smtp_rig_expect(struct smtp_rig *r, const char *expected);
/* Gives every answer that is owed. */
void smtp_rig_settle(struct smtp_rig *r);
/* Takes what is said, as a peer that reads. */
void smtp_rig_hear(struct smtp_rig *r);
/* Opens, and says the hello; what is answered is forgotten. */
void smtp_rig_greet(struct smtp_rig *r, const char *hello);

#endif
