/*
 * delivery: batches, their order, their failures, and mailboxes side by side; against a store that only counts.
 */
#include "server/delivery.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MAILS = 2000, CALLS_MAX = 4096, BATCH_MAILS = 256 };

struct fake_call {
	char user[USERS_NAME_MAX + 1];
	size_t n;
};

/* Notes each append, and holds the first of them until it is let go. */
struct fake {
	struct store base;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool held;
	int inside;
	int most_inside;
	struct fake_call calls[CALLS_MAX];
	size_t call_count;
	struct draft *order[2 * MAILS];
	size_t mail_count;
};

struct mail {
	struct delivery delivery;
	int *left;
	pthread_t told_on;
	size_t told; /* the how-manyth */
};

enum { TIGHT_ROOM = 1000 }; /* octets that go at once into the mailboxes "tight" and "quota" */

static struct fake fake;
static struct mail mails[2 * MAILS];
static size_t told;

static void note(struct fake *f, const char *user, struct draft *const *drafts, size_t n)
{
	struct fake_call *call = &f->calls[f->call_count++];
	snprintf(call->user, sizeof call->user, "%s", user);
	call->n = n;
	for (size_t i = 0; i < n; i++)
		f->order[f->mail_count++] = drafts[i];
}

static uint64_t octets_of(struct draft *const *drafts, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += draft_size(drafts[i]);
	return sum;
}

static bool fake_append(struct store *store, const char *user, struct draft *const *drafts, size_t n, struct fault *why)
{
	struct fake *f = (struct fake *)store;
	pthread_mutex_lock(&f->lock);
	if (++f->inside > f->most_inside)
		f->most_inside = f->inside;
	pthread_cond_broadcast(&f->change);
	while (f->held)
		pthread_cond_wait(&f->change, &f->lock);
	note(f, user, drafts, n);
	f->inside--;
	pthread_mutex_unlock(&f->lock);
	if (strcmp(user, "full") == 0)
		return fault_set(why, FAULT_FULL, "no room for full");
	if (strcmp(user, "tight") == 0 && octets_of(drafts, n) > TIGHT_ROOM)
		return fault_set(why, FAULT_FULL, "no room for so much");
	if (strcmp(user, "quota") == 0 && octets_of(drafts, n) > TIGHT_ROOM)
		return fault_set(why, FAULT_QUOTA, "over the quota");
	return true;
}

static const struct store_ops fake_ops = { .name = "fake", .append = fake_append };

static void fake_reset(bool held)
{
	fake = (struct fake){ .base = { .ops = &fake_ops }, .held = held };
	pthread_mutex_init(&fake.lock, NULL);
	pthread_cond_init(&fake.change, NULL);
	told = 0;
}

static void wait_inside(int count)
{
	pthread_mutex_lock(&fake.lock);
	while (fake.inside < count)
		pthread_cond_wait(&fake.change, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
}

static void let_go(void)
{
	pthread_mutex_lock(&fake.lock);
	fake.held = false;
	pthread_cond_broadcast(&fake.change);
	pthread_mutex_unlock(&fake.lock);
}

static struct draft *draft_of(size_t size)
{
	struct draft *d = draft_new(-1);
	struct fault why;
	char *text = malloc(size + 1);
	memset(text, 'x', size);
	text[size] = '\n';
	assert_non_null(d);
	assert_true(draft_write(d, text, size + 1));
	assert_true(draft_finish(d, &why));
	free(text);
	return d;
}

/* The same draft serves many: the fake only notes which it was. */
static void on_done(struct delivery *d)
{
	struct mail *m = (struct mail *)d;
	m->told_on = pthread_self();
	m->told = told++;
	if (--*m->left == 0 && d->home)
		loop_stop(d->home);
}

/* It says to whom, and with what; where it is to be told of, the mail knows by itself. */
static void hand_in_copy(struct delivery_desk *desk, struct mail *m, const char *user, struct draft *draft)
{
	snprintf(m->delivery.user, sizeof m->delivery.user, "%s", user);
	m->delivery.draft = draft;
	m->delivery.done = on_done;
	delivery_hand_in(desk, &m->delivery);
}

static void hand_in(struct delivery_desk *desk, struct mail *m, const char *user, struct draft *draft,
                    struct loop *home)
{
	*m = (struct mail){ .left = m->left, .delivery.home = home };
	hand_in_copy(desk, m, user, draft);
}

struct rig {
	struct loop *loop;
	struct jobs *jobs;
	struct delivery_desk *desk;
	int left;
};

static void rig_open(struct rig *r, bool held)
{
	struct fault why;
	fake_reset(held);
	*r = (struct rig){ .loop = loop_new(&why), .jobs = jobs_new(8, &why) };
	r->desk = delivery_desk_new(&fake.base, r->jobs);
	for (size_t i = 0; i < 2 * MAILS; i++)
		mails[i].left = &r->left;
}

static void rig_close(struct rig *r)
{
	jobs_free(r->jobs);
	delivery_desk_free(r->desk); /* asserts that no mailbox is left in it */
	loop_free(r->loop);
}

static void what_gathers_while_one_batch_runs_goes_in_with_the_next(void **state)
{
	struct draft *d = draft_of(10);
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.left = 601;
	hand_in(r.desk, &mails[0], "alice", d, r.loop);
	wait_inside(1);
	for (int i = 1; i < 601; i++)
		hand_in(r.desk, &mails[i], "alice", d, r.loop);
	let_go();
	loop_run(r.loop);
	rig_close(&r);
	assert_int_equal(fake.most_inside, 1);
	assert_int_equal(fake.call_count, 4);
	assert_int_equal(fake.calls[0].n, 1);
	assert_int_equal(fake.calls[1].n, BATCH_MAILS);
	assert_int_equal(fake.calls[2].n, BATCH_MAILS);
	assert_int_equal(fake.calls[3].n, 600 - 2 * BATCH_MAILS);
	for (int i = 0; i < 601; i++) {
		assert_true(mails[i].delivery.stored);
		assert_true(pthread_equal(mails[i].told_on, pthread_self()));
		assert_int_equal(mails[i].told, i);
	}
	draft_free(d);
}

static void of_a_mails_copies_the_last_alone_is_told(void **state)
{
	static const char *const users[] = { "alice", "full", "carol" };
	struct draft *d = draft_of(10);
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.left = 1;
	atomic_size_t under_way = 3;
	for (int i = 0; i < 3; i++) {
		mails[i] = (struct mail){ .left = &r.left, .delivery = { .home = r.loop, .under_way = &under_way } };
		hand_in_copy(r.desk, &mails[i], users[i], d);
	}
	wait_inside(3);
	let_go();
	loop_run(r.loop);
	rig_close(&r);
	assert_int_equal(told, 1);
	assert_int_equal(under_way, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mails[i].delivery.stored, i != 1);
	draft_free(d);
}

static void a_batch_is_bounded_in_octets_but_has_at_least_one_mail(void **state)
{
	struct draft *d = draft_of(900 * 1024);
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.left = 41;
	hand_in(r.desk, &mails[0], "alice", d, r.loop);
	wait_inside(1);
	for (int i = 1; i < 41; i++)
		hand_in(r.desk, &mails[i], "alice", d, r.loop);
	let_go();
	loop_run(r.loop);
	rig_close(&r);
	assert_int_equal(fake.mail_count, 41);
	assert_int_equal(fake.calls[1].n, 18); /* of 900 KiB each within 16 MiB */
	draft_free(d);
}

static void mails_keep_their_order_in_a_mailbox(void **state)
{
	static struct draft *drafts[MAILS];
	struct rig r;
	(void)state;
	rig_open(&r, false);
	r.left = MAILS;
	for (int i = 0; i < MAILS; i++) {
		drafts[i] = draft_of(1);
		hand_in(r.desk, &mails[i], "alice", drafts[i], r.loop);
	}
	loop_run(r.loop);
	rig_close(&r);
	assert_int_equal(fake.mail_count, MAILS);
	for (int i = 0; i < MAILS; i++) {
		assert_ptr_equal(fake.order[i], drafts[i]);
		draft_free(drafts[i]);
	}
}

static void mailboxes_go_side_by_side(void **state)
{
	struct draft *d = draft_of(10);
	char user[16];
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.left = 12;
	for (int i = 0; i < 12; i++) {
		snprintf(user, sizeof user, "user%d", i % 6);
		hand_in(r.desk, &mails[i], user, d, r.loop);
	}
	wait_inside(6);
	let_go();
	loop_run(r.loop);
	rig_close(&r);
	assert_int_equal(fake.most_inside, 6);
	assert_int_equal(fake.mail_count, 12);
	draft_free(d);
}

static void a_failure_reaches_each_of_its_batch_and_no_other(void **state)
{
	struct draft *d = draft_of(10);
	struct rig r;
	(void)state;
	rig_open(&r, true);
	r.left = 20;
	for (int i = 0; i < 20; i++)
		hand_in(r.desk, &mails[i], i % 2 ? "full" : "alice", d, r.loop);
	let_go();
	loop_run(r.loop);
	rig_close(&r);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(mails[i].delivery.stored, i % 2 == 0);
		assert_int_equal(mails[i].delivery.why.kind, i % 2 ? FAULT_FULL : FAULT_NONE);
		assert_string_equal(mails[i].delivery.why.text, i % 2 ? "no room for full" : "");
	}
	draft_free(d);
}

static void large_among_small(const char *user, enum fault_kind kind)
{
	struct draft *small = draft_of(10);
	struct draft *large = draft_of(TIGHT_ROOM);
	struct rig r;
	rig_open(&r, true);
	r.left = 4;
	hand_in(r.desk, &mails[0], user, small, r.loop);
	wait_inside(1);
	for (int i = 1; i < 4; i++)
		hand_in(r.desk, &mails[i], user, i == 2 ? large : small, r.loop);
	let_go();
	loop_run(r.loop);
	rig_close(&r);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(mails[i].delivery.stored, i != 2);
		assert_int_equal(mails[i].delivery.why.kind, i == 2 ? kind : FAULT_NONE);
		assert_int_equal(mails[i].told, i);
	}
	draft_free(small);
	draft_free(large);
}

static void a_mail_that_does_not_fit_refuses_itself_alone(void **state)
{
	(void)state;
	large_among_small("tight", FAULT_FULL);
}

static void a_mail_over_the_quota_refuses_itself_alone(void **state)
{
	(void)state;
	large_among_small("quota", FAULT_QUOTA);
}

struct sender {
	pthread_t thread;
	struct rig *rig;
	struct draft *draft;
	struct mail *mails;
	struct loop *loop;
	int left;
};

static void on_done_of_sender(struct delivery *d)
{
	struct mail *m = (struct mail *)d;
	m->told_on = pthread_self();
	if (--*m->left == 0)
		loop_stop(d->home);
}

static void *send_own(void *arg)
{
	struct sender *s = arg;
	for (int i = 0; i < MAILS / 2; i++) {
		struct mail *m = &s->mails[i];
		*m = (struct mail){ .left = &s->left };
		snprintf(m->delivery.user, sizeof m->delivery.user, "%s", i % 3 ? "alice" : "bob");
		m->delivery.draft = s->draft;
		m->delivery.home = s->loop;
		m->delivery.done = on_done_of_sender;
		delivery_hand_in(s->rig->desk, &m->delivery);
	}
	loop_run(s->loop);
	return NULL;
}

static void workers_hand_in_at_once_and_each_is_told_at_home(void **state)
{
	struct draft *d = draft_of(10);
	struct sender senders[4];
	struct fault why;
	struct rig r;
	(void)state;
	rig_open(&r, false);
	for (int i = 0; i < 4; i++) {
		senders[i] =
		        (struct sender){ .rig = &r, .draft = d, .mails = mails + i * MAILS / 2, .left = MAILS / 2 };
		senders[i].loop = loop_new(&why);
		pthread_create(&senders[i].thread, NULL, send_own, &senders[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(senders[i].thread, NULL);
	rig_close(&r);
	assert_int_equal(fake.mail_count, 2 * MAILS);
	assert_in_range(fake.most_inside, 1, 2);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < MAILS / 2; k++)
			assert_true(pthread_equal(senders[i].mails[k].told_on, senders[i].thread));
		loop_free(senders[i].loop);
	}
	draft_free(d);
}

static void without_a_pool_it_is_done_when_hand_in_returns(void **state)
{
	struct draft *d = draft_of(10);
	struct mail m = { .left = &(int){ 1 } };
	(void)state;
	fake_reset(false);
	struct delivery_desk *desk = delivery_desk_new(&fake.base, NULL);
	hand_in(desk, &m, "alice", d, NULL);
	assert_true(m.delivery.stored);
	assert_int_equal(told, 1);
	delivery_desk_free(desk);
	draft_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_gathers_while_one_batch_runs_goes_in_with_the_next),
		cmocka_unit_test(of_a_mails_copies_the_last_alone_is_told),
		cmocka_unit_test(a_batch_is_bounded_in_octets_but_has_at_least_one_mail),
		cmocka_unit_test(mails_keep_their_order_in_a_mailbox),
		cmocka_unit_test(mailboxes_go_side_by_side),
		cmocka_unit_test(a_failure_reaches_each_of_its_batch_and_no_other),
		cmocka_unit_test(a_mail_that_does_not_fit_refuses_itself_alone),
		cmocka_unit_test(a_mail_over_the_quota_refuses_itself_alone),
		cmocka_unit_test(workers_hand_in_at_once_and_each_is_told_at_home),
		cmocka_unit_test(without_a_pool_it_is_done_when_hand_in_returns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
