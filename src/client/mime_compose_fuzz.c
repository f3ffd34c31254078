/*
 * mime_compose: any recipients (as they are typed), subject and text, with NULs between: what becomes a mail has just the header fields that it should, and
 * lines of 78 octets of seven bits. People, and what is typed into the courses' client, are looked at on the way.
 */
#include "client/mime_compose.h"

#include <stdlib.h>

#include "client/compose.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 9, ADDRESS_USUAL = 60, LINE_MAX_OCTETS = 998, ALL_MAX = 64 * 1024 * 1024 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static const char *const names[FIELDS] = { "Date",         "From",         "To",
	                                   "Cc",           "Subject",      "Message-ID",
	                                   "MIME-Version", "Content-Type", "Content-Transfer-Encoding" };

/* Each at most once, no other. */
static void count_field(void *owner, const struct header_field *f)
{
	unsigned *seen = owner;
	for (unsigned i = 0; i < FIELDS; i++) {
		if (!slice_equal_text_nocase(f->name, names[i]))
			continue;
		check(!(*seen >> i & 1));
		*seen |= 1U << i;
		return;
	}
	abort();
}

static void check_header(struct slice mail)
{
	struct header_parser h;
	unsigned seen = 0;
	header_parser_init(&h, count_field, &seen);
	header_parser_push(&h, mail.ptr, mail.len);
	header_parser_finish(&h);
	check((seen & 3) == 3);
	header_parser_release(&h);
}

/* No longer than RFC 5322 would like them, unless an address, which cannot be folded, is. */
static size_t line_max(const struct people *to)
{
	for (size_t i = 0; i < to->count; i++) {
		if (to->list[i].address.len > ADDRESS_USUAL)
			return LINE_MAX_OCTETS;
	}
	return MIME_COMPOSE_LINE_MAX;
}

static void check_lines(struct slice mail, size_t most)
{
	while (mail.len > 0) {
		size_t end = slice_find(mail, '\n');
		check(end <= most);
		for (size_t i = 0; i < end; i++)
			check((unsigned char)mail.ptr[i] < 0x80 && mail.ptr[i] != '\r' && mail.ptr[i] != '\0');
		mail = slice_skip(mail, end + 1);
	}
}

/* As long as it said it would be. */
static struct buf whole(struct mime_message *m)
{
	const struct smtp_client_more more = mime_message_text(m);
	struct slice piece;
	struct fault why;
	struct buf all;
	buf_init(&all, ALL_MAX);
	do
		check(more.next(more.owner, &piece, &why) && buf_append_slice(&all, piece));
	while (piece.len > 0);
	const struct smtp_client_mail mail = { .text = buf_slice(&all) };
	check(more.octets == smtp_client_size(&mail));
	return all;
}

static void compose(const struct people *to, struct slice subject, struct slice text)
{
	static const struct person sender = { { "", 0 }, { "a@b.test", 8 } };
	const struct mime_letter letter = {
		.from = &sender, .to = to, .subject = subject, .text = text, .date = 1795178645
	};
	struct mime_message m;
	struct fault why;
	if (!mime_compose(&letter, &m, &why)) {
		check(why.text[0]);
		return;
	}
	struct buf all = whole(&m);
	check_header(buf_slice(&all));
	check_lines(buf_slice(&all), line_max(to));
	mime_message_release(&m);
	buf_release(&all);
}

static void check_person(const struct person *p)
{
	check(p->address.len >= 3 && slice_has(p->address, '@'));
	for (size_t i = 0; i < p->address.len; i++)
		check((unsigned char)p->address.ptr[i] >= ' ' && (unsigned char)p->address.ptr[i] < 0x7f);
	for (size_t i = 0; i < p->name.len; i++)
		check((unsigned char)p->name.ptr[i] >= ' ');
}

/* The courses' form: three header lines, and nothing that is no line between them. */
static void type(struct slice typed)
{
	const struct compose_rules rules = { .subject_max = 50, .recipients_max = 3 };
	struct compose_mail m;
	compose_init(&m);
	if (compose_check(typed, &rules, &m) == COMPOSE_OK) {
		check(m.recipients_len > 0 && m.recipients_len <= 3);
		for (size_t i = 0; i < m.recipients_len; i++)
			check(slice_has(m.recipients[i], '@') && !slice_has(m.recipients[i], '\n') &&
			      !slice_has(m.recipients[i], '>'));
		check(!slice_has(buf_slice(&m.from), '\n') && !slice_has(m.subject, '\n'));
		check(!slice_has(buf_slice(&m.text), '\r') && !slice_has(m.subject, '\0'));
	}
	compose_release(&m);
}

static struct slice next_part(struct slice *rest)
{
	struct slice part = slice_make(rest->ptr, slice_find(*rest, '\0'));
	*rest = slice_skip(*rest, part.len + 1);
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct people people;
	struct fault why;
	struct slice rest = slice_make((const char *)data, size);
	type(rest);
	struct slice to = next_part(&rest), subject = next_part(&rest);
	people.count = 0;
	bool taken = people_add(&people, to, &why);
	check(taken || why.text[0]);
	for (size_t i = 0; i < people.count; i++)
		check_person(&people.list[i]);
	if (taken)
		compose(&people, subject, rest);
	return 0;
}
