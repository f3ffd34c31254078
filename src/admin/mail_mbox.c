/*
 * mail_mbox: see mail_mbox.h. Runs of text are handed on as they stand; only a line's front is looked at octet by octet.
 */
#include "admin/mail_mbox.h"

#include <stdio.h>

static const char from[] = "From ";
enum { FROM_LEN = sizeof from - 1 };

static void put(const struct mail_mbox_out *out, const char *octets, size_t n)
{
	if (n > 0)
		out->text(out->owner, octets, n);
}

/* ---- plain text ---- */

void mail_mbox_plain_init(struct mail_mbox_plain *p, struct mail_mbox_out out)
{
	*p = (struct mail_mbox_plain){ .out = out };
}

/* From within a line up to the beginning of one that has a full stop there, or to the end. Returns what was taken. */
static size_t plain_run(struct mail_mbox_plain *p, const char *octets, size_t n)
{
	const char *stop = memmem(octets, n, "\n.", 2);
	size_t run = stop ? (size_t)(stop - octets) + 1 : n;
	put(&p->out, octets, run);
	p->in_line = octets[run - 1] != '\n';
	return run;
}

void mail_mbox_plain_push(struct mail_mbox_plain *p, const char *octets, size_t n)
{
	while (n > 0) {
		size_t taken = 1;
		if (p->in_line || (!p->dot && octets[0] != '.')) {
			taken = plain_run(p, octets, n);
		} else if (!p->dot) {
			p->dot = true;
		} else {
			/* A single full stop comes from elsewhere, and stands for itself. */
			put(&p->out, ".", 1);
			p->dot = false;
			p->in_line = true;
			taken = octets[0] == '.';
		}
		octets += taken;
		n -= taken;
	}
}

void mail_mbox_plain_finish(struct mail_mbox_plain *p)
{
	if (p->dot)
		put(&p->out, ".", 1);
	p->dot = false;
}

/* ---- a line's front ---- */

enum front { FRONT_OPEN, FRONT_FROM, FRONT_OTHER };

/* Takes an octet into the front; FRONT_OTHER: it belongs to no front, and was not taken. */
static enum front front_take(struct mail_mbox_front *f, char c)
{
	if (f->from == 0 && c == '>') {
		f->quotes++;
		return FRONT_OPEN;
	}
	if (c != from[f->from])
		return FRONT_OTHER;
	return ++f->from == FROM_LEN ? FRONT_FROM : FRONT_OPEN;
}

/* Gives out what is held, with so many > in front. */
static void front_put(struct mail_mbox_front *f, uint64_t quotes, const struct mail_mbox_out *out)
{
	static const char many[] = ">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>";
	while (quotes > 0) {
		size_t now = quotes < sizeof many - 1 ? (size_t)quotes : sizeof many - 1;
		put(out, many, now);
		quotes -= now;
	}
	put(out, from, f->from);
	*f = (struct mail_mbox_front){ 0 };
}

/* ---- writing ---- */

/* One word of printable octets: readers part the line at its blanks. */
static size_t put_sender(char *line, struct slice sender)
{
	size_t n = sender.len < MAIL_MBOX_FROM_MAX / 2 ? sender.len : MAIL_MBOX_FROM_MAX / 2;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)sender.ptr[i];
		line[i] = c > ' ' && c != 0x7F ? (char)c : '-';
	}
	return n;
}

void mail_mbox_writer_begin(struct mail_mbox_writer *w, struct mail_mbox_out out, struct slice sender, time_t when)
{
	char line[MAIL_MBOX_FROM_MAX];
	struct tm utc = { 0 };
	*w = (struct mail_mbox_writer){ .out = out };
	memcpy(line, from, FROM_LEN);
	size_t n = FROM_LEN + put_sender(line + FROM_LEN, slice_empty(sender) ? slice_str("MAILER-DAEMON") : sender);
	gmtime_r(&when, &utc);
	/* asctime(3)'s form, in UTC. The locale is C's but for its character set. */
	n += strftime(line + n, sizeof line - n, " %a %b %e %H:%M:%S %Y\n", &utc);
	put(&out, line, n);
}

/* From within a line up to one whose front has to be looked at, or to the end. Returns what was taken. */
static size_t text_run(struct mail_mbox_writer *w, const char *octets, size_t n)
{
	const char *end = octets + n;
	const char *at = octets;
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if (at == end || *at == from[0] || *at == '>')
			break;
	}
	w->in_line = !at;
	size_t run = at ? (size_t)(at - octets) : n;
	put(&w->out, octets, run);
	return run;
}

void mail_mbox_writer_push(struct mail_mbox_writer *w, const char *octets, size_t n)
{
	while (n > 0) {
		if (w->in_line) {
			size_t run = text_run(w, octets, n);
			octets += run;
			n -= run;
			continue;
		}
		enum front front = front_take(&w->front, *octets);
		octets += front != FRONT_OTHER;
		n -= front != FRONT_OTHER;
		w->in_line = front != FRONT_OPEN;
		if (w->in_line)
			front_put(&w->front, w->front.quotes + (front == FRONT_FROM), &w->out);
	}
}

void mail_mbox_writer_finish(struct mail_mbox_writer *w)
{
	front_put(&w->front, w->front.quotes, &w->out);
	put(&w->out, "\n", 1);
}

/* ---- reading ---- */

void mail_mbox_reader_init(struct mail_mbox_reader *r)
{
	r->stage = MAIL_MBOX_LINE;
	r->front = (struct mail_mbox_front){ 0 };
	r->in_mail = false;
	r->may_begin = true;
	r->blank = NULL;
	r->stray = false;
	r->from_len = 0;
}

static void give(void *owner, const char *octets, size_t n)
{
	struct mail_mbox_reader *r = owner;
	if (r->in_mail)
		r->text(r->owner, octets, n);
	else
		r->stray = true;
}

/* The next line begins no mail: the empty one before it was text. */
static void give_blank(struct mail_mbox_reader *r)
{
	if (r->blank && r->in_mail)
		r->text(r->owner, r->blank, strlen(r->blank));
	r->blank = NULL;
}

static void give_front(struct mail_mbox_reader *r, uint64_t quotes)
{
	const struct mail_mbox_out out = { .text = give, .owner = r };
	give_blank(r);
	front_put(&r->front, quotes, &out);
	r->stage = MAIL_MBOX_TEXT;
}

static void keep_blank(struct mail_mbox_reader *r, const char *blank)
{
	give_blank(r);
	r->blank = blank;
	r->may_begin = true;
	r->stage = MAIL_MBOX_LINE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether a time stands in it: 12:44. */
static bool has_time(struct slice line)
{
	for (size_t i = 1; i + 1 < line.len; i++) {
		if (line.ptr[i] == ':' && is_digit(line.ptr[i - 1]) && is_digit(line.ptr[i + 1]))
			return true;
	}
	return false;
}

static void end_mail(struct mail_mbox_reader *r)
{
	if (r->in_mail)
		r->end(r->owner);
	r->in_mail = false;
}

/* It looked as if a mail began, and does not. */
static void give_from_line(struct mail_mbox_reader *r)
{
	give_blank(r);
	give(r, r->from_line, r->from_len);
	r->stage = MAIL_MBOX_TEXT;
}

static void take_from_line(struct mail_mbox_reader *r, char c)
{
	r->from_line[r->from_len++] = c;
	if (c != '\n') {
		if (r->from_len == sizeof r->from_line)
			give_from_line(r);
		return;
	}
	if (has_time(slice_make(r->from_line, r->from_len))) {
		r->blank = NULL;
		end_mail(r);
		r->in_mail = true;
		r->begin(r->owner);
	} else {
		give_from_line(r);
	}
	r->stage = MAIL_MBOX_LINE;
	r->may_begin = false;
}

/* Gives whether the octet was taken. */
static bool take_front(struct mail_mbox_reader *r, char c)
{
	enum front front = front_take(&r->front, c);
	if (front == FRONT_OPEN)
		return true;
	if (front == FRONT_FROM && r->front.quotes == 0 && r->may_begin) {
		memcpy(r->from_line, from, FROM_LEN);
		r->from_len = FROM_LEN;
		r->front = (struct mail_mbox_front){ 0 };
		r->stage = MAIL_MBOX_FROM;
	} else {
		bool quoted = front == FRONT_FROM && r->front.quotes > 0 && !r->keep_quotes;
		give_front(r, r->front.quotes - quoted);
	}
	return front == FRONT_FROM;
}

static bool take_octet(struct mail_mbox_reader *r, char c)
{
	bool first = r->stage == MAIL_MBOX_LINE && r->front.quotes == 0 && r->front.from == 0;
	if (first && c == '\n') {
		keep_blank(r, "\n");
		return true;
	}
	if (first && c == '\r') {
		r->stage = MAIL_MBOX_CR;
		return true;
	}
	if (r->stage == MAIL_MBOX_LINE)
		return take_front(r, c);
	if (r->stage == MAIL_MBOX_FROM) {
		take_from_line(r, c);
		return true;
	}
	if (c == '\n') {
		keep_blank(r, "\r\n");
		return true;
	}
	give_blank(r);
	give(r, "\r", 1);
	r->stage = MAIL_MBOX_TEXT;
	return false;
}

static size_t take_text(struct mail_mbox_reader *r, const char *octets, size_t n)
{
	const char *lf = memchr(octets, '\n', n);
	size_t run = lf ? (size_t)(lf - octets) + 1 : n;
	give(r, octets, run);
	if (lf) {
		r->stage = MAIL_MBOX_LINE;
		r->may_begin = false;
	}
	return run;
}

void mail_mbox_reader_push(struct mail_mbox_reader *r, const char *octets, size_t n)
{
	while (n > 0) {
		size_t taken = r->stage == MAIL_MBOX_TEXT ? take_text(r, octets, n) : take_octet(r, *octets);
		octets += taken;
		n -= taken;
	}
}

/* The empty line behind the last mail is the format's. */
void mail_mbox_reader_finish(struct mail_mbox_reader *r)
{
	if (r->stage == MAIL_MBOX_FROM)
		give_from_line(r);
	else if (r->stage == MAIL_MBOX_LINE && (r->front.quotes > 0 || r->front.from > 0))
		give_front(r, r->front.quotes);
	else if (r->stage == MAIL_MBOX_CR) {
		give_blank(r);
		give(r, "\r", 1);
	}
	end_mail(r);
}
