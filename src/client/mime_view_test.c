/*
 * What a MIME mail looks like: decoded, chosen, listed; and that a nasty one is shown as well as can be.
 */
#include "client/mime_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HEADER "From: a@b\nTo: c@d\nSubject: s\nMIME-Version: 1.0\n"
#define SHOWN  "From: a@b\nTo: c@d\nSubject: s\n\n"

static void shows_slice(struct slice mail, const char *expected)
{
	struct mime_view v;

	mime_view_init(&v);
	assert_true(mime_view_make(&v, mail));
	assert_true(buf_append_char(&v.text, '\0'));
	assert_string_equal(v.text.data, expected);
	mime_view_release(&v);
}

static void shows(const char *mail, const char *expected)
{
	shows_slice(slice_str(mail), expected);
}

static void is_no_view(const char *mail)
{
	struct mime_view v;

	mime_view_init(&v);
	assert_false(mime_view_make(&v, slice_str(mail)));
	assert_int_equal(v.count, 0);
	assert_null(v.root);
	mime_view_release(&v);
}

/* ---- which mails ---- */

static void mails_in_the_courses_own_form_are_no_mime(void **state)
{
	(void)state;
	is_no_view("");
	is_no_view("From: a@b\nTo: c@d\nSubject: s\nReceived: 2026-11-20 : 12 : 44\ntext\n");
	is_no_view("From: a@b\n\ntext\n");
	is_no_view("From: a@b\nContent-Type: text/plain\ntext that follows without an empty line\n");
	is_no_view("*****\nFrom: 4@x\nMIME-Version: 1.0\nContent-Type: text\n*****\n\ntext\n");
}

static void a_mail_that_says_mime_is_shown_without_its_mime_lines(void **state)
{
	(void)state;
	shows(HEADER "Content-Type: text/plain\n\nhello\n", SHOWN "hello\n");
	shows("content-type: text/plain\nX-Other: x\nFrom: a@b\nTo: c@d\nSubject: s\n\nhello\n", SHOWN "hello\n");
	shows(HEADER "Date: Fri, 20 Nov 2026 12:44:05 +0530\nCc: e@f\nReceived: 2026-11-20 : 12 : 44\n"
	             "Received: from x by y; Fri, 20 Nov 2026 12:44:05 +0530\n\nhello",
	      "From: a@b\nTo: c@d\nCc: e@f\nDate: Fri, 20 Nov 2026 12:44:05 +0530\nSubject: s\n"
	      "Received: 2026-11-20 : 12 : 44\n\nhello");
}

/* ---- RFC 2047 ---- */

static void header(const char *fields, const char *expected)
{
	char mail[2048], shown[2048];

	snprintf(mail, sizeof mail, "MIME-Version: 1.0\n%s\n\n", fields);
	snprintf(shown, sizeof shown, "%s\n\n", expected);
	shows(mail, shown);
}

static void encoded_words_are_decoded_token_by_token(void **state)
{
	(void)state;
	header("Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Subject: Gr\xC3\xBC\xC3\x9F"
	                                               "e");
	header("Subject: =?utf-8?B?R3LDvA==?=\n =?utf-8?B?w59l?=", "Subject: Gr\xC3\xBC\xC3\x9F"
	                                                           "e");
	header("From: =?iso-8859-1?Q?J=F6rg?= <j@x>", "From: J\xC3\xB6rg <j@x>");
	header("To: =?utf-8?Q?A?= <a@x>, =?utf-8?Q?B?= <b@x>", "To: A <a@x>, B <b@x>");
}

static void encoded_words_in_quoted_strings_stay(void **state)
{
	(void)state;
	header("From: \"=?utf-8?Q?A?=\" <j@x>", "From: \"=?utf-8?Q?A?=\" <j@x>");
	header("From: \"a \\\" =?utf-8?Q?A?=\" =?utf-8?Q?B?= <j@x>", "From: \"a \\\" =?utf-8?Q?A?=\" B <j@x>");
	header("From: \"=?utf-8?Q?A?= no end", "From: \"=?utf-8?Q?A?= no end");
	header("Subject: \"=?utf-8?Q?A?=\"", "Subject: \"A\"");
}

static void broken_encoded_words_are_shown_as_they_are(void **state)
{
	(void)state;
	header("Subject: =?utf-8?Q?a", "Subject: =?utf-8?Q?a");
	header("Subject: =?utf-8?X?a?=", "Subject: =?utf-8?X?a?=");
	header("Subject: =?nobody-knows?Q?a?=", "Subject: =?nobody-knows?Q?a?=");
	header("Subject: =?utf-8?B?*?=", "Subject: =?utf-8?B?*?=");
	header("Subject: =?utf-8?Q?=ZZ?=", "Subject: =?utf-8?Q?=ZZ?=");
}

static void decoded_line_ends_and_escapes_are_made_visible(void **state)
{
	(void)state;
	header("Subject: =?utf-8?Q?a=0ABcc:_x=1B[2J=00?=", "Subject: a^JBcc: x^[[2J^@");
	header("From: =?utf-8?Q?a=0A=1B]0;x=07?= <a@b>", "From: a^J^[]0;x^G <a@b>");
	header("Subject: =?utf-8?Q?=C2=9B=E2=80=AE?=", "Subject: <U+009B><U+202E>");
}

/* ---- RFC 2045 ---- */

static void text(const char *fields, const char *body, const char *expected)
{
	char mail[4096], shown[4096];

	snprintf(mail, sizeof mail, HEADER "%s\n\n%s", fields, body);
	snprintf(shown, sizeof shown, SHOWN "%s", expected);
	shows(mail, shown);
}

#define QP     "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable"
#define BASE64 "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"

static void quoted_printable_is_decoded_junk_or_not(void **state)
{
	(void)state;
	text(QP, "Gr=C3=BC=\n=C3=9Fe\n",
	     "Gr\xC3\xBC\xC3\x9F"
	     "e\n");
	text(QP, "a=0D=0Ab\n", "a\nb\n");
	text(QP, "soft=   \nbreak\n", "softbreak\n");
	text(QP, "a=ZZb\n", "a=ZZb\n");
	text(QP, "end=", "end");
	text("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: Quoted-Printable ", "=41\n", "A\n");
}

static void base64_is_decoded_with_junk_and_without_padding(void **state)
{
	(void)state;
	text(BASE64, "aGVsbG8K\n", "hello\n");
	text(BASE64, "aGV*!sbG\n\n8K\n", "hello\n");
	text(BASE64, "aGVsbG8", "hello");
	text(BASE64, "aGk=\n", "hi");
	text(BASE64, "YQ0KYg0K", "a\nb\n");
}

static void character_sets_become_utf8(void **state)
{
	(void)state;
	text("Content-Type: text/plain; charset=iso-8859-1",
	     "Gr\xFC\xDF"
	     "e\n",
	     "Gr\xC3\xBC\xC3\x9F"
	     "e\n");
	text("Content-Type: text/plain; charset=\"koi8-r\"", "\xC4\xC1\n", "\xD0\xB4\xD0\xB0\n");
	text("Content-Type: text/plain; charset=utf-16be\nContent-Transfer-Encoding: base64", "AGgAaQ==", "hi");
	text("Content-Type: text/plain; charset=iso-2022-jp", "\x1B$B$\"\x1B(B\n", "\xE3\x81\x82\n");
	text("Content-Type: text/plain; charset=euc-jp",
	     "a\xFF"
	     "b\n",
	     "a\xEF\xBF\xBD"
	     "b\n");
	text("Content-Type: text/plain", "\xFF\n", "\xFF\n");
}

static void an_unknown_character_set_is_noted(void **state)
{
	(void)state;
	text("Content-Type: text/plain; charset=klingon", "qapla'\n",
	     "[in a character set that is not known here: klingon]\n\nqapla'\n");
	text("Content-Type: text/plain; charset=\"../../x\"", "a\n",
	     "[in a character set that is not known here: ../../x]\n\na\n");
	text("Content-Type: text/plain; charset=\"\x1B[2J\"", "a\n",
	     "[in a character set that is not known here: ^[[2J]\n\na\n");
}

static void html_alone_is_shown_as_words(void **state)
{
	(void)state;
	text("Content-Type: text/html", "<p>Hello <b>you</b>&amp;me</p>", "Hello you&me\n");
}

/* ---- RFC 2046 ---- */

#define MIXED "Content-Type: multipart/mixed; boundary=X"
#define PLAIN "--X\nContent-Type: text/plain\n\n"

static void multiparts_are_shown_part_by_part(void **state)
{
	(void)state;
	text(MIXED, "prologue\n" PLAIN "one\n--X\n\ntwo\n--X--\nepilogue\n", "one\n\ntwo");
	text(MIXED, PLAIN "no end\n", "no end\n");
	text(MIXED, "--X  \nContent-Type: text/plain\n\ntrailing blanks\n--X--  \n", "trailing blanks");
	text("Content-Type: multipart/strange; boundary=X", PLAIN "like mixed\n--X--\n", "like mixed");
	text("Content-Type: multipart/mixed; boundary="
	     "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
	     "--0123456789012345678901234567890123456789012345678901234567890123456789\n\nseventy\n"
	     "--0123456789012345678901234567890123456789012345678901234567890123456789--\n",
	     "seventy");
}

static void a_multipart_without_delimiters_shows_its_text(void **state)
{
	(void)state;
	text("Content-Type: multipart/mixed", "text\n", "[parts were promised, and none is marked:]\ntext\n");
	text(MIXED, "text\n", "[parts were promised, and none is marked:]\ntext\n");
}

static void of_alternatives_the_plain_text_is_shown(void **state)
{
	(void)state;
	text("Content-Type: multipart/alternative; boundary=X",
	     "--X\nContent-Type: text/html\n\n<b>html</b>\n" PLAIN "plain\n--X--\n", "plain");
	text("Content-Type: multipart/alternative; boundary=X",
	     "--X\nContent-Type: image/png\n\nx\n--X\nContent-Type: text/html\n\n<b>html</b>\n--X--\n",
	     "html\n\n[Attachment 1: no name, image/png, 1 octets]\n");
}

static void an_attachment_in_another_alternative_is_listed(void **state)
{
	(void)state;
	text("Content-Type: multipart/alternative; boundary=X",
	     PLAIN "plain\n--X\nContent-Type: multipart/mixed; boundary=Y\n\n"
	           "--Y\nContent-Type: text/html\n\n<b>html</b>\n"
	           "--Y\nContent-Type: application/pdf; name=a.pdf\n\npdf\n--Y--\n--X--\n",
	     "plain\n\n[Attachment 1: a.pdf, application/pdf, 3 octets]\n");
}

static void attachments_are_listed_with_name_type_and_size(void **state)
{
	(void)state;
	text(MIXED,
	     PLAIN "text\n--X\nContent-Type: application/x-unheard-of\nContent-Transfer-Encoding: base64\n"
	           "Content-Disposition: attachment; filename=\"a b.bin\"\n\nAAECAw==\n--X\n"
	           "Content-Type: text/plain\nContent-Disposition: attachment\n\nnot shown\n--X\n"
	           "Content-Type: text/x; name=shown.txt\n\nshown\n--X--\n",
	     "text\n\nshown\n\n[Attachment 1: a b.bin, application/x-unheard-of, 4 octets]\n"
	     "[Attachment 2: no name, text/plain, 9 octets]\n[Attachment 3: shown.txt, text/x, 5 octets]\n");
}

static void attachment_names_follow_rfc_2231(void **state)
{
	(void)state;
	text(MIXED,
	     "--X\nContent-Type: image/png\nContent-Disposition: attachment;\n filename*0*=utf-8''%C3%A4;\n"
	     " filename*1=\"b.png\"\n\nx\n--X\nContent-Type: image/png; name=\"=?utf-8?Q?=0A=1B[2J?=\"\n\nx\n--X--\n",
	     "[Attachment 1: \xC3\xA4"
	     "b.png, image/png, 1 octets]\n[Attachment 2: ^J^[[2J, image/png, 1 octets]\n");
}

static void a_mail_within_the_mail_is_shown_and_can_be_saved(void **state)
{
	(void)state;
	text(MIXED, "--X\nContent-Type: message/rfc822\n\nFrom: x@y\nSubject: =?utf-8?Q?in?=\n\nside\n--X--\n",
	     "[a mail within this mail:]\nFrom: x@y\nSubject: in\n\nside\n\n"
	     "[Attachment 1: message.eml, message/rfc822, 39 octets]\n");
}

/* ---- limits ---- */

static struct buf nested(unsigned levels)
{
	struct buf mail;

	buf_init(&mail, 1 << 24);
	assert_true(buf_append_text(&mail, HEADER "Content-Type: multipart/mixed; boundary=b0\n\n"));
	for (unsigned i = 0; i < levels; i++)
		assert_true(buf_printf(&mail, "--b%u\nContent-Type: multipart/mixed; boundary=b%u\n\n", i, i + 1));
	assert_true(buf_printf(&mail, "--b%u\n\ninnermost\n", levels));
	return mail;
}

static bool view_says(const struct buf *mail, const char *words)
{
	struct mime_view v;

	mime_view_init(&v);
	assert_true(mime_view_make(&v, buf_slice(mail)));
	bool says = memmem(v.text.data, v.text.len, words, strlen(words)) != NULL;
	mime_view_release(&v);
	return says;
}

static void multiparts_within_multiparts_have_a_limit(void **state)
{
	(void)state;
	static const unsigned levels[] = { 1, 31, 32, 2000, 9000 };
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		struct buf mail = nested(levels[i]);
		assert_int_equal(view_says(&mail, "innermost"), levels[i] < MIME_TREE_DEPTH_MAX);
		assert_int_equal(view_says(&mail, "deeper than is shown"), levels[i] >= MIME_TREE_DEPTH_MAX);
		buf_release(&mail);
	}
}

static struct buf repeated(const char *start, const char *piece, size_t times)
{
	struct buf mail;

	buf_init(&mail, 1 << 26);
	assert_true(buf_append_text(&mail, start));
	for (size_t i = 0; i < times; i++)
		assert_true(buf_append_text(&mail, piece));
	return mail;
}

static void parts_have_a_limit(void **state)
{
	(void)state;
	struct buf mail = repeated(HEADER MIXED "\n\n", "--X\n\na\n", 5000);
	assert_true(view_says(&mail, "more parts than are shown"));
	buf_release(&mail);
}

#define MESSAGE "Content-Type: message/rfc822\n\n"

static void too_much_is_no_view(const char *start, const char *piece, size_t times)
{
	struct buf mail = repeated(start, piece, times);
	struct mime_view v;

	assert_true(buf_append_text(&mail, "\n\ntext\n"));
	mime_view_init(&v);
	assert_false(mime_view_make(&v, buf_slice(&mail)));
	mime_view_release(&v);
	buf_release(&mail);
}

static void what_a_mail_counts_has_limits(void **state)
{
	(void)state;
	too_much_is_no_view(HEADER MIXED "\n\n", "--X\n\n", MIME_TREE_DELIMITERS_MAX + 1);
	too_much_is_no_view(HEADER, "a:\n", MIME_TREE_HEADER_MAX / 3);
	too_much_is_no_view(HEADER MIXED "\n\n--X\n", "a:\n", MIME_TREE_HEADER_MAX / 3 + 1);
	too_much_is_no_view(HEADER "Content-Type: text/plain", ";\n a=b", MIME_TREE_FIELD_MAX / 4);
	too_much_is_no_view(HEADER MESSAGE, "a:\n", MIME_TREE_HEADER_MAX / 3 + 1);
	too_much_is_no_view(HEADER "Content-Type:\n Message (of old) / rfc822\n\n", "a:\n",
	                    MIME_TREE_HEADER_MAX / 3 + 1);
	too_much_is_no_view(HEADER MESSAGE MESSAGE "Subject: a", "\n a", MIME_TREE_FIELD_MAX / 2);
	too_much_is_no_view(HEADER "Content-Type: multipart/digest; boundary=X\n\n--X\n\n", "a:\n",
	                    MIME_TREE_HEADER_MAX / 3 + 1);
}

/* ---- octets ---- */

static void an_attachment_is_written_as_it_was_sent(void **state)
{
	(void)state;
	struct mime_view v;
	struct fault why;
	char octets[16];
	FILE *file = tmpfile();

	mime_view_init(&v);
	assert_true(mime_view_make(&v, slice_str(HEADER "Content-Type: application/x\n"
	                                                "Content-Transfer-Encoding: base64\n\nAAEKDQr/\n")));
	assert_int_equal(v.count, 1);
	assert_int_equal(v.attachments[0].octets, 6);
	assert_true(mime_view_write(&v, 0, fileno(file), &why));
	assert_int_equal(pread(fileno(file), octets, sizeof octets, 0), 6);
	assert_memory_equal(octets, "\0\1\n\r\n\xFF", 6);
	mime_view_release(&v);
	fclose(file);
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	struct mime_view v;
	struct fault why;
	FILE *full = fopen("/dev/full", "w");

	mime_view_init(&v);
	assert_true(mime_view_make(&v, slice_str(HEADER "Content-Type: application/x\n\nabc\n")));
	assert_false(mime_view_write(&v, 0, fileno(full), &why));
	assert_int_equal(why.kind, FAULT_FULL);
	mime_view_release(&v);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mails_in_the_courses_own_form_are_no_mime),
		cmocka_unit_test(a_mail_that_says_mime_is_shown_without_its_mime_lines),
		cmocka_unit_test(encoded_words_are_decoded_token_by_token),
		cmocka_unit_test(encoded_words_in_quoted_strings_stay),
		cmocka_unit_test(broken_encoded_words_are_shown_as_they_are),
		cmocka_unit_test(decoded_line_ends_and_escapes_are_made_visible),
		cmocka_unit_test(quoted_printable_is_decoded_junk_or_not),
		cmocka_unit_test(base64_is_decoded_with_junk_and_without_padding),
		cmocka_unit_test(character_sets_become_utf8),
		cmocka_unit_test(an_unknown_character_set_is_noted),
		cmocka_unit_test(html_alone_is_shown_as_words),
		cmocka_unit_test(multiparts_are_shown_part_by_part),
		cmocka_unit_test(a_multipart_without_delimiters_shows_its_text),
		cmocka_unit_test(of_alternatives_the_plain_text_is_shown),
		cmocka_unit_test(an_attachment_in_another_alternative_is_listed),
		cmocka_unit_test(attachments_are_listed_with_name_type_and_size),
		cmocka_unit_test(attachment_names_follow_rfc_2231),
		cmocka_unit_test(a_mail_within_the_mail_is_shown_and_can_be_saved),
		cmocka_unit_test(multiparts_within_multiparts_have_a_limit),
		cmocka_unit_test(parts_have_a_limit),
		cmocka_unit_test(what_a_mail_counts_has_limits),
		cmocka_unit_test(an_attachment_is_written_as_it_was_sent),
		cmocka_unit_test(a_full_disk_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
