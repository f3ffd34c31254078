/*
 * One mail's dialogue with scripted servers: what is said, and what becomes of every kind of answer.
 */
#include "protocol/smtp_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct dialogue {
	struct smtp_client client;
	struct smtp_client_mail mail;
	struct transcript_feed feed;
	struct buf said; /* all that the client sent */
};

static void dialogue_begin(struct dialogue *d, const char *text)
{
	d->mail = (struct smtp_client_mail){ "home.example", slice_str("ag@iitkgp.edu"), slice_str("gb@iitkgp.edu"),
		                             slice_str(text) };
	transcript_feed_init(&d->feed, NULL);
	buf_init(&d->said, 1 << 24);
	smtp_client_init(&d->client, &d->mail, &d->feed);
}

static void dialogue_end(struct dialogue *d)
{
	smtp_client_release(&d->client);
	buf_release(&d->said);
	transcript_feed_release(&d->feed);
}

/* What link does: everything there is to send is sent. */
static void send_all(struct dialogue *d)
{
	struct talk *t = &d->client.talk;

	do {
		assert_true(buf_append_slice(&d->said, buf_slice(&t->out)));
		talk_sent(t, t->out.len);
		if (t->expected > 0)
			t->role->room(t);
	} while (t->out.len > 0);
}

static void answer(struct dialogue *d, const char *octets)
{
	send_all(d);
	talk_push(&d->client.talk, octets, strlen(octets));
	send_all(d);
}

static void answer_all(struct dialogue *d, const char *const *answers)
{
	for (; *answers; answers++)
		answer(d, *answers);
}

static const char *const up_to_data[] = { "220 iitkgp.edu Service Ready\r\n", "250 OK Hello home.example\r\n",
	                                  "250 <ag@iitkgp.edu>... Sender ok\r\n",
	                                  "250 <gb@iitkgp.edu>... Recipient ok\r\n", NULL };

static void assert_said(struct dialogue *d, const char *expected)
{
	assert_true(buf_append_char(&d->said, '\0'));
	assert_string_equal(d->said.data, expected);
	d->said.len--;
}

static void assert_refused(struct dialogue *d, const char *words)
{
	assert_int_equal(d->client.outcome, SMTP_CLIENT_REFUSED);
	assert_true(slice_equal_text(buf_slice(&d->client.refusal), words));
}

static void the_labs_dialogue_is_said_word_for_word(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "From: ag@iitkgp.edu\nTo: gb@iitkgp.edu\nSubject: Test mail\nThis is a test mail.\nHow are "
	                   "you doing?\n");
	answer_all(&d, up_to_data);
	answer(&d, "354 Start mail input; end with <CRLF>.<CRLF>\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_UNKNOWN);
	answer(&d, "250 OK Message accepted for delivery\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_SENT);
	answer(&d, "221 iitkgp.edu Service closing transmission channel\r\n");
	assert_said(&d, "HELO home.example\r\n"
	                "MAIL FROM:<ag@iitkgp.edu>\r\n"
	                "RCPT TO:<gb@iitkgp.edu>\r\n"
	                "DATA\r\n"
	                "From: ag@iitkgp.edu\r\n"
	                "To: gb@iitkgp.edu\r\n"
	                "Subject: Test mail\r\n"
	                "This is a test mail.\r\n"
	                "How are you doing?\r\n"
	                ".\r\n"
	                "QUIT\r\n");
	assert_true(talk_idle(&d.client.talk));
	assert_int_equal(d.client.state, SMTP_CLIENT_END);
	dialogue_end(&d);
}

static void lines_that_begin_with_a_full_stop_travel_doubled(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "Subject: x\n..\n.hidden\n");
	answer_all(&d, up_to_data);
	d.said.len = 0;
	answer(&d, "354\r\n");
	assert_said(&d, "Subject: x\r\n...\r\n..hidden\r\n.\r\n");
	dialogue_end(&d);
}

static void a_refusal_is_kept_as_it_came_and_quit_is_said(void **state)
{
	static const char *const answers[] = { "220\r\n", "250\r\n", "250\r\n", "550 No such user\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "x\n");
	answer_all(&d, answers);
	assert_refused(&d, "550 No such user");
	assert_true(d.said.len > 6 && memcmp(buf_end(&d.said) - 8, "\r\nQUIT\r\n", 8) == 0);
	answer(&d, "221 bye\r\n");
	assert_refused(&d, "550 No such user");
	assert_true(talk_idle(&d.client.talk));
	dialogue_end(&d);
}

static void every_step_can_be_refused(void **state)
{
	static const char *const good[] = {
		"220 a\r\n", "250 b\r\n", "250 c\r\n", "250 d\r\n", "354 e\r\n", "250 f\r\n"
	};

	(void)state;
	for (size_t step = 0; step < 6; step++) {
		struct dialogue d;
		dialogue_begin(&d, "x\n");
		for (size_t i = 0; i < step; i++)
			answer(&d, good[i]);
		answer(&d, "451-try\r\n451 later\r\n");
		assert_refused(&d, "451 try later");
		assert_int_equal(d.client.state, SMTP_CLIENT_QUIT);
		dialogue_end(&d);
	}
}

static void an_answer_of_the_wrong_kind_sends_no_mail(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "x\n");
	answer_all(&d, up_to_data);
	answer(&d, "250 no 354\r\n");
	assert_refused(&d, "250 no 354");
	assert_said(&d,
	            "HELO home.example\r\nMAIL FROM:<ag@iitkgp.edu>\r\nRCPT TO:<gb@iitkgp.edu>\r\nDATA\r\nQUIT\r\n");
	dialogue_end(&d);
}

static void after_421_nothing_more_is_said(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "x\n");
	answer(&d, "421 too busy\r\n");
	assert_refused(&d, "421 too busy");
	assert_int_equal(d.said.len, 0);
	assert_true(talk_idle(&d.client.talk));
	dialogue_end(&d);
}

static void an_answer_before_the_end_of_the_text_is_a_refusal(void **state)
{
	static const char *const answers[] = { "354\r\n552 too big\r\n", "354\r\n250 fine so far\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dialogue d;
		dialogue_begin(&d, "x\n");
		answer_all(&d, up_to_data);
		talk_push(&d.client.talk, answers[i], strlen(answers[i]));
		assert_int_equal(d.client.outcome, SMTP_CLIENT_REFUSED);
		assert_true(talk_idle(&d.client.talk));
		dialogue_end(&d);
	}
}

static void a_mail_larger_than_the_buffers_goes_out_whole(void **state)
{
	struct dialogue d;
	size_t n = 3 * TALK_OUT_MAX;
	char *text = malloc(n + 1);

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = i % 50 == 49 ? '\n' : '.';
	text[n] = '\0';
	dialogue_begin(&d, text);
	answer_all(&d, up_to_data);
	size_t before = d.said.len;
	answer(&d, "354\r\n");
	size_t lines = (n + 49) / 50;
	/* Each line is one full stop and one CR longer; n is no multiple of 50, so the last line's end is added. */
	assert_int_equal(d.said.len - before, n + lines + (n / 50) + 2 + 3);
	dialogue_end(&d);
	free(text);
}

static void a_broken_off_dialogue_says_neither_yes_nor_no(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "x\n");
	answer(&d, "SSH-2.0-OpenSSH\r\n");
	assert_true(d.client.talk.broken);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_UNKNOWN);
	dialogue_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_labs_dialogue_is_said_word_for_word),
		cmocka_unit_test(lines_that_begin_with_a_full_stop_travel_doubled),
		cmocka_unit_test(a_refusal_is_kept_as_it_came_and_quit_is_said),
		cmocka_unit_test(every_step_can_be_refused),
		cmocka_unit_test(an_answer_of_the_wrong_kind_sends_no_mail),
		cmocka_unit_test(after_421_nothing_more_is_said),
		cmocka_unit_test(an_answer_before_the_end_of_the_text_is_a_refusal),
		cmocka_unit_test(a_mail_larger_than_the_buffers_goes_out_whole),
		cmocka_unit_test(a_broken_off_dialogue_says_neither_yes_nor_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
