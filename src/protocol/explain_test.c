/*
 * What is said about every line of a dialogue, and that the state is followed through it, whatever happens.
 */
#include "protocol/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "course/replies.h"
#include "protocol/smtp_session.h"

static const struct course_verb spellings[] = { { "MAIL_FROM:", "MAIL FROM:" }, { "RCPT_TO:", "RCPT TO:" } };

static struct explain follower;

static int begin(void **state)
{
	(void)state;
	explain_init(&follower, spellings, sizeof spellings / sizeof spellings[0]);
	return 0;
}

static int end(void **state)
{
	(void)state;
	explain_release(&follower);
	return 0;
}

/* "C: HELO kgp"; "N" is a note. What is said about it lives until the next call. */
static const char *shown(const char *line)
{
	static char said[EXPLAIN_MAX + 1];
	struct slice rest = slice_skip(slice_str(line), 3);
	struct slice text = line[0] == 'C'   ? explain_client(&follower, rest, false)
	                    : line[0] == 'S' ? explain_server(&follower, rest)
	                                     : explain_note(&follower);
	memcpy(said, text.len > 0 ? text.ptr : "", text.len);
	said[text.len] = '\0';
	return said;
}

static const char *assert_says(const char *line, const char *wanted)
{
	const char *said = shown(line);
	if (!strstr(said, wanted))
		fail_msg("%s: \"%s\" lacks \"%s\"", line, said, wanted);
	return said;
}

static void follow(const char *const *lines)
{
	for (; *lines; lines++)
		shown(*lines);
}

#define FOLLOW(...) follow((const char *const[]){ __VA_ARGS__, NULL })

/* ---- the tables ---- */

static void assert_sound(const char *text)
{
	size_t len = strlen(text);
	assert_true(len > 0 && text[len - 1] != '.' && text[len - 1] != ' ');
	for (size_t i = 0; i < len; i++) {
		assert_true(text[i] >= ' ' && text[i] <= '~');
		if (text[i] == '%')
			assert_true(text[i + 1] == 'v' || text[i + 1] == 's');
	}
}

static void assert_sound_section(const char *section)
{
	assert_sound(section);
	assert_non_null(strstr(section, "RFC"));
}

/* What is longest in a table of texts, the placeholders filled. */
static size_t longest_state(const struct explain_protocol *p)
{
	size_t longest = 0;
	for (size_t i = 0; i < p->states_len; i++) {
		size_t len = strlen(p->states[i].text) + 20; /* and its number */
		longest = len > longest ? len : longest;
	}
	return longest;
}

static void assert_reply_sound(const struct explain_protocol *p, const struct explain_reply *r)
{
	size_t len = strlen(r->sentence) + strlen(r->section) + 2 * longest_state(p) +
	             strlen(explain_no_extension.sentence) + strlen(explain_lines_follow) + 200;
	assert_sound(r->sentence);
	assert_sound_section(r->section);
	if (r->right) {
		assert_sound(r->right);
		len += strlen(r->right) + 40;
	}
	assert_true(len < EXPLAIN_MAX);
}

static void assert_tables_sound(const struct explain_protocol *p)
{
	for (size_t i = 0; i < p->verbs_len; i++) {
		assert_sound(p->verbs[i].sentence);
		assert_sound_section(p->verbs[i].section);
	}
	for (size_t i = 0; i < p->replies_len; i++)
		assert_reply_sound(p, &p->replies[i]);
	for (size_t i = 0; i < p->states_len; i++) {
		assert_sound(p->states[i].text);
		assert_sound(p->states[i].next);
		assert_sound(p->states[i].hung_up);
		assert_sound_section(p->states[i].section);
	}
	for (size_t i = 0; i < p->extensions_len; i++) {
		assert_sound(p->extensions[i].sentence);
		assert_sound_section(p->extensions[i].section);
	}
}

static void every_sentence_is_plain_and_names_its_section(void **state)
{
	static const struct explain_remark *const remarks[] = {
		&explain_connects,     &explain_too_early, &explain_no_reply,  &explain_more_lines,
		&explain_no_extension, &explain_stuffed,   &explain_lines_end,
	};
	(void)state;
	assert_tables_sound(&explain_smtp);
	assert_tables_sound(&explain_pop3);
	for (size_t i = 0; i < sizeof remarks / sizeof remarks[0]; i++) {
		assert_sound(remarks[i]->sentence);
		assert_sound_section(remarks[i]->section);
	}
}

/* An error says what would have been right; what is no error does not. */
static void every_error_says_what_would_be_right(void **state)
{
	static const struct explain_protocol *const both[] = { &explain_smtp, &explain_pop3 };
	(void)state;
	for (size_t p = 0; p < 2; p++) {
		for (size_t i = 0; i < both[p]->replies_len; i++) {
			const struct explain_reply *r = &both[p]->replies[i];
			int class = r->code >= 100 ? r->code / 100 : r->code;
			if (class == 4 || class == 5)
				assert_non_null(r->right);
			else if (class != 0)
				assert_null(r->right);
		}
	}
}

static void assert_verb_known(const char *verb)
{
	char line[64];
	snprintf(line, sizeof line, "C: %s", verb);
	assert_null(strstr(shown(line), "no verb of basic"));
	assert_true(follower.said.len > 20);
}

static void every_verb_of_the_servers_has_a_sentence(void **state)
{
	static const char *const pop3[] = { "USER", "PASS", "STAT", "LIST", "RETR", "DELE",
		                            "RSET", "NOOP", "UIDL", "TOP",  "CAPA", "QUIT" };
	(void)state;
	shown("S: 220 lab");
	for (const struct command *row = smtp_commands; strcmp(row->verb, "RETRIEVE") != 0; row++)
		assert_verb_known(row->verb);
	assert_verb_known("RETRIEVE");
	assert_says("C: FOO", "no verb of basic SMTP");
	explain_release(&follower);
	begin(state);
	shown("S: +OK");
	for (size_t i = 0; i < sizeof pop3 / sizeof pop3[0]; i++)
		assert_verb_known(pop3[i]);
	assert_says("C: HELO", "no verb of basic POP3");
}

/* ---- each reply of the servers ---- */

enum { BEFORE_MAX = 7 };

/* The dialogue up to the reply, and what is said about that. */
struct situation {
	const char *before[BEFORE_MAX];
	const char *said;
};

#define GREETED "S: 220 lab", "C: HELO kgp", "S: 250 OK"
#define SENDER  GREETED, "C: MAIL FROM:<bob@lab>", "S: 250 OK"
/* Without HELO: the follower goes by what it sees, and the rows are the same. */
#define TEXT "S: 220 lab", "C: MAIL FROM:<bob@lab>", "S: 250 OK", "C: DATA", "S: 354 go", "C: ."

static const struct situation situations[REPLY_COUNT] = {
	[REPLY_GREETING] = { { NULL }, "ready, and names itself" },
	[REPLY_CROWDED] = { { NULL }, "cannot serve this client now" },
	[REPLY_TOO_MANY] = { { NULL }, "cannot serve this client now" },
	[REPLY_TOO_OFTEN] = { { NULL }, "cannot serve this client now" },
	[REPLY_SHUTDOWN] = { { SENDER }, "ends the session" },
	[REPLY_IDLE] = { { GREETED }, "heard nothing for too long" },
	[REPLY_TOO_MANY_ERRORS] = { { GREETED, "C: FOO", "S: 500 what" }, "too many errors" },
	[REPLY_TOO_SLOW] = { { TEXT }, "ends the session" },
	[REPLY_GOODBYE] = { { GREETED, "C: QUIT" }, "says goodbye" },
	[REPLY_HELLO] = { { "S: 220 lab", "C: HELO kgp" }, "greets back" },
	[REPLY_RESET] = { { SENDER, "C: RSET" }, "forgotten" },
	[REPLY_NOOP] = { { GREETED, "C: NOOP" }, "still there" },
	[REPLY_VRFY] = { { GREETED, "C: VRFY alice" }, "neither yes nor no" },
	[REPLY_HELP] = { { GREETED, "C: HELP" }, "for people to read" },
	[REPLY_TLS_START] = { { GREETED, "C: STARTTLS" }, "agree on keys" },
	[REPLY_AUTH_OK] = { { GREETED, "C: AUTH X", "S: 334 ", "C: x" }, "the login is right" },
	[REPLY_AUTH_CHALLENGE] = { { GREETED, "C: AUTH X" }, "now: a login is under way" },
	[REPLY_AUTH_WRONG] = { { GREETED, "C: AUTH X", "S: 334 ", "C: x" }, "name or password is wrong" },
	[REPLY_AUTH_MALFORMED] = { { GREETED, "C: AUTH X", "S: 334 ", "C: x" }, "now: greeted" },
	[REPLY_AUTH_CANCELLED] = { { GREETED, "C: AUTH X", "S: 334 ", "C: *" }, "the client gave it up" },
	[REPLY_AUTH_MECHANISM] = { { GREETED, "C: AUTH X" }, "no such way to log in" },
	[REPLY_AUTH_NEEDS_TLS] = { { GREETED, "C: AUTH X" }, "A line that fits here: STARTTLS" },
	[REPLY_AUTH_REQUIRED] = { { GREETED, "C: MAIL FROM:<bob@lab>" }, "before it takes a mail" },
	[REPLY_AUTH_LATER] = { { GREETED, "C: AUTH X" }, "cannot check a login" },
	[REPLY_AUTH_TOO_OFTEN] = { { GREETED, "C: AUTH X" }, "ends the session" },
	[REPLY_SENDER_OK] = { { GREETED, "C: MAIL FROM:<bob@lab>" }, "sender is taken" },
	[REPLY_RECIPIENT_OK] = { { SENDER, "C: RCPT TO:<alice@lab>" }, "recipient is taken" },
	[REPLY_NO_SUCH_USER] = { { SENDER, "C: RCPT TO:<nobody@lab>" }, "no such mailbox here" },
	[REPLY_DATA_START] = { { SENDER, "C: DATA" }, "the text may come" },
	[REPLY_ACCEPTED] = { { TEXT }, "the mail is taken" },
	[REPLY_NO_RECIPIENTS] = { { SENDER, "C: DATA" }, "nobody to send a text to" },
	[REPLY_TOO_MANY_RECIPIENTS] = { { SENDER, "C: RCPT TO:<alice@lab>" }, "too many for one mail" },
	[REPLY_TOO_BIG] = { { TEXT }, "larger than the server takes" },
	[REPLY_BARE_CR] = { { TEXT }, "hold no other CR" },
	[REPLY_BARE_LF] = { { TEXT }, "all lines end in CR LF" },
	[REPLY_NO_LINE_END] = { { SENDER, "C: BDAT 3 LAST" }, "the last one too" },
	[REPLY_LOOP] = { { TEXT }, "round in a circle" },
	[REPLY_NO_RELAY] = { { SENDER, "C: RCPT TO:<alice@far>" }, "no such mailbox here" },
	[REPLY_NO_DOMAIN] = { { SENDER, "C: RCPT TO:<alice>" }, "no such mailbox here" },
	[REPLY_NEEDS_SMTPUTF8] = { { SENDER, "C: RCPT TO:<x@lab>" }, "the address is not ASCII" },
	[REPLY_MAILBOX_FULL] = { { TEXT }, "no room for the mail" },
	[REPLY_CHUNK] = { { SENDER, "C: BDAT 3" }, "goes on with the next one" },
	[REPLY_SUBJECT_TOO_LONG] = { { TEXT }, "subject keeps to the course's limit" },
	[REPLY_STORAGE_FULL] = { { TEXT }, "no room for the mail" },
	[REPLY_TRY_LATER] = { { TEXT }, "could not store the mail" },
	[REPLY_REGISTERED] = { { "S: 220 lab", "C: REGISTER" }, "has an address now" },
	[REPLY_NOT_YOUR_ADDRESS] = { { GREETED, "C: MAIL FROM: <9@lab>" }, "may not send under that address" },
	[REPLY_RETRIEVED] = { { GREETED, "C: RETRIEVE" }, "between lines of stars" },
	[REPLY_UNKNOWN_COMMAND] = { { GREETED, "C: FOO" }, "does not know this verb" },
	[REPLY_NOT_IMPLEMENTED] = { { GREETED, "C: EXPN x" }, "knows this command and does not do it" },
	[REPLY_LINE_END] = { { GREETED, "C: NOOP" }, "does not understand this line" },
	[REPLY_LINE_TOO_LONG] = { { GREETED, "C: NOOP" }, "does not understand this line" },
	[REPLY_SYNTAX] = { { GREETED, "C: MAIL FROM bob" }, "A right line: MAIL FROM:<bob@lab>" },
	[REPLY_WRONG_ORDER] = { { "S: 220 lab", "C: DATA" }, "A line that fits here: HELO client.example" },
	[REPLY_UNKNOWN_PARAMETER] = { { GREETED, "C: MAIL FROM:<a@b> X=1" }, "does not know; nothing has happened" },
	[REPLY_POP3_GREETING] = { { NULL }, "the client says who it is" },
	[REPLY_POP3_GOODBYE] = { { "S: +OK", "C: QUIT" }, "nobody had logged in" },
};

static void every_reply_of_the_servers_has_a_sentence(void **state)
{
	for (size_t i = 0; i < REPLY_COUNT; i++) {
		const struct reply *reply = &replies_default[i];
		char line[REPLY_TEXT_MAX + 16];
		assert_non_null(situations[i].said);
		begin(state);
		follow(situations[i].before);
		if (reply->code > 0)
			snprintf(line, sizeof line, "S: %d %s", reply->code, reply->text);
		else
			snprintf(line, sizeof line, "S: %s", reply->text);
		const char *said = assert_says(line, situations[i].said);
		assert_non_null(strstr(said, ". State "));
		end(state);
	}
	begin(state);
}

/* ---- whole dialogues ---- */

/* A line, and the state behind it. */
struct step {
	const char *line;
	unsigned state;
	size_t count;
};

static void walk(const struct step *steps)
{
	for (; steps->line; steps++) {
		shown(steps->line);
		if (follower.state != steps->state || follower.count != steps->count)
			fail_msg("%s: state %u count %zu, not %u %zu", steps->line, follower.state, follower.count,
			         steps->state, steps->count);
	}
}

static void an_smtp_session_is_followed(void **state)
{
	static const struct step steps[] = {
		{ "N", EXPLAIN_SILENT, 0 },
		{ "S: 220 lab Service Ready", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: RSET", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: helo kgp", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "S: 250 OK Hello kgp", EXPLAIN_SMTP_GREETED, 0 },
		{ "C: MAIL FROM:<bob@lab>", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_SENDER, 0 },
		{ "C: RCPT TO:<nobody@lab>", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 550 No such user", EXPLAIN_SMTP_SENDER, 0 },
		{ "C: RCPT TO:<alice@lab>", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_RECIPIENT, 1 },
		{ "C: RCPT TO:<bob@lab>", EXPLAIN_SMTP_RECIPIENT, 1 },
		{ "S: 250 OK", EXPLAIN_SMTP_RECIPIENT, 2 },
		{ "C: MAIL FROM:<bob@lab>", EXPLAIN_SMTP_RECIPIENT, 2 },
		{ "S: 503 Wrong order", EXPLAIN_SMTP_RECIPIENT, 2 },
		{ "C: DATA", EXPLAIN_SMTP_RECIPIENT, 2 },
		{ "S: 354 go", EXPLAIN_SMTP_TEXT, 2 },
		{ "C: QUIT", EXPLAIN_SMTP_TEXT, 2 }, /* a line of the text */
		{ "C: ..", EXPLAIN_SMTP_TEXT, 2 },
		{ "C: .", EXPLAIN_SMTP_TEXT, 2 },
		{ "S: 250 OK Message accepted", EXPLAIN_SMTP_GREETED, 0 },
		{ "C: MAIL FROM:<bob@lab>", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_SENDER, 0 },
		{ "C: EHLO kgp", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 250-lab", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 250 SIZE 1000", EXPLAIN_SMTP_GREETED, 0 },
		{ "C: QUIT", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 221 bye", EXPLAIN_OVER, 0 },
		{ "N", EXPLAIN_OVER, 0 },
		{ NULL, 0, 0 },
	};
	(void)state;
	walk(steps);
}

static void a_login_over_tls_is_followed(void **state)
{
	static const struct step steps[] = {
		{ "S: 220 lab", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: EHLO kgp", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "S: 250 STARTTLS", EXPLAIN_SMTP_GREETED, 0 },
		{ "C: STARTTLS", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 220 go", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: EHLO kgp", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "S: 250 AUTH PLAIN", EXPLAIN_SMTP_GREETED, 0 },
		{ "C: AUTH PLAIN", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 334 ", EXPLAIN_SMTP_LOGIN, 0 },
		{ "C: ", EXPLAIN_SMTP_LOGIN, 0 },
		{ "S: 535 wrong", EXPLAIN_SMTP_GREETED, 0 },
		{ "C: AUTH PLAIN", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 235 right", EXPLAIN_SMTP_GREETED, 0 },
		{ NULL, 0, 0 },
	};
	(void)state;
	walk(steps);
}

static void a_mail_in_chunks_is_followed(void **state)
{
	static const struct step steps[] = {
		{ "S: 220 lab", EXPLAIN_SMTP_CONNECTED, 0 },      { "C: EHLO kgp", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "S: 250 CHUNKING", EXPLAIN_SMTP_GREETED, 0 },   { "C: MAIL FROM:<bob@lab>", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_SENDER, 0 },          { "C: RCPT TO:<alice@lab>", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_RECIPIENT, 1 },       { "C: BDAT 6", EXPLAIN_SMTP_RECIPIENT, 1 },
		{ "S: 250 6 octets", EXPLAIN_SMTP_RECIPIENT, 1 }, { "C: bdat 6 last", EXPLAIN_SMTP_RECIPIENT, 1 },
		{ "S: 250 OK", EXPLAIN_SMTP_GREETED, 0 },         { NULL, 0, 0 },
	};
	(void)state;
	walk(steps);
}

/* What the transcript knows to be text is no command. */
static void a_chunks_text_is_not_explained(void **state)
{
	(void)state;
	FOLLOW(SENDER, "C: BDAT 6");
	assert_true(slice_empty(explain_text(&follower, slice_str("QUIT"))));
	assert_says("S: 250 OK", "goes on with the next one");
}

static void a_refused_mail_ends_its_transaction(void **state)
{
	static const char *const replies[] = { "S: 554 no", "S: 552 no", "S: 452 no", "S: 451 no", "S: 550 no" };
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		begin(state);
		FOLLOW(TEXT, replies[i]);
		assert_int_equal(follower.state, EXPLAIN_SMTP_GREETED);
		end(state);
	}
	begin(state);
	FOLLOW(TEXT, "S: 421 going down");
	assert_int_equal(follower.state, EXPLAIN_OVER);
}

static void one_mail_after_another_is_followed(void **state)
{
	(void)state;
	FOLLOW(GREETED);
	for (int i = 0; i < 3; i++) {
		FOLLOW("C: MAIL FROM:<bob@lab>", "S: 250 OK", "C: DATA", "S: 354 go");
		assert_string_equal(shown("C: QUIT"), "");
		FOLLOW("C: .", "S: 250 OK");
	}
	assert_int_equal(follower.state, EXPLAIN_SMTP_GREETED);
}

static void a_pop3_session_is_followed(void **state)
{
	static const struct step steps[] = {
		{ "N", EXPLAIN_SILENT, 0 },
		{ "S: +OK POP3 server ready", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: STAT", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: -ERR log in first", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: USER alice ", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: +OK send the password", EXPLAIN_POP3_NAMED, 0 },
		{ "C: PASS wrong", EXPLAIN_POP3_NAMED, 0 },
		{ "S: -ERR wrong", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: USER alice", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: +OK", EXPLAIN_POP3_NAMED, 0 },
		{ "C: PASS right", EXPLAIN_POP3_NAMED, 0 },
		{ "S: +OK 2 messages", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "C: LIST", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: +OK", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: 1 120", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: .", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "C: LIST 1", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: +OK 1 120", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "C: RETR 1", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: +OK 120 octets", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: -ERR is a line of the mail", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: .", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "C: DELE 1", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: +OK", EXPLAIN_POP3_TRANSACTION, 1 },
		{ "C: DELE 1", EXPLAIN_POP3_TRANSACTION, 1 },
		{ "S: -ERR deleted", EXPLAIN_POP3_TRANSACTION, 1 },
		{ "C: RSET", EXPLAIN_POP3_TRANSACTION, 1 },
		{ "S: +OK", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "C: QUIT", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: +OK goodbye", EXPLAIN_OVER, 0 },
		{ NULL, 0, 0 },
	};
	(void)state;
	walk(steps);
}

static void a_pop3_login_over_tls_is_followed(void **state)
{
	static const struct step steps[] = {
		{ "S: +OK POP3 server ready <1@lab>", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: USER alice", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: +OK", EXPLAIN_POP3_NAMED, 0 },
		{ "C: STLS", EXPLAIN_POP3_NAMED, 0 },
		{ "S: +OK", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: UTF8", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: +OK", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: APOP alice 0", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: -ERR [AUTH] no", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: AUTH PLAIN", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: + ", EXPLAIN_POP3_EXCHANGE, 0 },
		{ "C: QUIT", EXPLAIN_POP3_EXCHANGE, 0 },
		{ "S: -ERR [AUTH] no", EXPLAIN_POP3_NAMELESS, 0 },
		{ "C: AUTH PLAIN", EXPLAIN_POP3_NAMELESS, 0 },
		{ "S: + ", EXPLAIN_POP3_EXCHANGE, 0 },
		{ "C: x", EXPLAIN_POP3_EXCHANGE, 0 },
		{ "S: +OK", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "C: RETR 1", EXPLAIN_POP3_TRANSACTION, 0 },
		{ "S: -ERR [UTF8] no", EXPLAIN_POP3_TRANSACTION, 0 },
		{ NULL, 0, 0 },
	};
	(void)state;
	walk(steps);
}

static void replies_find_their_commands_in_a_pipeline(void **state)
{
	static const struct step steps[] = {
		{ "S: 220 lab", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: HELO kgp", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: MAIL FROM:<bob@lab>", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: RCPT TO:<nobody@lab>", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: RCPT TO:<alice@lab>", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "C: DATA", EXPLAIN_SMTP_CONNECTED, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 550 No such user", EXPLAIN_SMTP_SENDER, 0 },
		{ "S: 250 OK", EXPLAIN_SMTP_RECIPIENT, 1 },
		{ "S: 354 go", EXPLAIN_SMTP_TEXT, 1 },
		{ "C: text", EXPLAIN_SMTP_TEXT, 1 },
		{ "C: .", EXPLAIN_SMTP_TEXT, 1 },
		{ "C: QUIT", EXPLAIN_SMTP_TEXT, 1 },
		{ "S: 250 OK", EXPLAIN_SMTP_GREETED, 0 },
		{ "S: 221 bye", EXPLAIN_OVER, 0 },
		{ NULL, 0, 0 },
	};
	(void)state;
	walk(steps);
}

/* Only their number is kept, and the dialogue is in step again when they are answered. */
static void a_pipeline_longer_than_the_queue_keeps_in_step(void **state)
{
	(void)state;
	FOLLOW("S: +OK", "C: USER alice", "S: +OK", "C: PASS x", "S: +OK");
	for (int i = 0; i < 3 * EXPLAIN_PENDING_MAX; i++)
		shown("C: DELE 1");
	for (int i = 0; i < 3 * EXPLAIN_PENDING_MAX; i++)
		shown("S: +OK");
	assert_int_equal(follower.count, EXPLAIN_PENDING_MAX);
	assert_says("C: QUIT", "ends the session");
	assert_says("S: +OK goodbye", "UPDATE");
}

static void what_is_said_when_the_queue_was_full_keeps_its_place(void **state)
{
	(void)state;
	FOLLOW("S: +OK", "C: USER alice", "S: +OK", "C: PASS x", "S: +OK");
	for (int i = 0; i < EXPLAIN_PENDING_MAX + 1; i++)
		shown("C: DELE 1");
	FOLLOW("S: +OK", "C: QUIT");
	for (int i = 0; i < EXPLAIN_PENDING_MAX; i++)
		shown("S: +OK");
	assert_int_equal(follower.state, EXPLAIN_POP3_TRANSACTION);
}

static void a_pipeline_of_mails_is_followed_through_their_texts(void **state)
{
	(void)state;
	FOLLOW("S: +OK", "C: USER alice", "S: +OK", "C: PASS x", "S: +OK", "C: RETR 1", "C: TOP 2 0", "C: DELE 1",
	       "S: +OK", "S: +OK is text", "S: .", "S: +OK", "S: ..", "S: .");
	assert_int_equal(follower.count, 0);
	assert_says("S: +OK", "the mail is marked");
}

/* ---- single things ---- */

static void a_mails_text_is_not_explained_but_for_doubled_full_stops(void **state)
{
	(void)state;
	FOLLOW("S: 220 lab", "C: MAIL FROM:<bob@lab>", "S: 250 OK", "C: DATA", "S: 354 go");
	assert_string_equal(shown("C: HELO kgp"), "");
	assert_string_equal(shown("C: "), "");
	assert_string_equal(shown("C: .one full stop"), "");
	assert_says("C: ..dotted", "travels doubled");
	assert_says("C: .", "ends the text");
}

static void each_line_of_ehlo_and_capa_is_explained(void **state)
{
	(void)state;
	FOLLOW("S: 220 lab", "C: EHLO kgp");
	assert_says("S: 250-lab OK", "more lines");
	assert_says("S: 250-SIZE 1000", "RFC 1870");
	assert_says("S: 250-X-OWN", "something else");
	assert_says("S: 250 PIPELINING", "without waiting for each reply (RFC 2920); the server has greeted back");
	end(state);
	begin(state);
	FOLLOW("S: +OK", "C: CAPA", "S: +OK");
	assert_says("S: RESP-CODES", "RFC 2449 section 6.4");
	assert_says("S: .", "ends the answer");
}

static void a_course_may_spell_verbs_its_own_way(void **state)
{
	(void)state;
	FOLLOW(GREETED);
	assert_says("C: mail_from: <bob@lab>", "begins a mail");
	assert_says("C: RCPT_TO:<alice@lab>", "no RFC has this form");
	FOLLOW("S: 250 OK", "S: 250 OK");
	assert_int_equal(follower.count, 1);
	assert_says("C: MAIL_FROMX", "no verb of basic SMTP");
}

static void codes_in_brackets_are_understood(void **state)
{
	(void)state;
	FOLLOW("S: +OK", "C: USER alice", "S: +OK", "C: PASS x");
	assert_says("S: -ERR [IN-USE] held by another", "another session has this mailbox open");
	FOLLOW("C: USER alice", "S: +OK", "C: PASS x");
	assert_says("S: -ERR [sys/temp] later", "cannot be opened now");
	FOLLOW("C: USER alice", "S: +OK", "C: PASS x", "S: +OK", "C: RETR 1");
	assert_says("S: -ERR [SYS/TEMP", "no such mail");
	shown("C: QUIT");
	assert_says("S: -ERR [SYS/TEMP] none removed", "could not be removed");
}

static void what_was_wrong_with_a_pop3_line_is_seen(void **state)
{
	static char endless[400] = "C: RETR 1";
	(void)state;
	FOLLOW("S: +OK", "C: PASS x");
	assert_says("S: -ERR say USER first", "not in this state");
	FOLLOW("C: USER alice", "S: +OK", "C: PASS x", "S: +OK", "C: RETR");
	assert_says("S: -ERR", "missing, or too much; nothing has happened. State stays: TRANSACTION, mails marked for "
	                       "deletion: 0. A right line: RETR 1 (RFC 1939 section 9)");
	shown("C: STAT x");
	assert_says("S: -ERR", "A right line: STAT");
	memset(endless + strlen(endless), '1', sizeof endless - 1 - strlen(endless));
	shown(endless);
	assert_says("S: -ERR", "longer than 255 octets");
}

static void a_hidden_password_is_still_an_argument(void **state)
{
	(void)state;
	FOLLOW("S: +OK", "C: USER alice", "S: +OK");
	explain_client(&follower, slice_str("PASS "), true);
	assert_says("S: -ERR", "wrong user name or password");
}

static void a_line_that_is_too_long_is_seen_to_be(void **state)
{
	static char line[600] = "C: NOOP ";
	(void)state;
	memset(line + 8, 'x', sizeof line - 9);
	FOLLOW(GREETED, line);
	assert_says("S: 500 Line too long", "longer than 512 octets");
}

static void the_end_of_a_connection_means_what_its_state_says(void **state)
{
	(void)state;
	assert_says("N", "the server speaks first");
	assert_says("N", "before the server has spoken");
	end(state);
	begin(state);
	shown("N");
	FOLLOW(TEXT);
	assert_says("N", "must send it again");
	end(state);
	begin(state);
	shown("N");
	FOLLOW("S: +OK", "C: USER alice", "S: +OK", "C: PASS x", "S: +OK", "C: DELE 1", "S: +OK");
	assert_says("N", "no mail is removed");
	end(state);
	begin(state);
	FOLLOW("N", "S: 220 lab", "C: QUIT", "S: 221 bye");
	assert_says("N", "all was said");
}

static void what_makes_no_sense_is_said_to(void **state)
{
	(void)state;
	assert_says("C: HELO", "before the server has greeted");
	assert_says("S: hello", "this is no reply");
	FOLLOW("S: 220 lab", "S: 250 early bird");
	assert_says("S: 250 OK", "without having been asked");
	shown("C: NOOP");
	assert_says("S: 999", "this is no reply");
	assert_says("S: ", "this is no reply");
	assert_says("S: 25", "this is no reply");
}

#define EXPLAIN_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXPLAIN_TEST(every_sentence_is_plain_and_names_its_section),
		EXPLAIN_TEST(every_error_says_what_would_be_right),
		EXPLAIN_TEST(every_verb_of_the_servers_has_a_sentence),
		EXPLAIN_TEST(every_reply_of_the_servers_has_a_sentence),
		EXPLAIN_TEST(an_smtp_session_is_followed),
		EXPLAIN_TEST(a_login_over_tls_is_followed),
		EXPLAIN_TEST(a_mail_in_chunks_is_followed),
		EXPLAIN_TEST(a_chunks_text_is_not_explained),
		EXPLAIN_TEST(a_refused_mail_ends_its_transaction),
		EXPLAIN_TEST(one_mail_after_another_is_followed),
		EXPLAIN_TEST(a_pop3_session_is_followed),
		EXPLAIN_TEST(a_pop3_login_over_tls_is_followed),
		EXPLAIN_TEST(replies_find_their_commands_in_a_pipeline),
		EXPLAIN_TEST(a_pipeline_longer_than_the_queue_keeps_in_step),
		EXPLAIN_TEST(what_is_said_when_the_queue_was_full_keeps_its_place),
		EXPLAIN_TEST(a_pipeline_of_mails_is_followed_through_their_texts),
		EXPLAIN_TEST(a_mails_text_is_not_explained_but_for_doubled_full_stops),
		EXPLAIN_TEST(each_line_of_ehlo_and_capa_is_explained),
		EXPLAIN_TEST(a_course_may_spell_verbs_its_own_way),
		EXPLAIN_TEST(codes_in_brackets_are_understood),
		EXPLAIN_TEST(what_was_wrong_with_a_pop3_line_is_seen),
		EXPLAIN_TEST(a_hidden_password_is_still_an_argument),
		EXPLAIN_TEST(a_line_that_is_too_long_is_seen_to_be),
		EXPLAIN_TEST(the_end_of_a_connection_means_what_its_state_says),
		EXPLAIN_TEST(what_makes_no_sense_is_said_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
