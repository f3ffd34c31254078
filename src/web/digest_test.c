/*
 * digest_test: what a list and a search are told of mails, good and bad.
 */
#include "web/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mail/utf8.h"
#include "web/parts.h"

static struct digest d;

static void make(const char *mail)
{
	digest_init(&d);
	assert_true(digest_make(&d, slice_str(mail)));
}

static void expect(const struct buf *b, const char *text)
{
	assert_true(slice_equal_text(buf_slice(b), text));
}

static void a_mail_with_trace_and_mime_is_understood(void **state)
{
	(void)state;
	make("Return-Path: <x@y>\nReceived: from a\n\tby b with ESMTP id 1\n\tfor <Ann+news@Example.org>;\n\tSat, 21 "
	     "Nov 2026 12:00:00 +0000\n"
	     "Date: Fri, 20 Nov 2026 12:00:00 +0000\nFrom: =?utf-8?q?J=C3=B6rg?= <j@x.org>\nTo: Bob <bob@x.org>, "
	     "c@x.org\nCc: d@x.org\n"
	     "Subject: =?utf-8?b?R3LDvMOfZQ==?=\n  folded\nMIME-Version: 1.0\nContent-Type: multipart/mixed; "
	     "boundary=b\n\n"
	     "--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
	     "quoted-printable\n\nsch=F6n  und\ngut\n"
	     "--b\nContent-Type: application/pdf; name=x.pdf\nContent-Disposition: attachment\n\nxx\n--b--\n");
	expect(&d.from, "J\xc3\xb6rg <j@x.org>");
	expect(&d.subject, "Gr\xc3\xbc\xc3\x9f"
	                   "e folded");
	expect(&d.words, "sch\xc3\xb6n und gut");
	expect(&d.addresses, "ann+news@example.org\nbob@x.org\nc@x.org\nd@x.org\n");
	assert_true(d.when == 1795262400000);
	assert_int_equal(d.attachments, 1);
	digest_release(&d);
}

static void html_alone_is_searched_by_its_words(void **state)
{
	(void)state;
	make("MIME-Version: 1.0\nContent-Type: text/html\n\n<p>Hello <b>World</b></p><script>evil()</script>\n");
	expect(&d.words, "Hello World");
	digest_release(&d);
}

static void a_mail_without_mime_is_its_body(void **state)
{
	(void)state;
	make("Subject: x\n\nplain words\n");
	expect(&d.words, "plain words");
	assert_true(d.when == -1);
	digest_release(&d);
}

/* A mail cut at every place is some mail, and comes out as UTF-8. */
static void whatever_a_mail_holds_comes_out_as_utf8(void **state)
{
	(void)state;
	static const char mail[] =
	        "From: \xff\xc3\nSubject: =?utf-8?q?=C3?= \x80\nTo: <a@\xfe>, \"\n b@c\nMIME-Version: 1.0\n"
	        "Content-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html; "
	        "charset=utf-8\n\n\xe2\x82<img src=cid:y>\n"
	        "--x\nContent-Type: image/png\nContent-ID: <y>\nContent-Transfer-Encoding: base64\n\niVBO\n--x--\n";
	for (size_t n = 0; n < sizeof mail; n++) {
		struct parts parts;
		struct buf html;
		digest_init(&d);
		assert_true(digest_make(&d, slice_make(mail, n)));
		assert_true(utf8_valid(buf_slice(&d.from)) && utf8_valid(buf_slice(&d.subject)) &&
		            utf8_valid(buf_slice(&d.words)) && utf8_valid(buf_slice(&d.snippet)) &&
		            utf8_valid(buf_slice(&d.to)));
		digest_release(&d);
		assert_true(parts_make(&parts, slice_make(mail, n)));
		buf_init(&html, 65536);
		assert_true(parts_html(&parts, &html) && utf8_valid(buf_slice(&html)));
		parts_release(&parts);
		buf_release(&html);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_with_trace_and_mime_is_understood),
		cmocka_unit_test(html_alone_is_searched_by_its_words),
		cmocka_unit_test(a_mail_without_mime_is_its_body),
		cmocka_unit_test(whatever_a_mail_holds_comes_out_as_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
