/*
 * talk: replies out of octets, and commands into octets. See talk.h.
 */
#include "protocol/talk.h"

#include <assert.h>
#include <stdio.h>

void talk_init(struct talk *t, enum talk_dialect dialect, const struct talk_role *role, struct transcript_feed *feed)
{
	*t = (struct talk){ .dialect = dialect, .role = role, .feed = feed, .text_max = TALK_TEXT_MAX };
	buf_init(&t->out, TALK_OUT_MAX);
	buf_init(&t->words, TALK_WORDS_MAX);
	buf_init(&t->line, TALK_LINE_MAX);
}

static void wipe(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
}

void talk_release(struct talk *t)
{
	wipe(&t->out);
	buf_release(&t->out);
	buf_release(&t->words);
	buf_release(&t->line);
}

void talk_stop(struct talk *t)
{
	t->expected = 0;
	t->secures = false;
	talk_sent(t, t->out.len);
}

static void break_off(struct talk *t, const char *format, va_list args)
{
	char text[sizeof t->why.text];

	vsnprintf(text, sizeof text, format, args);
	fault_set(&t->why, FAULT_PERMANENT, "%s", text);
	t->broken = true;
	talk_stop(t);
}

void talk_break(struct talk *t, const char *format, ...)
{
	va_list args;

	t->misread = true;
	va_start(args, format);
	break_off(t, format, args);
	va_end(args);
}

void talk_refuse(struct talk *t, const char *format, ...)
{
	va_list args;

	t->unsafe = true;
	va_start(args, format);
	break_off(t, format, args);
	va_end(args);
}

void talk_fail(struct talk *t, enum fault_kind kind, const char *text)
{
	fault_set(&t->why, kind, "%s", text);
	t->broken = true;
	talk_stop(t);
}

/* ---- sending ---- */

void talk_expect(struct talk *t)
{
	t->expected++;
}

static bool has_line_end(struct slice s)
{
	return slice_has(s, '\r') || slice_has(s, '\n') || slice_has(s, '\0');
}

/* A value with a line end in it would be a second command. */
static bool queue_line(struct talk *t, struct slice line)
{
	if (has_line_end(line)) {
		talk_fail(t, FAULT_PERMANENT, "a command cannot hold a line end");
		return false;
	}
	if (!buf_reserve(&t->out, line.len + 2)) {
		talk_fail(t, FAULT_FULL, "too many commands wait to be sent, or memory is out");
		return false;
	}
	buf_append_slice(&t->out, line);
	buf_append_text(&t->out, "\r\n");
	t->expected++;
	return true;
}

void talk_command(struct talk *t, struct slice line)
{
	if (!t->broken && queue_line(t, line))
		transcript_line(t->feed, TRANSCRIPT_CLIENT, line);
}

void talk_commandf(struct talk *t, const char *format, ...)
{
	struct buf line;
	va_list args;

	buf_init(&line, TALK_LINE_MAX);
	va_start(args, format);
	if (buf_vprintf(&line, format, args))
		talk_command(t, buf_slice(&line));
	else
		talk_fail(t, FAULT_PERMANENT, "a command is too long");
	va_end(args);
	buf_release(&line);
}

void talk_secret(struct talk *t, const char *verb, struct slice secret)
{
	size_t before = strlen(verb) > 0 ? strlen(verb) + 1 : 0;
	struct buf line;

	/* Reserved at once, so that no growing buffer leaves a copy behind. */
	buf_init(&line, TALK_LINE_MAX);
	bool fits = buf_reserve(&line, before + secret.len + 1) && buf_reserve(&t->out, before + secret.len + 2);
	if (fits && before > 0)
		fits = buf_append_text(&line, verb) && buf_append_char(&line, ' ');
	fits = fits && buf_append_slice(&line, secret);
	t->secret_out = true;
	if (!fits)
		talk_fail(t, FAULT_PERMANENT, "the password is longer than a command may be");
	else if (!t->broken && queue_line(t, buf_slice(&line)))
		transcript_secret(t->feed, TRANSCRIPT_CLIENT, buf_slice(&line), before);
	wipe(&line);
	buf_release(&line);
}

/* ---- TLS ---- */

void talk_secure(struct talk *t)
{
	t->secures = true;
}

void talk_secured(struct talk *t)
{
	t->secures = false;
	t->role->secured(t);
}

/* ---- sent ---- */

void talk_sent(struct talk *t, size_t n)
{
	buf_consume(&t->out, n);
	if (t->out.len == 0 && t->secret_out) {
		wipe(&t->out);
		t->secret_out = false;
	}
}

/* ---- receiving ---- */

static void complete(struct talk *t)
{
	t->in_reply = false;
	t->expected--;
	t->replies++;
	t->role->reply(t);
}

static void start_words(struct talk *t)
{
	if (t->in_reply)
		return;
	t->in_reply = true;
	t->lines = 0;
	buf_clear(&t->words);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 5321 section 4.2: three digits, then a blank, a hyphen where more lines follow, or nothing. */
static bool smtp_reply_line(struct slice line)
{
	if (line.len < 3 || line.ptr[0] < '2' || line.ptr[0] > '5' || !is_digit(line.ptr[1]) || !is_digit(line.ptr[2]))
		return false;
	return line.len == 3 || line.ptr[3] == ' ' || line.ptr[3] == '-';
}

/* The reply's last line is there; a text may follow it. */
static void take_status(struct talk *t, enum dot_peer peer)
{
	if (!t->positive || !t->multiline) {
		complete(t);
		return;
	}
	t->in_text = true;
	t->text_octets = 0;
	dot_decoder_init(&t->decoder, peer, true);
}

/* "250-one", "250 two" become "250 one two". */
static bool add_smtp_words(struct talk *t, struct slice line)
{
	struct slice text = slice_skip(line, 4);

	if (t->words.len == 0 && !buf_append(&t->words, line.ptr, 3))
		return false;
	if (text.len == 0)
		return true;
	return buf_append_char(&t->words, ' ') && buf_append_slice(&t->words, text);
}

static void take_smtp_line(struct talk *t, struct slice line, enum dot_peer peer)
{
	if (!smtp_reply_line(line)) {
		talk_break(t, "the server's answer is no SMTP reply: %.*s", line.len < 80 ? (int)line.len : 80,
		           line.ptr);
		return;
	}
	start_words(t);
	if (++t->lines > TALK_LINES_MAX || !add_smtp_words(t, line)) {
		talk_break(t, "the server's reply does not end");
		return;
	}
	if (t->role->line)
		t->role->line(t, slice_skip(line, 4));
	if (line.len > 3 && line.ptr[3] == '-')
		return;
	/* All lines should have one code (RFC 5321 section 4.2.1); where they differ, the last one counts. */
	t->code = (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0');
	t->positive = t->code < 400;
	memcpy(t->words.data, line.ptr, 3);
	take_status(t, peer);
}

/* RFC 5034 section 4: a plus sign and a blank; some leave the blank out where nothing follows. */
static bool is_challenge(struct slice line)
{
	return line.len > 0 && line.ptr[0] == '+' && (line.len == 1 || line.ptr[1] == ' ');
}

static void take_pop3_line(struct talk *t, struct slice line, enum dot_peer peer)
{
	t->positive = slice_starts_nocase(line, "+OK");
	t->challenge = t->challenges && is_challenge(line);
	if (!t->positive && !t->challenge && !slice_starts_nocase(line, "-ERR")) {
		talk_break(t, "the server's answer is no POP3 reply: %.*s", line.len < 80 ? (int)line.len : 80,
		           line.ptr);
		return;
	}
	start_words(t);
	if (!buf_append_slice(&t->words, line)) {
		talk_fail(t, FAULT_FULL, "memory is out");
		return;
	}
	take_status(t, peer);
}

static void take_whole_line(struct talk *t)
{
	struct slice line = buf_slice(&t->line);
	enum dot_peer peer = DOT_PEER_LF;

	line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
		line.len--;
		peer = DOT_PEER_CRLF;
	}
	transcript_line(t->feed, TRANSCRIPT_SERVER, line);
	if (t->dialect == TALK_SMTP)
		take_smtp_line(t, line, peer);
	else
		take_pop3_line(t, line, peer);
	buf_clear(&t->line);
}

static size_t take_line_octets(struct talk *t, const char *octets, size_t n)
{
	if (t->secures) {
		talk_refuse(
		        t,
		        "something was sent in clear behind the server's answer, before TLS: not by an honest server");
		return n;
	}
	if (t->expected == 0) {
		talk_break(t, "the server spoke without being asked");
		return n;
	}
	size_t at = slice_find(slice_make(octets, n), '\n');
	size_t taken = at < n ? at + 1 : n;
	if (!buf_append(&t->line, octets, taken))
		talk_break(t, "the server sent a line of more than %d octets", TALK_LINE_MAX);
	else if (at < n)
		take_whole_line(t);
	return taken;
}

static void give_text(void *owner, const char *octets, size_t n)
{
	struct talk *t = owner;

	if (!t->broken)
		t->role->text(t, octets, n);
}

static size_t take_text_octets(struct talk *t, const char *octets, size_t n)
{
	size_t taken = dot_decode(&t->decoder, octets, n, give_text, t);

	assert(taken > 0 || t->decoder.ended);
	transcript_text(t->feed, TRANSCRIPT_SERVER, octets, taken);
	t->text_octets += taken;
	if (t->broken)
		return taken;
	if (t->text_octets > t->text_max) {
		talk_break(t, "the server's text does not end");
	} else if (t->decoder.ended) {
		t->in_text = false;
		complete(t);
	}
	return taken;
}

bool talk_push(struct talk *t, const char *octets, size_t n)
{
	while (n > 0 && !t->broken) {
		size_t taken = t->in_text ? take_text_octets(t, octets, n) : take_line_octets(t, octets, n);
		octets += taken;
		n -= taken;
	}
	return !t->broken;
}
