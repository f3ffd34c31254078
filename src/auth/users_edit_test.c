/*
 * A users file after edits: what was changed, what stays, and what becomes of edits that meet or are killed.
 */
#include "auth/users_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int enter(void **state)
{
	static char path[40];
	strcpy(path, "/tmp/users_edit_test.XXXXXX");
	*state = path;
	return !mkdtemp(path) || chdir(path) != 0;
}

static int leave(void **state)
{
	static const char *const files[] = { "users.txt", "elsewhere", ".users.txt.new" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		remove(files[i]);
	return chdir("/") != 0 || rmdir(*state) != 0;
}

static void put(const char *text)
{
	FILE *f = fopen("users.txt", "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void holds(const char *expected)
{
	static char text[1 << 16];
	FILE *f = fopen("users.txt", "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, expected);
	assert_int_not_equal(access(".users.txt.new", F_OK), 0);
}

static bool directories_fail;

/* In place of the system's: a directory that cannot be synced, while somebody else begins to edit. */
int fsync(int fd)
{
	struct stat st;
	if (!directories_fail || fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		return (int)syscall(SYS_fsync, fd);
	close(open(".users.txt.new", O_CREAT | O_WRONLY, 0600));
	errno = EIO;
	return -1;
}

static struct users_edit edit_of(const char *name, const char *secret)
{
	return (struct users_edit){
		.path = "users.txt",
		.form = { .separator = ' ', .schemes = true },
		.name = slice_str(name),
		.secret = secret,
	};
}

static void works(bool (*how)(const struct users_edit *, struct fault *), const char *name, const char *secret)
{
	struct fault why;
	const struct users_edit edit = edit_of(name, secret);
	if (!how(&edit, &why))
		fail_msg("%s", why.text);
}

static void fails(bool (*how)(const struct users_edit *, struct fault *), const char *name, const char *secret,
                  const char *text)
{
	struct fault why = { .kind = FAULT_NONE };
	const struct users_edit edit = edit_of(name, secret);
	assert_false(how(&edit, &why));
	assert_int_not_equal(why.kind, FAULT_NONE);
	if (text && !strstr(why.text, text))
		fail_msg("\"%s\" lacks \"%s\"", why.text, text);
}

static void new_user_comes_last(void **state)
{
	(void)state;
	put("# users\nalice secret\n");
	works(users_edit_add, "bob", "pw");
	holds("# users\nalice secret\nbob pw\n");
	put("alice secret");
	works(users_edit_add, "bob", "pw");
	holds("alice secret\nbob pw\n");
}

static void file_that_is_missing_is_made_for_its_owner_alone(void **state)
{
	(void)state;
	struct stat st;
	works(users_edit_add, "bob", "pw");
	holds("bob pw\n");
	assert_int_equal(stat("users.txt", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(remove("users.txt"), 0);
	fails(users_edit_change, "bob", "pw", "No such file");
	fails(users_edit_remove, "bob", NULL, "No such file");
	assert_int_not_equal(access("users.txt", F_OK), 0);
}

static void other_lines_stay_byte_for_byte(void **state)
{
	(void)state;
	const char *rest = "\xef\xbb\xbf# c\xff\r\n\n  \t \n../bad line here\nmallory {x}y\n\tBob  \t old \r\ncarol pw";
	put(rest);
	works(users_edit_change, "bOB", "new");
	holds("\xef\xbb\xbf# c\xff\r\n\n  \t \n../bad line here\nmallory {x}y\n\tBob  \t new \r\ncarol pw");
	works(users_edit_remove, "bob", NULL);
	holds("\xef\xbb\xbf# c\xff\r\n\n  \t \n../bad line here\nmallory {x}y\ncarol pw");
	works(users_edit_change, "carol", "other");
	holds("\xef\xbb\xbf# c\xff\r\n\n  \t \n../bad line here\nmallory {x}y\ncarol other");
	put("\xef\xbb\xbf"
	    "alice pw\n");
	works(users_edit_change, "alice", "new");
	holds("\xef\xbb\xbf"
	      "alice new\n");
}

static void name_and_secret_that_are_alike_are_not_mixed_up(void **state)
{
	(void)state;
	put("a a\nbob bob\n");
	works(users_edit_change, "bob", "x");
	works(users_edit_change, "a", "y");
	holds("a y\nbob x\n");
}

static void commas_separate_where_the_form_says_so(void **state)
{
	(void)state;
	struct fault why;
	struct users_edit edit = edit_of("bob", "a,b");
	edit.form = (struct users_form){ .separator = ',' };
	put(" alice , pw \n");
	assert_true(users_edit_add(&edit, &why));
	edit.name = slice_str("alice");
	assert_true(users_edit_change(&edit, &why));
	holds(" alice , a,b \nbob,a,b\n");
	edit.name = slice_str("a,b");
	assert_false(users_edit_add(&edit, &why));
}

static void blanks_go_where_they_would_make_the_line_too_long(void **state)
{
	(void)state;
	static char text[USERS_LINE_MAX + 100];
	snprintf(text, sizeof text, "alice a\nBob%*sold%18s\ncarol c\n", 1000, "", "");
	put(text);
	works(users_edit_change, "bob", "new");
	text[8 + 3 + 1000] = 'n', text[8 + 3 + 1001] = 'e', text[8 + 3 + 1002] = 'w';
	holds(text);
	works(users_edit_change, "bob", "longer");
	holds("alice a\nBob longer\ncarol c\n");
	snprintf(text, sizeof text, "bob%*sold", 1000, "");
	put(text);
	works(users_edit_change, "bob", "a-secret-of-more-than-20-octets");
	holds("bob a-secret-of-more-than-20-octets");
}

static void user_that_is_there_is_not_added(void **state)
{
	(void)state;
	put("Alice secret\n");
	fails(users_edit_add, "alice", "pw", "there is a user alice already");
	fails(users_edit_change, "bob", "pw", "there is no user bob");
	fails(users_edit_remove, "bob", NULL, "there is no user bob");
	holds("Alice secret\n");
}

static void second_line_with_a_name_does_not_come_alive(void **state)
{
	(void)state;
	put("alice one\nbob x\nALICE two\n");
	works(users_edit_change, "alice", "three");
	holds("alice three\nbob x\nALICE two\n");
	works(users_edit_remove, "alice", NULL);
	holds("bob x\n");
}

static void what_a_reader_would_refuse_is_not_written(void **state)
{
	(void)state;
	static char text[2000];
	put("alice secret\n");
	static const char *const names[] = { "", ".", "..", ".x", "a/b", "a b", "a\tb", "a\nb", "#a", "\357\273\277a" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		fails(users_edit_add, names[i], "pw", NULL);
	fails(users_edit_add, "", "pw", "the name is empty");
	fails(users_edit_add, "a b", "pw", "may not hold blanks");
	fails(users_edit_add, "#a", "pw", "a comment");
	static const char *const secrets[] = { "", " ", "a b", "a\nb", "a\rb", " a", "a ", "{x}", "{CRYPT}x" };
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		fails(users_edit_add, "bob", secrets[i], NULL);
		fails(users_edit_change, "alice", secrets[i], NULL);
	}
	memset(text, 'a', sizeof text - 1);
	fails(users_edit_add, "bob", text, "longer than 1024");
	fails(users_edit_add, text, "pw", "longer than 64");
	holds("alice secret\n");
}

static void in_the_standard_mode_a_new_name_has_no_domain(void **state)
{
	(void)state;
	struct fault why;
	put("carl@example.org secret\n");
	fails(users_edit_add, "dora@example.org", "pw", "without a domain");
	struct users_edit edit = edit_of("dora@example.org", "pw");
	edit.form.schemes = false;
	assert_true(users_edit_add(&edit, &why));
	works(users_edit_change, "carl@example.org", "pw"); /* who has one is not stuck with it */
	works(users_edit_remove, "carl@example.org", NULL);
	holds("dora@example.org pw\n");
}

static void mode_and_owner_are_kept(void **state)
{
	(void)state;
	struct stat st;
	put("alice secret\n");
	assert_int_equal(chmod("users.txt", 0640), 0);
	bool root = geteuid() == 0;
	if (root)
		assert_int_equal(chown("users.txt", 12345, 12346), 0);
	works(users_edit_add, "bob", "pw");
	assert_int_equal(stat("users.txt", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, root ? 12345 : geteuid());
	assert_int_equal(st.st_gid, root ? 12346 : getegid());
}

static void symbolic_link_stays_one(void **state)
{
	(void)state;
	struct stat st;
	put("alice secret\n");
	assert_int_equal(rename("users.txt", "elsewhere"), 0);
	assert_int_equal(symlink("elsewhere", "users.txt"), 0);
	works(users_edit_add, "bob", "pw");
	holds("alice secret\nbob pw\n");
	assert_int_equal(lstat("users.txt", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void edits_that_meet_are_all_there(void **state)
{
	(void)state;
	enum { EDITORS = 8, EACH = 10 };
	struct fault why;
	char name[20], spelled[USERS_NAME_MAX + 1];
	for (int i = 0; i < EDITORS; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid > 0)
			continue;
		for (int k = 0; k < EACH; k++) {
			snprintf(name, sizeof name, "user%d-%d", i, k);
			const struct users_edit edit = edit_of(name, "pw");
			if (!users_edit_add(&edit, &why))
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < EDITORS; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	const struct users_form form = { .separator = ' ' };
	struct users *u = users_open(AT_FDCWD, ".", "users.txt", &form, NULL, &why);
	assert_non_null(u);
	for (int i = 0; i < EDITORS * EACH; i++) {
		snprintf(name, sizeof name, "user%d-%d", i / EACH, i % EACH);
		if (!users_find(u, slice_str(name), spelled))
			fail_msg("%s is lost", name);
	}
	users_free(u);
}

/* One user, whose secret an editor changes without end, until it is killed. */
static void killed_edit_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	static char text[64];
	struct fault why;
	put("alice aaaaaaaa\n");
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			for (int k = 0;; k++) {
				const struct users_edit edit = edit_of("alice", k % 2 ? "aaaaaaaa" : "bbbbbbbb");
				if (!users_edit_change(&edit, &why))
					_exit(1);
			}
		}
		usleep((useconds_t)(i * 100));
		assert_int_equal(kill(pid, SIGKILL), 0);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		FILE *f = fopen("users.txt", "r");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof text, f));
		fclose(f);
		if (strcmp(text, "alice aaaaaaaa\n") != 0 && strcmp(text, "alice bbbbbbbb\n") != 0)
			fail_msg("after %d: \"%s\"", i, text);
	}
	works(users_edit_change, "alice", "last");
	holds("alice last\n");
}

static void lock_that_is_held_is_waited_for(void **state)
{
	(void)state;
	put("alice secret\n");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };
		int fd = open("users.txt", O_RDWR);
		if (fcntl(fd, F_OFD_SETLK, &lock) != 0)
			_exit(1);
		remove("elsewhere");
		close(open("elsewhere", O_CREAT | O_WRONLY, 0600));
		usleep(150 * 1000);
		_exit(write(fd, "alice SECRET\n", 13) == 13 ? 0 : 1);
	}
	while (access("elsewhere", F_OK) != 0)
		usleep(1000);
	works(users_edit_add, "bob", "pw");
	holds("alice SECRET\nbob pw\n");
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void directory_that_cannot_be_synced_leaves_the_next_editor_his_file(void **state)
{
	(void)state;
	put("alice secret\n");
	directories_fail = true;
	fails(users_edit_add, "bob", "pw", "users.txt is written anew, and a loss of power may undo that");
	directories_fail = false;
	assert_int_equal(remove(".users.txt.new"), 0);
	holds("alice secret\nbob pw\n");
}

#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(new_user_comes_last),
		IN_OWN_DIRECTORY(file_that_is_missing_is_made_for_its_owner_alone),
		IN_OWN_DIRECTORY(other_lines_stay_byte_for_byte),
		IN_OWN_DIRECTORY(name_and_secret_that_are_alike_are_not_mixed_up),
		IN_OWN_DIRECTORY(commas_separate_where_the_form_says_so),
		IN_OWN_DIRECTORY(blanks_go_where_they_would_make_the_line_too_long),
		IN_OWN_DIRECTORY(user_that_is_there_is_not_added),
		IN_OWN_DIRECTORY(second_line_with_a_name_does_not_come_alive),
		IN_OWN_DIRECTORY(what_a_reader_would_refuse_is_not_written),
		IN_OWN_DIRECTORY(in_the_standard_mode_a_new_name_has_no_domain),
		IN_OWN_DIRECTORY(mode_and_owner_are_kept),
		IN_OWN_DIRECTORY(symbolic_link_stays_one),
		IN_OWN_DIRECTORY(edits_that_meet_are_all_there),
		IN_OWN_DIRECTORY(killed_edit_leaves_the_old_or_the_new),
		IN_OWN_DIRECTORY(lock_that_is_held_is_waited_for),
		IN_OWN_DIRECTORY(directory_that_cannot_be_synced_leaves_the_next_editor_his_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
