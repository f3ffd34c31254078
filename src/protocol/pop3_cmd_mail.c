/*
 * pop3_cmd_mail: RETR and TOP: a stored mail on its way out, read in blocks and encoded into the output (RFC 1939 sections 3, 5 and 7).
 */
#include "protocol/pop3_session.h"

#include <inttypes.h>

enum { BLOCK = 16 * 1024 }; /* octets read at a time; the output takes twice that above its mark */

/* Where pop3_top hands its spans. */
struct encoding {
	struct dot_encoder *encoder;
	struct buf *out;
	bool ok;
};

static void encode(void *owner, const char *octets, size_t n)
{
	struct encoding *e = owner;
	e->ok = e->ok && dot_encode(e->encoder, octets, n, e->out);
}

/* The first line waits until the size and the first block are there: up to then there can be an -ERR. */
static bool begin_mail(struct pop3_server *s)
{
	if (s->begun)
		return true;
	s->begun = true;
	if (s->whole)
		return pop3_session_ok(s, "%" PRIu64 " octets", s->octets) == NEXT_LINE;
	return pop3_session_ok(s, "the top of the message follows") == NEXT_LINE;
}

static bool write_block(struct pop3_server *s, struct slice block)
{
	struct encoding e = { .encoder = &s->encoder, .out = s->base.out, .ok = true };
	s->offset += block.len;
	if (s->whole)
		encode(&e, block.ptr, block.len);
	else
		pop3_top_push(&s->top, block, encode, &e);
	return e.ok;
}

static enum session_next end_mail(struct pop3_server *s)
{
	struct encoding e = { .encoder = &s->encoder, .out = s->base.out, .ok = true };
	if (!s->whole)
		pop3_top_finish(&s->top, encode, &e);
	return e.ok && dot_encode_end(e.encoder, e.out) ? pop3_session_end_lines(s) : NEXT_CLOSE;
}

static enum pop3_got measure(struct pop3_server *s)
{
	struct pop3_mail mail;
	enum pop3_got how = pop3_session_info(s, s->index, false, &mail);
	if (how == POP3_GOT) {
		s->measured = true;
		s->octets = mail.octets;
	}
	return how;
}

static enum pop3_got read_block(struct pop3_server *s, char block[BLOCK], size_t *got)
{
	enum pop3_got how = s->measured ? POP3_GOT : measure(s);
	return how == POP3_GOT ? pop3_session_read(s, block, BLOCK, got) : how;
}

static enum session_next mail_step(struct pop3_server *s)
{
	char block[BLOCK];
	size_t got;
	while (!session_enough(&s->base)) {
		switch (read_block(s, block, &got)) {
		case POP3_LATER:
			return NEXT_WAIT;
		case POP3_FAULT:
			return pop3_session_fault(s);
		case POP3_GOT:
			break;
		}
		if (!begin_mail(s) || !write_block(s, slice_make(block, got)))
			return NEXT_CLOSE;
		if (got == 0 || s->top.over)
			return end_mail(s);
	}
	return NEXT_MORE;
}

static enum session_next send_mail(struct pop3_server *s, struct slice number, bool whole, uint64_t lines)
{
	enum session_next next;
	if (!pop3_session_number(s, number, &s->index, &next))
		return next;
	s->whole = whole;
	s->offset = 0;
	s->measured = false;
	pop3_top_init(&s->top, lines);
	dot_encoder_init(&s->encoder, false);
	return pop3_session_run(s, mail_step);
}

enum session_next pop3_cmd_retr(struct session *base, struct slice argument)
{
	return send_mail(pop3_session_of(base), argument, true, 0);
}

enum session_next pop3_cmd_top(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	struct slice number = slice_word(&argument);
	uint64_t lines;
	if (!slice_number(argument, UINT64_MAX, &lines))
		return pop3_session_error(s, "the correct form is: TOP message lines");
	return send_mail(s, number, false, lines);
}
