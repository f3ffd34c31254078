/*
 * The courses that are compiled in: all can be read, and kharagpur's values are its seed's.
 */
#include "course/embedded.h"

#include "course/course.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct course *load(const char *name)
{
	struct fault why;
	struct course *c = course_load(name, &why);
	if (!c)
		fail_msg("%s", why.text);
	return c;
}

static void every_embedded_course_can_be_read(void **state)
{
	(void)state;
	size_t count = 0;
	for (; course_names()[count]; count++) {
		struct course *c = load(course_names()[count]);
		assert_string_equal(c->name, embedded_courses[count].name);
		course_free(c);
	}
	assert_true(count > 0);
	assert_null(embedded_courses[count].name);
}

static void kharagpur_has_its_files_and_limits(void **state)
{
	(void)state;
	struct course *c = load("kharagpur");
	assert_string_equal(c->name, "kharagpur");
	assert_string_equal(c->users_file, "user.txt");
	assert_int_equal(c->separator, ' ');
	assert_string_equal(c->mailbox, "mymailbox");
	assert_null(c->domain);
	assert_int_equal(c->subject_stored, 100);
	assert_int_equal(c->subject_typed, 50);
	course_free(c);
}

static void kharagpur_says_what_the_built_in_table_says(void **state)
{
	(void)state;
	struct course *c = load("kharagpur");
	for (int i = 0; i < REPLY_COUNT; i++) {
		assert_int_equal(c->replies[i].code, replies_default[i].code);
		assert_string_equal(c->replies[i].text, replies_default[i].text);
		assert_string_equal(c->replies[i].key, replies_default[i].key);
	}
	course_free(c);
}

static void kharagpur_client_has_its_menu_and_messages(void **state)
{
	(void)state;
	struct course *c = load("kharagpur");
	static const struct course_menu_entry menu[] = {
		{ '1', "Manage Mail", ACTION_MANAGE },
		{ '2', "Send Mail", ACTION_SEND },
		{ '3', "Quit", ACTION_QUIT },
	};
	assert_int_equal(c->client.menu_len, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(c->client.menu[i].key, menu[i].key);
		assert_string_equal(c->client.menu[i].label, menu[i].label);
		assert_int_equal(c->client.menu[i].action, menu[i].action);
	}
	assert_string_equal(c->client.menu_mark, ". ");
	assert_string_equal(c->client.ask_name, "Username: ");
	assert_string_equal(c->client.ask_password, "Password: ");
	assert_string_equal(c->client.list_heading, "Sl. No.  Sender  Received  Subject");
	assert_string_equal(c->client.ask_number, "Enter mail no. to see: ");
	assert_string_equal(c->client.out_of_range, "Mail no. out of range, give again");
	assert_string_equal(c->client.wrong_format, "Incorrect format");
	assert_string_equal(c->client.sent, "Mail sent successfully");
	assert_string_equal(c->client.send_error, "Error in sending mail: ");
	assert_int_equal(c->client.delete_key, 'd');
	course_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_embedded_course_can_be_read),
		cmocka_unit_test(kharagpur_has_its_files_and_limits),
		cmocka_unit_test(kharagpur_says_what_the_built_in_table_says),
		cmocka_unit_test(kharagpur_client_has_its_menu_and_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
