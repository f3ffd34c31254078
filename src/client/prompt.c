/*
 * prompt: asking and reading. See prompt.h.
 */
#include "client/prompt.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "terminal/term.h"

enum { KEY_LINE_MAX = 4096, RIGHT_AFTER_MS = 1000 };

void prompt_init(struct prompt *p, int in, struct screen *screen)
{
	*p = (struct prompt){ .in = in, .screen = screen, .terminal = isatty(in) == 1 };
}

void prompt_use_utf8(struct prompt *p)
{
	p->typed = p->terminal ? p->screen->local : NULL;
}

void prompt_release(struct prompt *p)
{
	explicit_bzero(p->bytes, sizeof p->bytes);
}

static bool fill(struct prompt *p)
{
	ssize_t n;

	if (p->ended)
		return false;
	do
		n = read(p->in, p->bytes, sizeof p->bytes);
	while (n < 0 && errno == EINTR);
	p->at = 0;
	p->len = n > 0 ? (size_t)n : 0;
	p->ended = n <= 0;
	return !p->ended;
}

/* A last line without its newline is a line too. */
static enum prompt_answer read_line(struct prompt *p, struct buf *line)
{
	size_t start = line->len;
	bool fits = true;

	for (;;) {
		if (p->at == p->len && !fill(p)) {
			if (line->len == start)
				return PROMPT_END;
			break;
		}
		struct slice ahead = slice_make(p->bytes + p->at, p->len - p->at);
		size_t n = slice_find(ahead, '\n');
		fits = fits && buf_append(line, ahead.ptr, n);
		p->at += n < ahead.len ? n + 1 : n;
		if (n < ahead.len)
			break;
	}
	if (line->len > start && line->data[line->len - 1] == '\r')
		line->len--;
	if (p->typed)
		fits = local_set_decode(p->typed, line, start) && fits;
	return fits ? PROMPT_OK : PROMPT_TOO_LONG;
}

static void ask(struct prompt *p, const char *question)
{
	if (question)
		screen_say(p->screen, question);
	screen_flush(p->screen);
}

/* Whoever types ends the question's line with Enter; what comes through a pipe is not on the screen. */
static void end_question(struct prompt *p, const char *question)
{
	if (question && (!p->terminal || p->ended))
		screen_say(p->screen, "\n");
}

/* Typed before the question could be seen. */
static bool is_typed_ahead(const struct prompt *p)
{
	struct pollfd look = { .fd = p->in, .events = POLLIN };

	return p->at < p->len || poll(&look, 1, 0) > 0;
}

/* Whether an Enter that came now was meant for the key before it, and not for this question. */
static bool is_right_after(const struct prompt *p, bool ahead)
{
	return p->swallow_enter && (ahead || clock_ms() - p->pressed < RIGHT_AFTER_MS);
}

enum prompt_answer prompt_line(struct prompt *p, const char *question, struct buf *line)
{
	size_t start = line->len;

	ask(p, question);
	bool ahead = p->swallow_enter && is_typed_ahead(p);
	enum prompt_answer answer = read_line(p, line);
	if (answer == PROMPT_OK && line->len == start && is_right_after(p, ahead))
		answer = read_line(p, line);
	p->swallow_enter = false;
	end_question(p, question);
	return answer;
}

enum prompt_answer prompt_secret(struct prompt *p, const char *question, struct buf *line)
{
	if (!p->terminal)
		return prompt_line(p, question, line);
	ask(p, question);
	bool hidden = term_hide(p->in);
	enum prompt_answer answer = hidden ? read_line(p, line) : PROMPT_END;
	term_restore();
	screen_say(p->screen, hidden ? "\n" : "\nThis terminal would show it: nothing is read\n");
	return answer;
}

static enum term_key read_key(struct prompt *p, char *key)
{
	/* Typed ahead, it was read with the line before it. */
	if (p->at < p->len) {
		*key = p->bytes[p->at++];
		return *key == '\n' || *key == '\r' ? TERM_KEY_ENTER : TERM_KEY;
	}
	return term_read_key(p->in, key);
}

static enum prompt_answer terminal_key(struct prompt *p, char *key)
{
	if (p->ended || !term_keys(p->in))
		return PROMPT_END;
	bool ahead = p->swallow_enter && is_typed_ahead(p);
	enum term_key kind = read_key(p, key);
	if (kind == TERM_KEY_ENTER && is_right_after(p, ahead))
		kind = read_key(p, key);
	term_restore();
	p->swallow_enter = kind == TERM_KEY;
	p->pressed = clock_ms();
	p->ended = kind == TERM_KEY_END;
	if (kind == TERM_KEY_ENTER)
		*key = '\n';
	return p->ended ? PROMPT_END : PROMPT_OK;
}

static enum prompt_answer piped_key(struct prompt *p, char *key)
{
	struct buf line;

	buf_init(&line, KEY_LINE_MAX);
	enum prompt_answer answer = read_line(p, &line);
	if (answer != PROMPT_END)
		*key = line.len > 0 ? line.data[0] : '\n';
	buf_release(&line);
	return answer == PROMPT_END ? PROMPT_END : PROMPT_OK;
}

enum prompt_answer prompt_key(struct prompt *p, const char *question, char *key)
{
	ask(p, question);
	if (!p->terminal) {
		enum prompt_answer answer = piped_key(p, key);
		end_question(p, question);
		return answer;
	}
	enum prompt_answer answer = terminal_key(p, key);
	if (answer == PROMPT_OK && *key > ' ' && *key < 0x7F)
		screen_sayf(p->screen, "%c", *key);
	screen_say(p->screen, "\n");
	return answer;
}
