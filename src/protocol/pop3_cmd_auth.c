/*
 * pop3_cmd_auth: AUTH, an exchange of challenges and responses (RFC 5034, RFC 4954). What is in them is the host's business; here they are lines.
 */
#include "protocol/pop3_session.h"

#include <stdlib.h>

/* The client's next line is its response. */
static enum session_next send_challenge(struct pop3_server *s)
{
	s->exchanging = s->detail && buf_printf(s->base.out, "+ %s\r\n", s->detail);
	free(s->detail);
	s->detail = NULL;
	return s->exchanging ? NEXT_LINE : NEXT_CLOSE;
}

static enum session_next auth_answered(struct pop3_server *s)
{
	return s->challenged ? send_challenge(s) : pop3_login_answered(s);
}

enum session_next pop3_cmd_auth(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	struct slice mechanism = slice_word(&argument);
	struct slice initial = argument;
	if (slice_equal_text(argument, "=")) /* RFC 5034 section 4: an initial response that is empty */
		initial.len = 0;
	s->challenged = false;
	pop3_session_ask(s);
	s->ops->auth(s->host, mechanism, slice_empty(argument) ? NULL : &initial);
	return pop3_session_asked(s, auth_answered);
}

enum session_next pop3_auth_response(struct pop3_server *s, const struct line *line)
{
	bool cancelled = slice_equal_text(line->text, "*");
	s->exchanging = false;
	if (cancelled || line->too_long) {
		s->ops->auth_cancel(s->host);
		return pop3_session_error(s, cancelled ? "authentication cancelled" : "line too long");
	}
	s->challenged = false;
	pop3_session_ask(s);
	s->ops->auth_step(s->host, line->text);
	return pop3_session_asked(s, auth_answered);
}
