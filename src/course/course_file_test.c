/*
 * What a teacher may write in a course file, and what is said about mistakes.
 */
#include "course/course_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Two lines that every file needs. */
#define NEEDED "users_file = \"u.txt\"\nmailbox = \"box\"\n"

static struct course *reads(const char *text)
{
	struct fault why;
	struct course *c = course_file_parse("my", "my.conf", text, &why);
	if (!c)
		fail_msg("%s", why.text);
	return c;
}

static void refuses(const char *text, const char *expected)
{
	struct fault why = { .kind = FAULT_NONE };
	struct course *c = course_file_parse("my", "my.conf", text, &why);
	if (c)
		fail_msg("taken: %s", text);
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_string_equal(why.text, expected);
}

static void what_is_begun_has_an_end(void **state)
{
	(void)state;
	refuses(NEEDED "/* the rest\nlist_view = true\n", "my.conf: a comment that begins with /* has no end: add */");
	refuses(NEEDED "client {\n  no_mail = \"none\"\n", "my.conf:5: section 'client' has no end: add }");
	/* The second reading does not begin in the first one's comment. */
	refuses("*// x\n" NEEDED "/* the rest", "my.conf: a comment that begins with /* has no end: add */");
}

static void missing_keys_take_their_defaults(void **state)
{
	(void)state;
	struct course *c = reads(NEEDED);
	assert_string_equal(c->name, "my");
	assert_string_equal(c->users_file, "u.txt");
	assert_string_equal(c->mailbox, "box");
	assert_null(c->domain);
	assert_int_equal(c->separator, ' ');
	assert_int_equal(c->subject_stored, 100);
	assert_int_equal(c->subject_typed, 50);
	assert_string_equal(c->replies[REPLY_GREETING].text, "%d Service Ready");
	assert_false(c->list_view || c->command_prompt || c->registration || c->is_default);
	assert_int_equal(c->verbs_len, 0);
	assert_int_equal(c->programs_len, 0);
	assert_int_equal(c->client.menu_len, 2);
	assert_string_equal(c->client.wrong_format, "Incorrect format");
	assert_string_equal(c->client.no_mail, "No mail.");
	assert_int_equal(c->client.delete_key, 'd');
	course_free(c);
}

/* Calicut's and Leuven's columns of values are nothing but values. */
static void another_course_is_only_other_data(void **state)
{
	(void)state;
	struct course *c =
	        reads("users_file = \"userinfo.txt\"\nseparator = comma\nmailbox = \"my_mailbox\"\n"
	              "domain = \"lab.example\"\nsubject_stored = 150\nsubject_typed = 150\ncommand_prompt = true\n"
	              "replies {\n pop3_goodbye = \"+OK Thanks for using POP3 server\"\n"
	              " greeting = \"220 %d ready\"\n}\n"
	              "client {\n wrong_format = \"This is an incorrect format\"\n menu_mark = \") \"\n"
	              " menu a { label = \"Mail Sending\" action = send }\n"
	              " menu b { label = \"Mail Management\" action = manage }\n"
	              " menu c { label = \"Exit\" action = quit }\n delete_key = D\n}\n");
	assert_int_equal(c->separator, ',');
	assert_string_equal(c->domain, "lab.example");
	assert_int_equal(c->subject_typed, 150);
	assert_string_equal(c->replies[REPLY_POP3_GOODBYE].text, "+OK Thanks for using POP3 server");
	assert_string_equal(c->replies[REPLY_GREETING].text, "%d ready");
	assert_string_equal(c->replies[REPLY_GOODBYE].text, "%d Service closing transmission channel");
	assert_string_equal(c->client.wrong_format, "This is an incorrect format");
	assert_string_equal(c->client.menu_mark, ") ");
	assert_int_equal(c->client.menu_len, 3);
	assert_int_equal(c->client.menu[1].key, 'b');
	assert_string_equal(c->client.menu[1].label, "Mail Management");
	assert_int_equal(c->client.menu[1].action, ACTION_MANAGE);
	assert_int_equal(c->client.delete_key, 'D');
	course_free(c);
}

/* Where the course has no menu of its own. */
static void has_menu(const char *text, const char *labels)
{
	char menu[200] = "";
	struct course *c = reads(text);
	for (size_t i = 0; i < c->client.menu_len; i++) {
		const struct course_menu_entry *e = &c->client.menu[i];
		snprintf(menu + strlen(menu), sizeof menu - strlen(menu), "%c%s%s ", e->key, c->client.menu_mark,
		         e->label);
	}
	assert_string_equal(menu, labels);
	course_free(c);
}

static void menu_offers_what_the_course_can_do(void **state)
{
	(void)state;
	has_menu(NEEDED, "1. Send Mail 2. Quit ");
	has_menu(NEEDED "list_view = true\n", "1. Manage Mail 2. Send Mail 3. Quit ");
	has_menu(NEEDED "command_prompt = yes\n", "1. Manage Mail 2. Send Mail 3. Quit ");
	has_menu("registration = on\n", "1. Send Mail 2. Retrieve Mail 3. Quit ");
}

static void registration_needs_no_files(void **state)
{
	(void)state;
	struct course *c = reads("registration = true\ndomain = lab\n");
	assert_true(c->registration);
	assert_null(c->users_file);
	assert_null(c->mailbox);
	assert_string_equal(c->domain, "lab");
	course_free(c);
	refuses("registration = true\nmailbox = x\n",
	        "my.conf: a course with registration has no files: expected neither users_file nor mailbox");
	refuses("registration = true\nusers_file = x\n",
	        "my.conf: a course with registration has no files: expected neither users_file nor mailbox");
}

static void capabilities_exclude_each_other(void **state)
{
	(void)state;
	static const char expected[] = "my.conf: expected at most one of list_view, command_prompt and registration";
	refuses(NEEDED "list_view = true\ncommand_prompt = true\n", expected);
	refuses("registration = true\ncommand_prompt = true\n", expected);
	refuses(NEEDED "list_view = 2\n",
	        "my.conf:3: invalid boolean value for option 'list_view': expected true or false");
}

static void menu_may_not_offer_what_the_course_cannot_do(void **state)
{
	(void)state;
	refuses(NEEDED "client { menu 1 { label = x action = manage } menu 2 { label = y action = quit } }\n",
	        "my.conf: the menu offers manage: expected list_view = true or command_prompt = true");
	refuses(NEEDED "client { menu 1 { label = x action = retrieve } menu 2 { label = y action = quit } }\n",
	        "my.conf: the menu offers retrieve: expected registration = true");
}

static void verbs_and_program_names_are_read_in_order(void **state)
{
	(void)state;
	struct course *c = reads(NEEDED "verb \"MAIL_FROM:\" { means = \"MAIL FROM:\" }\nverb BYE { means = QUIT }\n"
	                                "program_name pop_server { program = popserver }\n"
	                                "program_name in { program = smtpmail }\n");
	assert_int_equal(c->verbs_len, 2);
	assert_string_equal(c->verbs[0].spelling, "MAIL_FROM:");
	assert_string_equal(c->verbs[0].means, "MAIL FROM:");
	assert_string_equal(c->verbs[1].spelling, "BYE");
	assert_string_equal(c->verbs[1].means, "QUIT");
	assert_int_equal(c->programs_len, 2);
	assert_string_equal(c->programs[0].name, "pop_server");
	assert_string_equal(c->programs[0].program, "popserver");
	assert_string_equal(c->programs[1].name, "in");
	course_free(c);
}

static void bad_verb_is_refused(void **state)
{
	(void)state;
	refuses(NEEDED "verb \"A B\" { means = QUIT }\n",
	        "my.conf:3: bad verb \"A B\": expected one word that is no verb yet, such as MAIL_FROM:");
	refuses(NEEDED "verb quit { means = DATA }\n",
	        "my.conf:3: bad verb \"quit\": expected one word that is no verb yet, such as MAIL_FROM:");
	refuses(NEEDED "verb Mail { means = DATA }\n",
	        "my.conf:3: bad verb \"Mail\": expected one word that is no verb yet, such as MAIL_FROM:");
	refuses(NEEDED "verb STARTTLS { means = NOOP }\n",
	        "my.conf:3: bad verb \"STARTTLS\": expected one word that is no verb yet, such as MAIL_FROM:");
	refuses(NEEDED "verb \"\" { means = DATA }\n",
	        "my.conf:3: bad verb \"\": expected one word that is no verb yet, such as MAIL_FROM:");
	refuses(NEEDED "verb BYE { }\n",
	        "my.conf:3: verb \"BYE\" is incomplete: expected means = \"MAIL FROM:\" or the like");
	refuses(NEEDED "verb BYE {\n means = LEAVE\n}\n", "my.conf:4: bad value \"LEAVE\" for means: expected MAIL "
	                                                  "FROM: or RCPT TO: (with the colon), HELO, EHLO, "
	                                                  "DATA, RSET, NOOP, VRFY, HELP, QUIT, REGISTER or RETRIEVE");
	refuses(NEEDED "verb BYE { means = QUIT }\nverb BYE { means = QUIT }\n",
	        "my.conf:4: found duplicate title 'BYE'");
}

static void bad_program_name_is_refused(void **state)
{
	(void)state;
	refuses(NEEDED "program_name \"../x\" { program = smtpmail }\n",
	        "my.conf:3: bad program name \"../x\": expected small letters, digits, _ and -");
	refuses(NEEDED "program_name popserver { program = smtpmail }\n",
	        "my.conf:3: bad program name \"popserver\": expected one that no program has yet");
	refuses(NEEDED "program_name x { }\n",
	        "my.conf:3: program_name \"x\" is incomplete: expected program = smtpmail or the like");
	refuses(NEEDED "program_name x { program = sendmail }\n",
	        "my.conf:3: bad value \"sendmail\" for program: expected smtpmail, popserver or mailclient");
}

static void verbs_and_names_are_eight_at_most(void **state)
{
	(void)state;
	char text[800] = NEEDED;
	for (int i = 0; i < 9; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "verb V%d { means = QUIT }\n", i);
	refuses(text, "my.conf:11: too many verbs: expected at most 8");
	strcpy(text, NEEDED);
	for (int i = 0; i < 9; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "program_name n%d { program = smtpmail }\n",
		         i);
	refuses(text, "my.conf:11: too many program names: expected at most 8");
}

static void reply_may_take_another_code_of_its_class(void **state)
{
	(void)state;
	struct course *c = reads(NEEDED "replies { no_such_user = \"553 No such user here\" vrfy = \"250 %% ok\" }\n");
	assert_int_equal(c->replies[REPLY_NO_SUCH_USER].code, 553);
	assert_string_equal(c->replies[REPLY_NO_SUCH_USER].text, "No such user here");
	assert_string_equal(c->replies[REPLY_NO_SUCH_USER].enhanced, "5.1.1");
	assert_string_equal(c->replies[REPLY_VRFY].text, "%% ok");
	course_free(c);
}

static void reply_that_would_mislead_a_peer_is_refused(void **state)
{
	(void)state;
	refuses(NEEDED "replies {\n\tgreeting = \"550 no\"\n}\n",
	        "my.conf:4: bad value \"550 no\" for greeting: expected a code that begins with 2, a blank and a text, "
	        "at "
	        "most 400 octets");
	refuses(NEEDED "replies {\n\n\tpop3_goodbye = \"-ERR no\"\n}\n",
	        "my.conf:5: bad value \"-ERR no\" for pop3_goodbye: expected +OK, a blank and a text, at most 400 "
	        "octets");
	refuses(NEEDED "replies { greeting = \"220 a %x\" }\n",
	        "my.conf:3: bad value \"220 a %x\" for greeting: expected no % but %d %c %s %r %n %t %a and %%");
	refuses(NEEDED "replies { greeting = \"220 a %\" }\n",
	        "my.conf:3: bad value \"220 a %\" for greeting: expected no % but %d %c %s %r %n %t %a and %%");
	refuses(NEEDED "replies { greeting = \"220 a\\r\" }\n",
	        "my.conf:3: bad value \"220 a\r\" for greeting: expected one line without control characters");
}

static void reply_without_code_or_text_is_refused(void **state)
{
	(void)state;
	static const char *const values[] = { "", "220", "220 ", "22 x", "2200 x", "220-x", "2x0 x", "hello there" };
	char text[200];
	struct fault why;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		snprintf(text, sizeof text, NEEDED "replies { greeting = \"%s\" }", values[i]);
		if (course_file_parse("my", "my.conf", text, &why))
			fail_msg("taken: %s", values[i]);
	}
}

static void unknown_key_is_refused_with_its_line(void **state)
{
	(void)state;
	refuses(NEEDED "\nsubject_typd = 5\n",
	        "my.conf:4: no such option 'subject_typd'; the keys here are users_file separator mailbox domain "
	        "subject_stored subject_typed list_view command_prompt registration standard default verb program_name "
	        "replies "
	        "client");
	refuses(NEEDED "replies {\n\tgreting = \"220 x\"\n}\n",
	        "my.conf:4: no such option 'greting'; the keys are listed in postroom-course(5)");
	refuses(NEEDED "client {\n menu 1 {\n  lable = x\n }\n}\n",
	        "my.conf:5: no such option 'lable'; the keys here are label action");
}

static void missing_key_is_named(void **state)
{
	(void)state;
	refuses("mailbox = x\n", "my.conf: users_file is missing: expected the users file's name, as in users_file = "
	                         "\"user.txt\"");
	refuses("users_file = x\n", "my.conf: mailbox is missing: expected the mailbox file's name, as in mailbox = "
	                            "\"mymailbox\"");
}

static void bad_values_are_refused_with_what_was_expected(void **state)
{
	(void)state;
	refuses(NEEDED "separator = \",\"\n", "my.conf:3: bad value \",\" for separator: expected blanks or comma");
	refuses(NEEDED "subject_stored = 0\n",
	        "my.conf:3: bad value 0 for subject_stored: expected a number of characters from 1 to 1000");
	refuses(NEEDED "subject_stored = 1001\n",
	        "my.conf:3: bad value 1001 for subject_stored: expected a number of characters from 1 to 1000");
	refuses(NEEDED "subject_typed = many\n",
	        "my.conf:3: invalid integer value for option 'subject_typed': expected a number");
	refuses(NEEDED "domain = \"a b\"\n",
	        "my.conf:3: bad value \"a b\" for domain: expected a domain name such as lab.example.org");
	refuses(NEEDED "client { delete_key = dd }\n",
	        "my.conf:3: bad value \"dd\" for delete_key: expected one letter, digit or sign");
	refuses(NEEDED "client { sent = \"\\e[2J\" }\n", "my.conf:3: bad value \"\x1b[2J\" for sent: expected at most "
	                                                 "1000 octets of text without control characters");
}

static void file_names_cannot_leave_the_directory(void **state)
{
	(void)state;
	static const char *const names[] = { "", ".", "..", "../x", "a/b", "/etc/passwd", ".lock", "a\\nb" };
	char text[200];
	struct fault why;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(text, sizeof text, NEEDED "mailbox = \"%s\"", names[i]);
		if (course_file_parse("my", "my.conf", text, &why))
			fail_msg("taken: %s", names[i]);
		assert_non_null(strstr(why.text, "expected a plain file name"));
	}
}

static void incomplete_menu_is_refused(void **state)
{
	(void)state;
	refuses(NEEDED "client {\n menu 1 { label = x action = fly }\n}\n",
	        "my.conf:4: bad value \"fly\" for action: expected manage, send, retrieve or quit");
	refuses(NEEDED "client {\n menu 1 { label = x }\n}\n", "my.conf:4: menu \"1\" is incomplete: expected label = "
	                                                       "\"…\" and action = manage, send, retrieve or quit");
	refuses(NEEDED "client {\n menu 10 { label = x action = quit }\n}\n",
	        "my.conf:4: bad menu key \"10\": expected one letter, digit or sign");
	refuses(NEEDED "client {\n menu 1 { label = x action = quit }\n menu 1 { label = y action = send }\n}\n",
	        "my.conf:5: found duplicate title '1'");
	refuses(NEEDED "client {\n menu 1 { label = x action = send }\n}\n",
	        "my.conf: the menu has no way out: expected an entry with action = quit");
}

static void menu_has_at_most_eight_entries(void **state)
{
	(void)state;
	char text[600] = NEEDED "client {\n";
	for (int key = 1; key <= 9; key++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "menu %d { label = x action = quit }\n", key);
	snprintf(text + strlen(text), sizeof text - strlen(text), "}\n");
	refuses(text, "my.conf:12: too many menu entries: expected at most 8");
}

static void broken_syntax_is_refused_with_its_line(void **state)
{
	(void)state;
	refuses(NEEDED "subject_typed 5\n", "my.conf:3: missing equal sign after option 'subject_typed'");
	refuses(NEEDED "}\n", "my.conf:3: unexpected closing brace");
	refuses(NEEDED "client = 5\n", "my.conf:3: missing opening brace for section 'client'");
	refuses(NEEDED "domain =\n", "my.conf:4: premature end of file: expected a closing quote or a value");
}

static void bad_file_leaves_the_next_one_readable(void **state)
{
	(void)state;
	struct fault why;
	assert_null(course_file_parse("my", "my.conf", NEEDED "domain = \"unclosed", &why));
	course_free(reads(NEEDED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_begun_has_an_end),
		cmocka_unit_test(missing_keys_take_their_defaults),
		cmocka_unit_test(another_course_is_only_other_data),
		cmocka_unit_test(menu_offers_what_the_course_can_do),
		cmocka_unit_test(registration_needs_no_files),
		cmocka_unit_test(capabilities_exclude_each_other),
		cmocka_unit_test(menu_may_not_offer_what_the_course_cannot_do),
		cmocka_unit_test(verbs_and_program_names_are_read_in_order),
		cmocka_unit_test(bad_verb_is_refused),
		cmocka_unit_test(bad_program_name_is_refused),
		cmocka_unit_test(verbs_and_names_are_eight_at_most),
		cmocka_unit_test(reply_may_take_another_code_of_its_class),
		cmocka_unit_test(reply_that_would_mislead_a_peer_is_refused),
		cmocka_unit_test(reply_without_code_or_text_is_refused),
		cmocka_unit_test(unknown_key_is_refused_with_its_line),
		cmocka_unit_test(missing_key_is_named),
		cmocka_unit_test(bad_values_are_refused_with_what_was_expected),
		cmocka_unit_test(file_names_cannot_leave_the_directory),
		cmocka_unit_test(incomplete_menu_is_refused),
		cmocka_unit_test(menu_has_at_most_eight_entries),
		cmocka_unit_test(broken_syntax_is_refused_with_its_line),
		cmocka_unit_test(bad_file_leaves_the_next_one_readable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
