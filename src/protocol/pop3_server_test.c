/*
 * The POP3 session against a scripted host, which answers at once or later, and fails where it is told to. Which commands are answered how is shown by
 * the dialogs in tests/dialogs/pop3 as well; here is what they cannot show: the host's side, cuts, waits, long answers, faults and ends.
 */
#include "protocol/pop3_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/pump.h"
#include "protocol/pop3_session.h"

enum { HEARD_MAX = 32 * 1024 * 1024, BIG = 3 * 1000 * 1000, NEVER = -1 };

enum owes { OWES_NOTHING, OWES_LOGIN, OWES_CONTINUE, OWES_COMMIT };

struct host {
	struct session *session;
	bool defers;  /* answers come when the test lets them */
	bool fetches; /* every info and read comes at the second asking */
	bool fetched; /* … and this is the second */
	enum owes owes;
	enum pop3_login login;
	const char *const *mails; /* stored form, NULL at the end */
	size_t many;              /* instead of mails: so many of them, all "x\n" */
	int info_fails;           /* the mail whose info fails */
	int read_fails;           /* the offset from which on reads fail */
	size_t read_max;          /* octets a read gives at most */
	bool cannot_remove;
	struct buf noted;
};

struct rig {
	struct host host;
	struct pump pump;
	struct buf heard;
	struct pop3_config config;
};

static const char *const two_mails[] = { "From: a\nSubject: one\n\n..dot\nend\n", "From: b\nHello.\nThere: you are\n",
	                                 NULL };

static size_t count_mails(const struct host *h)
{
	size_t n = 0;
	while (h->mails && h->mails[n])
		n++;
	return h->many ? h->many : n;
}

static const char *mail_text(const struct host *h, size_t i)
{
	assert_true(i < count_mails(h));
	return h->many ? "x\n" : h->mails[i];
}

/* Enough for the test mails: each line end is two octets, a doubled full stop one. */
static uint64_t mail_octets(const struct host *h, size_t i)
{
	uint64_t octets = 0;
	const char *text = mail_text(h, i);
	for (const char *c = text; *c; c++)
		octets += *c == '\n' ? 2 : *c == '.' && c[1] == '.' && (c == text || c[-1] == '\n') ? 0 : 1;
	return octets;
}

static void note(struct host *h, const char *event)
{
	assert_int_equal(h->owes, OWES_NOTHING);
	assert_true(buf_append_text(&h->noted, event));
}

static void give_answer(struct host *h)
{
	enum owes owes = h->owes;
	h->owes = OWES_NOTHING;
	if (owes == OWES_LOGIN)
		pop3_server_login(h->session, h->login, h->login == POP3_LOGIN_IN_USE ? "alice from \n::1" : NULL);
	else if (owes == OWES_CONTINUE)
		pop3_server_continue(h->session);
	else if (owes == OWES_COMMIT)
		pop3_server_committed(h->session, !h->cannot_remove);
}

static void answer(struct host *h, enum owes owes)
{
	h->owes = owes;
	if (!h->defers)
		give_answer(h);
}

static void host_login(void *host, struct slice user, struct slice password)
{
	struct host *h = host;
	note(h, "[login]");
	bool right = slice_equal_text(user, "alice") && slice_equal_text(password, "secret");
	if (!right && h->login == POP3_LOGIN_OK)
		h->login = POP3_LOGIN_WRONG;
	else if (right && h->login == POP3_LOGIN_WRONG)
		h->login = POP3_LOGIN_OK;
	answer(h, OWES_LOGIN);
}

static size_t host_count(void *host)
{
	return count_mails(host);
}

static uint64_t host_octets(void *host)
{
	const struct host *h = host;
	uint64_t sum = 0;
	for (size_t i = 0; i < count_mails(h); i++)
		sum += mail_octets(h, i);
	return sum;
}

/* Whether what is asked for has to be fetched first. */
static bool fetch(struct host *h)
{
	assert_int_equal(h->owes, OWES_NOTHING);
	h->fetched = !h->fetched;
	if (!h->fetches || !h->fetched)
		return false;
	answer(h, OWES_CONTINUE);
	return true;
}

static enum pop3_got host_info(void *host, size_t i, bool want_uid, struct pop3_mail *mail)
{
	struct host *h = host;
	if (fetch(h))
		return POP3_LATER;
	if (h->info_fails == (int)i)
		return POP3_FAULT;
	mail->octets = mail_octets(h, i);
	snprintf(mail->uid, sizeof mail->uid, want_uid ? "uid-%zu" : "", i);
	return POP3_GOT;
}

static enum pop3_got host_read(void *host, size_t i, uint64_t offset, void *octets, size_t n, size_t *got)
{
	struct host *h = host;
	struct slice text = slice_str(mail_text(h, i));
	if (fetch(h))
		return POP3_LATER;
	if (h->read_fails != NEVER && offset >= (uint64_t)h->read_fails)
		return POP3_FAULT;
	text = slice_skip(text, (size_t)offset);
	*got = text.len < n ? text.len : n;
	*got = *got < h->read_max ? *got : h->read_max;
	memcpy(octets, text.ptr, *got);
	return POP3_GOT;
}

static void host_commit(void *host, const unsigned char *marks)
{
	struct host *h = host;
	char event[32] = "[commit]";
	if (marks)
		snprintf(event, sizeof event, "[commit %02x]", marks[0]);
	note(h, event);
	answer(h, OWES_COMMIT);
}

static void host_free(void *host)
{
	note(host, "[free]");
}

static const struct pop3_host_ops host_ops = {
	.login = host_login,
	.count = host_count,
	.octets = host_octets,
	.info = host_info,
	.read = host_read,
	.commit = host_commit,
	.free = host_free,
};

/* ---- the rig ---- */

static void hear(struct rig *r)
{
	while (r->pump.out.len > 0) {
		assert_true(buf_append_slice(&r->heard, buf_slice(&r->pump.out)));
		buf_clear(&r->pump.out);
		pump_drained(&r->pump);
	}
}

static void settle(struct rig *r)
{
	hear(r);
	while (r->host.owes != OWES_NOTHING) {
		give_answer(&r->host);
		hear(r);
	}
}

static void rig_open(struct rig *r, bool defers)
{
	*r = (struct rig){
		.host = { .defers = defers,
		          .fetches = defers,
		          .mails = two_mails,
		          .info_fails = NEVER,
		          .read_fails = NEVER,
		          .read_max = SIZE_MAX },
		.config = { .replies = replies_default },
	};
	buf_init(&r->host.noted, HEARD_MAX);
	buf_init(&r->heard, HEARD_MAX);
	r->host.session = pop3_server_new(&r->config, &host_ops, &r->host);
	assert_non_null(r->host.session);
	pump_init(&r->pump, r->host.session, NULL, NULL);
}

static void rig_close(struct rig *r)
{
	pump_release(&r->pump);
	assert_memory_equal(buf_end(&r->host.noted) - strlen("[free]"), "[free]", strlen("[free]"));
	buf_release(&r->host.noted);
	buf_release(&r->heard);
}

static void give(struct rig *r, const char *text)
{
	pump_input(&r->pump, text, strlen(text));
	settle(r);
}

static void expect(struct rig *r, const char *expected)
{
	hear(r);
	assert_true(buf_append_char(&r->heard, '\0'));
	assert_string_equal(r->heard.data, expected);
	buf_clear(&r->heard);
}

static void expect_noted(struct rig *r, const char *expected)
{
	assert_true(buf_append_char(&r->host.noted, '\0'));
	assert_string_equal(r->host.noted.data, expected);
	buf_clear(&r->host.noted);
}

static void log_in(struct rig *r)
{
	pump_start(&r->pump);
	give(r, "USER alice\r\nPASS secret\r\n");
	hear(r);
	buf_clear(&r->heard);
	buf_clear(&r->host.noted);
}

static void open_mailbox(struct rig *r)
{
	rig_open(r, false);
	log_in(r);
}

/* ---- dialogues ---- */

static const char dialogue[] =
        "CAPA\r\nUSER alice\r\nPASS wrong\r\nUSER alice\r\nPASS secret\r\nSTAT\r\nLIST\r\nLIST 2\r\nUIDL\r\n"
        "UIDL 1\r\nRETR 1\r\nTOP 1 1\r\nTOP 2 0\r\nTOP 2 99\r\nDELE 1\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\n"
        "NOOP\r\nRSET\r\nDELE 2\r\nDELE 2\r\nQUIT\r\n";
static const char answers[] = "+OK POP3 server ready\r\n"
                              "+OK capabilities follow\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n"
                              "EXPIRE NEVER\r\nIMPLEMENTATION Postroom\r\n.\r\n"
                              "+OK send the password\r\n"
                              "-ERR wrong user name or password\r\n"
                              "+OK send the password\r\n"
                              "+OK 2 messages (70 octets)\r\n"
                              "+OK 2 70\r\n"
                              "+OK 2 messages (70 octets)\r\n1 37\r\n2 33\r\n.\r\n"
                              "+OK 2 33\r\n"
                              "+OK 2 messages (70 octets)\r\n1 uid-0\r\n2 uid-1\r\n.\r\n"
                              "+OK 1 uid-0\r\n"
                              "+OK 37 octets\r\nFrom: a\r\nSubject: one\r\n\r\n..dot\r\nend\r\n.\r\n"
                              "+OK the top of the message follows\r\nFrom: a\r\nSubject: one\r\n\r\n..dot\r\n.\r\n"
                              "+OK the top of the message follows\r\nFrom: b\r\n.\r\n"
                              "+OK the top of the message follows\r\nFrom: b\r\nHello.\r\nThere: you are\r\n.\r\n"
                              "+OK message 1 deleted\r\n"
                              "+OK 1 33\r\n"
                              "+OK 1 messages (33 octets)\r\n2 33\r\n.\r\n"
                              "+OK 1 messages (33 octets)\r\n2 uid-1\r\n.\r\n"
                              "-ERR message 1 is deleted\r\n"
                              "+OK nothing done\r\n"
                              "+OK 2 messages (70 octets)\r\n"
                              "+OK message 2 deleted\r\n"
                              "-ERR message 2 is deleted\r\n"
                              "+OK goodbye\r\n";

static void play(bool defers, bool fetches, size_t step, size_t cut)
{
	struct rig r;
	size_t len = strlen(dialogue);
	rig_open(&r, defers);
	r.host.fetches = fetches;
	r.host.read_max = step == 1 ? 1 : SIZE_MAX;
	pump_start(&r.pump);
	for (size_t at = 0; at < len;) {
		size_t next = at < cut && cut < at + step ? cut : at + step;
		next = next < len ? next : len;
		pump_input(&r.pump, dialogue + at, next - at);
		settle(&r);
		at = next;
	}
	expect(&r, answers);
	expect_noted(&r, "[login][login][commit 02]");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_dialogue_is_the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < strlen(dialogue); cut++)
		play(false, false, sizeof dialogue, cut);
	play(false, false, 1, 0);
}

static void a_dialogue_is_the_same_when_the_host_answers_later(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < strlen(dialogue); cut++)
		play(true, true, sizeof dialogue, cut);
	play(true, false, 1, 0);
	play(false, true, 1, 0);
	play(true, true, 1, 0);
}

static void lines_may_end_in_lf(void **state)
{
	struct rig r;
	(void)state;
	open_mailbox(&r);
	give(&r, "STAT\nNOOP \r\nQUIT\n");
	expect(&r, "+OK 2 70\r\n+OK nothing done\r\n+OK goodbye\r\n");
	rig_close(&r);
}

/* RFC 1939 section 5; an attacker's numbers. */
static void only_a_number_that_is_there_is_a_number(void **state)
{
	static const char *const numbers[] = {
		"0", "3", "-1", "abc", "1x", "4294967297", "18446744073709551617", "1 2 3 4 5", "+1", "0x1", "1.0"
	};
	static const char *const verbs[] = { "LIST", "RETR", "DELE", "UIDL", "TOP" };
	(void)state;
	for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
		for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
			struct rig r;
			char line[64];
			open_mailbox(&r);
			snprintf(line, sizeof line, "%s %s%s\r\n", verbs[v], numbers[n], v == 4 ? " 1" : "");
			give(&r, line);
			if (strncmp(r.heard.data, "-ERR ", 5) != 0)
				fail_msg("%s", line);
			rig_close(&r);
		}
	}
}

static void top_wants_two_numbers(void **state)
{
	static const char *const lines[] = { "TOP\r\n", "TOP 1\r\n", "TOP 1 x\r\n", "TOP 1 -1\r\n", "TOP 1 1 1\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct rig r;
		open_mailbox(&r);
		give(&r, lines[i]);
		expect(&r, "-ERR the correct form is: TOP message lines\r\n");
		rig_close(&r);
	}
}

/* ---- login ---- */

static void three_wrong_passwords_and_out(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r, false);
	pump_start(&r.pump);
	give(&r, "USER alice\r\nPASS secre\r\nPASS secret\r\nUSER alice\r\nPASS secret x\r\nUSER bob\r\nPASS "
	         "SECRET\r\nSTAT\r\n");
	expect(&r, "+OK POP3 server ready\r\n+OK send the password\r\n-ERR wrong user name or password\r\n"
	           "-ERR say USER first\r\n+OK send the password\r\n-ERR wrong user name or password\r\n"
	           "+OK send the password\r\n-ERR wrong user name or password\r\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_mailbox_in_use_ends_the_session(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r, false);
	r.host.login = POP3_LOGIN_IN_USE;
	pump_start(&r.pump);
	give(&r, "USER alice\r\nPASS secret\r\nSTAT\r\n");
	expect(&r, "+OK POP3 server ready\r\n+OK send the password\r\n-ERR [IN-USE] alice from ?::1\r\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_mailbox_that_cannot_be_opened_ends_the_session(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.host.login = POP3_LOGIN_FAULT;
	pump_start(&r.pump);
	give(&r, "USER alice\r\nPASS secret\r\nSTAT\r\n");
	expect(&r, "+OK POP3 server ready\r\n+OK send the password\r\n"
	           "-ERR [SYS/TEMP] the mailbox cannot be opened now, try again later\r\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void ten_errors_and_out(void **state)
{
	struct rig r;
	(void)state;
	open_mailbox(&r);
	for (int i = 0; i < POP3_ERRORS_MAX - 1; i++)
		give(&r, "XYZZY\r\n");
	assert_false(pump_closing(&r.pump));
	give(&r, "RETR 9\r\nNOOP\r\n");
	assert_true(pump_closing(&r.pump));
	assert_memory_equal(buf_end(&r.heard) - 35, "-ERR no such message, there are 2\r\n", 35);
	expect_noted(&r, "");
	rig_close(&r);
}

static void a_line_that_is_too_long_does_nothing(void **state)
{
	struct rig r;
	char line[3 * POP3_LINE_MAX];
	(void)state;
	open_mailbox(&r);
	memset(line, ' ', sizeof line);
	memcpy(line, "DELE 1", 6);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	give(&r, line);
	give(&r, "STAT\r\n");
	expect(&r, "-ERR line too long\r\n+OK 2 70\r\n");
	rig_close(&r);
}

/* ---- long answers ---- */

static void a_long_list_is_written_as_the_peer_reads_it(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r, false);
	r.host.many = 100 * 1000;
	log_in(&r);
	pump_input(&r.pump, "LIST\r\n", 6);
	assert_int_equal(r.pump.next, NEXT_MORE);
	assert_true(r.pump.out.len < SESSION_OUT_MARK + 512);
	give(&r, "NOOP\r\n");
	assert_memory_equal(buf_end(&r.heard) - 33, "\r\n100000 3\r\n.\r\n+OK nothing done\r\n", 33);
	rig_close(&r);
}

static const char *big_mail(void)
{
	static char text[BIG + 1];
	for (size_t i = 0; i < BIG; i++)
		text[i] = i % 50 == 49 ? '\n' : 'x';
	return text;
}

static void a_big_mail_is_written_as_the_peer_reads_it(void **state)
{
	const char *const mails[] = { big_mail(), NULL };
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.host.mails = mails;
	log_in(&r);
	pump_input(&r.pump, "RETR 1\r\n", 8);
	while (r.host.owes != OWES_NOTHING && r.pump.next != NEXT_MORE)
		give_answer(&r.host);
	assert_true(r.pump.out.len < SESSION_OUT_MARK + 2 * 17 * 1024);
	settle(&r);
	/* "+OK 3060000 octets", each of 60,000 lines with one octet more, and the final full stop */
	assert_int_equal(r.heard.len, strlen("+OK 3060000 octets\r\n") + BIG + BIG / 50 + 3);
	assert_memory_equal(buf_end(&r.heard) - 6, "x\r\n.\r\n", 6);
	rig_close(&r);
}

static void at_shutdown_a_mail_under_way_is_finished(void **state)
{
	const char *const mails[] = { big_mail(), NULL };
	struct rig r;
	(void)state;
	rig_open(&r, false);
	r.host.mails = mails;
	log_in(&r);
	pump_input(&r.pump, "RETR 1\r\nNOOP\r\n", 14);
	pump_stop(&r.pump, STOP_SHUTDOWN);
	settle(&r);
	assert_memory_equal(buf_end(&r.heard) - 6, "x\r\n.\r\n", 6);
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void when_time_is_over_nothing_is_said_amid_a_mail(void **state)
{
	const char *const mails[] = { big_mail(), NULL };
	struct rig r;
	(void)state;
	rig_open(&r, false);
	r.host.mails = mails;
	log_in(&r);
	pump_input(&r.pump, "RETR 1\r\n", 8);
	size_t said = r.pump.out.len;
	pump_stop(&r.pump, STOP_NOW);
	assert_int_equal(r.pump.out.len, said);
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

/* ---- faults ---- */

static void a_fault_before_the_first_octet_is_an_error(void **state)
{
	static const char fault[] = "-ERR [SYS/TEMP] the mailbox cannot be read now, try again later\r\n";
	static const char *const lines[] = { "LIST\r\n",   "UIDL\r\n",    "LIST 1\r\n", "UIDL 1\r\n",
		                             "RETR 1\r\n", "TOP 1 1\r\n", "DELE 1\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct rig r;
		open_mailbox(&r);
		r.host.info_fails = 0;
		give(&r, lines[i]);
		expect(&r, fault);
		give(&r, "STAT\r\n");
		expect(&r, "+OK 2 70\r\n");
		rig_close(&r);
	}
}

static void a_read_that_fails_at_once_is_an_error_and_the_session_lives(void **state)
{
	struct rig r;
	(void)state;
	open_mailbox(&r);
	r.host.read_fails = 0;
	give(&r, "RETR 1\r\nNOOP\r\n");
	expect(&r, "-ERR [SYS/TEMP] the mailbox cannot be read now, try again later\r\n+OK nothing done\r\n");
	rig_close(&r);
}

static void an_answer_cut_by_a_fault_never_ends_as_if_it_were_whole(void **state)
{
	static const char *const lines[] = { "RETR 1\r\n", "TOP 1 9\r\n", "LIST\r\n", "UIDL\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct rig r;
		open_mailbox(&r);
		r.host.read_max = 10;
		r.host.read_fails = 20;
		r.host.info_fails = i < 2 ? NEVER : 1;
		give(&r, lines[i]);
		assert_true(pump_closing(&r.pump));
		assert_true(r.heard.len > 10);
		assert_memory_not_equal(buf_end(&r.heard) - 3, ".\r\n", 3);
		rig_close(&r);
	}
}

/* ---- ends ---- */

static void quit_removes_what_is_marked_and_says_so_where_it_could_not(void **state)
{
	struct rig r;
	(void)state;
	open_mailbox(&r);
	r.host.cannot_remove = true;
	give(&r, "DELE 1\r\nQUIT\r\n");
	expect(&r, "+OK message 1 deleted\r\n-ERR [SYS/TEMP] no message was removed, try again later\r\n");
	expect_noted(&r, "[commit 01]");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void without_marks_none_are_given(void **state)
{
	struct rig r;
	(void)state;
	open_mailbox(&r);
	give(&r, "DELE 1\r\nRSET\r\nQUIT\r\n");
	expect_noted(&r, "[commit]");
	rig_close(&r);
}

static void quit_before_the_login_commits_nothing(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r, false);
	pump_start(&r.pump);
	give(&r, "QUIT\r\n");
	expect(&r, "+OK POP3 server ready\r\n+OK goodbye\r\n");
	expect_noted(&r, "");
	rig_close(&r);
}

/* RFC 1939 sections 3 and 6 */
static void a_session_that_breaks_off_or_times_out_commits_nothing(void **state)
{
	struct rig r;
	(void)state;
	for (int times_out = 0; times_out < 2; times_out++) {
		open_mailbox(&r);
		give(&r, "DELE 1\r\n");
		expect(&r, "+OK message 1 deleted\r\n");
		if (times_out)
			pump_stop(&r.pump, STOP_IDLE);
		else
			pump_lost(&r.pump);
		expect(&r, "");
		expect_noted(&r, "");
		assert_true(pump_closing(&r.pump));
		rig_close(&r);
	}
}

static void shutdown_and_crowds_are_said(void **state)
{
	struct rig r;
	(void)state;
	open_mailbox(&r);
	pump_stop(&r.pump, STOP_SHUTDOWN);
	expect(&r, "-ERR [SYS/TEMP] the server is shutting down\r\n");
	rig_close(&r);
	rig_open(&r, false);
	pump_stop(&r.pump, STOP_CROWDED);
	expect(&r, "-ERR [SYS/TEMP] too many connections, try again later\r\n");
	rig_close(&r);
}

static void a_peer_that_vanishes_while_the_host_works_is_waited_for(void **state)
{
	static const char *const lines[] = { "RETR 1\r\n", "LIST\r\n", "DELE 1\r\n", "QUIT\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct rig r;
		rig_open(&r, true);
		log_in(&r);
		pump_input(&r.pump, lines[i], strlen(lines[i]));
		pump_lost(&r.pump);
		assert_true(pump_waiting(&r.pump));
		settle(&r);
		assert_true(pump_closing(&r.pump));
		rig_close(&r);
	}
}

static void an_idle_session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct pop3_server) < 1024);
}

static void the_transcript_shows_the_dialogue_but_no_password(void **state)
{
	static char shown[4096];
	struct rig r;
	FILE *file = tmpfile();
	(void)state;
	rig_open(&r, false);
	r.config.transcript = transcript_new(fileno(file));
	transcript_feed_init(&pop3_session_of(r.host.session)->feed, r.config.transcript);
	pump_start(&r.pump);
	give(&r, "PASS early\r\nUSER alice\r\n pass  secret\r\nPASS late\r\nTOP 2 0\r\nQUIT\r\n");
	rig_close(&r);
	transcript_free(r.config.transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(shown, "C: <client connects to POP3 port>\nS: +OK POP3 server ready\nC: PASS …\n"
	                           "S: -ERR say USER first\nC: USER alice\nS: +OK send the password\n"
	                           "C:  pass …\nS: +OK 2 messages (70 octets)\nC: PASS …\n"
	                           "S: -ERR already logged in\nC: TOP 2 0\nS: +OK the top of the message follows\n"
	                           "S: From: b\nS: .\nC: QUIT\nS: +OK goodbye\nC: <client hangs up>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dialogue_is_the_same_however_it_is_cut),
		cmocka_unit_test(a_dialogue_is_the_same_when_the_host_answers_later),
		cmocka_unit_test(lines_may_end_in_lf),
		cmocka_unit_test(only_a_number_that_is_there_is_a_number),
		cmocka_unit_test(top_wants_two_numbers),
		cmocka_unit_test(three_wrong_passwords_and_out),
		cmocka_unit_test(a_mailbox_in_use_ends_the_session),
		cmocka_unit_test(a_mailbox_that_cannot_be_opened_ends_the_session),
		cmocka_unit_test(ten_errors_and_out),
		cmocka_unit_test(a_line_that_is_too_long_does_nothing),
		cmocka_unit_test(a_long_list_is_written_as_the_peer_reads_it),
		cmocka_unit_test(a_big_mail_is_written_as_the_peer_reads_it),
		cmocka_unit_test(at_shutdown_a_mail_under_way_is_finished),
		cmocka_unit_test(when_time_is_over_nothing_is_said_amid_a_mail),
		cmocka_unit_test(a_fault_before_the_first_octet_is_an_error),
		cmocka_unit_test(a_read_that_fails_at_once_is_an_error_and_the_session_lives),
		cmocka_unit_test(an_answer_cut_by_a_fault_never_ends_as_if_it_were_whole),
		cmocka_unit_test(quit_removes_what_is_marked_and_says_so_where_it_could_not),
		cmocka_unit_test(without_marks_none_are_given),
		cmocka_unit_test(quit_before_the_login_commits_nothing),
		cmocka_unit_test(a_session_that_breaks_off_or_times_out_commits_nothing),
		cmocka_unit_test(shutdown_and_crowds_are_said),
		cmocka_unit_test(a_peer_that_vanishes_while_the_host_works_is_waited_for),
		cmocka_unit_test(an_idle_session_is_small),
		cmocka_unit_test(the_transcript_shows_the_dialogue_but_no_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
