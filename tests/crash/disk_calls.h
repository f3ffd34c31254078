/*
 * disk_calls: what the calls on the disk in memory have in common, between disk_calls.c (names, descriptors) and disk_file.c (what is in a file). For these
 * two alone.
 */
#ifndef POSTROOM_CRASH_DISK_CALLS_H
#define POSTROOM_CRASH_DISK_CALLS_H

#include "disk.h"

enum { OPENED_MAX = 64, ROOT = 0 };

/* An open file description of this process. */
struct opened {
	bool used;
	bool boot_file; /* /proc's: reads the boot's name */
	bool path_only; /* O_PATH */
	int node;
	uint64_t description;
};

extern struct disk *disk;

/* Counts a call, and gives the turn to another process where the plan says so. False: it fails, errno says how; *part is set where it does less than asked
 * for. */
bool call_begin(enum disk_call kind, unsigned *part);
void call_end(void);

/* NULL: a descriptor of another file. */
struct opened *opened_of(int fd);
/* Where a path leads from a directory: "." and USER/NAME are all that is used. *name becomes its last part; -1: nowhere. */
int directory_of(int dir, const char **name);

/* Its times change. */
void disk_touch(struct disk_node *n);
struct disk_op *disk_note(enum disk_what what, int node);
void disk_note_data(struct disk_op *op, const char *octets, size_t n);

#endif
