/*
 * lab: see lab_suite.h.
 */
#include "server/lab_suite.h"
#include "server/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "base/file.h"

enum { HEARD_MAX = 4 * 1024 * 1024, CHUNK = 32 * 1024 };

/* ---- the store ---- */

struct lab_maildrop {
	struct maildrop base;
	struct lab_store *store;
	struct maildrop *inner;
	size_t warm; /* the mail whose info a blocking call has read, + 1 */
};

static struct lab_store *lab_store_of(struct store *s)
{
	return (struct lab_store *)s;
}

static struct lab_maildrop *lab_maildrop_of(struct maildrop *m)
{
	return (struct lab_maildrop *)m;
}

static void store_free(struct store *s)
{
	struct lab_store *l = lab_store_of(s);
	assert_int_equal(l->open_maildrops, 0);
	l->inner->ops->free(l->inner);
}

static bool store_prepare(struct store *s, const char *user, struct fault *why)
{
	struct store *inner = lab_store_of(s)->inner;
	return inner->ops->prepare(inner, user, why);
}

static struct draft *store_draft(struct store *s)
{
	const struct lab_store *l = lab_store_of(s);
	return l->no_drafts ? NULL : draft_new(l->spill_dir);
}

static bool is_failing(const struct lab_store *l, const char *user, struct fault *why)
{
	if (l->fails_for && strcmp(l->fails_for, user) == 0)
		return !fault_set(why, l->kind, "%s from 192.0.2.1 since 12:00", user);
	if (l->fails_also && strcmp(l->fails_also, user) == 0)
		return !fault_set(why, FAULT_TEMPORARY, "the test wants it so");
	return false;
}

static bool store_append(struct store *s, const char *user, struct draft *const *drafts, size_t n, struct fault *why)
{
	struct lab_store *l = lab_store_of(s);
	__atomic_fetch_add(&l->appends, 1, __ATOMIC_RELAXED);
	return !is_failing(l, user, why) && l->inner->ops->append(l->inner, user, drafts, n, why);
}

static struct maildrop *store_open(struct store *s, const char *user, const char *holder, struct fault *why)
{
	struct lab_store *l = lab_store_of(s);
	struct maildrop *inner = is_failing(l, user, why) ? NULL : l->inner->ops->open(l->inner, user, holder, why);
	if (!inner)
		return NULL;
	struct lab_maildrop *m = malloc(sizeof *m);
	assert_non_null(m);
	*m = (struct lab_maildrop){ .base.ops = s->ops, .store = l, .inner = inner };
	l->open_maildrops++;
	return &m->base;
}

static void store_close(struct maildrop *base)
{
	struct lab_maildrop *m = lab_maildrop_of(base);
	m->store->open_maildrops--;
	m->inner->ops->close(m->inner);
	free(m);
}

static size_t store_count(const struct maildrop *base)
{
	const struct maildrop *inner = ((const struct lab_maildrop *)base)->inner;
	return inner->ops->count(inner);
}

static uint64_t store_octets(const struct maildrop *base)
{
	const struct maildrop *inner = ((const struct lab_maildrop *)base)->inner;
	return inner->ops->octets(inner);
}

static bool store_number(struct maildrop *base, struct fault *why)
{
	struct lab_maildrop *m = lab_maildrop_of(base);
	if (m->store->fails_to_number)
		return fault_set(why, FAULT_TEMPORARY, "the test wants it so");
	return m->inner->ops->number(m->inner, why);
}

static enum store_got store_info(struct maildrop *base, size_t i, bool may_block, struct mail_info *info,
                                 struct fault *why)
{
	struct lab_maildrop *m = lab_maildrop_of(base);
	if (m->store->cold && !may_block && m->warm != i + 1)
		return STORE_WOULD_BLOCK;
	m->warm = i + 1;
	return m->inner->ops->info(m->inner, i, may_block, info, why);
}

static enum store_got store_read(struct maildrop *base, size_t i, struct store_span *span, bool may_block,
                                 struct fault *why)
{
	struct lab_maildrop *m = lab_maildrop_of(base);
	if (m->store->cold && !may_block)
		return STORE_WOULD_BLOCK;
	m->store->blocking_reads += may_block;
	if (m->store->fails_to_read) {
		fault_set(why, FAULT_TEMPORARY, "the test wants it so");
		return STORE_FAULT;
	}
	return m->inner->ops->read(m->inner, i, span, may_block, why);
}

static enum store_got store_view(struct maildrop *base, size_t i, struct store_view *view, bool may_block,
                                 struct fault *why)
{
	struct lab_maildrop *m = lab_maildrop_of(base);
	if (m->store->cold && !may_block)
		return STORE_WOULD_BLOCK;
	if (m->store->fails_to_read) {
		fault_set(why, FAULT_TEMPORARY, "the test wants it so");
		return STORE_FAULT;
	}
	return m->inner->ops->view(m->inner, i, view, may_block, why);
}

static bool store_remove(struct maildrop *base, const unsigned char *marks, struct fault *why)
{
	struct lab_maildrop *m = lab_maildrop_of(base);
	if (m->store->fails_to_remove)
		return fault_set(why, FAULT_FULL, "the test wants it so");
	return m->inner->ops->remove(m->inner, marks, why);
}

static void store_tidy(struct store *s, const char *user)
{
	struct lab_store *l = lab_store_of(s);
	l->tidied++;
	l->inner->ops->tidy(l->inner, user);
}

static bool store_room(struct store *s, const char *user, uint64_t octets, struct fault *why)
{
	struct lab_store *l = lab_store_of(s);
	return l->inner->ops->room(l->inner, user, octets, why);
}

static bool store_discard(struct store *s, const char *user, struct fault *why)
{
	struct lab_store *l = lab_store_of(s);
	return l->inner->ops->discard(l->inner, user, why);
}

static const struct store_ops lab_store_ops = {
	.name = "lab",
	.free = store_free,
	.prepare = store_prepare,
	.draft = store_draft,
	.append = store_append,
	.room = store_room,
	.open = store_open,
	.close = store_close,
	.count = store_count,
	.octets = store_octets,
	.number = store_number,
	.info = store_info,
	.read = store_read,
	.view = store_view,
	.remove = store_remove,
	.tidy = store_tidy,
	.discard = store_discard,
};

/* ---- the site ---- */

static void write_users(int dir, const char *name, const char *text)
{
	int fd = file_open(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_true(file_write(fd, text, strlen(text), 0));
	close(fd);
}

void lab_write_users(struct lab *lab, const char *text)
{
	write_users(lab->site.dir, "user.txt", text);
}

void lab_open(struct lab *lab, unsigned kind)
{
	struct fault why = { 0 };
	*lab = (struct lab){ .dir = "/tmp/postroom-lab-XXXXXX" };
	assert_non_null(mkdtemp(lab->dir));
	struct site *site = &lab->site;
	site->options = &lab->options;
	pthread_mutex_init(&site->refreshing, NULL);
	site->dir = open(lab->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(site->dir >= 0);
	lab_write_users(lab, "alice secret\nBob d@t@comm\ncarol pw\n");
	site->course = site->loaded = course_load("kharagpur", &why);
	assert_non_null(site->course);
	site->users = users_open(site->dir, lab->dir, "user.txt", &(struct users_form){ .separator = ' ' }, NULL, &why);
	assert_non_null(site->users);
	lab->store = (struct lab_store){
		.base.ops = &lab_store_ops,
		.inner = kind & LAB_FILES ? file_store_new(site->dir, "mymailbox", &why) : memory_store_new(&why),
		.spill_dir = kind & LAB_FILES ? site->dir : -1,
	};
	assert_non_null(lab->store.inner);
	site->store = &lab->store.base;
	if (kind & LAB_JOBS) {
		site->jobs = jobs_new(8, &why);
		assert_non_null(site->jobs);
	}
	lab->loop = loop_new(&why);
	assert_non_null(lab->loop);
	site->desk = delivery_desk_new(site->store, site->jobs);
	assert_non_null(site->desk);
	site->smtp = (struct smtp_config){ .replies = site->course->replies,
		                           .domain = "lab.example",
		                           .max_size = SMTP_SIZE_DEFAULT };
	site->lmtp = site->smtp;
	site->lmtp.lmtp = true;
	site->lmtp_remote = site->lmtp;
	site->lmtp_remote.auth_required = true;
	site->pop3 = (struct pop3_config){ .replies = site->course->replies, .pass_trimmed = true };
	buf_init(&lab->heard, HEARD_MAX);
}

void lab_give_up_threads(struct site *site)
{
	jobs_free(site->hashing);
	jobs_free(site->jobs);
	turns_free(site->turns);
	delivery_desk_free(site->desk);
	site->hashing = site->jobs = NULL;
	site->turns = NULL;
	site->desk = delivery_desk_new(site->store, NULL);
	assert_non_null(site->desk);
}

void lab_open_standard(struct lab *lab, unsigned kind, const char *users)
{
	struct fault why = { 0 };
	*lab = (struct lab){ .dir = "/tmp/postroom-lab-XXXXXX" };
	assert_non_null(mkdtemp(lab->dir));
	lab->options = (struct options){
		.dir = lab->dir,
		.course = "standard",
		.domain = "example.org",
		.domains = { "example.org" },
		.domains_count = 1,
		.max_size = SMTP_SIZE_DEFAULT,
	};
	int dir = open(lab->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_users(dir, "users.txt", users);
	close(dir);
	if (site_open(&lab->site, &lab->options, &why) != SITE_OPEN || site_start(&lab->site, &why) != SITE_OPEN)
		fail_msg("%s", why.text);
	lab->store.inner = lab->site.store;
	lab->loop = loop_new(&why);
	assert_non_null(lab->loop);
	if (!(kind & LAB_JOBS))
		lab_give_up_threads(&lab->site);
	buf_init(&lab->heard, HEARD_MAX);
}

static int remove_entry(const char *path, const struct stat *st, int what, struct FTW *where)
{
	(void)st;
	(void)what;
	(void)where;
	return remove(path);
}

void lab_close(struct lab *lab)
{
	if (lab->talking)
		lab_hang_up(lab);
	site_close(&lab->site);
	loop_free(lab->loop);
	buf_release(&lab->heard);
	nftw(lab->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the session ---- */

void lab_settle(struct lab *lab)
{
	if (!lab->site.jobs)
		return;
	do {
		if (lab->site.hashing)
			jobs_wait(lab->site.hashing);
		jobs_wait(lab->site.jobs);
	} while (loop_run_posted(lab->loop));
}

/* What was said is taken, as by a peer that reads. */
static void hear(struct lab *lab)
{
	struct pump *p = &lab->pump;
	do {
		assert_true(buf_append_slice(&lab->heard, buf_slice(&p->out)));
		buf_clear(&p->out);
		pump_drained(p);
		lab_settle(lab);
	} while (p->out.len > 0);
}

void lab_connect(struct lab *lab, lab_session_new *session_new)
{
	const struct peer peer = { .address = lab->site.course->standard ? "127.0.0.1" : "192.0.2.7", .fd = 7 };
	struct session *s = session_new(&lab->site, lab->loop, &peer);
	assert_non_null(s);
	pump_init(&lab->pump, s, NULL, NULL);
	lab->talking = true;
	pump_start(&lab->pump);
}

void lab_give(struct lab *lab, const char *octets, size_t n)
{
	while (n > 0) {
		size_t now = n < CHUNK ? n : CHUNK;
		lab_settle(lab);
		assert_true(pump_input(&lab->pump, octets, now));
		octets += now;
		n -= now;
	}
}

const char *lab_say(struct lab *lab, const char *octets, size_t n)
{
	buf_clear(&lab->heard);
	hear(lab);
	lab_give(lab, octets, n);
	lab_settle(lab);
	hear(lab);
	assert_true(buf_append_char(&lab->heard, '\0'));
	return lab->heard.data;
}

const char *lab_say_text(struct lab *lab, const char *text)
{
	return lab_say(lab, text, strlen(text));
}

void lab_hang_up(struct lab *lab)
{
	pump_lost(&lab->pump);
	lab_settle(lab);
	pump_release(&lab->pump);
	lab_settle(lab);
	lab->talking = false;
}

/* ---- mailboxes ---- */

static void read_mail(struct maildrop *m, size_t i, struct buf *to)
{
	struct fault why;
	struct store_span span = { .offset = 0 };
	do {
		assert_true(buf_reserve(to, CHUNK));
		span.octets = buf_end(to);
		span.size = CHUNK;
		assert_int_equal(m->ops->read(m, i, &span, true, &why), STORE_GOT);
		buf_grew(to, span.got);
		span.offset += span.got;
	} while (span.got > 0);
	assert_true(buf_append_text(to, ".\n"));
}

char *lab_mailbox(struct lab *lab, const char *user)
{
	struct fault why;
	struct buf text;
	struct store *inner = lab->store.inner;
	struct maildrop *m = inner->ops->open(inner, user, "the test", &why);
	assert_non_null(m);
	buf_init(&text, HEARD_MAX);
	for (size_t i = 0; i < m->ops->count(m); i++)
		read_mail(m, i, &text);
	m->ops->close(m);
	assert_true(buf_append_char(&text, '\0'));
	return text.data;
}

void lab_deliver(struct lab *lab, const char *user, const char *text)
{
	struct fault why;
	struct store *inner = lab->store.inner;
	struct draft *d = inner->ops->draft(inner);
	assert_non_null(d);
	assert_true(draft_write(d, text, strlen(text)));
	assert_true(draft_finish(d, &why));
	assert_true(inner->ops->append(inner, user, &d, 1, &why));
	draft_free(d);
}
