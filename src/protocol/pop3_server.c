/*
 * pop3_server: the session's frame: the table of commands, the gate, what is said, what is asked of the host, and the end. See pop3_server.h.
 *
 * The commands are in pop3_cmd_*.c.
 */
#include "protocol/pop3_server.h"

#include "base/log.h"
#include "protocol/pop3_session.h"
#include "protocol/reply.h"

#include <assert.h>
#include <stdlib.h>

/* RFC 1939 sections 4 and 5 say which may come when. */
static const struct command pop3_commands[] = {
	{ "USER", POP3_AUTHORIZATION, ARGUMENT_NEEDED, "USER name", pop3_cmd_user },
	{ "PASS", POP3_AUTHORIZATION, ARGUMENT_VERBATIM, "PASS password", pop3_cmd_pass },
	{ "APOP", POP3_AUTHORIZATION, ARGUMENT_NEEDED, "APOP name digest", pop3_cmd_apop },
	{ "AUTH", POP3_AUTHORIZATION, ARGUMENT_NEEDED, "AUTH mechanism [initial-response]", pop3_cmd_auth },
	{ "STLS", POP3_AUTHORIZATION, ARGUMENT_NONE, "STLS", pop3_cmd_stls },
	{ "UTF8", POP3_AUTHORIZATION, ARGUMENT_NONE, "UTF8", pop3_cmd_utf8 },
	{ "STAT", POP3_TRANSACTION, ARGUMENT_NONE, "STAT", pop3_cmd_stat },
	{ "LIST", POP3_TRANSACTION, ARGUMENT_OPTIONAL, "LIST [message]", pop3_cmd_list },
	{ "RETR", POP3_TRANSACTION, ARGUMENT_NEEDED, "RETR message", pop3_cmd_retr },
	{ "DELE", POP3_TRANSACTION, ARGUMENT_NEEDED, "DELE message", pop3_cmd_dele },
	{ "RSET", POP3_TRANSACTION, ARGUMENT_NONE, "RSET", pop3_cmd_rset },
	{ "NOOP", POP3_TRANSACTION, ARGUMENT_NONE, "NOOP", pop3_cmd_noop },
	{ "UIDL", POP3_TRANSACTION, ARGUMENT_OPTIONAL, "UIDL [message]", pop3_cmd_uidl },
	{ "TOP", POP3_TRANSACTION, ARGUMENT_NEEDED, "TOP message lines", pop3_cmd_top },
	{ "CAPA", POP3_EITHER, ARGUMENT_NONE, "CAPA", pop3_cmd_capa },
	{ "QUIT", POP3_EITHER, ARGUMENT_NONE, "QUIT", pop3_cmd_quit },
};

enum { COMMANDS = sizeof pop3_commands / sizeof pop3_commands[0] };

/* ---- what is said ---- */

static enum session_next say(struct pop3_server *s, const char *status, const char *format, va_list args)
{
	struct buf *out = s->base.out;
	size_t before = out->len;
	if (buf_append_text(out, status) && buf_vprintf(out, format, args) && buf_append_text(out, "\r\n"))
		return NEXT_LINE;
	out->len = before;
	return NEXT_CLOSE;
}

enum session_next pop3_session_ok(struct pop3_server *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	enum session_next next = say(s, "+OK ", format, args);
	va_end(args);
	if (s->state == POP3_TRANSACTION) /* who does something sensible makes a fresh start */
		s->errors = 0;
	return next;
}

enum session_next pop3_session_error(struct pop3_server *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	enum session_next next = say(s, "-ERR ", format, args);
	va_end(args);
	return ++s->errors < POP3_ERRORS_MAX ? next : pop3_session_too_many(s, "errors");
}

static bool say_last(struct pop3_server *s, const char *text)
{
	bool said = buf_append_text(s->base.out, text);
	if (!said)
		log_debug("pop3 connection=%u: no room for the last word", s->feed.connection);
	return said;
}

enum session_next pop3_session_refuse(struct pop3_server *s, const char *text)
{
	return say_last(s, text) ? NEXT_LINE : NEXT_CLOSE;
}

enum session_next pop3_session_unknown(struct pop3_server *s)
{
	return pop3_session_error(s, "unknown command; CAPA tells what there is");
}

enum session_next pop3_session_too_many(struct pop3_server *s, const char *what)
{
	struct buf *out = s->base.out;
	out->len -= out->len >= 2 ? 2 : 0; /* into the line that was said, so that each command keeps one answer */
	if (!buf_printf(out, "; too many %s, closing\r\n", what))
		log_debug("pop3 connection=%u: no room for the last word", s->feed.connection);
	return NEXT_CLOSE;
}

static enum session_next say_reply(struct pop3_server *s, enum reply_id id)
{
	static const struct reply_values none;
	return reply_write(s->base.out, &s->config->replies[id], &none, false) ? NEXT_LINE : NEXT_CLOSE;
}

enum session_next pop3_session_goodbye(struct pop3_server *s)
{
	say_reply(s, REPLY_POP3_GOODBYE);
	return NEXT_CLOSE;
}

enum session_next pop3_session_fault(struct pop3_server *s)
{
	if (s->begun)
		return NEXT_CLOSE;
	return pop3_session_refuse(s, "-ERR [SYS/TEMP] the mailbox cannot be read now, try again later\r\n");
}

/* ---- steps ---- */

enum session_next pop3_session_run(struct pop3_server *s, enum session_next (*step)(struct pop3_server *))
{
	s->step = step;
	s->begun = false;
	return step(s);
}

enum session_next pop3_session_end_lines(struct pop3_server *s)
{
	s->begun = false;
	return s->closing ? NEXT_CLOSE : NEXT_LINE;
}

void pop3_session_ask(struct pop3_server *s)
{
	s->asking = true;
	s->answered = false;
}

enum session_next pop3_session_asked(struct pop3_server *s, enum session_next (*step)(struct pop3_server *))
{
	s->asking = false;
	s->step = step;
	return s->answered ? step(s) : NEXT_WAIT;
}

enum session_next pop3_session_refresh(struct pop3_server *s, enum session_next (*step)(struct pop3_server *))
{
	pop3_session_ask(s);
	s->ops->refresh(s->host);
	return pop3_session_asked(s, step);
}

static void answer_is_in(struct session *base)
{
	struct pop3_server *s = pop3_session_of(base);
	assert(!s->answered);
	s->answered = true;
	if (!s->asking)
		session_wake(base);
}

void pop3_server_login(struct session *base, enum pop3_login result, const char *detail)
{
	struct pop3_server *s = pop3_session_of(base);
	s->login = result;
	s->detail = detail ? slice_dup(slice_str(detail)) : NULL;
	answer_is_in(base);
}

void pop3_server_challenge(struct session *base, const char *challenge)
{
	struct pop3_server *s = pop3_session_of(base);
	s->challenged = true;
	s->detail = slice_dup(slice_str(challenge));
	answer_is_in(base);
}

void pop3_server_continue(struct session *base)
{
	answer_is_in(base);
}

void pop3_server_committed(struct session *base, bool removed)
{
	pop3_session_of(base)->removed = removed;
	answer_is_in(base);
}

enum pop3_got pop3_session_info(struct pop3_server *s, size_t i, bool want_uid, struct pop3_mail *mail)
{
	enum pop3_got got;
	do {
		pop3_session_ask(s);
		got = s->ops->info(s->host, i, want_uid, mail);
		s->asking = false;
	} while (got == POP3_LATER && s->answered);
	return got;
}

enum pop3_got pop3_session_read(struct pop3_server *s, size_t most, struct slice *octets)
{
	struct pop3_piece piece = { .offset = s->offset, .most = most };
	enum pop3_got how;
	do {
		pop3_session_ask(s);
		how = s->ops->read(s->host, s->index, &piece);
		s->asking = false;
	} while (how == POP3_LATER && s->answered);
	*octets = piece.octets;
	return how;
}

bool pop3_session_got(struct pop3_server *s, enum pop3_got how, enum session_next *next)
{
	if (how == POP3_GOT)
		return true;
	*next = how == POP3_LATER ? NEXT_WAIT : pop3_session_fault(s);
	return false;
}

bool pop3_session_number(struct pop3_server *s, struct slice text, size_t *index, enum session_next *next)
{
	uint64_t number;
	if (!slice_number(text, s->count, &number) || number == 0) {
		*next = pop3_session_error(s, "no such message, there are %zu", s->count);
		return false;
	}
	*index = (size_t)number - 1;
	if (pop3_session_marked(s, *index)) {
		*next = pop3_session_error(s, "message %zu is deleted", *index + 1);
		return false;
	}
	return true;
}

/* ---- the session, as its driver sees it ---- */

static enum session_next leave(struct pop3_server *s, size_t said_before, enum session_next next)
{
	const struct buf *out = s->base.out;
	if (out->len > said_before)
		transcript_text(&s->feed, TRANSCRIPT_SERVER, out->data + said_before, out->len - said_before);
	return next;
}

static enum session_next greet(struct pop3_server *s)
{
	enum session_next next = say_reply(s, REPLY_POP3_GREETING);
	return next == NEXT_LINE ? pop3_login_stamp(s) : next;
}

static void tell_tls(struct pop3_server *s)
{
	if (s->base.tls)
		transcript_secured(&s->feed, s->base.tls->version, s->base.tls->cipher);
}

static enum session_next pop3_start(struct session *base)
{
	struct pop3_server *s = pop3_session_of(base);
	size_t said = base->out->len;
	transcript_note(&s->feed, TRANSCRIPT_CLIENT, "<client connects to POP3 port>");
	tell_tls(s);
	return leave(s, said, s->config->apop ? pop3_session_refresh(s, greet) : greet(s));
}

/* The gate: what is refused here never reaches a handler. */
static enum session_next take_command(struct pop3_server *s, struct slice line)
{
	const struct command *row;
	struct slice argument;
	switch (command_judge(pop3_commands, COMMANDS, s->state, line, &row, &argument)) {
	case COMMAND_UNKNOWN:
		return pop3_session_unknown(s);
	case COMMAND_OUT_OF_ORDER:
		return pop3_session_error(s, s->state == POP3_AUTHORIZATION ? "log in first, with USER and PASS"
		                                                            : "already logged in");
	case COMMAND_BAD_ARGUMENT:
		return pop3_session_error(s, "the correct form is: %s", row->form);
	case COMMAND_ALLOWED:
		break;
	}
	return row->run(&s->base, argument);
}

/* Who talks on after a login that went wrong, as if it went on, says his password: what is no command then is shown to nobody. */
static void show_command(struct pop3_server *s, struct slice line)
{
	struct slice rest = line;
	const struct command *row = command_find(pop3_commands, COMMANDS, slice_word(&rest));
	if (s->wary && !row)
		transcript_secret(&s->feed, TRANSCRIPT_CLIENT, line, 0);
	else
		transcript_command(&s->feed, line);
	if (row)
		s->wary = row->run == pop3_cmd_auth;
}

static enum session_next pop3_line(struct session *base, const struct line *line)
{
	struct pop3_server *s = pop3_session_of(base);
	size_t said = base->out->len;
	if (s->exchanging) {
		transcript_secret(&s->feed, TRANSCRIPT_CLIENT, line->text, 0);
		return leave(s, said, pop3_auth_response(s, line));
	}
	show_command(s, line->text);
	if (line->too_long || line->text.len > POP3_COMMAND_MAX - 2)
		return leave(s, said, pop3_session_error(s, "line too long"));
	return leave(s, said, take_command(s, line->text));
}

/* RFC 2595 section 4: the session is at its start again, without a greeting, and what was said in clear is forgotten; but whoever guesses
 * passwords is not made anew. */
static enum session_next pop3_secured(struct session *base)
{
	struct pop3_server *s = pop3_session_of(base);
	s->user_len = 0;
	s->utf8 = false;
	tell_tls(s);
	return NEXT_LINE;
}

static enum session_next pop3_go_on(struct session *base)
{
	struct pop3_server *s = pop3_session_of(base);
	size_t said = base->out->len;
	return leave(s, said, s->step(s));
}

/* NULL: nothing (RFC 1939 section 3: when its time is over a session ends without a word, and removes nothing). */
static const char *last_word(enum session_stop why)
{
	switch (why) {
	case STOP_IDLE:
		return NULL;
	case STOP_CROWDED:
		return "-ERR [SYS/TEMP] too many connections, try again later\r\n";
	case STOP_TOO_MANY:
		return "-ERR [SYS/TEMP] too many connections from your address, close one or try again later\r\n";
	case STOP_TOO_OFTEN:
		return "-ERR [SYS/TEMP] too many new connections from your address, try again in a minute\r\n";
	default:
		return "-ERR [SYS/TEMP] the server is shutting down\r\n";
	}
}

static enum session_next pop3_stop(struct session *base, enum session_stop why)
{
	struct pop3_server *s = pop3_session_of(base);
	size_t said = base->out->len;
	if (s->begun && why == STOP_SHUTDOWN) {
		s->closing = true;
		return NEXT_MORE;
	}
	const char *word = last_word(why);
	if (word && !s->begun) /* nothing can be said amid a mail */
		say_last(s, word);
	return leave(s, said, NEXT_CLOSE);
}

static void pop3_free(struct session *base)
{
	struct pop3_server *s = pop3_session_of(base);
	transcript_note(&s->feed, TRANSCRIPT_CLIENT, "<client hangs up>");
	transcript_feed_release(&s->feed);
	s->ops->free(s->host);
	pop3_origin_free(s->origin);
	free(s->marks);
	free(s->detail);
	free(s);
}

static const struct session_ops pop3_ops = {
	.protocol = "pop3",
	.line_max = POP3_LINE_MAX,
	.idle_ms = POP3_IDLE_MS,
	.start = pop3_start,
	.line = pop3_line,
	.more = pop3_go_on,
	.resume = pop3_go_on,
	.secured = pop3_secured,
	.stop = pop3_stop,
	.free = pop3_free,
};

struct session *pop3_server_new(const struct pop3_config *config, const struct pop3_host_ops *ops, void *host)
{
	struct pop3_server *s = calloc(1, sizeof *s);
	if (!s) {
		ops->free(host);
		return NULL;
	}
	s->base = (struct session){ .ops = &pop3_ops, .ends = LINE_ENDS_EITHER, .idle_ms = config->idle_ms };
	s->config = config;
	s->ops = ops;
	s->host = host;
	s->state = POP3_AUTHORIZATION;
	transcript_feed_init(&s->feed, config->transcript);
	transcript_feed_tell(&s->feed, config->sink);
	return &s->base;
}

void *pop3_server_heard(const struct session *base)
{
	return ((const struct pop3_server *)base)->feed.heard;
}
