/*
 * smtp_cmd_bdat: BDAT, and the octets behind it (RFC 3030 section 2).
 *
 * A chunk's octets are read to their end, whatever becomes of them, and are answered there; so a pipeline keeps in step. A chunk that is refused
 * is the end of its mail: what follows is refused as well, up to LAST or RSET.
 */
#include "protocol/smtp_session.h"

/* "1000", "1000 LAST". A number that no variable holds is none. */
static bool read_chunk(struct slice argument, struct smtp_chunk *chunk)
{
	struct slice size = slice_word(&argument);
	*chunk = (struct smtp_chunk){ .open = true, .refusal = REPLY_CHUNK };
	chunk->last = slice_equal_text_nocase(argument, "LAST");
	if (!slice_number(size, UINT64_MAX, &chunk->size) || (!slice_empty(argument) && !chunk->last))
		return false;
	chunk->left = chunk->size;
	return true;
}

/* The first chunk of a mail. What is refused here spoils the mail: a later chunk alone is not what was meant. */
static void begin_mail(struct smtp_server *s)
{
	enum reply_id verdict = s->mail->recipients > 0 ? s->ops->data_begin(s->host) : smtp_session_no_recipients(s);
	smtp_text_begin(s, DOT_CHUNKS);
	smtp_session_enter(s, SMTP_IN_CHUNKS);
	if (verdict != REPLY_DATA_START)
		smtp_text_give_up(s, verdict);
}

/* The server ends, and there will be no further chunk. */
static enum session_next end_for_shutdown(struct smtp_server *s)
{
	smtp_session_end_mail(s);
	return smtp_session_say_last(s, REPLY_SHUTDOWN);
}

static enum session_next end_chunk(struct smtp_server *s)
{
	const struct smtp_chunk *chunk = &s->chunk;
	s->chunk.open = false;
	transcript_text_end(&s->feed, TRANSCRIPT_CLIENT);
	smtp_text_pause(s);
	if (chunk->refusal != REPLY_CHUNK) {
		enum session_next next = smtp_session_say(s, chunk->refusal, smtp_session_what_comes_first(s), 0);
		return s->closing ? end_for_shutdown(s) : next;
	}
	if (chunk->last) {
		if (!dot_decode_end(&s->mail->decoder))
			smtp_text_give_up(s, s->mail->decoder.bare_cr ? REPLY_BARE_CR : REPLY_NO_LINE_END);
		return smtp_text_end(s);
	}
	if (s->closing)
		return end_for_shutdown(s);
	if (s->mail->given_up)
		return smtp_session_say(s, s->mail->refusal, "RCPT comes first", s->config->max_size);
	return smtp_session_say(s, REPLY_CHUNK, NULL, chunk->size);
}

static enum session_next go_on(struct smtp_server *s)
{
	smtp_text_resume(s);
	return s->chunk.left > 0 ? NEXT_BODY : end_chunk(s);
}

/* A chunk that cannot be read leaves a hole in its mail: the mail goes. */
void smtp_bdat_is_lost(struct smtp_server *s, const struct command *row)
{
	if (row->run == smtp_cmd_bdat)
		smtp_session_end_mail(s);
}

enum session_next smtp_cmd_bdat(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	struct smtp_chunk chunk;
	if (!read_chunk(argument, &chunk)) { /* nobody knows where its octets would end */
		smtp_session_end_mail(s);
		return smtp_session_say(s, REPLY_SYNTAX, smtp_bdat_form, 0);
	}
	s->chunk = chunk;
	smtp_text_resume(s);
	if (!s->mail) {
		smtp_text_begin(s, DOT_CHUNKS);
		s->chunk.refusal = REPLY_WRONG_ORDER;
	} else if (s->state != SMTP_IN_CHUNKS) {
		begin_mail(s);
	}
	return go_on(s);
}

enum session_next smtp_chunk(struct session *base, const char *octets, size_t n, size_t *taken)
{
	struct smtp_server *s = smtp_session_of(base);
	size_t part = n < SMTP_TEXT_PIECE ? n : SMTP_TEXT_PIECE;
	if (part > s->chunk.left)
		part = (size_t)s->chunk.left;
	s->chunk.left -= part;
	if (s->mail && !s->mail->given_up)
		return smtp_text_take(s, slice_make(octets, part), taken, go_on);
	transcript_text(&s->feed, TRANSCRIPT_CLIENT, octets, part);
	smtp_text_count(s, part);
	*taken = part;
	return go_on(s);
}
