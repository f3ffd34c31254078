/*
 * smtp_cmd_session: the commands about the session itself: HELO, EHLO, RSET, NOOP, VRFY, HELP, QUIT (RFC 5321 section 4.1.1).
 */
#include "base/buf.h"
#include "protocol/smtp_session.h"

#include <stdio.h>

/* What EHLO lists, %n being the largest mail. A new extension is a line here. */
#define EXTENSIONS "PIPELINING\nSIZE %n\n8BITMIME\nENHANCEDSTATUSCODES\nHELP"

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

enum session_next smtp_cmd_ehlo(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	struct reply hello = s->config->replies[REPLY_HELLO];
	char text[REPLY_TEXT_MAX + sizeof "%d \n" EXTENSIONS];
	enum reply_id verdict = greeted(s, argument, true);
	if (verdict != REPLY_HELLO)
		return smtp_session_say(s, verdict, "EHLO client-name", 0);
	/* Unlike HELO's, this answer begins with the domain (section 4.1.1.1). */
	const char *domain = strncmp(hello.text, "%d", 2) == 0 ? "" : "%d ";
	snprintf(text, sizeof text, "%s%.*s\n%s", domain, REPLY_TEXT_MAX, hello.text, EXTENSIONS);
	hello.text = text;
	return smtp_session_write(s, &hello, NULL, s->config->max_size);
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
	if (row)
		return smtp_session_say(s, REPLY_HELP, row->form, 0);
	for (size_t i = 0; i < count && len < sizeof verbs; i++)
		len += (size_t)snprintf(verbs + len, sizeof verbs - len, "%s%s", i > 0 ? " " : "",
		                        smtp_commands[i].verb);
	return smtp_session_say(s, REPLY_HELP, verbs, 0);
}

enum session_next smtp_cmd_quit(struct session *base, struct slice argument)
{
	struct smtp_server *s = smtp_session_of(base);
	(void)argument;
	smtp_session_end_mail(s);
	smtp_session_reply(s, REPLY_GOODBYE);
	return NEXT_CLOSE;
}
