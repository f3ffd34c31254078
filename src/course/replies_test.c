/*
 * The built-in table is whole, keeps within the RFCs' limits, and says what the seeds of the courses say.
 */
#include "course/replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void every_situation_has_its_row(void **state)
{
	(void)state;
	for (int i = 0; i < REPLY_COUNT; i++) {
		const struct reply *r = &replies_default[i];
		assert_non_null(r->key);
		assert_non_null(r->text);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(r->key, replies_default[j].key);
	}
}

static void texts_are_short_lines_of_ascii(void **state)
{
	(void)state;
	for (int i = 0; i < REPLY_COUNT; i++) {
		const char *text = replies_default[i].text;
		assert_in_range(strlen(text), 1, REPLY_TEXT_MAX);
		for (; *text; text++)
			assert_in_range(*text, ' ', '~');
	}
}

static void codes_and_enhanced_codes_agree(void **state)
{
	(void)state;
	for (int i = 0; i < REPLY_COUNT; i++) {
		const struct reply *r = &replies_default[i];
		if (r->code == 0) {
			assert_null(r->enhanced);
			assert_true(strncmp(r->text, "+OK ", 4) == 0 || strncmp(r->text, "-ERR ", 5) == 0);
			continue;
		}
		assert_in_range(r->code, 200, 599);
		if (!r->enhanced)
			continue;
		assert_int_equal(r->enhanced[0] - '0', r->code / 100); /* RFC 2034 section 4 */
		assert_int_equal(strspn(r->enhanced, ".0123456789"), strlen(r->enhanced));
		assert_true(r->enhanced[1] == '.' && r->enhanced[3] == '.' && strlen(r->enhanced) <= 6); /* 5.7.11 */
	}
}

/* RFC 2034 section 4 */
static void greeting_and_hello_carry_no_enhanced_code(void **state)
{
	(void)state;
	for (int i = 0; i < REPLY_COUNT; i++) {
		const struct reply *r = &replies_default[i];
		bool none = i == REPLY_GREETING || i == REPLY_HELLO || r->code == 0 || r->code / 100 == 3;
		assert_int_equal(r->enhanced == NULL, none);
	}
}

static void is(enum reply_id id, int code, const char *text)
{
	assert_int_equal(replies_default[id].code, code);
	assert_string_equal(replies_default[id].text, text);
}

static void the_seeds_texts_are_word_for_word(void **state)
{
	(void)state;
	is(REPLY_GREETING, 220, "%d Service Ready");
	is(REPLY_HELLO, 250, "OK Hello %c");
	is(REPLY_SENDER_OK, 250, "<%s>... Sender ok");
	is(REPLY_RECIPIENT_OK, 250, "<%r>... Recipient ok");
	is(REPLY_NO_SUCH_USER, 550, "No such user");
	is(REPLY_DATA_START, 354, "Start mail input; end with <CRLF>.<CRLF>");
	is(REPLY_ACCEPTED, 250, "OK Message accepted for delivery");
	is(REPLY_GOODBYE, 221, "%d Service closing transmission channel");
	is(REPLY_POP3_GREETING, 0, "+OK POP3 server ready");
	is(REPLY_POP3_GOODBYE, 0, "+OK goodbye");
}

static void codes_are_those_of_the_contract(void **state)
{
	(void)state;
	static const int codes[REPLY_COUNT] = {
		220, 421, 421, 421, 421, 421, 421, 421, 221, 250, 250, 250, 252, 214, 220, 235, 334, 535, 501,
		501, 504, 538, 530, 454, 421, 250, 250, 550, 354, 250, 554, 452, 552, 554, 554, 554, 554, 554,
		550, 550, 553, 452, 250, 452, 451, 250, 553, 250, 500, 502, 500, 500, 501, 503, 555, 0,   0,
	};
	for (int i = 0; i < REPLY_COUNT; i++)
		assert_int_equal(replies_default[i].code, codes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_situation_has_its_row),
		cmocka_unit_test(texts_are_short_lines_of_ascii),
		cmocka_unit_test(codes_and_enhanced_codes_agree),
		cmocka_unit_test(greeting_and_hello_carry_no_enhanced_code),
		cmocka_unit_test(the_seeds_texts_are_word_for_word),
		cmocka_unit_test(codes_are_those_of_the_contract),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
