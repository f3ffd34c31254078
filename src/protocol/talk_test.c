/*
 * What a client makes of a server's octets, however they are cut, and what it never takes.
 */
#include "protocol/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A talk whose role notes every event: "[220 hello]", and a text as it stands. */
struct listener {
	struct talk talk; /* first */
	struct buf heard;
	struct transcript_feed feed;
};

static void hear_reply(struct talk *t)
{
	struct listener *l = (struct listener *)t;

	assert_true(buf_printf(&l->heard, "[%.*s|%d%c]", SLICE_FMT(buf_slice(&t->words)), t->code,
	                       t->positive ? '+' : '-'));
}

static void hear_text(struct talk *t, const char *octets, size_t n)
{
	struct listener *l = (struct listener *)t;

	assert_true(buf_append(&l->heard, octets, n));
}

static const struct talk_role role = { .reply = hear_reply, .text = hear_text };

static void listen_for(struct listener *l, enum talk_dialect dialect, size_t replies)
{
	transcript_feed_init(&l->feed, NULL);
	buf_init(&l->heard, 1 << 20);
	talk_init(&l->talk, dialect, &role, &l->feed);
	for (size_t i = 0; i < replies; i++)
		talk_expect(&l->talk);
}

static void listener_release(struct listener *l)
{
	talk_release(&l->talk);
	buf_release(&l->heard);
	transcript_feed_release(&l->feed);
}

static void assert_heard(struct listener *l, const char *expected)
{
	assert_true(buf_append_char(&l->heard, '\0'));
	assert_string_equal(l->heard.data, expected);
	l->heard.len--;
}

/* The octets whole, byte by byte, and cut in two at every place; with `text`, one follows each positive reply. */
static void hear_with(enum talk_dialect dialect, bool text, const char *octets, size_t replies, const char *expected)
{
	size_t n = strlen(octets);

	for (size_t cut = 0; cut <= n + 1; cut++) {
		struct listener l;
		listen_for(&l, dialect, replies);
		l.talk.multiline = text;
		if (cut <= n) {
			talk_push(&l.talk, octets, cut);
			talk_push(&l.talk, octets + cut, n - cut);
		} else {
			for (size_t i = 0; i < n; i++)
				talk_push(&l.talk, octets + i, 1);
		}
		assert_heard(&l, expected);
		assert_false(l.talk.broken);
		assert_true(talk_idle(&l.talk));
		listener_release(&l);
	}
}

static void hear(enum talk_dialect dialect, const char *octets, size_t replies, const char *expected)
{
	hear_with(dialect, dialect == TALK_POP3, octets, replies, expected);
}

static void assert_breaks(enum talk_dialect dialect, size_t replies, const char *octets)
{
	struct listener l;

	listen_for(&l, dialect, replies);
	assert_false(talk_push(&l.talk, octets, strlen(octets)));
	assert_true(l.talk.broken);
	assert_true(l.talk.why.text[0] != '\0');
	assert_true(talk_idle(&l.talk));
	listener_release(&l);
}

static void smtp_replies_come_with_code_and_words_at_any_cut(void **state)
{
	(void)state;
	hear(TALK_SMTP, "220 iitkgp.edu Service Ready\r\n550 No such user\r\n", 2,
	     "[220 iitkgp.edu Service Ready|220+][550 No such user|550-]");
}

static void lines_of_one_reply_are_joined(void **state)
{
	(void)state;
	hear(TALK_SMTP, "250-one\r\n250-\r\n250 two\r\n", 1, "[250 one two|250+]");
}

static void the_last_line_of_a_reply_has_the_code(void **state)
{
	(void)state;
	hear(TALK_SMTP, "250-fine\r\n550 but no\r\n", 1, "[550 fine but no|550-]");
}

static void replies_without_text_and_with_lf_alone_are_taken(void **state)
{
	(void)state;
	hear(TALK_SMTP, "220\n250 \n250-a\n250 b\r\n354\r\n", 4, "[220|220+][250|250+][250 a b|250+][354|354+]");
	hear(TALK_POP3, "-ERR\n", 1, "[-ERR|0-]");
}

static void pop3_text_is_unstuffed_at_any_cut(void **state)
{
	(void)state;
	hear(TALK_POP3, "+OK 2 lines\r\nfirst\r\n..second\r\n.\r\n-ERR no such mail\r\n+OK\r\n.\r\n", 3,
	     "first\n.second\n[+OK 2 lines|0+][-ERR no such mail|0-][+OK|0+]");
}

static void pop3_text_of_an_lf_server_is_read_by_lf(void **state)
{
	(void)state;
	hear(TALK_POP3, "+OK\na\n..b\n.\n+OK next\n.\n", 2, "a\n.b\n[+OK|0+][+OK next|0+]");
}

static void a_bare_lf_never_ends_the_text_of_a_crlf_server(void **state)
{
	(void)state;
	hear(TALK_POP3, "+OK\r\na\n.\nb\r\n.\r\n", 1, "a\n.\nb\n[+OK|0+]");
}

static void an_smtp_reply_may_have_a_text_behind_it(void **state)
{
	(void)state;
	hear_with(TALK_SMTP, true, "250-a\r\n250 b\r\n..one\r\n250 two\r\n.\r\n503 no\r\n250\r\n.\r\n", 3,
	          ".one\n250 two\n[250 a b|250+][503 no|503-][250|250+]");
	hear_with(TALK_SMTP, true, "250\n..one\n.\n", 1, ".one\n[250|250+]");
}

static void an_endless_line_breaks_the_talk(void **state)
{
	struct listener l;
	char octets[4096];
	size_t sent = 0;

	(void)state;
	memset(octets, '2', sizeof octets);
	listen_for(&l, TALK_SMTP, 1);
	while (talk_push(&l.talk, octets, sizeof octets))
		assert_true((sent += sizeof octets) <= TALK_LINE_MAX);
	assert_true(sent >= TALK_LINE_MAX - sizeof octets);
	listener_release(&l);
}

static void an_endless_reply_breaks_the_talk(void **state)
{
	struct listener l;
	size_t lines = 0;

	(void)state;
	listen_for(&l, TALK_SMTP, 1);
	while (talk_push(&l.talk, "250-and\r\n", 9))
		assert_true(++lines <= TALK_LINES_MAX);
	assert_int_equal(lines, TALK_LINES_MAX);
	listener_release(&l);
}

static void what_is_no_reply_breaks_the_talk(void **state)
{
	(void)state;
	assert_breaks(TALK_SMTP, 1, "hello\r\n");
	assert_breaks(TALK_SMTP, 1, "\r\n");
	assert_breaks(TALK_SMTP, 1, "25\r\n");
	assert_breaks(TALK_SMTP, 1, "2500 x\r\n");
	assert_breaks(TALK_SMTP, 1, "199 x\r\n");
	assert_breaks(TALK_SMTP, 1, "600 x\r\n");
	assert_breaks(TALK_POP3, 1, "* OK IMAP4rev1\r\n");
	assert_breaks(TALK_POP3, 1, "220 smtp\r\n");
}

static void a_reply_nobody_asked_for_breaks_the_talk(void **state)
{
	(void)state;
	assert_breaks(TALK_SMTP, 0, "250 OK\r\n");
	assert_breaks(TALK_SMTP, 1, "250 OK\r\n250 and more\r\n");
}

static void commands_are_queued_and_each_expects_a_reply(void **state)
{
	struct listener l;

	(void)state;
	listen_for(&l, TALK_POP3, 0);
	talk_command(&l.talk, slice_str("STAT"));
	talk_commandf(&l.talk, "RETR %d", 7);
	assert_int_equal(l.talk.expected, 2);
	assert_true(slice_equal_text(buf_slice(&l.talk.out), "STAT\r\nRETR 7\r\n"));
	listener_release(&l);
}

static void a_line_end_in_a_command_is_never_sent(void **state)
{
	static const char *const values[] = { "a\r\nDATA", "a\nDATA", "a\rDATA" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct listener l;
		listen_for(&l, TALK_SMTP, 0);
		talk_commandf(&l.talk, "RCPT TO:<%s>", values[i]);
		assert_true(l.talk.broken);
		assert_int_equal(l.talk.out.len, 0);
		listener_release(&l);
	}
}

static void a_secret_is_wiped_once_it_is_sent(void **state)
{
	struct listener l;

	(void)state;
	listen_for(&l, TALK_POP3, 0);
	talk_secret(&l.talk, "PASS", slice_str("network$ecurity"));
	assert_true(slice_equal_text(buf_slice(&l.talk.out), "PASS network$ecurity\r\n"));
	talk_sent(&l.talk, 10);
	talk_sent(&l.talk, l.talk.out.len);
	for (size_t i = 0; i < l.talk.out.cap; i++)
		assert_int_equal(l.talk.out.data[i], 0);
	listener_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smtp_replies_come_with_code_and_words_at_any_cut),
		cmocka_unit_test(lines_of_one_reply_are_joined),
		cmocka_unit_test(the_last_line_of_a_reply_has_the_code),
		cmocka_unit_test(replies_without_text_and_with_lf_alone_are_taken),
		cmocka_unit_test(pop3_text_is_unstuffed_at_any_cut),
		cmocka_unit_test(pop3_text_of_an_lf_server_is_read_by_lf),
		cmocka_unit_test(a_bare_lf_never_ends_the_text_of_a_crlf_server),
		cmocka_unit_test(an_smtp_reply_may_have_a_text_behind_it),
		cmocka_unit_test(an_endless_line_breaks_the_talk),
		cmocka_unit_test(an_endless_reply_breaks_the_talk),
		cmocka_unit_test(what_is_no_reply_breaks_the_talk),
		cmocka_unit_test(a_reply_nobody_asked_for_breaks_the_talk),
		cmocka_unit_test(commands_are_queued_and_each_expects_a_reply),
		cmocka_unit_test(a_line_end_in_a_command_is_never_sent),
		cmocka_unit_test(a_secret_is_wiped_once_it_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
