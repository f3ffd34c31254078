/*
 * idle: a hash of mailboxes that are also in the order of their last use. Never closes a file under its mutex: where it is the last that has one that was
 * removed, that takes time. See idle.h.
 */
#include "store/idle.h"

#include <stdlib.h>

#include "base/clock.h"

/* What is to be closed once the mutex is given up. */
struct surplus {
	struct idle_box *box; /* the oldest, where there were too many */
	size_t count;
	int files[2 * IDLE_MAX];
};

void idle_init(struct idle *i)
{
	*i = (struct idle){ .count = 0 };
	pthread_mutex_init(&i->mutex, NULL);
}

void idle_release(struct idle *i)
{
	idle_close_all(i);
	pthread_mutex_destroy(&i->mutex);
}

static struct idle_box **bucket_of(struct idle *i, const char *user)
{
	return &i->buckets[slice_hash_nocase(slice_str(user)) % IDLE_BUCKETS];
}

/* Under the mutex, as is what follows up to idle_begin(). */
static void unlink_box(struct idle *i, struct idle_box *b)
{
	struct idle_box **at = bucket_of(i, b->box.user);
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	*(b->older ? &b->older->newer : &i->oldest) = b->newer;
	*(b->newer ? &b->newer->older : &i->newest) = b->older;
	if (i->open == b)
		i->open = b->newer;
	i->count--;
}

static void link_box(struct idle *i, struct idle_box *b)
{
	struct idle_box **at = bucket_of(i, b->box.user);
	b->next = *at;
	*at = b;
	b->older = i->newest;
	b->newer = NULL;
	*(i->newest ? &i->newest->newer : &i->oldest) = b;
	i->newest = b;
	if (!i->open)
		i->open = b;
	i->count++;
}

static struct idle_box *find(struct idle *i, const char *user)
{
	struct idle_box *b = *bucket_of(i, user);
	while (b && strcmp(b->box.user, user) != 0)
		b = b->next;
	if (b)
		unlink_box(i, b);
	return b;
}

/* The mailbox forgets its files, as mailbox_close_mail() has it. */
static void part_from_files(struct mailbox *m, struct surplus *s)
{
	s->files[s->count++] = m->mail;
	s->files[s->count++] = m->index.fd;
	m->mail = -1;
	m->index.fd = -1;
	m->look = (struct file_look){ 0 };
}

static void cool(struct idle *i, struct surplus *s)
{
	int64_t now = clock_ms();
	while (i->open && (i->under_way == 0 || now - i->open->since_ms >= IDLE_OPEN_MS)) {
		part_from_files(&i->open->box, s);
		i->open = i->open->newer;
	}
}

struct idle_box *idle_take(struct idle *i, const char *user)
{
	pthread_mutex_lock(&i->mutex);
	struct idle_box *b = find(i, user);
	pthread_mutex_unlock(&i->mutex);
	return b;
}

struct idle_box *idle_begin(struct idle *i, const char *user)
{
	pthread_mutex_lock(&i->mutex);
	struct idle_box *b = find(i, user);
	i->under_way++;
	pthread_mutex_unlock(&i->mutex);
	return b;
}

void idle_close(struct idle_box *b)
{
	mailbox_close(&b->box);
	free(b);
}

static void give_up(const struct surplus *s)
{
	for (size_t f = 0; f < s->count; f++)
		file_close(s->files[f]);
	if (s->box)
		idle_close(s->box);
}

void idle_end(struct idle *i, struct idle_box *b)
{
	struct surplus surplus = { .count = 0 };
	if (b)
		b->since_ms = clock_ms();
	pthread_mutex_lock(&i->mutex);
	if (b && i->count == IDLE_MAX) {
		surplus.box = i->oldest;
		unlink_box(i, surplus.box);
	}
	if (b)
		link_box(i, b);
	i->under_way--;
	cool(i, &surplus);
	pthread_mutex_unlock(&i->mutex);
	give_up(&surplus);
}

static struct idle_box *take_oldest(struct idle *i)
{
	pthread_mutex_lock(&i->mutex);
	struct idle_box *b = i->oldest;
	if (b)
		unlink_box(i, b);
	pthread_mutex_unlock(&i->mutex);
	return b;
}

void idle_close_all(struct idle *i)
{
	struct idle_box *b;
	while ((b = take_oldest(i)) != NULL)
		idle_close(b);
}
