/*
 * disk: the disk itself. See disk.h; the calls that work on it are in disk_calls.c.
 */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void disk_fatal(const char *what)
{
	fprintf(stderr, "crash: the disk in memory cannot do that: %s\n", what);
	abort();
}

struct disk *disks_new(size_t count)
{
	void *memory = mmap(NULL, count * sizeof(struct disk), PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		disk_fatal("no memory");
	return memory;
}

int disk_new_node(struct disk *d, bool directory, uint32_t mode)
{
	for (int i = 0; i < DISK_NODES; i++) {
		struct disk_node *n = &d->nodes[i];
		if (n->used)
			continue;
		d->clock += 1000;
		*n = (struct disk_node){ .used = true, .directory = directory, .inode = d->next_inode++ };
		n->access = n->made = (struct disk_access){ mode, geteuid(), getegid() };
		n->birth = n->modified = n->changed = d->clock;
		for (int e = 0; e < DISK_ENTRIES; e++)
			n->entries[e].node = -1;
		return i;
	}
	disk_fatal("too many files");
}

void disk_format(struct disk *d)
{
	memset(d->nodes, 0, sizeof d->nodes);
	memset(d->locks, 0, sizeof d->locks);
	d->next_inode = 11;
	d->next_description = 1;
	d->clock = 1700000000000000000;
	d->boot = 1;
	d->calls = 0;
	d->plan = (struct disk_plan){ 0 };
	d->failing = d->half_failed = false;
	d->recording = false;
	d->ops_count = d->ops_data_len = 0;
	disk_new_node(d, true, S_IFDIR | 0755);
}

void disk_copy(struct disk *to, const struct disk *from)
{
	memcpy(to->nodes, from->nodes, sizeof to->nodes);
	memcpy(to->locks, from->locks, sizeof to->locks);
	for (int i = 0; i < DISK_NODES; i++) {
		if (from->nodes[i].used)
			memcpy(to->data[i], from->data[i], from->nodes[i].size);
	}
	to->next_inode = from->next_inode;
	to->next_description = from->next_description;
	to->clock = from->clock;
	to->boot = from->boot;
	to->calls = 0;
	to->plan = (struct disk_plan){ 0 };
	to->failing = to->half_failed = false;
	to->recording = false;
	to->turns_begin = to->turns_end = 0;
}

void disk_abandon(struct disk *d, bool reboot)
{
	memset(d->locks, 0, sizeof d->locks);
	d->plan = (struct disk_plan){ 0 };
	d->failing = d->half_failed = false;
	if (reboot)
		d->boot++;
}

void disk_record(struct disk *d, bool on)
{
	d->recording = on;
	if (on)
		d->ops_count = d->ops_data_len = 0;
}

int disk_find(const struct disk *d, int directory, const char *name)
{
	for (int e = 0; e < DISK_ENTRIES; e++) {
		const struct disk_entry *entry = &d->nodes[directory].entries[e];
		if (entry->node >= 0 && strcmp(entry->name, name) == 0)
			return entry->node;
	}
	return -1;
}
