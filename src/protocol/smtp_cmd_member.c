/*
 * smtp_cmd_member: what only a course with registration has: REGISTER, and RETRIEVE with its long answer, which is given as the client reads it.
 *
 * RETRIEVE answers as POP3's RETR does: a line, then text, dot-stuffed, then a line with only a full stop.
 */
#include "protocol/smtp_session.h"

bool smtp_member_enroll(struct smtp_server *s)
{
	if (!smtp_session_registers(s))
		return true;
	s->address = s->ops->enroll(s->host);
	return s->address != NULL;
}

/* Unlike HELO it ends no mail that is under way. */
enum session_next smtp_cmd_register(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	if (!smtp_member_enroll(s))
		return smtp_session_reply(s, REPLY_TRY_LATER);
	if (s->state == SMTP_CONNECTED)
		smtp_session_enter(s, SMTP_GREETED);
	return smtp_session_reply(s, REPLY_REGISTERED);
}

enum session_next smtp_cmd_retrieve(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	size_t count = s->ops->retrieve(s->host);
	dot_encoder_init(&s->encoder, false);
	s->retrieving = true;
	return smtp_session_say(s, REPLY_RETRIEVED, NULL, count) == NEXT_LINE ? NEXT_MORE : NEXT_CLOSE;
}

/* Only what was written to its end counts as read. */
static enum session_next end_answer(struct smtp_server *s)
{
	s->retrieving = false;
	if (!dot_encode_end(&s->encoder, s->base.out))
		return NEXT_CLOSE;
	s->ops->retrieved(s->host);
	if (!s->closing)
		return NEXT_LINE;
	smtp_session_reply(s, REPLY_SHUTDOWN);
	return NEXT_CLOSE;
}

enum session_next smtp_retrieve_more(struct session *base)
{
	struct smtp_server *s = smtp_session_of(base);
	while (!session_enough(base)) {
		struct slice text = s->ops->retrieve_next(s->host);
		if (slice_empty(text))
			return end_answer(s);
		if (!dot_encode(&s->encoder, text.ptr, text.len, base->out))
			return NEXT_CLOSE;
	}
	return NEXT_MORE;
}
