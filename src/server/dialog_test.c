/*
 * Plays the dialogs of tests/dialogs (their README says what the lines mean) against sessions within this process: each file as it stands, octet by
 * octet, and with job threads. Those that begin TLS are skipped: they are played over TCP. Run it in the project's root, or name the files to play.
 */
#include "server/lab_suite.h"

#include <glob.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ctype.h>

#include "server/maildrop.h"
#include "server/receive.h"

enum {
	FILE_MAX = 1024 * 1024,
	SAID_MAX = 16 * 1024 * 1024,
	REPLY_MAX = 512 /* RFC 5321 section 4.5.3.1.5, RFC 1939 section 3 */
};

static const char users[] = "alice secret\nbob d@t@comm\ngb pw\nng pw\n";

struct player {
	struct lab lab;
	lab_session_new *session_new;
	bool smtp;     /* not POP3 */
	bool standard; /* the course standard, not kharagpur */
	bool general;  /* a dialog for any server: the cast's names stand for its users */
	bool trickles; /* sends octet by octet */
	const char *path;
	unsigned line;     /* of the file, for complaints */
	struct buf unsent; /* what the client says next */
	struct buf said;   /* what the server said, and nobody has expected yet */
	struct buf seen;   /* the lines of the last whole answer or mail, each with an LF */
	struct buf mail;   /* to be put into a mailbox */
	struct buf domain;
	char user[32];       /* whose mailbox the `|` lines are about */
	char *mailbox;       /* what it holds, while it is looked at */
	struct slice unread; /* the rest of that */
};

#define complain(p, ...)                                      \
	do {                                                  \
		print_error("%s:%u: ", (p)->path, (p)->line); \
		fail_msg(__VA_ARGS__);                        \
	} while (0)

/* ---- texts ---- */

static char octet_of(struct player *p, struct slice *rest)
{
	unsigned value = 0;
	char c = rest->ptr[0];
	*rest = slice_skip(*rest, 1);
	if (c == 'x' && rest->len >= 2 && sscanf(rest->ptr, "%2x", &value) == 1)
		*rest = slice_skip(*rest, 2);
	else if (c == 'r' || c == 'n' || c == 't' || c == '\\')
		value = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : '\\';
	else
		complain(p, "an escape that is none");
	return (char)value;
}

/* "(998*x)" */
static void repeat(struct player *p, struct slice *rest, struct buf *out)
{
	unsigned times;
	char c;
	int len = 0;
	if (sscanf(rest->ptr, "(%u*%c)%n", &times, &c, &len) != 2 || len == 0)
		complain(p, "a repetition is \\(NUMBER*LETTER)");
	for (; times > 0; times--)
		assert_true(buf_append_char(out, c));
	*rest = slice_skip(*rest, (size_t)len);
}

static void unescape(struct player *p, struct slice text, struct buf *out)
{
	while (text.len > 0) {
		char c = text.ptr[0];
		text = slice_skip(text, 1);
		if (c == '\\' && text.len > 0 && text.ptr[0] == '(')
			repeat(p, &text, out);
		else
			assert_true(buf_append_char(out, c == '\\' && text.len > 0 ? octet_of(p, &text) : c));
	}
}

/* What stands for the server's own in the dialogs for any server. */
static const struct word {
	const char *word;
	const char *means; /* NULL: the server's domain */
} words[] = {
	{ "DOMAIN", NULL },
	{ "DoMaIn", "EXAMPLE.ORG" },
	{ "ALICE64", "YWxpY2U=" },
	{ "SECRET64", "c2VjcmV0" },
	{ "PLAIN64", "AGFsaWNlAHNlY3JldA==" },
	{ "BOBS-SECRET", "d@t@comm" },
	{ "SECRET", "secret" },
	{ "ALICE", "alice" },
	{ "BOB", "bob" },
};

/* The word that the text begins with, or NULL. In other dialogs there is DOMAIN alone. */
static const struct word *word_at(const struct player *p, struct slice text)
{
	for (size_t i = 0; i < (p->general ? sizeof words / sizeof *words : 1); i++) {
		size_t len = strlen(words[i].word);
		if (text.len >= len && memcmp(text.ptr, words[i].word, len) == 0)
			return &words[i];
	}
	return NULL;
}

static void append_meaning(struct slice means, bool quoted, struct buf *out)
{
	for (size_t i = 0; i < means.len; i++) {
		if (quoted && !isalnum((unsigned char)means.ptr[i]))
			assert_true(buf_append_char(out, '\\'));
		assert_true(buf_append_char(out, means.ptr[i]));
	}
}

/* Appends the text with the words' meanings in place of them; `quoted`: as a regular expression has them. */
static void replace_words(struct player *p, struct slice text, bool quoted, struct buf *out)
{
	while (text.len > 0) {
		const struct word *word = word_at(p, text);
		struct slice means = word && word->means ? slice_str(word->means) : buf_slice(&p->domain);
		if (word)
			append_meaning(means, quoted, out);
		else
			assert_true(buf_append_char(out, text.ptr[0]));
		text = slice_skip(text, word ? strlen(word->word) : 1);
	}
}

/* The text as it is expected. */
static void expand(struct player *p, struct slice text, struct buf *out)
{
	struct buf raw;
	buf_init(&raw, FILE_MAX);
	unescape(p, text, &raw);
	replace_words(p, buf_slice(&raw), false, out);
	buf_release(&raw);
}

/* … and as it is sent: in a dialog for our own server, just as it stands. */
static void queue(struct player *p, struct slice text)
{
	if (p->general)
		expand(p, text, &p->unsent);
	else
		unescape(p, text, &p->unsent);
}

static bool matches(struct player *p, struct slice line, struct slice pattern)
{
	regex_t regex;
	char whole[1024], text[4096];
	struct buf expanded;
	buf_init(&expanded, sizeof whole);
	if (p->general)
		replace_words(p, pattern, true, &expanded);
	snprintf(whole, sizeof whole, "^(%.*s)$", SLICE_FMT(p->general ? buf_slice(&expanded) : pattern));
	buf_release(&expanded);
	snprintf(text, sizeof text, "%.*s", SLICE_FMT(line));
	if (regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB) != 0)
		complain(p, "a regular expression that is none");
	bool match = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

/* `line` must be the text or, with `pattern`, match it. */
static void compare(struct player *p, struct slice line, struct slice text, bool pattern)
{
	struct buf wanted;
	buf_init(&wanted, FILE_MAX);
	if (!pattern)
		expand(p, text, &wanted);
	bool same = pattern ? matches(p, line, text) : slice_equal(line, buf_slice(&wanted));
	if (!same)
		complain(p, "expected \"%.*s\", there is \"%.*s\"", SLICE_FMT(text), SLICE_FMT(line));
	buf_release(&wanted);
}

/* ---- the client ---- */

static void hear(struct player *p, const char *said)
{
	assert_true(buf_append_text(&p->said, said));
}

static void flush(struct player *p)
{
	size_t step = p->trickles ? 1 : p->unsent.len;
	for (size_t at = 0; at < p->unsent.len; at += step)
		hear(p, lab_say(&p->lab, p->unsent.data + at, step));
	buf_clear(&p->unsent);
}

static void connect_now(struct player *p)
{
	if (p->lab.talking)
		lab_hang_up(&p->lab);
	lab_connect(&p->lab, p->session_new);
	hear(p, lab_say(&p->lab, "", 0));
	if (p->domain.len > 0)
		return;
	struct slice greeting = slice_make(p->said.data, slice_find(buf_slice(&p->said), '\r'));
	slice_word(&greeting);
	assert_true(buf_append_slice(&p->domain, slice_word(&greeting)));
}

/* The next line the server said, without CR LF; it is in `said` until next_line_done(). */
static struct slice next_line(struct player *p, struct slice expected)
{
	flush(p);
	struct slice line = slice_make(p->said.data, slice_find(buf_slice(&p->said), '\n'));
	if (line.len == p->said.len || line.len == 0 || line.ptr[line.len - 1] != '\r')
		complain(p, "expected \"%.*s\", nothing was said", SLICE_FMT(expected));
	return slice_make(line.ptr, line.len - 1);
}

static void next_line_done(struct player *p, struct slice line)
{
	buf_consume(&p->said, line.len + 2);
}

static void expect_line(struct player *p, struct slice text, bool pattern)
{
	struct slice line = next_line(p, text);
	compare(p, line, text, pattern);
	next_line_done(p, line);
}

static void see(struct player *p, struct slice line)
{
	assert_true(buf_append_slice(&p->seen, line) && buf_append_char(&p->seen, '\n'));
}

/* A reply of any number of lines; its code, or POP3's first word, matches. */
static void expect_reply(struct player *p, struct slice codes)
{
	bool more = true;
	buf_clear(&p->seen);
	while (more) {
		struct slice line = next_line(p, codes), rest = line;
		struct slice code = p->smtp ? slice_make(line.ptr, line.len < 3 ? line.len : 3) : slice_word(&rest);
		if (line.len + 2 > REPLY_MAX)
			complain(p, "a line of %zu octets", line.len + 2);
		if (!matches(p, code, codes))
			complain(p, "expected %.*s, there is \"%.*s\"", SLICE_FMT(codes), SLICE_FMT(line));
		more = p->smtp && line.len > 3 && line.ptr[3] == '-';
		see(p, line);
		next_line_done(p, line);
	}
}

/* The lines up to one with a full stop alone. */
static void expect_lines(struct player *p)
{
	const struct slice end = slice_str(".");
	bool more = true;
	buf_clear(&p->seen);
	while (more) {
		struct slice line = next_line(p, end);
		more = !slice_equal(line, end);
		if (more)
			see(p, slice_skip(line, line.len > 0 && line.ptr[0] == '.'));
		next_line_done(p, line);
	}
}

/* How many of the lines that were seen match. */
static size_t count_matches(struct player *p, struct slice pattern, bool first_alone)
{
	size_t found = 0;
	struct slice rest = buf_slice(&p->seen);
	while (rest.len > 0) {
		struct slice line = slice_make(rest.ptr, slice_find(rest, '\n'));
		found += matches(p, line, pattern);
		rest = first_alone ? slice_skip(rest, rest.len) : slice_skip(rest, line.len + 1);
	}
	return found;
}

/* `least` to `most` of the lines match. */
static void look_for(struct player *p, struct slice pattern, size_t least, size_t most)
{
	size_t found = count_matches(p, pattern, false);
	if (found < least || found > most)
		complain(p, "%zu lines are \"%.*s\" in:\n%.*s", found, SLICE_FMT(pattern),
		         SLICE_FMT(buf_slice(&p->seen)));
}

static void look_at_first(struct player *p, struct slice pattern)
{
	if (count_matches(p, pattern, true) != 1)
		complain(p, "the first line is not \"%.*s\" in:\n%.*s", SLICE_FMT(pattern),
		         SLICE_FMT(buf_slice(&p->seen)));
}

/* The last answer names the capability: what any server may leave out, ours has. */
static void need(struct player *p, struct slice keyword)
{
	char pattern[128];
	snprintf(pattern, sizeof pattern, "(250[- ])?%.*s( .*)?", SLICE_FMT(keyword));
	if (count_matches(p, slice_str(pattern), false) == 0)
		complain(p, "\"%.*s\" is not offered in:\n%.*s", SLICE_FMT(keyword), SLICE_FMT(buf_slice(&p->seen)));
}

static void expect_silence(struct player *p)
{
	flush(p);
	if (p->said.len > 0)
		complain(p, "there is more: \"%.*s\"", SLICE_FMT(buf_slice(&p->said)));
}

static void hang_up(struct player *p)
{
	expect_silence(p);
	if (p->lab.talking)
		lab_hang_up(&p->lab);
}

static void expect_closed(struct player *p)
{
	expect_silence(p);
	if (!pump_closing(&p->lab.pump))
		complain(p, "the server has not closed the connection");
	lab_hang_up(&p->lab);
}

/* ---- mailboxes ---- */

/* The `|` lines are over. */
static void end_mailbox(struct player *p)
{
	if (p->mail.len > 0) {
		assert_true(buf_append_char(&p->mail, '\0'));
		lab_deliver(&p->lab, p->user, p->mail.data);
		buf_clear(&p->mail);
	}
	if (p->mailbox && p->unread.len > 0)
		complain(p, "there is more in the mailbox: \"%.*s\"", SLICE_FMT(p->unread));
	free(p->mailbox);
	p->mailbox = NULL;
}

static void begin_mail(struct player *p, struct slice name)
{
	struct buf user;
	buf_init(&user, sizeof p->user);
	replace_words(p, name, false, &user);
	snprintf(p->user, sizeof p->user, "%.*s", SLICE_FMT(buf_slice(&user)));
	buf_release(&user);
}

static void look_into_mailbox(struct player *p, struct slice user)
{
	flush(p);
	snprintf(p->user, sizeof p->user, "%.*s", SLICE_FMT(user));
	p->mailbox = lab_mailbox(&p->lab, p->user);
	p->unread = slice_str(p->mailbox);
}

static void take_mailbox_line(struct player *p, struct slice text, bool pattern)
{
	if (!p->mailbox) {
		/* In a dialog for any server the lines are the mail's own, not a mailbox file's. */
		if (p->general && text.len > 0 && text.ptr[0] == '.')
			assert_true(buf_append_char(&p->mail, '.'));
		unescape(p, text, &p->mail);
		assert_true(buf_append_char(&p->mail, '\n'));
		return;
	}
	struct slice line = slice_make(p->unread.ptr, slice_find(p->unread, '\n'));
	if (line.len == p->unread.len)
		complain(p, "expected \"%.*s\", the mailbox has no such line", SLICE_FMT(text));
	compare(p, line, text, pattern);
	p->unread = slice_skip(p->unread, line.len + 1);
}

/* One line of a mail as it is stored, its full stop doubled. */
static bool ends_mail(struct slice line)
{
	return slice_equal_text(line, ".");
}

/* The mailbox holds so many mails in the end: "NAME COUNT"; the last one is what is seen. */
static void expect_arrived(struct player *p, struct slice text)
{
	struct slice name = slice_word(&text);
	struct buf user;
	uint64_t wanted, there = 0;
	bool begins = true;
	if (!slice_number(text, 1000, &wanted))
		complain(p, "how many mails?");
	flush(p);
	buf_init(&user, sizeof p->user);
	replace_words(p, name, false, &user);
	assert_true(buf_append_char(&user, '\0'));
	char *mails = lab_mailbox(&p->lab, user.data);
	for (struct slice rest = slice_str(mails), line; rest.len > 0; rest = slice_skip(rest, line.len + 1)) {
		line = slice_make(rest.ptr, slice_find(rest, '\n'));
		if (begins)
			buf_clear(&p->seen);
		begins = ends_mail(line);
		there += begins;
		if (!begins)
			see(p, slice_skip(line, line.len > 0 && line.ptr[0] == '.'));
	}
	if (there != wanted)
		complain(p, "%d mails have arrived at %s", (int)there, user.data);
	free(mails);
	buf_release(&user);
}

/* ---- the file ---- */

static void take_directive(struct player *p, struct slice text)
{
	struct slice rest = text;
	struct slice verb = slice_word(&rest);
	if (slice_equal_text(verb, "mailbox"))
		look_into_mailbox(p, rest);
	else if (slice_equal_text(verb, "mail"))
		begin_mail(p, rest);
	else if (slice_equal_text(verb, "arrived"))
		expect_arrived(p, rest);
	else if (slice_equal_text(verb, "needs"))
		need(p, rest);
	else if (slice_equal_text(text, "cut"))
		flush(p);
	else if (slice_equal_text(text, "closed"))
		expect_closed(p);
	else if (slice_equal_text(text, "hang up"))
		hang_up(p);
	else if (slice_equal_text(text, "connect"))
		connect_now(p);
	else
		complain(p, "unknown: \"= %.*s\"", SLICE_FMT(text));
}

/* Cuts a line's mark off; what is left begins behind one blank. */
static bool take_mark(struct slice *line, const char *mark)
{
	size_t len = strlen(mark);
	if (line->len < len || memcmp(line->ptr, mark, len) != 0 || (line->len > len && line->ptr[len] != ' '))
		return false;
	*line = slice_skip(*line, len + 1);
	return true;
}

static void take_line(struct player *p, struct slice line)
{
	if (line.len == 0 || line.ptr[0] == '#')
		return;
	if (line.ptr[0] != '|')
		end_mailbox(p);
	if (take_mark(&line, ">>")) {
		queue(p, line);
	} else if (take_mark(&line, ">")) {
		queue(p, line);
		assert_true(buf_append_text(&p->unsent, "\r\n"));
	} else if (take_mark(&line, "<~")) {
		expect_line(p, line, true);
	} else if (take_mark(&line, "<=")) {
		expect_reply(p, line);
	} else if (take_mark(&line, "<.")) {
		expect_lines(p);
	} else if (take_mark(&line, "?")) {
		look_for(p, line, 1, SIZE_MAX);
	} else if (take_mark(&line, "?1")) {
		look_for(p, line, 1, 1);
	} else if (take_mark(&line, "?^")) {
		look_at_first(p, line);
	} else if (take_mark(&line, "!")) {
		look_for(p, line, 0, 0);
	} else if (take_mark(&line, "<")) {
		expect_line(p, line, false);
	} else if (take_mark(&line, "|~")) {
		take_mailbox_line(p, line, true);
	} else if (take_mark(&line, "|")) {
		take_mailbox_line(p, line, false);
	} else if (take_mark(&line, "=")) {
		take_directive(p, line);
	} else {
		complain(p, "a line without a mark");
	}
}

static char *read_file(const char *path)
{
	char *text = calloc(1, FILE_MAX);
	FILE *f = fopen(path, "r");
	assert_non_null(text);
	if (!f || fread(text, 1, FILE_MAX - 1, f) == 0)
		fail_msg("%s cannot be read", path);
	fclose(f);
	return text;
}

static bool is_directive(struct slice line)
{
	return line.len > 0 && line.ptr[0] == '=' && line.ptr[2] == 'm';
}

/* Mails that stand before everything else are there when the client connects. */
static void play_lines(struct player *p, struct slice rest)
{
	bool connected = false;
	while (rest.len > 0) {
		struct slice line = slice_make(rest.ptr, slice_find(rest, '\n'));
		p->line++;
		bool prelude = line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == '|' || is_directive(line);
		if (!connected && !prelude) {
			end_mailbox(p);
			connect_now(p);
			connected = true;
		}
		take_line(p, line);
		rest = slice_skip(rest, line.len + 1);
	}
	end_mailbox(p);
	hang_up(p);
}

static void play(const char *path, unsigned kind, bool trickles)
{
	struct player p = { .path = path, .trickles = trickles };
	char *text = read_file(path);
	p.smtp = !strstr(path, "pop3/");
	p.general = strstr(path, "/rfc-");
	p.standard = p.general || strstr(path, "/standard-");
	p.session_new = strstr(path, "lmtp/") ? receive_lmtp_session_new
	                : p.smtp              ? receive_session_new
	                                      : maildrop_session_new;
	buf_init(&p.unsent, FILE_MAX);
	buf_init(&p.said, SAID_MAX);
	buf_init(&p.seen, SAID_MAX);
	buf_init(&p.mail, FILE_MAX);
	buf_init(&p.domain, 256);
	if (p.standard) {
		lab_open_standard(&p.lab, kind, users);
		assert_true(buf_append_text(&p.domain, p.lab.site.domain));
	} else {
		lab_open(&p.lab, kind);
		lab_write_users(&p.lab, users);
	}
	play_lines(&p, slice_str(text));
	lab_close(&p.lab);
	buf_release(&p.unsent);
	buf_release(&p.said);
	buf_release(&p.seen);
	buf_release(&p.mail);
	buf_release(&p.domain);
	free(text);
}

static bool begins_tls(const char *path)
{
	char *text = read_file(path);
	bool tls = strstr(text, "\n= tls\n") != NULL;
	free(text);
	return tls;
}

static void dialog(void **state)
{
	const char *path = *state;
	if (begins_tls(path))
		skip();
	play(path, LAB_MEMORY, false);
	play(path, LAB_MEMORY, true);
	play(path, LAB_MEMORY | LAB_JOBS, false);
}

int main(int argc, char **argv)
{
	glob_t files = { .gl_pathc = (size_t)argc - 1, .gl_pathv = argv + 1 };
	if (argc == 1 && glob("tests/dialogs/*/*.dialog", 0, NULL, &files) != 0) {
		fprintf(stderr, "dialog_test: there are no dialogs in tests/dialogs; run it in the project's root\n");
		return EXIT_FAILURE;
	}
	struct CMUnitTest *tests = calloc(files.gl_pathc, sizeof *tests);
	if (!tests)
		return EXIT_FAILURE;
	for (size_t i = 0; i < files.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = files.gl_pathv[i],
			                        .test_func = dialog,
			                        .initial_state = files.gl_pathv[i] };
	int failed = _cmocka_run_group_tests("dialogs", tests, files.gl_pathc, NULL, NULL);
	free(tests);
	if (argc == 1)
		globfree(&files);
	return failed;
}
