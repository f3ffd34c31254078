/*
 * mail_head: see mail_head.h.
 */
#include "admin/mail_head.h"

#include <stdio.h>

#include "mail/date.h"

/* A course's line: 2026-11-20 : 12 : 44, in local time. */
static bool read_course_date(struct slice text, time_t *when)
{
	enum { PARTS = 5 };
	static const char ends[PARTS] = "--::";
	uint64_t numbers[PARTS];
	for (int i = 0; i < PARTS; i++) {
		size_t end = ends[i] ? slice_find(text, ends[i]) : text.len;
		if (!slice_number(slice_trim(slice_make(text.ptr, end)), 9999, &numbers[i]))
			return false;
		text = slice_skip(text, end + 1);
	}
	struct tm tm = { .tm_year = (int)numbers[0] - 1900,
		         .tm_mon = (int)numbers[1] - 1,
		         .tm_mday = (int)numbers[2],
		         .tm_hour = (int)numbers[3],
		         .tm_min = (int)numbers[4],
		         .tm_isdst = -1 };
	*when = mktime(&tm);
	return *when != (time_t)-1;
}

/* RFC 5321 section 4.4: the date stands behind the last semicolon. */
static bool read_received(struct slice text, time_t *when)
{
	size_t date = text.len;
	if (read_course_date(text, when))
		return true;
	while (date > 0 && text.ptr[date - 1] != ';')
		date--;
	return date_parse(slice_trim(slice_skip(text, date)), when);
}

static void take_return_path(struct mail_head *h, struct slice value)
{
	h->has_return_path = true;
	if (value.len >= 2 && value.ptr[0] == '<' && value.ptr[value.len - 1] == '>')
		value = slice_make(value.ptr + 1, value.len - 2);
	if (value.len < sizeof h->return_path && !slice_has(value, '\0'))
		snprintf(h->return_path, sizeof h->return_path, "%.*s", SLICE_FMT(value));
}

static void take_field(void *owner, const struct header_field *f)
{
	struct mail_head *h = owner;
	if (!h->has_return_path && slice_equal_text_nocase(f->name, "Return-Path"))
		take_return_path(h, f->value);
	if (!h->has_received && slice_equal_text_nocase(f->name, "Received"))
		h->has_received = h->has_when = read_received(f->folded, &h->when);
	else if (!h->has_when && slice_equal_text_nocase(f->name, "Date"))
		h->has_when = date_parse(f->folded, &h->when);
}

void mail_head_init(struct mail_head *h)
{
	summary_init(&h->summary);
	h->return_path[0] = '\0';
	h->has_return_path = h->has_received = h->has_when = false;
	h->when = 0;
	header_parser_init(&h->parser, take_field, h);
}

void mail_head_release(struct mail_head *h)
{
	summary_release(&h->summary);
	header_parser_release(&h->parser);
}

bool mail_head_push(struct mail_head *h, const char *octets, size_t n)
{
	summary_push(&h->summary, octets, n);
	header_parser_push(&h->parser, octets, n);
	return !h->parser.ended;
}

void mail_head_finish(struct mail_head *h)
{
	summary_finish(&h->summary);
	header_parser_finish(&h->parser);
}
