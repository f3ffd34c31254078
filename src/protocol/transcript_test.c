/*
 * What a transcript shows, what it hides, and that it never holds anybody up.
 */
#include "protocol/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

static struct transcript *transcript;
static struct transcript_feed feed;
static FILE *file;

static int begin(void **state)
{
	(void)state;
	file = tmpfile();
	assert_non_null(file);
	transcript = transcript_new(fileno(file));
	assert_non_null(transcript);
	transcript_feed_init(&feed, transcript);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fclose(file);
	return 0;
}

/* Ends the transcript: all of it is `expected`. */
static void expect(const char *expected)
{
	static char shown[64 * 1024];
	transcript_feed_release(&feed);
	transcript_free(transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	assert_string_equal(shown, expected);
}

static void say(enum transcript_side side, const char *text)
{
	transcript_text(&feed, side, text, strlen(text));
}

static void lines_are_shown_with_who_said_them(void **state)
{
	(void)state;
	transcript_note(&feed, TRANSCRIPT_CLIENT, "<client connects to SMTP port>");
	say(TRANSCRIPT_SERVER, "220 lab Service Ready\r\n");
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("HELO kgp"));
	expect("C: <client connects to SMTP port>\nS: 220 lab Service Ready\nC: HELO kgp\n");
}

static void a_password_is_masked(void **state)
{
	(void)state;
	transcript_secret(&feed, TRANSCRIPT_CLIENT, slice_str("PASS secret"), strlen("PASS "));
	transcript_secret(&feed, TRANSCRIPT_CLIENT, slice_str("PASS"), strlen("PASS "));
	expect("C: PASS …\nC: PASS\n");
}

static void text_is_shown_line_by_line_however_it_is_cut(void **state)
{
	(void)state;
	say(TRANSCRIPT_CLIENT, "one\r");
	say(TRANSCRIPT_SERVER, "+OK\r\n");
	say(TRANSCRIPT_CLIENT, "\ntw");
	say(TRANSCRIPT_CLIENT, "o\nthree\r\n\r\n.");
	say(TRANSCRIPT_CLIENT, "\r\n");
	expect("S: +OK\nC: one\nC: two\nC: three\nC: \nC: .\n");
}

static void what_broke_off_is_shown_before_the_end(void **state)
{
	(void)state;
	say(TRANSCRIPT_CLIENT, "half a li");
	transcript_note(&feed, TRANSCRIPT_CLIENT, "<client hangs up>");
	expect("C: half a li\nC: <client hangs up>\n");
}

static void control_characters_are_shown_not_obeyed(void **state)
{
	(void)state;
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_make("a\x1b[2J\0\r\x7f\tb", 10));
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("\xc3\xa9 \xc2\x9b \xe2\x80\xae \xff"));
	expect("C: a\\x1B[2J\\x00\\x0D\\x7F\tb\nC: \xc3\xa9 \\xC2\\x9B \\xE2\\x80\\xAE \\xFF\n");
}

static void a_very_long_line_is_cut(void **state)
{
	static char shown[2 * 2048];
	char line[5000];
	(void)state;
	memset(line, 'x', sizeof line);
	for (int i = 0; i < 3; i++)
		transcript_text(&feed, TRANSCRIPT_CLIENT, line, sizeof line);
	say(TRANSCRIPT_CLIENT, "\r\nshort\r\n");
	memcpy(line, "C: ", 3);
	snprintf(shown, sizeof shown, "%.*s…\nC: short\n", 3 + 2048, line);
	expect(shown);
}

static void without_a_transcript_nothing_happens(void **state)
{
	struct transcript_feed none;
	(void)state;
	transcript_feed_init(&none, NULL);
	transcript_line(&none, TRANSCRIPT_CLIENT, slice_str("x"));
	transcript_text(&none, TRANSCRIPT_CLIENT, "x", 1);
	transcript_secret(&none, TRANSCRIPT_CLIENT, slice_str("x"), 0);
	transcript_note(&none, TRANSCRIPT_CLIENT, "x");
	assert_null(none.partial[0].data);
	transcript_feed_release(&none);
	expect("");
}

static void a_reader_who_does_not_read_holds_nobody_up(void **state)
{
	int pipe_ends[2];
	char line[1000];
	(void)state;
	memset(line, 'x', sizeof line);
	assert_int_equal(pipe(pipe_ends), 0);
	struct transcript *t = transcript_new(pipe_ends[1]);
	transcript_feed_init(&feed, t);
	for (int i = 0; i < 4000; i++)
		transcript_line(&feed, TRANSCRIPT_CLIENT, slice_make(line, sizeof line));
	transcript_feed_release(&feed);
	transcript_free(t); /* gives up after a second */
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	transcript_feed_init(&feed, transcript);
	expect("");
}

static void what_did_not_fit_is_counted(void **state)
{
	static char all[4 * 1024 * 1024];
	char line[1000];
	int pipe_ends[2];
	size_t got = 0;
	(void)state;
	memset(line, 'x', sizeof line);
	assert_int_equal(pipe(pipe_ends), 0);
	struct transcript *t = transcript_new(pipe_ends[1]);
	transcript_feed_init(&feed, t);
	for (int i = 0; i < 3000; i++)
		transcript_line(&feed, TRANSCRIPT_CLIENT, slice_make(line, sizeof line));
	while (!strstr(all, "lines are lost here")) {
		ssize_t n = read(pipe_ends[0], all + got, sizeof all - 1 - got);
		assert_true(n > 0);
		got += (size_t)n;
	}
	transcript_feed_release(&feed);
	transcript_free(t);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	transcript_feed_init(&feed, transcript);
	expect("");
}

/* With NO_COLOR there are none, but the time and the connection's number still are. */
static void terminal_shows(const char *no_color, const char *expected)
{
	int terminal, other;
	char shown[256];
	setenv("NO_COLOR", no_color, 1);
	assert_int_equal(openpty(&terminal, &other, NULL, NULL, NULL), 0);
	struct transcript *t = transcript_new(other);
	transcript_feed_init(&feed, t);
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("NOOP"));
	ssize_t n = read(terminal, shown, sizeof shown - 1);
	assert_true(n > 9);
	shown[n] = '\0';
	assert_true(shown[2] == ':' && shown[5] == ':');
	assert_string_equal(shown + strlen("12:44:00"), expected);
	transcript_feed_release(&feed);
	transcript_free(t);
	close(terminal);
	close(other);
}

static void a_terminal_shows_time_connection_and_colours(void **state)
{
	(void)state;
	terminal_shows("", " #1 \033[36mC: NOOP\033[0m\r\n");
	terminal_shows("1", " #1 C: NOOP\r\n");
	transcript_feed_init(&feed, transcript);
	expect("");
}

#define TRANSCRIPT_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRANSCRIPT_TEST(lines_are_shown_with_who_said_them),
		TRANSCRIPT_TEST(a_password_is_masked),
		TRANSCRIPT_TEST(text_is_shown_line_by_line_however_it_is_cut),
		TRANSCRIPT_TEST(what_broke_off_is_shown_before_the_end),
		TRANSCRIPT_TEST(control_characters_are_shown_not_obeyed),
		TRANSCRIPT_TEST(a_very_long_line_is_cut),
		TRANSCRIPT_TEST(without_a_transcript_nothing_happens),
		TRANSCRIPT_TEST(a_reader_who_does_not_read_holds_nobody_up),
		TRANSCRIPT_TEST(what_did_not_fit_is_counted),
		TRANSCRIPT_TEST(a_terminal_shows_time_connection_and_colours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
