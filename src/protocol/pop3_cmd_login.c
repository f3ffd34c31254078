/*
 * pop3_cmd_login: into the mailbox: USER and PASS, APOP (RFC 1939 section 7), and what becomes of every login, by AUTH as well.
 */
#include "protocol/pop3_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	DETAIL_MAX = 400, /* octets of a host's detail that are told: a line has 512 */
	STAMP_MAX = 320,  /* a domain has 255 */
};

static enum session_next refuse_clear(struct pop3_server *s)
{
	return pop3_session_error(s, "no password is taken in clear%s",
	                          s->config->tls ? ": say STLS first" : " on this connection");
}

/* Whether there is such a user is not told before the password is known. */
enum session_next pop3_cmd_user(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	if (!s->ops->plaintext_allowed(s->host))
		return refuse_clear(s);
	if (argument.len > POP3_USER_MAX)
		return pop3_session_error(s, "the name is too long");
	memcpy(s->user, argument.ptr, argument.len);
	s->user_len = argument.len;
	return pop3_session_ok(s, "send the password");
}

static enum session_next enter_maildrop(struct pop3_server *s)
{
	s->state = POP3_TRANSACTION;
	s->errors = 0;
	s->count = s->ops->count(s->host);
	return pop3_session_ok(s, "%zu messages (%" PRIu64 " octets)", s->count, s->ops->octets(s->host));
}

static enum session_next refuse_password(struct pop3_server *s)
{
	enum session_next next =
	        pop3_session_error(s, "%swrong user name or password", s->config->auth_codes ? "[AUTH] " : "");
	return ++s->wrong_logins < POP3_LOGINS_MAX ? next : pop3_session_too_many(s, "attempts");
}

/* RFC 2449 section 8.1; the connection is closed, as always when a mailbox cannot be opened. */
static enum session_next refuse_mailbox(struct pop3_server *s, const char *code, const char *otherwise)
{
	char text[DETAIL_MAX + 1];
	snprintf(text, sizeof text, "%s", s->detail ? s->detail : otherwise);
	for (char *c = text; *c; c++)
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	pop3_session_error(s, "[%s] %s", code, text);
	return NEXT_CLOSE;
}

static enum session_next refuse_mechanism(struct pop3_server *s)
{
	char list[POP3_MECHANISMS_MAX];
	s->ops->mechanisms(s->host, list);
	return *list ? pop3_session_error(s, "no such mechanism here; there is: %s", list)
	             : pop3_session_error(s, "no mechanism is offered on this connection");
}

static enum session_next answer_login(struct pop3_server *s)
{
	switch (s->login) {
	case POP3_LOGIN_OK:
		return enter_maildrop(s);
	case POP3_LOGIN_WRONG:
		return refuse_password(s);
	case POP3_LOGIN_IN_USE:
		return refuse_mailbox(s, "IN-USE", "the mailbox is in use");
	case POP3_LOGIN_DELAY:
		return refuse_mailbox(s, "LOGIN-DELAY", "the last login was too short a time ago");
	case POP3_LOGIN_MALFORMED:
		return pop3_session_error(s, "not the BASE64 that this mechanism asks for; authentication ended");
	case POP3_LOGIN_NO_MECHANISM:
		return refuse_mechanism(s);
	case POP3_LOGIN_NEEDS_TLS:
		return refuse_clear(s);
	case POP3_LOGIN_FAULT:
		break;
	}
	pop3_session_error(s, "[SYS/TEMP] the mailbox cannot be opened now, try again later");
	return NEXT_CLOSE;
}

enum session_next pop3_login_answered(struct pop3_server *s)
{
	s->user_len = 0; /* after a refusal USER comes again */
	enum session_next next = answer_login(s);
	free(s->detail);
	s->detail = NULL;
	return next;
}

enum session_next pop3_cmd_pass(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	if (s->user_len == 0)
		return pop3_session_error(s, "say USER first");
	pop3_session_ask(s);
	struct slice password = s->config->pass_trimmed ? slice_trim(argument) : argument;
	s->ops->login(s->host, slice_make(s->user, s->user_len), password);
	return pop3_session_asked(s, pop3_login_answered);
}

/* ---- APOP ---- */

static void write_stamp(const struct pop3_server *s, char stamp[STAMP_MAX])
{
	snprintf(stamp, STAMP_MAX, "<%s@%s>", s->unique, s->config->domain);
}

/* RFC 1939 section 7: in the form of a message id, and different for each connection; nobody can tell the next one. */
enum session_next pop3_login_stamp(struct pop3_server *s)
{
	uint64_t random[2];
	char stamp[STAMP_MAX];
	struct buf *out = s->base.out;
	if (!s->config->apop || !s->ops->apop_offered(s->host) || getrandom(random, sizeof random, 0) != sizeof random)
		return NEXT_LINE;
	snprintf(s->unique, sizeof s->unique, "%d.%016" PRIx64 "%016" PRIx64, (int)getpid(), random[0], random[1]);
	write_stamp(s, stamp);
	out->len -= strlen("\r\n");
	return buf_printf(out, " %s\r\n", stamp) ? NEXT_LINE : NEXT_CLOSE;
}

enum session_next pop3_cmd_apop(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	char stamp[STAMP_MAX];
	if (!*s->unique)
		return pop3_session_unknown(s);
	struct slice name = slice_word(&argument);
	if (slice_empty(argument))
		return pop3_session_error(s, "the correct form is: APOP name digest");
	write_stamp(s, stamp);
	pop3_session_ask(s);
	s->ops->apop(s->host, name, slice_str(stamp), argument);
	return pop3_session_asked(s, pop3_login_answered);
}
