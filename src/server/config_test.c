/*
 * config: what postroom.conf may say, what comes of it, and that all that is wrong is told with its line.
 */
#include "server/config_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct config c;
static struct config_errors errors;

static void take(const char *text)
{
	if (!config_parse(&c, text, &errors))
		fail_msg("%u: %s", errors.list[0].line, errors.list[0].text);
}

/* There are just these errors. */
static void refuse(const char *text, const char *expected)
{
	char told[4096] = "";
	assert_false(config_parse(&c, text, &errors));
	for (size_t i = 0; i < errors.count; i++)
		snprintf(told + strlen(told), sizeof told - strlen(told), "%u: %s\n", errors.list[i].line,
		         errors.list[i].text);
	assert_string_equal(told, expected);
}

static void without_a_word_everything_has_its_default(void **state)
{
	(void)state;
	take("");
	assert_null(c.options.domain);
	assert_null(c.directory);
	assert_int_equal(c.options.domains_count, 0);
	assert_int_equal(c.options.max_size, 50 * 1024 * 1024);
	assert_int_equal(c.options.max_connections, 1000);
	assert_int_equal(c.options.max_rate, 3000);
	assert_int_equal(c.options.smtp_timeout, 300);
	assert_int_equal(c.options.pop3_timeout, 600);
	assert_false(c.options.no_sandbox || c.options.no_binding || c.options.catch_all || c.options.plaintext);
	assert_int_equal(c.listeners_count, 3);
	assert_string_equal(c.listeners[0].address, "127.0.0.1");
	assert_int_equal(c.listeners[0].port, 2525);
	assert_int_equal(c.listeners[1].protocol, CONFIG_POP3);
	assert_int_equal(c.listeners[1].port, 2110);
	config_release(&c);
}

static void without_a_file_anybody_gets_mail(void **state)
{
	(void)state;
	assert_true(config_default(&c));
	assert_true(c.options.catch_all);
	assert_int_equal(c.options.inboxes_max, 1000);
	assert_int_equal(c.options.inboxes_age, 7 * 86400);
	assert_string_equal(c.listeners[0].address, "127.0.0.1");
	assert_string_equal(c.listeners[1].address, "127.0.0.1");
	config_release(&c);
}

static void values_come_in_their_units(void **state)
{
	(void)state;
	take("hostname = mail.example.org\n"
	     "domains = {\"example.org\", 'example.net'}\n"
	     "domains += {example.com}\n"
	     "directory = \"/srv/my mail\" # a comment\n"
	     "max_size = 2G\nquota = 123\nmax_connections = 7\nsmtp_timeout = 90\npop3_timeout = 2h\n"
	     "sandbox = false\nchannel_binding = false\nexplain = true\n");
	assert_string_equal(c.options.domain, "mail.example.org");
	assert_int_equal(c.options.domains_count, 3);
	assert_string_equal(c.options.domains[1], "example.net");
	assert_string_equal(c.options.domains[2], "example.com");
	assert_string_equal(c.directory, "/srv/my mail");
	assert_int_equal(c.options.max_size, (uint64_t)2 << 30);
	assert_int_equal(c.options.quota, 123);
	assert_int_equal(c.options.max_connections, 7);
	assert_int_equal(c.options.smtp_timeout, 90);
	assert_int_equal(c.options.pop3_timeout, 7200);
	assert_true(c.options.no_sandbox && c.options.no_binding && c.options.transcript);
	config_release(&c);
}

static void a_listener_is_a_section(void **state)
{
	(void)state;
	take("tls_cert = c.pem\n"
	     "listener in { protocol = smtp address = \"*\" port = 25 proxy = {\"10.0.0.5\", \"::1\"} }\n"
	     "listener \"pop3s\" {\n\tprotocol = pop3\n\tport = 995\n\ttls = true\n}\n"
	     "listener local { protocol = lmtp address = /run/lmtp }\n");
	assert_int_equal(c.listeners_count, 3);
	assert_string_equal(c.listeners[0].name, "in");
	assert_string_equal(c.listeners[0].address, "*");
	assert_int_equal(c.listeners[0].proxy.count, 2);
	assert_string_equal(c.listeners[0].proxy.items[1], "::1");
	assert_true(c.listeners[1].tls);
	assert_string_equal(c.listeners[1].address, "127.0.0.1");
	assert_int_equal(c.listeners[2].protocol, CONFIG_LMTP);
	assert_string_equal(c.listeners[2].address, "/run/lmtp");
	config_release(&c);
}

static void all_that_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	refuse("hostnam = x\n\nmax_size = 50Q\nfoo {\n\tbar = {1}\n}\n"
	       "listener a { prot = smtp port = 99999 }\nmax_rate = -1\nplaintext = yes\n",
	       "1: there is no key 'hostnam': did you mean hostname?\n"
	       "3: max_size cannot be \"50Q\": give octets such as 52428800, or 50M, or 1G\n"
	       "4: there is no key 'foo': postroom.conf(5) lists them\n"
	       "7: there is no key 'prot' of a listener: did you mean port?\n"
	       "7: listener \"a\" has no protocol: add protocol = smtp, lmtp, pop3 or web\n"
	       "7: listener \"a\" has no port: add port = N\n"
	       "8: max_rate cannot be \"-1\": give a number from 0 to 1000000\n"
	       "9: plaintext cannot be \"yes\": give true or false\n");
}

static void a_listener_is_closed_before_the_end(void **state)
{
	(void)state;
	refuse("listener \"a\" { protocol = smtp port = 25\n", "2: listener \"a\" has no end: add }\n");
	refuse("quota = 1\nlistener a { protocol = smtp port = 25", "2: listener \"a\" has no end: add }\n");
	refuse("listener a {", "1: listener \"a\" has no end: add }\n");
	refuse("listener a { protocol = smtp port = 25\nquota = 1\nlistener b { protocol = pop3 port = 110 }\n",
	       "2: there is no key 'quota' of a listener: postroom.conf(5) lists them\n"
	       "3: there is no key 'listener' of a listener: postroom.conf(5) lists them\n"
	       "4: listener \"a\" has no end: add }\n");
}

static void a_comment_is_closed_before_the_end(void **state)
{
	(void)state;
	refuse("quota = 1 /* not more\nmax_size = 5\n", "2: a comment that begins with /* has no end: add */\n");
	refuse("/*", "1: a comment that begins with /* has no end: add */\n");
	refuse("listener a { protocol = smtp port = 25\n/* }\n\n",
	       "3: a comment that begins with /* has no end: add */\n");
}

static void each_protocol_is_named_where_one_is_not_known(void **state)
{
	(void)state;
	refuse("listener a { protocol = http port = 80 }\n",
	       "1: protocol cannot be \"http\": give smtp, lmtp, pop3 or web\n");
}

static void a_key_is_said_once(void **state)
{
	(void)state;
	refuse("quota = 1\nquota = 2\n", "2: quota was said in line 1\n");
	refuse("domains = {a}\n\ndomains = {b}\n", "3: domains was said in line 1\n");
	refuse("listener a { port = 1 protocol = smtp\n port = 2 }\n", "2: port was said in line 1\n");
	take("listener a { port = 1 protocol = smtp }\nlistener b { port = 2 protocol = smtp }\n");
	config_release(&c);
}

static void what_belongs_together_is_looked_at(void **state)
{
	(void)state;
	refuse("tls_key = k\n", "0: tls_key needs a certificate: add tls_cert\n");
	refuse("\nlistener s { protocol = smtp port = 465 tls = true }\n",
	       "2: listener \"s\" begins with TLS, which needs a certificate: add tls_cert\n");
	refuse("listener a { protocol = smtp port = 25 }\nlistener b { protocol = pop3 port = 25 }\n",
	       "2: listener \"b\" is where \"a\" is: give another port\n");
	refuse("catch_all = true\npostmaster = alice\n",
	       "2: postmaster says nothing where catch_all takes mail for everybody: leave one of them out\n");
	refuse("listener l { protocol = lmtp address = /x port = 24 }\n",
	       "1: listener \"l\": a UNIX socket has no port: leave it out\n");
	refuse("listener l { protocol = lmtp address = /x proxy = {\"::1\"} }\n",
	       "1: listener \"l\": a UNIX socket has no proxy\n");
}

static void what_is_no_value_is_refused(void **state)
{
	static const char *const wrong[] = {
		"hostname = \"a b\"",
		"domains = {\"a@b\"}",
		"max_size = 0",
		"max_size = \"\"",
		"max_size = 99999999999999999G",
		"smtp_timeout = 0",
		"smtp_timeout = 2d",
		"workers = 257",
		"inboxes_max = 0",
		"directory = \"a\tb\"",
		"listener \"a b\" {protocol=smtp port=1}",
		"listener a {protocol=imap port=1}",
		"listener a {protocol=smtp address=localhost port=1}",
		"listener a {protocol=smtp port=1 proxy={10.0.0.0/8}}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (config_parse(&c, wrong[i], &errors))
			fail_msg("%s", wrong[i]);
		assert_int_equal(errors.count, 1);
	}
}

static void nonsense_is_an_error_of_its_line(void **state)
{
	static const char *const wrong[] = { "hostname \"x\"\n", "= 1\n", "domains = {\"a\"", "}\n", "listener { }\n" };
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_false(config_parse(&c, wrong[i], &errors));
		assert_int_equal(errors.count, 1);
		assert_int_equal(errors.list[0].line, 1);
	}
}

/* libconfuse gives up at some octets without a word. */
static void what_is_not_read_to_its_end_is_never_all_well(void **state)
{
	static const char *const odd[] = { "directory =\xe9\"\"\"\"x", "directory = \"\"\"\"x", "\x01", "quota = \\" };
	(void)state;
	refuse("\ndirectory = \"\"\"\"", "2: what stands here cannot be read\n");
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		if (config_parse(&c, odd[i], &errors)) {
			assert_int_not_equal(c.listeners_count, 0);
			config_release(&c);
		} else {
			assert_int_not_equal(errors.count, 0);
		}
	}
}

static void more_wrong_than_can_be_told_ends(void **state)
{
	char text[8000] = "";
	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(text, i % 2 ? "nokey = 1\n" : "quota = x\n");
	assert_false(config_parse(&c, text, &errors));
	assert_in_range(errors.count, 30, CONFIG_ERRORS_MAX);
}

static void the_nearest_key_is_named(void **state)
{
	(void)state;
	assert_string_equal(config_nearest(config_rows, config_rows_count, "host_name"), "hostname");
	assert_string_equal(config_nearest(config_rows, config_rows_count, "max_conections"), "max_connections");
	assert_null(config_nearest(config_rows, config_rows_count, "spam_filter"));
	assert_null(config_nearest(config_rows, config_rows_count, "x"));
}

/* With the marks of its comments taken away, it says the defaults. */
static void the_sample_says_every_key_and_is_right(void **state)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	(void)state;
	config_print_sample(file);
	fclose(file);
	take(text);
	config_release(&c);
	for (char *at = text; (at = strstr(at, "\n# ")); at += 3) {
		size_t word = strspn(at + 3, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (word > 0 && strncmp(at + 3 + word, " = ", 3) == 0)
			at[1] = ' ';
	}
	for (size_t i = 0; i < config_rows_count; i++) {
		char line[80];
		snprintf(line, sizeof line, "\n  %s = ", config_rows[i].key);
		assert_non_null(strstr(text, line));
	}
	take(text);
	assert_int_equal(c.options.max_size, 50 * 1024 * 1024);
	config_release(&c);
	free(text);
}

/* Else a sentence could be a macro of the page. */
static void an_explanation_is_a_plain_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_rows_count; i++) {
		const char *help = config_rows[i].help;
		assert_false(help[0] == '.' || help[0] == '\'' || strchr(help, '\\'));
		assert_int_equal(help[strlen(help) - 1], '.');
	}
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	char path[] = "/tmp/config-XXXXXX";
	struct fault why;
	(void)state;
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "quota = 1M\n\0", 12), 12);
	assert_false(config_read(&c, path, &errors, &why));
	assert_non_null(strstr(why.text, path));
	assert_int_equal(ftruncate(fd, 11), 0);
	assert_true(config_read(&c, path, &errors, &why));
	assert_int_equal(c.options.quota, 1 << 20);
	config_release(&c);
	close(fd);
	unlink(path);
	assert_false(config_read(&c, path, &errors, &why));
	assert_non_null(strstr(why.text, "No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_everything_has_its_default),
		cmocka_unit_test(without_a_file_anybody_gets_mail),
		cmocka_unit_test(values_come_in_their_units),
		cmocka_unit_test(a_listener_is_a_section),
		cmocka_unit_test(all_that_is_wrong_is_told_with_its_line),
		cmocka_unit_test(a_listener_is_closed_before_the_end),
		cmocka_unit_test(a_comment_is_closed_before_the_end),
		cmocka_unit_test(each_protocol_is_named_where_one_is_not_known),
		cmocka_unit_test(a_key_is_said_once),
		cmocka_unit_test(what_belongs_together_is_looked_at),
		cmocka_unit_test(what_is_no_value_is_refused),
		cmocka_unit_test(nonsense_is_an_error_of_its_line),
		cmocka_unit_test(what_is_not_read_to_its_end_is_never_all_well),
		cmocka_unit_test(more_wrong_than_can_be_told_ends),
		cmocka_unit_test(the_nearest_key_is_named),
		cmocka_unit_test(the_sample_says_every_key_and_is_right),
		cmocka_unit_test(an_explanation_is_a_plain_sentence),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
