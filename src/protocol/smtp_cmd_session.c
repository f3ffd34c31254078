/*
 * smtp_cmd_session: the commands about the session itself: HELO, EHLO (LHLO), STARTTLS, RSET, NOOP, VRFY, HELP, QUIT (RFC 5321 section 4.1.1, RFC 3207).
 */
#include "base/buf.h"
#include "protocol/smtp_session.h"

#include <stdio.h>

/* A course's greeting, and the list. */
enum { EHLO_TEXT_MAX = REPLY_TEXT_MAX + 256 };

/* What EHLO lists, %n being the largest mail and %t the mechanisms. A new extension is a line here. */
static void list_extensions(const struct smtp_server *s, bool auth, struct buf *text)
{
	buf_append_text(text, "\nPIPELINING\nSIZE %n\n8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES");
	if (s->config->tls && !s->base.tls) /* RFC 3207 section 4.2: not again */
		buf_append_text(text, "\nSTARTTLS");
	if (auth)
		buf_append_text(text, "\nAUTH %t");
	buf_printf(text, "\nLIMITS RCPTMAX=%d\nHELP", SMTP_RECIPIENTS_MAX);
}

/* The SASL mechanisms for EHLO's list. False: there are none, or no need of them (RFC 4954 section 4). */
static bool list_mechanisms(const struct smtp_server *s, char list[SMTP_MECHANISMS_MAX])
{
	list[0] = '\0';
	if (s->ops->mechanisms && !s->authenticated)
		s->ops->mechanisms(s->host, list);
	return list[0] != '\0';
}

/* Sections 4.1.1.1, 4.1.4: any name is taken, as none can be relied on; and what was under way is over. Where clients register, that is
 * their greeting, and the name may be missing. REPLY_HELLO, or why not. */
static enum reply_id greeted(struct smtp_server *s, struct slice name, bool enhanced)
{
	bool nameless = slice_empty(name) && !smtp_session_registers(s);
	if (nameless || name.len > SMTP_CLIENT_MAX)
		return REPLY_SYNTAX;
	if (!smtp_member_enroll(s))
		return REPLY_TRY_LATER;
	smtp_session_end_mail(s);
	memcpy(s->client, name.ptr, name.len);
	s->client[name.len] = '\0';
	s->enhanced = enhanced;
	smtp_session_enter(s, SMTP_GREETED);
	return REPLY_HELLO;
}

enum session_next smtp_cmd_helo(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	return smtp_session_say(s, greeted(s, argument, false), "HELO client-name", 0);
}

static enum session_next tell_extensions(struct smtp_server *s)
{
	struct reply hello = s->config->replies[REPLY_HELLO];
	char mechanisms[SMTP_MECHANISMS_MAX];
	struct buf text;
	/* Unlike HELO's, this answer begins with the domain (section 4.1.1.1). */
	buf_init(&text, EHLO_TEXT_MAX);
	if (!buf_reserve(&text, EHLO_TEXT_MAX))
		return NEXT_CLOSE;
	buf_append_text(&text, strncmp(hello.text, "%d", 2) == 0 ? "" : "%d ");
	buf_append_text(&text, hello.text);
	list_extensions(s, list_mechanisms(s, mechanisms), &text);
	buf_append_char(&text, '\0');
	hello.text = text.data;
	enum session_next next = smtp_session_write(s, &hello, mechanisms, s->config->max_size);
	buf_release(&text);
	return next;
}

enum session_next smtp_cmd_ehlo(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	enum reply_id verdict = greeted(s, argument, true);
	if (verdict != REPLY_HELLO)
		return smtp_session_say(s, verdict, s->config->lmtp ? "LHLO client-name" : "EHLO client-name", 0);
	if (!s->ops->refresh || s->authenticated)
		return tell_extensions(s);
	smtp_session_ask(s, tell_extensions);
	s->ops->refresh(s->host);
	return smtp_session_asked(s);
}

/* RFC 3207 section 4. A mail under way is forgotten, as all that was said in clear is. */
enum session_next smtp_cmd_starttls(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	if (base->tls)
		return smtp_session_say(s, REPLY_WRONG_ORDER, "the connection is encrypted already", 0);
	smtp_session_end_mail(s);
	return smtp_session_reply(s, REPLY_TLS_START) == NEXT_LINE ? NEXT_TLS : NEXT_CLOSE;
}

enum session_next smtp_cmd_rset(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	smtp_session_end_mail(s);
	return smtp_session_reply(s, REPLY_RESET);
}

enum session_next smtp_cmd_noop(struct session *base, struct slice argument)
{
	(void)argument;
	return smtp_session_reply(smtp_session_of(base), REPLY_NOOP);
}

/* Section 7.3: it tells nobody who has a mailbox here. */
enum session_next smtp_cmd_vrfy(struct session *base, struct slice argument)
{
	(void)argument;
	return smtp_session_reply(smtp_session_of(base), REPLY_VRFY);
}

/* HELP names the commands, HELP with one of them shows its form. */
enum session_next smtp_cmd_help(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	char verbs[128] = "";
	size_t len = 0, count = smtp_commands_count(s);
	const struct command *row = command_find(smtp_commands, count, argument);
	if (row && smtp_session_offers(s, row))
		return smtp_session_say(s, REPLY_HELP, row->form, 0);
	for (size_t i = 0; i < count && len < sizeof verbs; i++) {
		if (smtp_session_offers(s, &smtp_commands[i]))
			len += (size_t)snprintf(verbs + len, sizeof verbs - len, "%s%s", i > 0 ? " " : "",
			                        smtp_commands[i].verb);
	}
	return smtp_session_say(s, REPLY_HELP, verbs, 0);
}

enum session_next smtp_cmd_quit(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	smtp_session_end_mail(s);
	smtp_session_reply(s, REPLY_GOODBYE);
	base->farewell = true;
	return NEXT_CLOSE;
}
