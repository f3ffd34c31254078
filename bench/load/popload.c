/*
 * popload: POP3 sessions over many connections, as fast as they are served, each a --script of steps; prints one line of JSON with
 * the time of each step.
 *
 * Steps: login (USER, PASS), stat, list, uidl, retr and top (every mail, --passes times), dele-one, dele-all, quit. A step of many commands keeps
 * --window of them under way. Connection i is user u(i), u(i + connections), … of --users: a mailbox has one session at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "tally.h"

enum { IN_SIZE = 256 * 1024, STEPS_MAX = 16 };

struct visits {
	uint64_t sessions; /* 0: until the time is over */
	uint64_t window, passes;
	const char *password;
};

struct session;

struct step {
	const char *name;
	bool many_lines;
	uint64_t (*commands)(const struct session *s); /* how many it takes */
	void (*say)(struct session *s, uint64_t command);
};

struct run {
	struct plan plan;
	struct visits visits;
	struct loop loop;
	const struct step *script[STEPS_MAX];
	size_t steps;
	uint64_t begun, ended, answers, octets;
	double begin, end;
	struct tally connect, session, each[STEPS_MAX];
};

struct session {
	struct link link; /* first: links are sessions */
	struct run *run;
	size_t user;
	size_t step;       /* of the script */
	bool greeted;      /* the step counts */
	bool in_text;      /* of an answer of many lines, from the end of its first on */
	uint64_t commands; /* of the step */
	uint64_t said, heard;
	uint64_t mails; /* that STAT told */
	double opened, begun;
};

static uint64_t one(const struct session *s)
{
	(void)s;
	return 1;
}

static uint64_t two(const struct session *s)
{
	(void)s;
	return 2;
}

static uint64_t mails(const struct session *s)
{
	return s->mails;
}

static uint64_t passes(const struct session *s)
{
	return s->mails * s->run->visits.passes;
}

static void say_login(struct session *s, uint64_t command)
{
	if (command == 0)
		link_say(&s->link, "USER u%zu\r\n", s->user);
	else
		link_say(&s->link, "PASS %s\r\n", s->run->visits.password);
}

static void say_word(struct session *s, uint64_t command)
{
	(void)command;
	link_say(&s->link, "%s\r\n", s->run->script[s->step]->name);
}

static void say_retr(struct session *s, uint64_t command)
{
	link_say(&s->link, "RETR %ju\r\n", (uintmax_t)(command % s->mails + 1));
}

static void say_top(struct session *s, uint64_t command)
{
	link_say(&s->link, "TOP %ju 0\r\n", (uintmax_t)(command % s->mails + 1));
}

static void say_dele(struct session *s, uint64_t command)
{
	link_say(&s->link, "DELE %ju\r\n", (uintmax_t)(command + 1));
}

static const struct step steps[] = {
	{ "login", false, two, say_login },   { "stat", false, one, say_word },       { "list", true, one, say_word },
	{ "uidl", true, one, say_word },      { "retr", true, passes, say_retr },     { "top", true, passes, say_top },
	{ "dele-one", false, one, say_dele }, { "dele-all", false, mails, say_dele }, { "quit", false, one, say_word },
};

static bool over(const struct run *r)
{
	if (r->visits.sessions > 0)
		return r->begun == r->visits.sessions;
	return now() - r->begin >= r->plan.seconds;
}

static void open_session(struct session *s)
{
	s->run->begun++;
	s->step = 0;
	s->greeted = s->in_text = false;
	s->opened = now();
	link_open(&s->link);
}

static void end_session(struct session *s)
{
	struct run *r = s->run;
	r->end = now();
	r->ended++;
	tally_add(&r->session, r->end - s->opened);
	link_close(&s->link);
	s->user += r->plan.connections;
	if (s->user >= r->plan.users)
		s->user %= r->plan.connections;
	if (!over(r))
		open_session(s);
}

static void say_more(struct session *s)
{
	const struct step *step = s->run->script[s->step];
	uint64_t window = step->commands == two ? 1 : s->run->visits.window;
	while (s->said < s->commands && s->said - s->heard < window)
		step->say(s, s->said++);
}

/* Steps that have no commands, as RETR in an empty mailbox, are passed over. */
static void begin_step(struct session *s)
{
	struct run *r = s->run;
	while (s->step < r->steps && (s->commands = r->script[s->step]->commands(s)) == 0)
		s->step++;
	if (s->step == r->steps) {
		end_session(s);
		return;
	}
	s->said = s->heard = 0;
	s->begun = now();
	say_more(s);
}

static void on_answer(struct session *s)
{
	struct run *r = s->run;
	r->answers++;
	if (++s->heard < s->commands) {
		say_more(s);
		return;
	}
	tally_add(&r->each[s->step], now() - s->begun);
	s->step++;
	begin_step(s);
}

/* CR LF . CR LF, by its full stop: mails have few of them, and memchr is faster than memmem. */
static char *find_end(char *text, size_t n)
{
	char *last = text + n - 2;
	for (char *dot = text + 2; n >= 5 && dot < last; dot++) {
		dot = memchr(dot, '.', (size_t)(last - dot));
		if (!dot)
			return NULL;
		if (memcmp(dot - 2, "\r\n.\r\n", 5) == 0)
			return dot - 2;
	}
	return NULL;
}

/* The text of an answer goes by unseen, up to its full stop. True: it is over. */
static bool pass_text(struct session *s)
{
	struct link *l = &s->link;
	char *text = l->in + l->from;
	size_t n = l->to - l->from;
	char *end = find_end(text, n);
	size_t taken = end ? (size_t)(end - text) + 5 : n > 4 ? n - 4 : 0;
	l->from += taken;
	s->run->octets += taken;
	s->in_text = !end;
	return end;
}

/* A whole answer's first line; the end of one that has a text stays, as the text's beginning. */
static bool take_status(struct session *s)
{
	struct link *l = &s->link;
	char *line = link_line(l);
	if (!line)
		return false;
	if (line[0] != '+')
		die("u%zu, %s: the server said: %s", s->user, s->greeted ? s->run->script[s->step]->name : "greeting",
		    line);
	if (s->greeted && s->run->script[s->step]->say == say_word &&
	    strcmp(s->run->script[s->step]->name, "stat") == 0)
		s->mails = strtoull(line + 4, NULL, 10);
	if (s->greeted && s->run->script[s->step]->many_lines) {
		l->from -= 2;
		memcpy(l->in + l->from, "\r\n", 2);
		s->in_text = true;
	}
	return true;
}

static bool take_answer(struct session *s)
{
	if (!s->in_text && !take_status(s))
		return false;
	if (s->in_text && !pass_text(s))
		return false;
	if (s->greeted) {
		on_answer(s);
		return true;
	}
	s->greeted = true;
	tally_add(&s->run->connect, now() - s->opened);
	begin_step(s);
	return true;
}

static void on_input(struct link *l)
{
	struct session *s = (struct session *)l;
	unsigned session = l->opened;
	while (l->fd >= 0 && l->opened == session && take_answer(s))
		;
	if (l->fd >= 0 && l->opened == session)
		link_flush(l);
}

static void report(const struct run *r)
{
	double seconds = r->end - r->begin;
	printf("{");
	tally_print_rate("sessions", r->ended, seconds);
	printf(", \"answers\": %ju, \"octets\": %ju, ", (uintmax_t)r->answers, (uintmax_t)r->octets);
	loop_print(&r->loop);
	printf(", ");
	tally_print_cpu();
	printf(", ");
	tally_print(&r->session, "session_ms");
	printf(", ");
	tally_print(&r->connect, "connect_ms");
	for (size_t i = 0; i < r->steps; i++) {
		char name[32];
		snprintf(name, sizeof name, "%s_ms", r->script[i]->name);
		printf(", ");
		tally_print(&r->each[i], name);
	}
	printf("}\n");
}

static const char usage[] =
        "usage: popload --port N [--address 127.0.0.1] [--connections 1] [--sessions N | --seconds S] [--users N]\n"
        "               [--password secret] [--script login,stat,quit] [--window 1] [--passes 1] [--tls [--resume]]";

static const struct step *step_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (strlen(steps[i].name) == len && memcmp(steps[i].name, name, len) == 0)
			return &steps[i];
	}
	return NULL;
}

static void parse_script(struct run *r, const char *script)
{
	for (size_t len; *script; script += len + strspn(script + len, ",")) {
		len = strcspn(script, ",");
		const struct step *step = step_of(script, len);
		if (!step || r->steps == STEPS_MAX)
			die("%s\nno step: %.*s", usage, (int)len, script);
		r->script[r->steps++] = step;
	}
}

static void parse(struct run *r, int argc, char **argv)
{
	struct visits *v = &r->visits;
	const char *script = "login,stat,quit";
	const struct option_row own[] = {
		{ "sessions", OPTION_NUMBER, &v->sessions }, { "password", OPTION_TEXT, &v->password },
		{ "script", OPTION_TEXT, &script },          { "window", OPTION_NUMBER, &v->window },
		{ "passes", OPTION_NUMBER, &v->passes },     { NULL, OPTION_FLAG, NULL },
	};
	r->plan = PLAN_DEFAULT;
	*v = (struct visits){ .window = 1, .passes = 1, .password = "secret" };
	options_take(argc, argv, &r->plan, own, usage);
	parse_script(r, script);
	if (v->window == 0 || r->plan.users < r->plan.connections)
		die("%s", usage);
}

int main(int argc, char **argv)
{
	static struct run r;
	parse(&r, argc, argv);
	loop_init(&r.loop, &r.plan);
	r.begin = now();
	for (size_t i = 0; i < r.plan.connections && !over(&r); i++) {
		struct session *s = must_alloc(sizeof *s);
		s->run = &r;
		s->user = i;
		link_init(&s->link, &r.loop, IN_SIZE, on_input);
		open_session(s);
	}
	loop_run(&r.loop);
	report(&r);
	return 0;
}
