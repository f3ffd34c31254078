/*
 * events: a list of streams, each with what it has not read yet. See events.h.
 */
#include "web/events.h"

#include <stdlib.h>

#include "base/clock.h"

enum { TICK_MS = 15 * 1000 };

struct stream {
	struct events *events;
	struct request *request;
	struct buf pending;
	bool missed;
	bool asleep; /* suspended: nothing is pending */
	struct stream *next;
};

struct events {
	struct stream *streams;
	size_t count;
	int64_t tick_at;
};

struct events *events_new(void)
{
	return calloc(1, sizeof(struct events));
}

void events_free(struct events *e)
{
	free(e); /* streams went with their requests */
}

size_t events_count(const struct events *e)
{
	return e->count;
}

static void wake(struct stream *s)
{
	if (s->asleep) {
		s->asleep = false;
		MHD_resume_connection(s->request->connection);
	}
}

static void put(struct stream *s, struct slice event)
{
	if (s->pending.len + event.len > EVENTS_PENDING_MAX)
		s->missed = true;
	else
		buf_append_slice(&s->pending, event);
	wake(s);
}

static ssize_t on_read(void *arg, uint64_t at, char *octets, size_t max)
{
	static const char again[] = "event: reload\ndata: {}\n\n";
	struct stream *s = arg;
	(void)at;
	if (s->pending.len == 0 && s->missed) {
		s->missed = false;
		buf_append_text(&s->pending, again);
	}
	size_t n = s->pending.len < max ? s->pending.len : max;
	if (n == 0) {
		s->asleep = true;
		MHD_suspend_connection(s->request->connection);
		return 0;
	}
	memcpy(octets, s->pending.data, n);
	buf_consume(&s->pending, n);
	return (ssize_t)n;
}

static void on_over(struct request *r)
{
	struct stream *s = r->own;
	struct stream **at = &s->events->streams;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->events->count--;
	buf_release(&s->pending);
	free(s);
}

static struct stream *add(struct events *e, struct request *r)
{
	struct stream *s = e->count < EVENTS_STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return NULL;
	*s = (struct stream){ .events = e, .request = r, .next = e->streams };
	buf_init(&s->pending, EVENTS_PENDING_MAX);
	buf_append_text(&s->pending, "retry: 2000\n\n");
	e->streams = s;
	e->count++;
	r->over = on_over;
	r->own = s;
	return s;
}

void events_open(struct events *e, struct request *r)
{
	struct stream *s = add(e, r);
	if (!s) {
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many pages are open");
		return;
	}
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, s, NULL);
	if (!response)
		return;
	request_response(r, MHD_HTTP_OK, response);
	request_add(r, "Content-Type", "text/event-stream");
	request_add(r, "X-Accel-Buffering", "no");
}

void events_tell(struct events *e, const char *name, const char *inbox, json_t *data)
{
	char *text = data && e->streams ? json_dumps(data, JSON_COMPACT) : NULL;
	struct buf event;
	json_decref(data);
	buf_init(&event, EVENTS_PENDING_MAX);
	if (text && buf_printf(&event, "event: %s\ndata: ", name) && buf_append_text(&event, text) &&
	    buf_append_text(&event, "\n\n")) {
		for (struct stream *s = e->streams; s; s = s->next) {
			const char *user = s->request->user;
			if (!*user || !*inbox || strcmp(user, inbox) == 0)
				put(s, buf_slice(&event));
		}
	}
	buf_release(&event);
	free(text);
}

int events_tick(struct events *e)
{
	int64_t now = clock_ms();
	if (now >= e->tick_at) {
		for (struct stream *s = e->streams; s; s = s->next)
			put(s, slice_str(":\n\n"));
		e->tick_at = now + TICK_MS;
	}
	return (int)(e->tick_at - now);
}
