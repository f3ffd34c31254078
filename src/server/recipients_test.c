/*
 * Whose mail it is: domains, the postmaster, tags, literals, aliases and quotas, in the course standard for example.org; and in a course, where
 * the name alone decides.
 */
#include "server/recipients.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/lab_suite.h"

#define USERS "alice pw\nBob pw\ncarol pw\nx+y pw\n"

struct rig {
	struct lab lab;
	struct recipients list;
	const char *here;
	uint64_t size;
};

static struct rig rig;

static int open_standard(void **state)
{
	(void)state;
	rig = (struct rig){ .here = NULL };
	lab_open_standard(&rig.lab, 0, USERS);
	return 0;
}

static int open_course(void **state)
{
	(void)state;
	rig = (struct rig){ .here = NULL };
	lab_open(&rig.lab, LAB_MEMORY);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	recipients_clear(&rig.list);
	lab_close(&rig.lab);
	return 0;
}

static void put(const char *name, const char *text)
{
	int fd = openat(rig.lab.site.dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	site_refresh_users(&rig.lab.site);
}

static void put_aliases(const char *text)
{
	put("aliases.txt", text);
}

static enum reply_id take(const char *path)
{
	struct address address = { .text = "" };
	struct slice rest = slice_str(path);
	assert_true(address_parse_path(&rest, &address));
	const struct recipients_question question = { .address = &address, .size = rig.size, .here = rig.here };
	return recipients_take(&rig.list, &rig.lab.site, &question);
}

/* The list's users with blanks between. */
static void list_is(const char *expected)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	for (size_t i = 0; i < rig.list.count; i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "", rig.list.users[i]);
	buf_append_char(&text, '\0');
	assert_string_equal(text.data, expected);
	buf_release(&text);
}

/* The verdict, and the list that a mail for this recipient alone has. */
static void gives(const char *path, enum reply_id verdict, const char *users)
{
	recipients_clear(&rig.list);
	assert_int_equal(take(path), verdict);
	list_is(users);
	assert_int_equal(rig.list.taken, verdict == REPLY_RECIPIENT_OK);
}

static void goes_to(const char *path, const char *users)
{
	gives(path, REPLY_RECIPIENT_OK, users);
}

static void is_refused(const char *path, enum reply_id verdict)
{
	gives(path, verdict, "");
	assert_null(rig.list.only);
}

static void set_quota(uint64_t quota)
{
	rig.lab.options.quota = rig.lab.site.store->quota = quota;
}

/* ---- domains ---- */

static void users_of_the_domain_are_taken_in_any_case(void **state)
{
	(void)state;
	goes_to("<alice@example.org>", "alice");
	goes_to("<BOB@Example.ORG>", "Bob");
	goes_to("<\"bob\"@example.org>", "Bob");
	is_refused("<dave@example.org>", REPLY_NO_SUCH_USER);
}

static void no_other_domain_is_ours(void **state)
{
	(void)state;
	is_refused("<alice@example.com>", REPLY_NO_RELAY);
	is_refused("<alice@mail.example.org>", REPLY_NO_RELAY);
	is_refused("<alice@example.or>", REPLY_NO_RELAY);
	is_refused("<alice@localhost>", REPLY_NO_RELAY);
	is_refused("<dave@example.com>", REPLY_NO_RELAY);
	is_refused("<postmaster@example.com>", REPLY_NO_RELAY);
	is_refused("<alice%example.com@example.org>", REPLY_NO_SUCH_USER);
	is_refused("<\"alice@example.com\"@example.org>", REPLY_NO_SUCH_USER);
}

static void route_before_the_address_is_passed_over(void **state)
{
	(void)state;
	goes_to("<@relay.example.com:alice@example.org>", "alice");
	is_refused("<@example.org:alice@example.com>", REPLY_NO_RELAY);
}

static void every_domain_that_was_named_is_ours(void **state)
{
	(void)state;
	rig.lab.options.domains[1] = "example.net";
	rig.lab.options.domains_count = 2;
	goes_to("<alice@example.org>", "alice");
	goes_to("<alice@EXAMPLE.net>", "alice");
	is_refused("<alice@example.com>", REPLY_NO_RELAY);
}

static void where_no_domain_was_named_the_hosts_and_localhost_are_ours(void **state)
{
	(void)state;
	rig.lab.options.domains_count = 0;
	rig.lab.site.smtp.domain = "host.example";
	goes_to("<alice@HOST.example>", "alice");
	goes_to("<alice@LocalHost>", "alice");
	is_refused("<alice@example.org>", REPLY_NO_RELAY);
}

static void recipient_without_a_domain_is_the_postmaster_alone(void **state)
{
	(void)state;
	is_refused("<alice>", REPLY_NO_DOMAIN);
	is_refused("<postmaster+tag>", REPLY_NO_DOMAIN);
	goes_to("<postmaster>", "alice");
	goes_to("<PostMaster>", "alice");
}

static void in_a_course_the_name_alone_decides(void **state)
{
	(void)state;
	goes_to("<alice@wherever.example>", "alice");
	goes_to("<bob>", "Bob");
	goes_to("<carol@[192.0.2.1]>", "carol");
	is_refused("<alice+tag@lab.example>", REPLY_NO_SUCH_USER);
}

/* ---- literals ---- */

static void address_of_this_machine_is_ours(void **state)
{
	(void)state;
	rig.here = "192.0.2.25";
	goes_to("<alice@[192.0.2.25]>", "alice");
	goes_to("<postmaster@[192.0.2.25]>", "alice");
	is_refused("<alice@[192.0.2.26]>", REPLY_NO_RELAY);
	is_refused("<alice@[IPv6:::1]>", REPLY_NO_RELAY);
}

static void ipv6_address_is_the_same_however_it_is_written(void **state)
{
	(void)state;
	rig.here = "2001:db8::25";
	goes_to("<alice@[IPv6:2001:db8::25]>", "alice");
	goes_to("<alice@[ipv6:2001:0DB8:0:0:0:0:0:25]>", "alice");
	is_refused("<alice@[IPv6:2001:db8::26]>", REPLY_NO_RELAY);
	is_refused("<alice@[192.0.2.25]>", REPLY_NO_RELAY);
}

static void where_the_own_address_is_not_known_no_literal_is_ours(void **state)
{
	(void)state;
	is_refused("<alice@[127.0.0.1]>", REPLY_NO_RELAY);
	is_refused("<alice@[IPv6:::1]>", REPLY_NO_RELAY);
}

/* ---- the postmaster ---- */

static void postmaster_is_the_first_user_where_nobody_else_is(void **state)
{
	(void)state;
	goes_to("<postmaster@example.org>", "alice");
	goes_to("<postmaster+tag@example.org>", "alice");
}

static void postmaster_option_comes_before_the_first_user(void **state)
{
	(void)state;
	rig.lab.options.postmaster = "CAROL";
	goes_to("<postmaster@example.org>", "carol");
}

static void alias_postmaster_comes_before_the_option(void **state)
{
	(void)state;
	rig.lab.options.postmaster = "carol";
	put_aliases("Postmaster: bob, alice\n");
	goes_to("<postmaster@example.org>", "Bob alice");
	goes_to("<postmaster>", "Bob alice");
}

static void user_postmaster_comes_before_everything(void **state)
{
	(void)state;
	rig.lab.options.postmaster = "carol";
	put_aliases("postmaster: bob\n");
	put("users.txt", USERS "PostMaster pw\n");
	goes_to("<postmaster@example.org>", "PostMaster");
}

static void alias_postmaster_for_nobody_is_none(void **state)
{
	(void)state;
	put_aliases("postmaster: dave\n");
	goes_to("<postmaster@example.org>", "alice");
}

static void without_a_user_there_is_no_postmaster(void **state)
{
	(void)state;
	put("users.txt", "# nobody\n");
	is_refused("<postmaster@example.org>", REPLY_NO_SUCH_USER);
}

/* ---- tags ---- */

static void name_before_a_tag_is_the_user(void **state)
{
	(void)state;
	goes_to("<alice+list@example.org>", "alice");
	goes_to("<Alice+a+b@example.org>", "alice");
	goes_to("<bob+@example.org>", "Bob");
	is_refused("<dave+alice@example.org>", REPLY_NO_SUCH_USER);
	is_refused("<+alice@example.org>", REPLY_NO_SUCH_USER);
	is_refused("<+@example.org>", REPLY_NO_SUCH_USER);
}

static void user_with_a_plus_in_the_name_comes_first(void **state)
{
	(void)state;
	goes_to("<x+y@example.org>", "x+y");
	is_refused("<x+y+z@example.org>", REPLY_NO_SUCH_USER);
	put_aliases("carol+lists: bob\n");
	goes_to("<carol+lists@example.org>", "Bob");
	goes_to("<carol+other@example.org>", "carol");
}

static void alias_may_have_a_tag_too(void **state)
{
	(void)state;
	put_aliases("staff: alice bob\n");
	goes_to("<staff+news@example.org>", "alice Bob");
}

/* ---- the list ---- */

static void alias_is_every_user_behind_it(void **state)
{
	(void)state;
	put_aliases("staff: carol, bob\nalice: bob\n");
	goes_to("<STAFF@example.org>", "carol Bob");
	goes_to("<alice@example.org>", "alice");
	is_refused("<staff@example.com>", REPLY_NO_RELAY);
}

static void each_user_is_on_the_list_once(void **state)
{
	(void)state;
	put_aliases("staff: carol, bob\n");
	assert_int_equal(take("<bob@example.org>"), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<BOB+x@example.org>"), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<staff@example.org>"), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<carol@example.org>"), REPLY_RECIPIENT_OK);
	list_is("Bob carol");
	assert_int_equal(rig.list.taken, 4);
}

static void first_address_is_kept_as_it_was_given(void **state)
{
	(void)state;
	assert_int_equal(take("<dave@example.org>"), REPLY_NO_SUCH_USER);
	assert_null(rig.list.only);
	assert_int_equal(take("<BOB+x@Example.org>"), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<alice@example.org>"), REPLY_RECIPIENT_OK);
	assert_string_equal(rig.list.only, "BOB+x@Example.org");
}

static void refused_recipient_leaves_the_list_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(take("<bob@example.org>"), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<dave@example.org>"), REPLY_NO_SUCH_USER);
	assert_int_equal(take("<alice@example.com>"), REPLY_NO_RELAY);
	assert_int_equal(take("<alice>"), REPLY_NO_DOMAIN);
	list_is("Bob");
	assert_int_equal(rig.list.taken, 1);
	assert_string_equal(rig.list.only, "bob@example.org");
}

static void cleared_list_is_empty_and_may_be_filled_again(void **state)
{
	(void)state;
	assert_int_equal(take("<bob@example.org>"), REPLY_RECIPIENT_OK);
	recipients_clear(&rig.list);
	list_is("");
	assert_int_equal(rig.list.taken, 0);
	assert_null(rig.list.only);
	assert_int_equal(take("<alice@example.org>"), REPLY_RECIPIENT_OK);
	list_is("alice");
	assert_string_equal(rig.list.only, "alice@example.org");
}

/* ---- quotas ---- */

static void user_over_the_quota_is_refused(void **state)
{
	(void)state;
	lab_deliver(&rig.lab, "Bob", "0123456789\n"); /* and its dividing line: 13 octets */
	set_quota(12);
	is_refused("<bob@example.org>", REPLY_MAILBOX_FULL);
	goes_to("<alice@example.org>", "alice");
	set_quota(13);
	goes_to("<bob@example.org>", "Bob");
}

static void announced_size_counts(void **state)
{
	(void)state;
	lab_deliver(&rig.lab, "Bob", "0123456789\n");
	set_quota(20);
	rig.size = 7;
	goes_to("<bob@example.org>", "Bob");
	rig.size = 8;
	is_refused("<bob@example.org>", REPLY_MAILBOX_FULL);
	rig.size = UINT64_MAX;
	is_refused("<alice@example.org>", REPLY_MAILBOX_FULL);
}

static void alias_with_one_user_over_the_quota_is_refused_whole(void **state)
{
	(void)state;
	put_aliases("staff: alice, bob, carol\n");
	lab_deliver(&rig.lab, "Bob", "0123456789\n");
	set_quota(12);
	is_refused("<staff@example.org>", REPLY_MAILBOX_FULL);
	assert_int_equal(take("<carol@example.org>"), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<staff@example.org>"), REPLY_MAILBOX_FULL);
	list_is("carol");
	assert_int_equal(rig.list.taken, 1);
	assert_string_equal(rig.list.only, "carol@example.org");
	assert_int_equal(take("<alice@example.org>"), REPLY_RECIPIENT_OK);
	list_is("carol alice");
}

static void user_on_the_list_is_not_asked_for_room_again(void **state)
{
	(void)state;
	assert_int_equal(take("<bob@example.org>"), REPLY_RECIPIENT_OK);
	lab_deliver(&rig.lab, "Bob", "0123456789\n");
	set_quota(12);
	assert_int_equal(take("<bob+again@example.org>"), REPLY_RECIPIENT_OK);
	list_is("Bob");
}

static void job_is_needed_for_a_quota_and_for_files_that_have_changed(void **state)
{
	(void)state;
	const struct timespec settling = { .tv_nsec = 80 * 1000 * 1000 };
	nanosleep(&settling, NULL); /* a file read right after it was written is read once more */
	site_refresh_users(&rig.lab.site);
	assert_false(recipients_need_job(&rig.lab.site));
	set_quota(1000);
	assert_true(recipients_need_job(&rig.lab.site));
	set_quota(0);
	assert_false(recipients_need_job(&rig.lab.site));
	int fd = openat(rig.lab.site.dir, "aliases.txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	assert_true(recipients_need_job(&rig.lab.site));
	nanosleep(&settling, NULL);
	site_refresh_users(&rig.lab.site);
	assert_false(recipients_need_job(&rig.lab.site));
	fd = openat(rig.lab.site.dir, "users.txt", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "dave pw\n", 8), 8);
	close(fd);
	assert_true(recipients_need_job(&rig.lab.site));
}

/* ---- how many ---- */

/* Users u0 …, and an alias for the last two. */
static void put_many(int count)
{
	struct buf text;
	buf_init(&text, 1024 * 1024);
	for (int i = 0; i < count; i++)
		buf_printf(&text, "u%d pw\n", i);
	buf_append_char(&text, '\0');
	put("users.txt", text.data);
	buf_clear(&text);
	buf_printf(&text, "last: u%d u%d\n", count - 2, count - 1);
	buf_append_char(&text, '\0');
	put_aliases(text.data);
	buf_release(&text);
}

static enum reply_id take_number(int i)
{
	char path[64];
	snprintf(path, sizeof path, "<u%d@example.org>", i);
	return take(path);
}

static void so_many_users_are_on_a_list_and_no_more(void **state)
{
	(void)state;
	put_many(SMTP_RECIPIENTS_MAX + 2);
	for (int i = 0; i < SMTP_RECIPIENTS_MAX - 1; i++)
		assert_int_equal(take_number(i), REPLY_RECIPIENT_OK);
	assert_int_equal(take("<last@example.org>"), REPLY_TOO_MANY_RECIPIENTS);
	assert_int_equal(rig.list.count, SMTP_RECIPIENTS_MAX - 1);
	assert_int_equal(take_number(SMTP_RECIPIENTS_MAX - 1), REPLY_RECIPIENT_OK);
	assert_int_equal(rig.list.count, SMTP_RECIPIENTS_MAX);
	assert_int_equal(take_number(SMTP_RECIPIENTS_MAX), REPLY_TOO_MANY_RECIPIENTS);
	assert_int_equal(rig.list.count, SMTP_RECIPIENTS_MAX);
	assert_int_equal(take_number(7), REPLY_RECIPIENT_OK); /* is there already */
	assert_string_equal(rig.list.users[0], "u0");
	assert_string_equal(rig.list.users[SMTP_RECIPIENTS_MAX - 1], "u999");
}

int main(void)
{
#define STANDARD(test) cmocka_unit_test_setup_teardown(test, open_standard, close_rig)
	const struct CMUnitTest tests[] = {
		STANDARD(users_of_the_domain_are_taken_in_any_case),
		STANDARD(no_other_domain_is_ours),
		STANDARD(route_before_the_address_is_passed_over),
		STANDARD(every_domain_that_was_named_is_ours),
		STANDARD(where_no_domain_was_named_the_hosts_and_localhost_are_ours),
		STANDARD(recipient_without_a_domain_is_the_postmaster_alone),
		cmocka_unit_test_setup_teardown(in_a_course_the_name_alone_decides, open_course, close_rig),
		STANDARD(address_of_this_machine_is_ours),
		STANDARD(ipv6_address_is_the_same_however_it_is_written),
		STANDARD(where_the_own_address_is_not_known_no_literal_is_ours),
		STANDARD(postmaster_is_the_first_user_where_nobody_else_is),
		STANDARD(postmaster_option_comes_before_the_first_user),
		STANDARD(alias_postmaster_comes_before_the_option),
		STANDARD(user_postmaster_comes_before_everything),
		STANDARD(alias_postmaster_for_nobody_is_none),
		STANDARD(without_a_user_there_is_no_postmaster),
		STANDARD(name_before_a_tag_is_the_user),
		STANDARD(user_with_a_plus_in_the_name_comes_first),
		STANDARD(alias_may_have_a_tag_too),
		STANDARD(alias_is_every_user_behind_it),
		STANDARD(each_user_is_on_the_list_once),
		STANDARD(first_address_is_kept_as_it_was_given),
		STANDARD(refused_recipient_leaves_the_list_as_it_was),
		STANDARD(cleared_list_is_empty_and_may_be_filled_again),
		STANDARD(user_over_the_quota_is_refused),
		STANDARD(announced_size_counts),
		STANDARD(alias_with_one_user_over_the_quota_is_refused_whole),
		STANDARD(user_on_the_list_is_not_asked_for_room_again),
		STANDARD(job_is_needed_for_a_quota_and_for_files_that_have_changed),
		STANDARD(so_many_users_are_on_a_list_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
