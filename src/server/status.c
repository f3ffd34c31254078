/*
 * status: a session of one line and one answer. See status.h.
 */
#include "server/status.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "server/inboxes.h"
#include "server/meters.h"
#include "server/service.h"

enum { LINE_MAX_OCTETS = 64, IDLE_MS = 5000 };

struct status {
	struct session base;
	struct site *site;
	struct job job;
	bool json;
	bool has_disk;
	struct statfs disk;
};

static struct status *status_of(struct session *s)
{
	return (struct status *)s;
}

/* ---- as JSON ---- */

static void add_json_listeners(const struct service *s, struct buf *out)
{
	const struct service_config *config = service_configuration(s);
	const char *between = "";
	buf_append_text(out, "\"listeners\":[");
	for (size_t i = 0; i < config->listeners_count; i++) {
		const struct service_listener *l = &config->listeners[i];
		if (l->aside)
			continue;
		buf_printf(out, "%s{\"name\":", between);
		buf_append_json(out, slice_str(l->name));
		buf_append_text(out, ",\"address\":");
		buf_append_json(out, slice_str(service_bound(s, i)->address));
		buf_printf(out, ",\"port\":%u,\"tls\":%s,\"sessions\":%zu,\"in_all\":%" PRIu64 "}",
		           service_bound(s, i)->port, l->tls ? "true" : "false", service_present(s, i),
		           service_accepted(s, i));
		between = ",";
	}
	buf_append_text(out, "],");
}

static void add_json_meters(const struct site *site, struct buf *out)
{
	for (enum meter m = 0; m < METERS; m++) {
		uint64_t in_all, last_minute;
		meters_read(site->meters, m, &in_all, &last_minute);
		buf_printf(out, "\"%s\":{\"last_minute\":%" PRIu64 ",\"in_all\":%" PRIu64 "},", meters_name(m),
		           last_minute, in_all);
	}
}

static void add_json(const struct status *st, struct buf *out)
{
	const struct site *site = st->site;
	buf_printf(out, "{\"version\":\"%s\",\"pid\":%ld,\"uptime\":%" PRId64 ",\"directory\":", POSTROOM_VERSION,
	           (long)getpid(), meters_uptime(site->meters));
	buf_append_json(out, slice_str(site->options->dir));
	buf_append_char(out, ',');
	add_json_listeners(site->service, out);
	add_json_meters(site, out);
	if (site->inboxes)
		buf_printf(out, "\"inboxes\":%zu,", inboxes_count(site->inboxes));
	if (st->has_disk)
		buf_printf(out, "\"disk\":{\"free\":%" PRIu64 ",\"size\":%" PRIu64 "}}\n",
		           (uint64_t)st->disk.f_bavail * (uint64_t)st->disk.f_frsize,
		           (uint64_t)st->disk.f_blocks * (uint64_t)st->disk.f_frsize);
	else
		buf_append_text(out, "\"disk\":null}\n");
}

/* ---- for people ---- */

static void add_listeners(const struct service *s, struct buf *out)
{
	const struct service_config *config = service_configuration(s);
	buf_printf(out, "\n%-16s%-36s%12s%14s\n", "listener", "where", "sessions", "in all");
	for (size_t i = 0; i < config->listeners_count; i++) {
		const struct listener *l = service_bound(s, i);
		char where[LISTEN_ADDRESS_MAX + 32];
		if (config->listeners[i].aside)
			continue;
		snprintf(where, sizeof where, l->port > 0 ? "%s port %u%s" : "%s", l->address, l->port,
		         config->listeners[i].tls ? ", TLS" : "");
		buf_printf(out, "%-16s%-36s%12zu%14" PRIu64 "\n", config->listeners[i].name, where,
		           service_present(s, i), service_accepted(s, i));
	}
}

static void add_meters(const struct site *site, struct buf *out)
{
	buf_printf(out, "\n%-24s%16s%16s\n", "", "last minute", "in all");
	for (enum meter m = 0; m < METERS; m++) {
		uint64_t in_all, last_minute;
		char name[32];
		meters_read(site->meters, m, &in_all, &last_minute);
		snprintf(name, sizeof name, "%s", meters_name(m));
		for (char *at = name; *at; at++)
			*at = *at == '_' ? ' ' : *at;
		buf_printf(out, "%-24s%16" PRIu64 "%16" PRIu64 "\n", name, last_minute, in_all);
	}
}

static double gib(uint64_t blocks, uint64_t size)
{
	return (double)blocks * (double)size / (1 << 30);
}

static void add_text(const struct status *st, struct buf *out)
{
	const struct site *site = st->site;
	int64_t up = meters_uptime(site->meters);
	buf_printf(out, "postroom %s, process %ld, up %" PRId64 " d %" PRId64 " h %" PRId64 " min %" PRId64 " s\n",
	           POSTROOM_VERSION, (long)getpid(), up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	buf_printf(out, "mail in %s", site->options->dir);
	if (site->inboxes)
		buf_printf(out, ", %zu inboxes", inboxes_count(site->inboxes));
	if (st->has_disk)
		buf_printf(out, ", %.1f GiB free of %.1f GiB", gib(st->disk.f_bavail, (uint64_t)st->disk.f_frsize),
		           gib(st->disk.f_blocks, (uint64_t)st->disk.f_frsize));
	buf_append_char(out, '\n');
	add_listeners(site->service, out);
	add_meters(site, out);
}

/* ---- the session ---- */

static void look_at_disk(struct job *job)
{
	struct status *st = (struct status *)((char *)job - offsetof(struct status, job));
	st->has_disk = fstatfs(st->site->dir, &st->disk) == 0;
}

static void looked_at_disk(struct job *job)
{
	session_wake(&((struct status *)((char *)job - offsetof(struct status, job)))->base);
}

static enum session_next status_start(struct session *s)
{
	(void)s;
	return NEXT_LINE;
}

static enum session_next status_line(struct session *s, const struct line *line)
{
	struct status *st = status_of(s);
	st->json = slice_equal_text(line->text, "json");
	if (!st->json && !slice_equal_text(line->text, "text"))
		return NEXT_CLOSE;
	jobs_run(st->site->jobs, &st->job);
	return NEXT_WAIT;
}

static enum session_next status_resume(struct session *s)
{
	(status_of(s)->json ? add_json : add_text)(status_of(s), s->out);
	return NEXT_CLOSE;
}

static enum session_next status_stop(struct session *s, enum session_stop why)
{
	(void)s;
	(void)why;
	return NEXT_CLOSE;
}

static void status_free(struct session *s)
{
	free(s);
}

static const struct session_ops status_ops = {
	.protocol = "status",
	.line_max = LINE_MAX_OCTETS,
	.idle_ms = IDLE_MS,
	.start = status_start,
	.line = status_line,
	.resume = status_resume,
	.stop = status_stop,
	.free = status_free,
};

struct session *status_session_new(struct site *site, struct loop *loop, const struct peer *peer)
{
	struct status *st = calloc(1, sizeof *st);
	(void)peer;
	if (!st)
		return NULL;
	st->base = (struct session){ .ops = &status_ops };
	st->site = site;
	st->job = (struct job){ .work = look_at_disk, .done = looked_at_disk, .home = loop };
	return &st->base;
}
