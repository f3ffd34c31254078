/*
 * What is sent: one Date, one From, lines that nobody has to cut, and nothing that was not meant to be a header.
 */
#include "client/mime_compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/mime_view.h"

static const struct person sender = { { "", 0 }, { "a@b.test", 8 } };

static struct mime_letter letter(struct slice subject, struct slice text)
{
	return (struct mime_letter){ .from = &sender, .subject = subject, .text = text, .date = 1795178645 };
}

static size_t longest_line(struct slice text)
{
	size_t longest = 0;

	while (text.len > 0) {
		size_t n = slice_find(text, '\n');
		longest = n > longest ? n : longest;
		text = slice_skip(text, n + 1);
	}
	return longest;
}

static size_t count(struct slice text, const char *words)
{
	size_t n = 0;

	for (; text.len > 0; text = slice_skip(text, 1))
		n += slice_starts_nocase(text, words);
	return n;
}

static bool has_high_octets(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
	}
	return false;
}

/* All of a message, in one piece. */
static struct buf whole(struct mime_message *m)
{
	const struct smtp_client_more more = mime_message_text(m);
	struct slice piece;
	struct fault why;
	struct buf all;

	buf_init(&all, 64 * 1024 * 1024);
	do {
		assert_true(more.next(more.owner, &piece, &why));
		assert_true(buf_append_slice(&all, piece));
	} while (piece.len > 0);
	const struct smtp_client_mail mail = { .text = buf_slice(&all) };
	assert_int_equal(more.octets, smtp_client_size(&mail));
	return all;
}

/* Composed, looked at, and read back by the other half of the client. */
static void reads_back(struct slice subject, struct slice text, const char *expected)
{
	struct mime_letter l = letter(subject, text);
	struct mime_message m;
	struct mime_view v;
	struct fault why;

	assert_true(mime_compose(&l, &m, &why));
	struct buf all = whole(&m);
	struct slice mail = buf_slice(&all);
	assert_true(longest_line(mail) <= MIME_COMPOSE_LINE_MAX);
	assert_false(has_high_octets(mail));
	assert_int_equal(count(mail, "\nFrom:"), 1);
	assert_int_equal(count(mail, "Date:"), 1);
	assert_int_equal(count(mail, "\nMessage-ID: <"), 1);
	assert_int_equal(count(mail, "\nBcc"), 0);
	mime_view_init(&v);
	assert_true(mime_view_make(&v, mail));
	assert_true(buf_append_char(&v.text, '\0'));
	const char *shown = strstr(v.text.data, "Subject: ");
	assert_string_equal(shown ? shown : v.text.data, expected);
	mime_view_release(&v);
	mime_message_release(&m);
	buf_release(&all);
}

static void subject(const char *typed)
{
	char expected[8192];

	snprintf(expected, sizeof expected, "Subject: %s\n\nx\n", typed);
	reads_back(slice_str(typed), slice_str("x\n"), expected);
}

static void subjects_come_out_as_they_went_in(void **state)
{
	(void)state;
	char words[4001], one[3001];

	memset(one, 'a', sizeof one - 1);
	one[sizeof one - 1] = '\0';
	for (size_t i = 0; i < sizeof words - 1; i++)
		words[i] = i % 8 == 7 ? ' ' : 'b';
	words[sizeof words - 2] = 'c';
	words[sizeof words - 1] = '\0';
	subject("Hello");
	subject("Gr\xC3\xBC\xC3\x9F"
	        "e");
	subject("=?utf-8?Q?not_encoded?=");
	subject("two  blanks");
	subject("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"
	        "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC");
	subject(words);
	subject(one);
}

static void texts_come_out_as_they_went_in(void **state)
{
	(void)state;
	char line[2001];

	memset(line, 'a', sizeof line - 2);
	line[sizeof line - 2] = '\n';
	line[sizeof line - 1] = '\0';
	static const char *const texts[] = {
		"plain\n",
		".\n..\nFrom x\n",
		"Gr\xC3\xBC\xC3\x9F"
		"e an alle, die das lesen\n",
		"\xD0\xB4\xD0\xB0\n\xD0\xB4\xD0\xB0\n",
		"trailing blank \n\ttab\t\n",
		"=41\n",
		"no line end",
		"carriage\rreturn, so it is encoded",
		"no line end: Gr\xC3\xBC\xC3\x9F"
		"e an alle, die das lesen",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char expected[256];
		snprintf(expected, sizeof expected, "Subject: s\n\n%s", texts[i]);
		reads_back(slice_str("s"), slice_str(texts[i]), expected);
	}
	char expected[2100];
	snprintf(expected, sizeof expected, "Subject: s\n\n%s", line);
	reads_back(slice_str("s"), slice_str(line), expected);
	reads_back(slice_str("s"), slice_str(""), "Subject: s\n\n");
}

static struct buf header_of(const struct mime_letter *l)
{
	struct buf out;
	struct fault why;

	buf_init(&out, MIME_COMPOSE_HEADER_MAX);
	assert_true(mime_compose_header(l, &out, &why));
	assert_true(buf_append_char(&out, '\0'));
	return out;
}

static void the_header_has_its_form(void **state)
{
	(void)state;
	static const struct people to = {
		.list = { { { "Jane Roe", 8 }, { "j@x", 3 } }, { { "Roe, J.", 7 }, { "k@x", 3 } } }, .count = 2
	};
	static const struct people cc = { .list = { { { "J\xC3\xB6rg", 5 }, { "l@x", 3 } } }, .count = 1 };
	struct mime_letter l = letter(slice_str("s"), slice_str(""));

	setenv("TZ", "IST-5:30", 1);
	tzset();
	l.to = &to;
	l.cc = &cc;
	struct buf out = header_of(&l);
	static const char start[] =
	        "Date: Fri, 20 Nov 2026 18:14:05 +0530\nFrom: a@b.test\nTo: Jane Roe <j@x>, \"Roe, J.\" <k@x>\n"
	        "Cc: =?UTF-8?B?SsO2cmc=?= <l@x>\nSubject: s\nMessage-ID: <";
	assert_memory_equal(out.data, start, sizeof start - 1);
	assert_non_null(strstr(out.data, "@b.test>\nMIME-Version: 1.0\n"));
	buf_release(&out);
}

static void a_message_id_is_never_given_twice(void **state)
{
	(void)state;
	struct mime_letter l = letter(slice_str("s"), slice_str(""));
	struct buf one = header_of(&l), two = header_of(&l);

	assert_string_not_equal(strstr(one.data, "Message-ID"), strstr(two.data, "Message-ID"));
	buf_release(&one);
	buf_release(&two);
}

static void no_subject_writes_no_field(void **state)
{
	(void)state;
	struct mime_letter l = letter(slice_str(""), slice_str(""));
	struct buf out = header_of(&l);

	assert_null(strstr(out.data, "Subject"));
	buf_release(&out);
}

static void a_subject_can_never_be_another_field(void **state)
{
	(void)state;
	struct mime_letter l = letter(slice_str("a\nBcc: x@y\r\n\r\nb\x1B"), slice_str(""));
	struct buf out = header_of(&l);

	assert_null(strstr(out.data, "Bcc"));
	assert_null(strchr(out.data, '\r'));
	assert_null(strchr(out.data, '\x1B'));
	buf_release(&out);
}

static void wrong_subjects_are_refused(void **state)
{
	(void)state;
	struct mime_letter l = letter(slice_str("\xFF"), slice_str(""));
	struct fault why;
	struct buf out;

	buf_init(&out, MIME_COMPOSE_HEADER_MAX);
	assert_false(mime_compose_header(&l, &out, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	buf_release(&out);
}

static void an_attachment_comes_out_as_it_went_in(void **state)
{
	(void)state;
	FILE *file = tmpfile();
	struct mime_letter l = letter(slice_str("s"), slice_str("text\n"));
	char octets[70000], back[70000];
	struct mime_message m;
	struct mime_view v;
	struct fault why;

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (char)(i * 7919 >> 3);
	assert_int_equal(write(fileno(file), octets, sizeof octets), sizeof octets);
	const struct mime_file files[] = {
		{ "/tmp/\xC3\xA4 very long name that has to be folded and continued, \"quoted\".png", fileno(file) }
	};
	l.files = files;
	l.file_count = 1;
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_true(mime_compose(&l, &m, &why));
	struct buf all = whole(&m);
	assert_true(longest_line(buf_slice(&all)) <= MIME_COMPOSE_LINE_MAX);
	mime_view_init(&v);
	assert_true(mime_view_make(&v, buf_slice(&all)));
	assert_int_equal(v.count, 1);
	assert_string_equal(v.attachments[0].name,
	                    "\xC3\xA4 very long name that has to be folded and continued, _quoted_.png");
	assert_string_equal(v.attachments[0].type, "image/png");
	FILE *copy = tmpfile();
	assert_true(mime_view_write(&v, 0, fileno(copy), &why));
	assert_int_equal(pread(fileno(copy), back, sizeof back, 0), sizeof back);
	assert_memory_equal(back, octets, sizeof back);
	mime_view_release(&v);
	mime_message_release(&m);
	buf_release(&all);
	fclose(copy);
	fclose(file);
}

static void the_first_octet_that_is_not_utf8_is_found(void **state)
{
	(void)state;
	/* Wherever it stands among the octets that are looked at together. */
	for (size_t i = 0; i < 40; i++) {
		char text[40];
		memset(text, 'a', sizeof text);
		text[i] = '\x80';
		assert_int_equal(mime_compose_find_invalid(slice_make(text, sizeof text)), i);
	}
	assert_int_equal(mime_compose_find_invalid(slice_str("")), 0);
	assert_int_equal(mime_compose_find_invalid(slice_str("ab\xC3\xA4")), 4);
	assert_int_equal(mime_compose_find_invalid(slice_str("ab\xC3")), 2);
	assert_int_equal(mime_compose_find_invalid(slice_str("\xC3\xA4\xED\xA0\x80")), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects_come_out_as_they_went_in),
		cmocka_unit_test(texts_come_out_as_they_went_in),
		cmocka_unit_test(the_header_has_its_form),
		cmocka_unit_test(a_message_id_is_never_given_twice),
		cmocka_unit_test(no_subject_writes_no_field),
		cmocka_unit_test(a_subject_can_never_be_another_field),
		cmocka_unit_test(wrong_subjects_are_refused),
		cmocka_unit_test(an_attachment_comes_out_as_it_went_in),
		cmocka_unit_test(the_first_octet_that_is_not_utf8_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
