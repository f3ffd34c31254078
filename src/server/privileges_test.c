/*
 * privileges: who a process is after it has given root's rights up, and that there is no way back. Needs root; each test tries it in a child process.
 */
#include "server/privileges.h"

#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char place[] = "/tmp/postroom-privileges-XXXXXX";
static struct fault why;

enum { NOBODYS_ID = 54321 }; /* of no user */

static int open_owned_by(uid_t user)
{
	int dir = open(place, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	assert_int_equal(fchown(dir, user, user), 0);
	return dir;
}

/* The child's exit status. */
static int in_child(int (*act)(int dir), int dir)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(act(dir));
	assert_int_equal(waitpid(child, &status, 0), child);
	close(dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_wholly(uid_t user)
{
	uid_t real, effective, saved;
	gid_t groups[64];
	getresuid(&real, &effective, &saved);
	return real == user && effective == user && saved == user && getgroups(64, groups) <= 8;
}

static int become_owner(int dir)
{
	char name[PRIVILEGES_NAME_MAX];
	if (!privileges_drop(NULL, dir, name, &why) || !is_wholly(NOBODYS_ID) || *name)
		return 1;
	return setuid(0) == 0 || setgid(0) == 0 || open("/etc/shadow", O_RDONLY) >= 0 ? 2 : 0;
}

static void the_owner_of_the_directory_is_who_goes_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(become_owner, open_owned_by(NOBODYS_ID)), 0);
}

static int become_nobody(int dir)
{
	char name[PRIVILEGES_NAME_MAX];
	struct passwd *nobody = getpwnam("nobody");
	if (!nobody || !privileges_drop("nobody", dir, name, &why))
		return 1;
	return is_wholly(nobody->pw_uid) && strcmp(name, "nobody") == 0 ? 0 : 2;
}

static void a_user_may_be_named(void **state)
{
	(void)state;
	assert_int_equal(in_child(become_nobody, open_owned_by(0)), 0);
}

static int stay_root(int dir)
{
	char name[PRIVILEGES_NAME_MAX];
	if (!privileges_drop(NULL, dir, name, &why) || !is_wholly(0) || strcmp(name, "root") != 0)
		return 1;
	/* Files of others are still read; nothing else of root's is left. */
	if (fchown(dir, NOBODYS_ID, NOBODYS_ID) != 0 || open(place, O_RDONLY | O_DIRECTORY) < 0)
		return 2;
	/* The system's own call: setuid() wants all threads to be alike, and a sanitizer has one of its own. */
	return syscall(SYS_setuid, NOBODYS_ID) == 0 || chroot("/tmp") == 0 || nice(-1) != -1 ? 3 : 0;
}

static void where_root_owns_the_mailboxes_only_powers_over_files_are_kept(void **state)
{
	(void)state;
	assert_int_equal(in_child(stay_root, open_owned_by(0)), 0);
}

static int become_a_stranger(int dir)
{
	char name[PRIVILEGES_NAME_MAX];
	if (privileges_drop("no-such-user-here", dir, name, &why) || why.kind != FAULT_PERMANENT)
		return 1;
	return strcmp(why.text, "--user 'no-such-user-here': there is no such user on this machine") == 0 ? 0 : 2;
}

static void an_unknown_user_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(become_a_stranger, open_owned_by(0)), 0);
}

static int become_another_without_root(int dir)
{
	char name[PRIVILEGES_NAME_MAX];
	if (setuid(NOBODYS_ID) != 0 || privileges_drop("nobody", dir, name, &why))
		return 1;
	return strstr(why.text, "only root can become another user") && privileges_drop(NULL, dir, name, &why) ? 0 : 2;
}

static void who_is_not_root_stays_who_he_is(void **state)
{
	(void)state;
	assert_int_equal(in_child(become_another_without_root, open_owned_by(0)), 0);
}

static int make_place(void **state)
{
	(void)state;
	return mkdtemp(place) && chmod(place, 0755) == 0 ? 0 : -1;
}

static int remove_place(void **state)
{
	(void)state;
	return rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_of_the_directory_is_who_goes_on),
		cmocka_unit_test(a_user_may_be_named),
		cmocka_unit_test(where_root_owns_the_mailboxes_only_powers_over_files_are_kept),
		cmocka_unit_test(an_unknown_user_is_refused),
		cmocka_unit_test(who_is_not_root_stays_who_he_is),
	};
	if (geteuid() != 0)
		return 0;
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
