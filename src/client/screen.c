/*
 * screen: printing. See screen.h.
 */
#include "client/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	PIECE = 4096,
	USUAL_COLUMNS = 80,
	LINE_OCTETS_MAX = 1024 * 1024, /* a reply of any length, made visible, fits */
};

/* In a Latin-1 terminal half of UTF-8's bytes are C1 controls. The plain C locale says nothing about the terminal,
 * and today's speak UTF-8. */
static bool other_character_set(void)
{
	const char *set = nl_langinfo(CODESET);

	return strcmp(set, "UTF-8") != 0 && strcmp(set, "ANSI_X3.4-1968") != 0 && strcmp(set, "US-ASCII") != 0;
}

void screen_init(struct screen *s, FILE *out)
{
	*s = (struct screen){ .out = out, .terminal = isatty(fileno(out)) == 1 };
	setlocale(LC_CTYPE, "");
	s->ascii = s->terminal && other_character_set();
	setlocale(LC_CTYPE, "C.UTF-8");
}

void screen_say(struct screen *s, const char *text)
{
	fputs(text, s->out);
}

void screen_sayf(struct screen *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(s->out, format, args);
	va_end(args);
}

static void put_visible(struct screen *s, struct visible *v, struct slice foreign)
{
	struct buf out;

	buf_init(&out, PIECE * VISIBLE_GROWTH + 64);
	while (foreign.len > 0) {
		struct slice piece = slice_make(foreign.ptr, foreign.len < PIECE ? foreign.len : PIECE);
		buf_clear(&out);
		visible_push(v, piece, &out);
		fwrite(out.data, 1, out.len, s->out);
		foreign = slice_skip(foreign, piece.len);
	}
	buf_release(&out);
}

static void finish_visible(struct screen *s, struct visible *v)
{
	struct buf out;

	buf_init(&out, PIECE);
	if (visible_finish(v, &out) && out.len > 0)
		fwrite(out.data, 1, out.len, s->out);
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
		fprintf(s->out, "%.*s\n", (int)n, text.ptr);
		text = slice_skip(text, n + (text.ptr[n] == ' '));
	}
	fprintf(s->out, "%.*s\n", SLICE_FMT(text));
}

void screen_say_line(struct screen *s, const char *text)
{
	put_broken(s, slice_str(text));
}

void screen_show_line(struct screen *s, const char *before, struct slice foreign)
{
	struct visible v;
	struct buf line;

	visible_init(&v, VISIBLE_LINE, s->ascii);
	buf_init(&line, LINE_OCTETS_MAX);
	if (buf_append_text(&line, before) && visible_push(&v, foreign, &line) && visible_finish(&v, &line))
		put_broken(s, buf_slice(&line));
	buf_release(&line);
}

void screen_mail_begin(struct screen *s)
{
	visible_init(&s->text, VISIBLE_TEXT, s->ascii);
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
		fputc('\n', s->out);
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
