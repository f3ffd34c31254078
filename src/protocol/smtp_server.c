/*
 * smtp_server: the session's frame: the table of commands, the gate, what is said, what is asked of the host, and the end. See smtp_server.h.
 *
 * The commands themselves are in smtp_cmd_*.c, the mail's text in smtp_text.c.
 */
#include "protocol/smtp_server.h"

#include "base/log.h"
#include "protocol/reply.h"
#include "protocol/smtp_session.h"

#include <assert.h>
#include <stdlib.h>

#define MAIL_FORM "MAIL FROM:<sender> [SIZE=octets] [BODY=7BIT|8BITMIME] [SMTPUTF8]"
#define RCPT_FORM "RCPT TO:<recipient>"
#define BDAT_FORM "BDAT octets [LAST]"

const char smtp_mail_form[] = MAIL_FORM;
const char smtp_rcpt_form[] = RCPT_FORM;
const char smtp_bdat_form[] = BDAT_FORM;

/* RFC 5321 section 4.1.4 says which may come when; section 4.3.2 which may have an argument. BDAT is right at any time: what follows it has to be
 * read before it is refused. */
const struct command smtp_commands[] = {
	{ "HELO", SMTP_ANY, ARGUMENT_OPTIONAL, "HELO client-name", smtp_cmd_helo },
	{ "EHLO", SMTP_ANY, ARGUMENT_OPTIONAL, "EHLO client-name", smtp_cmd_ehlo },
	{ "STARTTLS", SMTP_ANY, ARGUMENT_NONE, "STARTTLS", smtp_cmd_starttls },
	{ "AUTH", SMTP_GREETED, ARGUMENT_NEEDED, "AUTH mechanism [initial-response]", smtp_cmd_auth },
	{ "MAIL", SMTP_GREETED, ARGUMENT_NEEDED, MAIL_FORM, smtp_cmd_mail },
	{ "RCPT", SMTP_IN_MAIL, ARGUMENT_NEEDED, RCPT_FORM, smtp_cmd_rcpt },
	{ "DATA", SMTP_IN_MAIL, ARGUMENT_NONE, "DATA", smtp_cmd_data },
	{ "BDAT", SMTP_ANY, ARGUMENT_OPTIONAL, BDAT_FORM, smtp_cmd_bdat },
	{ "RSET", SMTP_ANY, ARGUMENT_NONE, "RSET", smtp_cmd_rset },
	{ "NOOP", SMTP_ANY, ARGUMENT_OPTIONAL, "NOOP", smtp_cmd_noop },
	{ "VRFY", SMTP_ANY, ARGUMENT_OPTIONAL, "VRFY user", smtp_cmd_vrfy },
	{ "HELP", SMTP_ANY, ARGUMENT_OPTIONAL, "HELP [command]", smtp_cmd_help },
	{ "QUIT", SMTP_ANY, ARGUMENT_NONE, "QUIT", smtp_cmd_quit },
	/* Verbs of the RFCs that are not offered (section 4.2.4): 502, which says more than 500. */
	{ .verb = "EXPN" },
	{ .verb = "ETRN" },
	{ .verb = "TURN" },
	{ .verb = "SEND" },
	{ .verb = "SOML" },
	{ .verb = "SAML" },
	/* Where clients register. */
	{ "REGISTER", SMTP_ANY, ARGUMENT_NONE, "REGISTER", smtp_cmd_register },
	{ "RETRIEVE", SMTP_GREETED | SMTP_IN_MAIL, ARGUMENT_NONE, "RETRIEVE", smtp_cmd_retrieve },
	/* In LMTP. */
	{ "LHLO", SMTP_ANY, ARGUMENT_OPTIONAL, "LHLO client-name", smtp_cmd_ehlo },
};
enum { COMMANDS = sizeof smtp_commands / sizeof smtp_commands[0], REGISTRATION_COMMANDS = 2, LMTP_COMMANDS = 1 };

size_t smtp_commands_count(const struct smtp_server *s)
{
	if (s->config->lmtp)
		return COMMANDS;
	return COMMANDS - LMTP_COMMANDS - (smtp_session_registers(s) ? 0 : REGISTRATION_COMMANDS);
}

bool smtp_session_offers(const struct smtp_server *s, const struct command *row)
{
	if (row->run == smtp_cmd_starttls)
		return s->config->tls || s->base.tls;
	if (row->run == smtp_cmd_auth)
		return s->ops->auth != NULL;
	if (row->run == smtp_cmd_register || row->run == smtp_cmd_retrieve)
		return smtp_session_registers(s);
	if (row->run == smtp_cmd_helo || row->run == smtp_cmd_ehlo) /* RFC 2033 section 4.1 */
		return s->config->lmtp == (row == &smtp_commands[COMMANDS - 1]);
	return row->run != NULL;
}

/* ---- what is said ---- */

static struct slice text_of(const struct address *a)
{
	return slice_str(a->text);
}

enum session_next smtp_session_write(struct smtp_server *s, const struct reply *reply, const char *text,
                                     uint64_t number)
{
	struct reply_values values = {
		.domain = s->config->domain,
		.text = text,
		.address = s->address,
		.client = slice_str(s->client),
		.number = number,
	};
	if (s->mail) {
		values.sender = text_of(&s->mail->sender);
		values.recipient = text_of(&s->mail->recipient);
		values.utf8 = s->mail->utf8;
	}
	return reply_write(s->base.out, reply, &values, s->enhanced) ? NEXT_LINE : NEXT_CLOSE;
}

enum session_next smtp_session_say(struct smtp_server *s, enum reply_id id, const char *text, uint64_t number)
{
	const struct reply *reply = &s->config->replies[id];
	/* To name somebody who is not here is no error of the one who speaks, unless it never ends. */
	bool stranger = id == REPLY_NO_SUCH_USER || id == REPLY_NO_RELAY || id == REPLY_NO_DOMAIN;
	/* Nor is to say DATA in one go with recipients who are then refused (RFC 2920 section 3.1). */
	if (reply->code >= 500 && !stranger && id != REPLY_NO_RECIPIENTS)
		s->errors++;
	s->strangers += stranger;
	return smtp_session_write(s, reply, text, number);
}

enum session_next smtp_session_say_last(struct smtp_server *s, enum reply_id id)
{
	smtp_session_write(s, &s->config->replies[id], NULL, 0);
	return NEXT_CLOSE;
}

void smtp_session_enter(struct smtp_server *s, enum smtp_state state)
{
	log_debug("smtp connection=%u state=%d after=%d", s->feed.connection, state, s->state);
	s->state = state;
}

/* ---- what is asked ---- */

void smtp_session_ask(struct smtp_server *s, enum session_next (*take)(struct smtp_server *s))
{
	s->asking = true;
	s->answered = false;
	s->take = take;
}

enum session_next smtp_session_asked(struct smtp_server *s)
{
	s->asking = false;
	return s->answered ? s->take(s) : NEXT_WAIT;
}

static void answer_is_in(struct smtp_server *s)
{
	assert(!s->answered);
	s->answered = true;
	if (!s->asking)
		session_wake(&s->base);
}

void smtp_server_answer(struct session *base, enum reply_id reply, uint64_t number)
{
	struct smtp_server *s = smtp_session_of(base);
	s->answer = reply;
	s->number = number;
	answer_is_in(s);
}

void smtp_server_fault(struct session *base, const struct smtp_fault *fault)
{
	smtp_session_of(base)->fault = fault;
	smtp_server_answer(base, REPLY_TRY_LATER, 0);
}

enum session_next smtp_session_say_fault(struct smtp_server *s)
{
	const struct smtp_fault *fault = s->fault;
	s->fault = NULL;
	if (fault->code == 0)
		return NEXT_CLOSE;
	const struct reply reply = { .code = (int)fault->code, .text = "%t" };
	return smtp_session_write(s, &reply, fault->text, 0);
}

void smtp_server_continue(struct session *base)
{
	answer_is_in(smtp_session_of(base));
}

void smtp_server_auth(struct session *base, enum reply_id reply, const char *challenge)
{
	struct smtp_server *s = smtp_session_of(base);
	free(s->challenge);
	s->challenge = reply == REPLY_AUTH_CHALLENGE ? strdup(challenge) : NULL;
	s->answer = reply;
	answer_is_in(s);
}

void smtp_session_end_mail(struct smtp_server *s)
{
	if (!s->mail)
		return;
	if (!s->mail->given_up)
		s->ops->reset(s->host);
	free(s->mail);
	s->mail = NULL;
	smtp_session_enter(s, SMTP_GREETED);
}

/* ---- the session, as its driver sees it ---- */

/* After every callback: shows what was said in it, and ends a session with too many errors. */
static enum session_next leave(struct smtp_server *s, size_t said_before, enum session_next next)
{
	const struct buf *out = s->base.out;
	bool too_many = s->errors >= SMTP_ERRORS_MAX || s->strangers >= SMTP_STRANGERS_MAX;
	if (too_many && next == NEXT_LINE)
		next = smtp_session_say_last(s, REPLY_TOO_MANY_ERRORS);
	if (out->len > said_before)
		transcript_text(&s->feed, TRANSCRIPT_SERVER, out->data + said_before, out->len - said_before);
	return next;
}

static void tell_tls(struct smtp_server *s)
{
	if (s->base.tls)
		transcript_secured(&s->feed, s->base.tls->version, s->base.tls->cipher);
}

static enum session_next greet(struct smtp_server *s)
{
	struct reply greeting = s->config->replies[REPLY_GREETING];
	if (s->config->lmtp)
		greeting.text = "%d LMTP Postroom";
	return smtp_session_write(s, &greeting, NULL, 0);
}

static enum session_next smtp_start(struct session *base)
{
	struct smtp_server *s = smtp_session_of(base);
	size_t said = base->out->len;
	transcript_note(&s->feed, TRANSCRIPT_CLIENT,
	                s->config->lmtp ? "<client connects to LMTP port>" : "<client connects to SMTP port>");
	tell_tls(s);
	return leave(s, said, greet(s));
}

const char *smtp_session_what_comes_first(const struct smtp_server *s)
{
	switch (s->state) {
	case SMTP_CONNECTED:
		if (s->config->lmtp)
			return "LHLO comes first";
		return smtp_session_registers(s) ? "HELO or REGISTER comes first" : "HELO or EHLO comes first";
	case SMTP_GREETED:
		return "MAIL comes first";
	case SMTP_IN_CHUNKS:
		return "a mail is under way; BDAT with LAST sends it, RSET gives it up";
	default:
		return "a mail is under way; DATA sends it, RSET gives it up";
	}
}

/* Only AUTH may be longer than SMTP_COMMAND_MAX: it may bring a SASL response (RFC 4954 section 4). */
static bool is_too_long(const struct line *line)
{
	struct slice rest = line->text;
	size_t end = line->bare_lf ? 1 : 2;
	return line->text.len + end > SMTP_COMMAND_MAX && !slice_equal_text_nocase(slice_word(&rest), "AUTH");
}

/* A course's own spelling is written out; a line that has no room for it has none. */
static struct slice respell(const struct smtp_server *s, struct slice line, char room[])
{
	if (line.len > SMTP_COMMAND_MAX)
		return line;
	return command_respell(s->config->verbs, s->config->verbs_count, line, room);
}

/* The gate: what is refused here never reaches a handler. */
static enum session_next take_command(struct smtp_server *s, struct slice line)
{
	const struct command *row;
	struct slice argument;
	char respelled[SMTP_COMMAND_MAX + COMMAND_MEANING_MAX];
	line = respell(s, line, respelled);
	enum command_verdict verdict =
	        command_judge(smtp_commands, smtp_commands_count(s), s->state, line, &row, &argument);
	if (verdict == COMMAND_UNKNOWN) /* RFC 5321 section 4.2.4 */
		return smtp_session_reply(s, REPLY_UNKNOWN_COMMAND);
	if (!smtp_session_offers(s, row)) /* the same section */
		return smtp_session_reply(s, REPLY_NOT_IMPLEMENTED);
	switch (verdict) {
	case COMMAND_OUT_OF_ORDER: /* section 4.1.4 */
		return smtp_session_say(s, REPLY_WRONG_ORDER, smtp_session_what_comes_first(s), 0);
	case COMMAND_BAD_ARGUMENT: /* section 4.3.2 */
		smtp_bdat_is_lost(s, row);
		return smtp_session_say(s, REPLY_SYNTAX, row->form, 0);
	default:
		return row->run(&s->base, argument);
	}
}

static enum session_next judge_line(struct smtp_server *s, const struct line *line)
{
	if (s->config->strict && line->bare_lf) { /* section 2.3.8 */
		smtp_session_reply(s, REPLY_LINE_END);
		return NEXT_CLOSE;
	}
	if (is_too_long(line)) /* section 4.5.3.1.9 */
		return smtp_session_reply(s, REPLY_LINE_TOO_LONG);
	if (line->too_long)
		return smtp_auth_too_long(s);
	return take_command(s, line->text);
}

/* Who talks on after a login that went wrong, as if it went on, says his password: what is no command then is shown to nobody. */
static void show_command(struct smtp_server *s, struct slice line)
{
	struct slice rest = line;
	const struct command *row = command_find(smtp_commands, smtp_commands_count(s), slice_word(&rest));
	if (s->wary && !row)
		transcript_secret(&s->feed, TRANSCRIPT_CLIENT, line, 0);
	else
		transcript_command(&s->feed, line);
	if (row)
		s->wary = row->run == smtp_cmd_auth;
}

static enum session_next smtp_line(struct session *base, const struct line *line)
{
	struct smtp_server *s = smtp_session_of(base);
	size_t said = base->out->len;
	if (s->state == SMTP_IN_LOGIN)
		return leave(s, said, smtp_auth_line(s, line));
	if (!s->heard && !line->bare_lf)
		base->ends = LINE_ENDS_CRLF; /* section 2.3.8: from here on nothing else ends a line */
	s->heard = true;
	show_command(s, line->text);
	return leave(s, said, judge_line(s, line));
}

static enum session_next smtp_body(struct session *base, const char *octets, size_t n, size_t *taken)
{
	struct smtp_server *s = smtp_session_of(base);
	size_t said = base->out->len;
	*taken = n;
	if (smtp_text_is_slow(s)) {
		smtp_session_end_mail(s);
		return leave(s, said, smtp_session_say_last(s, REPLY_TOO_SLOW));
	}
	return leave(s, said, (s->chunk.open ? smtp_chunk : smtp_text)(base, octets, n, taken));
}

/* RFC 3207 section 4.2: what the client said in clear, somebody else may have said; it is forgotten. Nothing is said: the client is the next to speak. */
static enum session_next smtp_secured(struct session *base)
{
	struct smtp_server *s = smtp_session_of(base);
	smtp_session_end_mail(s);
	base->ends = LINE_ENDS_EITHER;
	s->heard = s->enhanced = s->authenticated = false;
	s->client[0] = '\0';
	s->address = NULL;
	smtp_session_enter(s, SMTP_CONNECTED);
	tell_tls(s);
	return NEXT_LINE;
}

static enum session_next smtp_more(struct session *base)
{
	size_t said = base->out->len;
	return leave(smtp_session_of(base), said, smtp_retrieve_more(base));
}

static enum session_next smtp_resume(struct session *base)
{
	struct smtp_server *s = smtp_session_of(base);
	size_t said = base->out->len;
	return leave(s, said, s->take(s));
}

static enum session_next stop_now(struct smtp_server *s, enum session_stop why)
{
	switch (why) {
	case STOP_CROWDED:
		return smtp_session_say_last(s, REPLY_CROWDED);
	case STOP_TOO_MANY:
		return smtp_session_say_last(s, REPLY_TOO_MANY);
	case STOP_TOO_OFTEN:
		return smtp_session_say_last(s, REPLY_TOO_OFTEN);
	case STOP_IDLE: /* section 4.5.3.2.7 */
		return smtp_session_say_last(s, REPLY_IDLE);
	default: /* section 3.8 */
		return smtp_session_say_last(s, REPLY_SHUTDOWN);
	}
}

static enum session_next smtp_stop(struct session *base, enum session_stop why)
{
	struct smtp_server *s = smtp_session_of(base);
	size_t said = base->out->len;
	if (why == STOP_SHUTDOWN && (s->state == SMTP_IN_TEXT || s->chunk.open)) {
		s->closing = true;
		return NEXT_BODY;
	}
	if (s->retrieving && why == STOP_SHUTDOWN) {
		s->closing = true;
		return NEXT_MORE;
	}
	smtp_session_end_mail(s);
	if (s->retrieving) /* amid the answer nothing else can be said */
		return NEXT_CLOSE;
	return leave(s, said, stop_now(s, why));
}

static void smtp_free(struct session *base)
{
	struct smtp_server *s = smtp_session_of(base);
	smtp_session_end_mail(s);
	transcript_note(&s->feed, TRANSCRIPT_CLIENT, "<client hangs up>");
	transcript_feed_release(&s->feed);
	s->ops->free(s->host);
	free(s->challenge);
	free(s);
}

static const struct session_ops smtp_ops = {
	.protocol = "smtp",
	.line_max = SMTP_LINE_MAX,
	.idle_ms = SMTP_IDLE_MS,
	.start = smtp_start,
	.line = smtp_line,
	.body = smtp_body,
	.resume = smtp_resume,
	.secured = smtp_secured,
	.stop = smtp_stop,
	.free = smtp_free,
};

static const struct session_ops member_ops = {
	.protocol = "smtp",
	.line_max = SMTP_LINE_MAX,
	.idle_ms = SMTP_MEMBER_IDLE_MS,
	.start = smtp_start,
	.line = smtp_line,
	.body = smtp_body,
	.more = smtp_more,
	.resume = smtp_resume,
	.secured = smtp_secured,
	.stop = smtp_stop,
	.free = smtp_free,
};

struct session *smtp_server_new(const struct smtp_config *config, const struct smtp_host_ops *ops, void *host)
{
	struct smtp_server *s = calloc(1, sizeof *s);
	if (!s) {
		ops->free(host);
		return NULL;
	}
	s->base = (struct session){
		.ops = ops->enroll ? &member_ops : &smtp_ops,
		.ends = LINE_ENDS_EITHER,
		.idle_ms = config->idle_ms,
	};
	s->config = config;
	s->ops = ops;
	s->host = host;
	s->state = SMTP_CONNECTED;
	transcript_feed_init(&s->feed, config->transcript);
	transcript_feed_tell(&s->feed, config->sink);
	return &s->base;
}

const char *smtp_server_client_name(const struct session *s)
{
	return ((const struct smtp_server *)s)->client;
}

bool smtp_server_extended(const struct session *s)
{
	return ((const struct smtp_server *)s)->enhanced;
}

bool smtp_server_authenticated(const struct session *s)
{
	return ((const struct smtp_server *)s)->authenticated;
}

bool smtp_server_utf8(const struct session *s)
{
	const struct smtp_transaction *mail = ((const struct smtp_server *)s)->mail;
	return mail && mail->utf8;
}

uint64_t smtp_server_size(const struct session *s)
{
	const struct smtp_transaction *mail = ((const struct smtp_server *)s)->mail;
	return mail ? mail->size : 0;
}

const struct address *smtp_server_sender(const struct session *s)
{
	static const struct address none;
	const struct smtp_transaction *mail = ((const struct smtp_server *)s)->mail;
	return mail ? &mail->sender : &none;
}

void *smtp_server_heard(const struct session *base)
{
	return ((const struct smtp_server *)base)->feed.heard;
}
