/*
 * What the gate lets through, and what it calls that which it does not.
 */
#include "protocol/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct command table[] = {
	{ "DATA", 2, ARGUMENT_NONE, "DATA", NULL },
	{ "PASS", 2, ARGUMENT_VERBATIM, "PASS password", NULL },
	{ "NOOP", 1 | 2, ARGUMENT_OPTIONAL, "NOOP", NULL },
	{ "RCPT", 2, ARGUMENT_NEEDED, "RCPT TO:<recipient>", NULL },
};

static const struct command *row;
static struct slice argument;

static enum command_verdict judge_octets(unsigned state, const char *line, size_t len)
{
	return command_judge(table, sizeof table / sizeof table[0], state, slice_make(line, len), &row, &argument);
}

static enum command_verdict judge(unsigned state, const char *line)
{
	return judge_octets(state, line, strlen(line));
}

/* RFC 5321 section 2.4 */
static void a_verb_is_known_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "dAtA"), COMMAND_ALLOWED);
	assert_string_equal(row->verb, "DATA");
}

static void the_argument_is_what_follows_without_its_blanks(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "RCPT  TO: <a b> \t "), COMMAND_ALLOWED);
	assert_true(slice_equal_text(argument, "TO: <a b>"));
}

static void blanks_behind_a_verb_are_no_argument(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "DATA \t"), COMMAND_ALLOWED);
	assert_int_equal(judge(2, "RCPT "), COMMAND_BAD_ARGUMENT);
}

/* RFC 1939 section 7: blanks belong to a password. */
static void a_verbatim_argument_keeps_its_blanks(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "PASS  a b  "), COMMAND_ALLOWED);
	assert_true(slice_equal_text(argument, " a b  "));
	assert_int_equal(judge(2, "\tpass\tx"), COMMAND_ALLOWED);
	assert_true(slice_equal_text(argument, "x"));
	assert_int_equal(judge(2, "PASS"), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge(2, "PASS "), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge(2, "PASS  "), COMMAND_ALLOWED);
	assert_true(slice_equal_text(argument, " "));
}

static void an_unknown_verb_is_unknown_whatever_follows(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "XYZZY"), COMMAND_UNKNOWN);
	assert_int_equal(judge(2, ""), COMMAND_UNKNOWN);
	assert_int_equal(judge(2, "   "), COMMAND_UNKNOWN);
	assert_int_equal(judge(2, "DATAX"), COMMAND_UNKNOWN);
	assert_int_equal(judge(2, "DAT"), COMMAND_UNKNOWN);
	assert_int_equal(judge(2, "DATA\nRCPT"), COMMAND_UNKNOWN);
	assert_int_equal(judge_octets(2, "DATA\0", 5), COMMAND_UNKNOWN);
	assert_null(row);
}

static void order_is_looked_at_before_the_argument(void **state)
{
	(void)state;
	assert_int_equal(judge(1, "RCPT"), COMMAND_OUT_OF_ORDER);
	assert_int_equal(judge(1, "NOOP"), COMMAND_ALLOWED);
}

static void an_argument_too_many_and_one_too_few_are_refused(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "DATA x"), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge(2, "RCPT"), COMMAND_BAD_ARGUMENT);
	assert_string_equal(row->form, "RCPT TO:<recipient>");
	assert_int_equal(judge(2, "NOOP x y"), COMMAND_ALLOWED);
}

/* Another server would read a second command behind them. */
static void control_characters_in_an_argument_are_refused(void **state)
{
	(void)state;
	assert_int_equal(judge(2, "RCPT TO:<a>\nRSET"), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge(2, "RCPT TO:<a>\rRSET"), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge_octets(2, "RCPT TO:<\0>", 11), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge(2, "NOOP \x7f"), COMMAND_BAD_ARGUMENT);
	assert_int_equal(judge(2, "NOOP \xc3\xa9\tx"), COMMAND_ALLOWED);
}

/* ---- further spellings ---- */

static const struct course_verb verbs[] = {
	{ "MAIL_FROM:", "MAIL FROM:" },
	{ "BYE", "QUIT" },
};

static void respelled(const char *line, const char *expected)
{
	char room[100 + COMMAND_MEANING_MAX];
	struct slice got = command_respell(verbs, 2, slice_str(line), room);
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.ptr, expected, got.len);
}

static void a_further_spelling_stands_for_its_verb(void **state)
{
	(void)state;
	respelled("MAIL_FROM:<a@b>", "MAIL FROM:<a@b>");
	respelled("MAIL_FROM: <a@b> SIZE=3", "MAIL FROM: <a@b> SIZE=3");
	respelled("mail_From:", "MAIL FROM:");
	respelled(" \tMAIL_FROM: <a@b> ", "MAIL FROM: <a@b>");
	respelled("BYE", "QUIT");
	respelled("bye now", "QUIT now");
	respelled("BYE\t", "QUIT");
}

static void what_only_resembles_a_spelling_is_left_alone(void **state)
{
	(void)state;
	respelled("MAIL FROM:<a@b>", "MAIL FROM:<a@b>");
	respelled("MAIL_FROM <a@b>", "MAIL_FROM <a@b>");
	respelled("MAIL_FRO", "MAIL_FRO");
	respelled("BYEBYE", "BYEBYE");
	respelled(" NOOP BYE ", " NOOP BYE ");
	respelled("", "");
	respelled("  ", "  ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verb_is_known_in_any_case),
		cmocka_unit_test(the_argument_is_what_follows_without_its_blanks),
		cmocka_unit_test(blanks_behind_a_verb_are_no_argument),
		cmocka_unit_test(a_verbatim_argument_keeps_its_blanks),
		cmocka_unit_test(an_unknown_verb_is_unknown_whatever_follows),
		cmocka_unit_test(order_is_looked_at_before_the_argument),
		cmocka_unit_test(an_argument_too_many_and_one_too_few_are_refused),
		cmocka_unit_test(control_characters_in_an_argument_are_refused),
		cmocka_unit_test(a_further_spelling_stands_for_its_verb),
		cmocka_unit_test(what_only_resembles_a_spelling_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
