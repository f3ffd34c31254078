/*
 * screen: printing. See screen.h.
 */
#include "terminal/screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	PIECE = 4096,
	USUAL_COLUMNS = 80,
	LINE_OCTETS_MAX = 1024 * 1024, /* a reply of any length, made visible, fits */
};

void screen_init(struct screen *s, FILE *out)
{
	*s = (struct screen){ .out = out, .terminal = isatty(fileno(out)) == 1 };
	s->local = local_set_of_locale();
	s->set = s->terminal ? s->local : NULL;
}

void screen_release(struct screen *s)
{
	local_set_free(s->local);
	s->local = s->set = NULL;
}

/* The one place where anything is written. */
static void put(struct screen *s, struct slice text)
{
	struct buf out;

	if (text.len == 0)
		return;
	if (!s->set) {
		fwrite(text.ptr, 1, text.len, s->out);
		return;
	}
	buf_init(&out, text.len * LOCAL_SET_OCTETS_MAX + 1);
	if (local_set_encode(s->set, text, &out) && out.len > 0)
		fwrite(out.data, 1, out.len, s->out);
	buf_release(&out);
}

void screen_say(struct screen *s, const char *text)
{
	put(s, slice_str(text));
}

void screen_sayf(struct screen *s, const char *format, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, LINE_OCTETS_MAX);
	va_start(args, format);
	if (buf_vprintf(&text, format, args))
		put(s, buf_slice(&text));
	va_end(args);
	buf_release(&text);
}

static void put_visible(struct screen *s, struct visible *v, struct slice foreign)
{
	struct buf out;

	buf_init(&out, PIECE * VISIBLE_GROWTH + 64);
	while (foreign.len > 0) {
		struct slice piece = slice_make(foreign.ptr, foreign.len < PIECE ? foreign.len : PIECE);
		buf_clear(&out);
		visible_push(v, piece, &out);
		put(s, buf_slice(&out));
		foreign = slice_skip(foreign, piece.len);
	}
	buf_release(&out);
}

static void finish_visible(struct screen *s, struct visible *v)
{
	struct buf out;

	buf_init(&out, PIECE);
	if (visible_finish(v, &out))
		put(s, buf_slice(&out));
	buf_release(&out);
}

/* How much of a visible text, not empty, stands in a line of so many columns: up to its last blank there, and all of it
 * where it fits or no blank is there. */
static size_t line_part(struct slice text, size_t columns)
{
	size_t fits = visible_fit(text, columns), n = fits;

	if (fits == text.len)
		return fits;
	while (n > 0 && text.ptr[n] != ' ')
		n--;
	return n > 0 ? n : fits > 0 ? fits : text.len;
}

static void put_broken(struct screen *s, struct slice text)
{
	size_t columns = screen_columns(s);

	while (columns > 0 && text.len > 0) {
		size_t n = line_part(text, columns);
		if (n == text.len)
			break;
		screen_sayf(s, "%.*s\n", (int)n, text.ptr);
		text = slice_skip(text, n + (text.ptr[n] == ' '));
	}
	screen_sayf(s, "%.*s\n", SLICE_FMT(text));
}

void screen_say_line(struct screen *s, const char *text)
{
	put_broken(s, slice_str(text));
}

void screen_show_line(struct screen *s, const char *before, struct slice foreign)
{
	struct visible v;
	struct buf line;

	visible_init(&v, VISIBLE_LINE, s->set);
	buf_init(&line, LINE_OCTETS_MAX);
	if (buf_append_text(&line, before) && visible_push(&v, foreign, &line) && visible_finish(&v, &line))
		put_broken(s, buf_slice(&line));
	buf_release(&line);
}

void screen_mail_begin(struct screen *s)
{
	visible_init(&s->text, VISIBLE_TEXT, s->set);
	s->line_open = false;
}

void screen_mail(struct screen *s, struct slice foreign)
{
	if (foreign.len == 0)
		return;
	put_visible(s, &s->text, foreign);
	s->line_open = foreign.ptr[foreign.len - 1] != '\n';
}

void screen_mail_end(struct screen *s)
{
	finish_visible(s, &s->text);
	if (s->line_open)
		put(s, slice_str("\n"));
	s->line_open = false;
}

size_t screen_columns(const struct screen *s)
{
	struct winsize size;

	if (!s->terminal)
		return 0;
	if (ioctl(fileno(s->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return USUAL_COLUMNS;
}

void screen_flush(struct screen *s)
{
	fflush(s->out);
}
