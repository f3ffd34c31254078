/*
 * Attempts to log in: answered once, at once where nothing has to be waited for, and else on the loop.
 */
#include "server/login.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "server/penalty.h"
#include "server/turns.h"

#define ALICE "alice secret\n"
#define CAROL "carol {CRYPT}rl.3StKT.4T8M\n" /* rasmuslerdorf */

/* A site with nothing but users, and one party. */
struct lab {
	struct course course;
	struct options options;
	struct site site;
	struct session session;
	struct session_tls tls;
	struct login_party party;
	struct login *login;
	int answers;
	struct login_answer last;
	char user[USERS_NAME_MAX + 1];
	char challenge[256];
	bool looping;
	void (*then)(struct lab *); /* inside the answer */
	struct pause end;           /* of a run of the loop */
};

static int enter(void **state)
{
	static char path[40];
	strcpy(path, "/tmp/login_test.XXXXXX");
	*state = path;
	return !mkdtemp(path) || chdir(path) != 0;
}

static int leave(void **state)
{
	remove("users.txt");
	remove(".scram-salt-key");
	return chdir("/") != 0 || rmdir(*state) != 0;
}

static void put(const char *text)
{
	FILE *f = fopen("users.txt", "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void answered(void *owner, const struct login_answer *answer)
{
	struct lab *lab = owner;
	lab->answers++;
	lab->last = *answer;
	snprintf(lab->user, sizeof lab->user, "%s", answer->user ? answer->user : "");
	snprintf(lab->challenge, sizeof lab->challenge, "%s", answer->challenge ? answer->challenge : "");
	assert_int_equal(answer->user != NULL, answer->result == LOGIN_OK);
	assert_int_equal(answer->challenge != NULL, answer->result == LOGIN_CHALLENGE);
	if (lab->looping)
		loop_stop(lab->party.loop);
	if (lab->then)
		lab->then(lab);
}

static void report(const char *text)
{
	fail_msg("%s", text);
}

static void lab_init(struct lab *lab, const char *users, const char *peer)
{
	struct fault why;
	put(users);
	usleep(80 * 1000); /* a file that was just written is read once more */
	*lab = (struct lab){ .course = { .standard = true, .separator = ' ' } };
	const struct users_form form = { .separator = ' ', .schemes = true };
	lab->site.course = &lab->course;
	lab->site.options = &lab->options;
	pthread_mutex_init(&lab->site.refreshing, NULL);
	lab->site.users = users_open(AT_FDCWD, ".", "users.txt", &form, report, &why);
	assert_non_null(lab->site.users);
	lab->site.store = memory_store_new(&why);
	assert_non_null(lab->site.store);
	lab->party = (struct login_party){
		.site = &lab->site, .session = &lab->session, .peer = peer, .answered = answered, .owner = lab
	};
}

/* With threads, as in a server. */
static void lab_start_loop(struct lab *lab)
{
	struct fault why;
	lab->party.loop = loop_new(&why);
	lab->site.jobs = jobs_new(2, &why);
	lab->site.hashing = jobs_new(2, &why);
	assert_true(lab->party.loop && lab->site.jobs && lab->site.hashing);
	lab->site.turns = turns_new(lab->site.hashing, 2);
}

static void lab_login(struct lab *lab)
{
	lab->login = login_new(&lab->party);
	assert_non_null(lab->login);
}

static void lab_release(struct lab *lab)
{
	login_free(lab->login);
	jobs_free(lab->site.hashing);
	jobs_free(lab->site.jobs);
	turns_free(lab->site.turns);
	loop_free(lab->party.loop);
	penalty_free(lab->site.penalty);
	lab->site.store->ops->free(lab->site.store);
	users_free(lab->site.users);
	pthread_mutex_destroy(&lab->site.refreshing);
}

static void answers(struct lab *lab, int count, enum login_result result)
{
	assert_int_equal(lab->answers, count);
	assert_int_equal(lab->last.result, result);
}

static void begin(struct lab *lab, const char *mechanism, const char *initial)
{
	struct slice response = slice_str(initial ? initial : "");
	login_begin(lab->login, slice_str(mechanism), initial ? &response : NULL);
}

#define PLAIN_ALICE "AGFsaWNlAHNlY3JldA=="
#define PLAIN_WRONG "AGFsaWNlAHdyb25n"

static void what_takes_no_time_is_answered_inside_the_call(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "192.0.2.1");
	lab_start_loop(&lab);
	lab.options.plaintext = true;
	lab_login(&lab);
	login_password(lab.login, slice_str("ALICE"), slice_str("secret"));
	answers(&lab, 1, LOGIN_OK);
	assert_string_equal(lab.user, "alice");
	login_password(lab.login, slice_str("alice"), slice_str("Secret"));
	answers(&lab, 2, LOGIN_WRONG);
	login_password(lab.login, slice_make(NULL, 0), slice_make(NULL, 0));
	answers(&lab, 3, LOGIN_WRONG);
	begin(&lab, "PLAIN", PLAIN_ALICE);
	answers(&lab, 4, LOGIN_OK);
	begin(&lab, "PLAIN", PLAIN_WRONG);
	answers(&lab, 5, LOGIN_WRONG);
	begin(&lab, "PLAIN", "?");
	answers(&lab, 6, LOGIN_MALFORMED);
	begin(&lab, "NTLM", NULL);
	answers(&lab, 7, LOGIN_NO_MECHANISM);
	lab_release(&lab);
}

static void exchange_goes_on_from_challenge_to_challenge(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "127.0.0.1");
	lab_login(&lab);
	begin(&lab, "login", NULL);
	answers(&lab, 1, LOGIN_CHALLENGE);
	assert_string_equal(lab.challenge, "VXNlcm5hbWU6");
	login_step(lab.login, slice_str("YWxpY2U="));
	answers(&lab, 2, LOGIN_CHALLENGE);
	assert_string_equal(lab.challenge, "UGFzc3dvcmQ6");
	login_step(lab.login, slice_str("c2VjcmV0"));
	answers(&lab, 3, LOGIN_OK);
	assert_string_equal(lab.user, "alice");
	begin(&lab, "PLAIN", NULL);
	answers(&lab, 4, LOGIN_CHALLENGE);
	assert_string_equal(lab.challenge, "");
	login_step(lab.login, slice_str(PLAIN_ALICE));
	answers(&lab, 5, LOGIN_OK);
	lab_release(&lab);
}

static void apop_works_with_passwords_in_clear_alone(void **state)
{
	(void)state;
	struct slice stamp = slice_str("<1896.697170952@dbc.mtview.ca.us>"); /* RFC 1939 section 7 */
	struct slice digest = slice_str("c4c9334bac560ecc979e58001b3e22fb");
	struct lab lab;
	lab_init(&lab, "mrose tanstaaf\n", "127.0.0.1");
	lab_login(&lab);
	assert_true(login_apop_offered(&lab.site));
	login_apop(lab.login, slice_str("mrose"), stamp, digest);
	answers(&lab, 1, LOGIN_OK);
	login_apop(lab.login, slice_str("mrosf"), stamp, digest);
	answers(&lab, 2, LOGIN_WRONG);
	login_apop(lab.login, slice_str("mrose"), slice_skip(stamp, 1), digest);
	answers(&lab, 3, LOGIN_WRONG);
	login_apop(lab.login, slice_str("mrose"), stamp, slice_make(digest.ptr, 31));
	answers(&lab, 4, LOGIN_WRONG);
	put("mrose tanstaaf\n" CAROL);
	users_reload(lab.site.users);
	assert_false(login_apop_offered(&lab.site));
	lab_release(&lab);
}

/* ---- threads ---- */

static void waits_for(struct lab *lab, int count, enum login_result result)
{
	assert_int_equal(lab->answers, count - 1);
	lab->looping = true;
	loop_run(lab->party.loop);
	lab->looping = false;
	answers(lab, count, result);
}

static void what_hashes_is_answered_later_on_the_loop(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE CAROL, "127.0.0.1");
	lab_start_loop(&lab);
	lab_login(&lab);
	login_password(lab.login, slice_str("carol"), slice_str("rasmuslerdorf"));
	waits_for(&lab, 1, LOGIN_OK);
	assert_string_equal(lab.user, "carol");
	login_password(lab.login, slice_str("alice"), slice_str("secret"));
	waits_for(&lab, 2, LOGIN_OK);
	login_password(lab.login, slice_str("nobody"), slice_str("secret"));
	waits_for(&lab, 3, LOGIN_WRONG);
	begin(&lab, "PLAIN", PLAIN_ALICE);
	waits_for(&lab, 4, LOGIN_OK);
	begin(&lab, "LOGIN", NULL); /* the question takes no time */
	answers(&lab, 5, LOGIN_CHALLENGE);
	lab_release(&lab);
}

static void server_that_ends_hashes_no_more(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE CAROL, "192.0.2.1");
	lab_start_loop(&lab);
	lab.site.penalty = penalty_new(false);
	atomic_store(&lab.site.ending, true);
	lab_login(&lab);
	login_password(lab.login, slice_str("carol"), slice_str("rasmuslerdorf"));
	waits_for(&lab, 1, LOGIN_FAULT);
	login_password(lab.login, slice_str("carol"), slice_str("wrong"));
	waits_for(&lab, 2, LOGIN_FAULT);
	assert_int_equal(penalty_wait(lab.site.penalty, "192.0.2.1"), 0);
	lab_release(&lab);
}

static void changed_users_file_is_read_before_the_check(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "127.0.0.1");
	lab_login(&lab);
	login_password(lab.login, slice_str("dave"), slice_str("pw"));
	answers(&lab, 1, LOGIN_WRONG);
	put(ALICE CAROL "dave pw\n");
	login_password(lab.login, slice_str("dave"), slice_str("pw"));
	answers(&lab, 2, LOGIN_OK);
	lab_release(&lab);
}

/* ---- addresses that fail ---- */

static int64_t frozen(void)
{
	return 1000 * 1000;
}

/* SCRAM has to wait until carol, whose hash it cannot use, is gone. */
static void a_mechanism_is_judged_by_the_users_who_are_there_now(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, CAROL, "192.0.2.1");
	lab_start_loop(&lab);
	lab_login(&lab);
	put(ALICE);
	begin(&lab, "SCRAM-SHA-256", NULL);
	waits_for(&lab, 1, LOGIN_CHALLENGE);
	lab_release(&lab);
}

static void failed_address_waits_and_then_is_answered(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "192.0.2.1");
	lab_start_loop(&lab);
	lab.options.plaintext = true;
	lab.site.penalty = penalty_new(false);
	lab_login(&lab);
	login_password(lab.login, slice_str("alice"), slice_str("wrong"));
	answers(&lab, 1, LOGIN_WRONG);
	assert_in_range(penalty_wait(lab.site.penalty, "192.0.2.1"), 1500, 2000);
	int64_t began = clock_ms();
	begin(&lab, "PLAIN", NULL); /* nothing is tried yet */
	answers(&lab, 2, LOGIN_CHALLENGE);
	login_step(lab.login, slice_str(PLAIN_ALICE));
	waits_for(&lab, 3, LOGIN_OK);
	assert_in_range(clock_ms() - began, 1400, 5000);
	assert_int_equal(penalty_wait(lab.site.penalty, "192.0.2.1"), 0);
	lab_release(&lab);
}

enum { GUESSERS = 20 };

static void guessed(void *owner, const struct login_answer *answer)
{
	(void)answer;
	++*(int *)owner;
}

static void stop_the_loop(struct pause *p, bool cut)
{
	(void)cut;
	loop_stop(((struct lab *)((char *)p - offsetof(struct lab, end)))->party.loop);
}

static void run_for(struct lab *lab, int ms)
{
	lab->end.over = stop_the_loop;
	assert_true(loop_pause(lab->party.loop, &lab->end, ms));
	loop_run(lab->party.loop);
}

/* `users` with a hash, and without: each has its own way to the check. */
static void guess_together(const char *users, const char *name)
{
	struct lab lab;
	struct login *logins[GUESSERS];
	int guesses = 0;
	lab_init(&lab, users, "192.0.2.1");
	lab_start_loop(&lab);
	lab.options.plaintext = true;
	lab.site.penalty = penalty_new(false);
	penalty_note(lab.site.penalty, "192.0.2.1", false);
	lab.party.answered = guessed;
	lab.party.owner = &guesses;
	for (int i = 0; i < GUESSERS; i++) {
		logins[i] = login_new(&lab.party);
		assert_non_null(logins[i]);
		login_password(logins[i], slice_str(name), slice_str("wrong"));
	}
	run_for(&lab, 1000);
	assert_int_equal(guesses, 0);
	run_for(&lab, 2000);
	assert_int_equal(guesses, 1);
	loop_cut_pauses(lab.party.loop);
	assert_int_equal(guesses, GUESSERS);
	for (int i = 0; i < GUESSERS; i++)
		login_free(logins[i]);
	lab_release(&lab);
}

static void many_connections_of_one_address_guess_one_by_one(void **state)
{
	(void)state;
	guess_together(ALICE, "alice");
	guess_together(ALICE CAROL, "carol");
}

static void what_counts_as_a_failure(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "192.0.2.1");
	lab.options.plaintext = true;
	lab.site.penalty = penalty_new(false);
	penalty_set_clock(lab.site.penalty, frozen);
	lab_login(&lab);
	begin(&lab, "NTLM", NULL);
	begin(&lab, "PLAIN", "?");
	begin(&lab, "PLAIN", NULL);
	begin(&lab, "PLAIN", PLAIN_ALICE);
	assert_int_equal(penalty_wait(lab.site.penalty, "192.0.2.1"), 0);
	begin(&lab, "PLAIN", NULL);
	login_cancel(lab.login);
	assert_int_equal(penalty_wait(lab.site.penalty, "192.0.2.1"), 2000);
	begin(&lab, "PLAIN", PLAIN_WRONG);
	assert_int_equal(penalty_wait(lab.site.penalty, "192.0.2.1"), 4000);
	login_apop(lab.login, slice_str("alice"), slice_str("<a@b>"), slice_str("x"));
	assert_int_equal(penalty_wait(lab.site.penalty, "192.0.2.1"), 8000);
	lab_release(&lab);
}

/* ---- in clear ---- */

static void plaintext_is(struct lab *lab, const char *peer, bool expected)
{
	char list[SASL_LIST_MAX];
	lab->party.peer = peer;
	assert_int_equal(login_plaintext_allowed(&lab->party), expected);
	login_mechanisms(&lab->party, list);
	assert_int_equal(strstr(list, "PLAIN") != NULL, expected);
	lab_login(lab);
	begin(lab, "PLAIN", PLAIN_ALICE);
	assert_int_equal(lab->last.result, expected ? LOGIN_OK : LOGIN_NEEDS_TLS);
	login_free(lab->login);
	lab->login = NULL;
}

static void password_crosses_in_clear_only_where_it_may(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "192.0.2.1");
	plaintext_is(&lab, "192.0.2.1", false);
	plaintext_is(&lab, "2001:db8::1", false);
	plaintext_is(&lab, "127.0.0.1", true);
	plaintext_is(&lab, "::1", true);
	plaintext_is(&lab, "::ffff:127.0.0.1", true);
	lab.session.tls = &lab.tls;
	plaintext_is(&lab, "192.0.2.1", true);
	lab.session.tls = NULL;
	lab.options.plaintext = true;
	plaintext_is(&lab, "192.0.2.1", true);
	lab.options.plaintext = false;
	lab.course.standard = false;
	plaintext_is(&lab, "192.0.2.1", true);
	lab_release(&lab);
}

static void binding_is_offered_over_tls_alone(void **state)
{
	(void)state;
	char list[SASL_LIST_MAX];
	struct lab lab;
	lab_init(&lab, ALICE, "192.0.2.1");
	memset(lab.tls.binding, 7, sizeof lab.tls.binding);
	lab.tls.has_binding = true;
	login_mechanisms(&lab.party, list);
	assert_string_equal(list, "SCRAM-SHA-256");
	lab.session.tls = &lab.tls;
	login_mechanisms(&lab.party, list);
	assert_string_equal(list, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
	lab_release(&lab);
}

/* ---- inside an answer ---- */

static void try_again(struct lab *lab)
{
	if (lab->answers < 3)
		begin(lab, "PLAIN", lab->answers == 1 ? PLAIN_WRONG : PLAIN_ALICE);
}

static void next_attempt_may_begin_inside_the_answer(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE, "127.0.0.1");
	lab_login(&lab);
	lab.then = try_again;
	begin(&lab, "PLAIN", PLAIN_WRONG);
	answers(&lab, 3, LOGIN_OK);
	lab_release(&lab);
}

static void end_it(struct lab *lab)
{
	login_free(lab->login);
	lab->login = NULL;
}

static void login_may_end_inside_the_answer(void **state)
{
	(void)state;
	struct lab lab;
	lab_init(&lab, ALICE CAROL, "127.0.0.1");
	lab_start_loop(&lab);
	lab.then = end_it;
	lab_login(&lab);
	login_password(lab.login, slice_str("alice"), slice_str("secret"));
	waits_for(&lab, 1, LOGIN_OK);
	lab_login(&lab);
	begin(&lab, "PLAIN", NULL);
	answers(&lab, 2, LOGIN_CHALLENGE);
	lab_release(&lab);
}

#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(what_takes_no_time_is_answered_inside_the_call),
		IN_OWN_DIRECTORY(exchange_goes_on_from_challenge_to_challenge),
		IN_OWN_DIRECTORY(apop_works_with_passwords_in_clear_alone),
		IN_OWN_DIRECTORY(what_hashes_is_answered_later_on_the_loop),
		IN_OWN_DIRECTORY(server_that_ends_hashes_no_more),
		IN_OWN_DIRECTORY(changed_users_file_is_read_before_the_check),
		IN_OWN_DIRECTORY(a_mechanism_is_judged_by_the_users_who_are_there_now),
		IN_OWN_DIRECTORY(failed_address_waits_and_then_is_answered),
		IN_OWN_DIRECTORY(many_connections_of_one_address_guess_one_by_one),
		IN_OWN_DIRECTORY(what_counts_as_a_failure),
		IN_OWN_DIRECTORY(password_crosses_in_clear_only_where_it_may),
		IN_OWN_DIRECTORY(binding_is_offered_over_tls_alone),
		IN_OWN_DIRECTORY(next_attempt_may_begin_inside_the_answer),
		IN_OWN_DIRECTORY(login_may_end_inside_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
