/*
 * pop3_cmd_login: into the session and out of it: USER, PASS, CAPA, QUIT, NOOP (RFC 1939 sections 4, 6 and 7; RFC 2449).
 */
#include "protocol/pop3_session.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DETAIL_MAX = 400 }; /* octets of a host's detail that are told: a line has 512 */

/* Whether there is such a user is not told before the password is known. */
enum session_next pop3_cmd_user(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
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
	enum session_next next = pop3_session_error(s, "wrong user name or password");
	return ++s->wrong_logins < POP3_LOGINS_MAX ? next : pop3_session_too_many(s, "attempts");
}

/* RFC 2449 section 8.1.2; the connection is closed, as always when a mailbox cannot be opened. */
static enum session_next refuse_mailbox(struct pop3_server *s)
{
	char text[DETAIL_MAX + 1] = "the mailbox is in use";
	if (s->detail) {
		size_t len = strnlen(s->detail, DETAIL_MAX);
		for (size_t i = 0; i < len; i++)
			text[i] = s->detail[i] < ' ' || s->detail[i] > '~' ? '?' : s->detail[i];
		text[len] = '\0';
	}
	pop3_session_error(s, "[IN-USE] %s", text);
	return NEXT_CLOSE;
}

static enum session_next login_answered(struct pop3_server *s)
{
	enum session_next next = NEXT_CLOSE;
	s->user_len = 0; /* after a refusal USER comes again */
	switch (s->login) {
	case POP3_LOGIN_OK:
		next = enter_maildrop(s);
		break;
	case POP3_LOGIN_WRONG:
		next = refuse_password(s);
		break;
	case POP3_LOGIN_IN_USE:
		next = refuse_mailbox(s);
		break;
	case POP3_LOGIN_FAULT:
		pop3_session_error(s, "[SYS/TEMP] the mailbox cannot be opened now, try again later");
		break;
	}
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
	s->ops->login(s->host, slice_make(s->user, s->user_len), argument);
	return pop3_session_asked(s, login_answered);
}

/* RFC 2449 section 6. What is listed works in every state it may be said in; what is added to the table of commands is added here. */
enum session_next pop3_cmd_capa(struct session *base, struct slice argument)
{
	(void)argument;
	return pop3_session_ok(pop3_session_of(base), "capabilities follow\r\n"
	                                              "USER\r\n"
	                                              "TOP\r\n"
	                                              "UIDL\r\n"
	                                              "PIPELINING\r\n"
	                                              "RESP-CODES\r\n"
	                                              "EXPIRE NEVER\r\n"
	                                              "IMPLEMENTATION Postroom\r\n"
	                                              ".");
}

/* RFC 1939 section 6. */
static enum session_next committed(struct pop3_server *s)
{
	if (s->removed)
		return pop3_session_goodbye(s);
	pop3_session_error(s, "[SYS/TEMP] no message was removed, try again later");
	return NEXT_CLOSE;
}

enum session_next pop3_cmd_quit(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	(void)argument;
	if (s->state == POP3_AUTHORIZATION)
		return pop3_session_goodbye(s);
	pop3_session_ask(s);
	s->ops->commit(s->host, s->marked > 0 ? s->marks : NULL);
	return pop3_session_asked(s, committed);
}

enum session_next pop3_cmd_noop(struct session *base, struct slice argument)
{
	(void)argument;
	return pop3_session_ok(pop3_session_of(base), "nothing done");
}
