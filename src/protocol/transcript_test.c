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
#include <pthread.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct transcript *transcript;
static struct transcript_feed feed;
static FILE *file;

static int begin(void **state)
{
	(void)state;
	file = tmpfile();
	assert_non_null(file);
	transcript = transcript_new(fileno(file), NULL);
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

/* Ends the transcript; all of it. */
static const char *ended(void)
{
	static char shown[64 * 1024];
	transcript_feed_release(&feed);
	transcript_free(transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	return shown;
}

static void expect(const char *expected)
{
	assert_string_equal(ended(), expected);
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

static void commands_that_bring_secrets_are_masked(void **state)
{
	(void)state;
	transcript_command(&feed, slice_str("auth PLAIN AGJvYgBidWlsZGVy"));
	transcript_command(&feed, slice_str("APOP bob c4c9334bac560ecc979e58001b3e22fb"));
	transcript_command(&feed, slice_str(" PASS builder"));
	transcript_command(&feed, slice_str("USER bob\rPASS builder"));
	transcript_command(&feed, slice_str("USER bob"));
	expect("C: auth …\nC: APOP …\nC:  PASS …\nC: USER bob…\nC: USER bob\n");
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
	struct transcript *t = transcript_new(pipe_ends[1], NULL);
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
	struct transcript *t = transcript_new(pipe_ends[1], NULL);
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
	struct transcript *t = transcript_new(other, NULL);
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

/* ---- explanations ---- */

static void begin_explaining(void)
{
	static const struct course_verb spellings[] = { { "MAIL_FROM:", "MAIL FROM:" } };
	transcript_feed_release(&feed);
	transcript_explain(transcript, spellings, 1);
	transcript_feed_init(&feed, transcript);
}

static void under_each_line_stands_what_it_means(void **state)
{
	(void)state;
	begin_explaining();
	say(TRANSCRIPT_SERVER, "220 lab\r\n");
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("MAIL_FROM: <bob@lab>"));
	expect("S: 220 lab\n"
	       "     the server is ready, and names itself. State before: the server has not spoken; now: connected, "
	       "the "
	       "client has not said its name (RFC 5321 section 3.1)\n"
	       "C: MAIL_FROM: <bob@lab>\n"
	       "     begins a mail and names its sender, who is told if it cannot be delivered; spelled as a course "
	       "does "
	       "it, no RFC has this form (RFC 5321 section 4.1.1.2)\n");
}

static void explained_or_not_a_mails_text_is_shown_alike(void **state)
{
	static const char text[] = "From: bob@lab\r\n\r\nhello\r\n";
	(void)state;
	begin_explaining();
	say(TRANSCRIPT_SERVER, "+OK\r\n");
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("RETR 1"));
	say(TRANSCRIPT_SERVER, "+OK\r\n");
	for (size_t i = 0; i < strlen(text); i++)
		transcript_text(&feed, TRANSCRIPT_SERVER, text + i, 1);
	assert_non_null(strstr(ended(), "section 5)\nS: From: bob@lab\nS: \nS: hello\n"));
}

/* RFC 3030: what is in a chunk only looks like commands; it may end amid a line. */
static void a_chunks_octets_are_shown_and_not_explained(void **state)
{
	(void)state;
	begin_explaining();
	say(TRANSCRIPT_SERVER, "220 lab\r\n");
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("BDAT 10"));
	say(TRANSCRIPT_CLIENT, "QUIT\r\n.\r\n.");
	transcript_text_end(&feed, TRANSCRIPT_CLIENT);
	transcript_text_end(&feed, TRANSCRIPT_CLIENT);
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("NOOP"));
	assert_non_null(strstr(ended(), "section 2)\nC: QUIT\nC: .\nC: .\nC: NOOP\n"));
}

static void an_explained_password_is_still_masked(void **state)
{
	(void)state;
	begin_explaining();
	say(TRANSCRIPT_SERVER, "+OK\r\n");
	transcript_secret(&feed, TRANSCRIPT_CLIENT, slice_str("PASS secret"), strlen("PASS "));
	const char *shown = ended();
	assert_non_null(strstr(shown, "C: PASS \xe2\x80\xa6\n     gives the user's password"));
	assert_null(strstr(shown, "secret"));
}

static void connections_are_explained_each_for_itself(void **state)
{
	struct transcript_feed other;
	(void)state;
	begin_explaining();
	transcript_feed_init(&other, transcript);
	say(TRANSCRIPT_SERVER, "+OK\r\n");
	transcript_text(&other, TRANSCRIPT_SERVER, "220 lab\r\n", 9);
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("QUIT"));
	transcript_line(&other, TRANSCRIPT_CLIENT, slice_str("QUIT"));
	transcript_feed_release(&other);
	const char *shown = ended();
	assert_non_null(strstr(shown, "removed now (RFC 1939"));
	assert_non_null(strstr(shown, "end the session (RFC 5321"));
}

/* What a terminal so wide shows of one explained line, its end CR LF taken as LF. */
static void explained_on_terminal(unsigned short columns, const char *no_color, char *shown, size_t size)
{
	int terminal, other;
	struct winsize window = { .ws_row = 24, .ws_col = columns };
	size_t got = 0;
	setenv("NO_COLOR", no_color, 1);
	assert_int_equal(openpty(&terminal, &other, NULL, NULL, &window), 0);
	struct transcript *t = transcript_new(other, NULL);
	transcript_explain(t, NULL, 0);
	struct transcript_feed f;
	transcript_feed_init(&f, t);
	transcript_line(&f, TRANSCRIPT_SERVER, slice_str("+OK"));
	transcript_flush(t);
	transcript_feed_release(&f);
	transcript_free(t);
	close(other);
	for (ssize_t n = 1; n > 0 && got<size - 1; got += n> 0 ? (size_t)n : 0)
		n = read(terminal, shown + got, size - 1 - got);
	close(terminal);
	size_t kept = 0;
	for (size_t i = 0; i < got; i++) {
		if (shown[i] != '\r')
			shown[kept++] = shown[i];
	}
	shown[kept] = '\0';
}

static void a_terminal_shows_explanations_dim_and_wrapped(void **state)
{
	char shown[2000];
	(void)state;
	explained_on_terminal(80, "", shown, sizeof shown);
	assert_string_equal(
	        shown + strlen("12:44:00"),
	        " #1 \033[32mS: +OK\033[0m\n"
	        "                 \033[2mthe server is ready; now the client says who it is. State\033[0m\n"
	        "                 \033[2mbefore: the server has not spoken; now: AUTHORIZATION, no user\033[0m\n"
	        "                 \033[2mnamed (RFC 1939 section 4)\033[0m\n");
	explained_on_terminal(40, "1", shown, sizeof shown);
	assert_string_equal(shown + strlen("12:44:00"), " #1 S: +OK\n"
	                                                "     the server is ready; now the client\n"
	                                                "     says who it is. State before: the\n"
	                                                "     server has not spoken; now:\n"
	                                                "     AUTHORIZATION, no user named (RFC\n"
	                                                "     1939 section 4)\n");
}

static void a_very_narrow_terminal_gets_a_word_a_line(void **state)
{
	char shown[2000];
	(void)state;
	explained_on_terminal(1, "1", shown, sizeof shown);
	assert_non_null(strstr(shown, "\n     AUTHORIZATION,\n"));
}

static void what_was_said_is_there_after_a_flush(void **state)
{
	char shown[64] = "";
	(void)state;
	for (int i = 0; i < 200; i++)
		transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("NOOP"));
	transcript_line(&feed, TRANSCRIPT_CLIENT, slice_str("QUIT"));
	transcript_flush(transcript);
	assert_true(pread(fileno(file), shown, sizeof shown - 1, 200 * strlen("C: NOOP\n")) > 0);
	assert_string_equal(shown, "C: QUIT\n");
	transcript_flush(transcript); /* nothing new */
	transcript_flush(NULL);
	ended();
}

static _Atomic size_t octets_read;

static void *read_late(void *pipe_end)
{
	char octets[4096];
	ssize_t n;
	usleep(20 * 1000);
	while ((n = read(*(int *)pipe_end, octets, sizeof octets)) > 0) {
		octets_read += (size_t)n;
		usleep(1000);
	}
	return NULL;
}

static void a_flush_waits_for_a_slow_reader(void **state)
{
	enum { LINES = 200 };
	char line[1000];
	int pipe_ends[2], left;
	pthread_t reader;
	(void)state;
	memset(line, 'x', sizeof line);
	octets_read = 0;
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_late, &pipe_ends[0]), 0);
	struct transcript *t = transcript_new(pipe_ends[1], NULL);
	struct transcript_feed f;
	transcript_feed_init(&f, t);
	for (int i = 0; i < LINES; i++)
		transcript_line(&f, TRANSCRIPT_CLIENT, slice_make(line, sizeof line));
	transcript_flush(t);
	size_t before = octets_read;
	assert_int_equal(ioctl(pipe_ends[0], FIONREAD, &left), 0);
	assert_true(before + (size_t)left + 4096 >= LINES * (sizeof line + strlen("C: \n")));
	transcript_feed_release(&f);
	transcript_free(t);
	close(pipe_ends[1]);
	pthread_join(reader, NULL);
	close(pipe_ends[0]);
	ended();
}

#define TRANSCRIPT_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRANSCRIPT_TEST(lines_are_shown_with_who_said_them),
		TRANSCRIPT_TEST(a_password_is_masked),
		TRANSCRIPT_TEST(commands_that_bring_secrets_are_masked),
		TRANSCRIPT_TEST(text_is_shown_line_by_line_however_it_is_cut),
		TRANSCRIPT_TEST(what_broke_off_is_shown_before_the_end),
		TRANSCRIPT_TEST(control_characters_are_shown_not_obeyed),
		TRANSCRIPT_TEST(a_very_long_line_is_cut),
		TRANSCRIPT_TEST(without_a_transcript_nothing_happens),
		TRANSCRIPT_TEST(a_reader_who_does_not_read_holds_nobody_up),
		TRANSCRIPT_TEST(what_did_not_fit_is_counted),
		TRANSCRIPT_TEST(a_terminal_shows_time_connection_and_colours),
		TRANSCRIPT_TEST(under_each_line_stands_what_it_means),
		TRANSCRIPT_TEST(explained_or_not_a_mails_text_is_shown_alike),
		TRANSCRIPT_TEST(a_chunks_octets_are_shown_and_not_explained),
		TRANSCRIPT_TEST(an_explained_password_is_still_masked),
		TRANSCRIPT_TEST(connections_are_explained_each_for_itself),
		TRANSCRIPT_TEST(a_terminal_shows_explanations_dim_and_wrapped),
		TRANSCRIPT_TEST(a_very_narrow_terminal_gets_a_word_a_line),
		TRANSCRIPT_TEST(what_was_said_is_there_after_a_flush),
		TRANSCRIPT_TEST(a_flush_waits_for_a_slow_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
