/*
 * pop3_cmd_list: what there is, and the marks of deletion: STAT, LIST, UIDL, DELE, RSET (RFC 1939 sections 5 and 7).
 */
#include "protocol/pop3_session.h"

#include <inttypes.h>
#include <stdlib.h>

static size_t mails_left(const struct pop3_server *s)
{
	return s->count - s->marked;
}

static uint64_t octets_left(const struct pop3_server *s)
{
	return s->ops->octets(s->host) - s->marked_octets;
}

enum session_next pop3_cmd_stat(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	(void)argument;
	return pop3_session_ok(s, "%zu %" PRIu64, mails_left(s), octets_left(s));
}

/* ---- LIST and UIDL ---- */

/* "1 120" or "1 whqtswO00WBw418f9t5JxYwZ". Not by buf_printf: a mailbox may have a million of them. */
static bool write_entry(struct pop3_server *s, const struct pop3_mail *mail)
{
	struct buf *out = s->base.out;
	return buf_append_number(out, s->index + 1) && buf_append_char(out, ' ') &&
	       (s->uidl ? buf_append_text(out, mail->uid) : buf_append_number(out, mail->octets)) &&
	       buf_append(out, "\r\n", 2);
}

/* One mail's, in one line. */
static enum session_next entry_step(struct pop3_server *s)
{
	struct pop3_mail mail;
	enum session_next next;
	if (!pop3_session_got(s, pop3_session_info(s, s->index, s->uidl, &mail), &next))
		return next;
	if (s->uidl)
		return pop3_session_ok(s, "%zu %s", s->index + 1, mail.uid);
	return pop3_session_ok(s, "%zu %" PRIu64, s->index + 1, mail.octets);
}

static bool begin_list(struct pop3_server *s)
{
	if (s->begun)
		return true;
	s->begun = true;
	return pop3_session_ok(s, "%zu messages (%" PRIu64 " octets)", mails_left(s), octets_left(s)) == NEXT_LINE;
}

static enum session_next list_step(struct pop3_server *s)
{
	struct pop3_mail mail;
	enum session_next next;
	for (; s->index < s->count; s->index++) {
		if (pop3_session_marked(s, s->index))
			continue;
		if (session_enough(&s->base))
			return NEXT_MORE;
		if (!pop3_session_got(s, pop3_session_info(s, s->index, s->uidl, &mail), &next))
			return next;
		if (!begin_list(s) || !write_entry(s, &mail))
			return NEXT_CLOSE;
	}
	if (!begin_list(s) || !buf_append_text(s->base.out, ".\r\n"))
		return NEXT_CLOSE;
	return pop3_session_end_lines(s);
}

/* Without an argument all mails are listed, with one that mail. */
static enum session_next list(struct pop3_server *s, struct slice argument, bool uidl)
{
	enum session_next next;
	s->uidl = uidl;
	s->index = 0;
	if (slice_empty(argument))
		return pop3_session_run(s, list_step);
	if (!pop3_session_number(s, argument, &s->index, &next))
		return next;
	return pop3_session_run(s, entry_step);
}

enum session_next pop3_cmd_list(struct session *base, struct slice argument)
{
	return list(pop3_session_of(base), argument, false);
}

enum session_next pop3_cmd_uidl(struct session *base, struct slice argument)
{
	return list(pop3_session_of(base), argument, true);
}

/* ---- marks ---- */

static bool set_mark(struct pop3_server *s, size_t i)
{
	if (!s->marks)
		s->marks = calloc((s->count + 7) / 8, 1);
	if (!s->marks)
		return false;
	s->marks[i / 8] |= (unsigned char)(1u << i % 8);
	return true;
}

/* The mail's size is asked for, as STAT no longer counts it. */
static enum session_next dele_step(struct pop3_server *s)
{
	struct pop3_mail mail;
	enum session_next next;
	if (!pop3_session_got(s, pop3_session_info(s, s->index, false, &mail), &next))
		return next;
	if (!set_mark(s, s->index))
		return pop3_session_fault(s);
	s->marked++;
	s->marked_octets += mail.octets;
	return pop3_session_ok(s, "message %zu deleted", s->index + 1);
}

enum session_next pop3_cmd_dele(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	enum session_next next;
	if (!pop3_session_number(s, argument, &s->index, &next))
		return next;
	return pop3_session_run(s, dele_step);
}

enum session_next pop3_cmd_rset(struct session *base, struct slice argument)
{
	struct pop3_server *s = pop3_session_of(base);
	(void)argument;
	free(s->marks);
	s->marks = NULL;
	s->marked = 0;
	s->marked_octets = 0;
	return pop3_session_ok(s, "%zu messages (%" PRIu64 " octets)", s->count, s->ops->octets(s->host));
}
