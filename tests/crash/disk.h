/*
 * disk: a file system in memory that takes the place of the system's calls in a program linked with --wrap (see the Makefile), so that a process can be
 * killed at any call, any call can fail, and the power can be cut with any part of what was not synced lost.
 *
 * It lies in memory that is shared with forked children: a child is a process that works on the disk and dies; the disk stays. Descriptors belong to the
 * process, locks (OFD) to their open file description. What is known here: regular files, directories, unnamed files (O_TMPFILE). One thread alone.
 */
#ifndef POSTROOM_CRASH_DISK_H
#define POSTROOM_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_PATH "/disk" /* its root, where a program goes by paths */

enum {
	DISK_NODES = 48,
	DISK_NODE_MAX = 64 * 1024, /* octets of a file */
	DISK_ENTRIES = 16,
	DISK_NAME = 48,
	DISK_OPS = 8192,
	DISK_OPS_DATA = 1024 * 1024,
	DISK_LOCKS = 32,
	DISK_FD = 100000, /* descriptors of this disk begin here */
	DISK_KILLED = 99, /* exit status of a process that was killed at a call */
};

struct disk_entry {
	char name[DISK_NAME];
	int node; /* -1: free */
};

struct disk_access {
	uint32_t mode, owner, group;
};

struct disk_node {
	bool used;
	bool directory;
	struct disk_access access, made; /* now, and when it was made */
	uint32_t links;
	uint64_t inode;
	int64_t birth, modified, changed; /* ns */
	uint64_t size;
	struct disk_entry entries[DISK_ENTRIES];
};

/* What changed the disk, in order. Of a write the octets stand in `data`. */
enum disk_what {
	DISK_WRITE,
	DISK_TRUNCATE,
	DISK_ENTER,
	DISK_LEAVE,
	DISK_RENAME,
	DISK_ACCESS,
	DISK_SYNC_DATA,
	DISK_SYNC,
	DISK_SYNC_FAILED /* what was written before it no later sync brings to the platter */
};
struct disk_op {
	enum disk_what what;
	int node;        /* the file, or the directory that is changed */
	int child;       /* ENTER, LEAVE, RENAME: the node that has the name */
	uint64_t offset; /* TRUNCATE: the size */
	size_t len;
	size_t at; /* in data */
	int64_t modified, changed;
	struct disk_access access; /* ACCESS */
	char name[DISK_NAME];
	char to[DISK_NAME]; /* RENAME, within the directory */
};

enum disk_call {
	CALL_OPEN,
	CALL_STAT,
	CALL_READ,
	CALL_WRITE,
	CALL_COPY,
	CALL_TRUNCATE,
	CALL_SYNC,
	CALL_NAME,
	CALL_ACCESS,
	CALL_LOCK,
	CALL_KINDS
};

/* Trouble to come: at the call with this number (from 1), of whatever kind. */
struct disk_plan {
	unsigned kill_before, kill_after;
	unsigned fail_at;
	int error; /* errno; 0 with `part`: fewer octets than asked for; both: first that, and the next such call fails */
	unsigned part; /* how many: 1 = one octet, 2 = half */
	bool sticky;   /* all calls of that kind from there on */
	/* Of two processes at once: before this call the other goes on; or before each call */
	unsigned turn_at;
	bool turn_each;
};

struct disk {
	struct disk_node nodes[DISK_NODES];
	char data[DISK_NODES][DISK_NODE_MAX];
	struct {
		bool used;
		int node;
		int64_t byte;
		uint64_t description;
	} locks[DISK_LOCKS];
	uint64_t next_inode, next_description;
	int64_t clock; /* ns; moves at every change */
	int boot;      /* what this boot is called */
	/* calls */
	unsigned calls;
	struct disk_plan plan;
	enum disk_call failed_kind; /* with sticky */
	bool failing, half_failed;
	unsigned char kinds[65536];      /* of the calls so far */
	unsigned turns_begin, turns_end; /* calls while there were two processes at once; 0: never */
	char forgotten[DISK_NAME]; /* syncs of what has this name do nothing, as if they had been left out; "": none */
	/* what was recorded */
	bool recording;
	size_t ops_count;
	struct disk_op ops[DISK_OPS];
	size_t ops_data_len;
	char ops_data[DISK_OPS_DATA];
};

/* Shared memory for `count` disks, empty. */
struct disk *disks_new(size_t count);
/* An empty disk with a root directory. */
void disk_format(struct disk *d);
/* A new file or directory without a name. */
int disk_new_node(struct disk *d, bool directory, uint32_t mode);
/* What the calls of this process go to from now on. */
void disk_use(struct disk *d);
/* A copy of all but what was recorded. */
void disk_copy(struct disk *to, const struct disk *from);
/* All processes are gone: no locks; with `reboot` it is another boot. */
void disk_abandon(struct disk *d, bool reboot);
/* A descriptor of the root directory, in this process. */
int disk_root(void);
/* This process has no descriptors any more. */
void disk_forget_descriptors(void);
/* A name in a directory; -1: none. */
int disk_find(const struct disk *d, int directory, const char *name);
void disk_record(struct disk *d, bool on);
void disk_fatal(const char *what) __attribute__((noreturn));

#endif
