/*
 * site: what all sessions of one server process share: its course, users, store, jobs and limits. Made at start, constant but for what its
 * members guard themselves.
 */
#ifndef POSTROOM_SERVER_SITE_H
#define POSTROOM_SERVER_SITE_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/users.h"
#include "course/course.h"
#include "net/jobs.h"
#include "protocol/pop3_server.h"
#include "protocol/smtp_server.h"
#include "server/delivery.h"
#include "server/options.h"
#include "server/registry.h"
#include "server/retention.h"
#include "store/store.h"

/* Job threads at most: syncs of as many mailboxes run in parallel, and as many logins wait for the disk. */
enum { SITE_JOBS_MAX = 64 };

/* Threads that hash passwords, and so what that takes at any one time: two cores, and twice the memory of one hash (16 MiB for yescrypt as crypt(5)
 * recommends it). However many log in at once, the rest wait in line (turns.h) as 200 octets each. */
enum { SITE_HASHING_MAX = 2 };

/* Who has connected. */
enum { PEER_ADDRESS_MAX = 63 }; /* octets of the address that are kept, in logs and traces */
struct peer {
	const char *address; /* numeric */
	int fd;              /* the connection's descriptor: only its number is of interest, and its own address */
};

struct aliases;
struct faults;
struct inboxes;
struct login_delay;
struct meters;
struct penalty;
struct service;
struct tls_server;
struct turns;
struct watch;

struct site {
	const struct course *course;
	/* In a course with registration: who is there, and their mail. Users, store and desk are then NULL, elsewhere this is. */
	struct registry *registry;
	struct users *users;
	struct store *store;
	struct jobs *jobs;               /* NULL: at once, on the caller's thread (tests) */
	struct jobs *hashing;            /* for passwords alone … */
	struct turns *turns;             /* … and who is next; NULL: at once */
	atomic_bool ending;              /* logins that wait for the threads are given up */
	struct penalty *penalty;         /* addresses that guess passwords; NULL: none is slowed down */
	struct login_delay *login_delay; /* users who log in again too soon; NULL: nobody has to wait */
	struct meters *meters;           /* what is counted; NULL: nothing */
	struct service *service;         /* who serves it, while it runs */
	struct aliases *aliases;         /* NULL: there are none */
	struct inboxes *inboxes;         /* where anybody has one; elsewhere NULL */
	struct retention *retention;     /* how long mail is kept; NULL: where there is no store */
	struct tls_server *tls;          /* NULL: no TLS */
	const struct options *options;   /* what the operator asked for; outlives the site */
	struct delivery_desk *desk;
	struct watch *watch;   /* NULL: there is no web inbox */
	struct faults *faults; /* what goes wrong on purpose; NULL: nothing */
	struct smtp_config smtp;
	struct smtp_config lmtp;        /* of this machine's own programs … */
	struct smtp_config lmtp_remote; /* … and of others, who have to log in */
	struct pop3_config pop3;
	/* site_open's own */
	pthread_mutex_t refreshing; /* one at a time reads the users file again */
	int dir;                    /* everything is opened relative to it */
	struct course *loaded;      /* = course */
	char domain[OPTIONS_DOMAIN_MAX + 1];
};

/* What site_open was at when it failed: each has its exit status. */
enum site_step { SITE_DIRECTORY, SITE_COURSE, SITE_TLS, SITE_USERS, SITE_STORE, SITE_OPEN };

#define SITE_ALIASES "aliases.txt"

/* In two steps, for between them the process gives up rights (server/confine); both block. SITE_OPEN, or where it stopped, with why: then nothing is left open.
 *
 * First what only root may be able to open, and what stands elsewhere: the directory, the course, the certificate and its key. Starts no thread. */
enum site_step site_open(struct site *site, const struct options *options, struct fault *why);
/* All the rest: users, store, threads; makes users' directories that are missing. */
enum site_step site_start(struct site *site, struct fault *why);
/* Waits for all jobs. Their loops must still exist, and no session may be left. */
void site_close(struct site *site);

/* What the options say of it. */
struct retention_limits site_retention(const struct options *o);

/* Where users and aliases are: in the directory, or anywhere by a path from the root. The first is NULL where clients register. */
const char *site_users_file(const struct site *site);
const char *site_aliases_file(const struct site *site);

/* Reads the users file and the aliases again where they have changed, and makes the directories of new users. Blocks; users_changed() says, without blocking, whether
 * there is something to do. False: memory or descriptors were lacking, and it is still to be done. */
bool site_refresh_users(struct site *site);

#endif
