/*
 * power: see power.h.
 */
#include "power.h"

#include <stdio.h>
#include <string.h>

/* If change i is a sync: what it brings to the platter. */
static void sync_changes(struct power_cut *c, unsigned i)
{
	const struct disk_op *sync = &c->after->ops[i];
	bool failed = false;
	if (sync->what != DISK_SYNC && sync->what != DISK_SYNC_DATA)
		return;
	for (unsigned j = i; j-- > 0;) {
		const struct disk_op *op = &c->after->ops[j];
		if (op->node != sync->node)
			continue;
		failed |= op->what == DISK_SYNC_FAILED;
		bool left =
		        (op->what == DISK_ACCESS && sync->what == DISK_SYNC_DATA) || (op->what == DISK_WRITE && failed);
		c->durable[j] |= !left;
	}
}

void power_cut_init(struct power_cut *c, const struct disk *before, const struct disk *after, unsigned at)
{
	*c = (struct power_cut){ .before = before, .after = after, .at = at };
	for (unsigned i = 0; i < at; i++)
		sync_changes(c, i);
	for (unsigned i = 0; i < at && c->pending_count < POWER_PENDING_MAX; i++) {
		if (!c->durable[i] && after->ops[i].what < DISK_SYNC_DATA)
			c->pending[c->pending_count++] = i;
	}
}

/* A file that was made since: empty, until something of it is there. */
static void need_node(struct disk *found, const struct disk *after, int node)
{
	struct disk_node *n = &found->nodes[node];
	const struct disk_node *made = &after->nodes[node];
	if (n->used)
		return;
	*n = (struct disk_node){ .used = true,
		                 .directory = made->directory,
		                 .access = made->made,
		                 .made = made->made,
		                 .inode = made->inode,
		                 .birth = made->birth };
	n->modified = n->changed = made->birth;
	for (int e = 0; e < DISK_ENTRIES; e++)
		n->entries[e].node = -1;
}

static void set_size(struct disk *found, int node, uint64_t size)
{
	struct disk_node *n = &found->nodes[node];
	if (size > n->size)
		memset(found->data[node] + n->size, 0, size - n->size);
	n->size = size;
}

static void write_part(struct disk *found, const struct disk_op *op, const char *octets, size_t from, size_t to)
{
	uint64_t end = op->offset + op->len;
	if (end > found->nodes[op->node].size)
		set_size(found, op->node, to == op->len ? end : op->offset + to);
	memcpy(found->data[op->node] + op->offset + from, octets + from, to - from);
}

static void apply_write(struct disk *found, const struct disk_op *op, const char *octets, unsigned char fate,
                        size_t cut)
{
	switch (fate) {
	case FATE_DONE:
		write_part(found, op, octets, 0, op->len);
		break;
	case FATE_LENGTH:
		if (op->offset + op->len > found->nodes[op->node].size)
			set_size(found, op->node, op->offset + op->len);
		break;
	case FATE_FIRST:
		write_part(found, op, octets, 0, cut);
		break;
	default:
		write_part(found, op, octets, cut, op->len);
	}
}

static struct disk_entry *entry_named(struct disk_node *d, const char *name)
{
	for (int e = 0; e < DISK_ENTRIES; e++) {
		if (d->entries[e].node >= 0 && strcmp(d->entries[e].name, name) == 0)
			return &d->entries[e];
	}
	return NULL;
}

static void put_entry(struct disk_node *d, const char *name, int node)
{
	struct disk_entry *e = entry_named(d, name);
	for (int i = 0; !e && i < DISK_ENTRIES; i++) {
		if (d->entries[i].node < 0)
			e = &d->entries[i];
	}
	if (!e)
		disk_fatal("too many names after a power cut");
	memmove(e->name, name, strnlen(name, DISK_NAME - 1) + 1);
	e->node = node;
}

static void apply(struct disk *found, const struct power_cut *c, const struct disk_op *op, unsigned char fate,
                  size_t cut)
{
	struct disk_entry *e;
	if (fate == FATE_LOST)
		return;
	need_node(found, c->after, op->node);
	struct disk_node *n = &found->nodes[op->node];
	switch (op->what) {
	case DISK_WRITE:
		apply_write(found, op, c->after->ops_data + op->at, fate, cut);
		break;
	case DISK_TRUNCATE:
		set_size(found, op->node, op->offset);
		break;
	case DISK_ENTER:
		need_node(found, c->after, op->child);
		put_entry(n, op->name, op->child);
		break;
	case DISK_LEAVE:
		if ((e = entry_named(n, op->name)) != NULL)
			e->node = -1;
		break;
	case DISK_RENAME:
		need_node(found, c->after, op->child);
		if ((e = entry_named(n, op->name)) != NULL && e->node == op->child)
			e->node = -1;
		put_entry(n, op->to, op->child);
		break;
	case DISK_ACCESS:
		n->access = op->access;
		break;
	case DISK_SYNC_DATA:
	case DISK_SYNC:
	case DISK_SYNC_FAILED:
		return;
	}
	n->modified = op->modified;
	n->changed = op->changed;
}

static void count_names(struct disk *found)
{
	for (int i = 0; i < DISK_NODES; i++)
		found->nodes[i].links = 0;
	for (int i = 0; i < DISK_NODES; i++) {
		for (int e = 0; found->nodes[i].used && e < DISK_ENTRIES; e++) {
			if (found->nodes[i].entries[e].node >= 0)
				found->nodes[found->nodes[i].entries[e].node].links++;
		}
	}
	for (int i = 1; i < DISK_NODES; i++)
		found->nodes[i].used &= found->nodes[i].links > 0;
}

void power_cut_make(const struct power_cut *c, const unsigned char *fates, const uint32_t *cuts, struct disk *found)
{
	size_t pending = 0;
	disk_copy(found, c->before);
	for (unsigned i = 0; i < c->at; i++) {
		bool is_pending = pending < c->pending_count && c->pending[pending] == i;
		if (is_pending) {
			apply(found, c, &c->after->ops[i], fates[pending], cuts[pending]);
			pending++;
		} else if (c->durable[i]) {
			apply(found, c, &c->after->ops[i], FATE_DONE, 0);
		}
	}
	count_names(found);
	found->next_inode = c->after->next_inode;
	found->next_description = c->after->next_description;
	found->clock = c->after->clock;
	disk_abandon(found, true);
	found->boot = c->after->boot + 1;
}

static uint64_t mix(uint64_t sum, const void *octets, size_t n)
{
	const unsigned char *p = octets;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		sum = (sum ^ word) * 0x9fb21c651e98df25u;
		sum ^= sum >> 29;
	}
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 0x100000001b3u;
	return sum;
}

uint64_t disk_digest(const struct disk *d)
{
	uint64_t sum = 0xcbf29ce484222325u;
	for (int i = 0; i < DISK_NODES; i++) {
		const struct disk_node *n = &d->nodes[i];
		if (!n->used)
			continue;
		sum = mix(sum, &i, sizeof i);
		sum = mix(sum, &n->modified, sizeof n->modified);
		sum = mix(sum, &n->size, sizeof n->size);
		sum = mix(sum, &n->access, sizeof n->access);
		sum = mix(sum, d->data[i], n->size);
		for (int e = 0; e < DISK_ENTRIES; e++) {
			if (n->entries[e].node >= 0)
				sum = mix(mix(sum, n->entries[e].name, strlen(n->entries[e].name)), &n->entries[e].node,
				          sizeof(int));
		}
	}
	return sum ^ sum >> 31;
}
