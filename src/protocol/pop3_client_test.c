/*
 * Sessions with scripted servers: full ones, poor ones and wrong ones.
 */
#include "protocol/pop3_client.h"

#include "protocol/client_login_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct session {
	struct pop3_client client;
	struct transcript_feed feed;
	struct pop3_client_sink sink;
	struct client_login login;
	struct pop3_client_manner manner;
	struct buf said;
	struct buf heard; /* the mails' text; "[0+]" at the end of each of a scan */
	size_t step;      /* octets pushed at a time; 0: all */
};

static void hear_text(void *owner, const char *octets, size_t n)
{
	struct session *s = owner;

	assert_true(buf_append(&s->heard, octets, n));
}

static void hear_end(void *owner, size_t index, bool given)
{
	struct session *s = owner;

	assert_true(buf_printf(&s->heard, "[%zu%c]", index, given ? '+' : '-'));
}

static void session_begin(struct session *s)
{
	*s = (struct session){ .sink = { hear_text, hear_end, s } };
	transcript_feed_init(&s->feed, NULL);
	buf_init(&s->said, 1 << 20);
	buf_init(&s->heard, 1 << 20);
	pop3_client_init(&s->client, &s->feed);
	client_login_init(&s->login, "alice", "d@t@comm");
	s->manner.login = &s->login.login;
}

static void session_end(struct session *s)
{
	pop3_client_release(&s->client);
	buf_release(&s->said);
	buf_release(&s->heard);
	transcript_feed_release(&s->feed);
}

static void send_all(struct session *s)
{
	struct talk *t = &s->client.talk;

	assert_true(buf_append_slice(&s->said, buf_slice(&t->out)));
	talk_sent(t, t->out.len);
}

static void answer(struct session *s, const char *octets)
{
	size_t n = strlen(octets), step = s->step == 0 ? n : s->step;

	send_all(s);
	for (size_t at = 0; at < n; at += step)
		talk_push(&s->client.talk, octets + at, n - at < step ? n - at : step);
	send_all(s);
}

static void log_in(struct session *s)
{
	pop3_client_login(&s->client, &s->manner);
	answer(s, "+OK POP3 server ready\r\n");
	answer(s, "+OK\r\n");
	answer(s, "+OK\r\n");
}

static void assert_text(struct buf *b, const char *expected)
{
	assert_true(buf_append_char(b, '\0'));
	assert_string_equal(b->data, expected);
	b->len = 0;
}

/* Logged in at a server with these capabilities and this list. */
static void list(struct session *s, const char *capa, const char *mails)
{
	log_in(s);
	answer(s, capa);
	answer(s, "+OK 2 300\r\n");
	answer(s, mails);
	assert_int_equal(s->client.state, POP3_CLIENT_READY);
	assert_true(talk_idle(&s->client.talk));
	buf_clear(&s->said);
}

static const char full[] = "+OK\r\nTOP\r\nUIDL\r\npipelining\r\nUSER\r\n.\r\n";
static const char two[] = "+OK 2 messages\r\n1 100\r\n2 200\r\n.\r\n";

static void a_login_ends_with_the_list(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	log_in(&s);
	answer(&s, full);
	answer(&s, "+OK 2 300\r\n");
	answer(&s, two);
	assert_text(&s.said, "USER alice\r\nPASS d@t@comm\r\nCAPA\r\nSTAT\r\nLIST\r\n");
	assert_true(s.client.capa && s.client.top && s.client.pipelining);
	assert_int_equal(s.client.count, 2);
	assert_int_equal(s.client.mails[1].number, 2);
	assert_int_equal(s.client.mails[1].octets, 200);
	session_end(&s);
}

static void a_wrong_password_keeps_the_servers_words_and_says_quit(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	s.login.login.password = slice_str("wrong");
	pop3_client_login(&s.client, &s.manner);
	answer(&s, "+OK\r\n");
	answer(&s, "+OK\r\n");
	answer(&s, "-ERR wrong name or password\r\n");
	assert_true(s.client.refused);
	answer(&s, "-ERR bye anyway\r\n");
	assert_true(slice_equal_text(buf_slice(&s.client.refusal), "-ERR wrong name or password"));
	assert_text(&s.said, "USER alice\r\nPASS wrong\r\nQUIT\r\n");
	assert_int_equal(s.client.state, POP3_CLIENT_END);
	assert_true(talk_idle(&s.client.talk));
	session_end(&s);
}

static void headers_are_asked_for_in_a_window_where_the_server_takes_pipelines(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	pop3_client_scan(&s.client, &s.sink);
	send_all(&s);
	assert_text(&s.said, "TOP 1 0\r\nTOP 2 0\r\n");
	answer(&s, "+OK\r\nSubject: a\r\n\r\n.\r\n+OK\r\nSubject: b\r\n\r\n.\r\n");
	assert_text(&s.heard, "Subject: a\n\n[0+]Subject: b\n\n[1+]");
	assert_int_equal(s.client.state, POP3_CLIENT_READY);
	session_end(&s);
}

static void a_window_is_never_larger_than_its_limit(void **state)
{
	struct session s;
	struct buf mails;

	(void)state;
	session_begin(&s);
	buf_init(&mails, 1 << 16);
	assert_true(buf_append_text(&mails, "+OK\r\n"));
	for (int i = 1; i <= 100; i++)
		assert_true(buf_printf(&mails, "%d 10\r\n", i));
	assert_true(buf_append(&mails, ".\r\n", 4));
	list(&s, full, mails.data);
	pop3_client_scan(&s.client, &s.sink);
	for (int i = 0; i < 100; i++) {
		assert_true(s.client.talk.expected <= POP3_CLIENT_WINDOW);
		answer(&s, "+OK\r\n.\r\n");
	}
	assert_int_equal(s.client.state, POP3_CLIENT_READY);
	assert_int_equal(s.client.answered, 100);
	buf_release(&mails);
	session_end(&s);
}

static void without_capa_and_top_whole_mails_are_read_for_the_list(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, "-ERR what?\r\n", two);
	pop3_client_scan(&s.client, &s.sink);
	assert_true(pop3_client_is_probing(&s.client));
	answer(&s, "-ERR what?\r\n");
	assert_false(pop3_client_is_probing(&s.client));
	answer(&s, "+OK\r\nSubject: a\r\nbody\r\n.\r\n");
	answer(&s, "+OK\r\nSubject: b\r\nbody\r\n.\r\n");
	assert_text(&s.said, "TOP 1 0\r\nRETR 1\r\nRETR 2\r\n");
	assert_text(&s.heard, "Subject: a\nbody\n[0+]Subject: b\nbody\n[1+]");
	session_end(&s);
}

static void without_capa_top_is_used_where_it_works(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, "-ERR what?\r\n", two);
	pop3_client_scan(&s.client, &s.sink);
	answer(&s, "+OK\r\nSubject: a\r\n\r\n.\r\n");
	answer(&s, "-ERR gone\r\n");
	assert_text(&s.said, "TOP 1 0\r\nTOP 2 0\r\n");
	assert_text(&s.heard, "Subject: a\n\n[0+][1-]");
	session_end(&s);
}

static void a_bare_client_asks_for_nothing_optional(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	s.client.bare = true;
	log_in(&s);
	answer(&s, "+OK 1 5\r\n");
	answer(&s, "+OK\r\n1 5\r\n.\r\n");
	pop3_client_scan(&s.client, &s.sink);
	answer(&s, "+OK\r\nx\r\n.\r\n");
	assert_text(&s.said, "USER alice\r\nPASS d@t@comm\r\nSTAT\r\nLIST\r\nRETR 1\r\n");
	session_end(&s);
}

static void the_list_is_what_its_lines_say_and_not_its_counts(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full,
	     "+OK 99 messages (1 octets)\r\n3 120 extra\r\nnonsense\r\n-1 5\r\n0 5\r\n7\r\n4294967297 1\r\n.\r\n");
	assert_int_equal(s.client.count, 2);
	assert_int_equal(s.client.mails[0].number, 3);
	assert_int_equal(s.client.mails[0].octets, 120);
	assert_int_equal(s.client.mails[1].number, 7);
	assert_int_equal(s.client.mails[1].octets, 0);
	session_end(&s);
}

static void without_list_the_count_of_stat_is_used(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, "-ERR no LIST here\r\n");
	assert_int_equal(s.client.count, 2);
	assert_int_equal(s.client.mails[1].number, 2);
	session_end(&s);
}

static void an_endless_list_breaks_the_talk(void **state)
{
	struct session s;
	size_t lines = 0;

	(void)state;
	session_begin(&s);
	log_in(&s);
	answer(&s, full);
	answer(&s, "+OK 1 1\r\n");
	answer(&s, "+OK\r\n");
	while (talk_push(&s.client.talk, "1 1\r\n", 5))
		assert_true(++lines <= POP3_CLIENT_MAILS_MAX + 1);
	assert_true(lines >= POP3_CLIENT_MAILS_MAX - 1);
	session_end(&s);
}

static void a_mail_is_read_deleted_and_the_session_left(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	pop3_client_retrieve(&s.client, 2, &s.sink);
	answer(&s, "+OK\r\n..a\r\n.\r\n");
	assert_text(&s.heard, ".a\n");
	pop3_client_delete(&s.client, 2);
	answer(&s, "+OK\r\n");
	assert_false(s.client.refused);
	pop3_client_quit(&s.client);
	answer(&s, "+OK goodbye\r\n");
	assert_false(s.client.refused);
	assert_int_equal(s.client.state, POP3_CLIENT_END);
	assert_text(&s.said, "RETR 2\r\nDELE 2\r\nQUIT\r\n");
	session_end(&s);
}

static void the_greeting_is_kept(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	assert_true(slice_equal_text(buf_slice(&s.client.greeting), "+OK POP3 server ready"));
	session_end(&s);
}

static void mails_are_counted_again(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	pop3_client_stat(&s.client);
	answer(&s, "+OK 17 300\r\n");
	assert_true(s.client.counted);
	assert_int_equal(s.client.stat_mails, 17);
	assert_int_equal(s.client.state, POP3_CLIENT_READY);
	pop3_client_stat(&s.client);
	answer(&s, "+OK\r\n");
	assert_false(s.client.counted);
	assert_false(s.client.refused);
	pop3_client_stat(&s.client);
	answer(&s, "-ERR no\r\n");
	assert_true(s.client.refused);
	assert_text(&s.said, "STAT\r\nSTAT\r\nSTAT\r\n");
	session_end(&s);
}

static void a_later_list_replaces_the_first(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	pop3_client_list(&s.client);
	answer(&s, "+OK 1 message\r\n2 200\r\n.\r\n");
	assert_int_equal(s.client.count, 1);
	assert_int_equal(s.client.mails[0].number, 2);
	pop3_client_list(&s.client);
	answer(&s, "-ERR no\r\n");
	assert_true(s.client.refused);
	assert_int_equal(s.client.count, 0);
	assert_int_equal(s.client.state, POP3_CLIENT_READY);
	assert_text(&s.said, "LIST\r\nLIST\r\n");
	session_end(&s);
}

static void deletions_are_taken_back(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	pop3_client_reset(&s.client);
	answer(&s, "+OK\r\n");
	assert_false(s.client.refused);
	assert_int_equal(s.client.state, POP3_CLIENT_READY);
	assert_text(&s.said, "RSET\r\n");
	session_end(&s);
}

static void a_refused_command_leaves_the_session_open(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, full, two);
	pop3_client_retrieve(&s.client, 2, &s.sink);
	answer(&s, "-ERR [SYS/TEMP] later\r\n");
	assert_true(s.client.refused);
	assert_true(slice_equal_text(buf_slice(&s.client.refusal), "-ERR [SYS/TEMP] later"));
	assert_int_equal(s.client.state, POP3_CLIENT_READY);
	pop3_client_delete(&s.client, 1);
	answer(&s, "+OK\r\n");
	assert_false(s.client.refused);
	session_end(&s);
}

static void any_cut_of_the_servers_octets_gives_the_same_session(void **state)
{
	(void)state;
	for (size_t step = 1; step < 40; step++) {
		struct session s;
		session_begin(&s);
		s.step = step;
		list(&s, full, two);
		pop3_client_scan(&s.client, &s.sink);
		answer(&s, "+OK\r\n..x\r\n.\r\n-ERR\r\n");
		assert_text(&s.heard, ".x\n[0+][1-]");
		assert_int_equal(s.client.count, 2);
		assert_true(s.client.pipelining);
		session_end(&s);
	}
}

/* ---- a text that does not end ---- */

static void hear_nothing(void *owner, const char *octets, size_t n)
{
	(void)owner;
	(void)octets;
	(void)n;
}

/* Octets of "x" lines that are taken before the talk breaks; at most `most`. */
static size_t pour(struct session *s, size_t most)
{
	char piece[64 * 1024];
	size_t poured = 0;

	for (size_t i = 0; i < sizeof piece; i++)
		piece[i] = i % 64 == 63 ? '\n' : 'x';
	send_all(s);
	assert_true(talk_push(&s->client.talk, "+OK\r\n", 5));
	while (poured < most && talk_push(&s->client.talk, piece, sizeof piece))
		poured += sizeof piece;
	return poured;
}

static void what_is_no_mail_ends_long_before_a_mail_may(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	log_in(&s);
	assert_in_range(pour(&s, 4 * POP3_CLIENT_CAPA_MAX), 1, POP3_CLIENT_CAPA_MAX);
	session_end(&s);

	session_begin(&s);
	log_in(&s);
	answer(&s, full);
	answer(&s, "+OK 2 300\r\n");
	assert_in_range(pour(&s, 2 * POP3_CLIENT_LIST_MAX), 1, POP3_CLIENT_LIST_MAX);
	session_end(&s);

	session_begin(&s);
	list(&s, full, two);
	s.sink.text = hear_nothing;
	pop3_client_scan(&s.client, &s.sink);
	assert_in_range(pour(&s, 2 * POP3_CLIENT_HEAD_MAX), 1, POP3_CLIENT_HEAD_MAX);
	session_end(&s);
}

static void a_whole_mail_that_is_read_for_its_header_may_be_large(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	list(&s, "-ERR what?\r\n", two);
	s.sink.text = hear_nothing;
	pop3_client_scan(&s.client, &s.sink);
	answer(&s, "-ERR no TOP\r\n");
	assert_text(&s.said, "TOP 1 0\r\nRETR 1\r\n");
	assert_int_equal(pour(&s, 2 * POP3_CLIENT_HEAD_MAX), 2 * POP3_CLIENT_HEAD_MAX);
	session_end(&s);
}

/* ---- the extended manner ---- */

/* Says these answers; the handshake is done where it is asked for, and leaves "[TLS]". */
static void extended(struct session *s, const char *const *answers)
{
	s->manner.extended = true;
	pop3_client_login(&s->client, &s->manner);
	for (; *answers; answers++) {
		answer(s, *answers);
		if (s->client.talk.secures) {
			assert_true(buf_append_text(&s->said, "[TLS]"));
			talk_secured(&s->client.talk);
			send_all(s);
		}
	}
}

static void assert_unsafe(const struct session *s, const char *part)
{
	assert_true(s->client.talk.broken && s->client.talk.unsafe);
	assert_non_null(strstr(s->client.talk.why.text, part));
}

static void tls_and_utf8_come_before_the_login(void **state)
{
	static const char *const answers[] = { "+OK <1@h>\r\n", "+OK\r\nSTLS\r\nSASL LOGIN\r\nPIPELINING\r\n.\r\n",
		                               "+OK go\r\n",    "+OK\r\nSASL LOGIN SCRAM-SHA-256\r\nUTF8\r\n.\r\n",
		                               "+OK\r\n",       "+ abc\r\n",
		                               "+OK in\r\n",    NULL };
	struct session s;

	(void)state;
	for (size_t step = 0; step < 4; step++) {
		session_begin(&s);
		s.step = step;
		extended(&s, answers);
		assert_text(&s.said, "CAPA\r\nSTLS\r\n[TLS]CAPA\r\nUTF8\r\nAUTH SCRAM-SHA-256 <>\r\n<abc>\r\nCAPA\r\n");
		assert_false(s.client.pipelining);
		session_end(&s);
	}
}

static void a_bare_client_still_looks_for_tls_and_never_goes_on_without(void **state)
{
	static const char *const answers[] = { "+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK go\r\n", NULL };
	struct session s;

	(void)state;
	session_begin(&s);
	s.client.bare = true;
	extended(&s, answers);
	assert_text(&s.said, "CAPA\r\nSTLS\r\n[TLS]CAPA\r\n");
	assert_false(pop3_client_is_probing(&s.client));
	session_end(&s);
}

static void what_comes_behind_the_answer_to_stls_ends_the_session(void **state)
{
	static const char offer[] = "+OK\r\nSTLS\r\n.\r\n";
	struct session s;

	(void)state;
	session_begin(&s);
	s.manner.extended = true;
	pop3_client_login(&s.client, &s.manner);
	answer(&s, "+OK\r\n");
	answer(&s, offer);
	answer(&s, "+OK go\r\n+OK\r\nSASL PLAIN\r\n.\r\n");
	assert_unsafe(&s, "before TLS");
	assert_text(&s.said, "CAPA\r\nSTLS\r\n");
	session_end(&s);

	session_begin(&s);
	s.manner.clear_login = true;
	extended(&s, (const char *const[]){ "+OK\r\n", offer, "-ERR never\r\n", NULL });
	assert_unsafe(&s, "-ERR never");
	session_end(&s);
}

static void in_clear_nobody_logs_in_but_where_it_is_allowed(void **state)
{
	static const char *const capas[] = { "+OK\r\nSASL SCRAM-SHA-256 PLAIN\r\n.\r\n", "-ERR what?\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct session s;
		session_begin(&s);
		extended(&s, (const char *const[]){ "+OK <1@h>\r\n", capas[i], NULL });
		assert_unsafe(&s, "--plaintext");
		assert_text(&s.said, "CAPA\r\n");
		session_end(&s);
	}
}

static void the_strongest_login_is_used(void **state)
{
	static const struct {
		const char *greeting, *capa, *said;
		bool secured;
	} cases[] = {
		{ "+OK <1@h>\r\n", "+OK\r\nSASL PLAIN SCRAM-SHA-256\r\n.\r\n", "AUTH SCRAM-SHA-256 <>\r\n", false },
		{ "+OK <1@h>\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "APOP alice 55555555555555555555555555555555\r\n",
		  false },
		{ "+OK <1@h>\r\n", "-ERR\r\n", "APOP alice 55555555555555555555555555555555\r\n", false },
		{ "+OK <1@h>\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "AUTH PLAIN <>\r\n", true },
		{ "+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "AUTH LOGIN\r\n", false },
		{ "+OK\r\n", "+OK\r\nSASL CRAM-MD5\r\n.\r\n", "USER alice\r\n", true },
		/* No msg-id, so no time stamp: CVE-2007-1558. */
		{ "+OK <1h>\r\n", "-ERR\r\n", "USER alice\r\n", false },
		{ "+OK <1@h\001>\r\n", "-ERR\r\n", "USER alice\r\n", false },
		{ "+OK <1@h\r\n", "-ERR\r\n", "USER alice\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session s;
		session_begin(&s);
		s.manner.clear_login = true;
		s.manner.secured = cases[i].secured;
		extended(&s, (const char *const[]){ cases[i].greeting, cases[i].capa, NULL });
		assert_true(slice_equal_text(slice_make(s.said.data, 6), "CAPA\r\n"));
		buf_consume(&s.said, 6);
		assert_text(&s.said, cases[i].said);
		session_end(&s);
	}
}

static void a_refused_login_says_quit_and_tries_no_weaker_one(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	s.manner.secured = true;
	extended(&s, (const char *const[]){ "+OK\r\n", "+OK\r\nSASL SCRAM-SHA-256 PLAIN\r\n.\r\n", "-ERR [AUTH] no\r\n",
	                                    "+OK bye\r\n", NULL });
	assert_text(&s.said, "CAPA\r\nAUTH SCRAM-SHA-256 <>\r\nQUIT\r\n");
	assert_true(s.client.refused && slice_equal_text(buf_slice(&s.client.refusal), "-ERR [AUTH] no"));
	session_end(&s);
}

static void a_server_that_asks_on_or_proves_nothing_is_left(void **state)
{
	struct session s;
	int asked = 0;

	(void)state;
	session_begin(&s);
	s.manner.secured = true;
	extended(&s, (const char *const[]){ "+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", NULL });
	for (; asked < 100 && !s.client.talk.broken; asked++)
		answer(&s, "+ \r\n");
	assert_int_equal(asked, TALK_AUTH_STEPS_MAX + 1);
	session_end(&s);

	session_begin(&s);
	s.manner.secured = s.login.distrusts = true;
	extended(&s, (const char *const[]){ "+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "+OK in\r\n", NULL });
	assert_unsafe(&s, "not proven");
	session_end(&s);
}

static void a_challenge_is_none_outside_a_login(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	pop3_client_login(&s.client, &s.manner);
	answer(&s, "+ abc\r\n");
	assert_true(s.client.talk.broken && !s.client.talk.unsafe);
	session_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_ends_with_the_list),
		cmocka_unit_test(a_wrong_password_keeps_the_servers_words_and_says_quit),
		cmocka_unit_test(headers_are_asked_for_in_a_window_where_the_server_takes_pipelines),
		cmocka_unit_test(a_window_is_never_larger_than_its_limit),
		cmocka_unit_test(without_capa_and_top_whole_mails_are_read_for_the_list),
		cmocka_unit_test(without_capa_top_is_used_where_it_works),
		cmocka_unit_test(a_bare_client_asks_for_nothing_optional),
		cmocka_unit_test(the_list_is_what_its_lines_say_and_not_its_counts),
		cmocka_unit_test(without_list_the_count_of_stat_is_used),
		cmocka_unit_test(an_endless_list_breaks_the_talk),
		cmocka_unit_test(a_mail_is_read_deleted_and_the_session_left),
		cmocka_unit_test(the_greeting_is_kept),
		cmocka_unit_test(mails_are_counted_again),
		cmocka_unit_test(a_later_list_replaces_the_first),
		cmocka_unit_test(deletions_are_taken_back),
		cmocka_unit_test(a_refused_command_leaves_the_session_open),
		cmocka_unit_test(any_cut_of_the_servers_octets_gives_the_same_session),
		cmocka_unit_test(tls_and_utf8_come_before_the_login),
		cmocka_unit_test(a_bare_client_still_looks_for_tls_and_never_goes_on_without),
		cmocka_unit_test(what_comes_behind_the_answer_to_stls_ends_the_session),
		cmocka_unit_test(in_clear_nobody_logs_in_but_where_it_is_allowed),
		cmocka_unit_test(the_strongest_login_is_used),
		cmocka_unit_test(a_refused_login_says_quit_and_tries_no_weaker_one),
		cmocka_unit_test(a_server_that_asks_on_or_proves_nothing_is_left),
		cmocka_unit_test(a_challenge_is_none_outside_a_login),
		cmocka_unit_test(what_is_no_mail_ends_long_before_a_mail_may),
		cmocka_unit_test(a_whole_mail_that_is_read_for_its_header_may_be_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
