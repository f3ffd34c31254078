/*
 * serve: see serve.h.
 */
#include "server/serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "server/activation.h"
#include "server/config.h"
#include "server/inboxes.h"
#include "server/maildrop.h"
#include "server/network.h"
#include "server/program.h"
#include "server/receive.h"
#include "server/reload.h"
#include "server/scratch.h"
#include "server/status.h"
#include "server/web_keeper.h"

static const char name[] = "postroom";
enum { CHORE_MAX_S = 60, CHORES = 10 };

static const char usual_directory[] = "/var/lib/postroom";

struct serve {
	struct config config;
	struct config began; /* the same, as the file said it */
	struct activation activation;
	struct scratch scratch;
	const struct service_config *service;                  /* once it is configured */
	struct options_web web;                                /* where there is a web inbox … */
	struct listener web_bound;                             /* … it listens here */
	enum config_protocol protocols[SERVICE_LISTENERS_MAX]; /* of the service's listeners */
	bool journal;                                          /* nobody looks on */
	struct reload reload;
	bool reloading;
};

/* ---- the file ---- */

static void complain(const char *text)
{
	fprintf(stderr, "%s: %s\n", name, text);
}

static void tell_errors(const char *path, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		if (errors->list[i].line > 0)
			fprintf(stderr, "%s:%u: %s\n", path, errors->list[i].line, errors->list[i].text);
		else
			fprintf(stderr, "%s: %s\n", path, errors->list[i].text);
	}
}

static int read_config(struct config *c, const char *path)
{
	struct config_errors errors;
	struct fault why;
	if (!path && config_default(c))
		return EX_OK;
	if (!path) {
		complain("memory is out");
		return EX_OSERR;
	}
	if (config_read(c, path, &errors, &why))
		return EX_OK;
	tell_errors(path, &errors);
	if (why.kind == FAULT_NONE)
		return EX_CONFIG;
	complain(why.text);
	return EX_NOINPUT;
}

int serve_check(const char *path)
{
	struct config c;
	int status = read_config(&c, path);
	if (status == EX_OK)
		config_release(&c);
	return status;
}

int serve_directory(const char *path, char dir[SERVE_DIRECTORY_MAX])
{
	struct config c;
	int status = path ? read_config(&c, path) : EX_OK;
	const char *said = path && status == EX_OK && c.directory ? c.directory : usual_directory;
	snprintf(dir, SERVE_DIRECTORY_MAX, "%s", said);
	if (path && status == EX_OK)
		config_release(&c);
	return status;
}

int serve_mailboxes(const char *path, struct serve_mailboxes *to)
{
	struct config c;
	int status = read_config(&c, path);
	if (status != EX_OK)
		return status;
	const struct options *o = &c.options;
	*to = (struct serve_mailboxes){
		.quota = o->quota, .retain_size = o->retain_size, .retain_age = o->retain_age, .undelete = o->undelete
	};
	snprintf(to->dir, sizeof to->dir, "%s", c.directory ? c.directory : usual_directory);
	config_release(&c);
	return EX_OK;
}

/* ---- the listeners ---- */

static service_session_new *session_of(enum config_protocol protocol)
{
	if (protocol == CONFIG_POP3)
		return maildrop_session_new;
	return protocol == CONFIG_LMTP ? receive_lmtp_session_new : receive_session_new;
}

static bool add(struct serve *s, struct service_config *to, const struct config_listener *l, int fd, struct fault *why)
{
	if (to->listeners_count == SERVICE_LISTENERS_MAX)
		return fault_set(why, FAULT_PERMANENT, "there are more than %d sockets", SERVICE_LISTENERS_MAX);
	s->protocols[to->listeners_count] = l->protocol;
	to->listeners[to->listeners_count++] = (struct service_listener){
		.name = l->name,
		.address = strcmp(l->address, "*") == 0 ? NULL : l->address,
		.port = l->port,
		.given = fd >= 0,
		.fd = fd,
		.tls = l->tls,
		.proxies = l->proxy.items,
		.proxies_count = l->proxy.count,
		.session_new = session_of(l->protocol),
	};
	return true;
}

/* The web inbox, a process of its own, begins before this one gives up its rights. */
static bool add_web(struct serve *s, const struct site *site, const struct config_listener *l, int fd,
                    struct fault *why)
{
	struct config *c = &s->config;
	struct listener listener = { .fd = -1 };
	const struct web_keeper_config keeper = {
		.dir = c->options.dir,
		.mailbox = site->course->mailbox,
		.user = c->options.user,
		.hosts = c->web_hosts.items,
		.hosts_count = c->web_hosts.count,
		.login = !c->options.catch_all,
		.no_sandbox = c->options.no_sandbox,
		.verbose = c->options.verbose,
	};
	if (c->options.web)
		return fault_set(why, FAULT_PERMANENT, "there are two listeners for web: one is enough");
	if (!(fd >= 0 ? listener_adopt(&listener, fd, why)
	              : listener_open(&listener, strcmp(l->address, "*") == 0 ? NULL : l->address, l->port, why)))
		return false;
	s->web_bound = listener;
	if (keeper.login && !c->options.plaintext && !network_is_loopback(listener.address))
		log_warning("the web inbox has no TLS: from other machines nobody can log in there but through a web "
		            "server on this one (docs/web.md)");
	s->web.link = web_keeper_start(&keeper, &listener, why);
	c->options.web = s->web.link >= 0 ? &s->web : NULL;
	return s->web.link >= 0;
}

/* Its own, or as many as were given by its name. */
static bool add_all(struct serve *s, const struct site *site, struct service_config *to,
                    const struct config_listener *l, struct fault *why)
{
	int fd = activation_take(&s->activation, l->name);
	if (l->protocol == CONFIG_WEB)
		return add_web(s, site, l, fd, why);
	do {
		if (!add(s, to, l, fd, why))
			return false;
	} while (fd >= 0 && (fd = activation_take(&s->activation, l->name)) >= 0);
	return true;
}

/* ---- what it says ---- */

static const char *name_of(enum config_protocol protocol)
{
	static const char *const names[] = { [CONFIG_SMTP] = "SMTP", [CONFIG_LMTP] = "LMTP", [CONFIG_POP3] = "POP3" };
	return names[protocol];
}

static void add_place(const struct serve *s, const struct service *service, size_t i, struct buf *text)
{
	const struct listener *l = service_bound(service, i);
	bool catch_all = s->config.options.catch_all;
	buf_printf(text, "  %s  %s", name_of(s->protocols[i]), l->address);
	if (l->port > 0)
		buf_printf(text, " port %u", l->port);
	if (s->service->listeners[i].tls)
		buf_append_text(text, ", TLS first");
	if (catch_all)
		buf_append_text(text, s->protocols[i] == CONFIG_POP3 ? "    user: the address, any password"
		                                                     : "    any recipient");
	buf_append_char(text, '\n');
}

static void add_web_place(const struct serve *s, struct buf *text)
{
	const struct listener *l = &s->web_bound;
	bool all = strcmp(l->address, "::") == 0 || strcmp(l->address, "0.0.0.0") == 0;
	bool six = strchr(l->address, ':') != NULL;
	if (!s->config.options.web)
		return;
	if (all)
		buf_printf(text, "  Web   http://localhost:%u/\n", l->port);
	else
		buf_printf(text, six ? "  Web   http://[%s]:%u/\n" : "  Web   http://%s:%u/\n", l->address, l->port);
}

/* For people, behind the lines that say where it listens; in one piece. */
static void greet(const struct serve *s, const struct service *service)
{
	struct buf text;
	if (s->journal)
		return;
	buf_init(&text, 8192);
	buf_append_text(&text, s->config.options.catch_all ? "Postroom takes mail for tests:\n" : "Postroom serves:\n");
	for (size_t i = 0; i < s->service->listeners_count; i++) {
		if (!s->service->listeners[i].aside)
			add_place(s, service, i, &text);
	}
	add_web_place(s, &text);
	buf_printf(&text, "  Mail  %s%s\n", s->config.options.dir,
	           s->scratch.path[0] ? "    removed at the end (--dir DIR keeps it)" : "");
	if (isatty(STDERR_FILENO))
		buf_append_text(&text, "Ctrl-C ends it.\n");
	(void)!write(STDERR_FILENO, text.data, text.len);
	buf_release(&text);
}

/* As the service says it of the others. */
static void say_web(const struct serve *s)
{
	if (s->config.options.web)
		fprintf(stderr, "listening on %s port %u (web)\n", s->web_bound.address, s->web_bound.port);
}

/* For the page, which tells people where to send mail. */
static void note_ports(struct serve *s, const struct service *service)
{
	for (size_t i = s->service->listeners_count; i-- > 0;) {
		unsigned port = service_bound(service, i)->port;
		if (s->protocols[i] == CONFIG_SMTP && port > 0)
			s->web.smtp_port = port;
		else if (s->protocols[i] == CONFIG_POP3 && port > 0)
			s->web.pop3_port = port;
	}
}

static void on_news(void *owner, const struct service *service, enum service_news news)
{
	struct serve *s = owner;
	switch (news) {
	case SERVICE_READY:
		note_ports(s, service);
		say_web(s);
		greet(s, service);
		activation_ready(&s->activation);
		break;
	case SERVICE_RELOADING:
		s->reloading = true;
		activation_reloading(&s->activation);
		break;
	case SERVICE_RELOADED: /* what the service read of its own accord, nobody has asked for */
		if (s->reloading)
			activation_ready(&s->activation);
		s->reloading = false;
		break;
	case SERVICE_ENDING:
		activation_stopping(&s->activation);
		break;
	}
}

/* Without it nobody can ask, which is no reason not to serve. */
static void add_status(const struct serve *s, struct service_config *to)
{
	struct listener l;
	struct fault why;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/" STATUS_SOCKET, s->config.options.dir);
	if (to->listeners_count == SERVICE_LISTENERS_MAX)
		return;
	if (!listener_open_private(&l, path, &why)) {
		log_warning("postroom status will not work: %s", why.text);
		return;
	}
	to->listeners[to->listeners_count++] = (struct service_listener){
		.name = "status", .given = true, .fd = l.fd, .aside = true, .session_new = status_session_new
	};
}

static void sweep(struct site *site)
{
	if (site->inboxes)
		inboxes_sweep(site->inboxes);
	if (site->retention)
		retention_sweep(site->retention);
}

/* Once a minute or, where mail is kept for a few minutes only, ten times within that. */
static unsigned sweep_every(const struct options *o)
{
	unsigned every = CHORE_MAX_S * CHORES;
	if (o->retain_age > 0 && o->retain_age < every)
		every = o->retain_age;
	if (o->undelete > 0 && o->undelete < every)
		every = o->undelete;
	return every < CHORES ? 1 : every / CHORES;
}

static void read_again(void *owner, struct site *site)
{
	struct serve *s = owner;
	reload_config(&s->reload, site);
}

static bool configure(void *owner, const struct site *site, struct service_config *to, struct fault *why)
{
	struct serve *s = owner;
	to->news = on_news;
	to->owner = s;
	to->supervised = s->activation.notify >= 0;
	to->reload = s->reload.path ? read_again : NULL;
	to->chore = sweep;
	to->chore_every = sweep_every(&s->config.options);
	s->service = to;
	for (size_t i = 0; i < s->config.listeners_count; i++) {
		if (!add_all(s, site, to, &s->config.listeners[i], why))
			return false;
	}
	add_status(s, to);
	const char *left = activation_left(&s->activation);
	return !left || fault_set(why, FAULT_PERMANENT,
	                          "there is a socket by the name of \"%s\", and no listener: add one, or give the "
	                          "socket a listener's name (FileDescriptorName=)",
	                          left);
}

/* ---- the server ---- */

static void take_port(struct config *c, enum config_protocol protocol, const struct serve_port *wish)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		if (wish->said && c->listeners[i].protocol == protocol)
			c->listeners[i].port = wish->port;
	}
}

static void take_wishes(struct config *c, const struct serve_wishes *w)
{
	struct options *o = &c->options;
	take_port(c, CONFIG_SMTP, &w->smtp_port);
	take_port(c, CONFIG_POP3, &w->pop3_port);
	take_port(c, CONFIG_WEB, &w->web_port);
	if (w->dir)
		c->directory = w->dir;
	o->transcript |= w->transcript || w->explain;
	o->explain |= w->explain;
	o->verbose |= w->verbose;
	if (o->verbose)
		log_set_level(LOG_LEVEL_INFO);
}

/* Mail for tests needs no directory, and may be given one that is not there yet. */
static bool find_directory(struct serve *s, struct fault *why)
{
	struct options *o = &s->config.options;
	o->dir = s->config.directory;
	if (o->dir && o->catch_all && mkdir(o->dir, 0700) != 0 && errno != EEXIST)
		return fault_errno(why, "cannot make the directory %.100s", o->dir);
	if (!o->dir && !o->catch_all)
		o->dir = usual_directory;
	if (!o->dir && !scratch_make(&s->scratch, why))
		return false;
	if (!o->dir)
		o->dir = s->scratch.path;
	return true;
}

static int serve(struct serve *s)
{
	struct fault why;
	const struct program_server server = {
		.name = name,
		.options = &s->config.options,
		.configure = configure,
		.owner = s,
	};
	if (!activation_begin(&s->activation, &why)) {
		complain(why.text);
		return EX_USAGE;
	}
	if (!find_directory(s, &why)) {
		complain(why.text);
		return EX_CANTCREAT;
	}
	int status = program_serve(&server);
	scratch_remove(&s->scratch);
	return status;
}

int serve_run(const struct serve_wishes *wishes)
{
	struct serve s = { .service = NULL };
	s.journal = log_to_journal();
	log_set_program(s.journal ? "" : name); /* which the journal says by itself */
	if (wishes->config && (wishes->smtp_port.said || wishes->pop3_port.said || wishes->web_port.said)) {
		complain("with --config the file's listeners say the ports: change them there");
		return EX_USAGE;
	}
	int status = read_config(&s.config, wishes->config);
	if (status != EX_OK)
		return status;
	s.reload = (struct reload){ .path = wishes->config, .running = &s.began, .verbose = wishes->verbose };
	s.began = s.config;
	s.config.options.config_file = wishes->config;
	take_wishes(&s.config, wishes);
	status = serve(&s);
	activation_end(&s.activation);
	config_release(&s.config);
	return status;
}
