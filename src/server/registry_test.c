/*
 * registry_test: who gets a mail, who no longer does, and how much room there is, with one thread and with several.
 */
#include "server/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>

enum { CLIENT_MAX = 2000, TOTAL_MAX = 5000, COST = REGISTRY_MAIL_COST };

static int set_up(void **state)
{
	*state = registry_new(CLIENT_MAX, TOTAL_MAX);
	return *state == NULL;
}

/* Whatever a test did: when all have left nothing is counted any more. */
static int tear_down(void **state)
{
	bool empty = registry_octets(*state) == 0;
	registry_free(*state);
	return !empty;
}

static struct registry_recipient find(struct registry *r, int number)
{
	struct registry_recipient who = { .number = -1 };
	assert_int_equal(registry_find(r, number, &who), REGISTRY_OK);
	assert_int_equal(who.number, number);
	return who;
}

static enum registry_verdict send(struct registry *r, const char *text, const struct registry_recipient *to, size_t n)
{
	struct registry_draft d;
	registry_draft_init(&d, r);
	enum registry_verdict verdict = registry_draft_write(&d, text, strlen(text));
	if (verdict == REGISTRY_OK)
		verdict = registry_deliver(&d, 4, to, n);
	registry_draft_release(&d);
	return verdict;
}

static enum registry_verdict send_to(struct registry *r, int number, const char *text)
{
	struct registry_recipient who = find(r, number);
	return send(r, text, &who, 1);
}

static void has_mails(struct registry_client *c, size_t expected, const char *const *texts)
{
	size_t count;
	const struct registry_entry *e = registry_unread(c, &count);
	assert_int_equal(count, expected);
	for (size_t i = 0; i < count; i++) {
		struct registry_mail mail = registry_mail_of(e);
		assert_int_equal(mail.sender, 4);
		assert_true(slice_equal_text(mail.text, texts[i]));
		if (i + 1 < count)
			e = registry_next(e);
	}
}

static void mail_comes_in_its_order_and_goes_when_it_is_read(void **state)
{
	struct registry_client *c = registry_enter(*state, 5);
	assert_int_equal(send_to(*state, 5, "one\n"), REGISTRY_OK);
	assert_int_equal(send_to(*state, 5, ""), REGISTRY_OK);
	has_mails(c, 2, (const char *const[]){ "one\n", "" });
	assert_int_equal(send_to(*state, 5, "three\n"), REGISTRY_OK);
	registry_flush(c, 2); /* what came after the answer began stays */
	has_mails(c, 1, (const char *const[]){ "three\n" });
	registry_flush(c, 1);
	has_mails(c, 0, NULL);
	assert_int_equal(registry_octets(*state), 0);
	assert_int_equal(send_to(*state, 5, "four\n"), REGISTRY_OK);
	has_mails(c, 1, (const char *const[]){ "four\n" });
	registry_leave(c);
}

static void nobody_is_found_under_a_number_that_nobody_has(void **state)
{
	struct registry_recipient who;
	assert_int_equal(registry_find(*state, 5, &who), REGISTRY_NOBODY);
	struct registry_client *c = registry_enter(*state, 5);
	assert_int_equal(registry_find(*state, 4, &who), REGISTRY_NOBODY);
	assert_int_equal(registry_find(*state, -1, &who), REGISTRY_NOBODY);
	assert_int_equal(registry_find(*state, 2147483647, &who), REGISTRY_NOBODY);
	registry_leave(c);
	assert_int_equal(registry_find(*state, 5, &who), REGISTRY_NOBODY);
}

static void high_numbers_work_beside_low_ones(void **state)
{
	struct registry_client *low = registry_enter(*state, 3);
	struct registry_client *high = registry_enter(*state, 70000);
	assert_int_equal(send_to(*state, 3, "low"), REGISTRY_OK);
	assert_int_equal(send_to(*state, 70000, "high"), REGISTRY_OK);
	has_mails(low, 1, (const char *const[]){ "low" });
	has_mails(high, 1, (const char *const[]){ "high" });
	registry_leave(low);
	registry_leave(high);
}

static void a_number_s_next_client_begins_without_mail(void **state)
{
	struct registry_client *old = registry_enter(*state, 5);
	assert_int_equal(send_to(*state, 5, "old"), REGISTRY_OK);
	registry_leave(old);
	struct registry_client *new = registry_enter(*state, 5);
	has_mails(new, 0, NULL);
	registry_leave(new);
}

/* A connection's number may be given again before its session has been told that it is gone. */
static void a_client_that_was_not_yet_told_to_leave_takes_nothing_from_the_next(void **state)
{
	struct registry_client *old = registry_enter(*state, 5);
	assert_int_equal(send_to(*state, 5, "old"), REGISTRY_OK);
	struct registry_client *new = registry_enter(*state, 5);
	assert_int_equal(send_to(*state, 5, "new"), REGISTRY_OK);
	has_mails(old, 1, (const char *const[]){ "old" });
	has_mails(new, 1, (const char *const[]){ "new" });
	registry_leave(old);
	assert_int_equal(send_to(*state, 5, "newer"), REGISTRY_OK);
	has_mails(new, 2, (const char *const[]){ "new", "newer" });
	registry_leave(new);
}

static void mail_in_mid_delivery_never_reaches_a_number_s_next_client(void **state)
{
	struct registry_client *old = registry_enter(*state, 5);
	struct registry_recipient who = find(*state, 5);
	registry_leave(old);
	struct registry_client *new = registry_enter(*state, 5);
	assert_int_equal(send(*state, "for the old one", &who, 1), REGISTRY_NOBODY);
	has_mails(new, 0, NULL);
	registry_leave(new);
}

static void who_has_left_is_dropped_and_the_others_get_the_mail(void **state)
{
	struct registry_client *c[3];
	struct registry_recipient who[3];
	for (int i = 0; i < 3; i++) {
		c[i] = registry_enter(*state, 5 + i);
		who[i] = find(*state, 5 + i);
	}
	registry_leave(c[1]);
	assert_int_equal(send(*state, "text", who, 3), REGISTRY_OK);
	has_mails(c[0], 1, (const char *const[]){ "text" });
	has_mails(c[2], 1, (const char *const[]){ "text" });
	assert_int_equal(registry_octets(*state), strlen("text") + 2 * COST); /* the text once */
	registry_leave(c[0]);
	has_mails(c[2], 1, (const char *const[]){ "text" });
	assert_int_equal(registry_octets(*state), strlen("text") + COST);
	registry_leave(c[2]);
}

static void a_full_client_takes_nothing_until_it_has_read(void **state)
{
	static char text[CLIENT_MAX / 2 - COST + 1];
	struct registry_recipient who;
	struct registry_client *c = registry_enter(*state, 5);
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(send_to(*state, 5, text), REGISTRY_OK);
	text[sizeof text - 1] = '\0';
	assert_int_equal(send_to(*state, 5, text), REGISTRY_OK); /* just full */
	assert_int_equal(registry_find(*state, 5, &who), REGISTRY_FULL);
	registry_flush(c, 1);
	assert_int_equal(send_to(*state, 5, text), REGISTRY_OK);
	registry_leave(c);
}

static void many_empty_mails_fill_a_client_too(void **state)
{
	struct registry_recipient who;
	struct registry_client *c = registry_enter(*state, 5);
	for (int i = 0; i < CLIENT_MAX / COST; i++)
		assert_int_equal(send_to(*state, 5, ""), REGISTRY_OK);
	assert_int_equal(registry_find(*state, 5, &who), REGISTRY_FULL);
	registry_leave(c);
}

/* A sender that is told 452 may try again: nobody has the mail twice then. */
static void where_one_is_full_nobody_gets_the_mail(void **state)
{
	static char text[CLIENT_MAX - 2 * COST + 1];
	struct registry_client *a = registry_enter(*state, 5), *b = registry_enter(*state, 6);
	struct registry_recipient who[] = { find(*state, 6), find(*state, 5) };
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(send_to(*state, 5, text), REGISTRY_OK);
	assert_int_equal(send(*state, "more", who, 2), REGISTRY_FULL);
	has_mails(b, 0, NULL);
	assert_int_equal(registry_octets(*state), strlen(text) + COST);
	registry_leave(a);
	registry_leave(b);
}

static void a_draft_may_be_as_long_as_a_client_has_room_and_no_longer(void **state)
{
	static const char text[CLIENT_MAX];
	struct registry_draft d;
	registry_draft_init(&d, *state);
	assert_int_equal(registry_draft_write(&d, text, CLIENT_MAX), REGISTRY_OK);
	assert_int_equal(registry_draft_write(&d, text, 1), REGISTRY_FULL);
	assert_int_equal(registry_octets(*state), CLIENT_MAX);
	registry_draft_release(&d);
	assert_int_equal(registry_octets(*state), 0);
}

static void all_together_have_a_maximum_drafts_included(void **state)
{
	static const char text[CLIENT_MAX];
	struct registry_draft d[3];
	for (int i = 0; i < 3; i++)
		registry_draft_init(&d[i], *state);
	assert_int_equal(registry_draft_write(&d[0], text, CLIENT_MAX), REGISTRY_OK);
	assert_int_equal(registry_draft_write(&d[1], text, CLIENT_MAX), REGISTRY_OK);
	assert_int_equal(registry_draft_write(&d[2], text, TOTAL_MAX - 2 * CLIENT_MAX + 1), REGISTRY_FULL);
	assert_int_equal(registry_draft_write(&d[2], text, TOTAL_MAX - 2 * CLIENT_MAX), REGISTRY_OK);
	struct registry_client *c = registry_enter(*state, 5);
	assert_int_equal(send_to(*state, 5, ""), REGISTRY_FULL);
	registry_draft_release(&d[0]);
	assert_int_equal(send_to(*state, 5, ""), REGISTRY_OK);
	registry_draft_release(&d[1]);
	registry_draft_release(&d[2]);
	registry_leave(c);
}

/* ---- several threads ---- */

enum { THREADS = 4, ROUNDS = 300, NUMBERS = 6 };

/* Comes and goes, writes to all numbers, reads what it got: every mail names the number and the one who was meant. */
static void *busy_client(void *arg)
{
	struct registry *r = arg;
	unsigned seed = (unsigned)(uintptr_t)&seed;
	for (int round = 0; round < ROUNDS; round++) {
		int number = rand_r(&seed) % NUMBERS;
		struct registry_client *c = registry_enter(r, number);
		size_t count;
		for (int to = 0; to < NUMBERS; to++) {
			struct registry_recipient who;
			if (registry_find(r, to, &who) == REGISTRY_OK)
				send(r, "0123456789", &who, 1);
		}
		const struct registry_entry *e = registry_unread(c, &count);
		for (size_t i = 0; i < count; i++) {
			if (!slice_equal_text(registry_mail_of(e).text, "0123456789"))
				abort();
			if (i + 1 < count)
				e = registry_next(e);
		}
		registry_flush(c, count);
		registry_leave(c);
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, busy_client, *state), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(registry_octets(*state), 0);
}

#define WITH_REGISTRY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_REGISTRY(mail_comes_in_its_order_and_goes_when_it_is_read),
		WITH_REGISTRY(nobody_is_found_under_a_number_that_nobody_has),
		WITH_REGISTRY(high_numbers_work_beside_low_ones),
		WITH_REGISTRY(a_number_s_next_client_begins_without_mail),
		WITH_REGISTRY(a_client_that_was_not_yet_told_to_leave_takes_nothing_from_the_next),
		WITH_REGISTRY(mail_in_mid_delivery_never_reaches_a_number_s_next_client),
		WITH_REGISTRY(who_has_left_is_dropped_and_the_others_get_the_mail),
		WITH_REGISTRY(a_full_client_takes_nothing_until_it_has_read),
		WITH_REGISTRY(many_empty_mails_fill_a_client_too),
		WITH_REGISTRY(where_one_is_full_nobody_gets_the_mail),
		WITH_REGISTRY(a_draft_may_be_as_long_as_a_client_has_room_and_no_longer),
		WITH_REGISTRY(all_together_have_a_maximum_drafts_included),
		WITH_REGISTRY(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
