/*
 * The aliases file: its lines, whom a name leads to in the end, limits, and the file as a file: missing, changed, gone.
 */
#include "auth/aliases.h"

#include "base/buf.h"
#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { QUICK_MS = 5000 }; /* generous: under a sanitizer, on a busy machine */

#define NO_TARGET     "an alias needs a target: the name, a blank, and users or aliases"
#define DOMAIN_TARGET "a target is a user or an alias of this server, without a domain: nothing is sent elsewhere"
#define TWICE         "this alias is there already; the first line counts"

static struct users *users;
static struct buf reports; /* "text;" each */
static struct buf found;   /* "user " each */

static void report(const char *text)
{
	buf_printf(&reports, "%s;", text);
}

static void write_file(const char *name, const char *text, size_t len)
{
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *text)
{
	write_file("aliases.txt", text, strlen(text));
}

static int enter(void **state)
{
	static char path[40];
	const char names[] = "alice pw\nBob pw\ncarol pw\n";
	struct fault why;
	strcpy(path, "/tmp/aliases_test.XXXXXX");
	*state = path;
	buf_clear(&reports);
	buf_clear(&found);
	if (!mkdtemp(path) || chdir(path) != 0)
		return -1;
	write_file("users.txt", names, strlen(names));
	users = users_open(AT_FDCWD, ".", "users.txt", &(struct users_form){ .separator = ' ' }, NULL, &why);
	return users ? 0 : -1;
}

static int leave(void **state)
{
	users_free(users);
	remove("users.txt");
	remove("aliases.txt");
	remove("elsewhere");
	return chdir("/") != 0 || rmdir(*state) != 0;
}

static int begin(void **state)
{
	(void)state;
	buf_init(&reports, 16 * 1024 * 1024);
	buf_init(&found, 64 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_release(&reports);
	buf_release(&found);
	return 0;
}

static struct aliases *open_aliases(void)
{
	struct fault why;
	struct aliases *a = aliases_open(AT_FDCWD, ".", "aliases.txt", users, report, &why);
	if (!a)
		fail_msg("%s", why.text);
	return a;
}

static struct aliases *open_with(const char *text)
{
	put(text);
	return open_aliases();
}

static void take(void *owner, const char *user)
{
	assert_ptr_equal(owner, &found);
	assert_true(buf_printf(&found, "%s%s", found.len > 0 ? " " : "", user));
}

static size_t resolve(struct aliases *a, const char *name)
{
	buf_clear(&found);
	return aliases_resolve(a, slice_str(name), take, &found);
}

static void expect_text(const struct buf *b, const char *expected)
{
	char *text = slice_dup(buf_slice(b));
	assert_string_equal(text, expected);
	free(text);
}

/* `expected`: the users in the order of the targets, with blanks between; "" for none. */
static void leads(struct aliases *a, const char *name, const char *expected)
{
	size_t words = *expected ? 1 : 0;
	for (const char *p = expected; *p; p++)
		words += *p == ' ';
	assert_int_equal(resolve(a, name), words);
	expect_text(&found, expected);
}

/* A file of one line of interest, read without complaint. */
static void line_leads(const char *text, const char *name, const char *expected)
{
	struct aliases *a = open_with(text);
	leads(a, name, expected);
	expect_text(&reports, "");
	aliases_free(a);
}

/* A file with a bad line: what is said of it, and that the others go on. */
static void line_is_reported(const char *text, const char *expected)
{
	buf_clear(&reports);
	struct aliases *a = open_with(text);
	expect_text(&reports, expected);
	leads(a, "good", "alice");
	aliases_free(a);
}

/* Long enough that the file's time counts as settled. */
static void settle(void)
{
	usleep(80 * 1000);
}

/* ---- lines ---- */

static void alias_leads_to_its_user_as_the_users_file_spells_it(void **state)
{
	(void)state;
	line_leads("boss bob\n", "boss", "Bob");
	line_leads("boss BOB\n", "boss", "Bob");
}

static void name_is_found_in_any_case(void **state)
{
	(void)state;
	line_leads("Abuse alice\n", "aBUSE", "alice");
	line_leads("Abuse alice\nteam ABUSE\n", "team", "alice");
}

static void name_that_is_no_alias_leads_nowhere(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff alice\n");
	leads(a, "staf", "");
	leads(a, "staff2", "");
	leads(a, "alice", "");
	leads(a, "", "");
	aliases_free(a);
}

static void colon_behind_the_name_is_passed_over(void **state)
{
	(void)state;
	line_leads("staff: alice\n", "staff", "alice");
	line_leads("staff:\talice\n", "staff", "alice");
	line_leads("staff: alice\n", "staff:", "");
	line_leads("a:b alice\n", "a:b", "alice");
}

static void targets_stand_between_commas_and_blanks(void **state)
{
	(void)state;
	line_leads("staff alice bob\tcarol\n", "staff", "alice Bob carol");
	line_leads("staff alice,bob,carol\n", "staff", "alice Bob carol");
	line_leads("staff , alice ,,\t bob ,carol , \n", "staff", "alice Bob carol");
	line_leads("  \tstaff \t alice  \n", "staff", "alice");
}

static void comments_and_empty_lines_are_passed_over(void **state)
{
	(void)state;
	line_leads("# staff bob\n\n  # a@b\n \t \n#\nstaff alice\n", "staff", "alice");
	line_leads("#staff bob\nstaff alice\n", "#staff", "");
}

static void crlf_ends_a_line_too(void **state)
{
	(void)state;
	line_leads("# comment\r\n\r\nstaff alice bob\r\nother carol\r\n", "staff", "alice Bob");
	line_leads("staff alice bob\r\nother carol\r\n", "other", "carol");
}

static void last_line_needs_no_end(void **state)
{
	(void)state;
	line_leads("staff alice", "staff", "alice");
	line_leads("staff alice\r", "staff", "alice");
}

static void file_of_one_line_end_is_empty(void **state)
{
	(void)state;
	line_leads("", "staff", "");
	line_leads("\n", "staff", "");
}

/* ---- bad lines ---- */

static void target_with_a_domain_is_reported_with_its_line(void **state)
{
	(void)state;
	line_is_reported("# one\ngood alice\nout alice bob@example.org\n", "aliases.txt:3: " DOMAIN_TARGET ";");
	line_is_reported("out @\r\ngood alice\n", "aliases.txt:1: " DOMAIN_TARGET ";");
}

static void line_with_a_bad_target_is_passed_over_whole(void **state)
{
	(void)state;
	struct aliases *a = open_with("out alice bob@example.org\n");
	leads(a, "out", "");
	aliases_free(a);
}

static void alias_without_a_target_is_reported_with_its_line(void **state)
{
	(void)state;
	line_is_reported("good alice\n\nempty\n", "aliases.txt:3: " NO_TARGET ";");
	line_is_reported("good alice\nempty: \r\n", "aliases.txt:2: " NO_TARGET ";");
	line_is_reported("good alice\nempty , ,\n", "aliases.txt:2: " NO_TARGET ";");
}

static void alias_without_a_name_is_reported_with_its_line(void **state)
{
	(void)state;
	line_is_reported("good alice\n: bob\n", "aliases.txt:2: the alias has no name;");
}

static void name_that_is_there_twice_is_reported_and_the_first_counts(void **state)
{
	(void)state;
	line_is_reported("good alice\nGOOD: bob\n", "aliases.txt:2: " TWICE ";");
}

static void bad_first_line_leaves_its_name_to_the_second(void **state)
{
	(void)state;
	line_is_reported("good a@b\ngood alice\n", "aliases.txt:1: " DOMAIN_TARGET ";");
}

static void every_bad_line_is_reported(void **state)
{
	(void)state;
	line_is_reported("a\nb c@d\ngood alice\ngood bob\n", "aliases.txt:1: " NO_TARGET ";"
	                                                     "aliases.txt:2: " DOMAIN_TARGET ";"
	                                                     "aliases.txt:4: " TWICE ";");
}

static void alias_behind_which_nobody_stands_is_reported(void **state)
{
	(void)state;
	line_is_reported("good alice\n\nlost dave, erin\n", "aliases.txt:3: alias lost: no user stands behind it;");
	line_is_reported("good alice\nchain lost\nlost dave\n", "aliases.txt:2: alias chain: no user stands behind it;"
	                                                        "aliases.txt:3: alias lost: no user stands behind it;");
}

static void alias_that_goes_in_a_circle_is_reported_as_such(void **state)
{
	(void)state;
	line_is_reported("a: b\r\nb: a\r\ngood alice\n",
	                 "aliases.txt:1: alias a: it goes in a circle, and no user stands behind it;"
	                 "aliases.txt:2: alias b: it goes in a circle, and no user stands behind it;");
	line_is_reported("self self\ngood alice\n",
	                 "aliases.txt:1: alias self: it goes in a circle, and no user stands behind it;");
	line_is_reported("self self, alice\ngood alice\n", ""); /* somebody gets the mail */
}

static void no_report_is_wanted_and_none_is_made(void **state)
{
	(void)state;
	struct fault why;
	put("empty\nlost dave\ngood alice\n");
	struct aliases *a = aliases_open(AT_FDCWD, ".", "aliases.txt", users, NULL, &why);
	assert_non_null(a);
	leads(a, "good", "alice");
	aliases_free(a);
}

/* ---- where a name leads ---- */

static void aliases_lead_on_to_aliases(void **state)
{
	(void)state;
	line_leads("all: staff, carol\nstaff: boss alice\nboss: bob\n", "all", "Bob alice carol");
	line_leads("boss: bob\nstaff: boss alice\nall: staff, carol\n", "all", "Bob alice carol");
}

static void each_user_is_named_once(void **state)
{
	(void)state;
	line_leads("staff alice ALICE alice bob alice\n", "staff", "alice Bob");
	line_leads("all one two bob\none alice bob\ntwo bob alice carol\n", "all", "alice Bob carol");
}

static void circles_end_with_the_users_in_them(void **state)
{
	(void)state;
	line_leads("a: b alice\nb: a bob\n", "a", "Bob alice");
	line_leads("a: b alice\nb: a bob\n", "b", "alice Bob");
	line_leads("self: self carol\n", "self", "carol");
}

static void users_name_comes_before_an_alias_as_a_target(void **state)
{
	(void)state;
	line_leads("alice bob\nstaff alice\n", "staff", "alice");
	line_leads("alice: alice, bob\n", "alice", "alice Bob");
}

static void unknown_targets_are_passed_over(void **state)
{
	(void)state;
	line_leads("staff dave alice erin\n", "staff", "alice");
}

static void bad_lines_are_no_targets(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff out alice\nout bob x@y\n");
	leads(a, "staff", "alice");
	aliases_free(a);
}

/* ---- limits ---- */

static void chain_is_followed_over_so_many_lines_and_no_more(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 64 * 1024);
	for (int i = 1; i <= ALIASES_DEPTH_MAX; i++)
		buf_printf(&text, "n%d n%d\n", i, i + 1);
	buf_printf(&text, "n%d alice\n", ALIASES_DEPTH_MAX + 1);
	buf_append_char(&text, '\0');
	struct aliases *a = open_with(text.data);
	leads(a, "n1", "");
	leads(a, "n2", "alice");
	expect_text(&reports, "aliases.txt:1: alias n1: no user stands behind it;");
	aliases_free(a);
	buf_release(&text);
}

/* Users u0 … u(count - 1), the alias "all" for them, and behind them "more" for the last of them alone. */
static struct aliases *open_many(int count)
{
	struct buf names, text;
	buf_init(&names, 1024 * 1024);
	buf_init(&text, 1024 * 1024);
	buf_append_text(&text, "all");
	for (int i = 0; i < count; i++) {
		buf_printf(&names, "u%d pw\n", i);
		buf_printf(&text, " u%d", i);
	}
	buf_printf(&text, "\nmore u%d\n", count - 1);
	write_file("users.txt", names.data, names.len);
	write_file("aliases.txt", text.data, text.len);
	users_reload(users);
	buf_release(&names);
	buf_release(&text);
	return open_aliases();
}

static void alias_has_so_many_users_and_one_for_more_is_reported(void **state)
{
	(void)state;
	struct aliases *a = open_many(ALIASES_TARGETS_MAX);
	assert_int_equal(resolve(a, "all"), ALIASES_TARGETS_MAX);
	expect_text(&reports, "");
	aliases_free(a);
	a = open_many(ALIASES_TARGETS_MAX + 1);
	assert_true(resolve(a, "all") == ALIASES_TOO_MANY);
	expect_text(&reports,
	            "aliases.txt:1: alias all: more than 100 users stand behind it: its mail is refused for now;");
	leads(a, "more", "u100");
	aliases_free(a);
}

static void longest_name_of_a_user_fits(void **state)
{
	(void)state;
	char name[USERS_NAME_MAX + 1], line[2 * USERS_NAME_MAX];
	memset(name, 'n', USERS_NAME_MAX);
	name[USERS_NAME_MAX] = '\0';
	write_file("users.txt", line, (size_t)snprintf(line, sizeof line, "%s pw\n", name));
	users_reload(users);
	snprintf(line, sizeof line, "long %s\n", name);
	line_leads(line, "long", name);
}

/* `lines` aliases, each of which leads to `width` of them. */
static void put_mesh(int lines, int width, const char *last)
{
	struct buf text;
	buf_init(&text, ALIASES_FILE_MAX);
	for (int i = 0; i < lines; i++) {
		assert_true(buf_printf(&text, "n%d:", i));
		for (int k = 0; k < width; k++)
			assert_true(buf_printf(&text, " n%d", (i * 7 + k) % lines));
		assert_true(buf_printf(&text, " %s\n", last));
	}
	write_file("aliases.txt", text.data, text.len);
	buf_release(&text);
}

static void lines_that_lead_everywhere_end_quickly(void **state)
{
	(void)state;
	put_mesh(500, 500, "alice");
	int64_t start = clock_ms();
	struct aliases *a = open_aliases();
	leads(a, "n0", "alice");
	assert_in_range(clock_ms() - start, 0, QUICK_MS);
	aliases_free(a);
}

static void many_lines_that_lead_everywhere_end_quickly_and_it_is_said(void **state)
{
	(void)state;
	put_mesh(5000, 100, "alice");
	int64_t start = clock_ms();
	struct aliases *a = open_aliases();
	leads(a, "n4999", "alice");
	assert_in_range(clock_ms() - start, 0, QUICK_MS);
	expect_text(&reports,
	            "aliases.txt:100: so many names lead on to others that those from here on are not checked;");
	aliases_free(a);
}

static void many_aliases_for_nobody_are_reported_quickly(void **state)
{
	(void)state;
	put_mesh(100 * 1000, 0, "nobody");
	int64_t start = clock_ms();
	struct aliases *a = open_aliases();
	assert_in_range(clock_ms() - start, 0, QUICK_MS);
	buf_append_char(&reports, '\0');
	assert_non_null(strstr(reports.data, "aliases.txt:100000: alias n99999: no user stands behind it;"));
	aliases_free(a);
}

static void users_behind_a_long_row_of_aliases_are_found(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 64 * 1024);
	buf_append_text(&text, "one bob\nall nobody");
	for (int i = 0; i < 100; i++)
		buf_append_text(&text, ", one, nobody");
	buf_append_text(&text, " carol\n");
	buf_append_char(&text, '\0');
	line_leads(text.data, "all", "Bob carol");
	buf_release(&text);
}

static void file_that_is_too_large_is_refused(void **state)
{
	(void)state;
	struct fault why = { 0 };
	put("");
	assert_int_equal(truncate("aliases.txt", ALIASES_FILE_MAX + 1), 0);
	assert_null(aliases_open(AT_FDCWD, ".", "aliases.txt", users, report, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_string_equal(why.text, "cannot read ./aliases.txt: it is larger than 16777216 octets");
}

/* ---- the file as a file ---- */

static void missing_file_is_empty_and_noticed_when_it_appears(void **state)
{
	(void)state;
	struct aliases *a = open_aliases();
	leads(a, "staff", "");
	assert_false(aliases_changed(a));
	expect_text(&reports, "");
	put("staff alice\n");
	assert_true(aliases_changed(a));
	leads(a, "staff", "");
	aliases_reload(a);
	leads(a, "staff", "alice");
	aliases_free(a);
}

static void unchanged_file_is_not_read_again(void **state)
{
	(void)state;
	put("staff alice\n");
	settle();
	struct aliases *a = open_aliases();
	settle();
	assert_false(aliases_changed(a));
	aliases_free(a);
}

static void changed_file_is_read_again(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff alice\nboss bob\n");
	put("staff carol, bob\n# no boss\n");
	assert_true(aliases_changed(a));
	aliases_reload(a);
	leads(a, "staff", "carol Bob");
	leads(a, "boss", "");
	settle(); /* it was read right after it was written */
	aliases_reload(a);
	assert_false(aliases_changed(a));
	aliases_free(a);
}

static void removed_file_is_noticed_and_is_empty(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff alice\n");
	assert_int_equal(remove("aliases.txt"), 0);
	assert_true(aliases_changed(a));
	aliases_reload(a);
	leads(a, "staff", "");
	assert_false(aliases_changed(a));
	expect_text(&reports, "");
	aliases_free(a);
}

static void replaced_file_of_the_same_size_is_noticed(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff alice\n");
	settle();
	aliases_reload(a);
	assert_false(aliases_changed(a));
	write_file("elsewhere", "staff carol\n", 12);
	assert_int_equal(rename("elsewhere", "aliases.txt"), 0);
	assert_true(aliases_changed(a));
	aliases_reload(a);
	leads(a, "staff", "carol");
	aliases_free(a);
}

static void bad_lines_are_reported_at_every_reading(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff alice\n");
	put("staff alice\nempty\n");
	aliases_reload(a);
	expect_text(&reports, "aliases.txt:2: " NO_TARGET ";");
	aliases_free(a);
}

static void file_that_cannot_be_read_leaves_what_was(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff alice\n");
	assert_int_equal(remove("aliases.txt"), 0);
	assert_int_equal(mkdir("aliases.txt", 0700), 0);
	assert_true(aliases_changed(a));
	aliases_reload(a);
	leads(a, "staff", "alice");
	expect_text(&reports, "cannot read ./aliases.txt: it is not a regular file; the aliases read before stay;");
	aliases_free(a);
	assert_int_equal(rmdir("aliases.txt"), 0);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	struct fault why = { 0 };
	assert_int_equal(mkfifo("aliases.txt", 0600), 0);
	assert_null(aliases_open(AT_FDCWD, ".", "aliases.txt", users, report, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_string_equal(why.text, "cannot read ./aliases.txt: it is not a regular file");
}

static void user_who_comes_later_is_found_without_reading_the_aliases_again(void **state)
{
	(void)state;
	struct aliases *a = open_with("staff dave\n");
	leads(a, "staff", "");
	write_file("users.new", "Dave pw\n", 8);
	assert_int_equal(rename("users.new", "users.txt"), 0);
	users_reload(users);
	leads(a, "staff", "Dave");
	aliases_free(a);
}

struct reader {
	struct aliases *aliases;
	atomic_bool over;
};

static void count_user(void *owner, const char *user)
{
	assert_true(strcmp(user, "alice") == 0 || strcmp(user, "Bob") == 0);
	++*(size_t *)owner;
}

static void *resolve_all_the_time(void *arg)
{
	struct reader *r = arg;
	while (!atomic_load(&r->over)) {
		size_t told = 0;
		assert_int_equal(aliases_resolve(r->aliases, slice_str("staff"), count_user, &told), 2);
		assert_int_equal(told, 2);
	}
	return NULL;
}

static void a_name_leads_on_while_the_file_is_read_again(void **state)
{
	(void)state;
	pthread_t thread;
	struct reader r = { .aliases = open_with("staff alice bob\n") };
	assert_int_equal(pthread_create(&thread, NULL, resolve_all_the_time, &r), 0);
	for (int i = 0; i < 300; i++)
		aliases_reload(r.aliases);
	atomic_store(&r.over, true);
	pthread_join(thread, NULL);
	aliases_free(r.aliases);
}

int main(void)
{
#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(alias_leads_to_its_user_as_the_users_file_spells_it),
		IN_OWN_DIRECTORY(name_is_found_in_any_case),
		IN_OWN_DIRECTORY(name_that_is_no_alias_leads_nowhere),
		IN_OWN_DIRECTORY(colon_behind_the_name_is_passed_over),
		IN_OWN_DIRECTORY(targets_stand_between_commas_and_blanks),
		IN_OWN_DIRECTORY(comments_and_empty_lines_are_passed_over),
		IN_OWN_DIRECTORY(crlf_ends_a_line_too),
		IN_OWN_DIRECTORY(last_line_needs_no_end),
		IN_OWN_DIRECTORY(file_of_one_line_end_is_empty),
		IN_OWN_DIRECTORY(target_with_a_domain_is_reported_with_its_line),
		IN_OWN_DIRECTORY(line_with_a_bad_target_is_passed_over_whole),
		IN_OWN_DIRECTORY(alias_without_a_target_is_reported_with_its_line),
		IN_OWN_DIRECTORY(alias_without_a_name_is_reported_with_its_line),
		IN_OWN_DIRECTORY(name_that_is_there_twice_is_reported_and_the_first_counts),
		IN_OWN_DIRECTORY(bad_first_line_leaves_its_name_to_the_second),
		IN_OWN_DIRECTORY(every_bad_line_is_reported),
		IN_OWN_DIRECTORY(alias_behind_which_nobody_stands_is_reported),
		IN_OWN_DIRECTORY(alias_that_goes_in_a_circle_is_reported_as_such),
		IN_OWN_DIRECTORY(no_report_is_wanted_and_none_is_made),
		IN_OWN_DIRECTORY(aliases_lead_on_to_aliases),
		IN_OWN_DIRECTORY(each_user_is_named_once),
		IN_OWN_DIRECTORY(circles_end_with_the_users_in_them),
		IN_OWN_DIRECTORY(users_name_comes_before_an_alias_as_a_target),
		IN_OWN_DIRECTORY(unknown_targets_are_passed_over),
		IN_OWN_DIRECTORY(bad_lines_are_no_targets),
		IN_OWN_DIRECTORY(chain_is_followed_over_so_many_lines_and_no_more),
		IN_OWN_DIRECTORY(alias_has_so_many_users_and_one_for_more_is_reported),
		IN_OWN_DIRECTORY(longest_name_of_a_user_fits),
		IN_OWN_DIRECTORY(lines_that_lead_everywhere_end_quickly),
		IN_OWN_DIRECTORY(many_lines_that_lead_everywhere_end_quickly_and_it_is_said),
		IN_OWN_DIRECTORY(many_aliases_for_nobody_are_reported_quickly),
		IN_OWN_DIRECTORY(users_behind_a_long_row_of_aliases_are_found),
		IN_OWN_DIRECTORY(file_that_is_too_large_is_refused),
		IN_OWN_DIRECTORY(missing_file_is_empty_and_noticed_when_it_appears),
		IN_OWN_DIRECTORY(unchanged_file_is_not_read_again),
		IN_OWN_DIRECTORY(changed_file_is_read_again),
		IN_OWN_DIRECTORY(removed_file_is_noticed_and_is_empty),
		IN_OWN_DIRECTORY(replaced_file_of_the_same_size_is_noticed),
		IN_OWN_DIRECTORY(bad_lines_are_reported_at_every_reading),
		IN_OWN_DIRECTORY(file_that_cannot_be_read_leaves_what_was),
		IN_OWN_DIRECTORY(what_is_no_file_is_refused),
		IN_OWN_DIRECTORY(user_who_comes_later_is_found_without_reading_the_aliases_again),
		IN_OWN_DIRECTORY(a_name_leads_on_while_the_file_is_read_again),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
