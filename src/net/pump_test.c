/*
 * pump: a session sees the same, however its input is cut, and is called only when its contract says so.
 */
#include "net/pump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "net/scripted_suite.h"

/* A pump, its session, and all it has said. */
struct rig {
	struct pump pump;
	struct scripted *session;
	struct buf said;
	int freed;
	int woken;
};

static void on_woken(struct pump *p)
{
	struct rig *r = p->owner;
	r->woken++;
}

static void rig_open(struct rig *r)
{
	*r = (struct rig){ .session = scripted_new(NULL) };
	r->session->freed = &r->freed;
	buf_init(&r->said, 8 * 1024 * 1024);
	pump_init(&r->pump, &r->session->base, on_woken, r);
}

static void rig_close(struct rig *r)
{
	pump_release(&r->pump);
	assert_int_equal(r->freed, 1);
	buf_release(&r->said);
}

static void drain(struct rig *r)
{
	while (r->pump.out.len > 0) {
		assert_true(buf_append_slice(&r->said, buf_slice(&r->pump.out)));
		buf_consume(&r->pump.out, r->pump.out.len);
		pump_drained(&r->pump);
	}
}

/* Answers every wait and reads everything, until input is wanted again. */
static void settle(struct rig *r)
{
	drain(r);
	while (pump_waiting(&r->pump)) {
		session_wake(&r->session->base);
		drain(r);
	}
}

static void feed(struct rig *r, const char *octets, size_t n)
{
	assert_true(pump_input(&r->pump, octets, n));
	settle(r);
}

static void feed_text(struct rig *r, const char *text)
{
	feed(r, text, strlen(text));
}

static void expect(struct rig *r, const char *text)
{
	drain(r);
	buf_append_char(&r->said, '\0');
	assert_string_equal(r->said.data, text);
	buf_clear(&r->said);
}

static void start(struct rig *r)
{
	rig_open(r);
	pump_start(&r->pump);
	expect(r, "hello\n");
}

static void commands_are_answered_in_order(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	feed_text(&r, "one\r\ntwo\r\n");
	expect(&r, "[one]\n[two]\n");
	feed_text(&r, "thr");
	expect(&r, "");
	feed_text(&r, "ee\r\nq\r\nfour\r\n");
	expect(&r, "[three]\nbye\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_session_chooses_how_lines_end_from_the_next_line_on(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	feed_text(&r, "a\ne\nk\nc\r\nE\r\nd\n");
	expect(&r, "[a]lf\n[e]lf\n[k\nc]\n[E]\n[d]lf\n");
	rig_close(&r);
}

static void a_line_that_is_too_long_is_told_once_and_the_next_one_is_whole(void **state)
{
	char input[SCRIPTED_LINE_MAX * 300];
	struct rig r;
	(void)state;
	start(&r);
	memset(input, 'x', sizeof input);
	input[SCRIPTED_LINE_MAX - 2] = '\r';
	input[SCRIPTED_LINE_MAX - 1] = '\n';
	feed(&r, input, SCRIPTED_LINE_MAX); /* the longest there may be */
	expect(&r, "[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\n");

	memset(input, 'x', sizeof input);
	input[SCRIPTED_LINE_MAX - 1] = '\r';
	input[SCRIPTED_LINE_MAX] = '\n';
	feed(&r, input, SCRIPTED_LINE_MAX + 1);
	expect(&r, "[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]long\n");

	memset(input, 'x', sizeof input);
	for (int i = 0; i < 100; i++) {
		feed(&r, input, sizeof input);
		assert_true(r.pump.in.len <= SCRIPTED_LINE_MAX + 1);
		assert_true(r.pump.in.cap <= 128);
	}
	feed_text(&r, "\nnext\n");
	expect(&r, "[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]longlf\n[next]lf\n");
	rig_close(&r);
}

static void a_false_line_end_does_not_arise_where_a_long_line_is_cut(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	feed_text(&r, "e\r\n");
	/* CR at the cut, a bare LF as the last octet of the piece: together they would look like an end. */
	feed_text(&r, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\rabc\n");
	feed_text(&r, "still the same\r");
	feed_text(&r, "\nnext\r\n");
	expect(&r, "[e]\n[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r]long\n[next]\n");
	rig_close(&r);
}

static void input_is_held_back_while_the_session_waits(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	assert_true(pump_input(&r.pump, "a\nw\nk\nw\nc", 9));
	assert_true(pump_waiting(&r.pump));
	assert_false(pump_hungry(&r.pump));
	expect(&r, "[a]lf\n");
	session_wake(&r.session->base);
	assert_true(pump_waiting(&r.pump));
	assert_int_equal(r.woken, 1);
	expect(&r, "resumed\n[k]lf\n");
	session_wake(&r.session->base);
	expect(&r, "resumed\n");
	feed_text(&r, "d\n");
	expect(&r, "[cd]lf\n");
	rig_close(&r);
}

static void an_answer_inside_of_a_callback_is_taken_up_without_recursion(void **state)
{
	enum { COUNT = 20000 };
	char *input = malloc(2 * COUNT);
	struct rig r;
	(void)state;
	start(&r);
	for (int i = 0; i < COUNT; i++)
		memcpy(input + 2 * i, "s\n", 2);
	feed(&r, input, 2 * COUNT);
	assert_false(pump_waiting(&r.pump));
	assert_int_equal(r.said.len, COUNT * strlen("resumed\n"));
	assert_int_equal(r.woken, 0);
	free(input);
	rig_close(&r);
}

static void more_is_asked_for_only_below_the_mark_and_before_input_goes_on(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	assert_true(pump_input(&r.pump, "m\nafter\n", 8));
	assert_true(r.pump.out.len >= SESSION_OUT_MARK);
	assert_true(r.pump.out.len < SESSION_OUT_MARK + SCRIPTED_PIECE);
	assert_false(pump_hungry(&r.pump));
	buf_consume(&r.pump.out, SCRIPTED_PIECE);
	pump_drained(&r.pump);
	assert_int_equal(r.session->pieces, SCRIPTED_PIECES - SESSION_OUT_MARK / SCRIPTED_PIECE - 1);
	drain(&r);
	size_t all = SCRIPTED_PIECES * SCRIPTED_PIECE - SCRIPTED_PIECE;
	assert_int_equal(r.said.len, all + strlen("[after]lf\n"));
	assert_memory_equal(r.said.data + all, "[after]lf\n", 10);
	rig_close(&r);
}

static void a_pipeline_of_commands_waits_while_its_replies_are_not_read(void **state)
{
	enum { COUNT = 12000 };
	char *input = malloc(5 * COUNT);
	struct rig r;
	(void)state;
	start(&r);
	for (int i = 0; i < COUNT; i++)
		memcpy(input + 5 * i, "abcd\n", 5);
	assert_true(pump_input(&r.pump, input, 5 * COUNT));
	assert_true(r.pump.out.len >= SESSION_OUT_MARK && r.pump.out.len < SESSION_OUT_MARK + 16);
	assert_false(pump_hungry(&r.pump));
	drain(&r);
	assert_true(pump_hungry(&r.pump));
	assert_int_equal(r.said.len, COUNT * strlen("[abcd]lf\n"));
	free(input);
	rig_close(&r);
}

static void after_close_nothing_is_taken(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	feed_text(&r, "q\nb\n");
	int calls = r.session->calls;
	feed_text(&r, "c\n");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	assert_int_equal(r.session->calls, calls);
	assert_int_equal(r.pump.in.cap, 0);
	expect(&r, "bye\n");
	rig_close(&r);
}

static void behind_a_handshake_nothing_is_left_of_what_came_before_it(void **state)
{
	static const struct session_tls tls = { .version = "TLSv1.3" };
	static const char *const before[] = { "T\nevil\n", "T\nevil\nhalf", "wait\nT\nevil\n" };
	struct rig r;
	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		rig_open(&r);
		r.session->starttls = true;
		pump_start(&r.pump);
		feed_text(&r, before[i]);
		assert_true(pump_wants_tls(&r.pump) && !pump_hungry(&r.pump));
		feed_text(&r, "more evil\n");
		expect(&r, i < 2 ? "hello\nbegin\n" : "hello\nresumed\nbegin\n");
		assert_null(r.session->base.tls);
		pump_secured(&r.pump, &tls);
		feed_text(&r, "one\n");
		expect(&r, "secured TLSv1.3\n[one]lf\n");
		rig_close(&r);
	}
}

static void a_stop_before_the_handshake_is_still_said_in_clear(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	r.session->starttls = true;
	pump_start(&r.pump);
	assert_true(pump_input(&r.pump, "T\n", 2));
	pump_stop(&r.pump, STOP_IDLE); /* "begin" could not even be sent */
	assert_true(pump_closing(&r.pump));
	expect(&r, "hello\nbegin\nstop idle\n");
	rig_close(&r);
}

static void a_peer_lost_before_the_handshake_ends_the_session(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	r.session->starttls = true;
	pump_start(&r.pump);
	feed_text(&r, "T\n");
	pump_lost(&r.pump);
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_stop_is_told_at_once_to_a_session_that_does_not_wait(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	feed_text(&r, "half a li");
	pump_stop(&r.pump, STOP_IDLE);
	expect(&r, "stop idle\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_stop_while_waiting_is_told_after_the_resume_and_before_the_input(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	assert_true(pump_input(&r.pump, "w\nnext\n", 7));
	pump_stop(&r.pump, STOP_NOW);
	pump_stop(&r.pump, STOP_SHUTDOWN); /* the weaker one changes nothing */
	expect(&r, "");
	session_wake(&r.session->base);
	expect(&r, "resumed\nstop now\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_stopped_session_may_finish_its_mail(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	feed_text(&r, "b\nsome");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	assert_true(pump_hungry(&r.pump));
	feed_text(&r, "more.next\n");
	expect(&r, "somestop shutdown\nmoreend\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_crowded_session_is_told_so_in_place_of_its_start(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	pump_stop(&r.pump, STOP_CROWDED);
	expect(&r, "stop crowded\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_lost_peer_ends_the_session_once_it_no_longer_waits(void **state)
{
	struct rig r;
	(void)state;
	start(&r);
	assert_true(pump_input(&r.pump, "w\nnext\n", 7));
	pump_lost(&r.pump);
	assert_true(pump_waiting(&r.pump));
	assert_false(pump_input(&r.pump, "x\n", 2));
	int calls = r.session->calls;
	session_wake(&r.session->base);
	assert_true(pump_closing(&r.pump));
	assert_int_equal(r.session->calls, calls + 1);
	rig_close(&r);

	start(&r);
	pump_lost(&r.pump);
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void an_idle_pump_holds_no_buffer(void **state)
{
	char input[8192];
	struct rig r;
	(void)state;
	start(&r);
	memset(input, 'w', sizeof input);
	memcpy(input, "b\n", 2);
	memcpy(input + sizeof input - 4, ".ab\n", 4);
	feed(&r, input, sizeof input);
	assert_true(pump_hungry(&r.pump));
	assert_int_equal(r.pump.in.cap, 0);
	assert_int_equal(r.pump.out.cap, 0);
	feed_text(&r, "part of a line");
	assert_true(r.pump.in.cap <= 128);
	rig_close(&r);
}

/* Nothing of the first one's reply is said by the second. */
static void memory_of_a_reply_that_was_sent_serves_the_next_pump(void **state)
{
	struct buf spare;
	struct rig one, two;
	(void)state;
	buf_init(&spare, SESSION_OUT_MAX);
	start(&one);
	start(&two);
	one.pump.spare = two.pump.spare = &spare;
	feed_text(&one, "one\n");
	assert_int_equal(one.pump.out.cap, 0);
	assert_true(spare.cap > 0 && spare.len == 0);
	const char *memory = spare.data;
	pump_input(&two.pump, "two\n", 4);
	assert_ptr_equal(two.pump.out.data, memory);
	assert_int_equal(spare.cap, 0);
	pump_input(&one.pump, "never sent\n", 11);
	rig_close(&one);
	assert_int_equal(spare.len, 0);
	drain(&two);
	expect(&two, "[two]lf\n");
	rig_close(&two);
	assert_int_equal(spare.len, 0);
	buf_release(&spare);
}

/* Everything there is, in both ways of ending lines. */
static const char everything[] =
        "one\r\ntwo\nw\r\nthree\rfour\r\r\ns\nb\nwa\r\nw\nb.five\r\n\r\n\n"
        "a line that is longer than the thirty-two octets there may be\r\n"
        "exactly thirty octets of a line\n"
        "e\r\nx\ny\r\nanother line that is too long\nby far, and has line ends\n\r\r\n"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\rcut after a CR\n\n\r\nm\r\nw\r\nw\r\nE\r\nlast\nq\nlost\n";

static void run_cut(struct rig *r, size_t first, size_t then)
{
	size_t n = sizeof everything - 1;
	start(r);
	feed(r, everything, first);
	for (size_t at = first; at < n; at += then)
		feed(r, everything + at, n - at < then ? n - at : then);
	assert_true(pump_closing(&r->pump));
}

static void check_cut(const struct rig *whole, size_t first, size_t then)
{
	struct rig r;
	run_cut(&r, first, then);
	assert_int_equal(r.said.len, whole->said.len);
	assert_memory_equal(r.said.data, whole->said.data, whole->said.len);
	rig_close(&r);
}

static void input_cut_anywhere_gives_the_same(void **state)
{
	size_t n = sizeof everything - 1;
	(void)state;
	struct rig whole;
	run_cut(&whole, n, n);
	check_cut(&whole, 0, 1); /* octet by octet */
	for (size_t first = 1; first < n; first++)
		check_cut(&whole, first, n);
	for (size_t size = 2; size < 40; size++)
		check_cut(&whole, 0, size);
	rig_close(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_answered_in_order),
		cmocka_unit_test(a_session_chooses_how_lines_end_from_the_next_line_on),
		cmocka_unit_test(a_line_that_is_too_long_is_told_once_and_the_next_one_is_whole),
		cmocka_unit_test(a_false_line_end_does_not_arise_where_a_long_line_is_cut),
		cmocka_unit_test(input_is_held_back_while_the_session_waits),
		cmocka_unit_test(an_answer_inside_of_a_callback_is_taken_up_without_recursion),
		cmocka_unit_test(more_is_asked_for_only_below_the_mark_and_before_input_goes_on),
		cmocka_unit_test(a_pipeline_of_commands_waits_while_its_replies_are_not_read),
		cmocka_unit_test(after_close_nothing_is_taken),
		cmocka_unit_test(behind_a_handshake_nothing_is_left_of_what_came_before_it),
		cmocka_unit_test(a_stop_before_the_handshake_is_still_said_in_clear),
		cmocka_unit_test(a_peer_lost_before_the_handshake_ends_the_session),
		cmocka_unit_test(a_stop_is_told_at_once_to_a_session_that_does_not_wait),
		cmocka_unit_test(a_stop_while_waiting_is_told_after_the_resume_and_before_the_input),
		cmocka_unit_test(a_stopped_session_may_finish_its_mail),
		cmocka_unit_test(a_crowded_session_is_told_so_in_place_of_its_start),
		cmocka_unit_test(a_lost_peer_ends_the_session_once_it_no_longer_waits),
		cmocka_unit_test(an_idle_pump_holds_no_buffer),
		cmocka_unit_test(memory_of_a_reply_that_was_sent_serves_the_next_pump),
		cmocka_unit_test(input_cut_anywhere_gives_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
