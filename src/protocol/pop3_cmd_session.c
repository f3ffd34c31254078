/*
 * pop3_cmd_session: what is no mailbox's: CAPA (RFC 2449), STLS (RFC 2595), UTF8 (RFC 6856), NOOP, and QUIT, which ends it all (RFC 1939).
 */
#include "protocol/pop3_session.h"

/* ---- CAPA ---- */

static bool offers_tls(const struct pop3_server *s)
{
	return s->config->tls && !s->base.tls;
}

/* What depends on who asks, on what connection, and when. */
static bool list_logins(struct pop3_server *s)
{
	struct buf *out = s->base.out;
	char mechanisms[POP3_MECHANISMS_MAX];
	s->ops->mechanisms(s->host, mechanisms);
	if (s->ops->plaintext_allowed(s->host) && !buf_append_text(out, "USER\r\n"))
		return false;
	if (*mechanisms && !buf_printf(out, "SASL %s\r\n", mechanisms))
		return false;
	return !offers_tls(s) || s->state != POP3_AUTHORIZATION || buf_append_text(out, "STLS\r\n");
}

static bool list_rest(const struct pop3_server *s)
{
	struct buf *out = s->base.out;
	if (s->config->auth_codes && !buf_append_text(out, "AUTH-RESP-CODE\r\n"))
		return false;
	if (s->config->login_delay > 0 && !buf_printf(out, "LOGIN-DELAY %u\r\n", s->config->login_delay))
		return false;
	if (s->config->utf8 && !buf_append_text(out, "UTF8 USER\r\n"))
		return false;
	return buf_append_text(out, "EXPIRE NEVER\r\nIMPLEMENTATION Postroom-" POSTROOM_VERSION "\r\n.\r\n");
}

/* RFC 2449 section 6: before the login and after it the same, but for STLS, which is over then. What is listed works; what is added to the table of
 * commands is added here. */
static enum session_next tell_capabilities(struct pop3_server *s)
{
	if (pop3_session_ok(s, "capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES") != NEXT_LINE)
		return NEXT_CLOSE;
	return list_logins(s) && list_rest(s) ? NEXT_LINE : NEXT_CLOSE;
}

enum session_next pop3_cmd_capa(struct session *base, struct slice argument)
{
	(void)argument;
	return pop3_session_refresh(pop3_session_of(base), tell_capabilities);
}

/* ---- what changes the connection ---- */

enum session_next pop3_cmd_stls(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	(void)argument;
	if (base->tls)
		return pop3_session_error(s, "TLS is active already");
	if (!offers_tls(s))
		return pop3_session_unknown(s);
	return pop3_session_ok(s, "begin TLS now") == NEXT_LINE ? NEXT_TLS : NEXT_CLOSE;
}

enum session_next pop3_cmd_utf8(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	(void)argument;
	if (!s->config->utf8)
		return pop3_session_unknown(s);
	s->utf8 = true;
	return pop3_session_ok(s, "UTF-8 from here on");
}

enum session_next pop3_cmd_noop(struct session *base, struct slice argument)
{
	(void)argument;
	return pop3_session_ok(pop3_session_of(base), "nothing done");
}

/* ---- QUIT ---- */

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
