/*
 * Where the stamp goes. Each case is pushed whole, octet by octet, and cut at every place: the result is the same.
 */
#include "mail/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define STAMP "Received: 2026-11-20 : 12 : 44\n"
#define HEAD  "Return-Path: <a@b>\nReceived: from c\n\tby d\n"

static const time_t seed_time = 1795178640; /* 2026-11-20 12:44 UTC */

static void collect(void *owner, const char *octets, size_t n)
{
	assert_true(n > 0);
	assert_true(buf_append(owner, octets, n));
}

/* `in` with cuts behind `first` and `second` octets. */
static void stamp_cut(struct slice in, size_t first, size_t second, struct buf *out)
{
	struct trace_stamper t;
	buf_clear(out);
	trace_stamper_init(&t, seed_time, collect, out);
	assert_true(trace_stamper_push(&t, in.ptr, first));
	assert_true(trace_stamper_push(&t, in.ptr + first, second - first));
	assert_true(trace_stamper_push(&t, in.ptr + second, in.len - second));
	assert_true(t.held.cap <= TRACE_HOLD_MAX);
	assert_true(trace_stamper_finish(&t));
	trace_stamper_release(&t);
}

static void stamp_octet_by_octet(struct slice in, struct buf *out)
{
	struct trace_stamper t;
	buf_clear(out);
	trace_stamper_init(&t, seed_time, collect, out);
	for (size_t i = 0; i < in.len; i++)
		assert_true(trace_stamper_push(&t, in.ptr + i, 1));
	assert_true(trace_stamper_finish(&t));
	trace_stamper_release(&t);
}

static void expect(const struct buf *out, const char *expected)
{
	assert_int_equal(out->len, strlen(expected));
	assert_memory_equal(out->data, expected, out->len);
}

static void stamps(const char *in, const char *expected)
{
	struct slice s = slice_str(in);
	struct buf out;
	buf_init(&out, 4096);
	for (size_t second = 0; second <= s.len; second++) {
		for (size_t first = 0; first <= second; first++) {
			stamp_cut(s, first, second, &out);
			expect(&out, expected);
		}
	}
	stamp_octet_by_octet(s, &out);
	expect(&out, expected);
	buf_release(&out);
}

static void course_line_is_date_hour_minute(void **state)
{
	(void)state;
	char line[64];
	assert_int_equal(trace_course_line(seed_time, line, sizeof line), strlen(STAMP));
	assert_string_equal(line, STAMP);
}

static void course_line_is_in_local_time(void **state)
{
	(void)state;
	char line[64];
	setenv("TZ", "IST-5:30", 1);
	tzset();
	trace_course_line(seed_time, line, sizeof line);
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(line, "Received: 2026-11-20 : 18 : 14\n");
}

static void seed_mail_gets_its_line_behind_the_subject(void **state)
{
	(void)state;
	stamps("From: agupta@10.5.20.22\n"
	       "To: ng@10.5.21.32\n"
	       "Subject: This week's lab assignment\n"
	       "This is the first week after midsem.\n"
	       "Let us give them something interesting.\n",
	       "From: agupta@10.5.20.22\n"
	       "To: ng@10.5.21.32\n"
	       "Subject: This week's lab assignment\n" STAMP "This is the first week after midsem.\n"
	       "Let us give them something interesting.\n");
}

static void mail_with_an_empty_line_is_stamped_behind_the_subject(void **state)
{
	(void)state;
	stamps("From: a@b\nTo: c@d\nSubject: s\n\nbody\n", "From: a@b\nTo: c@d\nSubject: s\n" STAMP "\nbody\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\nDate: x\n\nb\n",
	       "From: a@b\nTo: c@d\nSubject: s\n" STAMP "Date: x\n\nb\n");
}

static void folded_subject_before_an_empty_line_stays_whole(void **state)
{
	(void)state;
	stamps("From: a@b\nTo: c@d\nSubject: s\n t\n\tu\n\nbody\n",
	       "From: a@b\nTo: c@d\nSubject: s\n t\n\tu\n" STAMP "\nbody\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\n t\nDate: x\n y\nX: z\n\n indented\n",
	       "From: a@b\nTo: c@d\nSubject: s\n t\n" STAMP "Date: x\n y\nX: z\n\n indented\n");
}

static void indented_text_without_an_empty_line_is_body(void **state)
{
	(void)state;
	stamps("From: a@b\nTo: c@d\nSubject: s\n  indented\n", "From: a@b\nTo: c@d\nSubject: s\n" STAMP "  indented\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\n  indented\nplain\n\nmore\n",
	       "From: a@b\nTo: c@d\nSubject: s\n" STAMP "  indented\nplain\n\nmore\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\n  x\nNote: y\nplain\n\n",
	       "From: a@b\nTo: c@d\nSubject: s\n" STAMP "  x\nNote: y\nplain\n\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\n  x\nNote: y\n",
	       "From: a@b\nTo: c@d\nSubject: s\n" STAMP "  x\nNote: y\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\n  x\n..\n", "From: a@b\nTo: c@d\nSubject: s\n" STAMP "  x\n..\n");
}

static void text_right_behind_the_subject_is_body(void **state)
{
	(void)state;
	stamps("From: a@b\nTo: c@d\nSubject: s\n..\n", "From: a@b\nTo: c@d\nSubject: s\n" STAMP "..\n");
	stamps("From: a@b\nTo: c@d\nSubject: s\n", "From: a@b\nTo: c@d\nSubject: s\n" STAMP);
}

static void another_order_is_stamped_first(void **state)
{
	(void)state;
	stamps("To: c@d\nFrom: a@b\nSubject: s\nbody\n", STAMP "To: c@d\nFrom: a@b\nSubject: s\nbody\n");
	stamps("From: a@b\nSubject: s\nTo: c@d\nbody\n", STAMP "From: a@b\nSubject: s\nTo: c@d\nbody\n");
	stamps("From: a@b\nTo: c@d\nCc: e\nSubject: s\n\nb\n", STAMP "From: a@b\nTo: c@d\nCc: e\nSubject: s\n\nb\n");
	stamps("From: a@b\nTo: c@d\n\nSubject: s\n", STAMP "From: a@b\nTo: c@d\n\nSubject: s\n");
}

static void headers_before_from_are_stamped_first(void **state)
{
	(void)state;
	stamps("Date: x\nFrom: a@b\nTo: c@d\nSubject: s\n\nbody\n",
	       STAMP "Date: x\nFrom: a@b\nTo: c@d\nSubject: s\n\nbody\n");
	stamps(" From: a@b\nTo: c@d\nSubject: s\n\n", STAMP " From: a@b\nTo: c@d\nSubject: s\n\n");
	stamps(" x\nFrom: a@b\nTo: c@d\nSubject: s\n\n", STAMP " x\nFrom: a@b\nTo: c@d\nSubject: s\n\n");
	stamps("From a@b Fri Nov 20\nTo: c@d\nSubject: s\n", STAMP "From a@b Fri Nov 20\nTo: c@d\nSubject: s\n");
	stamps("hello\n", STAMP "hello\n");
	stamps("\nFrom: a@b\nTo: c@d\nSubject: s\n", STAMP "\nFrom: a@b\nTo: c@d\nSubject: s\n");
}

static void field_names_are_read_in_any_case_and_without_blank(void **state)
{
	(void)state;
	stamps("from:a@b\nTO:c@d\nsUBJECT:s\nbody\n", "from:a@b\nTO:c@d\nsUBJECT:s\n" STAMP "body\n");
	stamps("From:\nTo:\nSubject:\nbody\n", "From:\nTo:\nSubject:\n" STAMP "body\n");
}

static void long_recipient_list_may_be_folded(void **state)
{
	(void)state;
	stamps("From: a\n <a@b>\nTo: c@d,\n\te@f\nSubject: s\n\nb\n",
	       "From: a\n <a@b>\nTo: c@d,\n\te@f\nSubject: s\n" STAMP "\nb\n");
}

static void empty_message_is_the_stamp_alone(void **state)
{
	(void)state;
	stamps("", STAMP);
}

static void message_without_final_newline_is_stamped_on_a_line_of_its_own(void **state)
{
	(void)state;
	stamps("From: a@b\nTo: c@d\nSubject: s", "From: a@b\nTo: c@d\nSubject: s\n" STAMP);
	stamps("From: a@b\nTo: c@d\nSubject: s\nbody", "From: a@b\nTo: c@d\nSubject: s\n" STAMP "body");
	stamps("From: a@b\nTo: c@d\nSubject: s\n x", "From: a@b\nTo: c@d\nSubject: s\n" STAMP " x");
	stamps("From: a@b\nTo: c@d", STAMP "From: a@b\nTo: c@d");
	stamps("hello", STAMP "hello");
}

/* `head`, then `line` until the hold is passed, then `tail`. */
static void build_long(struct buf *in, const char *head, const char *line, const char *tail)
{
	assert_true(buf_append_text(in, head));
	while (in->len <= TRACE_HOLD_MAX + 10000)
		assert_true(buf_append_text(in, line));
	assert_true(buf_append_text(in, tail));
}

static void expect_stamp_behind(const struct buf *in, size_t place)
{
	struct buf out, expected;
	buf_init(&out, 4 * TRACE_HOLD_MAX);
	buf_init(&expected, 4 * TRACE_HOLD_MAX);
	buf_append(&expected, in->data, place);
	buf_append_text(&expected, STAMP);
	buf_append(&expected, in->data + place, in->len - place);
	for (size_t first = 0; first <= in->len; first += first < 200 ? 1 : 7919) {
		stamp_cut(buf_slice(in), first, first + (in->len - first) / 2, &out);
		assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
	}
	stamp_octet_by_octet(buf_slice(in), &out);
	assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
	buf_release(&out);
	buf_release(&expected);
}

static void beginning_longer_than_the_hold_is_stamped_first(void **state)
{
	(void)state;
	struct buf in;
	buf_init(&in, 4 * TRACE_HOLD_MAX);
	build_long(&in, "From: a@b\nTo: c@d\nSubject: ", "x", "\nbody\n");
	expect_stamp_behind(&in, 0);
	buf_clear(&in);
	build_long(&in, "From: a@b\nTo: c@d", ",\n e@f", "\nSubject: s\n\nbody\n");
	expect_stamp_behind(&in, 0);
	buf_release(&in);
}

static void endless_indented_text_is_taken_for_body(void **state)
{
	(void)state;
	static const char head[] = "From: a@b\nTo: c@d\nSubject: s\n";
	struct buf in;
	buf_init(&in, 4 * TRACE_HOLD_MAX);
	build_long(&in, head, "    printf(\"hello\");\n", "\nmore\n");
	expect_stamp_behind(&in, strlen(head));
	buf_release(&in);
}

static void header_longer_than_the_hold_keeps_its_folded_subject(void **state)
{
	(void)state;
	static const char head[] = "From: a@b\nTo: c@d\nSubject: s\n t\n";
	struct buf in;
	buf_init(&in, 4 * TRACE_HOLD_MAX);
	build_long(&in, head, "X-Field: value\n more\n", "\nbody\n");
	expect_stamp_behind(&in, strlen(head));
	buf_release(&in);
}

static void nothing_is_held_behind_a_subject_of_one_line(void **state)
{
	(void)state;
	struct buf out;
	struct trace_stamper t;
	static const char head[] = "From: a@b\nTo: c@d\nSubject: s\nDate: x\n";
	buf_init(&out, 4096);
	trace_stamper_init(&t, seed_time, collect, &out);
	assert_true(trace_stamper_push(&t, head, strlen(head)));
	assert_int_equal(out.len, strlen(head) + strlen(STAMP));
	trace_stamper_release(&t);
	buf_release(&out);
}

static void body_is_never_held(void **state)
{
	(void)state;
	struct buf out;
	struct trace_stamper t;
	static const char head[] = "From: a@b\nTo: c@d\nSubject: s\n\n";
	buf_init(&out, 4096);
	trace_stamper_init(&t, seed_time, collect, &out);
	assert_true(trace_stamper_push(&t, head, strlen(head)));
	assert_int_equal(out.len, strlen(head) + strlen(STAMP));
	assert_true(trace_stamper_push(&t, "x", 1));
	assert_int_equal(out.len, strlen(head) + strlen(STAMP) + 1);
	assert_null(t.held.data);
	trace_stamper_release(&t);
	buf_release(&out);
}

static void put_head(struct slice in, size_t first, size_t second, struct buf *out)
{
	struct trace_stamper t;
	buf_clear(out);
	trace_stamper_init_head(&t, slice_str(HEAD), collect, out);
	assert_int_equal(out->len, strlen(HEAD));
	assert_true(trace_stamper_push(&t, in.ptr, first));
	assert_int_equal(out->len, strlen(HEAD) + first);
	assert_true(trace_stamper_push(&t, in.ptr + first, second - first));
	assert_true(trace_stamper_push(&t, in.ptr + second, in.len - second));
	assert_int_equal(out->len, strlen(HEAD) + in.len);
	assert_null(t.held.data);
	assert_true(trace_stamper_finish(&t));
	trace_stamper_release(&t);
}

static void known_head_goes_on_top_and_every_octet_follows_at_once(void **state)
{
	(void)state;
	static const char *const mails[] = { "",
		                             "x",
		                             "\n",
		                             "From: a@b\nTo: c@d\nSubject: s\n t\n\n..\nbody\n",
		                             "From: a@b\nTo: c@d\nSubject: s",
		                             "Received: x\n\nno end" };
	struct buf out, expected;
	buf_init(&out, 4096);
	buf_init(&expected, 4096);
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++) {
		struct slice mail = slice_str(mails[i]);
		buf_clear(&expected);
		assert_true(buf_append_text(&expected, HEAD) && buf_append_slice(&expected, mail));
		for (size_t second = 0; second <= mail.len; second++) {
			for (size_t first = 0; first <= second; first++) {
				put_head(mail, first, second, &out);
				assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
			}
		}
	}
	buf_release(&out);
	buf_release(&expected);
}

static int in_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(course_line_is_date_hour_minute),
		cmocka_unit_test(course_line_is_in_local_time),
		cmocka_unit_test(seed_mail_gets_its_line_behind_the_subject),
		cmocka_unit_test(mail_with_an_empty_line_is_stamped_behind_the_subject),
		cmocka_unit_test(folded_subject_before_an_empty_line_stays_whole),
		cmocka_unit_test(indented_text_without_an_empty_line_is_body),
		cmocka_unit_test(text_right_behind_the_subject_is_body),
		cmocka_unit_test(another_order_is_stamped_first),
		cmocka_unit_test(headers_before_from_are_stamped_first),
		cmocka_unit_test(field_names_are_read_in_any_case_and_without_blank),
		cmocka_unit_test(long_recipient_list_may_be_folded),
		cmocka_unit_test(empty_message_is_the_stamp_alone),
		cmocka_unit_test(message_without_final_newline_is_stamped_on_a_line_of_its_own),
		cmocka_unit_test(beginning_longer_than_the_hold_is_stamped_first),
		cmocka_unit_test(endless_indented_text_is_taken_for_body),
		cmocka_unit_test(header_longer_than_the_hold_keeps_its_folded_subject),
		cmocka_unit_test(nothing_is_held_behind_a_subject_of_one_line),
		cmocka_unit_test(body_is_never_held),
		cmocka_unit_test(known_head_goes_on_top_and_every_octet_follows_at_once),
	};
	return cmocka_run_group_tests(tests, in_utc, NULL);
}
