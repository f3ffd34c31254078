/*
 * One mail's dialogue with scripted servers: what is said, and what becomes of every kind of answer.
 */
#include "protocol/smtp_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RECIPIENTS_MAX = 4 };

/* A session, one mail in it, and QUIT. */
struct dialogue {
	struct smtp_client client;
	struct smtp_client_manner manner;
	struct slice to[RECIPIENTS_MAX];
	struct smtp_client_mail mail;
	bool asked; /* the mail was handed to the client */
	struct transcript_feed feed;
	struct buf said;     /* all that the client sent */
	struct buf refusals; /* "[1 550 No such user]" */
};

static void note_refused(void *owner, size_t index, struct slice words)
{
	struct dialogue *d = owner;

	assert_true(buf_printf(&d->refusals, "[%zu %.*s]", index, SLICE_FMT(words)));
}

/* The recipients are words, NULL at the end. */
static void dialogue_to(struct dialogue *d, struct smtp_client_manner manner, const char *const *to, const char *text)
{
	*d = (struct dialogue){ .manner = manner };
	d->mail = (struct smtp_client_mail){ .from = slice_str("ag@iitkgp.edu"),
		                             .to = d->to,
		                             .text = slice_str(text),
		                             .refused = note_refused,
		                             .owner = d };
	while (to[d->mail.to_count]) {
		d->to[d->mail.to_count] = slice_str(to[d->mail.to_count]);
		d->mail.to_count++;
	}
	transcript_feed_init(&d->feed, NULL);
	buf_init(&d->said, 1 << 24);
	buf_init(&d->refusals, 4096);
	smtp_client_init(&d->client, &d->feed);
	smtp_client_open(&d->client, &d->manner);
}

static const struct smtp_client_manner usual_manner = { .name = "home.example" };

static void dialogue_begin(struct dialogue *d, const char *text)
{
	static const char *const to[] = { "gb@iitkgp.edu", NULL };

	dialogue_to(d, usual_manner, to, text);
}

static void dialogue_end(struct dialogue *d)
{
	smtp_client_release(&d->client);
	buf_release(&d->said);
	buf_release(&d->refusals);
	transcript_feed_release(&d->feed);
}

/* What link does: everything there is to send is sent. */
static void send_what_waits(struct dialogue *d)
{
	struct talk *t = &d->client.talk;

	do {
		assert_true(buf_append_slice(&d->said, buf_slice(&t->out)));
		talk_sent(t, t->out.len);
		if (t->expected > 0)
			t->role->room(t);
	} while (t->out.len > 0);
}

/* What client/post does: the mail where there is a session, then QUIT. */
static void send_all(struct dialogue *d)
{
	struct smtp_client *c = &d->client;

	send_what_waits(d);
	while (c->state == SMTP_CLIENT_READY && talk_idle(&c->talk) && !c->talk.broken) {
		if (c->outcome == SMTP_CLIENT_DONE && !d->asked)
			smtp_client_send(c, &d->mail);
		else
			smtp_client_quit(c);
		d->asked = true;
		send_what_waits(d);
	}
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
	assert_true(slice_equal_text(buf_slice(&d->client.words), words));
}

static void assert_refusals(struct dialogue *d, const char *expected)
{
	assert_true(buf_append_char(&d->refusals, '\0'));
	assert_string_equal(d->refusals.data, expected);
	d->refusals.len--;
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
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
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

static void a_refused_recipient_is_told_as_it_came_and_quit_is_said(void **state)
{
	static const char *const answers[] = { "220\r\n", "250\r\n", "250\r\n", "550 No such user\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d, "x\n");
	answer_all(&d, answers);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_NOBODY);
	assert_refusals(&d, "[0 550 No such user]");
	assert_true(d.said.len > 6 && memcmp(buf_end(&d.said) - 8, "\r\nQUIT\r\n", 8) == 0);
	answer(&d, "221 bye\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_NOBODY);
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
		if (step == 3)
			assert_refusals(&d, "[0 451 try later]");
		else
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

/* ---- several recipients ---- */

static const char *const three[] = { "5@m", "9@m", "6@m", NULL };

static void a_refused_recipient_takes_nothing_from_the_others(void **state)
{
	static const char *const answers[] = {
		"220\r\n", "250\r\n", "250\r\n",    "250\r\n", "550 No such user here\r\n",
		"250\r\n", "354\r\n", "250 OK\r\n", "221\r\n", NULL
	};
	struct dialogue d;

	(void)state;
	dialogue_to(&d, usual_manner, three, "x\n");
	answer_all(&d, answers);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_refusals(&d, "[1 550 No such user here]");
	assert_said(&d, "HELO home.example\r\nMAIL FROM:<ag@iitkgp.edu>\r\nRCPT TO:<5@m>\r\nRCPT TO:<9@m>\r\n"
	                "RCPT TO:<6@m>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
	dialogue_end(&d);
}

static void where_all_are_refused_no_mail_is_sent(void **state)
{
	static const char *const answers[] = { "220\r\n",   "250\r\n",   "250\r\n", "550 a\r\n",
		                               "450 b\r\n", "550 c\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_to(&d, usual_manner, three, "x\n");
	answer_all(&d, answers);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_NOBODY);
	assert_refusals(&d, "[0 550 a][1 450 b][2 550 c]");
	assert_said(&d, "HELO home.example\r\nMAIL FROM:<ag@iitkgp.edu>\r\nRCPT TO:<5@m>\r\nRCPT TO:<9@m>\r\n"
	                "RCPT TO:<6@m>\r\nQUIT\r\n");
	dialogue_end(&d);
}

/* ---- a course's own verbs ---- */

static const struct smtp_client_manner own_verbs = { .name = "h", .mail_verb = "MAIL_FROM:", .rcpt_verb = "RCPT_TO:" };
static const char *const one[] = { "b@lab", NULL };

static void the_courses_own_verbs_are_said(void **state)
{
	static const char *const answers[] = { "220\r\n", "250\r\n", "250\r\n", "250\r\n", "354\r\n", "250\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_to(&d, own_verbs, one, "x\n");
	answer_all(&d, answers);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_said(&d, "HELO h\r\nMAIL_FROM: <ag@iitkgp.edu>\r\nRCPT_TO: <b@lab>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
	dialogue_end(&d);
}

static void the_standard_verbs_follow_where_the_own_are_unknown(void **state)
{
	static const char *const unknown[] = { "500 what?\r\n", "502 5.5.2 not recognized\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *answers[] = { "220\r\n", "250\r\n", unknown[i], "250\r\n",
			                  "250\r\n", "354\r\n", "250\r\n",  NULL };
		struct dialogue d;
		dialogue_to(&d, own_verbs, one, "x\n");
		answer_all(&d, answers);
		assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
		assert_said(&d, "HELO h\r\nMAIL_FROM: <ag@iitkgp.edu>\r\nMAIL FROM:<ag@iitkgp.edu>\r\n"
		                "RCPT TO:<b@lab>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
		dialogue_end(&d);
	}
}

static void a_recipient_is_asked_for_again_by_the_standard_verb(void **state)
{
	static const char *const answers[] = { "220\r\n", "250\r\n", "250\r\n", "500\r\n",
		                               "250\r\n", "354\r\n", "250\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_to(&d, own_verbs, one, "x\n");
	answer_all(&d, answers);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_said(&d, "HELO h\r\nMAIL_FROM: <ag@iitkgp.edu>\r\nRCPT_TO: <b@lab>\r\nRCPT TO:<b@lab>\r\n"
	                "DATA\r\nx\r\n.\r\nQUIT\r\n");
	dialogue_end(&d);
}

static void a_server_that_knows_neither_spelling_is_asked_no_third_time(void **state)
{
	static const char *const answers[] = { "220\r\n", "250\r\n", "500 no\r\n", "500 never\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_to(&d, own_verbs, one, "x\n");
	answer_all(&d, answers);
	assert_refused(&d, "500 never");
	assert_said(&d, "HELO h\r\nMAIL_FROM: <ag@iitkgp.edu>\r\nMAIL FROM:<ag@iitkgp.edu>\r\nQUIT\r\n");
	dialogue_end(&d);
}

/* ---- a session that is kept open ---- */

static void take_text(void *owner, const char *octets, size_t n)
{
	assert_true(buf_append(owner, octets, n));
}

static const struct smtp_client_manner registering = { .name = "h", .registers = true };

/* Registered, and no mail sent by itself. */
static void dialogue_register(struct dialogue *d)
{
	dialogue_to(d, registering, one, "x\n");
	send_what_waits(d);
	talk_push(&d->client.talk, "220\r\n", 5);
	send_what_waits(d);
}

static void hear(struct dialogue *d, const char *octets)
{
	talk_push(&d->client.talk, octets, strlen(octets));
	send_what_waits(d);
}

static void registering_keeps_the_servers_answer(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_register(&d);
	hear(&d, "250 5@mymailserver\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_int_equal(d.client.state, SMTP_CLIENT_READY);
	assert_true(slice_equal_text(buf_slice(&d.client.words), "250 5@mymailserver"));
	assert_said(&d, "REGISTER\r\n");
	dialogue_end(&d);
}

static void helo_registers_where_register_is_unknown(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_register(&d);
	hear(&d, "500 what?\r\n");
	hear(&d, "250 OK You are 4@mymailserver\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_true(slice_equal_text(buf_slice(&d.client.words), "250 OK You are 4@mymailserver"));
	assert_said(&d, "REGISTER\r\nHELO h\r\n");
	dialogue_end(&d);
}

static void retrieve_in(size_t step)
{
	static const char octets[] = "250-OK\r\n250 2 mails\r\n*****\r\nFrom: 4@m\r\n..dots\r\n.\r\n";
	struct dialogue d;
	struct buf text;
	const struct smtp_client_sink sink = { take_text, &text };

	buf_init(&text, 4096);
	dialogue_register(&d);
	hear(&d, "250 5@m\r\n");
	smtp_client_retrieve(&d.client, &sink);
	send_what_waits(&d);
	for (size_t at = 0; at < sizeof octets - 1; at += step) {
		size_t left = sizeof octets - 1 - at;
		assert_true(talk_push(&d.client.talk, octets + at, left < step ? left : step));
	}
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_int_equal(d.client.state, SMTP_CLIENT_READY);
	assert_true(slice_equal_text(buf_slice(&text), "*****\nFrom: 4@m\n.dots\n"));
	/* The next reply is a line again. */
	smtp_client_quit(&d.client);
	hear(&d, "221 bye\r\n");
	assert_int_equal(d.client.state, SMTP_CLIENT_END);
	buf_release(&text);
	dialogue_end(&d);
}

static void retrieve_brings_a_text_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t step = 1; step < 64; step++)
		retrieve_in(step);
}

static void a_refused_retrieve_brings_no_text(void **state)
{
	struct dialogue d;
	struct buf text;
	const struct smtp_client_sink sink = { take_text, &text };

	(void)state;
	buf_init(&text, 4096);
	dialogue_register(&d);
	hear(&d, "250 5@m\r\n");
	smtp_client_retrieve(&d.client, &sink);
	hear(&d, "503 register first\r\n");
	assert_refused(&d, "503 register first");
	assert_int_equal(text.len, 0);
	assert_int_equal(d.client.state, SMTP_CLIENT_READY);
	buf_release(&text);
	dialogue_end(&d);
}

static void an_unfinished_transaction_is_reset_before_the_next_mail(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_register(&d);
	hear(&d, "250 5@m\r\n");
	smtp_client_send(&d.client, &d.mail);
	send_what_waits(&d);
	hear(&d, "250\r\n");
	hear(&d, "550 No such user here\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_NOBODY);
	d.said.len = 0;
	for (int mail = 0; mail < 2; mail++) {
		smtp_client_send(&d.client, &d.mail);
		send_what_waits(&d);
		if (mail == 0)
			hear(&d, "500 no RSET here\r\n");
		hear(&d, "250\r\n");
		hear(&d, "250\r\n");
		hear(&d, "354\r\n");
		hear(&d, "250\r\n");
		assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	}
	assert_said(&d, "RSET\r\nMAIL FROM:<ag@iitkgp.edu>\r\nRCPT TO:<b@lab>\r\nDATA\r\nx\r\n.\r\n"
	                "MAIL FROM:<ag@iitkgp.edu>\r\nRCPT TO:<b@lab>\r\nDATA\r\nx\r\n.\r\n");
	dialogue_end(&d);
}

/* ---- a mail that comes in pieces ---- */

/* A text, cut every `step` octets, and broken off where it is `broken`. */
struct pieces {
	struct slice rest;
	size_t step;
	bool broken;
};

static bool next_piece(void *owner, struct slice *octets, struct fault *why)
{
	struct pieces *p = owner;

	if (p->rest.len == 0 && p->broken)
		return fault_set(why, FAULT_TEMPORARY, "the file is gone");
	*octets = slice_make(p->rest.ptr, p->rest.len < p->step ? p->rest.len : p->step);
	p->rest = slice_skip(p->rest, octets->len);
	return true;
}

static void however_a_text_comes_it_is_sent_the_same(void **state)
{
	static const char text[] = "Subject: s\n\n.\n..\n.a\nb\n\n.c";
	static const char expected[] =
	        "HELO home.example\r\nMAIL FROM:<ag@iitkgp.edu>\r\nRCPT TO:<gb@iitkgp.edu>\r\nDATA\r\n"
	        "Subject: s\r\n\r\n..\r\n...\r\n..a\r\nb\r\n\r\n..c\r\n.\r\n";
	(void)state;

	for (size_t held = 0; held < sizeof text; held++) {
		for (size_t step = 1; step < sizeof text; step++) {
			struct dialogue d;
			struct pieces pieces = { .rest = slice_str(text + held), .step = step };
			const struct smtp_client_more more = { .next = next_piece, .owner = &pieces };
			dialogue_begin(&d, text);
			d.mail.text.len = held;
			d.mail.more = &more;
			answer_all(&d, up_to_data);
			answer(&d, "354 go on\r\n");
			assert_said(&d, expected);
			answer(&d, "250 OK\r\n");
			assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
			dialogue_end(&d);
		}
	}
}

/* Its final full stop would make the server take half of it. */
static void a_text_that_cannot_be_had_is_never_ended(void **state)
{
	(void)state;
	struct dialogue d;
	struct pieces pieces = { .rest = slice_str("Subject: s\n\nhalf"), .step = 5, .broken = true };
	const struct smtp_client_more more = { .next = next_piece, .owner = &pieces };

	dialogue_begin(&d, "");
	d.mail.more = &more;
	answer_all(&d, up_to_data);
	answer(&d, "354 go on\r\n");
	assert_true(d.client.talk.broken);
	assert_string_equal(d.client.talk.why.text, "the file is gone");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_UNKNOWN);
	assert_int_equal(d.client.talk.out.len, 0);
	assert_null(memmem(d.said.data, d.said.len, "\r\n.\r\n", 5));
	assert_null(memmem(d.said.data, d.said.len, "QUIT", 4));
	dialogue_end(&d);
}

static void the_size_that_is_said_is_that_of_all_pieces(void **state)
{
	(void)state;
	struct dialogue d;
	struct pieces pieces = { .rest = slice_str("a\n"), .step = 5 };
	const struct smtp_client_more more = { .octets = 3, .next = next_piece, .owner = &pieces };

	dialogue_begin(&d, "");
	d.manner.extended = true;
	d.mail.more = &more;
	answer(&d, "220 hi\r\n");
	answer(&d, "250-hi\r\n250 SIZE 1000\r\n");
	static const char mail[] = "MAIL FROM:<ag@iitkgp.edu> SIZE=3\r\n";
	assert_non_null(memmem(d.said.data, d.said.len, mail, sizeof mail - 1));
	dialogue_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_labs_dialogue_is_said_word_for_word),
		cmocka_unit_test(lines_that_begin_with_a_full_stop_travel_doubled),
		cmocka_unit_test(a_refused_recipient_is_told_as_it_came_and_quit_is_said),
		cmocka_unit_test(every_step_can_be_refused),
		cmocka_unit_test(an_answer_of_the_wrong_kind_sends_no_mail),
		cmocka_unit_test(after_421_nothing_more_is_said),
		cmocka_unit_test(an_answer_before_the_end_of_the_text_is_a_refusal),
		cmocka_unit_test(a_mail_larger_than_the_buffers_goes_out_whole),
		cmocka_unit_test(a_broken_off_dialogue_says_neither_yes_nor_no),
		cmocka_unit_test(a_refused_recipient_takes_nothing_from_the_others),
		cmocka_unit_test(where_all_are_refused_no_mail_is_sent),
		cmocka_unit_test(the_courses_own_verbs_are_said),
		cmocka_unit_test(the_standard_verbs_follow_where_the_own_are_unknown),
		cmocka_unit_test(a_recipient_is_asked_for_again_by_the_standard_verb),
		cmocka_unit_test(a_server_that_knows_neither_spelling_is_asked_no_third_time),
		cmocka_unit_test(registering_keeps_the_servers_answer),
		cmocka_unit_test(helo_registers_where_register_is_unknown),
		cmocka_unit_test(retrieve_brings_a_text_however_it_is_cut),
		cmocka_unit_test(a_refused_retrieve_brings_no_text),
		cmocka_unit_test(an_unfinished_transaction_is_reset_before_the_next_mail),
		cmocka_unit_test(however_a_text_comes_it_is_sent_the_same),
		cmocka_unit_test(a_text_that_cannot_be_had_is_never_ended),
		cmocka_unit_test(the_size_that_is_said_is_that_of_all_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
