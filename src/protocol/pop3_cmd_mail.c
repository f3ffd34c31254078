/*
 * pop3_cmd_mail: RETR and TOP: a stored mail on its way out, read in blocks and encoded into the output (RFC 1939 sections 3, 5 and 7).
 */
#include "protocol/pop3_session.h"

#include <inttypes.h>

enum {
	BLOCK = 16 * 1024, /* octets taken at a time; the output takes twice that above its mark */
	ORIGIN_BLOCK = 1024,
};

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

static enum pop3_got read_block(struct pop3_server *s, struct slice *block)
{
	enum pop3_got how = s->measured ? POP3_GOT : measure(s);
	return how == POP3_GOT ? pop3_session_read(s, BLOCK, block) : how;
}

static enum session_next mail_step(struct pop3_server *s)
{
	struct slice block = slice_make("", 0);
	enum session_next next;
	while (!session_enough(&s->base)) {
		if (!pop3_session_got(s, read_block(s, &block), &next))
			return next;
		if (!begin_mail(s) || !write_block(s, block))
			return NEXT_CLOSE;
		if (slice_empty(block) || s->top.over)
			return end_mail(s);
	}
	return NEXT_MORE;
}

static enum session_next start_mail(struct pop3_server *s)
{
	s->offset = 0;
	return pop3_session_run(s, mail_step);
}

/* RFC 6856 section 5: a mail that came by SMTPUTF8 is kept from a client that has not said UTF8. How it came stands in its first lines. */
static enum session_next origin_step(struct pop3_server *s)
{
	struct slice block = slice_make("", 0);
	enum session_next next;
	enum pop3_origin_way way;
	do {
		if (!pop3_session_got(s, pop3_session_read(s, ORIGIN_BLOCK, &block), &next))
			return next;
		if (s->offset == 0 && pop3_origin_is_plain(block))
			return start_mail(s);
		if (!s->origin && (s->origin = pop3_origin_new()) == NULL)
			return pop3_session_fault(s);
		s->offset += block.len;
		way = pop3_origin_push(s->origin, block);
	} while (way == POP3_ORIGIN_UNKNOWN);
	pop3_origin_free(s->origin);
	s->origin = NULL;
	if (way == POP3_ORIGIN_PLAIN)
		return start_mail(s);
	/* To a client of before that RFC a mailbox may be full of these. */
	return pop3_session_refuse(
	        s, "-ERR [UTF8] the message was sent by SMTPUTF8; say UTF8 before the login to get it\r\n");
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
	if (!s->config->utf8 || s->utf8)
		return start_mail(s);
	pop3_origin_free(s->origin);
	s->origin = NULL;
	return pop3_session_run(s, origin_step);
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
