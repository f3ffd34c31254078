/*
 * The courses that are compiled in: all can be read, and their values are their seeds'.
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

static void has_entries(const struct course *c, size_t count, const struct course_menu_entry *menu)
{
	assert_int_equal(c->client.menu_len, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(c->client.menu[i].key, menu[i].key);
		assert_string_equal(c->client.menu[i].label, menu[i].label);
		assert_int_equal(c->client.menu[i].action, menu[i].action);
	}
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
	assert_true(c->list_view && c->is_default);
	assert_string_equal(course_default(), "kharagpur");
	course_free(c);
}

static void calicut_has_its_files_and_a_client_that_only_sends(void **state)
{
	(void)state;
	struct course *c = load("calicut");
	assert_string_equal(c->users_file, "logincred.txt");
	assert_int_equal(c->separator, ',');
	assert_string_equal(c->mailbox, "mymailbox.mail");
	assert_int_equal(c->subject_stored, 100);
	assert_int_equal(c->subject_typed, 50);
	assert_false(c->list_view || c->command_prompt || c->registration);
	has_entries(
	        c, 2,
	        (const struct course_menu_entry[]){ { '1', "Send Mail", ACTION_SEND }, { '2', "Quit", ACTION_QUIT } });
	course_free(c);
}

static void leuven_has_its_files_verbs_and_names(void **state)
{
	(void)state;
	struct course *c = load("leuven");
	assert_string_equal(c->users_file, "userinfo.txt");
	assert_int_equal(c->separator, ' ');
	assert_string_equal(c->mailbox, "my_mailbox");
	assert_int_equal(c->subject_stored, 150);
	assert_int_equal(c->subject_typed, 150);
	assert_true(c->command_prompt);
	assert_int_equal(c->verbs_len, 2);
	assert_string_equal(c->verbs[0].spelling, "MAIL_FROM:");
	assert_string_equal(c->verbs[0].means, "MAIL FROM:");
	assert_string_equal(c->verbs[1].spelling, "RCPT_TO:");
	assert_string_equal(c->verbs[1].means, "RCPT TO:");
	assert_string_equal(course_of_program("build/mailserver_stmp"), "leuven");
	assert_string_equal(course_of_program("pop_server"), "leuven");
	assert_string_equal(course_of_program("mail_client"), "leuven");
	course_free(c);
}

static void leuven_has_its_texts(void **state)
{
	(void)state;
	struct course *c = load("leuven");
	assert_string_equal(c->replies[REPLY_POP3_GOODBYE].text, "+OK Thanks for using POP3 server");
	assert_string_equal(c->replies[REPLY_SENDER_OK].text, "<%s>... Sender ok");
	assert_string_equal(c->client.wrong_format, "This is an incorrect format");
	assert_string_equal(c->client.sent, "Mail sent successfully");
	assert_string_equal(c->client.list_heading, "No.  Sender  Received  Subject");
	assert_string_equal(c->client.menu_mark, ") ");
	has_entries(c, 3,
	            (const struct course_menu_entry[]){ { 'a', "Mail Sending", ACTION_SEND },
	                                                { 'b', "Mail Management", ACTION_MANAGE },
	                                                { 'c', "Exit", ACTION_QUIT } });
	course_free(c);
}

static void says(const struct course *c, enum reply_id id, int code, const char *text)
{
	assert_int_equal(c->replies[id].code, code);
	assert_string_equal(c->replies[id].text, text);
}

static void mymailserver_registers_and_says_little(void **state)
{
	(void)state;
	struct course *c = load("mymailserver");
	assert_true(c->registration);
	assert_string_equal(c->domain, "mymailserver");
	assert_int_equal(c->subject_stored, 100);
	assert_int_equal(c->subject_typed, 50);
	says(c, REPLY_GREETING, 220, "Service Ready");
	says(c, REPLY_HELLO, 250, "OK You are %a");
	says(c, REPLY_REGISTERED, 250, "%a");
	says(c, REPLY_SENDER_OK, 250, "OK");
	says(c, REPLY_RECIPIENT_OK, 250, "OK");
	says(c, REPLY_NO_SUCH_USER, 550, "No such user here");
	says(c, REPLY_DATA_START, 354, "Start mail input; end with <CRLF>.<CRLF>");
	says(c, REPLY_ACCEPTED, 250, "OK");
	says(c, REPLY_RESET, 250, "OK");
	says(c, REPLY_GOODBYE, 221, "Connection Closed");
	has_entries(c, 3,
	            (const struct course_menu_entry[]){ { '1', "Send Mail", ACTION_SEND },
	                                                { '2', "Retrieve Mail", ACTION_RETRIEVE },
	                                                { '3', "Quit", ACTION_QUIT } });
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
	has_entries(c, 3, menu);
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
		cmocka_unit_test(calicut_has_its_files_and_a_client_that_only_sends),
		cmocka_unit_test(leuven_has_its_files_verbs_and_names),
		cmocka_unit_test(leuven_has_its_texts),
		cmocka_unit_test(mymailserver_registers_and_says_little),
		cmocka_unit_test(kharagpur_says_what_the_built_in_table_says),
		cmocka_unit_test(kharagpur_client_has_its_menu_and_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
