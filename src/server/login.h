/*
 * login: who a session's peer is: one attempt at a time, by SASL, by name and password, or by APOP. What is common to the hosts of SMTP and POP3 sessions.
 *
 * An address that has failed often waits first (server/penalty). What hashes runs on the site's hashing threads; what does not is answered at once, inside the
 * call. Passwords are wiped. Writes a line to the log for each attempt.
 */
#ifndef POSTROOM_SERVER_LOGIN_H
#define POSTROOM_SERVER_LOGIN_H

#include "auth/sasl.h"
#include "net/session.h"
#include "server/site.h"

struct login;

enum login_result {
	LOGIN_OK,
	LOGIN_CHALLENGE,
	LOGIN_WRONG,
	LOGIN_MALFORMED,
	LOGIN_NO_MECHANISM,
	LOGIN_NEEDS_TLS,
	LOGIN_FAULT,
};

struct login_answer {
	enum login_result result;
	const char *challenge; /* LOGIN_CHALLENGE: in BASE64 */
	const char *user;      /* LOGIN_OK: as the users file spells it */
};

/* Whose attempts they are; all of it outlives the login. */
struct login_party {
	struct site *site;
	struct loop *loop;
	const struct session *session; /* whether there is TLS */
	const char *peer;              /* numeric address */
	/* The answer, on the loop's thread; it lives until the call returns. */
	void (*answered)(void *owner, const struct login_answer *answer);
	void *owner;
};

/* Whether a password in clear may cross this connection: over TLS, from this machine, in a course that has no other rule, or by --plaintext. */
bool login_plaintext_allowed(const struct login_party *party);
/* The mechanisms for EHLO and CAPA. */
void login_mechanisms(const struct login_party *party, char list[SASL_LIST_MAX]);
/* Whether every user can log in by APOP: passwords are stored in clear. */
bool login_apop_offered(const struct site *site);

/* NULL: memory is out. */
struct login *login_new(const struct login_party *party);
/* Never while an answer is owed. NULL is passed over. */
void login_free(struct login *l);

/* Each is answered exactly once, inside the call or later. `initial` and `response` in BASE64, as they came; not kept. */
void login_begin(struct login *l, struct slice mechanism, const struct slice *initial);
void login_step(struct login *l, struct slice response);
/* The peer has cancelled the exchange: counts as a failure, and is not answered. */
void login_cancel(struct login *l);
void login_password(struct login *l, struct slice name, struct slice password);
void login_apop(struct login *l, struct slice name, struct slice stamp, struct slice digest);

#endif
