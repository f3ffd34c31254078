/*
 * watch_test: what sessions say is told in order, mails as numbers alone, and a reader who does not read holds nobody up.
 */
#include "server/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];
static struct watch *watch;

static int set_up(void **state)
{
	struct fault why;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	watch = watch_new(ends[0], NULL, &why);
	assert_non_null(watch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(ends[1]);
	watch_free(watch);
	close(ends[0]);
	return 0;
}

static void hear(struct message *m)
{
	static char packet[MESSAGE_MAX];
	ssize_t n = recv(ends[1], packet, sizeof packet, 0);
	assert_true(n > 0);
	assert_true(message_decode(m, slice_make(packet, (size_t)n)));
}

static void expect_line(char side, const char *text, unsigned how)
{
	struct message m;
	hear(&m);
	assert_int_equal(m.type, MESSAGE_LINE);
	assert_int_equal(m.numbers[2], side);
	assert_true(slice_equal_text(m.texts[0], text));
	assert_int_equal(m.numbers[4], how);
}

static void expect_text(char side, uint64_t octets, uint64_t lines)
{
	struct message m;
	hear(&m);
	assert_int_equal(m.type, MESSAGE_TEXT);
	assert_int_equal(m.numbers[2], side);
	assert_true(m.numbers[3] == octets && m.numbers[4] == lines);
}

static void expect_type(enum message_type type)
{
	struct message m;
	hear(&m);
	assert_int_equal(m.type, type);
}

static void a_mail_is_told_by_its_size_and_a_secret_not_at_all(void **state)
{
	(void)state;
	struct transcript_feed feed;
	transcript_feed_init(&feed, NULL);
	transcript_feed_tell(&feed, watch_sink(watch));
	watch_opened(feed.heard, "smtp", "127.0.0.1");
	transcript_command(&feed, slice_str("AUTH PLAIN c2VjcmV0"));
	transcript_text(&feed, TRANSCRIPT_CLIENT, "Subject: x\r\n\r\nprivate", 21);
	transcript_text(&feed, TRANSCRIPT_CLIENT, " words\r\n.\r\n", 11);
	transcript_text(&feed, TRANSCRIPT_SERVER, "250 ok\r\n", 8);
	transcript_feed_release(&feed);
	expect_type(MESSAGE_OPENED);
	expect_line('C', "AUTH ", MESSAGE_LINE_SECRET);
	expect_text('C', 29, 3);
	expect_line('C', ".", MESSAGE_LINE_BODY);
	expect_line('S', "250 ok", 0);
	expect_type(MESSAGE_ENDED);
}

static void a_mail_that_is_fetched_is_told_by_its_size(void **state)
{
	(void)state;
	struct transcript_feed feed;
	transcript_feed_init(&feed, NULL);
	transcript_feed_tell(&feed, watch_sink(watch));
	watch_opened(feed.heard, "pop3", "127.0.0.1");
	transcript_command(&feed, slice_str("retr 1"));
	transcript_text(&feed, TRANSCRIPT_SERVER, "+OK 10 octets\r\nprivate\r\n..\r\n.\r\n", 31);
	transcript_command(&feed, slice_str("LIST"));
	transcript_text(&feed, TRANSCRIPT_SERVER, "+OK\r\n1 10\r\n.\r\n", 14);
	transcript_feed_release(&feed);
	expect_type(MESSAGE_OPENED);
	expect_line('C', "retr 1", 0);
	expect_line('S', "+OK 10 octets", 0);
	expect_text('S', 13, 2);
	expect_line('S', ".", 0);
	expect_line('C', "LIST", 0);
	expect_line('S', "+OK", 0);
	expect_line('S', "1 10", 0);
}

/* Nobody reads: all of it returns, what finds no room is counted, and told when somebody reads again. */
static void who_does_not_read_is_told_how_much_was_lost(void **state)
{
	(void)state;
	static char much[32 * 1024];
	const struct message m = { .type = MESSAGE_METRICS, .texts = { slice_make(much, sizeof much) } };
	const unsigned count = 4 * WATCH_QUEUE_MAX / sizeof much;
	struct message heard;
	uint64_t came = 0, lost = 0;
	for (unsigned i = 0; i < count; i++)
		watch_tell(watch, &m);
	while (came + lost < count) {
		hear(&heard);
		if (heard.type == MESSAGE_LOST)
			lost += heard.numbers[0];
		else
			came++;
	}
	assert_true(lost > 0);
	assert_int_equal(came + lost, count);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_mail_is_told_by_its_size_and_a_secret_not_at_all),
		TEST(a_mail_that_is_fetched_is_told_by_its_size),
		TEST(who_does_not_read_is_told_how_much_was_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
