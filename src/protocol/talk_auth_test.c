/*
 * EHLO, TLS, the login and what MAIL says besides, with scripted servers: honest ones, poor ones, and some in between.
 */
#include "protocol/smtp_client.h"

#include "protocol/client_login_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct dialogue {
	struct smtp_client client;
	struct smtp_client_manner manner;
	struct client_login login;
	struct transcript_feed feed;
	struct buf said;
};

static void dialogue_begin(struct dialogue *d)
{
	*d = (struct dialogue){ .manner = { .name = "h", .extended = true, .login = &d->login.login } };
	client_login_init(&d->login, "alice", "wonderland");
	transcript_feed_init(&d->feed, NULL);
	buf_init(&d->said, 1 << 16);
	smtp_client_init(&d->client, &d->feed);
}

static void dialogue_end(struct dialogue *d)
{
	smtp_client_release(&d->client);
	buf_release(&d->said);
	transcript_feed_release(&d->feed);
}

/* What link does, the handshake included, which says "[TLS]". */
static void drive(struct dialogue *d)
{
	struct talk *t = &d->client.talk;

	for (;;) {
		assert_true(buf_append_slice(&d->said, buf_slice(&t->out)));
		talk_sent(t, t->out.len);
		if (t->secures) {
			assert_true(buf_append_text(&d->said, "[TLS]"));
			talk_secured(t);
		} else if (t->expected > 0 && !t->broken) {
			t->role->room(t);
		}
		if (t->out.len == 0)
			break;
	}
}

static void hear(struct dialogue *d, const char *octets)
{
	talk_push(&d->client.talk, octets, strlen(octets));
	drive(d);
}

static void open_with(struct dialogue *d, const char *const *answers)
{
	smtp_client_open(&d->client, &d->manner);
	drive(d);
	for (; *answers; answers++)
		hear(d, *answers);
}

static void assert_said(struct dialogue *d, const char *expected)
{
	assert_true(buf_append_char(&d->said, '\0'));
	assert_string_equal(d->said.data, expected);
	d->said.len = 0;
}

static void assert_refused_as_unsafe(const struct dialogue *d, const char *part)
{
	assert_true(d->client.talk.broken && d->client.talk.unsafe);
	assert_int_equal(d->client.outcome, SMTP_CLIENT_UNKNOWN);
	assert_non_null(strstr(d->client.talk.why.text, part));
}

static void tls_comes_before_the_login_and_ehlo_again_after_it(void **state)
{
	static const char *const answers[] = { "220 m\r\n",   "250-m\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n",
		                               "220 go\r\n",  "250-m\r\n250 AUTH LOGIN SCRAM-SHA-256 PLAIN\r\n",
		                               "334 abc\r\n", "235 ok\r\n",
		                               NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	open_with(&d, answers);
	assert_said(&d, "EHLO h\r\nSTARTTLS\r\n[TLS]EHLO h\r\nAUTH SCRAM-SHA-256 <>\r\n<abc>\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_int_equal(d.client.state, SMTP_CLIENT_READY);
	dialogue_end(&d);
}

static void what_was_offered_in_clear_is_forgotten(void **state)
{
	static const char *const answers[] = {
		"220 m\r\n", "250-m\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250-SIZE 9\r\n250 SMTPUTF8\r\n", "220 go\r\n",
		"250 m\r\n", NULL
	};
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	open_with(&d, answers);
	assert_said(&d, "EHLO h\r\nSTARTTLS\r\n[TLS]EHLO h\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_false(d.client.offer.size || d.client.offer.utf8 || d.client.offer.starttls);
	dialogue_end(&d);
}

static void what_is_sent_behind_the_answer_to_starttls_ends_the_session(void **state)
{
	static const char *const injected[] = { "220 go\r\n250-m\r\n250 AUTH PLAIN\r\n", "220 go\r\nx",
		                                "220 go\r\n\r\n", NULL };
	static const char *const answers[] = { "220 m\r\n", "250-m\r\n250 STARTTLS\r\n", NULL };

	(void)state;
	for (size_t i = 0; injected[i]; i++) {
		struct dialogue d;
		dialogue_begin(&d);
		open_with(&d, answers);
		hear(&d, injected[i]);
		assert_refused_as_unsafe(&d, "before TLS");
		assert_said(&d, "EHLO h\r\nSTARTTLS\r\n");
		dialogue_end(&d);
	}
}

static void a_refused_starttls_is_no_reason_to_go_on_in_clear(void **state)
{
	static const char *const answers[] = { "220 m\r\n", "250-m\r\n250 STARTTLS\r\n", "454 not now\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	d.manner.clear_login = true;
	open_with(&d, answers);
	assert_refused_as_unsafe(&d, "454 not now");
	assert_said(&d, "EHLO h\r\nSTARTTLS\r\n");
	dialogue_end(&d);
}

static void without_tls_no_password_crosses_and_without_auth_none_is_needed(void **state)
{
	static const char *const with_auth[] = { "220 m\r\n", "250-m\r\n250 AUTH PLAIN\r\n", NULL };
	static const char *const without[] = { "220 m\r\n", "250 m\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	open_with(&d, with_auth);
	assert_refused_as_unsafe(&d, "--plaintext");
	assert_said(&d, "EHLO h\r\n");
	dialogue_end(&d);

	dialogue_begin(&d);
	open_with(&d, without);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	dialogue_end(&d);

	dialogue_begin(&d);
	client_login_init(&d.login, "", "");
	open_with(&d, with_auth);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	assert_said(&d, "EHLO h\r\n");
	dialogue_end(&d);
}

static const char *const logs_in[] = { "220 m\r\n", "250-m\r\n250 auth plain\r\n", NULL };

static void a_refused_login_is_told_and_not_tried_in_another_way(void **state)
{
	static const char *const answers[] = { "220 m\r\n", "250-m\r\n250 AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n",
		                               "535 5.7.8 wrong\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	d.manner.secured = true;
	open_with(&d, answers);
	assert_int_equal(d.client.outcome, SMTP_CLIENT_REFUSED);
	assert_true(d.client.login_refused);
	assert_true(slice_equal_text(buf_slice(&d.client.words), "535 5.7.8 wrong"));
	assert_said(&d, "EHLO h\r\nAUTH SCRAM-SHA-256 <>\r\n");
	dialogue_end(&d);
}

static void challenges_that_do_not_end_end_the_session(void **state)
{
	struct dialogue d;
	int asked = 0;

	(void)state;
	dialogue_begin(&d);
	d.manner.clear_login = true;
	open_with(&d, logs_in);
	for (; asked < 100 && !d.client.talk.broken; asked++)
		hear(&d, "334 again\r\n");
	assert_int_equal(asked, TALK_AUTH_STEPS_MAX + 1);
	dialogue_end(&d);

	dialogue_begin(&d);
	d.manner.clear_login = true;
	open_with(&d, logs_in);
	char *big = malloc(TALK_AUTH_CHALLENGE_MAX + 16);
	memset(big, 'A', TALK_AUTH_CHALLENGE_MAX + 16);
	memcpy(big, "334 ", 4);
	memcpy(big + TALK_AUTH_CHALLENGE_MAX + 13, "\r\n", 3);
	hear(&d, big);
	assert_true(d.client.talk.broken);
	free(big);
	dialogue_end(&d);
}

static void a_yes_that_proves_nothing_is_none(void **state)
{
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	d.manner.clear_login = d.login.distrusts = true;
	open_with(&d, logs_in);
	hear(&d, "235 come in\r\n");
	assert_refused_as_unsafe(&d, "not proven");
	dialogue_end(&d);

	dialogue_begin(&d);
	d.manner.clear_login = true;
	d.login.senseless = "rubbish";
	open_with(&d, logs_in);
	hear(&d, "334 rubbish\r\n");
	assert_refused_as_unsafe(&d, "no sense");
	assert_said(&d, "EHLO h\r\nAUTH PLAIN <>\r\n");
	dialogue_end(&d);
}

static void where_no_mechanism_is_common_nothing_is_sent(void **state)
{
	static const char *const answers[] = { "220 m\r\n", "250-m\r\n250 AUTH GSSAPI\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	d.manner.secured = true;
	open_with(&d, answers);
	assert_refused_as_unsafe(&d, "GSSAPI");
	dialogue_end(&d);
}

static void helo_follows_where_ehlo_is_unknown(void **state)
{
	static const char *const answers[] = { "220 m\r\n", "502 what?\r\n", "250 m\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	open_with(&d, answers);
	assert_said(&d, "EHLO h\r\nHELO h\r\n");
	assert_int_equal(d.client.outcome, SMTP_CLIENT_DONE);
	dialogue_end(&d);
}

static void a_login_that_is_needed_is_not_left_out_by_way_of_helo(void **state)
{
	static const char *const unknown[] = { "220 m\r\n", "502 what?\r\n", NULL };
	static const char *const unknown_in_tls[] = { "220 m\r\n", "250-m\r\n250 STARTTLS\r\n", "220 go\r\n",
		                                      "502 what?\r\n", NULL };
	struct dialogue d;

	(void)state;
	dialogue_begin(&d);
	d.manner.login_needed = true;
	open_with(&d, unknown);
	assert_refused_as_unsafe(&d, "no login");
	assert_said(&d, "EHLO h\r\n");
	dialogue_end(&d);

	dialogue_begin(&d);
	d.manner.login_needed = true;
	open_with(&d, unknown_in_tls);
	assert_refused_as_unsafe(&d, "no login");
	assert_said(&d, "EHLO h\r\nSTARTTLS\r\n[TLS]EHLO h\r\n");
	dialogue_end(&d);
}

static void take_refused(void *owner, size_t index, struct slice words)
{
	(void)owner;
	(void)index;
	(void)words;
}

/* What MAIL says to a server that offers this. */
static void mail_with(struct dialogue *d, const char *offer, const char *to, const char *text)
{
	const char *const answers[] = { "220 m\r\n", offer, NULL };
	const struct slice recipient = slice_str(to);
	const struct smtp_client_mail mail = { slice_str("a@b"), &recipient, 1,   slice_str(text),
		                               take_refused,     NULL,       NULL };

	dialogue_begin(d);
	d->manner.login = NULL;
	open_with(d, answers);
	d->said.len = 0;
	smtp_client_send(&d->client, &mail);
	drive(d);
}

static void mail_says_size_and_body_and_smtputf8_where_they_are_offered_and_needed(void **state)
{
	static const char all[] = "250-m\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
	static const struct {
		const char *offer, *to, *text, *said;
	} cases[] = {
		{ all, "c@d", "x\ny\n", "MAIL FROM:<a@b> SIZE=6\r\n" },
		{ all, "c@d", "x", "MAIL FROM:<a@b> SIZE=3\r\n" },
		{ all, "c@d", "\xc3\xbc\n", "MAIL FROM:<a@b> SIZE=4 BODY=8BITMIME\r\n" },
		{ all, "\xc3\xbc@d", "x\n", "MAIL FROM:<a@b> SIZE=3 SMTPUTF8\r\n" },
		{ "250 m\r\n", "c@d", "\xc3\xbc\n", "MAIL FROM:<a@b>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dialogue d;
		mail_with(&d, cases[i].offer, cases[i].to, cases[i].text);
		assert_said(&d, cases[i].said);
		dialogue_end(&d);
	}
}

static void a_mail_that_the_server_would_not_take_is_not_sent(void **state)
{
	static const struct {
		const char *offer, *to, *words;
	} cases[] = {
		{ "250-m\r\n250 SIZE 5\r\n", "c@d", "6 octets" },
		{ "250-m\r\n250 SIZE 6\r\n", "\xc3\xbc@d", "SMTPUTF8" },
		{ "502 no\r\n250 m\r\n", "\xc3\xbc@d", "SMTPUTF8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dialogue d;
		mail_with(&d, cases[i].offer, cases[i].to, "x\ny\n");
		assert_int_equal(d.client.outcome, SMTP_CLIENT_UNFIT);
		assert_true(buf_append_char(&d.client.words, '\0'));
		assert_non_null(strstr(d.client.words.data, cases[i].words));
		assert_said(&d, "");
		assert_int_equal(d.client.state, SMTP_CLIENT_READY);
		dialogue_end(&d);
	}
}

static void hundreds_of_mechanisms_are_bounded(void **state)
{
	struct dialogue d;
	struct buf offer;

	(void)state;
	buf_init(&offer, 1 << 16);
	buf_append_text(&offer, "250-m\r\n250 AUTH");
	for (int i = 0; i < 1000; i++)
		buf_printf(&offer, " MECHANISM-%d", i);
	buf_append(&offer, " PLAIN\r\n", sizeof " PLAIN\r\n");
	mail_with(&d, offer.data, "c@d", "x\n");
	assert_true(d.client.offer.mechanisms.len <= TALK_AUTH_OFFER_MAX);
	buf_release(&offer);
	dialogue_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_comes_before_the_login_and_ehlo_again_after_it),
		cmocka_unit_test(what_was_offered_in_clear_is_forgotten),
		cmocka_unit_test(what_is_sent_behind_the_answer_to_starttls_ends_the_session),
		cmocka_unit_test(a_refused_starttls_is_no_reason_to_go_on_in_clear),
		cmocka_unit_test(without_tls_no_password_crosses_and_without_auth_none_is_needed),
		cmocka_unit_test(a_refused_login_is_told_and_not_tried_in_another_way),
		cmocka_unit_test(challenges_that_do_not_end_end_the_session),
		cmocka_unit_test(a_yes_that_proves_nothing_is_none),
		cmocka_unit_test(where_no_mechanism_is_common_nothing_is_sent),
		cmocka_unit_test(helo_follows_where_ehlo_is_unknown),
		cmocka_unit_test(a_login_that_is_needed_is_not_left_out_by_way_of_helo),
		cmocka_unit_test(mail_says_size_and_body_and_smtputf8_where_they_are_offered_and_needed),
		cmocka_unit_test(a_mail_that_the_server_would_not_take_is_not_sent),
		cmocka_unit_test(hundreds_of_mechanisms_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
