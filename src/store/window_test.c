/*
 * window: a mail is given out only from where it stands, whatever was read before, and mails in order cost few reads.
 */
#include "store/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "store/file_lab_suite.h"
#include "store/store_suite.h"

enum { ROOM = 64 };

static struct fault why;

/* All of mail i, as it comes; false: it is not where it was. */
static bool view_mail(struct maildrop *m, size_t i, struct store_window *w, char got[ROOM])
{
	struct store_view view = { .most = 7, .window = w };
	enum store_got how;
	do {
		how = m->ops->view(m, i, &view, true, &why);
		if (how != STORE_GOT)
			return false;
		assert_true(view.offset + view.octets.len < ROOM);
		memcpy(got + view.offset, view.octets.ptr, view.octets.len);
		view.offset += view.octets.len;
	} while (view.octets.len > 0);
	got[view.offset] = '\0';
	return true;
}

#define EACH_WINDOW(window)                                                                                    \
	char memory[ROOM];                                                                                     \
	for (struct store_window window = { .octets = memory, .size = STORE_WINDOW_MIN }; window.size <= ROOM; \
	     window = (struct store_window){ .octets = memory, .size = window.size + 1 })

static struct maildrop *open_three(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two, longer than a small window is\n");
	suite_deliver(*state, "alice", "three\n");
	return suite_open(*state, "alice");
}

static void a_mail_that_was_moved_is_not_shown(void **state)
{
	char got[ROOM];
	struct maildrop *m = open_three(state);
	file_lab_write("alice/mymailbox", "w", "x\n.\none\n.\ntwo, longer than a small window is\n.\nthree\n.\n");
	EACH_WINDOW(w)
	{
		assert_false(view_mail(m, 1, &w, got));
		assert_int_equal(why.kind, FAULT_TEMPORARY);
		assert_false(view_mail(m, 2, &w, got));
	}
	m->ops->close(m);
}

static void a_mail_that_grew_is_not_shown_whole(void **state)
{
	char got[ROOM];
	struct maildrop *m = open_three(state);
	file_lab_write("alice/mymailbox", "w",
	               "one\nmore\n.\ntwo, longer than a small window is and more\n.\nthree\n.\n");
	EACH_WINDOW(w)
	{
		assert_false(view_mail(m, 0, &w, got));
		assert_false(view_mail(m, 1, &w, got));
	}
	m->ops->close(m);
}

static void a_mail_that_grew_behind_what_is_at_hand_is_not_shown_whole(void **state)
{
	char got[ROOM];
	struct maildrop *m = open_three(state);
	file_lab_write("alice/mymailbox", "w", "one\n.\ntwo, longer than a small window is\n.\nthree\nmore\n.\n");
	EACH_WINDOW(w)
	{
		assert_true(view_mail(m, 0, &w, got));
		assert_true(view_mail(m, 1, &w, got));
		assert_false(view_mail(m, 2, &w, got));
	}
	m->ops->close(m);
}

static void a_mail_that_now_belongs_to_the_one_before_is_not_shown(void **state)
{
	char got[ROOM];
	struct maildrop *m = open_three(state);
	file_lab_write("alice/mymailbox", "w", "one\nx\ntwo, longer than a small window is\n.\nthree\n.\n");
	EACH_WINDOW(w)
	{
		assert_false(view_mail(m, 1, &w, got));
		assert_true(view_mail(m, 2, &w, got));
	}
	m->ops->close(m);
}

static void a_file_that_was_cut_short_is_an_error_and_not_an_end(void **state)
{
	char got[ROOM];
	struct maildrop *m = open_three(state);
	file_lab_write("alice/mymailbox", "w", "one\n.\ntwo, lon");
	EACH_WINDOW(w)
	{
		assert_true(view_mail(m, 0, &w, got));
		assert_string_equal(got, "one\n");
		assert_false(view_mail(m, 1, &w, got));
		assert_false(view_mail(m, 2, &w, got));
		struct store_view view = { .most = 7, .window = &w };
		assert_int_equal(m->ops->view(m, 2, &view, false, &why), STORE_WOULD_BLOCK);
	}
	m->ops->close(m);
}

static void lines_in_cr_lf_divide_as_well(void **state)
{
	char got[ROOM];
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write("alice/mymailbox", "w", "one\r\n.\r\n\r\n.\r\nthree, longer than a window\r\n.\r\n");
	struct maildrop *m = suite_open(*state, "alice");
	EACH_WINDOW(w)
	{
		assert_true(view_mail(m, 0, &w, got));
		assert_string_equal(got, "one\r\n");
		assert_true(view_mail(m, 1, &w, got));
		assert_string_equal(got, "\r\n");
		assert_true(view_mail(m, 2, &w, got));
		assert_string_equal(got, "three, longer than a window\r\n");
	}
	m->ops->close(m);
}

static void mails_that_are_read_in_order_are_read_at_once(void **state)
{
	char got[ROOM], memory[ROOM];
	struct store_window w = { .octets = memory, .size = sizeof memory };
	for (int i = 0; i < 6; i++)
		suite_deliver(*state, "alice", "mail\n");
	struct maildrop *m = suite_open(*state, "alice");
	assert_true(view_mail(m, 1, &w, got));
	assert_int_equal(w.got, strlen(".\nmail\n.\n")); /* of one mail, no more than it takes */
	assert_true(view_mail(m, 2, &w, got));
	assert_int_equal(w.got, strlen(".\nmail\n.\nmail\n.\nmail\n.\nmail\n.\n"));
	memset(memory, '-', strlen(".\nmail\n")); /* what was seen of it is not needed any more */
	for (size_t i = 3; i < 6; i++) {
		assert_true(view_mail(m, i, &w, got));
		assert_string_equal(got, "mail\n");
	}
	m->ops->close(m);
}

static void a_mail_that_came_within_the_session_is_behind_its_end(void **state)
{
	char got[ROOM], memory[ROOM];
	struct store_window w = { .octets = memory, .size = sizeof memory };
	struct maildrop *m = open_three(state);
	assert_true(view_mail(m, 0, &w, got));
	suite_deliver(*state, "alice", "four\n");
	assert_true(view_mail(m, 2, &w, got));
	assert_string_equal(got, "three\n");
	assert_int_equal(m->ops->count(m), 3);
	m->ops->close(m);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, file_lab_set_up, file_lab_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_mail_that_was_moved_is_not_shown),
		TEST(a_mail_that_grew_is_not_shown_whole),
		TEST(a_mail_that_grew_behind_what_is_at_hand_is_not_shown_whole),
		TEST(a_mail_that_now_belongs_to_the_one_before_is_not_shown),
		TEST(a_file_that_was_cut_short_is_an_error_and_not_an_end),
		TEST(lines_in_cr_lf_divide_as_well),
		TEST(mails_that_are_read_in_order_are_read_at_once),
		TEST(a_mail_that_came_within_the_session_is_behind_its_end),
	};
	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
