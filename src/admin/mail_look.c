/*
 * mail_look: list and show. See mail_look.h. Takes no lock that a session would wait for.
 */
#include "admin/mail_look.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

#include "admin/mail.h"
#include "admin/mail_head.h"
#include "admin/mail_mbox.h"
#include "admin/mail_pick.h"
#include "base/file.h"
#include "terminal/screen.h"

enum { CELL_MAX = VISIBLE_GROWTH * SUMMARY_TEXT_MAX + 1, LINE_MAX_OCTETS = 8 * 1024 };
/* On a terminal. An id has no place in less than ID_COLUMNS. */
enum { FROM_COLUMNS = 24, ID_COLUMNS = 120, OTHER_COLUMNS = 5 + 2 + 16 + 2 + FROM_COLUMNS + 2 + 9 + 2 };

/* ---- a line ---- */

struct row {
	size_t number;
	char date[32];
	const char *from;
	const char *subject;
	struct mail_info info;
};

static void put_cell(struct screen *s, const char *text, struct buf *line)
{
	struct visible v;
	visible_init(&v, VISIBLE_LINE, s->set);
	visible_push(&v, slice_str(text), line);
	visible_finish(&v, line);
}

/* For programs: nothing cut, a tab between. */
static void print_plain(struct screen *s, const struct row *r)
{
	struct buf line;
	buf_init(&line, LINE_MAX_OCTETS);
	buf_printf(&line, "%zu\t%s\t", r->number, r->date);
	put_cell(s, r->from, &line);
	buf_append_char(&line, '\t');
	put_cell(s, r->subject, &line);
	buf_printf(&line, "\t%" PRIu64 "\t%s\n", r->info.octets, r->info.uid);
	screen_sayf(s, "%.*s", SLICE_FMT(buf_slice(&line)));
	buf_release(&line);
}

/* In so many columns, blanks behind it. */
static void put_column(struct screen *s, const char *text, size_t columns, struct buf *line)
{
	struct buf cell;
	buf_init(&cell, CELL_MAX);
	put_cell(s, text, &cell);
	cell.len = visible_fit(buf_slice(&cell), columns);
	buf_append_slice(line, buf_slice(&cell));
	for (size_t width = visible_width(buf_slice(&cell)); width < columns; width++)
		buf_append_char(line, ' ');
	buf_release(&cell);
}

static void print_columns(struct screen *s, const struct row *r, size_t columns)
{
	struct buf line;
	bool with_id = columns >= ID_COLUMNS;
	size_t others = OTHER_COLUMNS + (with_id ? 36 : 0);
	buf_init(&line, LINE_MAX_OCTETS);
	buf_printf(&line, "%5zu  %-16s  ", r->number, r->date);
	put_column(s, r->from, FROM_COLUMNS, &line);
	buf_printf(&line, "  %9" PRIu64 "  ", r->info.octets);
	if (with_id)
		buf_printf(&line, "%-34s  ", r->info.uid);
	put_column(s, r->subject, columns > others ? columns - others : 0, &line);
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		line.len--;
	screen_sayf(s, "%.*s\n", SLICE_FMT(buf_slice(&line)));
	buf_release(&line);
}

/* ---- the list ---- */

static bool take_head(void *owner, const char *octets, size_t n)
{
	return mail_head_push(owner, octets, n);
}

static bool print_row(struct screen *s, struct maildrop *m, size_t i, struct fault *why)
{
	struct row row = { .number = i + 1, .date = "-" };
	struct mail_head head;
	struct tm local;
	mail_head_init(&head);
	bool good =
	        m->ops->info(m, i, true, &row.info, why) == STORE_GOT && mail_place_read(m, i, take_head, &head, why);
	mail_head_finish(&head);
	if (head.has_when && localtime_r(&head.when, &local))
		strftime(row.date, sizeof row.date, "%Y-%m-%d %H:%M", &local);
	row.from = head.summary.from;
	row.subject = head.summary.subject;
	size_t columns = screen_columns(s);
	if (good && columns > 0)
		print_columns(s, &row, columns);
	else if (good)
		print_plain(s, &row);
	mail_head_release(&head);
	return good;
}

int mail_look_rows(struct maildrop *m, const unsigned char *marks)
{
	struct screen screen;
	struct fault why;
	size_t lost = 0;
	screen_init(&screen, stdout);
	for (size_t i = 0; i < m->ops->count(m); i++) {
		if (!marks || store_marked(marks, i))
			lost += !print_row(&screen, m, i, &why);
	}
	screen_release(&screen);
	if (lost == 0)
		return EX_OK;
	return admin_fail(EX_TEMPFAIL, "%zu of the mails could not be read: %s", lost, why.text);
}

int mail_list(struct mail_job *job)
{
	struct fault why;
	if (!job->place.there) {
		fputs(job->wishes->json ? "[]\n" : "", stdout);
		return admin_done();
	}
	struct maildrop *m = job->wishes->deleted ? file_store_look_removed(job->place.store, job->place.user, &why)
	                                          : file_store_look(job->place.store, job->place.user, &why);
	if (!m)
		return mail_place_fail(&why);
	int status = job->wishes->json ? mail_look_json(m) : mail_look_rows(m, NULL);
	m->ops->close(m);
	return status == EX_OK ? admin_done() : status;
}

/* ---- one mail ---- */

/* Its plain text on the way out: without the header where that was printed already. */
struct display {
	struct screen screen;
	struct mail_mbox_plain plain;
	struct header_parser header;
	size_t skip; /* octets of the header that are still to come */
};

static void print_field(void *owner, const struct header_field *f)
{
	struct display *d = owner;
	struct buf name, text;
	buf_init(&name, HEADER_FIELD_MAX + 8);
	buf_init(&text, 4 * HEADER_FIELD_MAX);
	if (!header_decode(f->folded, &text)) {
		buf_clear(&text);
		buf_append_slice(&text, f->folded);
	}
	buf_printf(&name, "%.*s: ", SLICE_FMT(f->name));
	screen_show_line(&d->screen, name.data ? name.data : "", buf_slice(&text));
	buf_release(&name);
	buf_release(&text);
}

static void print_text(void *owner, const char *octets, size_t n)
{
	struct display *d = owner;
	size_t skipped = n < d->skip ? n : d->skip;
	d->skip -= skipped;
	screen_mail(&d->screen, slice_make(octets + skipped, n - skipped));
}

static void print_octets(void *owner, const char *octets, size_t n)
{
	(void)owner;
	fwrite(octets, 1, n, stdout);
}

static void push_header(void *owner, const char *octets, size_t n)
{
	header_parser_push(&((struct display *)owner)->header, octets, n);
}

static bool take_header(void *owner, const char *octets, size_t n)
{
	struct display *d = owner;
	mail_mbox_plain_push(&d->plain, octets, n);
	return !d->header.ended;
}

static bool take_plain(void *owner, const char *octets, size_t n)
{
	struct display *d = owner;
	mail_mbox_plain_push(&d->plain, octets, n);
	return !ferror(stdout);
}

static bool print_plain_text(struct display *d, struct maildrop *m, size_t i,
                             void (*text)(void *owner, const char *octets, size_t n), struct fault *why)
{
	mail_mbox_plain_init(&d->plain, (struct mail_mbox_out){ .text = text, .owner = d });
	bool good = mail_place_read(m, i, take_plain, d, why);
	mail_mbox_plain_finish(&d->plain);
	return good;
}

static bool print_header(struct display *d, struct maildrop *m, size_t i, struct fault *why)
{
	header_parser_init(&d->header, print_field, d);
	mail_mbox_plain_init(&d->plain, (struct mail_mbox_out){ .text = push_header, .owner = d });
	bool good = mail_place_read(m, i, take_header, d, why);
	mail_mbox_plain_finish(&d->plain);
	header_parser_finish(&d->header);
	d->skip = d->header.octets;
	header_parser_release(&d->header);
	return good;
}

/* The header decoded, field by field, and what follows as it stands; both made visible. */
static bool print_mail(struct display *d, struct maildrop *m, size_t i, bool raw, struct fault *why)
{
	if (!raw && !print_header(d, m, i, why))
		return false;
	screen_mail_begin(&d->screen);
	bool good = print_plain_text(d, m, i, print_text, why);
	screen_mail_end(&d->screen);
	return good;
}

static int show_in(struct mail_job *job, struct maildrop *m, size_t i)
{
	struct display d = { .skip = 0 };
	struct fault why;
	screen_init(&d.screen, stdout);
	/* A terminal obeys what it is given. */
	bool as_it_is = job->wishes->raw && !d.screen.terminal;
	bool good = as_it_is ? print_plain_text(&d, m, i, print_octets, &why)
	                     : print_mail(&d, m, i, job->wishes->raw, &why);
	screen_release(&d.screen);
	return good ? admin_done() : mail_place_fail(&why);
}

int mail_show(struct mail_job *job)
{
	struct fault why;
	size_t i;
	if (!job->place.there)
		return admin_fail(EX_NOINPUT, "%s has no mail", job->place.user);
	struct maildrop *m = file_store_look(job->place.store, job->place.user, &why);
	if (!m)
		return mail_place_fail(&why);
	int status = mail_pick_one(m, job->words[0], &i);
	if (status == EX_OK)
		status = show_in(job, m, i);
	m->ops->close(m);
	return status;
}
