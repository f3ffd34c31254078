/*
 * stage: see stage.h.
 */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/maildrop.h"
#include "server/means.h"
#include "server/receive.h"

enum { LOG_MAX = 64 * 1024, GRACE_MS = 2000, READ_MAX = 4 * 1024 * 1024, BUSY_TRIES = 500, LIFE_S = 60 };

static const char *const names[STAGE_USERS] = { "alice", "bob" };
static const char plain_users[] = "alice secret\nbob pw\n";

/* ---- its directory ---- */

static int remove_entry(const char *path, const struct stat *st, int what, struct FTW *where)
{
	(void)st;
	(void)what;
	(void)where;
	return remove(path);
}

static void make_directory(struct stage *s)
{
	char path[80];
	const char *text = s->scene->users ? s->scene->users : plain_users;
	strcpy(s->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/oom-XXXXXX" : "/tmp/oom-XXXXXX");
	if (!mkdtemp(s->dir))
		run_failed("no directory: %s", strerror(errno));
	snprintf(path, sizeof path, "%s/users.txt", s->dir);
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		run_failed("no users file");
}

static struct store *open_store(const struct stage *s, int *dir)
{
	struct fault why;
	*dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct store *store = file_store_new(*dir, "mailbox", &why);
	if (!store)
		run_failed("the test has no store");
	return store;
}

static void close_store(struct store *store, int dir)
{
	store->ops->free(store);
	close(dir);
}

/* ---- mails ---- */

struct stage_mail *stage_mail_new(struct stage *s, bool alice, bool bob)
{
	if (s->count == STAGE_MAILS)
		run_failed("the test sends too many mails");
	struct stage_mail *m = &s->mails[s->count];
	*m = (struct stage_mail){ .to = { alice, bob }, .most = 1 };
	/* Numbers of processes are given again. */
	snprintf(m->mark, sizeof m->mark, "m%llx-%zu", (unsigned long long)clock_ms() << 22 | (unsigned)getpid(),
	         s->count++);
	return m;
}

char *stage_text(const struct stage_mail *m, size_t octets)
{
	static const char line[] = "a line of text that says nothing, but fills the mail a little\r\n";
	size_t room = octets + 300, len;
	char *text = malloc(room);
	if (!text)
		run_failed("the test itself has no memory");
	len = (size_t)snprintf(text, room, "From: bob@example.org\r\nSubject: %s\r\n\r\n", m->mark);
	while (len < octets) {
		memcpy(text + len, line, sizeof line - 1);
		len += sizeof line - 1;
	}
	snprintf(text + len, room - len, "END %s\r\n", m->mark);
	return text;
}

struct stage_mail *stage_deliver(struct stage *s, size_t octets)
{
	struct fault why = { .text = "no memory" };
	int dir;
	struct stage_mail *m = stage_mail_new(s, true, false);
	struct store *store = open_store(s, &dir);
	struct draft *d = store->ops->draft(store);
	char *text = stage_text(m, octets);
	char *to = text;
	for (const char *from = text; *from; from++) { /* LF line ends */
		if (*from != '\r')
			*to++ = *from;
	}
	if (!store->ops->prepare(store, "alice", &why) || !draft_write(d, text, (size_t)(to - text)) ||
	    !draft_finish(d, &why) || !store->ops->append(store, "alice", &d, 1, &why))
		run_failed("the test cannot deliver: %s", why.text);
	m->least = 1;
	draft_free(d);
	free(text);
	close_store(store, dir);
	return m;
}

/* The mailbox as a session would show it; waits for one that is about to end. */
static struct maildrop *open_maildrop(struct store *store, const char *user)
{
	struct fault why;
	for (int i = 0; i < BUSY_TRIES; i++) {
		struct maildrop *m = store->ops->open(store, user, "the test", &why);
		if (m)
			return m;
		usleep(10 * 1000);
	}
	run_failed("the mailbox does not open: %s", why.text);
}

static size_t occurrences(const char *text, const char *before, const char *mark)
{
	char wanted[80];
	size_t count = 0;
	int n = snprintf(wanted, sizeof wanted, "\n%s %s\n", before, mark);
	for (const char *at = text; (at = strstr(at, wanted)); at += n - 1)
		count++;
	return count;
}

static char *read_mailbox(struct store *store, const char *user)
{
	struct fault why = { .text = "" };
	char *text = malloc(READ_MAX);
	size_t len = 0;
	struct maildrop *m = open_maildrop(store, user);
	for (size_t i = 0; i < store->ops->count(m); i++) {
		struct store_span span = { .got = 1 };
		for (uint64_t offset = 0; span.got > 0; offset += span.got, len += span.got) {
			span = (struct store_span){ .offset = offset,
				                    .octets = text + len,
				                    .size = READ_MAX - 1 - len };
			if (store->ops->read(m, i, &span, true, &why) != STORE_GOT)
				run_failed("a mail cannot be read: %s", why.text);
		}
	}
	text[len] = '\0';
	store->ops->close(m);
	return text;
}

static void check_mail(const struct stage_mail *m, const char *user, const char *text)
{
	size_t heads = occurrences(text, "Subject:", m->mark), ends = occurrences(text, "END", m->mark);
	if (heads != ends)
		run_failed("a mail to %s is not whole", user);
	if (heads < m->least || heads > m->most)
		run_failed("mail %s to %s is there %zu times, and should be %zu to %zu times", m->mark, user, heads,
		           m->least, m->most);
}

void stage_check_mailboxes(struct stage *s)
{
	int dir;
	struct store *store = open_store(s, &dir);
	for (int u = 0; u < STAGE_USERS; u++) {
		char *text = read_mailbox(store, names[u]);
		for (size_t i = 0; i < s->count; i++) {
			if (s->mails[i].to[u])
				check_mail(&s->mails[i], names[u], text);
		}
		free(text);
	}
	close_store(store, dir);
}

void stage_empty(struct stage *s)
{
	struct fault why = { .text = "" };
	int dir;
	struct store *store = open_store(s, &dir);
	struct maildrop *m = open_maildrop(store, names[0]);
	size_t count = store->ops->count(m), size = count / 8 + 1;
	unsigned char *marks = malloc(size);
	memset(marks, 0xff, size);
	if (count > 0 && !store->ops->remove(m, marks, &why))
		run_failed("the test cannot empty the mailbox: %s", why.text);
	store->ops->close(m);
	free(marks);
	close_store(store, dir);
}

/* ---- the service ---- */

static void set_options(struct stage *s)
{
	bool standard = !s->scene->course;
	s->options = (struct options){
		.dir = s->dir,
		.course = standard ? "standard" : s->scene->course,
		.domain = standard ? "example.org" : NULL,
		.domains = { "example.org" },
		.domains_count = standard,
		.listen = "127.0.0.1",
		.max_size = SMTP_SIZE_DEFAULT,
		.max_connections = 50,
		.no_sandbox = true,
		.workers = 1,
		.tls_cert = s->tls->cert,
		.tls_key = s->tls->key,
		.quota = standard ? 100 * 1024 * 1024 : 0,
	};
}

/* What it said: that it listens, where, and whatever it logged. */
static bool find_port(const struct stage *s, unsigned *port)
{
	static char said[LOG_MAX];
	static const char words[] = "listening on 127.0.0.1 port ";
	ssize_t n = pread(s->log, said, sizeof said - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	const char *at = strstr(said, words);
	if (!at || !strchr(at, '\n'))
		return false;
	*port = (unsigned)strtoul(at + strlen(words), NULL, 10);
	return true;
}

static void *act(void *arg)
{
	struct stage *s = arg;
	scarcity_spare_me();
	while (!find_port(s, &s->ports[s->scene->pop3])) {
		if (s->over)
			return NULL;
		usleep(500);
	}
	if (s->scene->at_start)
		run->asked = scarcity_end();
	s->scene->play(s);
	kill(getpid(), SIGTERM);
	return NULL;
}

/* The test's thread takes no signals: those that end a service are the service's. */
static void start_actor(struct stage *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_create(&s->actor, NULL, act, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool run_service(struct stage *s, struct service *service, struct fault *why)
{
	bool served = site_start(&s->site, why) == SITE_OPEN; /* else it is closed */
	if (!served)
		return false;
	served = service_run(service, &s->site, why);
	site_close(&s->site);
	return served;
}

/* As a server's main program does it, without its sandbox. */
static bool serve(struct stage *s, struct fault *why)
{
	const struct service_config config = {
		.listeners = { { .address = s->options.listen, .session_new = s->scene->session_new } },
		.listeners_count = 1,
		.workers = 1,
		.limits.in_all = s->options.max_connections,
		.grace_ms = GRACE_MS,
	};
	if (!means_suffice(1, why) || site_open(&s->site, &s->options, why) != SITE_OPEN)
		return false;
	struct service *service = service_open(&config, why);
	bool served = service && run_service(s, service, why);
	if (!service)
		site_close(&s->site);
	service_free(service);
	return served;
}

static size_t count_descriptors(void)
{
	size_t count = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		count++;
	closedir(d);
	return count;
}

static void run_server(struct stage *s)
{
	struct fault why = { .kind = FAULT_NONE };
	size_t before = count_descriptors();
	start_actor(s);
	if (s->scene->at_start)
		scarcity_begin(&s->scarcity);
	bool served = serve(s, &why);
	if (s->scene->at_start && !served)
		run->asked = scarcity_end();
	run->struck |= scarcity_struck();
	s->over = true;
	pthread_join(s->actor, NULL);
	if (!served && (!s->scene->at_start || !run->struck))
		run_failed("the service could not begin: %s", why.text);
	if (!served && !why.text[0])
		run_failed("the service could not begin, and does not say why");
	if (count_descriptors() != before)
		run_failed("%zd descriptors are left", count_descriptors() - before);
}

/* ---- the process ---- */

static void take_log(struct stage *s)
{
	s->log = memfd_create("log", MFD_CLOEXEC);
	dup2(s->log, STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
}

void stage_run(struct stage *s)
{
	alarm(LIFE_S);
	if (s->scene->client) {
		s->scene->play(s);
		exit(0);
	}
	make_directory(s);
	set_options(s);
	if (!s->scarcity.shown)
		take_log(s);
	else
		s->log = open("/dev/shm/oom.log", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
		dup2(s->log, STDERR_FILENO), log_set_level(LOG_LEVEL_INFO);
	if (s->scene->pop3) {
		for (int i = 0; i < 3; i++)
			stage_deliver(s, i == 1 ? 90 * 1000 : 500);
	}
	run_server(s);
	nftw(s->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	exit(0);
}

/* ---- servers for clients ---- */

static void serve_apart(struct stage *s, const struct scene *server, pid_t *child)
{
	struct stage *own = mmap(NULL, sizeof *own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*own = *s;
	own->scene = server;
	set_options(own);
	own->log = memfd_create("log", MFD_CLOEXEC);
	fflush(NULL);
	*child = fork();
	if (*child == 0) {
		struct fault why;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(own->log, STDERR_FILENO);
		scarcity_spare_me();
		exit(!serve(own, &why));
	}
	while (!find_port(own, &s->ports[server->pop3]))
		usleep(1000);
	close(own->log);
}

static pid_t children[2];

struct stage *stage_client_begin(const struct scene *scene, struct tls_suite *tls)
{
	static const struct scene servers[] = {
		{ .name = "smtp", .session_new = receive_session_new },
		{ .name = "pop3", .session_new = maildrop_session_new, .pop3 = true },
	};
	struct stage *s = calloc(1, sizeof *s);
	*s = (struct stage){ .scene = scene, .tls = tls };
	make_directory(s);
	for (int i = 0; i < 2; i++)
		serve_apart(s, &servers[i], &children[i]);
	return s;
}

void stage_client_end(struct stage *s)
{
	for (int i = 0; i < 2; i++) {
		kill(children[i], SIGTERM);
		waitpid(children[i], NULL, 0);
	}
	nftw(s->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
}
