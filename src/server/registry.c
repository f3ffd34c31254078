/*
 * registry: a table of clients by number, and each one's queue of mails. See registry.h.
 *
 * The lock guards the table, the queues and what is counted. A mail's text is constant once it is delivered, and goes with the last who has it.
 */
#include "server/registry.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { TABLE_MIN = 64 };

struct text {
	atomic_size_t holders;
	int sender;
	struct buf octets;
};

struct registry_entry {
	struct registry_entry *next;
	struct text *text;
};

struct registry_client {
	struct registry *registry;
	int number;
	uint64_t serial;
	size_t octets; /* of its mails, their cost included */
	size_t count;
	struct registry_entry *first;
	struct registry_entry **end; /* where the next one is hung in */
};

struct registry {
	pthread_mutex_t lock;
	size_t client_max;
	size_t total_max;
	size_t total;
	uint64_t last_serial;
	struct registry_client **table; /* by number; NULL: nobody */
	size_t room;
};

struct registry *registry_new(size_t client_max, size_t total_max)
{
	struct registry *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->client_max = client_max;
	r->total_max = total_max;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	assert(r->total == 0);
	free(r->table);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- counting; all but settle() with the lock held ---- */

static bool fits(const struct registry *r, size_t octets)
{
	return octets <= r->total_max - r->total;
}

static bool fits_client(const struct registry_client *c, size_t octets)
{
	size_t max = c->registry->client_max;
	return octets <= max && c->octets <= max - octets;
}

static void settle(struct registry *r, size_t octets)
{
	pthread_mutex_lock(&r->lock);
	r->total -= octets;
	pthread_mutex_unlock(&r->lock);
}

/* ---- who is there ---- */

static bool make_room(struct registry *r, size_t number)
{
	if (number < r->room)
		return true;
	size_t room = number < TABLE_MIN ? TABLE_MIN : 2 * number;
	struct registry_client **more = realloc(r->table, room * sizeof(struct registry_client *));
	if (!more)
		return false;
	for (size_t i = r->room; i < room; i++)
		more[i] = NULL;
	r->table = more;
	r->room = room;
	return true;
}

struct registry_client *registry_enter(struct registry *r, int number)
{
	struct registry_client *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->registry = r;
	c->number = number;
	c->end = &c->first;
	pthread_mutex_lock(&r->lock);
	bool ok = make_room(r, (size_t)number);
	if (ok) {
		c->serial = ++r->last_serial;
		r->table[number] = c;
	}
	pthread_mutex_unlock(&r->lock);
	if (ok)
		return c;
	free(c);
	return NULL;
}

/* With the lock held. */
static struct registry_client *look_up(const struct registry *r, int number)
{
	return number >= 0 && (size_t)number < r->room ? r->table[number] : NULL;
}

enum registry_verdict registry_find(struct registry *r, int number, struct registry_recipient *found)
{
	enum registry_verdict verdict = REGISTRY_NOBODY;
	pthread_mutex_lock(&r->lock);
	const struct registry_client *c = look_up(r, number);
	if (c) {
		*found = (struct registry_recipient){ .number = number, .serial = c->serial };
		verdict = fits_client(c, REGISTRY_MAIL_COST) ? REGISTRY_OK : REGISTRY_FULL;
	}
	pthread_mutex_unlock(&r->lock);
	return verdict;
}

/* With the lock held. NULL: it has left, whoever may have its number now. */
static struct registry_client *still_there(const struct registry *r, const struct registry_recipient *who)
{
	struct registry_client *c = look_up(r, who->number);
	return c && c->serial == who->serial ? c : NULL;
}

/* ---- a mail on its way in ---- */

void registry_draft_init(struct registry_draft *d, struct registry *r)
{
	d->registry = r;
	buf_init(&d->text, r->client_max);
}

enum registry_verdict registry_draft_write(struct registry_draft *d, const char *octets, size_t n)
{
	struct registry *r = d->registry;
	pthread_mutex_lock(&r->lock);
	bool ok = fits(r, n);
	if (ok)
		r->total += n;
	pthread_mutex_unlock(&r->lock);
	if (!ok)
		return REGISTRY_FULL;
	if (buf_append(&d->text, octets, n))
		return REGISTRY_OK;
	settle(r, n);
	return REGISTRY_FULL;
}

void registry_draft_release(struct registry_draft *d)
{
	if (d->text.len > 0)
		settle(d->registry, d->text.len);
	buf_release(&d->text);
}

/* ---- delivery ---- */

static void free_entries(struct registry_entry *e)
{
	while (e) {
		struct registry_entry *next = e->next;
		free(e);
		e = next;
	}
}

static struct registry_entry *new_entries(size_t count)
{
	struct registry_entry *first = NULL;
	for (size_t i = 0; i < count; i++) {
		struct registry_entry *e = malloc(sizeof *e);
		if (!e) {
			free_entries(first);
			return NULL;
		}
		e->next = first;
		first = e;
	}
	return first;
}

/* With the lock held: how many are there to take a mail of so many octets? */
static enum registry_verdict judge(const struct registry *r, size_t octets, const struct registry_recipient *to,
                                   size_t count, size_t *takers)
{
	*takers = 0;
	for (size_t i = 0; i < count; i++) {
		const struct registry_client *c = still_there(r, &to[i]);
		if (c && !fits_client(c, octets + REGISTRY_MAIL_COST))
			return REGISTRY_FULL;
		*takers += c != NULL;
	}
	if (*takers == 0)
		return REGISTRY_NOBODY;
	return fits(r, *takers * REGISTRY_MAIL_COST) ? REGISTRY_OK : REGISTRY_FULL;
}

/* With the lock held. The entry is the client's now. */
static void hang_in(struct registry_client *c, struct registry_entry *e, struct text *text)
{
	*e = (struct registry_entry){ .text = text };
	*c->end = e;
	c->end = &e->next;
	c->count++;
	c->octets += text->octets.len + REGISTRY_MAIL_COST;
}

/* With the lock held: one entry for each who is there; the rest stay in *spare. */
static enum registry_verdict hand_out(struct registry *r, struct text *text, const struct registry_recipient *to,
                                      size_t count, struct registry_entry **spare)
{
	size_t takers;
	enum registry_verdict verdict = judge(r, text->octets.len, to, count, &takers);
	if (verdict != REGISTRY_OK)
		return verdict;
	r->total += takers * REGISTRY_MAIL_COST;
	atomic_store(&text->holders, takers);
	for (size_t i = 0; i < count; i++) {
		struct registry_client *c = still_there(r, &to[i]);
		if (!c)
			continue;
		struct registry_entry *e = *spare;
		*spare = e->next;
		hang_in(c, e, text);
	}
	return REGISTRY_OK;
}

/* Gives back what the buffer has in store: the text will not grow. */
static void trim(struct buf *text)
{
	char *less = text->len > 0 ? realloc(text->data, text->len) : NULL;
	if (!less)
		return;
	text->data = less;
	text->cap = text->len;
}

enum registry_verdict registry_deliver(struct registry_draft *d, int sender, const struct registry_recipient *to,
                                       size_t count)
{
	struct registry *r = d->registry;
	struct text *text = malloc(sizeof *text);
	struct registry_entry *spare = new_entries(count);
	enum registry_verdict verdict = REGISTRY_FULL;
	if (text && spare) {
		trim(&d->text);
		text->sender = sender;
		text->octets = d->text;
		pthread_mutex_lock(&r->lock);
		verdict = hand_out(r, text, to, count, &spare);
		pthread_mutex_unlock(&r->lock);
	}
	free_entries(spare);
	if (verdict == REGISTRY_OK)
		buf_init(&d->text, d->text.max); /* the text has it now */
	else
		free(text);
	return verdict;
}

/* ---- reading ---- */

const struct registry_entry *registry_unread(struct registry_client *c, size_t *count)
{
	pthread_mutex_lock(&c->registry->lock);
	const struct registry_entry *first = c->first;
	*count = c->count;
	pthread_mutex_unlock(&c->registry->lock);
	return first;
}

const struct registry_entry *registry_next(const struct registry_entry *e)
{
	return e->next;
}

struct registry_mail registry_mail_of(const struct registry_entry *e)
{
	return (struct registry_mail){ .sender = e->text->sender, .text = buf_slice(&e->text->octets) };
}

/* With the lock held: the first `count` entries, at least one, are nobody's. */
static struct registry_entry *cut_off(struct registry_client *c, size_t count)
{
	struct registry_entry *first = c->first, *last = first;
	for (size_t i = 1; i < count; i++)
		last = last->next;
	c->first = last->next;
	if (!c->first)
		c->end = &c->first;
	c->count -= count;
	last->next = NULL;
	return first;
}

/* The octets that are free with it. */
static size_t drop(struct registry_entry *e)
{
	struct text *text = e->text;
	size_t octets = text->octets.len;
	free(e);
	if (atomic_fetch_sub(&text->holders, 1) > 1)
		return REGISTRY_MAIL_COST;
	buf_release(&text->octets);
	free(text);
	return octets + REGISTRY_MAIL_COST;
}

void registry_flush(struct registry_client *c, size_t count)
{
	struct registry *r = c->registry;
	size_t freed = 0, read = 0;
	if (count == 0)
		return;
	pthread_mutex_lock(&r->lock);
	assert(count <= c->count);
	struct registry_entry *e = cut_off(c, count);
	pthread_mutex_unlock(&r->lock);
	while (e) {
		struct registry_entry *next = e->next;
		read += e->text->octets.len + REGISTRY_MAIL_COST;
		freed += drop(e);
		e = next;
	}
	pthread_mutex_lock(&r->lock);
	c->octets -= read;
	r->total -= freed;
	pthread_mutex_unlock(&r->lock);
}

void registry_leave(struct registry_client *c)
{
	struct registry *r = c->registry;
	pthread_mutex_lock(&r->lock);
	if (r->table[c->number] == c)
		r->table[c->number] = NULL;
	size_t count = c->count;
	pthread_mutex_unlock(&r->lock);
	registry_flush(c, count); /* nobody can give it more */
	free(c);
}

size_t registry_octets(struct registry *r)
{
	pthread_mutex_lock(&r->lock);
	size_t total = r->total;
	pthread_mutex_unlock(&r->lock);
	return total;
}
