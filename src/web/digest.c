/*
 * digest: the header's fields and the texts' words. See digest.h.
 */
#include "web/digest.h"

#include <stdlib.h>

#include "mail/date.h"
#include "mail/header.h"
#include "mime/html_text.h"
#include "web/parts.h"
#include "web/text.h"

enum {
	TEXT_MAX = 1024 * 1024, /* octets of a text of which the words are taken */
	ADDRESS_OCTETS_MAX = 400,
};

void digest_init(struct digest *d)
{
	*d = (struct digest){ .when = -1 };
	buf_init(&d->from, (size_t)2 * DIGEST_FIELD_MAX);
	buf_init(&d->to, (size_t)2 * DIGEST_FIELD_MAX);
	buf_init(&d->subject, (size_t)2 * DIGEST_FIELD_MAX);
	buf_init(&d->words, (size_t)2 * DIGEST_WORDS_MAX);
	buf_init(&d->snippet, (size_t)2 * DIGEST_SNIPPET_MAX);
	buf_init(&d->addresses, DIGEST_ADDRESSES_MAX);
}

void digest_release(struct digest *d)
{
	buf_release(&d->from);
	buf_release(&d->to);
	buf_release(&d->subject);
	buf_release(&d->words);
	buf_release(&d->snippet);
	buf_release(&d->addresses);
}

/* The first of its name alone. */
static void take_decoded(struct buf *out, struct slice value)
{
	struct buf decoded;
	buf_init(&decoded, (size_t)2 * HEADER_FIELD_MAX);
	if (out->len == 0 && header_decode(value, &decoded))
		text_line(buf_slice(&decoded), DIGEST_FIELD_MAX, out);
	buf_release(&decoded);
}

static void add_address(struct digest *d, struct slice address)
{
	char lower[ADDRESS_OCTETS_MAX + 1];
	if (address.len == 0 || address.len >= ADDRESS_OCTETS_MAX)
		return;
	for (size_t i = 0; i < address.len; i++)
		lower[i] = (unsigned char)address.ptr[i] <= ' ' ? '_' : slice_lower(address.ptr[i]);
	lower[address.len] = '\n';
	buf_append(&d->addresses, lower, address.len + 1);
}

static void add_addresses(struct digest *d, struct slice field)
{
	g_mime_init();
	char *text = slice_dup(field);
	InternetAddressList *list = text ? internet_address_list_parse(NULL, text) : NULL;
	int count = list ? internet_address_list_length(list) : 0;
	for (int i = 0; i < count; i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);
		if (INTERNET_ADDRESS_IS_MAILBOX(one)) {
			const char *address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
			add_address(d, slice_str(address ? address : ""));
		}
	}
	if (list)
		g_object_unref(list);
	free(text);
}

/* "… for <a@b>; DATE": the newest trace line stands first. */
static void take_trace(struct digest *d, struct slice value)
{
	struct slice rest = value, date = value;
	time_t when;
	if (d->when >= 0)
		return;
	while (slice_has(date, ';'))
		date = slice_skip(date, slice_find(date, ';') + 1);
	if (date_parse(slice_trim(date), &when))
		d->when = (int64_t)when * 1000;
	for (struct slice word; (word = slice_word(&rest)).len > 0;) {
		if (!slice_equal_text_nocase(word, "for"))
			continue;
		word = slice_word(&rest);
		if (word.len > 2 && word.ptr[0] == '<')
			add_address(d, slice_make(word.ptr + 1, slice_find(word, '>') - 1));
	}
}

struct fields {
	struct digest *digest;
	int64_t date;
};

static void take_field(void *owner, const struct header_field *f)
{
	struct fields *fields = owner;
	struct digest *d = fields->digest;
	time_t when;
	if (slice_equal_text_nocase(f->name, "From"))
		take_decoded(&d->from, f->folded);
	else if (slice_equal_text_nocase(f->name, "Subject"))
		take_decoded(&d->subject, f->folded);
	else if (slice_equal_text_nocase(f->name, "Date") && date_parse(f->value, &when))
		fields->date = (int64_t)when * 1000;
	else if (slice_equal_text_nocase(f->name, "Received"))
		take_trace(d, f->folded);
	else if (slice_equal_text_nocase(f->name, "Delivered-To"))
		add_address(d, f->value);
	bool to = slice_equal_text_nocase(f->name, "To");
	if (to)
		take_decoded(&d->to, f->folded);
	if (to || slice_equal_text_nocase(f->name, "Cc"))
		add_addresses(d, f->folded);
}

static void read_header(struct digest *d, struct slice mail)
{
	struct fields fields = { .digest = d, .date = -1 };
	struct header_parser parser;
	header_parser_init(&parser, take_field, &fields);
	header_parser_push(&parser, mail.ptr, mail.len);
	header_parser_finish(&parser);
	header_parser_release(&parser);
	if (d->when < 0)
		d->when = fields.date;
}

/* The plain text's words, else the HTML's. A text too long for this is searched by its beginning. */
static bool read_words(struct digest *d, const struct parts *p)
{
	struct buf text, html;
	buf_init(&text, TEXT_MAX);
	buf_init(&html, TEXT_MAX);
	parts_text(p, &text);
	if (text.len == 0 && parts_has_html(p) && parts_html(p, &html))
		html_text(buf_slice(&html), &text);
	bool ok = text_line(buf_slice(&text), DIGEST_WORDS_MAX, &d->words) &&
	          text_line(buf_slice(&d->words), DIGEST_SNIPPET_MAX, &d->snippet);
	buf_release(&text);
	buf_release(&html);
	return ok;
}

bool digest_make(struct digest *d, struct slice mail)
{
	struct parts parts;
	digest_release(d);
	digest_init(d);
	read_header(d, mail);
	bool ok = parts_make(&parts, mail) && read_words(d, &parts);
	for (size_t i = 0; ok && i < parts.count; i++)
		d->attachments += parts.list[i].shown ? 0 : 1;
	parts_release(&parts);
	return ok;
}
