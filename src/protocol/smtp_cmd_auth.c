/*
 * smtp_cmd_auth: AUTH and the exchange behind it (RFC 4954), as far as the session goes: what the client says in it is passed on to the host, which
 * knows the mechanisms and the users.
 *
 * Within an exchange lines are no commands, may be long, and are secrets: they are shown nowhere.
 */
#include "protocol/smtp_session.h"

/* Whether there is an exchange or not, there is none any more. */
static enum session_next refuse(struct smtp_server *s, enum reply_id id, const char *text)
{
	smtp_session_enter(s, SMTP_GREETED);
	return smtp_session_say(s, id, text, 0);
}

static enum session_next refuse_mechanism(struct smtp_server *s)
{
	char list[SMTP_MECHANISMS_MAX] = "";
	s->ops->mechanisms(s->host, list);
	return refuse(s, REPLY_AUTH_MECHANISM, list[0] ? list : "none");
}

/* Section 4: an attempt too many is the last one. */
static enum session_next login_is_wrong(struct smtp_server *s)
{
	enum session_next next = refuse(s, REPLY_AUTH_WRONG, NULL);
	if (next == NEXT_LINE && ++s->wrong_logins >= SMTP_WRONG_LOGINS_MAX)
		next = smtp_session_say_last(s, REPLY_AUTH_TOO_OFTEN);
	return next;
}

/* Unlike other replies it may be longer than 512 octets, and is never cut (section 4). */
static enum session_next challenge(struct smtp_server *s)
{
	const struct reply *reply = &s->config->replies[REPLY_AUTH_CHALLENGE];
	if (!s->challenge) {
		s->ops->auth_cancel(s->host);
		return refuse(s, REPLY_AUTH_LATER, NULL);
	}
	smtp_session_enter(s, SMTP_IN_LOGIN);
	return buf_printf(s->base.out, "%d %s\r\n", reply->code, s->challenge) ? NEXT_LINE : NEXT_CLOSE;
}

static enum session_next exchange_answered(struct smtp_server *s)
{
	switch (s->answer) {
	case REPLY_AUTH_CHALLENGE:
		return challenge(s);
	case REPLY_AUTH_WRONG:
		return login_is_wrong(s);
	case REPLY_AUTH_MECHANISM:
		return refuse_mechanism(s);
	case REPLY_AUTH_OK:
		s->authenticated = true;
		smtp_session_enter(s, SMTP_GREETED);
		return smtp_session_reply(s, REPLY_AUTH_OK);
	default:
		return refuse(s, s->answer, NULL);
	}
}

/* Section 4 */
enum session_next smtp_cmd_auth(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	struct slice mechanism = slice_word(&argument);
	struct slice initial = slice_word(&argument);
	bool has_initial = !slice_empty(initial);
	if (!s->enhanced)
		return smtp_session_say(s, REPLY_WRONG_ORDER, "EHLO comes first", 0);
	if (s->authenticated)
		return smtp_session_say(s, REPLY_WRONG_ORDER, "the login is done", 0);
	if (!slice_empty(argument))
		return smtp_session_say(s, REPLY_SYNTAX, "AUTH mechanism [initial-response]", 0);
	if (slice_equal_text(initial, "="))
		initial.len = 0;
	smtp_session_ask(s, exchange_answered);
	s->ops->auth(s->host, mechanism, has_initial ? &initial : NULL);
	return smtp_session_asked(s);
}

/* Section 4: with a code of its own. */
enum session_next smtp_auth_too_long(struct smtp_server *s)
{
	struct reply reply = s->config->replies[REPLY_LINE_TOO_LONG];
	reply.enhanced = "5.5.6";
	s->errors++;
	return smtp_session_write(s, &reply, NULL, 0);
}

static enum session_next end_exchange(struct smtp_server *s)
{
	s->ops->auth_cancel(s->host);
	smtp_session_enter(s, SMTP_GREETED);
	return NEXT_LINE;
}

enum session_next smtp_auth_line(struct smtp_server *s, const struct line *line)
{
	bool cancelled = slice_equal_text(line->text, "*");
	transcript_secret(&s->feed, TRANSCRIPT_CLIENT, line->text, cancelled ? line->text.len : 0);
	if (cancelled) {
		end_exchange(s);
		return smtp_session_reply(s, REPLY_AUTH_CANCELLED);
	}
	if (line->too_long) {
		end_exchange(s);
		return smtp_auth_too_long(s);
	}
	smtp_session_ask(s, exchange_answered);
	s->ops->auth_step(s->host, line->text);
	return smtp_session_asked(s);
}
