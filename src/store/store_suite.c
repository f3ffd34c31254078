/*
 * store_suite: what every store promises, shown on whatever store it is given.
 */
#include "store/store_suite.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct store_suite_maker *maker;
static struct fault why;

struct draft *suite_draft(struct store *s, const char *text)
{
	struct draft *d = s->ops->draft(s);
	assert_non_null(d);
	assert_true(draft_write(d, text, strlen(text)));
	assert_true(draft_finish(d, &why));
	return d;
}

void suite_deliver(struct store *s, const char *user, const char *text)
{
	struct draft *d = suite_draft(s, text);
	if (!s->ops->append(s, user, &d, 1, &why))
		fail_msg("append: %s", why.text);
	draft_free(d);
}

void suite_deliver_big(struct store *s, char letter, size_t octets)
{
	char *line = malloc(65536);
	struct draft *d = s->ops->draft(s);
	assert_non_null(line);
	memset(line, letter, 65536);
	line[65535] = '\n';
	for (size_t n = 0; n < octets; n += 65536)
		assert_true(draft_write(d, line, 65536) && (!draft_full(d) || draft_spill(d, &why)));
	assert_true(draft_finish(d, &why));
	assert_true(draft_in_file(d));
	assert_true(s->ops->append(s, "alice", &d, 1, &why));
	draft_free(d);
	free(line);
}

struct maildrop *suite_open(struct store *s, const char *user)
{
	struct maildrop *m = s->ops->open(s, user, "tester from ::1", &why);
	if (!m)
		fail_msg("open: %s", why.text);
	return m;
}

void suite_expect(struct maildrop *m, size_t i, const char *text)
{
	char got[4096];
	size_t have = 0;
	struct mail_info info;
	assert_int_equal(m->ops->info(m, i, true, &info, &why), STORE_GOT);
	assert_int_equal(info.stored, strlen(text));
	for (;;) {
		/* Small spans, so that a mail is read in several. */
		struct store_span span = { .offset = have, .octets = got + have, .size = 7 };
		if (m->ops->read(m, i, &span, true, &why) != STORE_GOT)
			fail_msg("read: %s", why.text);
		if (span.got == 0)
			break;
		have += span.got;
		assert_true(have < sizeof got - 8);
	}
	got[have] = '\0';
	assert_string_equal(got, text);
}

void suite_expect_all(struct store *s, const char *user, const char *const *texts)
{
	struct maildrop *m = suite_open(s, user);
	size_t n = 0;
	while (texts[n])
		n++;
	assert_int_equal(m->ops->count(m), n);
	for (size_t i = 0; i < n; i++)
		suite_expect(m, i, texts[i]);
	m->ops->close(m);
}

void suite_remove(struct store *s, const char *user, size_t i)
{
	struct maildrop *m = suite_open(s, user);
	unsigned char *marks = calloc(m->ops->count(m) / 8 + 1, 1);
	marks[i / 8] |= (unsigned char)(1 << (i % 8));
	if (!m->ops->remove(m, marks, &why))
		fail_msg("remove: %s", why.text);
	m->ops->close(m);
	free(marks);
}

void suite_uid(struct maildrop *m, size_t i, char uid[STORE_UID_MAX])
{
	struct mail_info info;
	assert_true(m->ops->number(m, &why));
	assert_int_equal(m->ops->info(m, i, true, &info, &why), STORE_GOT);
	memcpy(uid, info.uid, STORE_UID_MAX);
	assert_true(strlen(uid) >= 1 && strlen(uid) <= 70);
}

static int set_up(void **state)
{
	*state = maker->make();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct store *s = *state;
	s->ops->free(s);
	if (maker->wipe)
		maker->wipe();
	return 0;
}

#define TEXTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void new_mailbox_is_empty(void **state)
{
	struct maildrop *m = suite_open(*state, "alice");
	assert_int_equal(m->ops->count(m), 0);
	assert_int_equal(m->ops->octets(m), 0);
	assert_true(m->ops->number(m, &why));
	m->ops->close(m);
}

static void mails_come_back_whole_and_in_order(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\nlines\n");
	suite_deliver(*state, "alice", "..\n");
	suite_deliver(*state, "bob", "other\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\nlines\n", "..\n"));
	suite_expect_all(*state, "bob", TEXTS("other\n"));
}

/* Mail i in pieces of at most `most`. */
static void expect_view(struct maildrop *m, size_t i, struct store_window *window, size_t most, const char *text)
{
	size_t len = strlen(text);
	struct store_view view = { .most = most, .window = window };
	do {
		if (m->ops->view(m, i, &view, true, &why) != STORE_GOT)
			fail_msg("view: %s", why.text);
		assert_true(view.octets.len <= most && view.octets.len <= len - view.offset);
		assert_memory_equal(view.octets.ptr, text + view.offset, view.octets.len);
		view.offset += view.octets.len;
	} while (view.octets.len > 0);
	assert_int_equal(view.offset, len);
}

static const char *const viewed[] = {
	"one\n",       "",
	"..\n\n...\n", "a mail that is longer than the smallest windows are, and has two lines\nthe other one\n",
	"x\n",         "\n",
};
enum { VIEWED = sizeof viewed / sizeof *viewed };

static void view_all(struct maildrop *m, struct store_window *window, size_t most)
{
	for (size_t i = 0; i < VIEWED; i++)
		expect_view(m, i, window, most, viewed[i]);
	for (size_t i = VIEWED; i-- > 0;)
		expect_view(m, i, window, most, viewed[i]);
}

static void mails_are_seen_whole_through_a_window_of_any_size(void **state)
{
	char octets[200];
	for (size_t i = 0; i < VIEWED; i++)
		suite_deliver(*state, "alice", viewed[i]);
	struct maildrop *m = suite_open(*state, "alice");
	for (size_t size = STORE_WINDOW_MIN; size <= sizeof octets; size++) {
		struct store_window window = { .octets = octets, .size = size };
		for (size_t most = 1; most <= 100; most += most < 20 ? 1 : 40)
			view_all(m, &window, most);
	}
	m->ops->close(m);
}

/* The second of each pair stands where the first one stood. */
static void a_window_shows_nobody_what_it_holds_of_another_mailbox(void **state)
{
	char octets[64];
	struct store_window window = { .octets = octets, .size = sizeof octets };
	suite_deliver(*state, "alice", "hers\n");
	suite_deliver(*state, "bob", "his.\n");
	for (int i = 0; i < 3; i++) {
		struct maildrop *hers = suite_open(*state, "alice");
		expect_view(hers, 0, &window, 9, "hers\n");
		hers->ops->close(hers);
		struct maildrop *his = suite_open(*state, "bob");
		expect_view(his, 0, &window, 9, "his.\n");
		his->ops->close(his);
	}
	struct maildrop *hers = suite_open(*state, "alice");
	struct maildrop *his = suite_open(*state, "bob");
	for (int i = 0; i < 3; i++) {
		expect_view(hers, 0, &window, 9, "hers\n");
		expect_view(his, 0, &window, 9, "his.\n");
	}
	hers->ops->close(hers);
	his->ops->close(his);
}

static void last_line_is_closed(void **state)
{
	suite_deliver(*state, "alice", "no line end");
	suite_expect_all(*state, "alice", TEXTS("no line end\n"));
}

static void empty_mail_is_a_mail(void **state)
{
	suite_deliver(*state, "alice", "");
	suite_deliver(*state, "alice", "x\n");
	suite_expect_all(*state, "alice", TEXTS("", "x\n"));
}

static void batch_goes_in_together(void **state)
{
	struct store *s = *state;
	struct draft *drafts[3] = { suite_draft(s, "a\n"), suite_draft(s, "b\n"), suite_draft(s, "c\n") };
	assert_true(s->ops->append(s, "alice", drafts, 3, &why));
	for (size_t i = 0; i < 3; i++)
		draft_free(drafts[i]);
	suite_expect_all(s, "alice", TEXTS("a\n", "b\n", "c\n"));
}

static void one_draft_goes_to_several_mailboxes(void **state)
{
	struct store *s = *state;
	struct draft *d = suite_draft(s, "shared\n");
	assert_true(s->ops->append(s, "alice", &d, 1, &why));
	assert_true(s->ops->append(s, "bob", &d, 1, &why));
	draft_free(d);
	suite_expect_all(s, "alice", TEXTS("shared\n"));
	suite_expect_all(s, "bob", TEXTS("shared\n"));
}

static void octets_are_counted_as_on_the_wire(void **state)
{
	struct mail_info info;
	suite_deliver(*state, "alice", "ab\n..c\n\n"); /* ab CRLF .c CRLF CRLF */
	struct maildrop *m = suite_open(*state, "alice");
	assert_int_equal(m->ops->info(m, 0, true, &info, &why), STORE_GOT);
	assert_int_equal(info.octets, 4 + 4 + 2);
	assert_int_equal(m->ops->octets(m), 10);
	m->ops->close(m);
}

static void second_session_is_refused_with_the_holders_name(void **state)
{
	struct store *s = *state;
	struct maildrop *m = s->ops->open(s, "alice", "alice from 192.0.2.7", &why);
	assert_non_null(m);
	assert_null(s->ops->open(s, "alice", "alice from ::1", &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	assert_non_null(strstr(why.text, "alice from 192.0.2.7"));
	struct maildrop *other = suite_open(s, "bob");
	other->ops->close(other);
	m->ops->close(m);
	m = suite_open(s, "alice");
	m->ops->close(m);
}

static void mail_that_arrives_in_a_session_waits_for_the_next(void **state)
{
	suite_deliver(*state, "alice", "before\n");
	struct maildrop *m = suite_open(*state, "alice");
	suite_deliver(*state, "alice", "within\n");
	assert_int_equal(m->ops->count(m), 1);
	suite_expect(m, 0, "before\n");
	m->ops->close(m);
	suite_expect_all(*state, "alice", TEXTS("before\n", "within\n"));
}

static void removal_takes_the_marked_ones_and_keeps_what_arrived(void **state)
{
	for (int i = 0; i < 5; i++) {
		char text[16];
		snprintf(text, sizeof text, "mail %d\n", i);
		suite_deliver(*state, "alice", text);
	}
	struct maildrop *m = suite_open(*state, "alice");
	suite_deliver(*state, "alice", "late\n");
	const unsigned char marks[1] = { 1 << 1 | 1 << 3 };
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	suite_expect_all(*state, "alice", TEXTS("mail 0\n", "mail 2\n", "mail 4\n", "late\n"));
}

static void a_tail_can_be_removed(void **state)
{
	suite_deliver(*state, "alice", "a\n");
	suite_deliver(*state, "alice", "b\n");
	suite_deliver(*state, "alice", "c\n");
	suite_remove(*state, "alice", 2);
	suite_expect_all(*state, "alice", TEXTS("a\n", "b\n"));
	suite_deliver(*state, "alice", "d\n");
	suite_expect_all(*state, "alice", TEXTS("a\n", "b\n", "d\n"));
}

static void everything_can_be_removed(void **state)
{
	suite_deliver(*state, "alice", "a\n");
	suite_deliver(*state, "alice", "b\n");
	struct maildrop *m = suite_open(*state, "alice");
	const unsigned char marks[1] = { 3 };
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	suite_expect_all(*state, "alice", (const char *const[]){ NULL });
	suite_deliver(*state, "alice", "c\n");
	suite_expect_all(*state, "alice", TEXTS("c\n"));
}

static void closing_without_removal_removes_nothing(void **state)
{
	suite_deliver(*state, "alice", "a\n");
	struct maildrop *m = suite_open(*state, "alice");
	m->ops->close(m);
	suite_expect_all(*state, "alice", TEXTS("a\n"));
}

static void ids_differ_and_stay(void **state)
{
	struct store *s = *state;
	char first[3][STORE_UID_MAX];
	char again[STORE_UID_MAX];
	suite_deliver(s, "alice", "equal\n");
	suite_deliver(s, "alice", "other\n");
	suite_deliver(s, "alice", "equal\n");
	struct maildrop *m = suite_open(s, "alice");
	for (size_t i = 0; i < 3; i++)
		suite_uid(m, i, first[i]);
	assert_string_not_equal(first[0], first[1]);
	assert_string_not_equal(first[0], first[2]);
	m->ops->close(m);
	suite_remove(s, "alice", 0);
	m = suite_open(s, "alice");
	for (size_t i = 0; i < 2; i++) {
		suite_uid(m, i, again);
		assert_string_equal(again, first[i + 1]);
	}
	m->ops->close(m);
}

static void an_id_is_not_given_again(void **state)
{
	struct store *s = *state;
	char gone[STORE_UID_MAX];
	char fresh[STORE_UID_MAX];
	for (int round = 0; round < 3; round++) {
		suite_deliver(s, "alice", "equal\n");
		struct maildrop *m = suite_open(s, "alice");
		suite_uid(m, 0, fresh);
		m->ops->close(m);
		if (round > 0)
			assert_string_not_equal(fresh, gone);
		memcpy(gone, fresh, sizeof gone);
		suite_remove(s, "alice", 0);
	}
}

static void ids_given_in_a_session_count_what_came_meanwhile(void **state)
{
	struct store *s = *state;
	char uid[STORE_UID_MAX];
	char later[STORE_UID_MAX];
	suite_deliver(s, "alice", "a\n");
	struct maildrop *m = suite_open(s, "alice");
	suite_deliver(s, "alice", "a\n");
	suite_uid(m, 0, uid);
	suite_expect(m, 0, "a\n");
	assert_int_equal(m->ops->count(m), 1);
	m->ops->close(m);
	m = suite_open(s, "alice");
	suite_uid(m, 0, later);
	assert_string_equal(uid, later);
	m->ops->close(m);
}

static void another_store_on_the_same_mailboxes_sees_all(void **state)
{
	if (!maker->reopen)
		skip();
	char before[STORE_UID_MAX];
	char after[STORE_UID_MAX];
	suite_deliver(*state, "alice", "a\n");
	struct maildrop *m = suite_open(*state, "alice");
	suite_uid(m, 0, before);
	struct store *other = maker->reopen();
	assert_null(other->ops->open(other, "alice", "x", &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	m->ops->close(m);
	suite_deliver(other, "alice", "b\n");
	suite_deliver(*state, "alice", "c\n");
	suite_expect_all(other, "alice", TEXTS("a\n", "b\n", "c\n"));
	m = suite_open(other, "alice");
	suite_uid(m, 0, after);
	assert_string_equal(before, after);
	m->ops->close(m);
	suite_remove(other, "alice", 1);
	suite_deliver(*state, "alice", "d\n");
	suite_expect_all(*state, "alice", TEXTS("a\n", "c\n", "d\n"));
	other->ops->free(other);
}

enum { THREADS = 8, MAILS_EACH = 50 };

static void *deliver_many(void *store)
{
	for (int i = 0; i < MAILS_EACH; i++)
		suite_deliver(store, i % 2 ? "alice" : "bob", "from a thread\n");
	return NULL;
}

static void threads_deliver_at_once(void **state)
{
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, deliver_many, *state), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	struct maildrop *m = suite_open(*state, "alice");
	assert_int_equal(m->ops->count(m), THREADS * MAILS_EACH / 2);
	for (size_t i = 0; i < m->ops->count(m); i++)
		suite_expect(m, i, "from a thread\n");
	m->ops->close(m);
}

/* ---- the quota: a mail counts with its dividing line, two octets ---- */

static void refuse(struct store *s, const char *user, struct draft *const *drafts, size_t n)
{
	why = (struct fault){ .kind = FAULT_NONE };
	assert_false(s->ops->append(s, user, drafts, n, &why));
	assert_int_equal(why.kind, FAULT_QUOTA);
	assert_true(strlen(why.text) > 0);
}

static void refuse_text(struct store *s, const char *user, const char *text)
{
	struct draft *d = suite_draft(s, text);
	refuse(s, user, &d, 1);
	draft_free(d);
}

static void a_mail_that_fits_the_quota_exactly_is_taken(void **state)
{
	struct store *s = *state;
	s->quota = 6 + 14;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "alice", "two-two-two\n");
	suite_expect_all(s, "alice", TEXTS("one\n", "two-two-two\n"));
	/* Each mailbox has its own. */
	suite_deliver(s, "bob", "one-one-one-one-1\n");
	suite_expect_all(s, "bob", TEXTS("one-one-one-one-1\n"));
}

static void an_octet_over_the_quota_is_refused_and_changes_nothing(void **state)
{
	struct store *s = *state;
	char before[STORE_UID_MAX];
	char after[STORE_UID_MAX];
	s->quota = 6 + 14 - 1;
	refuse_text(s, "alice", "longer-than-it-all\n");
	suite_expect_all(s, "alice", (const char *const[]){ NULL });
	suite_deliver(s, "alice", "one\n");
	struct maildrop *m = suite_open(s, "alice");
	suite_uid(m, 0, before);
	refuse_text(s, "alice", "two-two-two\n");
	suite_expect(m, 0, "one\n");
	m->ops->close(m);
	suite_expect_all(s, "alice", TEXTS("one\n"));
	m = suite_open(s, "alice");
	suite_uid(m, 0, after);
	assert_string_equal(before, after);
	m->ops->close(m);
	suite_deliver(s, "alice", "two-two-tw\n");
	suite_expect_all(s, "alice", TEXTS("one\n", "two-two-tw\n"));
}

static void removal_makes_room_within_the_quota(void **state)
{
	struct store *s = *state;
	s->quota = 12;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "alice", "two\n");
	refuse_text(s, "alice", "\n");
	suite_remove(s, "alice", 0);
	suite_deliver(s, "alice", "six\n");
	suite_expect_all(s, "alice", TEXTS("two\n", "six\n"));
	refuse_text(s, "alice", "\n");
}

static void a_batch_over_the_quota_is_refused_whole(void **state)
{
	struct store *s = *state;
	struct draft *drafts[3] = { suite_draft(s, "a\n"), suite_draft(s, "b\n"), suite_draft(s, "c\n") };
	s->quota = 4 + 3 * 4 - 1;
	suite_deliver(s, "alice", "0\n");
	refuse(s, "alice", drafts, 3);
	suite_expect_all(s, "alice", TEXTS("0\n"));
	assert_true(s->ops->append(s, "alice", drafts, 2, &why));
	refuse(s, "alice", drafts + 2, 1);
	for (size_t i = 0; i < 3; i++)
		draft_free(drafts[i]);
	suite_expect_all(s, "alice", TEXTS("0\n", "a\n", "b\n"));
}

static bool has_room(struct store *s, const char *user, uint64_t octets)
{
	why = (struct fault){ .kind = FAULT_NONE };
	if (s->ops->room(s, user, octets, &why))
		return true;
	assert_int_equal(why.kind, FAULT_QUOTA);
	assert_true(strlen(why.text) > 0);
	return false;
}

static void room_says_what_append_would_do(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	assert_true(has_room(s, "alice", UINT64_MAX));
	assert_true(has_room(s, "nobody-yet", UINT64_MAX));
	s->quota = 20;
	assert_true(has_room(s, "nobody-yet", 20));
	assert_false(has_room(s, "nobody-yet", 21));
	assert_true(has_room(s, "alice", 14));
	assert_false(has_room(s, "alice", 15));
	assert_false(has_room(s, "alice", UINT64_MAX)); /* no sum wraps round */
	suite_deliver(s, "alice", "two-two-two\n");
	assert_true(has_room(s, "alice", 0));
	assert_false(has_room(s, "alice", 1));
	suite_remove(s, "alice", 1);
	assert_true(has_room(s, "alice", 14));
	assert_false(has_room(s, "alice", 15));
	s->quota = 5; /* it was lowered: what is there stays */
	assert_false(has_room(s, "alice", 0));
	refuse_text(s, "alice", "");
	suite_expect_all(s, "alice", TEXTS("one\n"));
}

enum { QUOTA_MAILS = 100 };

static void *deliver_until_full(void *store)
{
	struct store *s = store;
	struct fault mine;
	size_t taken = 0;
	struct draft *d = suite_draft(s, "from a thread\n");
	for (int i = 0; i < MAILS_EACH; i++)
		taken += s->ops->append(s, "alice", &d, 1, &mine) ? 1 : 0;
	draft_free(d);
	return (void *)(uintptr_t)taken;
}

static void deliveries_at_once_never_overrun_the_quota(void **state)
{
	struct store *s = *state;
	pthread_t threads[THREADS];
	size_t taken = 0;
	s->quota = QUOTA_MAILS * (strlen("from a thread\n") + 2) + 15;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, deliver_until_full, s), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *got;
		pthread_join(threads[i], &got);
		taken += (size_t)(uintptr_t)got;
	}
	assert_int_equal(taken, QUOTA_MAILS);
	struct maildrop *m = suite_open(s, "alice");
	assert_int_equal(m->ops->count(m), QUOTA_MAILS);
	m->ops->close(m);
}

static void a_mailbox_is_discarded_whole_but_not_under_a_session(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "bob", "his\n");
	struct maildrop *m = suite_open(s, "alice");
	assert_false(s->ops->discard(s, "alice", &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	suite_expect(m, 0, "one\n");
	s->ops->close(m);
	if (!s->ops->discard(s, "alice", &why))
		fail_msg("discard: %s", why.text);
	suite_deliver(s, "alice", "two\n");
	m = suite_open(s, "alice");
	assert_int_equal(s->ops->count(m), 1);
	suite_expect(m, 0, "two\n");
	s->ops->close(m);
	m = suite_open(s, "bob");
	assert_int_equal(s->ops->count(m), 1);
	s->ops->close(m);
}

int store_suite_run(const char *name, const struct store_suite_maker *with)
{
#define PROMISE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest promises[] = {
		PROMISE(new_mailbox_is_empty),
		PROMISE(mails_come_back_whole_and_in_order),
		PROMISE(mails_are_seen_whole_through_a_window_of_any_size),
		PROMISE(a_window_shows_nobody_what_it_holds_of_another_mailbox),
		PROMISE(last_line_is_closed),
		PROMISE(empty_mail_is_a_mail),
		PROMISE(batch_goes_in_together),
		PROMISE(one_draft_goes_to_several_mailboxes),
		PROMISE(octets_are_counted_as_on_the_wire),
		PROMISE(second_session_is_refused_with_the_holders_name),
		PROMISE(mail_that_arrives_in_a_session_waits_for_the_next),
		PROMISE(removal_takes_the_marked_ones_and_keeps_what_arrived),
		PROMISE(a_tail_can_be_removed),
		PROMISE(everything_can_be_removed),
		PROMISE(closing_without_removal_removes_nothing),
		PROMISE(ids_differ_and_stay),
		PROMISE(an_id_is_not_given_again),
		PROMISE(ids_given_in_a_session_count_what_came_meanwhile),
		PROMISE(another_store_on_the_same_mailboxes_sees_all),
		PROMISE(threads_deliver_at_once),
		PROMISE(a_mail_that_fits_the_quota_exactly_is_taken),
		PROMISE(an_octet_over_the_quota_is_refused_and_changes_nothing),
		PROMISE(removal_makes_room_within_the_quota),
		PROMISE(a_batch_over_the_quota_is_refused_whole),
		PROMISE(room_says_what_append_would_do),
		PROMISE(deliveries_at_once_never_overrun_the_quota),
		PROMISE(a_mailbox_is_discarded_whole_but_not_under_a_session),
	};
	maker = with;
	return cmocka_run_group_tests_name(name, promises, NULL, NULL);
}
