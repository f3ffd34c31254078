/*
 * REGISTER and RETRIEVE against a scripted host: which commands need a registration, and how the long answer is written.
 */
#include "protocol/smtp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/pump.h"

enum { HEARD_MAX = 4 * 1024 * 1024 };

struct host {
	struct session *session;
	bool no_memory;
	const char *const *pieces; /* the answer to RETRIEVE, NULL at its end */
	size_t next;
	size_t repeat; /* the first piece comes so many times more */
	unsigned enrolled, retrieved, resets;
};

struct rig {
	struct host host;
	struct pump pump;
	struct buf heard;
	struct smtp_config config;
};

static const char *host_enroll(void *host)
{
	struct host *h = host;
	h->enrolled++;
	return h->no_memory ? NULL : "5@lab";
}

static enum reply_id host_sender(void *host, const struct address *sender)
{
	(void)host;
	return strcmp(sender->text, "5@lab") == 0 ? REPLY_SENDER_OK : REPLY_NOT_YOUR_ADDRESS;
}

static void host_recipient(void *host, const struct address *recipient)
{
	struct host *h = host;
	(void)recipient;
	smtp_server_answer(h->session, REPLY_RECIPIENT_OK, 0);
}

static enum reply_id host_data_begin(void *host)
{
	(void)host;
	return REPLY_DATA_START;
}

static bool host_data(void *host, const char *octets, size_t n)
{
	(void)host;
	(void)octets;
	(void)n;
	return true;
}

static void host_data_end(void *host)
{
	smtp_server_answer(((struct host *)host)->session, REPLY_ACCEPTED, 0);
}

static size_t host_retrieve(void *host)
{
	struct host *h = host;
	h->next = 0;
	return 2;
}

static struct slice host_retrieve_next(void *host)
{
	struct host *h = host;
	if (h->repeat > 0) {
		h->repeat--;
		return slice_str(h->pieces[0]);
	}
	const char *piece = h->pieces[h->next];
	h->next += piece != NULL;
	return piece ? slice_str(piece) : slice_make("", 0);
}

static void host_retrieved(void *host)
{
	((struct host *)host)->retrieved++;
}

static void host_reset(void *host)
{
	((struct host *)host)->resets++;
}

static void host_free(void *host)
{
	(void)host;
}

static const struct smtp_host_ops ops = {
	.recipient = host_recipient,
	.data_begin = host_data_begin,
	.data = host_data,
	.data_end = host_data_end,
	.reset = host_reset,
	.free = host_free,
	.enroll = host_enroll,
	.sender = host_sender,
	.retrieve = host_retrieve,
	.retrieve_next = host_retrieve_next,
	.retrieved = host_retrieved,
};

static const char *const no_mail[] = { NULL };

static void rig_open(struct rig *r)
{
	*r = (struct rig){
		.host = { .pieces = no_mail },
		.config = { .replies = replies_default, .domain = "lab", .max_size = 1000 },
	};
	buf_init(&r->heard, HEARD_MAX);
	r->host.session = smtp_server_new(&r->config, &ops, &r->host);
	assert_non_null(r->host.session);
	pump_init(&r->pump, r->host.session, NULL, NULL);
	pump_start(&r->pump);
	buf_clear(&r->pump.out);
}

static void rig_close(struct rig *r)
{
	pump_release(&r->pump);
	buf_release(&r->heard);
}

static void hear(struct rig *r)
{
	while (r->pump.out.len > 0) {
		assert_true(buf_append_slice(&r->heard, buf_slice(&r->pump.out)));
		buf_clear(&r->pump.out);
		pump_drained(&r->pump);
	}
}

static void says(struct rig *r, const char *text, const char *expected)
{
	buf_clear(&r->heard);
	pump_input(&r->pump, text, strlen(text));
	hear(r);
	assert_true(buf_append_char(&r->heard, '\0'));
	assert_string_equal(r->heard.data, expected);
}

static void whichever_greeting_comes_first_registers(void **state)
{
	static const struct {
		const char *line, *answer;
	} greetings[] = {
		{ "HELO\r\n", "250 OK Hello \r\n" },
		{ "HELO x\r\n", "250 OK Hello x\r\n" },
		{ "REGISTER\r\n", "250 5@lab\r\n" },
		{ "register\r\n", "250 5@lab\r\n" },
		{ "EHLO\r\n", "250-lab OK Hello \r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		              "250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-LIMITS RCPTMAX=1000\r\n250 HELP\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
		struct rig r;
		rig_open(&r);
		says(&r, greetings[i].line, greetings[i].answer);
		assert_int_equal(r.host.enrolled, 1);
		says(&r, "RSET\r\nMAIL FROM:<5@lab>\r\n",
		     i == 4 ? "250 2.0.0 OK Transaction reset\r\n250 2.1.0 <5@lab>... Sender ok\r\n"
		            : "250 OK Transaction reset\r\n250 <5@lab>... Sender ok\r\n");
		rig_close(&r);
	}
}

static void before_registration_mail_and_retrieve_are_out_of_order(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	says(&r, "MAIL FROM:<5@lab>\r\n", "503 Wrong order of commands: HELO or REGISTER comes first\r\n");
	says(&r, "RETRIEVE\r\n", "503 Wrong order of commands: HELO or REGISTER comes first\r\n");
	assert_int_equal(r.host.enrolled, 0);
	rig_close(&r);
}

static void registration_may_fail_and_be_tried_again(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	r.host.no_memory = true;
	says(&r, "HELO\r\nREGISTER\r\nMAIL FROM:<5@lab>\r\n",
	     "451 Local error in processing, try again later\r\n451 Local error in processing, try again later\r\n"
	     "503 Wrong order of commands: HELO or REGISTER comes first\r\n");
	r.host.no_memory = false;
	says(&r, "REGISTER\r\n", "250 5@lab\r\n");
	rig_close(&r);
}

static void a_sender_who_is_not_allowed_begins_no_mail(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	says(&r, "REGISTER\r\nMAIL FROM:<6@lab>\r\nRCPT TO:<5@lab>\r\n",
	     "250 5@lab\r\n553 <6@lab> is not your address, <5@lab> is\r\n"
	     "503 Wrong order of commands: MAIL comes first\r\n");
	says(&r, "MAIL FROM:<5@lab>\r\n", "250 <5@lab>... Sender ok\r\n");
	rig_close(&r);
}

static void register_and_retrieve_leave_a_mail_under_way_alone(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	says(&r, "HELO\r\nMAIL FROM:<5@lab>\r\nRCPT TO:<5@lab>\r\n",
	     "250 OK Hello \r\n250 <5@lab>... Sender ok\r\n250 <5@lab>... Recipient ok\r\n");
	says(&r, "REGISTER\r\nRETRIEVE\r\n", "250 5@lab\r\n250 OK Unread mails: 2\r\n.\r\n");
	assert_int_equal(r.host.resets, 0);
	says(&r, "DATA\r\n.\r\n",
	     "354 Start mail input; end with <CRLF>.<CRLF>\r\n250 OK Message accepted for delivery\r\n");
	rig_close(&r);
}

static void retrieved_mail_is_dot_stuffed_and_ended(void **state)
{
	static const char *const pieces[] = { "*****\n", "..stored\nnex", "t\n", "*****\n", NULL };
	struct rig r;
	(void)state;
	rig_open(&r);
	r.host.pieces = pieces;
	says(&r, "HELO\r\nRETRIEVE\r\nNOOP\r\n",
	     "250 OK Hello \r\n250 OK Unread mails: 2\r\n*****\r\n..stored\r\nnext\r\n*****\r\n.\r\n250 OK\r\n");
	assert_int_equal(r.host.retrieved, 1);
	rig_close(&r);
}

/* Begins an answer that is longer than the output may be; nobody reads it yet. */
static void begin_long_answer(struct rig *r)
{
	static const char *const pieces[] = { "0123456789012345678901234567890123456789012345678901234567890123\n",
		                              NULL };
	rig_open(r);
	r->host.pieces = pieces;
	r->host.repeat = 4 * SESSION_OUT_MARK / 64;
	pump_input(&r->pump, "HELO\r\nRETRIEVE\r\n", 16);
	assert_in_range(r->pump.out.len, SESSION_OUT_MARK, SESSION_OUT_MAX);
	assert_int_equal(r->host.retrieved, 0);
}

static void a_long_answer_goes_on_as_it_is_read(void **state)
{
	struct rig r;
	(void)state;
	begin_long_answer(&r);
	hear(&r);
	assert_int_equal(r.host.retrieved, 1);
	assert_true(r.heard.len > (size_t)4 * SESSION_OUT_MARK);
	assert_memory_equal(buf_end(&r.heard) - 5, "\r\n.\r\n", 5);
	rig_close(&r);
}

static void an_answer_that_breaks_off_counts_as_unread(void **state)
{
	struct rig r;
	(void)state;
	begin_long_answer(&r);
	pump_lost(&r.pump);
	assert_int_equal(r.host.retrieved, 0);
	rig_close(&r);
}

static void a_stop_amid_the_answer_says_nothing_in_it(void **state)
{
	struct rig r;
	(void)state;
	begin_long_answer(&r);
	size_t said = r.pump.out.len;
	pump_stop(&r.pump, STOP_IDLE);
	assert_true(pump_closing(&r.pump));
	assert_int_equal(r.pump.out.len, said);
	assert_int_equal(r.host.retrieved, 0);
	rig_close(&r);
}

static void at_shutdown_the_answer_is_finished(void **state)
{
	static const char end[] = "\r\n.\r\n421 lab Service is shutting down, closing transmission channel\r\n";
	struct rig r;
	(void)state;
	begin_long_answer(&r);
	pump_stop(&r.pump, STOP_SHUTDOWN);
	hear(&r);
	assert_true(pump_closing(&r.pump));
	assert_int_equal(r.host.retrieved, 1);
	assert_memory_equal(buf_end(&r.heard) - strlen(end), end, strlen(end));
	rig_close(&r);
}

/* Who waits for mail is given more time than a mail server that has fallen silent. */
static void a_registered_client_may_be_silent_for_an_hour(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	assert_int_equal(r.host.session->ops->idle_ms, 60 * 60 * 1000);
	rig_close(&r);
}

static void help_lists_the_two_verbs(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r);
	says(&r, "HELP\r\nHELP retrieve\r\n",
	     "214 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT REGISTER RETRIEVE\r\n214 RETRIEVE\r\n");
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whichever_greeting_comes_first_registers),
		cmocka_unit_test(before_registration_mail_and_retrieve_are_out_of_order),
		cmocka_unit_test(registration_may_fail_and_be_tried_again),
		cmocka_unit_test(a_sender_who_is_not_allowed_begins_no_mail),
		cmocka_unit_test(register_and_retrieve_leave_a_mail_under_way_alone),
		cmocka_unit_test(retrieved_mail_is_dot_stuffed_and_ended),
		cmocka_unit_test(a_long_answer_goes_on_as_it_is_read),
		cmocka_unit_test(an_answer_that_breaks_off_counts_as_unread),
		cmocka_unit_test(a_stop_amid_the_answer_says_nothing_in_it),
		cmocka_unit_test(at_shutdown_the_answer_is_finished),
		cmocka_unit_test(a_registered_client_may_be_silent_for_an_hour),
		cmocka_unit_test(help_lists_the_two_verbs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
