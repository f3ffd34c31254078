/*
 * The users file as a file: missing, changed, replaced, gone; and its passwords.
 */
#include "auth/users.h"

#include "auth/password.h"
#include "base/buf.h"

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

static struct buf reports; /* "text;" each */

static void report(const char *text)
{
	buf_printf(&reports, "%s;", text);
}

static int enter(void **state)
{
	static char path[40];
	strcpy(path, "/tmp/users_test.XXXXXX");
	*state = path;
	buf_clear(&reports);
	return !mkdtemp(path) || chdir(path) != 0;
}

static int leave(void **state)
{
	static const char *const files[] = { "user.txt", "elsewhere", "old", ".scram-salt-key" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		remove(files[i]);
	return chdir("/") != 0 || rmdir(*state) != 0;
}

static void put(const char *text)
{
	FILE *f = fopen("user.txt", "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Long enough that the file's time counts as settled. */
static void settle(void)
{
	usleep(80 * 1000);
}

static struct users *open_users(void)
{
	struct fault why;
	struct users *u = users_open(AT_FDCWD, ".", "user.txt", &(struct users_form){ .separator = ' ' }, report, &why);
	if (!u)
		fail_msg("%s", why.text);
	return u;
}

/* In the mode whose secrets may have a scheme. */
static struct users *open_schemes(const char *text)
{
	struct fault why;
	const struct users_form form = { .separator = ' ', .schemes = true };
	put(text);
	struct users *u = users_open(AT_FDCWD, ".", "user.txt", &form, report, &why);
	if (!u)
		fail_msg("%s", why.text);
	return u;
}

static void fails(const char *dir_name, char separator, const char *text)
{
	struct fault why = { .kind = FAULT_NONE };
	assert_null(users_open(AT_FDCWD, dir_name, "user.txt", &(struct users_form){ .separator = separator }, report,
	                       &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_string_equal(why.text, text);
}

static bool knows(struct users *u, const char *name)
{
	char spelled[USERS_NAME_MAX + 1];
	return users_find(u, slice_str(name), spelled);
}

static bool verifies(struct users *u, const char *name, const char *password)
{
	char spelled[USERS_NAME_MAX + 1];
	return users_verify(u, slice_str(name), slice_str(password), spelled);
}

static void missing_file_says_what_to_create(void **state)
{
	(void)state;
	fails(".", ' ',
	      "cannot read ./user.txt: No such file or directory: create it, with a line `name password` for each "
	      "user");
	fails("/lab/", ',',
	      "cannot read /lab/user.txt: No such file or directory: create it, with a line `name,password` "
	      "for each user");
}

static void missing_file_of_the_standard_mode_names_the_command(void **state)
{
	(void)state;
	struct fault why;
	const struct users_form form = { .separator = ' ', .schemes = true };
	assert_null(users_open(AT_FDCWD, "/srv/mail", "user.txt", &form, report, &why));
	assert_non_null(strstr(why.text, ": create it, by `postroom user add NAME --dir /srv/mail/`, or with a line"));
}

static void file_with_nobody_in_it_is_reported(void **state)
{
	(void)state;
	put("# nobody yet\n");
	settle();
	struct users *u = open_users();
	static const char said[] = "./user.txt: there is no user in it: nobody can log in or get mail;";
	assert_true(slice_equal_text(buf_slice(&reports), said));
	put("alice pw\n");
	users_reload(u);
	assert_true(slice_equal_text(buf_slice(&reports), said));
	users_free(u);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir("user.txt", 0700), 0);
	fails(".", ' ', "cannot read ./user.txt: it is not a regular file");
	assert_int_equal(rmdir("user.txt"), 0);
	assert_int_equal(mkfifo("user.txt", 0600), 0);
	fails(".", ' ', "cannot read ./user.txt: it is not a regular file");
}

static void symbolic_link_is_followed(void **state)
{
	(void)state;
	put("alice pw\n");
	assert_int_equal(rename("user.txt", "elsewhere"), 0);
	assert_int_equal(symlink("elsewhere", "user.txt"), 0);
	struct users *u = open_users();
	assert_true(knows(u, "alice"));
	users_free(u);
}

static void name_is_answered_as_the_file_spells_it(void **state)
{
	(void)state;
	char spelled[USERS_NAME_MAX + 1] = "";
	put("Stallings network$ecurity\n");
	struct users *u = open_users();
	assert_true(users_find(u, slice_str("stallings"), spelled));
	assert_string_equal(spelled, "Stallings");
	spelled[0] = '\0';
	assert_true(users_verify(u, slice_str("STALLINGS"), slice_str("network$ecurity"), spelled));
	assert_string_equal(spelled, "Stallings");
	assert_false(users_find(u, slice_str("tanenbaum"), spelled));
	users_free(u);
}

static void only_the_whole_password_is_right(void **state)
{
	(void)state;
	put("alice secret\n");
	struct users *u = open_users();
	assert_true(verifies(u, "alice", "secret"));
	assert_false(verifies(u, "alice", ""));
	assert_false(verifies(u, "alice", "secre"));
	assert_false(verifies(u, "alice", "secrets"));
	assert_false(verifies(u, "alice", "Secret"));
	assert_false(verifies(u, "bob", "secret"));
	assert_false(verifies(u, "bob", "unknown"));
	assert_false(verifies(u, "bob", ""));
	char spelled[USERS_NAME_MAX + 1];
	assert_false(users_verify(u, slice_str("alice"), slice_make("secret\0", 7), spelled));
	assert_false(users_verify(u, slice_str("alice"), slice_make(NULL, 0), spelled));
	users_free(u);
}

static void longest_password_is_compared_whole(void **state)
{
	(void)state;
	static char line[USERS_LINE_MAX + 2], given[2 * USERS_LINE_MAX];
	char spelled[USERS_NAME_MAX + 1];
	memset(line, 'p', USERS_LINE_MAX);
	memcpy(line, "a ", 2);
	line[USERS_LINE_MAX] = '\n';
	memset(given, 'p', sizeof given);
	put(line);
	struct users *u = open_users();
	for (size_t len = USERS_LINE_MAX - 4; len < sizeof given; len++) {
		bool right = users_verify(u, slice_str("a"), slice_make(given, len), spelled);
		assert_int_equal(right, len == USERS_LINE_MAX - 2);
	}
	given[USERS_LINE_MAX - 3] = 'q';
	assert_false(users_verify(u, slice_str("a"), slice_make(given, USERS_LINE_MAX - 2), spelled));
	users_free(u);
}

static void unchanged_file_is_not_read_again(void **state)
{
	(void)state;
	put("alice pw\n");
	settle();
	struct users *u = open_users();
	assert_false(users_changed(u));
	settle();
	assert_false(users_changed(u));
	users_free(u);
}

static void changed_file_is_read_again(void **state)
{
	(void)state;
	put("alice pw\n");
	struct users *u = open_users();
	put("alice pw\nbob pw2\n");
	assert_true(users_changed(u));
	assert_false(knows(u, "bob"));
	users_reload(u);
	assert_true(knows(u, "bob"));
	settle();
	users_reload(u);
	assert_false(users_changed(u));
	users_free(u);
}

static void *write_slowly(void *unused)
{
	static const char *const parts[] = { "carol pw\n", "carol pw\nal", "carol pw\nalice pw\nbob pw\n" };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		usleep(20 * 1000);
		put(parts[i]);
	}
	return unused;
}

/* As cp and many editors do it: nobody is gone in between. */
static void file_that_is_written_in_place_is_taken_when_it_is_whole(void **state)
{
	(void)state;
	pthread_t writer;
	put("alice pw\nbob pw\n");
	settle();
	struct users *u = open_users();
	put("");
	assert_int_equal(pthread_create(&writer, NULL, write_slowly, NULL), 0);
	users_reload(u);
	assert_true(knows(u, "alice") && knows(u, "bob") && knows(u, "carol"));
	pthread_join(writer, NULL);
	put("alice pw\n"); /* and that is all */
	users_reload(u);
	assert_true(knows(u, "alice"));
	assert_false(knows(u, "bob"));
	settle();
	assert_false(users_changed(u));
	assert_int_equal(reports.len, 0);
	users_free(u);
}

static void replaced_file_is_read_again(void **state)
{
	(void)state;
	put("alice pw\n");
	settle();
	struct users *u = open_users();
	assert_int_equal(rename("user.txt", "old"), 0);
	put("carol pw\n");
	assert_true(users_changed(u));
	users_reload(u);
	assert_false(knows(u, "alice"));
	assert_true(knows(u, "carol"));
	users_free(u);
}

/* The same file, size and times may hide a change within one tick of the file system's clock: a file just written is read twice. */
static void file_that_was_just_written_is_read_once_more(void **state)
{
	(void)state;
	put("alice p1\n");
	struct users *u = open_users();
	assert_false(users_changed(u));
	settle();
	assert_true(users_changed(u));
	users_reload(u);
	assert_false(users_changed(u));
	settle();
	assert_false(users_changed(u));
	users_free(u);
}

static void file_that_is_gone_leaves_the_users_and_is_said_once(void **state)
{
	(void)state;
	put("alice pw\n");
	settle();
	struct users *u = open_users();
	assert_int_equal(unlink("user.txt"), 0);
	assert_true(users_changed(u));
	users_reload(u);
	assert_true(slice_equal_text(buf_slice(&reports),
	                             "cannot read ./user.txt: No such file or directory: create it, with a line `name "
	                             "password` for each user; the users read before stay;"));
	assert_true(verifies(u, "alice", "pw"));
	assert_false(users_changed(u));
	put("bob pw\n");
	assert_true(users_changed(u));
	users_reload(u);
	assert_true(knows(u, "bob"));
	users_free(u);
}

static void bad_lines_are_reported_at_every_reading(void **state)
{
	(void)state;
	put("alice pw\n../x pw\n");
	struct users *u = open_users();
	static const char said[] = "user.txt:2: a name may not begin with a full stop (line passed over);";
	assert_true(slice_equal_text(buf_slice(&reports), said));
	buf_clear(&reports);
	users_reload(u);
	assert_true(slice_equal_text(buf_slice(&reports), said));
	users_free(u);
}

static void callers_directory_may_be_closed(void **state)
{
	(void)state;
	struct fault why;
	put("alice pw\n");
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	struct users *u = users_open(dir, ".", "user.txt", &(struct users_form){ .separator = ' ' }, report, &why);
	assert_non_null(u);
	close(dir);
	put("alice pw\nbob pw\n");
	assert_true(users_changed(u));
	users_reload(u);
	assert_true(knows(u, "bob"));
	users_free(u);
}

static void append_name(void *owner, const char *name)
{
	buf_printf(owner, "%s;", name);
}

#define BOB                                                                                              \
	"bob {SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n" /* pencil */
#define CAROL "carol {CRYPT}rl.3StKT.4T8M\n"             /* rasmuslerdorf */
#define DAVE  "dave {CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK\n"

static void secret_of_every_kind_is_checked(void **state)
{
	(void)state;
	struct users *u = open_schemes("alice secret\n" BOB CAROL);
	assert_true(verifies(u, "alice", "secret"));
	assert_true(verifies(u, "BOB", "pencil"));
	assert_true(verifies(u, "carol", "rasmuslerdorf"));
	assert_false(verifies(u, "alice", "pencil"));
	assert_false(verifies(u, "bob", "secret"));
	assert_false(verifies(u, "carol", ""));
	assert_false(verifies(u, "carol", "{CRYPT}rl.3StKT.4T8M"));
	assert_false(verifies(u, "bob", "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="));
	static const char *const passwords[] = { "secret", "pencil", "rasmuslerdorf", "nobody" };
	for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
		char name[16];
		for (int k = 0; k < 16; k++) {
			snprintf(name, sizeof name, "mallory%d", k); /* each borrows from one of the three */
			assert_false(verifies(u, name, passwords[i]));
		}
	}
	users_free(u);
	u = open_schemes("");
	assert_false(verifies(u, "mallory", "nobody"));
	users_free(u);
}

static void empty_password_is_nobodys(void **state)
{
	(void)state;
	/* crypt(3)'s hash of "" */
	struct users *u = open_schemes("alice {CRYPT}$1$aaaaaaaa$77Jd5be/qP3cAWwoIFt7N1\n" BOB "carol pw\n");
	assert_false(verifies(u, "alice", ""));
	assert_false(verifies(u, "bob", ""));
	assert_false(verifies(u, "carol", ""));
	users_free(u);
}

static void bad_scheme_is_reported_and_the_others_go_on(void **state)
{
	(void)state;
	struct users *u = open_schemes("alice secret\nmallory {MD5}x\nmalcolm {CRYPT}x\nmargo {SCRAM-SHA-256}x\n" BOB);
	assert_true(knows(u, "alice"));
	assert_true(knows(u, "bob"));
	assert_false(knows(u, "mallory") || knows(u, "malcolm") || knows(u, "margo"));
	assert_true(buf_append_char(&reports, '\0'));
	assert_string_equal(
	        reports.data,
	        "user.txt:2: unknown scheme: a secret in braces begins with {CRYPT} or {SCRAM-SHA-256} (line passed "
	        "over);"
	        "user.txt:3: what stands behind {CRYPT} is no hash of crypt(3) (line passed over);"
	        "user.txt:4: expected ITERATIONS,SALT,STOREDKEY,SERVERKEY behind {SCRAM-SHA-256}, from 4096 iterations "
	        "(line passed over);");
	users_free(u);
}

static void braces_are_letters_where_there_are_no_schemes(void **state)
{
	(void)state;
	put("alice {x}\n" CAROL);
	struct users *u = open_users();
	assert_true(verifies(u, "alice", "{x}"));
	assert_true(verifies(u, "carol", "{CRYPT}rl.3StKT.4T8M"));
	assert_false(verifies(u, "carol", "rasmuslerdorf"));
	assert_true(users_all_plain(u));
	users_free(u);
	assert_int_not_equal(access(".scram-salt-key", F_OK), 0);
}

static void has_kinds(const char *text, bool all_plain, bool all_scram)
{
	struct users *u = open_schemes(text);
	assert_int_equal(users_all_plain(u), all_plain);
	assert_int_equal(users_all_scram(u), all_scram);
	users_free(u);
}

static void kinds_of_all_secrets_are_known(void **state)
{
	(void)state;
	has_kinds("alice secret\n", true, true);
	has_kinds("alice secret\n" BOB, false, true);
	has_kinds(BOB, false, true);
	has_kinds("alice secret\n" CAROL, false, false);
	has_kinds("alice secret\nALICE {CRYPT}rl.3StKT.4T8M\n", true, true);
	has_kinds("", true, true);
}

static void apop_is_checked_against_passwords_in_clear(void **state)
{
	(void)state;
	char spelled[USERS_NAME_MAX + 1] = "";
	struct slice stamp = slice_str("<1896.697170952@dbc.mtview.ca.us>"); /* RFC 1939 section 7 */
	struct slice digest = slice_str("c4c9334bac560ecc979e58001b3e22fb");
	struct users *u = open_schemes("MRose tanstaaf\n" CAROL);
	assert_true(users_verify_apop(u, slice_str("mrose"), stamp, digest, spelled));
	assert_string_equal(spelled, "MRose");
	assert_false(users_verify_apop(u, slice_str("mrosf"), stamp, digest, spelled));
	assert_false(users_verify_apop(u, slice_str("carol"), stamp, digest, spelled));
	/* MD5 of the stamp and what stands in the file: a hash that leaks is no password. */
	assert_false(users_verify_apop(u, slice_str("carol"), stamp, slice_str("e029df7d2e809fe586ca401afe2d0b0f"),
	                               spelled));
	assert_false(users_verify_apop(u, slice_str("mrose"), slice_str("<1@b>"), digest, spelled));
	assert_false(users_verify_apop(u, slice_str("mrose"), stamp, slice_str("C4C9334BAC560ECC979E58001B3E22FB"),
	                               spelled));
	assert_false(users_verify_apop(u, slice_str("mrose"), stamp, slice_make(digest.ptr, 31), spelled));
	assert_false(users_verify_apop(u, slice_str("mrose"), stamp, slice_make(NULL, 0), spelled));
	users_free(u);
}

static void key_of_salts_outlives_the_server(void **state)
{
	(void)state;
	struct password_keys first, again;
	struct stat st;
	for (int round = 0; round < 2; round++) {
		struct users *u = open_schemes(BOB);
		users_scram_salt(u, slice_str("mallory"), round == 0 ? &first : &again);
		users_free(u);
	}
	assert_int_equal(first.salt_len, 16);
	assert_memory_equal(first.salt, again.salt, 16);
	assert_int_equal(stat(".scram-salt-key", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
}

static void part_of_a_key_of_salts_is_replaced(void **state)
{
	(void)state;
	struct password_keys salts[3];
	struct stat st;
	for (int round = 0; round < 3; round++) {
		struct users *u = open_schemes(BOB);
		users_scram_salt(u, slice_str("mallory"), &salts[round]);
		users_free(u);
		assert_int_equal(stat(".scram-salt-key", &st), 0);
		assert_int_equal(st.st_size, 32);
		if (round == 0)
			assert_int_equal(truncate(".scram-salt-key", 31), 0);
	}
	assert_memory_not_equal(salts[0].salt, salts[1].salt, 16);
	assert_memory_equal(salts[1].salt, salts[2].salt, 16);
	assert_int_equal(reports.len, 0);
}

static void key_of_salts_that_cannot_be_kept_is_reported(void **state)
{
	(void)state;
	assert_int_equal(mkdir(".scram-salt-key", 0700), 0);
	users_free(open_schemes("alice pw\n")); /* whose salt changes as a stranger's does */
	assert_int_equal(reports.len, 0);
	users_free(open_schemes(BOB));
	assert_true(slice_equal_text(buf_slice(&reports),
	                             "cannot keep the key in ./.scram-salt-key: Is a directory: after each start it "
	                             "can be told who has SCRAM keys;"));
}

/* For each of so many unknown names, the iterations of whoever's secret it borrows. */
enum { UNKNOWN = 64 };
static void borrow(uint32_t iterations[UNKNOWN])
{
	struct users *u = open_schemes(
	        "alice wonderland\nerin {SCRAM-SHA-256}15000,W22ZaJ0SNY7soEsUEjb6gQ==,"
	        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n");
	for (int i = 0; i < UNKNOWN; i++) {
		struct password_keys keys;
		char name[32];
		snprintf(name, sizeof name, "mallory%d", i);
		users_scram_salt(u, slice_str(name), &keys);
		iterations[i] = keys.iterations;
	}
	users_free(u);
}

/* Could it be foretold, a name that is not like those which must be like it would be a user's. */
static void whose_secret_an_unknown_name_borrows_stays_and_cannot_be_foretold(void **state)
{
	(void)state;
	uint32_t first[UNKNOWN], again[UNKNOWN], other[UNKNOWN];
	int cheap = 0;
	borrow(first);
	borrow(again);
	assert_memory_equal(first, again, sizeof first);
	assert_int_equal(unlink(".scram-salt-key"), 0);
	borrow(other);
	assert_memory_not_equal(first, other, sizeof first);
	for (int i = 0; i < UNKNOWN; i++)
		cheap += first[i] == 4096;
	assert_in_range(cheap, 8, UNKNOWN - 8); /* all of one kind would tell, too: one run in 10^10 */
}

/* ---- time ---- */

enum { TRIES = 41 };

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of this thread alone: others may keep the machine busy. */
static double work_of(struct users *u, const char *name, int times)
{
	struct timespec before, after;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	for (int i = 0; i < times; i++)
		assert_false(verifies(u, name, "wrong"));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec);
}

static void costs_the_same(const char *text, const char *name, int times)
{
	double known[TRIES], unknown[TRIES];
	struct users *u = open_schemes(text);
	for (int i = 0; i < TRIES; i++) {
		known[i] = work_of(u, name, times);
		unknown[i] = work_of(u, "mallory", times);
	}
	qsort(known, TRIES, sizeof known[0], by_size);
	qsort(unknown, TRIES, sizeof unknown[0], by_size);
	double ratio = unknown[TRIES / 2] / known[TRIES / 2];
	if (ratio < 0.75 || ratio > 1.25)
		fail_msg("%s: an unknown name takes %.2f times what a known one takes", name, ratio);
	users_free(u);
}

static void unknown_name_costs_what_a_known_one_costs(void **state)
{
	(void)state;
	costs_the_same("alice secret\n", "alice", 1000);
	costs_the_same(BOB, "bob", 1);
	costs_the_same(DAVE, "dave", 1);
	costs_the_same(CAROL, "carol", 10);
}

static void each_name_comes_in_the_files_order(void **state)
{
	(void)state;
	struct buf names;
	buf_init(&names, 100);
	put("zoe a\nAlice b\nbob c\n");
	struct users *u = open_users();
	users_each(u, append_name, &names);
	assert_true(slice_equal_text(buf_slice(&names), "zoe;Alice;bob;"));
	buf_release(&names);
	users_free(u);
}

static atomic_bool stop;

static void *look_up(void *users)
{
	size_t wrong = 0;
	while (!atomic_load(&stop)) {
		wrong += !knows(users, "ALICE");
		wrong += !verifies(users, "alice", "pw");
	}
	return (void *)wrong;
}

static void users_are_found_while_the_file_is_read_again(void **state)
{
	(void)state;
	pthread_t threads[3];
	put("alice pw\n");
	struct users *u = open_users();
	atomic_store(&stop, false);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up, u), 0);
	for (int i = 0; i < 300; i++) {
		users_changed(u);
		users_reload(u);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++) {
		void *wrong;
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	users_free(u);
}

#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	buf_init(&reports, 1 << 20);
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(missing_file_says_what_to_create),
		IN_OWN_DIRECTORY(missing_file_of_the_standard_mode_names_the_command),
		IN_OWN_DIRECTORY(file_with_nobody_in_it_is_reported),
		IN_OWN_DIRECTORY(what_is_no_file_is_refused),
		IN_OWN_DIRECTORY(symbolic_link_is_followed),
		IN_OWN_DIRECTORY(name_is_answered_as_the_file_spells_it),
		IN_OWN_DIRECTORY(only_the_whole_password_is_right),
		IN_OWN_DIRECTORY(longest_password_is_compared_whole),
		IN_OWN_DIRECTORY(unchanged_file_is_not_read_again),
		IN_OWN_DIRECTORY(changed_file_is_read_again),
		IN_OWN_DIRECTORY(file_that_is_written_in_place_is_taken_when_it_is_whole),
		IN_OWN_DIRECTORY(replaced_file_is_read_again),
		IN_OWN_DIRECTORY(file_that_was_just_written_is_read_once_more),
		IN_OWN_DIRECTORY(file_that_is_gone_leaves_the_users_and_is_said_once),
		IN_OWN_DIRECTORY(bad_lines_are_reported_at_every_reading),
		IN_OWN_DIRECTORY(callers_directory_may_be_closed),
		IN_OWN_DIRECTORY(secret_of_every_kind_is_checked),
		IN_OWN_DIRECTORY(empty_password_is_nobodys),
		IN_OWN_DIRECTORY(bad_scheme_is_reported_and_the_others_go_on),
		IN_OWN_DIRECTORY(braces_are_letters_where_there_are_no_schemes),
		IN_OWN_DIRECTORY(kinds_of_all_secrets_are_known),
		IN_OWN_DIRECTORY(apop_is_checked_against_passwords_in_clear),
		IN_OWN_DIRECTORY(key_of_salts_outlives_the_server),
		IN_OWN_DIRECTORY(part_of_a_key_of_salts_is_replaced),
		IN_OWN_DIRECTORY(key_of_salts_that_cannot_be_kept_is_reported),
		IN_OWN_DIRECTORY(whose_secret_an_unknown_name_borrows_stays_and_cannot_be_foretold),
		IN_OWN_DIRECTORY(unknown_name_costs_what_a_known_one_costs),
		IN_OWN_DIRECTORY(each_name_comes_in_the_files_order),
		IN_OWN_DIRECTORY(users_are_found_while_the_file_is_read_again),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_release(&reports);
	return failed;
}
