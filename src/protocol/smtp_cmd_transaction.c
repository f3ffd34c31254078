/*
 * smtp_cmd_transaction: MAIL, RCPT and DATA (RFC 5321 section 3.3), with the parameters of RFC 1870, 4954, 6152 and 6531.
 *
 * Each first reads and asks, then has its effect: what is refused leaves the transaction as it was.
 */
#include "protocol/smtp_session.h"

#include <stdlib.h>

/* What a MAIL command says. The parameters of further extensions (RET, ENVID) get their place here. */
struct mail_command {
	struct address sender;
	uint64_t size; /* 0: not said */
	bool has_size;
	bool has_body;
	bool has_auth;
	bool utf8;
};

enum { SIZE_DIGITS_MAX = 20 }; /* RFC 1870 section 4 */

/* "FROM:", "FROM :" or "from: ": takes it off the front. */
static bool take_keyword(struct slice *argument, const char *keyword)
{
	if (!slice_starts_nocase(*argument, keyword))
		return false;
	struct slice rest = slice_trim(slice_skip(*argument, strlen(keyword)));
	if (slice_empty(rest) || rest.ptr[0] != ':')
		return false;
	*argument = slice_skip(rest, 1);
	return true;
}

static bool is_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	}
	return s.len > 0;
}

/* A number of the right form that no variable holds is still a size: one over the limit. */
static bool read_size(struct slice value, uint64_t *size)
{
	if (!is_digits(value) || value.len > SIZE_DIGITS_MAX)
		return false;
	if (!slice_number(value, UINT64_MAX, size))
		*size = UINT64_MAX;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* RFC 3461 section 4: printable characters, the + and = among them as +2B and +3D. */
static bool is_xtext(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '+' && (s.len - i < 3 || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2])))
			return false;
		if (s.ptr[i] < '!' || s.ptr[i] > '~' || s.ptr[i] == '=')
			return false;
	}
	return s.len > 0;
}

/* REPLY_SENDER_OK, or what is wrong with it. */
static enum reply_id read_parameter(const struct smtp_server *s, struct slice word, struct mail_command *m)
{
	size_t equals = slice_find(word, '=');
	struct slice keyword = slice_make(word.ptr, equals);
	struct slice value = slice_skip(word, equals + 1);
	if (slice_equal_text_nocase(keyword, "SMTPUTF8")) { /* RFC 6531 section 3.4: without a value */
		bool ok = !m->utf8 && equals == word.len;
		m->utf8 = true;
		return ok ? REPLY_SENDER_OK : REPLY_SYNTAX;
	}
	if (slice_equal_text_nocase(keyword, "AUTH") && s->ops->auth) {
		/* RFC 4954 section 5: nobody here is trusted with it. */
		bool ok = !m->has_auth && is_xtext(value);
		m->has_auth = true;
		return ok ? REPLY_SENDER_OK : REPLY_SYNTAX;
	}
	if (slice_equal_text_nocase(keyword, "SIZE")) {
		bool ok = !m->has_size && read_size(value, &m->size);
		m->has_size = true;
		return ok ? REPLY_SENDER_OK : REPLY_SYNTAX;
	}
	if (slice_equal_text_nocase(keyword, "BODY")) {
		bool ok = !m->has_body &&
		          (slice_equal_text_nocase(value, "7BIT") || slice_equal_text_nocase(value, "8BITMIME"));
		m->has_body = true;
		return ok ? REPLY_SENDER_OK : REPLY_SYNTAX;
	}
	return REPLY_UNKNOWN_PARAMETER; /* RFC 5321 section 4.1.1.11 */
}

static enum reply_id read_mail(const struct smtp_server *s, struct slice argument, struct mail_command *m)
{
	if (!take_keyword(&argument, "FROM") || !address_parse_path(&argument, &m->sender))
		return REPLY_SYNTAX;
	while (!slice_empty(argument)) {
		enum reply_id verdict = read_parameter(s, slice_word(&argument), m);
		if (verdict != REPLY_SENDER_OK)
			return verdict;
	}
	if (m->sender.utf8 && !m->utf8) /* RFC 6531 section 3.5 */
		return REPLY_NEEDS_SMTPUTF8;
	return m->size > s->config->max_size ? REPLY_TOO_BIG : REPLY_SENDER_OK; /* RFC 1870 section 6.1 */
}

/* A refusal of what was typed shows the right form; %n is the largest mail. */
static enum session_next refuse(struct smtp_server *s, enum reply_id id, const char *form)
{
	return smtp_session_say(s, id, form, s->config->max_size);
}

enum session_next smtp_cmd_mail(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	struct mail_command m = { .size = 0 };
	if (s->config->auth_required && !s->authenticated) /* RFC 4954 section 6 */
		return smtp_session_reply(s, REPLY_AUTH_REQUIRED);
	enum reply_id verdict = read_mail(s, argument, &m);
	if (verdict != REPLY_SENDER_OK)
		return refuse(s, verdict, smtp_mail_form);
	s->mail = calloc(1, sizeof *s->mail);
	if (!s->mail)
		return smtp_session_reply(s, REPLY_TRY_LATER);
	s->mail->sender = m.sender;
	s->mail->size = m.size;
	s->mail->utf8 = m.utf8;
	if (s->ops->sender)
		verdict = s->ops->sender(s->host, &s->mail->sender);
	enum session_next next = smtp_session_reply(s, verdict);
	if (verdict == REPLY_SENDER_OK)
		smtp_session_enter(s, SMTP_HAS_SENDER);
	else
		smtp_session_end_mail(s);
	return next;
}

static enum session_next recipient_answered(struct smtp_server *s)
{
	if (s->fault)
		return smtp_session_say_fault(s);
	if (s->answer == REPLY_RECIPIENT_OK) {
		s->mail->recipients++;
		smtp_session_enter(s, SMTP_HAS_RECIPIENT);
	}
	return smtp_session_say(s, s->answer, NULL, s->number);
}

/* No parameter of RCPT is known yet; NOTIFY and ORCPT (RFC 3461) would be read here. */
static enum reply_id read_rcpt(const struct smtp_server *s, struct slice argument, struct address *recipient)
{
	if (!take_keyword(&argument, "TO") || !address_parse_path(&argument, recipient) || address_is_null(recipient))
		return REPLY_SYNTAX;
	if (!slice_empty(argument))
		return REPLY_UNKNOWN_PARAMETER;
	return recipient->utf8 && !s->mail->utf8 ? REPLY_NEEDS_SMTPUTF8 : REPLY_RECIPIENT_OK;
}

enum session_next smtp_cmd_rcpt(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	enum reply_id verdict = read_rcpt(s, argument, &s->mail->recipient);
	if (verdict != REPLY_RECIPIENT_OK)
		return refuse(s, verdict, smtp_rcpt_form);
	if (s->mail->recipients >= SMTP_RECIPIENTS_MAX) /* section 4.5.3.1.10 */
		return smtp_session_reply(s, REPLY_TOO_MANY_RECIPIENTS);
	smtp_session_ask(s, recipient_answered);
	s->ops->recipient(s->host, &s->mail->recipient);
	return smtp_session_asked(s);
}

enum session_next smtp_cmd_data(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	if (s->mail->recipients == 0) /* RFC 2920 section 3.1: a pipeline says DATA before it has seen the refusals */
		return smtp_session_say(s, smtp_session_no_recipients(s), smtp_session_what_comes_first(s), 0);
	enum reply_id verdict = s->ops->data_begin(s->host);
	if (verdict != REPLY_DATA_START)
		return smtp_session_reply(s, verdict);
	smtp_text_begin(s, base->ends == LINE_ENDS_CRLF ? DOT_PEER_CRLF : DOT_PEER_LF);
	smtp_session_enter(s, SMTP_IN_TEXT);
	return smtp_session_reply(s, REPLY_DATA_START) == NEXT_LINE ? NEXT_BODY : NEXT_CLOSE;
}
