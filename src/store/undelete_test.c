/*
 * undelete_test: removed mails that can be taken back, and mails that go by themselves: what stays, what comes back, and what never does.
 */
#include "store/undelete.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/file_lab_suite.h"
#include "store/kept.h"
#include "store/store_suite.h"

#define TEXTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define NOTHING ((const char *const[]){ NULL })

enum { DAY = 86400 };
static const time_t start = 1800000000;
static struct fault why;

static int set_up(void **state)
{
	clock_freeze(start);
	file_lab_set_up(state);
	((struct store *)*state)->undelete = 7 * DAY;
	return 0;
}

static int tear_down(void **state)
{
	clock_freeze(0);
	return file_lab_tear_down(state);
}

static void deliver_all(struct store *s, const char *const *texts)
{
	for (; *texts; texts++)
		suite_deliver(s, "alice", *texts);
}

static void expect_removed(struct store *s, const char *const *texts)
{
	size_t n = 0;
	struct maildrop *m = file_store_look_removed(s, "alice", &why);
	if (!m)
		fail_msg("look: %s", why.text);
	for (; texts[n]; n++)
		suite_expect(m, n, texts[n]);
	assert_int_equal(m->ops->count(m), n);
	m->ops->close(m);
}

/* Bit i of `which`: the i-th removed mail. */
static bool take_back(struct store *s, unsigned char which)
{
	struct maildrop *m = file_store_look_removed(s, "alice", &why);
	assert_non_null(m);
	bool done = file_store_undelete(m, &which, &why);
	m->ops->close(m);
	return done;
}

static struct store_expiry expire(struct store *s, struct store_expiry e)
{
	e.now = clock_wall();
	if (!file_store_expire(s, "alice", &e, &why))
		fail_msg("expire: %s", why.text);
	return e;
}

static uint64_t mailbox_size(void)
{
	struct stat st;
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	return (uint64_t)st.st_size;
}

static void a_removed_mail_comes_back_in_its_place_with_its_id(void **state)
{
	struct store *s = *state;
	char before[STORE_UID_MAX], after[STORE_UID_MAX];
	deliver_all(s, TEXTS("one\n", "two\n", "three\n"));
	struct maildrop *m = suite_open(s, "alice");
	suite_uid(m, 1, before);
	m->ops->close(m);
	suite_remove(s, "alice", 1);
	suite_expect_all(s, "alice", TEXTS("one\n", "three\n"));
	expect_removed(s, TEXTS("two\n"));
	suite_deliver(s, "alice", "four\n");
	assert_true(take_back(s, 1));
	suite_expect_all(s, "alice", TEXTS("one\n", "two\n", "three\n", "four\n"));
	expect_removed(s, NOTHING);
	m = suite_open(s, "alice");
	suite_uid(m, 1, after);
	m->ops->close(m);
	assert_string_equal(before, after);
}

static void nothing_comes_back_of_itself(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n", "three\n"));
	suite_remove(s, "alice", 2);
	suite_remove(s, "alice", 0);
	for (int i = 0; i < 2; i++) {
		suite_expect_all(s, "alice", TEXTS("two\n"));
		expect_removed(s, TEXTS("one\n", "three\n"));
		unlink(file_lab_path("alice/.mymailbox.index"));
	}
	s->ops->tidy(s, "alice");
	suite_expect_all(s, "alice", TEXTS("two\n"));
	expect_removed(s, TEXTS("one\n", "three\n"));
}

static void one_of_equal_mails_comes_back_as_itself(void **state)
{
	struct store *s = *state;
	char ids[3][STORE_UID_MAX], id[STORE_UID_MAX];
	deliver_all(s, TEXTS("equal\n", "equal\n", "equal\n"));
	struct maildrop *m = suite_open(s, "alice");
	for (size_t i = 0; i < 3; i++)
		suite_uid(m, i, ids[i]);
	m->ops->close(m);
	suite_remove(s, "alice", 1);
	suite_deliver(s, "alice", "equal\n");
	assert_true(take_back(s, 1));
	for (int round = 0; round < 2; round++) {
		m = suite_open(s, "alice");
		assert_int_equal(m->ops->count(m), 4);
		for (size_t i = 0; i < 3; i++) {
			suite_uid(m, i, id);
			assert_string_equal(id, ids[i]);
		}
		suite_uid(m, 3, id);
		m->ops->close(m);
		for (size_t i = 0; i < 3; i++)
			assert_string_not_equal(id, ids[i]);
		/* A scan goes by marks that cancel one another out. */
		file_lab_write("alice/mymailbox", "a", "\n");
	}
}

static void removed_taken_back_and_removed_again(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n"));
	for (int i = 0; i < 3; i++) {
		suite_remove(s, "alice", 0);
		expect_removed(s, TEXTS("one\n"));
		suite_expect_all(s, "alice", TEXTS("two\n"));
		unlink(file_lab_path("alice/.mymailbox.index"));
		suite_expect_all(s, "alice", TEXTS("two\n"));
		assert_true(take_back(s, 1));
		suite_expect_all(s, "alice", TEXTS("one\n", "two\n"));
		unlink(file_lab_path("alice/.mymailbox.index"));
		suite_expect_all(s, "alice", TEXTS("one\n", "two\n"));
		clock_freeze(start + i);
	}
}

static void when_the_time_is_over_it_is_gone(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n", "three\n"));
	suite_remove(s, "alice", 0);
	clock_freeze(start + 5 * DAY);
	suite_remove(s, "alice", 1);
	assert_int_equal(expire(s, (struct store_expiry){ .age = 0 }).next, start + 7 * DAY);
	expect_removed(s, TEXTS("one\n", "three\n"));
	clock_freeze(start + 7 * DAY);
	expect_removed(s, TEXTS("three\n"));
	assert_int_equal(expire(s, (struct store_expiry){ .age = 0 }).next, start + 12 * DAY);
	/* Cut for good; what can be taken back is carried over. */
	file_lab_expect("alice/mymailbox", "two\n.\nthree\n.\n");
	suite_expect_all(s, "alice", TEXTS("two\n"));
	unlink(file_lab_path("alice/.mymailbox.index"));
	suite_expect_all(s, "alice", TEXTS("two\n"));
	expect_removed(s, TEXTS("three\n"));
	assert_true(take_back(s, 1));
	suite_expect_all(s, "alice", TEXTS("two\n", "three\n"));
	assert_int_equal(expire(s, (struct store_expiry){ .age = 0 }).next, INT64_MAX);
}

static void what_is_removed_after_a_rewrite_is_marked_beside_what_it_kept(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n", "three\n", "four\n"));
	suite_remove(s, "alice", 1);
	s->undelete = 0;
	suite_remove(s, "alice", 0);
	s->undelete = DAY;
	suite_remove(s, "alice", 0);
	for (int i = 0; i < 2; i++) {
		suite_expect_all(s, "alice", TEXTS("four\n"));
		expect_removed(s, TEXTS("two\n", "three\n"));
		unlink(file_lab_path("alice/.mymailbox.index"));
	}
}

static void a_program_without_a_window_keeps_what_others_have_kept(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n", "three\n", "four\n"));
	suite_remove(s, "alice", 1);
	s->undelete = 0;
	suite_remove(s, "alice", 0);
	file_lab_expect("alice/mymailbox", "two\n.\nthree\n.\nfour\n.\n");
	suite_remove(s, "alice", 1);
	file_lab_expect("alice/mymailbox", "two\n.\nthree\n.\n");
	suite_expect_all(s, "alice", TEXTS("three\n"));
	expect_removed(s, TEXTS("two\n"));
	assert_true(take_back(s, 1));
	suite_expect_all(s, "alice", TEXTS("two\n", "three\n"));
}

/* The process died after the mailbox was replaced, and before its marks were. */
static void marks_of_a_rewrite_hold_before_they_are_in_place(void **state)
{
	struct store *s = *state;
	struct file_look look;
	deliver_all(s, TEXTS("one\n", "two\n"));
	struct draft *d = suite_draft(s, "two\n");
	struct mark mark = { .offset = 6, .until = start + DAY };
	struct mark other = { .offset = 0 };
	memcpy(mark.hash, draft_hash(d), DRAFT_HASH);
	draft_free(d);
	int dir = open(file_lab_path("alice"), O_RDONLY | O_DIRECTORY);
	assert_true(file_look_at(dir, "mymailbox", &look));
	assert_true(marks_add(dir, ".mymailbox.deleted", &other, 1, &why));
	assert_true(marks_name_successor(dir, ".mymailbox.deleted", &look, &mark, 1, &why));
	assert_true(file_lab_has("alice/.mymailbox.deleted.new"));
	suite_expect_all(s, "alice", TEXTS("one\n"));
	assert_false(file_lab_has("alice/.mymailbox.deleted.new"));
	expect_removed(s, TEXTS("two\n"));
	/* It was never replaced: they are nobody's. */
	look.inode++;
	assert_true(marks_name_successor(dir, ".mymailbox.deleted", &look, &other, 1, &why));
	unlink(file_lab_path("alice/.mymailbox.index"));
	expect_removed(s, TEXTS("two\n"));
	assert_false(file_lab_has("alice/.mymailbox.deleted.new"));
	close(dir);
}

static uint64_t old_check(const void *entries, size_t size, uint64_t n)
{
	const unsigned char *octet = entries;
	uint64_t sum = 0xcbf29ce484222325u ^ n;
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ octet[i]) * 0x100000001b3u;
	return sum;
}

/* As the store wrote them before there was a time in them. */
static void marks_of_the_first_version_count(void **state)
{
	struct store *s = *state;
	struct {
		char magic[8];
		uint64_t inode, birth, count, check, offset;
		unsigned char hash[DRAFT_HASH];
	} old = { .magic = "PRMARK1", .count = 1, .offset = 0 };
	deliver_all(s, TEXTS("one\n", "two\n", "three\n"));
	struct draft *d = suite_draft(s, "one\n");
	memcpy(old.hash, draft_hash(d), DRAFT_HASH);
	draft_free(d);
	old.check = old_check(&old.offset, sizeof old.offset + sizeof old.hash, 1);
	file_lab_write_octets("alice/.mymailbox.deleted", "w", (const char *)&old, sizeof old);
	suite_expect_all(s, "alice", TEXTS("two\n", "three\n"));
	expect_removed(s, NOTHING);
	suite_remove(s, "alice", 0);
	suite_expect_all(s, "alice", TEXTS("three\n"));
	expect_removed(s, TEXTS("two\n"));
	unlink(file_lab_path("alice/.mymailbox.index"));
	suite_expect_all(s, "alice", TEXTS("three\n"));
	assert_true(take_back(s, 1));
	suite_expect_all(s, "alice", TEXTS("two\n", "three\n"));
}

static void a_session_is_left_alone(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n"));
	suite_remove(s, "alice", 0);
	struct maildrop *m = suite_open(s, "alice");
	struct store_expiry e = { .now = start + 30 * DAY, .age = 1 };
	assert_false(take_back(s, 1));
	assert_int_equal(why.kind, FAULT_BUSY);
	assert_false(file_store_expire(s, "alice", &e, &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	assert_int_equal(e.removed, 0);
	suite_expect(m, 0, "two\n");
	m->ops->close(m);
	assert_true(take_back(s, 1));
}

static void taking_back_keeps_to_the_quota(void **state)
{
	struct store *s = *state;
	s->quota = 12;
	deliver_all(s, TEXTS("one\n", "two\n"));
	suite_remove(s, "alice", 0);
	suite_deliver(s, "alice", "six\n");
	assert_false(take_back(s, 1));
	assert_int_equal(why.kind, FAULT_QUOTA);
	suite_expect_all(s, "alice", TEXTS("two\n", "six\n"));
	s->quota = 18;
	assert_true(take_back(s, 1));
	suite_expect_all(s, "alice", TEXTS("one\n", "two\n", "six\n"));
}

/* Or else somebody who sends and deletes for a week fills the disk. */
static void no_more_is_kept_than_the_quota(void **state)
{
	struct store *s = *state;
	s->quota = 12;
	for (int i = 0; i < 10; i++) {
		deliver_all(s, TEXTS("one\n", "two\n"));
		suite_remove(s, "alice", 0);
		suite_remove(s, "alice", 0);
		suite_expect_all(s, "alice", NOTHING);
		assert_in_range(mailbox_size(), 0, 24);
	}
	expect_removed(s, TEXTS("one\n", "two\n"));
}

static void old_mails_go_for_good(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	clock_freeze(start + DAY);
	suite_deliver(s, "alice", "two\n");
	clock_freeze(start + 10 * DAY - 1);
	struct store_expiry e = expire(s, (struct store_expiry){ .age = 10 * DAY });
	assert_int_equal(e.removed, 0);
	assert_int_equal(e.next, start + 10 * DAY);
	clock_freeze(start + 10 * DAY);
	e = expire(s, (struct store_expiry){ .age = 10 * DAY });
	assert_int_equal(e.removed, 1);
	assert_int_equal(e.octets, 5);
	assert_int_equal(e.next, start + 11 * DAY);
	file_lab_expect("alice/mymailbox", "two\n.\n");
	expect_removed(s, NOTHING);
	clock_freeze(start + 11 * DAY);
	e = expire(s, (struct store_expiry){ .age = 10 * DAY });
	assert_int_equal(e.next, INT64_MAX);
	assert_int_equal(mailbox_size(), 0);
}

static void the_oldest_go_where_it_is_too_much(void **state)
{
	struct store *s = *state;
	deliver_all(s, TEXTS("one\n", "two\n", "three\n", "four\n"));
	struct store_expiry e = expire(s, (struct store_expiry){ .size = 15 });
	assert_int_equal(e.removed, 2);
	suite_expect_all(s, "alice", TEXTS("three\n", "four\n"));
	assert_int_equal(expire(s, (struct store_expiry){ .size = 15 }).removed, 0);
	assert_int_equal(expire(s, (struct store_expiry){ .size = 1 }).removed, 2);
	suite_expect_all(s, "alice", NOTHING);
}

static void a_look_makes_no_mailbox(void **state)
{
	struct store_expiry e = { .now = start, .age = 1 };
	assert_true(file_store_expire(*state, "nobody", &e, &why));
	assert_int_equal(e.next, INT64_MAX);
	assert_false(e.there);
	assert_false(file_lab_has("nobody"));
}

static int64_t received(struct store *s, size_t i)
{
	struct mail_info info;
	struct maildrop *m = suite_open(s, "alice");
	assert_int_equal(m->ops->info(m, i, true, &info, &why), STORE_GOT);
	m->ops->close(m);
	return info.received;
}

/* An index that tells of another state still tells when mails came; without one it is when the file was last changed. */
static void when_a_mail_came_is_known_as_long_as_an_index_is(void **state)
{
	struct store *s = *state;
	const struct timespec changed[2] = { { .tv_sec = start + 77 }, { .tv_sec = start + 77 } };
	suite_deliver(s, "alice", "one\n");
	clock_freeze(start + DAY);
	suite_deliver(s, "alice", "two\n");
	assert_int_equal(received(s, 0), start);
	assert_int_equal(received(s, 1), start + DAY);
	file_lab_write("alice/mymailbox", "w", "typed\n.\none\n.\ntwo\n.\n");
	assert_int_equal(utimensat(AT_FDCWD, file_lab_path("alice/mymailbox"), changed, 0), 0);
	assert_int_equal(received(s, 0), start + 77);
	assert_int_equal(received(s, 1), start);
	assert_int_equal(received(s, 2), start + DAY);
	unlink(file_lab_path("alice/.mymailbox.index"));
	assert_int_equal(received(s, 2), start + 77);
	suite_remove(s, "alice", 0);
	assert_int_equal(received(s, 0), start + 77);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_removed_mail_comes_back_in_its_place_with_its_id),
		TEST(nothing_comes_back_of_itself),
		TEST(one_of_equal_mails_comes_back_as_itself),
		TEST(removed_taken_back_and_removed_again),
		TEST(when_the_time_is_over_it_is_gone),
		TEST(what_is_removed_after_a_rewrite_is_marked_beside_what_it_kept),
		TEST(a_program_without_a_window_keeps_what_others_have_kept),
		TEST(marks_of_a_rewrite_hold_before_they_are_in_place),
		TEST(marks_of_the_first_version_count),
		TEST(a_session_is_left_alone),
		TEST(taking_back_keeps_to_the_quota),
		TEST(no_more_is_kept_than_the_quota),
		TEST(old_mails_go_for_good),
		TEST(the_oldest_go_where_it_is_too_much),
		TEST(a_look_makes_no_mailbox),
		TEST(when_a_mail_came_is_known_as_long_as_an_index_is),
	};
	return cmocka_run_group_tests_name("undelete", tests, NULL, NULL);
}
