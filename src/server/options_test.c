/*
 * options_test: what the command line may say, and the one line that answers what it may not.
 */
#include "server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/smtp_server.h"

enum { ARGUMENTS_MAX = 24 };

struct reading {
	struct options o;
	struct fault why;
	enum options_wish wish;
};

/* The words of `line`, after the program's name. They must outlive the reading: the options point into them. */
static struct reading read_line(enum options_program program, char *line)
{
	struct reading r = { .wish = OPTIONS_WRONG };
	char *argv[ARGUMENTS_MAX + 1] = { "program" };
	int argc = 1;
	for (char *word = strtok(line, " "); word && argc < ARGUMENTS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	r.wish = options_read(&r.o, program, argc, argv, &r.why);
	return r;
}

static void assert_wrong(enum options_program program, const char *line, const char *said)
{
	char copy[200];
	strcpy(copy, line);
	struct reading r = read_line(program, copy);
	assert_int_equal(r.wish, OPTIONS_WRONG);
	assert_string_equal(r.why.text, said);
}

static void a_port_alone_leaves_the_defaults(void **state)
{
	char line[] = "2525";
	struct reading r = read_line(OPTIONS_SMTPMAIL, line);
	(void)state;
	assert_int_equal(r.wish, OPTIONS_SERVE);
	assert_int_equal(r.o.port, 2525);
	assert_string_equal(r.o.dir, ".");
	assert_null(r.o.course);
	assert_null(r.o.domain);
	assert_null(r.o.listen);
	assert_false(r.o.transcript);
	assert_false(r.o.verbose);
	assert_int_equal(r.o.max_size, SMTP_SIZE_DEFAULT);
	assert_int_equal(r.o.max_connections, OPTIONS_CONNECTIONS_DEFAULT);
	assert_int_equal(r.o.max_per_address, 0);
	assert_int_equal(r.o.max_rate, 3000);
	assert_int_equal(r.o.workers, 0);
}

static void options_come_in_any_order_and_both_forms(void **state)
{
	char line[] = "--dir=/a --course calicut 0 --listen ::1 --transcript --domain=mail.example.org "
	              "--max-connections 7 --workers=3 --verbose";
	struct reading r = read_line(OPTIONS_POPSERVER, line);
	(void)state;
	assert_int_equal(r.wish, OPTIONS_SERVE);
	assert_int_equal(r.o.port, 0);
	assert_string_equal(r.o.dir, "/a");
	assert_string_equal(r.o.course, "calicut");
	assert_string_equal(r.o.listen, "::1");
	assert_string_equal(r.o.domain, "mail.example.org");
	assert_true(r.o.transcript);
	assert_true(r.o.verbose);
	assert_int_equal(r.o.max_connections, 7);
	assert_int_equal(r.o.workers, 3);
}

static void explain_implies_transcript(void **state)
{
	char line[] = "2525 --explain", other[] = "2525 --transcript";
	struct reading r = read_line(OPTIONS_SMTPMAIL, line);
	(void)state;
	assert_true(r.o.explain && r.o.transcript);
	r = read_line(OPTIONS_POPSERVER, other);
	assert_true(r.o.transcript && !r.o.explain);
}

static void a_port_is_a_number_up_to_65535(void **state)
{
	char highest[] = "65535";
	(void)state;
	assert_int_equal(read_line(OPTIONS_SMTPMAIL, highest).o.port, 65535);
	assert_wrong(OPTIONS_SMTPMAIL, "abc",
	             "'abc' is not a port: give a number from 1 to 65535 (0 picks a free one)");
	assert_wrong(OPTIONS_SMTPMAIL, "65536",
	             "'65536' is not a port: give a number from 1 to 65535 (0 picks a free one)");
	assert_wrong(OPTIONS_SMTPMAIL, "18446744073709554141",
	             "'18446744073709554141' is not a port: give a number from 1 to 65535 (0 picks a free one)");
	assert_wrong(OPTIONS_SMTPMAIL, "25x",
	             "'25x' is not a port: give a number from 1 to 65535 (0 picks a free one)");
	assert_wrong(OPTIONS_SMTPMAIL, "-1", "a port has no sign: give a number from 1 to 65535 (0 picks a free one)");
	assert_wrong(OPTIONS_SMTPMAIL, "", "no port: give one, as in `smtpmail 2525` (0 picks a free one)");
	assert_wrong(OPTIONS_POPSERVER, "", "no port: give one, as in `popserver 2110` (0 picks a free one)");
}

static void what_is_not_known_is_named(void **state)
{
	(void)state;
	assert_wrong(OPTIONS_SMTPMAIL, "2525 110",
	             "'110' is one argument too many: smtpmail --help shows what there is");
	assert_wrong(OPTIONS_SMTPMAIL, "2525 --foo", "unknown option '--foo': smtpmail --help shows what there is");
	assert_wrong(OPTIONS_POPSERVER, "-x 2110", "unknown option '-x': popserver --help shows what there is");
	assert_wrong(OPTIONS_SMTPMAIL, "2525 --dir", "--dir needs a value: give --dir DIR");
	assert_wrong(OPTIONS_SMTPMAIL, "2525 --verbose=1", "--verbose takes no value: give --verbose alone");
}

static void a_size_is_octets_or_has_a_unit(void **state)
{
	static const struct {
		const char *line;
		uint64_t size;
	} sizes[] = {
		{ "25 --max-size 1000", 1000 },     { "25 --max-size=64K", 65536 },
		{ "25 --max-size 50M", 52428800 },  { "25 --max-size 50m", 52428800 },
		{ "25 --max-size 1G", 1073741824 }, { "25 --max-size 1048576G", OPTIONS_SIZE_MAX },
	};
	static const char *const wrong[] = { "0", "M", "-1", "1.5G", "50MB", "1048577G", "18446744073709551617" };
	char line[100];
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		strcpy(line, sizes[i].line);
		assert_int_equal(read_line(OPTIONS_SMTPMAIL, line).o.max_size, sizes[i].size);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char said[200];
		snprintf(line, sizeof line, "25 --max-size=%s", wrong[i]);
		snprintf(said, sizeof said, "--max-size '%s': give octets such as 52428800, or 50M, or 1G", wrong[i]);
		assert_wrong(OPTIONS_SMTPMAIL, line, said);
	}
}

static void a_pop_server_has_no_size_of_mails(void **state)
{
	(void)state;
	assert_wrong(OPTIONS_POPSERVER, "2110 --max-size 1M",
	             "unknown option '--max-size': popserver --help shows what there is");
}

static void limits_are_limited(void **state)
{
	(void)state;
	assert_wrong(OPTIONS_SMTPMAIL, "25 --max-connections 0",
	             "--max-connections '0': give a number from 1 to 1000000");
	assert_wrong(OPTIONS_POPSERVER, "25 --max-per-address 0",
	             "--max-per-address '0': give a number from 1 to 1000000");
	assert_wrong(OPTIONS_SMTPMAIL, "25 --max-rate many", "--max-rate 'many': give a number from 0 to 1000000");
	assert_wrong(OPTIONS_SMTPMAIL, "25 --max-connections 1000001",
	             "--max-connections '1000001': give a number from 1 to 1000000");
	assert_wrong(OPTIONS_SMTPMAIL, "25 --workers 257", "--workers '257': give a number from 1 to 256");
}

static void a_domain_cannot_pass_for_more_than_a_name(void **state)
{
	char literal[] = "25 --domain=[IPv6:::1]";
	(void)state;
	assert_int_equal(read_line(OPTIONS_SMTPMAIL, literal).wish, OPTIONS_SERVE);
	assert_wrong(OPTIONS_SMTPMAIL, "25 --domain=a\r\nb",
	             "--domain 'a\r\nb': give a host name such as mail.example.org, at most 64 times");
	assert_wrong(OPTIONS_SMTPMAIL,
	             "25 --domain=", "--domain '': give a host name such as mail.example.org, at most 64 times");
}

static void a_domain_may_be_one_of_several(void **state)
{
	char line[] = "25 --domain mail.example.org --domain example.org";
	struct fault why;
	struct options o;
	char *argv[2 * OPTIONS_DOMAINS_MAX + 5] = { "program", "25" };
	int argc = 2;
	(void)state;
	struct reading r = read_line(OPTIONS_SMTPMAIL, line);
	assert_int_equal(r.wish, OPTIONS_SERVE);
	assert_string_equal(r.o.domain, "mail.example.org");
	assert_int_equal(r.o.domains_count, 2);
	assert_string_equal(r.o.domains[1], "example.org");
	for (int i = 0; i <= OPTIONS_DOMAINS_MAX; i++) {
		argv[argc++] = "--domain";
		argv[argc++] = "example.org";
	}
	assert_int_equal(options_read(&o, OPTIONS_SMTPMAIL, argc, argv, &why), OPTIONS_WRONG);
	assert_string_equal(why.text,
	                    "--domain 'example.org': give a host name such as mail.example.org, at most 64 times");
}

static void what_a_public_server_needs_is_read(void **state)
{
	char smtp[] = "25 --tls-port 465 --tls-cert c.pem --tls-key k.pem --plaintext --auth-required --slow-loopback "
	              "--postmaster ann --quota 1G --timeout 60";
	char pop[] = "110 --tls-port=0 --login-delay 30";
	(void)state;
	struct reading r = read_line(OPTIONS_SMTPMAIL, smtp);
	assert_int_equal(r.wish, OPTIONS_SERVE);
	assert_true(r.o.tls_listen && r.o.plaintext && r.o.auth_required && r.o.slow_loopback);
	assert_int_equal(r.o.tls_port, 465);
	assert_string_equal(r.o.tls_cert, "c.pem");
	assert_string_equal(r.o.tls_key, "k.pem");
	assert_string_equal(r.o.postmaster, "ann");
	assert_int_equal(r.o.quota, 1 << 30);
	assert_int_equal(r.o.smtp_timeout, 60);
	r = read_line(OPTIONS_POPSERVER, pop);
	assert_true(r.o.tls_listen);
	assert_int_equal(r.o.tls_port, 0);
	assert_int_equal(r.o.login_delay, 30);
	assert_wrong(OPTIONS_SMTPMAIL, "25 --tls-port 25",
	             "port 25 cannot begin with TLS and without: give --tls-port another one");
	assert_wrong(OPTIONS_SMTPMAIL, "25 --tls-port 65536",
	             "--tls-port '65536': give a number from 1 to 65535 (0 picks a free one)");
	assert_wrong(OPTIONS_POPSERVER, "110 --timeout 0", "--timeout '0': give a number from 1 to 86400");
	assert_wrong(OPTIONS_POPSERVER, "110 --quota 1G",
	             "unknown option '--quota': popserver --help shows what there is");
}

static void help_and_version_need_no_port(void **state)
{
	char help[] = "--help";
	char behind[] = "abc --help";
	char version[] = "--version --foo";
	(void)state;
	assert_int_equal(read_line(OPTIONS_SMTPMAIL, help).wish, OPTIONS_HELP);
	assert_int_equal(read_line(OPTIONS_SMTPMAIL, behind).wish, OPTIONS_HELP);
	assert_int_equal(read_line(OPTIONS_POPSERVER, version).wish, OPTIONS_VERSION);
}

static char *help_of(enum options_program program)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	options_print_help(to, program);
	fclose(to);
	return text;
}

static void help_begins_with_the_usage_and_ends_with_an_example(void **state)
{
	char *text = help_of(OPTIONS_SMTPMAIL);
	const char *end = "\n  smtpmail 2525 --transcript\n";
	(void)state;
	assert_memory_equal(text, "usage: smtpmail PORT [options]\n", 31);
	assert_string_equal(text + strlen(text) - strlen(end), end);
	free(text);
}

static void help_shows_what_the_program_takes(void **state)
{
	char *smtp = help_of(OPTIONS_SMTPMAIL);
	char *pop = help_of(OPTIONS_POPSERVER);
	(void)state;
	assert_non_null(strstr(smtp, "\n  --max-size SIZE "));
	assert_null(strstr(pop, "--max-size"));
	assert_non_null(strstr(pop, "\n  --course NAME|FILE "));
	free(smtp);
	free(pop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_alone_leaves_the_defaults),
		cmocka_unit_test(options_come_in_any_order_and_both_forms),
		cmocka_unit_test(explain_implies_transcript),
		cmocka_unit_test(a_port_is_a_number_up_to_65535),
		cmocka_unit_test(what_is_not_known_is_named),
		cmocka_unit_test(a_size_is_octets_or_has_a_unit),
		cmocka_unit_test(a_pop_server_has_no_size_of_mails),
		cmocka_unit_test(limits_are_limited),
		cmocka_unit_test(a_domain_cannot_pass_for_more_than_a_name),
		cmocka_unit_test(a_domain_may_be_one_of_several),
		cmocka_unit_test(what_a_public_server_needs_is_read),
		cmocka_unit_test(help_and_version_need_no_port),
		cmocka_unit_test(help_begins_with_the_usage_and_ends_with_an_example),
		cmocka_unit_test(help_shows_what_the_program_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
