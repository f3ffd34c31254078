/*
 * A client that calls itself anything, sender and recipient as the address parser lets them through: always two fields, in lines that every
 * server takes.
 */
#include "mail/trace_head.h"

#include <stdlib.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_OCTETS = 998 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void count_field(void *owner, const struct header_field *field)
{
	size_t *count = owner;
	check(slice_equal_text(field->name, *count == 0 ? "Return-Path" : "Received"));
	++*count;
}

static void check_fields(struct slice head)
{
	struct header_parser parser;
	size_t count = 0;
	header_parser_init(&parser, count_field, &count);
	header_parser_push(&parser, head.ptr, head.len);
	header_parser_finish(&parser);
	check(count == 2 && parser.octets == head.len);
	header_parser_release(&parser);
}

/* The two first lines, by, for where it is told, and the date; nothing in them but text and the tab of a fold. */
static void check_lines(struct slice rest, size_t expected)
{
	size_t lines = 0;
	for (; !slice_empty(rest); lines++) {
		size_t end = slice_find(rest, '\n');
		check(end > 1 && end <= LINE_MAX_OCTETS && end < rest.len && (rest.ptr[0] == '\t') == (lines > 1));
		for (size_t i = lines > 1; i < end; i++)
			check((unsigned char)rest.ptr[i] >= ' ' && rest.ptr[i] != 0x7f);
		rest = slice_skip(rest, end + 1);
	}
	check(lines == expected);
}

/* Cuts the octets up to the next NUL off. */
static struct slice next_part(struct slice *rest)
{
	size_t end = slice_find(*rest, '\0');
	struct slice part = slice_make(rest->ptr, end);
	*rest = slice_skip(*rest, end < rest->len ? end + 1 : end);
	return part;
}

static struct slice next_address(struct slice *rest, struct address *a)
{
	struct slice part = next_part(rest);
	*a = (struct address){ .utf8 = false };
	return slice_str(address_parse_path(&part, a) ? a->text : "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const peers[] = { "192.0.2.7", "::1", "::ffff:192.0.2.7", "2001:db8::ffff:1" };
	char text[TRACE_HEAD_MAX];
	struct address sender, recipient;
	if (size == 0)
		return 0;
	struct slice rest = slice_make((const char *)data + 1, size - 1);
	struct trace_facts facts = {
		.peer = peers[data[0] & 3],
		.domain = "example.org",
		.protocol = "ESMTP",
		.id = "T1-2-3",
		.sender = next_address(&rest, &sender),
		.recipient = next_address(&rest, &recipient),
		.client = rest,
		.utf8 = data[0] & 4 || sender.utf8 || recipient.utf8,
		.when = (time_t)data[0] << 25,
	};
	struct slice head = slice_make(text, trace_head(&facts, text));
	check(head.len < TRACE_HEAD_MAX);
	check_lines(head, slice_empty(facts.recipient) ? 4 : 5);
	check_fields(head);
	check(facts.utf8 ? utf8_valid(head) : slice_is_ascii(head));
	return 0;
}
