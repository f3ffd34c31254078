/*
 * mail_list: columns. See mail_list.h.
 */
#include "client/mail_list.h"

#include <stdio.h>

enum {
	NUMBER,
	SENDER,
	RECEIVED,
	SUBJECT,
};

enum {
	SENDER_LEAST = 12, /* columns a sender is not pressed below where it needs them */
	CELL_MAX = 8 * SUMMARY_TEXT_MAX,
	LINE_MAX_OCTETS = 64 * 1024,
};

static const char gap[] = "  ";
static const char cut_mark[] = "\xE2\x80\xA6"; /* an ellipsis, one column wide */

/* ---- a line on a terminal ---- */

static bool put_blanks(struct buf *out, size_t n)
{
	while (n-- > 0) {
		if (!buf_append_char(out, ' '))
			return false;
	}
	return true;
}

/* The cell, cut with an ellipsis where it is wider than `width`; *used is what it takes. */
static bool put_cell(struct slice cell, size_t width, size_t *used, struct buf *out)
{
	*used = visible_width(cell);
	if (*used <= width)
		return buf_append_slice(out, cell);
	if (width == 0) {
		*used = 0;
		return true;
	}
	cell.len = visible_fit(cell, width - 1);
	*used = visible_width(cell) + 1;
	return buf_append_slice(out, cell) && buf_append_text(out, cut_mark);
}

bool mail_list_line(const struct slice cells[MAIL_LIST_COLUMNS], const size_t widths[MAIL_LIST_COLUMNS], size_t total,
                    struct buf *out)
{
	size_t at = 0;

	for (int i = 0; i < MAIL_LIST_COLUMNS && at < total; i++) {
		size_t left = total - at, used;
		bool last = i == SUBJECT;
		size_t width = last || widths[i] > left ? left : widths[i];
		if (!put_cell(cells[i], width, &used, out))
			return false;
		at += last ? used : width;
		if (!last && at + sizeof gap - 1 < total) {
			if (!put_blanks(out, width - used + sizeof gap - 1))
				return false;
			at += sizeof gap - 1;
		} else if (!last) {
			break;
		}
	}
	return buf_append_char(out, '\n');
}

/* ---- the list ---- */

/* One mail's or the heading's cells, made visible, in a buffer of their own. */
struct row {
	struct buf text[MAIL_LIST_COLUMNS];
	struct slice cells[MAIL_LIST_COLUMNS];
};

static void row_init(struct row *r)
{
	for (int i = 0; i < MAIL_LIST_COLUMNS; i++)
		buf_init(&r->text[i], CELL_MAX);
}

static void row_release(struct row *r)
{
	for (int i = 0; i < MAIL_LIST_COLUMNS; i++)
		buf_release(&r->text[i]);
}

static void fill_cell(struct row *r, int column, struct slice text, struct local_set *set)
{
	struct visible v;

	visible_init(&v, VISIBLE_LINE, set);
	buf_clear(&r->text[column]);
	visible_push(&v, text, &r->text[column]);
	visible_finish(&v, &r->text[column]);
	r->cells[column] = buf_slice(&r->text[column]);
}

/* False: the mail is not to be seen. */
static bool fill_row(struct row *r, const struct inbox_mail *mail, size_t number, struct local_set *set)
{
	char digits[24];

	if (mail->marked)
		return false;
	snprintf(digits, sizeof digits, "%zu", number);
	fill_cell(r, NUMBER, slice_str(digits), set);
	fill_cell(r, SENDER, slice_str(mail->from), set);
	fill_cell(r, RECEIVED, slice_str(mail->received), set);
	fill_cell(r, SUBJECT, slice_str(mail->subject), set);
	return true;
}

/* "Sl. No.  Sender  Received  Subject" into its columns; what is left of it belongs to the last. */
static void fill_heading(struct row *r, const char *heading)
{
	for (int i = 0; i < MAIL_LIST_COLUMNS; i++) {
		const char *end = i == SUBJECT ? NULL : strstr(heading, gap);
		size_t len = end ? (size_t)(end - heading) : strlen(heading);
		fill_cell(r, i, slice_make(heading, len), NULL);
		heading += len;
		heading += strspn(heading, " ");
	}
}

static void widen(size_t widths[MAIL_LIST_COLUMNS], const struct row *r)
{
	for (int i = 0; i < MAIL_LIST_COLUMNS; i++) {
		size_t width = visible_width(r->cells[i]);
		if (width > widths[i])
			widths[i] = width;
	}
}

/* Number and time are shown whole; sender and subject share the rest, of which the sender takes at most two fifths. */
static void limit_widths(size_t widths[MAIL_LIST_COLUMNS], size_t total)
{
	size_t fixed = widths[NUMBER] + widths[RECEIVED] + 3 * (sizeof gap - 1);
	size_t most = total > fixed ? (total - fixed) * 2 / 5 : 0;

	if (most < SENDER_LEAST)
		most = SENDER_LEAST;
	if (widths[SENDER] > most)
		widths[SENDER] = most;
}

static void show_row(struct screen *s, const struct row *r, const size_t widths[MAIL_LIST_COLUMNS], size_t total)
{
	struct buf line;

	buf_init(&line, LINE_MAX_OCTETS);
	if (mail_list_line(r->cells, widths, total, &line))
		screen_sayf(s, "%.*s", SLICE_FMT(buf_slice(&line)));
	buf_release(&line);
}

static void show_columns(struct screen *s, const char *heading, const struct inbox *m)
{
	size_t widths[MAIL_LIST_COLUMNS] = { 0 }, total = screen_columns(s);
	struct row row;

	row_init(&row);
	fill_heading(&row, heading);
	widen(widths, &row);
	for (size_t i = 0; i < m->count; i++) {
		if (fill_row(&row, &m->mails[i], i + 1, s->set))
			widen(widths, &row);
	}
	limit_widths(widths, total);
	fill_heading(&row, heading);
	show_row(s, &row, widths, total);
	for (size_t i = 0; i < m->count; i++) {
		if (fill_row(&row, &m->mails[i], i + 1, s->set))
			show_row(s, &row, widths, total);
	}
	row_release(&row);
}

static void show_plain(struct screen *s, const char *heading, const struct inbox *m)
{
	struct row row;

	row_init(&row);
	screen_sayf(s, "%s\n", heading);
	for (size_t i = 0; i < m->count; i++) {
		if (!fill_row(&row, &m->mails[i], i + 1, s->set))
			continue;
		screen_sayf(s, "%.*s  %.*s  %.*s  %.*s\n", SLICE_FMT(row.cells[NUMBER]), SLICE_FMT(row.cells[SENDER]),
		            SLICE_FMT(row.cells[RECEIVED]), SLICE_FMT(row.cells[SUBJECT]));
	}
	row_release(&row);
}

size_t mail_list_show(struct screen *s, const char *heading, const struct inbox *m)
{
	size_t shown = 0;

	for (size_t i = 0; i < m->count; i++)
		shown += !m->mails[i].marked;
	if (screen_columns(s) > 0)
		show_columns(s, heading, m);
	else
		show_plain(s, heading, m);
	return shown;
}
