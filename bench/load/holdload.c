/*
 * holdload: opens many connections, waits for each one's greeting, says "holding N" and holds them, idle, until its standard
 * input ends.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "link.h"

enum { IN_SIZE = 1024, AT_ONCE = 64 };

struct hold {
	struct loop loop;
	const char *hello; /* said after the greeting, or NULL */
	size_t greeted;
};

struct held {
	struct link link; /* first: links are held */
	struct hold *hold;
	bool said;
};

static void on_input(struct link *l)
{
	struct held *held = (struct held *)l;
	struct hold *h = held->hold;
	char *line;
	while ((line = link_line(l))) {
		if (line[0] != '2' && line[0] != '+')
			die("the server said: %s", line);
		if (line[0] == '2' && line[1] && line[2] && line[3] == '-')
			continue;
		if (h->hello && !held->said) {
			held->said = true;
			link_say(l, "%s\r\n", h->hello);
			link_flush(l);
		} else {
			h->greeted++;
		}
	}
}

static void open_all(struct hold *h, size_t n)
{
	for (size_t opened = 0; h->greeted < n;) {
		for (; opened < n && opened - h->greeted < AT_ONCE; opened++) {
			struct held *held = must_alloc(sizeof *held);
			held->hold = h;
			link_init(&held->link, &h->loop, IN_SIZE, on_input);
			link_open(&held->link);
		}
		loop_once(&h->loop, -1);
	}
}

/* A connection that the server ends meanwhile ends the program. */
static void hold(struct hold *h)
{
	struct pollfd watched[2] = { { STDIN_FILENO, POLLIN, 0 }, { h->loop.epoll, POLLIN, 0 } };
	while (poll(watched, 2, -1) >= 0 && !watched[0].revents)
		if (watched[1].revents)
			loop_once(&h->loop, 0);
}

int main(int argc, char **argv)
{
	static struct hold h;
	struct plan plan = PLAN_DEFAULT;
	const struct option_row own[] = { { "hello", OPTION_TEXT, &h.hello }, { NULL, OPTION_FLAG, NULL } };
	options_take(argc, argv, &plan, own, "usage: holdload --port N [--connections 1] [--hello TEXT] [--tls]");
	loop_init(&h.loop, &plan);
	open_all(&h, plan.connections);
	printf("holding %zu\n", plan.connections);
	fflush(stdout);
	hold(&h);
	return 0;
}
