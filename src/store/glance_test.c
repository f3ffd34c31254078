/*
 * glance_test: a reader without a lock sees what sessions see, writes nothing, and keeps what it has seen.
 */
#include "store/glance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/file_lab_suite.h"
#include "store/store_suite.h"

static struct fault why;

static struct glance *glance(void)
{
	struct glance *g = glance_open(file_lab_root, "mymailbox", "alice", &why);
	assert_non_null(g);
	return g;
}

static void expect_text(const struct glance *g, size_t i, const char *text)
{
	char octets[256];
	struct store_span span = { .octets = octets, .size = sizeof octets };
	assert_true(glance_read(g, i, &span, &why));
	assert_int_equal(span.got, strlen(text));
	assert_memory_equal(octets, text, span.got);
}

static void a_user_who_is_not_there_has_an_empty_mailbox_and_none_is_made(void **state)
{
	(void)state;
	struct glance *g = glance();
	assert_int_equal(glance_count(g), 0);
	glance_close(g);
	assert_false(file_lab_has("alice"));
}

static void it_sees_the_mails_and_the_ids_that_a_session_sees(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "alice", "two\n");
	suite_deliver(s, "alice", "one\n");
	struct glance *g = glance();
	assert_int_equal(glance_count(g), 3);
	expect_text(g, 1, "two\n");
	struct maildrop *m = suite_open(s, "alice");
	assert_true(m->ops->number(m, &why));
	for (size_t i = 0; i < 3; i++) {
		struct mail_info seen, known;
		glance_info(g, i, &seen);
		assert_int_equal(m->ops->info(m, i, true, &known, &why), STORE_GOT);
		assert_string_equal(seen.uid, known.uid);
		assert_true(seen.octets == known.octets);
		assert_int_equal(glance_find(g, known.uid), i);
	}
	assert_int_equal(glance_find(g, "none"), 3);
	m->ops->close(m);
	glance_close(g);
}

static void what_is_removed_is_seen_no_more_and_stays_readable_where_it_is_open(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "alice", "two\n");
	struct glance *before = glance();
	struct maildrop *m = suite_open(s, "alice");
	assert_true(m->ops->remove(m, (const unsigned char *)"\1", &why));
	m->ops->close(m);
	struct glance *after = glance();
	assert_int_equal(glance_count(after), 1);
	expect_text(after, 0, "two\n");
	expect_text(before, 0, "one\n");
	assert_false(glance_same(glance_taken(before), glance_taken(after)));
	glance_close(before);
	glance_close(after);
}

enum { BIG = 9 * 1024 * 1024 };

/* Removed from a mailbox too big to be rewritten: it stands there still, and is marked. */
static void what_is_marked_as_removed_is_not_seen(void **state)
{
	struct store *s = *state;
	char letter;
	struct store_span span = { .octets = &letter, .size = 1 };
	for (const char *c = "abc"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	suite_remove(s, "alice", 0);
	assert_true(file_lab_has("alice/.mymailbox.deleted"));
	struct glance *g = glance();
	assert_int_equal(glance_count(g), 2);
	assert_true(glance_read(g, 0, &span, &why));
	assert_int_equal(letter, 'b');
	glance_close(g);
	/* Without the index only a session can tell what is marked. */
	assert_int_equal(unlink(file_lab_path("alice/.mymailbox.index")), 0);
	assert_null(glance_open(file_lab_root, "mymailbox", "alice", &why));
	assert_int_equal(why.kind, FAULT_TEMPORARY);
}

static void a_session_that_is_open_does_not_keep_it_out(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	struct maildrop *m = suite_open(s, "alice");
	struct glance *g = glance();
	assert_int_equal(glance_count(g), 1);
	glance_close(g);
	m->ops->close(m);
}

static void what_an_editor_wrote_is_read_without_an_index_and_none_is_made(void **state)
{
	(void)state;
	assert_int_equal(mkdir(file_lab_path("alice"), 0700), 0);
	file_lab_write("alice/mymailbox", "w", "typed\n.\nby hand\n.\n");
	struct glance *g = glance();
	assert_int_equal(glance_count(g), 2);
	expect_text(g, 1, "by hand\n");
	glance_close(g);
	assert_false(file_lab_has("alice/.lock"));
	assert_false(file_lab_has("alice/.mymailbox.index"));
}

static void an_index_that_does_not_fit_is_not_believed(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	file_lab_write("alice/mymailbox", "w", "changed\n.\n");
	struct glance *g = glance();
	assert_int_equal(glance_count(g), 1);
	expect_text(g, 0, "changed\n");
	glance_close(g);
}

static void a_stamp_tells_of_a_delivery(void **state)
{
	struct store *s = *state;
	struct glance_stamp before, same, after;
	suite_deliver(s, "alice", "one\n");
	assert_true(glance_stamp(file_lab_root, "mymailbox", "alice", &before, &why));
	assert_true(glance_stamp(file_lab_root, "mymailbox", "alice", &same, &why));
	assert_true(glance_same(&before, &same));
	suite_deliver(s, "alice", "two\n");
	assert_true(glance_stamp(file_lab_root, "mymailbox", "alice", &after, &why));
	assert_false(glance_same(&before, &after));
	assert_true(file_same(&before.lineage, &after.lineage));
}

static void a_link_is_not_followed(void **state)
{
	(void)state;
	file_lab_write("secret", "w", "secret\n.\n");
	assert_int_equal(mkdir(file_lab_path("alice"), 0700), 0);
	assert_int_equal(symlink("../secret", file_lab_path("alice/mymailbox")), 0);
	assert_null(glance_open(file_lab_root, "mymailbox", "alice", &why));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_lab_set_up, file_lab_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_user_who_is_not_there_has_an_empty_mailbox_and_none_is_made),
		TEST(it_sees_the_mails_and_the_ids_that_a_session_sees),
		TEST(what_is_removed_is_seen_no_more_and_stays_readable_where_it_is_open),
		TEST(what_is_marked_as_removed_is_not_seen),
		TEST(a_session_that_is_open_does_not_keep_it_out),
		TEST(what_an_editor_wrote_is_read_without_an_index_and_none_is_made),
		TEST(an_index_that_does_not_fit_is_not_believed),
		TEST(a_stamp_tells_of_a_delivery),
		TEST(a_link_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
