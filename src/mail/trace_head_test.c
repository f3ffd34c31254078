/*
 * The head of a delivered mail: two fields, whatever a peer calls itself.
 */
#include "mail/trace_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "mail/address.h"
#include "mail/header.h"

enum { LINE_MAX_OCTETS = 998 }; /* RFC 5322 section 2.1.1 */

static const time_t seed_time = 1795178640; /* 2026-11-20 12:44 UTC, a Friday */

static struct trace_facts plain_facts(void)
{
	return (struct trace_facts){
		.sender = slice_str("ann@example.net"),
		.client = slice_str("mail.example.net"),
		.peer = "192.0.2.7",
		.domain = "example.org",
		.protocol = "ESMTP",
		.id = "T1-2-3",
		.when = seed_time,
	};
}

static void gives(const struct trace_facts *facts, const char *expected)
{
	char text[TRACE_HEAD_MAX];
	size_t len = trace_head(facts, text);
	assert_in_range(len, 1, TRACE_HEAD_MAX - 1);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

/* What stands behind "Received: ". */
static void receives(const struct trace_facts *facts, const char *expected)
{
	char whole[2 * TRACE_HEAD_MAX];
	snprintf(whole, sizeof whole, "Return-Path: <ann@example.net>\nReceived: %s", expected);
	gives(facts, whole);
}

static void client_is(const char *client, size_t len, bool utf8, const char *expected)
{
	char whole[TRACE_HEAD_MAX];
	struct trace_facts facts = plain_facts();
	facts.client = slice_make(client, len);
	facts.utf8 = utf8;
	snprintf(whole, sizeof whole,
	         "from %s ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3;\n\tFri, 20 Nov 2026 12:44:00 +0000\n",
	         expected);
	receives(&facts, whole);
}

static void peer_is(const char *peer, const char *expected)
{
	char whole[TRACE_HEAD_MAX];
	struct trace_facts facts = plain_facts();
	facts.peer = peer;
	snprintf(whole, sizeof whole,
	         "from mail.example.net (%s)\n\tby example.org with ESMTP id T1-2-3;\n\tFri, 20 Nov 2026 12:44:00 "
	         "+0000\n",
	         expected);
	receives(&facts, whole);
}

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void date_is(const char *zone, time_t when, const char *expected)
{
	char whole[TRACE_HEAD_MAX];
	struct trace_facts facts = plain_facts();
	facts.when = when;
	snprintf(whole, sizeof whole,
	         "from mail.example.net ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3;\n\t%s\n", expected);
	set_zone(zone);
	receives(&facts, whole);
	set_zone("UTC");
}

static void head_is_return_path_and_received_folded_before_its_clauses(void **state)
{
	(void)state;
	struct trace_facts facts = plain_facts();
	facts.tls_version = "TLSv1.3";
	facts.tls_cipher = "TLS_AES_256_GCM_SHA384";
	facts.recipient = slice_str("alice@example.org");
	gives(&facts, "Return-Path: <ann@example.net>\n"
	              "Received: from mail.example.net ([192.0.2.7])\n"
	              "\tby example.org with ESMTP id T1-2-3\n"
	              "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\n"
	              "\tfor <alice@example.org>;\n"
	              "\tFri, 20 Nov 2026 12:44:00 +0000\n");
}

static void null_sender_is_an_empty_return_path(void **state)
{
	(void)state;
	struct trace_facts facts = plain_facts();
	const char *const rest = "Return-Path: <>\nReceived: from mail.example.net ([192.0.2.7])\n"
	                         "\tby example.org with ESMTP id T1-2-3;\n\tFri, 20 Nov 2026 12:44:00 +0000\n";
	facts.sender = slice_str("");
	gives(&facts, rest);
	facts.sender = slice_make(NULL, 0);
	gives(&facts, rest);
}

static void recipient_is_named_only_when_given(void **state)
{
	(void)state;
	struct trace_facts facts = plain_facts();
	receives(&facts, "from mail.example.net ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3;\n"
	                 "\tFri, 20 Nov 2026 12:44:00 +0000\n");
	facts.recipient = slice_str("\"a b\"@example.org");
	receives(&facts, "from mail.example.net ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3\n"
	                 "\tfor <\"a b\"@example.org>;\n\tFri, 20 Nov 2026 12:44:00 +0000\n");
}

static void tls_is_told_only_when_in_use(void **state)
{
	(void)state;
	struct trace_facts facts = plain_facts();
	facts.tls_version = "TLSv1.2";
	facts.tls_cipher = "X";
	receives(&facts, "from mail.example.net ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3\n"
	                 "\t(TLSv1.2 X);\n\tFri, 20 Nov 2026 12:44:00 +0000\n");
}

static void slices_end_where_they_end(void **state)
{
	(void)state;
	struct trace_facts facts = plain_facts();
	facts.sender = slice_make("ann@example.netXX", 15);
	facts.client = slice_make("mail.example.netXX", 16);
	facts.recipient = slice_make("alice@example.orgXX", 17);
	receives(&facts, "from mail.example.net ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3\n"
	                 "\tfor <alice@example.org>;\n\tFri, 20 Nov 2026 12:44:00 +0000\n");
}

static void domain_or_literal_stands_as_the_client_gave_it(void **state)
{
	(void)state;
	client_is("localhost", 9, false, "localhost");
	client_is("[192.0.2.1]", 11, false, "[192.0.2.1]");
	client_is("[IPv6:2001:db8::1]", 18, false, "[IPv6:2001:db8::1]");
	client_is("my_PC-7.lan", 11, false, "my_PC-7.lan");
}

static void any_other_name_stands_in_a_comment(void **state)
{
	(void)state;
	client_is("", 0, false, "unknown (HELO )");
	client_is("my pc", 5, false, "unknown (HELO my pc)");
	client_is("a@b", 3, false, "unknown (HELO a@b)");
	client_is("a;b", 3, false, "unknown (HELO a;b)");
	client_is("<a>\"", 4, false, "unknown (HELO <a>\")");
}

static void what_is_special_in_a_comment_is_escaped(void **state)
{
	(void)state;
	client_is("a) by evil (", 12, false, "unknown (HELO a\\) by evil \\()");
	client_is("a b\\", 4, false, "unknown (HELO a b\\\\)");
	client_is("\\)", 2, false, "unknown (HELO \\\\\\))");
}

static void control_characters_of_a_name_are_shown_as_question_marks(void **state)
{
	(void)state;
	client_is("a\nX: b", 6, false, "unknown (HELO a?X: b)");
	client_is("a\nX:b", 5, false, "unknown (HELO a?X:b)");
	client_is("a\r\n\tb", 5, true, "unknown (HELO a???b)");
	client_is("a\0b", 3, false, "unknown (HELO a?b)");
	client_is("\0", 1, false, "unknown (HELO ?)");
	client_is("a\x7f", 2, true, "unknown (HELO a?)");
	client_is("%s%n", 4, false, "unknown (HELO %s%n)");
}

static void name_beyond_ascii_stands_only_in_a_utf8_mail(void **state)
{
	(void)state;
	client_is("b\xc3\xbc.example", 11, true, "b\xc3\xbc.example");
	client_is("b\xc3\xbc.example", 11, false, "unknown (HELO b??.example)");
	client_is("b\xc3\xbc pc", 6, true, "unknown (HELO b?? pc)");
}

static void name_that_is_not_utf8_never_stands_in_a_utf8_mail(void **state)
{
	(void)state;
	client_is("b\xfc.example", 10, true, "unknown (HELO b?.example)");
	client_is("b\xc3", 2, true, "unknown (HELO b?)");
	client_is("\xed\xa0\x80", 3, true, "unknown (HELO ?\?\?)");
	client_is("a\xc2\x85", 3, true, "unknown (HELO a?\?)"); /* a C1 control, NEL: some readers end a line there */
}

static void name_of_any_length_is_cut_in_its_comment(void **state)
{
	(void)state;
	char name[600], expected[1200];
	memset(name, 'a', sizeof name);
	snprintf(expected, sizeof expected, "%.255s", name);
	client_is(name, 255, false, expected);
	snprintf(expected, sizeof expected, "unknown (HELO %.255s)", name);
	client_is(name, 256, false, expected);
	client_is(name, sizeof name, false, expected);
}

static void ipv6_peer_stands_with_its_tag(void **state)
{
	(void)state;
	peer_is("2001:db8::1", "[IPv6:2001:db8::1]");
	peer_is("::1", "[IPv6:::1]");
}

static void mapped_peer_stands_as_ipv4(void **state)
{
	(void)state;
	peer_is("::ffff:192.0.2.9", "[192.0.2.9]");
	peer_is("::FFFF:192.0.2.9", "[192.0.2.9]");
	peer_is("::ffff:1", "[IPv6:::ffff:1]");
}

static void date_is_local_with_its_zone(void **state)
{
	(void)state;
	date_is("UTC", seed_time, "Fri, 20 Nov 2026 12:44:00 +0000");
	date_is("IST-5:30", seed_time, "Fri, 20 Nov 2026 18:14:00 +0530");
	date_is("NST3:30", seed_time, "Fri, 20 Nov 2026 09:14:00 -0330");
	date_is("XXX0:30", seed_time, "Fri, 20 Nov 2026 12:14:00 -0030");
	date_is("NZD-13", seed_time, "Sat, 21 Nov 2026 01:44:00 +1300");
	date_is("HST10", seed_time + 5, "Fri, 20 Nov 2026 02:44:05 -1000");
}

static void day_of_the_month_has_no_leading_zero(void **state)
{
	(void)state;
	date_is("UTC", 0, "Thu, 1 Jan 1970 00:00:00 +0000");
	date_is("UTC", 4102444799, "Thu, 31 Dec 2099 23:59:59 +0000");
}

static void summer_time_is_in_the_zone(void **state)
{
	(void)state;
	static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";
	date_is(berlin, 1782907200, "Wed, 1 Jul 2026 14:00:00 +0200");
	date_is(berlin, seed_time, "Fri, 20 Nov 2026 13:44:00 +0100");
}

static void every_day_of_the_week_has_its_name(void **state)
{
	(void)state;
	static const char *const days[] = {
		"Sun, 15", "Mon, 16", "Tue, 17", "Wed, 18", "Thu, 19", "Fri, 20", "Sat, 21"
	};
	char expected[64];
	for (int i = 0; i < 7; i++) {
		snprintf(expected, sizeof expected, "%s Nov 2026 12:44:00 +0000", days[i]);
		date_is("UTC", seed_time + (i - 5) * 86400, expected);
	}
}

static void protocol_is_the_registered_word(void **state)
{
	(void)state;
	assert_string_equal(trace_protocol(false, false, false, false), "SMTP");
	assert_string_equal(trace_protocol(true, false, false, false), "ESMTP");
	assert_string_equal(trace_protocol(true, true, false, false), "ESMTPS");
	assert_string_equal(trace_protocol(true, false, true, false), "ESMTPA");
	assert_string_equal(trace_protocol(true, true, true, false), "ESMTPSA");
	assert_string_equal(trace_protocol(true, false, false, true), "UTF8SMTP");
	assert_string_equal(trace_protocol(true, true, false, true), "UTF8SMTPS");
	assert_string_equal(trace_protocol(true, false, true, true), "UTF8SMTPA");
	assert_string_equal(trace_protocol(true, true, true, true), "UTF8SMTPSA");
	assert_string_equal(trace_protocol_lmtp(false, false, false), "LMTP");
	assert_string_equal(trace_protocol_lmtp(true, false, false), "LMTPS");
	assert_string_equal(trace_protocol_lmtp(true, true, false), "LMTPSA");
	assert_string_equal(trace_protocol_lmtp(false, true, true), "UTF8LMTPA");
}

static void longest_of_everything_keeps_lines_and_head_within_their_limits(void **state)
{
	(void)state;
	char name[300], domain[256], peer[64], address[ADDRESS_PATH_MAX], text[TRACE_HEAD_MAX];
	memset(name, '(', sizeof name);
	memset(address, 'a', sizeof address);
	memset(domain, 'd', 255);
	domain[255] = '\0';
	memset(peer, ':', 63);
	peer[63] = '\0';
	struct trace_facts facts = plain_facts();
	facts.client = slice_make(name, sizeof name);
	facts.domain = domain;
	facts.peer = peer;
	facts.id = "0123456789-0123456789-012345678";
	facts.sender = facts.recipient = slice_make(address, sizeof address - 1);
	facts.tls_version = "TLSv1.3";
	facts.tls_cipher = "TLS_AES_256_GCM_SHA384";
	size_t len = trace_head(&facts, text);
	assert_in_range(len, 1, TRACE_HEAD_MAX - 1);
	struct slice rest = slice_make(text, len);
	size_t lines = 0;
	for (; !slice_empty(rest); lines++) {
		size_t end = slice_find(rest, '\n');
		assert_in_range(end, 1, LINE_MAX_OCTETS);
		rest = slice_skip(rest, end + 1);
	}
	assert_int_equal(lines, 6);
	assert_memory_equal(text + len - 6, "+0000\n", 6);
}

static void recipient_longer_than_a_line_is_not_told(void **state)
{
	(void)state;
	char address[901];
	memset(address, 'a', sizeof address);
	struct trace_facts facts = plain_facts();
	facts.recipient = slice_make(address, sizeof address);
	receives(&facts, "from mail.example.net ([192.0.2.7])\n\tby example.org with ESMTP id T1-2-3;\n"
	                 "\tFri, 20 Nov 2026 12:44:00 +0000\n");
}

static void count_fields(void *owner, const struct header_field *field)
{
	size_t *count = owner;
	static const char *const names[] = { "Return-Path", "Received" };
	assert_in_range(*count, 0, 1);
	assert_true(slice_equal_text(field->name, names[(*count)++]));
}

static void header_parser_finds_two_fields(void **state)
{
	(void)state;
	static const char *const clients[] = { "a", "a\n\nb: c", "b: c", ")\nFrom: x", " ", "\t", "\\" };
	for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		char text[TRACE_HEAD_MAX];
		struct header_parser parser;
		struct trace_facts facts = plain_facts();
		size_t count = 0;
		facts.client = slice_str(clients[i]);
		size_t len = trace_head(&facts, text);
		header_parser_init(&parser, count_fields, &count);
		header_parser_push(&parser, text, len);
		header_parser_finish(&parser);
		assert_int_equal(parser.octets, len);
		assert_false(parser.empty_line);
		header_parser_release(&parser);
		assert_int_equal(count, 2);
	}
}

static int in_utc(void **state)
{
	(void)state;
	set_zone("UTC");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_return_path_and_received_folded_before_its_clauses),
		cmocka_unit_test(null_sender_is_an_empty_return_path),
		cmocka_unit_test(recipient_is_named_only_when_given),
		cmocka_unit_test(tls_is_told_only_when_in_use),
		cmocka_unit_test(slices_end_where_they_end),
		cmocka_unit_test(domain_or_literal_stands_as_the_client_gave_it),
		cmocka_unit_test(any_other_name_stands_in_a_comment),
		cmocka_unit_test(what_is_special_in_a_comment_is_escaped),
		cmocka_unit_test(control_characters_of_a_name_are_shown_as_question_marks),
		cmocka_unit_test(name_beyond_ascii_stands_only_in_a_utf8_mail),
		cmocka_unit_test(name_that_is_not_utf8_never_stands_in_a_utf8_mail),
		cmocka_unit_test(name_of_any_length_is_cut_in_its_comment),
		cmocka_unit_test(ipv6_peer_stands_with_its_tag),
		cmocka_unit_test(mapped_peer_stands_as_ipv4),
		cmocka_unit_test(date_is_local_with_its_zone),
		cmocka_unit_test(day_of_the_month_has_no_leading_zero),
		cmocka_unit_test(summer_time_is_in_the_zone),
		cmocka_unit_test(every_day_of_the_week_has_its_name),
		cmocka_unit_test(protocol_is_the_registered_word),
		cmocka_unit_test(longest_of_everything_keeps_lines_and_head_within_their_limits),
		cmocka_unit_test(recipient_longer_than_a_line_is_not_told),
		cmocka_unit_test(header_parser_finds_two_fields),
	};
	return cmocka_run_group_tests(tests, in_utc, NULL);
}
