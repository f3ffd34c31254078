/*
 * mail_mbox_test: what a mail looks like in an mbox file, and that it comes out of it as it was; the same for every cut of the input.
 */
#include "admin/mail_mbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

enum { OUT_MAX = 1024 * 1024, NOON = 43200 };

static void keep(void *owner, const char *octets, size_t n)
{
	assert_true(n > 0 && buf_append(owner, octets, n));
}

/* Pushes a text in pieces of `step` octets (0: whole). */
#define PUSH(push, filter, text, len, step)                                   \
	for (size_t at_ = 0, now_; at_ < (len); at_ += now_) {                \
		now_ = (step) > 0 && (step) < (len)-at_ ? (step) : (len)-at_; \
		push(filter, (text) + at_, now_);                             \
	}

static void write_mail(struct buf *out, struct slice text, size_t step)
{
	struct mail_mbox_writer w;
	mail_mbox_writer_begin(&w, (struct mail_mbox_out){ .text = keep, .owner = out }, slice_str("bob@lab"), NOON);
	PUSH(mail_mbox_writer_push, &w, text.ptr, text.len, step)
	mail_mbox_writer_finish(&w);
}

static void begin(void *owner)
{
	assert_true(buf_append_text(owner, "<"));
}

static void end(void *owner)
{
	assert_true(buf_append_text(owner, ">"));
}

/* The mails, each between < and >. */
static bool read_mails(struct buf *out, struct slice file, size_t step, bool keep_quotes)
{
	struct mail_mbox_reader r = {
		.begin = begin, .text = keep, .end = end, .owner = out, .keep_quotes = keep_quotes
	};
	mail_mbox_reader_init(&r);
	PUSH(mail_mbox_reader_push, &r, file.ptr, file.len, step)
	mail_mbox_reader_finish(&r);
	return !r.stray;
}

static void expect(struct buf *out, const char *text)
{
	assert_true(buf_append_char(out, '\0'));
	assert_string_equal(out->data, text);
	buf_clear(out);
}

#define BEGINS "From bob@lab Thu Jan  1 12:00:00 1970\n"

static void for_every_cut(void (*show)(struct buf *out, size_t step))
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	for (size_t step = 0; step < 40; step++)
		show(&out, step);
	buf_release(&out);
}

static void write_one(struct buf *out, size_t step)
{
	write_mail(out, slice_str("A: b\n\nFrom here\n>From there\n>>From\n>From\nFrom\n From x\n"), step);
	expect(out, BEGINS "A: b\n\n>From here\n>>From there\n>>From\n>From\nFrom\n From x\n\n");
	write_mail(out, slice_str("From a\n>"), step);
	expect(out, BEGINS ">From a\n>\n");
	write_mail(out, slice_str(""), step);
	expect(out, BEGINS "\n");
}

static void lines_that_look_like_a_beginning_are_quoted(void **state)
{
	(void)state;
	for_every_cut(write_one);
}

static void a_sender_is_one_word(void **state)
{
	(void)state;
	struct buf out;
	struct mail_mbox_writer w;
	buf_init(&out, OUT_MAX);
	const struct mail_mbox_out to = { .text = keep, .owner = &out };
	mail_mbox_writer_begin(&w, to, slice_str("\"a b\n\"@x"), NOON);
	expect(&out, "From \"a-b-\"@x Thu Jan  1 12:00:00 1970\n");
	mail_mbox_writer_begin(&w, to, slice_str(""), NOON);
	expect(&out, "From MAILER-DAEMON Thu Jan  1 12:00:00 1970\n");
	buf_release(&out);
}

static void read_some(struct buf *out, size_t step)
{
	assert_true(read_mails(out, slice_str(BEGINS "a\n\n" BEGINS "\nb\n\n\n" BEGINS "c"), step, false));
	expect(out, "<a\n><\nb\n\n><c>");
	/* CR LF, and no empty line at the end */
	assert_true(read_mails(out, slice_str("From a 12:00\r\nx\r\n\r\nFrom b 12:00\r\ny\r\n"), step, false));
	expect(out, "<x\r\n><y\r\n>");
	assert_true(read_mails(out, slice_str(BEGINS "\n" BEGINS), step, false));
	expect(out, "<><>");
	assert_true(read_mails(out, slice_str("\n\n" BEGINS "a\n\r"), step, false));
	expect(out, "<a\n\r>");
}

static void mails_are_told_apart(void **state)
{
	(void)state;
	for_every_cut(read_some);
}

static void read_doubtful(struct buf *out, size_t step)
{
	/* no empty line before it; no time in it; not at a line's beginning */
	assert_true(read_mails(out, slice_str(BEGINS "a\n" BEGINS "b\n\nFrom here on\n\n " BEGINS), step, false));
	expect(out, "<a\n" BEGINS "b\n\nFrom here on\n\n " BEGINS ">");
	assert_true(read_mails(out, slice_str(BEGINS "a\n\nFrom b 12:00"), step, false));
	expect(out, "<a\n\nFrom b 12:00>");
	assert_true(read_mails(out, slice_str(BEGINS "a\n\n\rFro\n\nFrom\n\nF"), step, false));
	expect(out, "<a\n\n\rFro\n\nFrom\n\nF>");
}

static void text_that_begins_no_mail_stays_text(void **state)
{
	(void)state;
	for_every_cut(read_doubtful);
}

static void read_quotes(struct buf *out, size_t step)
{
	static const char file[] = BEGINS "\n>From a\n>>From b\n>From\n> From c\n>";
	assert_true(read_mails(out, slice_str(file), step, false));
	expect(out, "<\nFrom a\n>From b\n>From\n> From c\n>>");
	assert_true(read_mails(out, slice_str(file), step, true));
	expect(out, "<\n>From a\n>>From b\n>From\n> From c\n>>");
}

static void one_quote_comes_off_unless_they_are_kept(void **state)
{
	(void)state;
	for_every_cut(read_quotes);
}

static void read_strays(struct buf *out, size_t step)
{
	assert_false(read_mails(out, slice_str("Subject: a\n\n" BEGINS "b\n"), step, false));
	expect(out, "<b\n>");
	assert_false(read_mails(out, slice_str("From nobody\n"), step, false));
	expect(out, "");
	assert_true(read_mails(out, slice_str(""), step, false));
	expect(out, "");
}

static void text_before_the_first_mail_is_told(void **state)
{
	(void)state;
	for_every_cut(read_strays);
}

static void a_beginning_longer_than_its_bound_is_text(void **state)
{
	(void)state;
	struct buf file, out;
	buf_init(&file, OUT_MAX);
	buf_init(&out, OUT_MAX);
	buf_append_text(&file, BEGINS "a\n\nFrom 12:00 ");
	for (int i = 0; i < MAIL_MBOX_FROM_MAX; i++)
		buf_append_char(&file, 'x');
	buf_append_text(&file, "\nb\n");
	assert_true(read_mails(&out, buf_slice(&file), 7, false));
	assert_int_equal(out.len, file.len - (sizeof BEGINS - 1) + 2);
	buf_release(&file);
	buf_release(&out);
}

/* Random lines of what matters here. */
static void make_text(struct buf *text)
{
	static const char *const parts[] = { "\n", ">", "From ", BEGINS, "x", "\r", "\n\n", "F" };
	buf_clear(text);
	for (int n = rand() % 24; n > 0; n--)
		buf_append_text(text, parts[(size_t)rand() % (sizeof parts / sizeof *parts)]);
	if (text->len > 0)
		buf_append_text(text, "\n");
}

static void whatever_is_written_is_read_again(void **state)
{
	(void)state;
	struct buf text, file, got, expected;
	buf_init(&text, OUT_MAX);
	buf_init(&file, OUT_MAX);
	buf_init(&got, OUT_MAX);
	buf_init(&expected, OUT_MAX);
	for (int run = 0; run < 3000; run++) {
		buf_clear(&file);
		buf_clear(&got);
		buf_clear(&expected);
		for (int i = 0; i < 3; i++) {
			make_text(&text);
			write_mail(&file, buf_slice(&text), (size_t)rand() % 5);
			buf_append_text(&expected, "<");
			buf_append_slice(&expected, buf_slice(&text));
			buf_append_text(&expected, ">");
		}
		assert_true(read_mails(&got, buf_slice(&file), (size_t)rand() % 5, false));
		assert_true(slice_equal(buf_slice(&got), buf_slice(&expected)));
	}
	buf_release(&text);
	buf_release(&file);
	buf_release(&got);
	buf_release(&expected);
}

static void make_plain(struct buf *out, size_t step)
{
	struct mail_mbox_plain p;
	static const char stored[] = "..\n..a\n.b\nc..\n.\n...\n..";
	mail_mbox_plain_init(&p, (struct mail_mbox_out){ .text = keep, .owner = out });
	PUSH(mail_mbox_plain_push, &p, stored, sizeof stored - 1, step)
	mail_mbox_plain_finish(&p);
	expect(out, ".\n.a\n.b\nc..\n.\n..\n.");
}

static void a_doubled_full_stop_is_one(void **state)
{
	(void)state;
	for_every_cut(make_plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_look_like_a_beginning_are_quoted),
		cmocka_unit_test(a_sender_is_one_word),
		cmocka_unit_test(mails_are_told_apart),
		cmocka_unit_test(text_that_begins_no_mail_stays_text),
		cmocka_unit_test(one_quote_comes_off_unless_they_are_kept),
		cmocka_unit_test(text_before_the_first_mail_is_told),
		cmocka_unit_test(a_beginning_longer_than_its_bound_is_text),
		cmocka_unit_test(whatever_is_written_is_read_again),
		cmocka_unit_test(a_doubled_full_stop_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
