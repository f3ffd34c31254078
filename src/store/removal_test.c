/*
 * removal_test: mailboxes too big to be rewritten at QUIT: marks, the later rewrite, and what a crash between their steps leaves.
 */
#include "store/removal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/file_lab_suite.h"
#include "store/marks.h"
#include "store/store_suite.h"

#define TEXTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static struct fault why;

enum { BIG = 6 * 1024 * 1024 };

static void expect_letters(struct store *s, const char *letters)
{
	struct maildrop *m = suite_open(s, "alice");
	assert_int_equal(m->ops->count(m), strlen(letters));
	for (size_t i = 0; letters[i]; i++) {
		char octet;
		struct mail_info info;
		struct store_span span = { .octets = &octet, .size = 1 };
		assert_int_equal(m->ops->read(m, i, &span, true, &why), STORE_GOT);
		assert_int_equal(octet, letters[i]);
		assert_int_equal(m->ops->info(m, i, true, &info, &why), STORE_GOT);
		assert_int_equal(info.stored, BIG);
		span.offset = BIG - 1;
		assert_int_equal(m->ops->read(m, i, &span, true, &why), STORE_GOT);
	}
	m->ops->close(m);
}

static void big_mailbox_is_marked_and_rewritten_later(void **state)
{
	struct store *s = *state;
	struct stat st;
	for (const char *c = "abcde"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	suite_remove(s, "alice", 1);
	expect_letters(s, "acde");
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	assert_true(st.st_size > 5 * BIG);
	assert_true(file_lab_has("alice/.mymailbox.deleted"));
	suite_deliver_big(s, 'b', BIG); /* equal to the removed one */
	expect_letters(s, "acdeb");
	/* The marks are honoured by a scan, and hit the removed one alone. */
	unlink(file_lab_path("alice/.mymailbox.index"));
	expect_letters(s, "acdeb");
	s->ops->tidy(s, "alice");
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	assert_true(st.st_size > 5 * BIG);
	suite_remove(s, "alice", 0);
	suite_remove(s, "alice", 0);
	expect_letters(s, "deb");
	s->ops->tidy(s, "alice");
	expect_letters(s, "deb");
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	assert_true(st.st_size < 4 * BIG);
	unlink(file_lab_path("alice/.mymailbox.index"));
	expect_letters(s, "deb");
	suite_remove(s, "alice", 1);
	expect_letters(s, "db");
}

/* More than two of the index's blocks, and large enough to be marked only. */
enum { MANY = 700, EACH = 48 * 1024, NUMBER = 8 };

static void write_many(void)
{
	char *text = malloc((size_t)MANY * (EACH + 2) + 1);
	char *to = text;
	for (int i = 0; i < MANY; i++) {
		to += sprintf(to, "%0*d\n", NUMBER, i);
		memset(to, 'x', EACH - NUMBER - 2);
		to += EACH - NUMBER - 2;
		to += sprintf(to, "\n.\n");
	}
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write_octets("alice/mymailbox", "w", text, (size_t)(to - text));
	free(text);
}

static void expect_many(struct store *s, const bool *there)
{
	struct maildrop *m = suite_open(s, "alice");
	size_t i = 0;
	for (int number = 0; number < MANY; number++) {
		char text[NUMBER + 1] = "";
		struct store_span span = { .octets = text, .size = NUMBER };
		if (!there[number])
			continue;
		assert_true(i < m->ops->count(m));
		assert_int_equal(m->ops->read(m, i++, &span, true, &why), STORE_GOT);
		assert_int_equal(strtol(text, NULL, 10), number);
	}
	assert_int_equal(m->ops->count(m), i);
	m->ops->close(m);
}

static void remove_many(struct store *s, bool *there, bool (*goes)(int number))
{
	struct maildrop *m = suite_open(s, "alice");
	unsigned char marks[MANY / 8 + 1] = { 0 };
	size_t i = 0;
	for (int number = 0; number < MANY; number++) {
		if (!there[number])
			continue;
		if (goes(number)) {
			marks[i / 8] |= (unsigned char)(1 << (i % 8));
			there[number] = false;
		}
		i++;
	}
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
}

static bool is_in_the_last_block(int number)
{
	return number == MANY - 2;
}

static bool is_at_a_blocks_edge(int number)
{
	return number == 0 || number == 255 || number == 256 || number == 511;
}

static bool is_a_fourth_of_the_first_ones(int number)
{
	return number < 400 && number % 4 == 1;
}

static void what_is_marked_is_what_was_wanted_wherever_it_stands(void **state)
{
	bool (*const rounds[])(int) = { is_in_the_last_block, is_at_a_blocks_edge, is_a_fourth_of_the_first_ones };
	bool there[MANY];
	write_many();
	memset(there, true, sizeof there);
	for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
		remove_many(*state, there, rounds[i]);
		assert_true(file_lab_has("alice/.mymailbox.deleted"));
		expect_many(*state, there);
	}
	unlink(file_lab_path("alice/.mymailbox.index"));
	expect_many(*state, there);
}

static bool is_the_second(int number)
{
	return number == 1;
}

/* Which mails are there is found out when the first one is asked for, off the loop. */
static void a_login_reads_no_records_where_mails_are_marked(void **state)
{
	struct mail_info info;
	bool there[MANY];
	memset(there, true, sizeof there);
	write_many();
	remove_many(*state, there, is_the_second);
	struct maildrop *m = suite_open(*state, "alice");
	assert_int_equal(m->ops->count(m), MANY - 1);
	assert_int_equal(m->ops->info(m, 1, false, &info, &why), STORE_WOULD_BLOCK);
	assert_int_equal(m->ops->info(m, 1, true, &info, &why), STORE_GOT);
	assert_int_equal(m->ops->info(m, 2, false, &info, &why), STORE_GOT);
	m->ops->close(m);
	remove_many(*state, there, is_at_a_blocks_edge); /* no mail is asked for */
	expect_many(*state, there);
}

/* Octets of the index's records are no more what they were. */
static void spoil_index(void)
{
	FILE *file = fopen(file_lab_path("alice/.mymailbox.index"), "r+");
	assert_non_null(file);
	fseek(file, 1024 + 10 * 64 + 3, SEEK_SET);
	fputs("spoilt", file);
	fclose(file);
}

static void a_record_that_is_spoilt_before_mails_are_listed_refuses_nobody(void **state)
{
	bool there[MANY];
	memset(there, true, sizeof there);
	write_many();
	remove_many(*state, there, is_the_second);
	spoil_index();
	expect_many(*state, there);
	remove_many(*state, there, is_at_a_blocks_edge);
	spoil_index();
	remove_many(*state, there, is_a_fourth_of_the_first_ones);
	expect_many(*state, there);
}

static void marked_mails_do_not_count_towards_the_quota(void **state)
{
	struct store *s = *state;
	struct stat st;
	s->quota = 4 * (uint64_t)(BIG + 2);
	for (const char *c = "abcd"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	assert_false(s->ops->room(s, "alice", 1, &why));
	suite_remove(s, "alice", 1);
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	assert_int_equal(st.st_size, s->quota); /* it is only marked */
	assert_true(s->ops->room(s, "alice", BIG + 2, &why));
	assert_false(s->ops->room(s, "alice", BIG + 3, &why));
	suite_deliver_big(s, 'e', BIG);
	expect_letters(s, "acde");
	assert_false(s->ops->room(s, "alice", 1, &why));
	struct draft *d = suite_draft(s, "");
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	assert_int_equal(why.kind, FAULT_QUOTA);
	draft_free(d);
}

static void session_survives_a_rewrite_by_another(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcdef"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	suite_remove(s, "alice", 0);
	suite_remove(s, "alice", 0);
	suite_remove(s, "alice", 0); /* half is dead now */
	struct maildrop *m = suite_open(s, "alice");
	struct store *other = file_lab_reopen();
	other->ops->tidy(other, "alice");
	other->ops->free(other);
	char octet;
	struct store_span span = { .octets = &octet, .size = 1 };
	assert_int_equal(m->ops->read(m, 1, &span, true, &why), STORE_GOT);
	assert_int_equal(octet, 'e');
	const unsigned char marks[1] = { 2 };
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	expect_letters(s, "df");
}

static void hand_edit_of_a_marked_mailbox_keeps_marks_with_their_mails(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	suite_remove(s, "alice", 1);
	file_lab_write("alice/mymailbox", "a", "typed\n.\n");
	struct maildrop *m = suite_open(s, "alice");
	assert_int_equal(m->ops->count(m), 4);
	suite_expect(m, 3, "typed\n");
	m->ops->close(m);
}

static void copy_file(const char *from, const char *to)
{
	char command[256];
	snprintf(command, sizeof command, "cp -p %s %s", file_lab_path(from), file_lab_path(to));
	assert_int_equal(system(command), 0);
}

/* Marks synced, and the process dead before the index knew. */
static void marks_without_index_flags_are_honoured(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	copy_file("alice/.mymailbox.index", "kept");
	suite_remove(s, "alice", 2);
	copy_file("kept", "alice/.mymailbox.index");
	expect_letters(s, "abd");
}

static void torn_batch_of_marks_counts_not_at_all(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	suite_remove(s, "alice", 2);
	struct stat st;
	assert_int_equal(stat(file_lab_path("alice/.mymailbox.deleted"), &st), 0);
	assert_int_equal(truncate(file_lab_path("alice/.mymailbox.deleted"), st.st_size - 3), 0);
	expect_letters(s, "abcd");
	suite_remove(s, "alice", 1);
	expect_letters(s, "acd");
}

static void spoilt_batch_of_marks_counts_not_at_all(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		suite_deliver_big(s, *c, BIG);
	suite_remove(s, "alice", 2);
	int fd = open(file_lab_path("alice/.mymailbox.deleted"), O_RDWR);
	assert_int_equal(pwrite(fd, "\xff\xff", 2, 24 + 16), 2);
	close(fd);
	unlink(file_lab_path("alice/.mymailbox.index"));
	expect_letters(s, "abcd");
}

/* The process died after the rename and before it could empty the marks. */
static void marks_of_the_old_file_never_hit_the_new_one(void **state)
{
	struct store *s = *state;
	struct file_look look;
	suite_deliver(s, "alice", "equal\n");
	struct draft *d = suite_draft(s, "equal\n");
	struct mark mark = { .offset = 0 };
	memcpy(mark.hash, draft_hash(d), DRAFT_HASH);
	draft_free(d);
	int dir = open(file_lab_path("alice"), O_RDONLY | O_DIRECTORY);
	assert_true(file_look_at(dir, "mymailbox", &look));
	assert_true(marks_add(dir, ".mymailbox.deleted", &mark, 1, &why));
	assert_true(marks_name_successor(dir, ".mymailbox.deleted", &look, NULL, 0, &why));
	suite_expect_all(s, "alice", TEXTS("equal\n"));
	/* Named in vain: another file is the mailbox, so the marks count. */
	look.inode++;
	assert_true(marks_add(dir, ".mymailbox.deleted", &mark, 1, &why));
	assert_true(marks_name_successor(dir, ".mymailbox.deleted", &look, NULL, 0, &why));
	suite_expect_all(s, "alice", (const char *const[]){ NULL });
	close(dir);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, file_lab_set_up, file_lab_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(big_mailbox_is_marked_and_rewritten_later),
		TEST(what_is_marked_is_what_was_wanted_wherever_it_stands),
		TEST(a_login_reads_no_records_where_mails_are_marked),
		TEST(a_record_that_is_spoilt_before_mails_are_listed_refuses_nobody),
		TEST(marked_mails_do_not_count_towards_the_quota),
		TEST(session_survives_a_rewrite_by_another),
		TEST(hand_edit_of_a_marked_mailbox_keeps_marks_with_their_mails),
		TEST(marks_without_index_flags_are_honoured),
		TEST(torn_batch_of_marks_counts_not_at_all),
		TEST(spoilt_batch_of_marks_counts_not_at_all),
		TEST(marks_of_the_old_file_never_hit_the_new_one),
	};
	return cmocka_run_group_tests_name("removal", tests, NULL, NULL);
}
