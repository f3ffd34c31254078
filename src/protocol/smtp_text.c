/*
 * smtp_text: the mail's text, from 354 to the answer to its final full stop (RFC 5321 section 4.1.1.4).
 *
 * Octets go through the decoder to the host a piece at a time. A mail that cannot be taken is given up at once, and the rest of it is read and
 * thrown away, so that the dialogue keeps in step; it is answered behind its final full stop.
 */
#include "protocol/smtp_session.h"

#include <assert.h>

enum {
	PIECE = 16 * 1024, /* octets decoded at a time */
	/* A bare LF and a full stop become three octets, and a CR may be left from the piece before. */
	DECODED_MAX = 2 * PIECE,
};

struct piece {
	size_t len;
	char text[DECODED_MAX];
};

static void collect(void *owner, const char *octets, size_t n)
{
	struct piece *p = owner;
	assert(n <= sizeof p->text - p->len);
	memcpy(p->text + p->len, octets, n);
	p->len += n;
}

static void give_up(struct smtp_server *s, enum reply_id why)
{
	s->mail->given_up = true;
	s->mail->refusal = why;
	s->ops->reset(s->host);
}

/* Whether the mail can still be taken. */
static bool judge(struct smtp_server *s)
{
	const struct dot_decoder *d = &s->mail->decoder;
	if (!s->mail->given_up && d->bare_cr)
		give_up(s, REPLY_BARE_CR);
	else if (!s->mail->given_up && d->octets > s->config->max_size)
		give_up(s, REPLY_TOO_BIG); /* RFC 1870 section 6.3 */
	return !s->mail->given_up;
}

/* The answer to the final full stop; the transaction is over, whatever it is. */
static enum session_next answer_mail(struct smtp_server *s, enum reply_id id, uint64_t number)
{
	const struct reply *reply = &s->config->replies[id];
	enum session_next next = smtp_session_write(s, reply, NULL, number);
	smtp_session_end_mail(s);
	if (reply->code < 300)
		s->errors = 0;
	if (!s->closing || next == NEXT_CLOSE)
		return next;
	smtp_session_reply(s, REPLY_SHUTDOWN);
	return NEXT_CLOSE;
}

static enum session_next mail_answered(struct smtp_server *s)
{
	return answer_mail(s, s->answer, s->number);
}

static enum session_next end_text(struct smtp_server *s)
{
	if (s->mail->given_up)
		return answer_mail(s, s->mail->refusal, s->config->max_size);
	smtp_session_ask(s, mail_answered);
	s->ops->data_end(s->host);
	return smtp_session_asked(s);
}

/* What was decoded is with the host. */
static enum session_next go_on(struct smtp_server *s)
{
	return s->mail->decoder.ended ? end_text(s) : NEXT_BODY;
}

enum session_next smtp_text(struct session *base, const char *octets, size_t n, size_t *taken)
{
	struct smtp_server *s = smtp_session_of(base);
	struct piece piece;
	piece.len = 0;
	*taken = dot_decode(&s->mail->decoder, octets, n < PIECE ? n : PIECE, collect, &piece);
	transcript_text(&s->feed, TRANSCRIPT_CLIENT, octets, *taken);
	if (!judge(s) || piece.len == 0)
		return go_on(s);
	smtp_session_ask(s, go_on);
	if (s->ops->data(s->host, piece.text, piece.len))
		s->answered = true;
	return smtp_session_asked(s);
}
