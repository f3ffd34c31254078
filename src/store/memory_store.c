/*
 * memory_store: mailboxes in memory, with the same promises as those on disk save that they end with the process. For tests of what
 * stands above a store, and for places that keep no files.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"
#include "store/uid.h"

enum { NAME_MAX_OCTETS = 255, DIVIDER_LEN = 2 };

struct memory_mail {
	struct uid id;
	uint64_t octets;
	struct slice text; /* owned */
};

struct memory_box {
	struct memory_box *next;
	char user[NAME_MAX_OCTETS + 1];
	char holder[STORE_HOLDER_MAX];
	bool held;
	struct memory_mail *mails;
	size_t count;
	size_t cap;
	struct uid_gone gone;
};

struct memory_store {
	struct store base;
	pthread_mutex_t mutex; /* guards everything below */
	struct memory_box *boxes;
};

struct memory_maildrop {
	struct maildrop base;
	struct memory_store *store;
	struct memory_box *box;
	size_t count; /* of the snapshot; what comes later is behind it */
	uint64_t octets;
};

static struct memory_store *mine(struct store *s)
{
	return (struct memory_store *)s;
}

static void memory_free(struct store *base)
{
	struct memory_store *s = mine(base);
	while (s->boxes) {
		struct memory_box *box = s->boxes;
		s->boxes = box->next;
		for (size_t i = 0; i < box->count; i++)
			free((char *)box->mails[i].text.ptr);
		free(box->mails);
		free(box);
	}
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

/* Under the mutex. */
static struct memory_box *box_of(struct memory_store *s, const char *user, struct fault *why)
{
	for (struct memory_box *box = s->boxes; box; box = box->next) {
		if (strcmp(box->user, user) == 0)
			return box;
	}
	struct memory_box *box = calloc(1, sizeof *box);
	if (!box) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
		return NULL;
	}
	snprintf(box->user, sizeof box->user, "%s", user);
	box->next = s->boxes;
	s->boxes = box;
	return box;
}

static bool memory_prepare(struct store *base, const char *user, struct fault *why)
{
	struct memory_store *s = mine(base);
	pthread_mutex_lock(&s->mutex);
	bool made = box_of(s, user, why) != NULL;
	pthread_mutex_unlock(&s->mutex);
	return made;
}

static struct draft *memory_draft(struct store *base)
{
	(void)base;
	return draft_new(-1);
}

static bool make_room(struct memory_box *box, size_t n)
{
	if (n <= box->cap - box->count)
		return true;
	size_t cap = (box->count + n) * 2;
	struct memory_mail *mails = realloc(box->mails, cap * sizeof *mails);
	if (!mails)
		return false;
	box->mails = mails;
	box->cap = cap;
	return true;
}

static bool put(struct memory_mail *mail, const struct draft *d)
{
	*mail = (struct memory_mail){ .id.ordinal = UID_UNNUMBERED, .octets = draft_octets(d) };
	memcpy(mail->id.hash, draft_hash(d), DRAFT_HASH);
	char *text = slice_dup(draft_text(d));
	mail->text = slice_make(text, draft_text(d).len);
	return text != NULL;
}

static bool put_all(struct memory_box *box, struct draft *const *drafts, size_t n)
{
	if (!make_room(box, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!put(&box->mails[box->count + i], drafts[i])) {
			while (i-- > 0)
				free((char *)box->mails[box->count + i].text.ptr);
			return false;
		}
	}
	box->count += n;
	return true;
}

/* As a mailbox file would have it: each mail with its dividing line. */
static bool fits_quota(const struct memory_store *s, const struct memory_box *box, uint64_t more, struct fault *why)
{
	uint64_t live = 0, quota = s->base.quota;
	if (quota == 0)
		return true;
	for (size_t i = 0; i < box->count; i++)
		live += box->mails[i].text.len + DIVIDER_LEN;
	return (live <= quota && more <= quota - live) ||
	       fault_set(why, FAULT_QUOTA, "the mailbox of %s is at its quota", box->user);
}

static uint64_t whole_length(struct draft *const *drafts, size_t n)
{
	uint64_t length = 0;
	for (size_t i = 0; i < n; i++)
		length += draft_size(drafts[i]) + DIVIDER_LEN;
	return length;
}

static bool memory_room(struct store *base, const char *user, uint64_t octets, struct fault *why)
{
	struct memory_store *s = mine(base);
	if (base->quota == 0)
		return true;
	pthread_mutex_lock(&s->mutex);
	struct memory_box *box = box_of(s, user, why);
	bool fits = box && fits_quota(s, box, octets, why);
	pthread_mutex_unlock(&s->mutex);
	return fits;
}

static bool memory_append(struct store *base, const char *user, struct draft *const *drafts, size_t n,
                          struct fault *why)
{
	struct memory_store *s = mine(base);
	pthread_mutex_lock(&s->mutex);
	struct memory_box *box = box_of(s, user, why);
	bool fits = box && fits_quota(s, box, whole_length(drafts, n), why);
	bool done = fits && put_all(box, drafts, n);
	if (fits && !done)
		fault_set(why, FAULT_TEMPORARY, "out of memory");
	pthread_mutex_unlock(&s->mutex);
	return done;
}

static struct memory_maildrop *snapshot(struct memory_store *s, struct memory_box *box, const char *holder,
                                        struct fault *why)
{
	if (box->held) {
		fault_set(why, FAULT_BUSY, "%s", box->holder);
		return NULL;
	}
	struct memory_maildrop *m = calloc(1, sizeof *m);
	if (!m) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
		return NULL;
	}
	*m = (struct memory_maildrop){ .base.ops = s->base.ops, .store = s, .box = box, .count = box->count };
	for (size_t i = 0; i < box->count; i++)
		m->octets += box->mails[i].octets;
	box->held = true;
	snprintf(box->holder, sizeof box->holder, "%s", holder);
	return m;
}

static struct maildrop *memory_open(struct store *base, const char *user, const char *holder, struct fault *why)
{
	struct memory_store *s = mine(base);
	pthread_mutex_lock(&s->mutex);
	struct memory_box *box = box_of(s, user, why);
	struct memory_maildrop *m = box ? snapshot(s, box, holder, why) : NULL;
	pthread_mutex_unlock(&s->mutex);
	return m ? &m->base : NULL;
}

static void memory_close(struct maildrop *base)
{
	struct memory_maildrop *m = (struct memory_maildrop *)base;
	pthread_mutex_lock(&m->store->mutex);
	m->box->held = false;
	pthread_mutex_unlock(&m->store->mutex);
	free(m);
}

static size_t memory_count(const struct maildrop *base)
{
	return ((const struct memory_maildrop *)base)->count;
}

static uint64_t memory_octets(const struct maildrop *base)
{
	return ((const struct memory_maildrop *)base)->octets;
}

/* Under the mutex. */
static bool number_box(struct memory_box *box)
{
	struct uid *ids = malloc((box->count + 1) * sizeof *ids);
	if (!ids)
		return false;
	for (size_t i = 0; i < box->count; i++)
		ids[i] = box->mails[i].id;
	bool done = uid_number(ids, box->count, &box->gone);
	for (size_t i = 0; done && i < box->count; i++)
		box->mails[i].id = ids[i];
	free(ids);
	return done;
}

static bool memory_number(struct maildrop *base, struct fault *why)
{
	struct memory_maildrop *m = (struct memory_maildrop *)base;
	pthread_mutex_lock(&m->store->mutex);
	bool done = number_box(m->box);
	pthread_mutex_unlock(&m->store->mutex);
	return done || fault_set(why, FAULT_TEMPORARY, "out of memory");
}

static enum store_got memory_info(struct maildrop *base, size_t i, bool may_block, struct mail_info *info,
                                  struct fault *why)
{
	struct memory_maildrop *m = (struct memory_maildrop *)base;
	(void)may_block;
	(void)why;
	pthread_mutex_lock(&m->store->mutex);
	const struct memory_mail *mail = &m->box->mails[i];
	info->octets = mail->octets;
	info->stored = mail->text.len;
	uid_format(&mail->id, info->uid);
	pthread_mutex_unlock(&m->store->mutex);
	return STORE_GOT;
}

static enum store_got memory_read(struct maildrop *base, size_t i, struct store_span *span, bool may_block,
                                  struct fault *why)
{
	struct memory_maildrop *m = (struct memory_maildrop *)base;
	(void)may_block;
	(void)why;
	pthread_mutex_lock(&m->store->mutex);
	struct slice rest = slice_skip(m->box->mails[i].text, span->offset);
	span->got = rest.len < span->size ? rest.len : span->size;
	if (span->got > 0)
		memcpy(span->octets, rest.ptr, span->got);
	pthread_mutex_unlock(&m->store->mutex);
	return STORE_GOT;
}

/* What the snapshot has stays in its place until it is closed. */
static enum store_got memory_view(struct maildrop *base, size_t i, struct store_view *view, bool may_block,
                                  struct fault *why)
{
	struct memory_maildrop *m = (struct memory_maildrop *)base;
	(void)may_block;
	(void)why;
	pthread_mutex_lock(&m->store->mutex);
	struct slice rest = slice_skip(m->box->mails[i].text, view->offset);
	pthread_mutex_unlock(&m->store->mutex);
	view->octets = slice_make(rest.ptr, rest.len < view->most ? rest.len : view->most);
	return STORE_GOT;
}

static bool memory_remove(struct maildrop *base, const unsigned char *marks, struct fault *why)
{
	struct memory_maildrop *m = (struct memory_maildrop *)base;
	struct memory_box *box = m->box;
	size_t kept = 0;
	(void)why;
	pthread_mutex_lock(&m->store->mutex);
	for (size_t i = 0; i < box->count; i++) {
		if (i >= m->count || !store_marked(marks, i)) {
			box->mails[kept++] = box->mails[i];
			continue;
		}
		uid_gone_add(&box->gone, &box->mails[i].id);
		free((char *)box->mails[i].text.ptr);
	}
	box->count = kept;
	pthread_mutex_unlock(&m->store->mutex);
	return true;
}

static void memory_tidy(struct store *base, const char *user)
{
	(void)base;
	(void)user;
}

static bool memory_discard(struct store *base, const char *user, struct fault *why)
{
	struct memory_store *s = mine(base);
	pthread_mutex_lock(&s->mutex);
	struct memory_box *box = box_of(s, user, why);
	bool ok = box && (!box->held || fault_set(why, FAULT_BUSY, "%s", box->holder));
	for (size_t i = 0; ok && i < box->count; i++)
		free((char *)box->mails[i].text.ptr);
	if (ok)
		box->count = 0;
	pthread_mutex_unlock(&s->mutex);
	return ok;
}

static const struct store_ops memory_ops = {
	.name = "memory",
	.free = memory_free,
	.prepare = memory_prepare,
	.draft = memory_draft,
	.append = memory_append,
	.room = memory_room,
	.open = memory_open,
	.close = memory_close,
	.count = memory_count,
	.octets = memory_octets,
	.number = memory_number,
	.info = memory_info,
	.read = memory_read,
	.view = memory_view,
	.remove = memory_remove,
	.tidy = memory_tidy,
	.discard = memory_discard,
};

struct store *memory_store_new(struct fault *why)
{
	struct memory_store *s = calloc(1, sizeof *s);
	if (!s) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
		return NULL;
	}
	s->base.ops = &memory_ops;
	pthread_mutex_init(&s->mutex, NULL);
	return &s->base;
}
