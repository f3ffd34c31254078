/*
 * smtp_text: the mail's text, from 354 to the answer to its final full stop (RFC 5321 section 4.1.1.4); and what BDAT's chunks have in common with it.
 *
 * Octets go through the decoder to the host a piece at a time. A mail that cannot be taken is given up at once, and the rest of it is read and
 * thrown away, so that the dialogue keeps in step; it is answered behind its final full stop.
 */
#include "protocol/smtp_session.h"

#include "base/clock.h"

#include <assert.h>

/* A bare LF and a full stop become three octets, and a CR may be left from the piece before. */
enum { DECODED_MAX = 2 * SMTP_TEXT_PIECE };

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

void smtp_text_begin(struct smtp_server *s, enum dot_peer peer)
{
	s->text_since = clock_ms();
	s->text_octets = 0;
	s->text_paused = 0;
	if (s->mail)
		dot_decoder_init(&s->mail->decoder, peer, false);
}

void smtp_text_count(struct smtp_server *s, size_t n)
{
	s->text_octets += n;
}

void smtp_text_pause(struct smtp_server *s)
{
	s->text_paused = clock_ms();
}

void smtp_text_resume(struct smtp_server *s)
{
	if (s->text_paused != 0)
		s->text_since += clock_ms() - s->text_paused;
	s->text_paused = 0;
}

bool smtp_text_is_slow(const struct smtp_server *s)
{
	int64_t taken_ms = clock_ms() - s->text_since;
	int64_t grace_ms = s->config->idle_ms > 0 ? s->config->idle_ms : SMTP_TEXT_GRACE_MS;
	return taken_ms > grace_ms && s->text_octets < (uint64_t)(taken_ms / 1000) * SMTP_TEXT_RATE;
}

void smtp_text_give_up(struct smtp_server *s, enum reply_id why)
{
	if (s->mail->given_up)
		return;
	s->mail->given_up = true;
	s->mail->refusal = why;
	s->ops->reset(s->host);
}

/* Whether the mail can still be taken. */
static bool judge(struct smtp_server *s)
{
	const struct dot_decoder *d = &s->mail->decoder;
	if (d->bare_cr)
		smtp_text_give_up(s, REPLY_BARE_CR);
	else if (d->bare_lf && s->config->strict)
		smtp_text_give_up(s, REPLY_BARE_LF); /* RFC 5321 section 2.3.8 */
	else if (d->octets > s->config->max_size)
		smtp_text_give_up(s, REPLY_TOO_BIG); /* RFC 1870 section 6.3 */
	return !s->mail->given_up;
}

/* In LMTP there is an answer for each recipient, in their order (RFC 2033 section 4.2); to a mail without any, which is refused, one. */
static enum session_next say_answers(struct smtp_server *s, enum reply_id id, uint64_t number)
{
	const struct smtp_transaction *mail = s->mail;
	size_t count = s->config->lmtp && mail->recipients > 0 ? mail->recipients : 1;
	bool each = s->config->lmtp && mail->recipients > 0 && !mail->given_up;
	enum session_next next = NEXT_LINE;
	for (size_t i = 0; i < count && next == NEXT_LINE; i++) {
		enum reply_id one = each ? s->ops->outcome(s->host, i) : id;
		next = smtp_session_write(s, &s->config->replies[one], "RCPT comes first", number);
	}
	return next;
}

/* The answer to the final full stop; the transaction is over, whatever it is. */
static enum session_next answer_mail(struct smtp_server *s, enum reply_id id, uint64_t number)
{
	const struct reply *reply = &s->config->replies[id];
	enum session_next next = say_answers(s, id, number);
	smtp_session_end_mail(s);
	if (reply->code < 300) {
		s->errors = 0;
		s->strangers = 0;
	}
	if (!s->closing || next == NEXT_CLOSE)
		return next;
	smtp_session_reply(s, REPLY_SHUTDOWN);
	return NEXT_CLOSE;
}

static enum session_next mail_answered(struct smtp_server *s)
{
	if (s->fault) {
		enum session_next next = smtp_session_say_fault(s);
		smtp_session_end_mail(s);
		return s->closing ? NEXT_CLOSE : next;
	}
	return answer_mail(s, s->answer, s->number);
}

enum session_next smtp_text_end(struct smtp_server *s)
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
	smtp_text_resume(s);
	return s->mail->decoder.ended ? smtp_text_end(s) : NEXT_BODY;
}

enum session_next smtp_text_take(struct smtp_server *s, struct slice octets, size_t *taken,
                                 enum session_next (*then)(struct smtp_server *s))
{
	struct piece piece;
	piece.len = 0;
	*taken = dot_decode(&s->mail->decoder, octets.ptr, octets.len, collect, &piece);
	transcript_text(&s->feed, TRANSCRIPT_CLIENT, octets.ptr, *taken);
	smtp_text_count(s, *taken);
	if (!judge(s) || piece.len == 0)
		return then(s);
	smtp_text_pause(s);
	smtp_session_ask(s, then);
	if (s->ops->data(s->host, piece.text, piece.len))
		s->answered = true;
	return smtp_session_asked(s);
}

enum session_next smtp_text(struct session *base, const char *octets, size_t n, size_t *taken)
{
	size_t part = n < SMTP_TEXT_PIECE ? n : SMTP_TEXT_PIECE;
	return smtp_text_take(smtp_session_of(base), slice_make(octets, part), taken, go_on);
}
