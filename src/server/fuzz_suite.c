/*
 * fuzz_suite: see fuzz_suite.h.
 */
#include "server/fuzz_suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/log.h"
#include "mail/utf8.h"
#include "server/login_delay.h"
#include "server/penalty.h"

enum { SITES_MAX = 8, PIECE = 4096 };

struct fuzz_site {
	char course[32];
	char dir[32];
	struct options options;
	struct site site;
};

void fuzz_check(bool holds)
{
	if (!holds)
		abort();
}

/* ---- sites ---- */

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	fuzz_check(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void write_users(const struct fuzz_site *f)
{
	struct fault why;
	char text[64];
	struct course *c = course_load(f->course, &why);
	fuzz_check(c != NULL);
	snprintf(text, sizeof text, "alice%csecret\nbob%csecret\n", c->separator, c->separator);
	if (!c->registration)
		write_file(f->dir, c->users_file, text);
	write_file(f->dir, "aliases.txt", "sales: alice bob\nstaff: sales nobody\n");
	course_free(c);
}

/* Threads and clocks would make two runs of one input differ. */
static void give_up_chance(struct site *site)
{
	lab_give_up_threads(site);
	penalty_free(site->penalty);
	site->penalty = NULL;
}

static struct fuzz_site sites[SITES_MAX];

static void clear_directories(void)
{
	char command[64];
	for (size_t i = 0; i < SITES_MAX && sites[i].course[0]; i++) {
		snprintf(command, sizeof command, "rm -r %s", sites[i].dir);
		if (system(command) != 0)
			perror(command);
	}
}

static void open_site(struct fuzz_site *f, const char *course)
{
	struct fault why;
	log_set_level(LOG_LEVEL_ERROR);
	*f = (struct fuzz_site){ .dir = "/tmp/postroom-fuzz-XXXXXX" };
	snprintf(f->course, sizeof f->course, "%s", course);
	fuzz_check(mkdtemp(f->dir) != NULL);
	write_users(f);
	f->options = (struct options){
		.dir = f->dir,
		.course = f->course,
		.domain = "example.org",
		.domains = { "example.org", "example.net" },
		.domains_count = 2,
		.max_size = 1000,
	};
	fuzz_check(site_open(&f->site, &f->options, &why) == SITE_OPEN && site_start(&f->site, &why) == SITE_OPEN);
	give_up_chance(&f->site);
	if (f->site.users)
		site_refresh_users(&f->site);
	f->site.smtp.tls = f->site.pop3.tls = !f->site.course->registration;
	fuzz_site_empty(&f->site);
}

struct site *fuzz_site(const char *course)
{
	for (size_t i = 0; i < SITES_MAX; i++) {
		if (i == 0 && !sites[0].course[0])
			atexit(clear_directories);
		if (!sites[i].course[0])
			open_site(&sites[i], course);
		if (strcmp(sites[i].course, course) == 0)
			return &sites[i].site;
	}
	abort();
}

void fuzz_site_empty(struct site *site)
{
	struct fault why;
	if (site->registry) {
		fuzz_check(registry_octets(site->registry) == 0);
		return;
	}
	delivery_desk_free(site->desk);
	site->store->ops->free(site->store);
	site->store = memory_store_new(&why);
	fuzz_check(site->store != NULL);
	site->desk = delivery_desk_new(site->store, NULL);
	fuzz_check(site->desk != NULL);
}

/* ---- mails ---- */

void fuzz_deliver(struct site *site, const char *user, const char *text)
{
	struct fault why;
	struct draft *d = site->store->ops->draft(site->store);
	fuzz_check(d && draft_write(d, text, strlen(text)) && draft_finish(d, &why));
	fuzz_check(site->store->ops->append(site->store, user, &d, 1, &why));
	draft_free(d);
}

static void read_mail(struct maildrop *m, size_t i, struct buf *to)
{
	struct fault why;
	char octets[PIECE];
	struct store_span span = { .octets = octets, .size = sizeof octets };
	do {
		fuzz_check(m->ops->read(m, i, &span, true, &why) == STORE_GOT);
		fuzz_check(buf_append(to, octets, span.got));
		span.offset += span.got;
	} while (span.got > 0);
	fuzz_check(buf_append_text(to, ".\n"));
}

size_t fuzz_mails(struct site *site, const char *user, struct buf *to)
{
	struct fault why;
	struct maildrop *m = site->store->ops->open(site->store, user, "fuzzer", &why);
	fuzz_check(m != NULL);
	size_t count = m->ops->count(m);
	for (size_t i = 0; i < count; i++)
		read_mail(m, i, to);
	m->ops->close(m);
	return count;
}

/* ---- a peer ---- */

static void settle(struct fuzz_peer *p)
{
	static const struct session_tls tls = { .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384" };
	struct pump *pump = &p->pump;
	do {
		p->look(p->owner, buf_slice(&pump->out));
		buf_clear(&pump->out);
		pump_drained(pump);
		if (pump->out.len == 0 && pump_wants_tls(pump))
			pump_secured(pump, &tls);
	} while (pump->out.len > 0);
	fuzz_check(!pump_waiting(pump));
}

/* One for all inputs; it never runs. */
static struct loop *the_loop(void)
{
	static struct loop *loop;
	struct fault why;
	if (!loop)
		loop = loop_new(&why);
	fuzz_check(loop != NULL);
	return loop;
}

void fuzz_connect(struct fuzz_peer *p, struct site *site, lab_session_new *session_new, int number, bool local)
{
	const struct peer peer = { .address = local ? "127.0.0.1" : "192.0.2.7", .fd = number };
	struct session *s = session_new(site, the_loop(), &peer);
	fuzz_check(s != NULL);
	pump_init(&p->pump, s, NULL, NULL);
	pump_start(&p->pump);
	settle(p);
}

void fuzz_say(struct fuzz_peer *p, struct slice octets, size_t step)
{
	while (octets.len > 0 && !pump_closing(&p->pump)) {
		size_t now = octets.len < step ? octets.len : step;
		fuzz_check(pump_input(&p->pump, octets.ptr, now));
		settle(p);
		octets = slice_skip(octets, now);
	}
}

void fuzz_disconnect(struct fuzz_peer *p, bool lost)
{
	if (lost) {
		pump_lost(&p->pump);
	} else {
		pump_stop(&p->pump, STOP_NOW);
		settle(p);
		fuzz_check(pump_closing(&p->pump));
	}
	pump_release(&p->pump);
}

/* ---- what it hears ---- */

void fuzz_look_at_smtp(struct slice said)
{
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		fuzz_check(end < said.len && end >= 5 && end < 512 && said.ptr[end - 1] == '\r');
		fuzz_check(said.ptr[0] >= '2' && said.ptr[0] <= '5' && (said.ptr[3] == ' ' || said.ptr[3] == '-'));
		for (size_t i = 0; i + 1 < end; i++)
			fuzz_check((unsigned char)said.ptr[i] >= ' ' && said.ptr[i] != 0x7f);
		fuzz_check(utf8_valid(slice_make(said.ptr, end)));
		said = slice_skip(said, end + 1);
	}
}
