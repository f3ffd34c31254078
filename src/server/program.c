/*
 * program: options, site, service, and the one place where a fault becomes an exit status. See program.h.
 */
#include "server/program.h"

#include <malloc.h>
#include <signal.h>
#include <sysexits.h>

#include "base/log.h"
#include "server/confine.h"
#include "server/means.h"
#include "server/service.h"

/* By what was being opened; SITE_OPEN: all was, and the service could not begin. */
static int exit_status(enum site_step step, enum fault_kind kind)
{
	if (kind == FAULT_BUSY)
		return EX_UNAVAILABLE;
	switch (step) {
	case SITE_DIRECTORY:
	case SITE_USERS:
		return EX_NOINPUT;
	case SITE_COURSE: /* no users file to tell the course by, or a wrong course */
		return kind == FAULT_TEMPORARY ? EX_NOINPUT : EX_CONFIG;
	case SITE_TLS: /* no file that could be read, or not what it should be */
		return kind == FAULT_TEMPORARY ? EX_NOINPUT : EX_CONFIG;
	case SITE_STORE:
		return EX_OSERR;
	case SITE_OPEN:
		break;
	}
	return kind == FAULT_PERMANENT ? EX_USAGE : EX_OSERR;
}

static int complain(const char *name, const struct fault *why, int status)
{
	fprintf(stderr, "%s: %s\n", name, why->text);
	return status;
}

static int printed(void)
{
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* The service's signals wait until it watches for them: none may end a thread, or the start, half way. */
static void hold_signals(void)
{
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

/* A buffer from this size on goes back to the system as soon as it is freed. glibc's malloc begins with the same, but raises it to the largest that was ever freed, and
 * the memory of some large mails at once would then stay with the process. */
enum { GIVEN_BACK_MIN = 128 * 1024 };

static void give_memory_back(void)
{
	mallopt(M_MMAP_THRESHOLD, GIVEN_BACK_MIN);
	mallopt(M_TRIM_THRESHOLD, GIVEN_BACK_MIN);
}

/* A site that is open, and ports. The site is closed. */
static int serve_at(const struct program_server *p, struct site *site, struct service *service)
{
	struct fault why;
	if (!confine(p->options, site, &why)) {
		site_close(site);
		return complain(p->name, &why, exit_status(SITE_OPEN, why.kind));
	}
	enum site_step step = site_start(site, &why);
	if (step != SITE_OPEN)
		return complain(p->name, &why, exit_status(step, why.kind));
	bool served = service_run(service, site, &why);
	site_close(site);
	return served ? EX_OK : complain(p->name, &why, exit_status(SITE_OPEN, why.kind));
}

static int serve_site(const struct program_server *p, struct site *site)
{
	const struct options *o = p->options;
	struct fault why;
	struct service_config config = {
		.workers = o->workers,
		.limits = { .in_all = o->max_connections,
		            .at_once = o->max_per_address,
		            .a_minute = o->max_rate,
		            .loopback = o->slow_loopback },
	};
	enum site_step step = p->configure(p->owner, site, &config, &why) ? SITE_OPEN : SITE_COURSE;
	struct service *service = step == SITE_OPEN ? service_open(&config, &why) : NULL;
	if (!service) {
		site_close(site);
		return complain(p->name, &why, exit_status(step, why.kind));
	}
	int status = serve_at(p, site, service);
	service_free(service);
	return status;
}

int program_serve(const struct program_server *p)
{
	struct fault why;
	struct site site;
	give_memory_back();
	hold_signals();
	if (!means_suffice(service_workers(p->options->workers), &why))
		return complain(p->name, &why, EX_OSERR);
	enum site_step step = site_open(&site, p->options, &why);
	if (step != SITE_OPEN)
		return complain(p->name, &why, exit_status(step, why.kind));
	return serve_site(p, &site);
}

/* ---- one protocol, from the command line ---- */

struct one {
	const struct program *program;
	const struct options *options;
};

/* One port, and one more where TLS comes first. */
static bool configure(void *owner, const struct site *site, struct service_config *config, struct fault *why)
{
	const struct one *one = owner;
	const struct program *p = one->program;
	const struct options *o = one->options;
	bool registration = site->course->registration;
	service_session_new *session_new = registration ? p->member_session_new : p->session_new;
	if (!session_new)
		return fault_set(why, FAULT_PERMANENT,
		                 "the course %.60s has no mailboxes to serve: its clients fetch their mail from "
		                 "smtpmail, with RETRIEVE",
		                 site->course->name);
	config->listeners[0] =
	        (struct service_listener){ .address = o->listen, .port = o->port, .session_new = session_new };
	config->listeners[1] = (struct service_listener){
		.address = o->listen, .port = o->tls_port, .tls = true, .session_new = session_new
	};
	config->listeners_count = o->tls_listen ? 2 : 1;
	return true;
}

static int serve(const struct program *p, const struct options *o)
{
	struct one one = { .program = p, .options = o };
	const struct program_server server = {
		.name = options_program_name(p->which),
		.options = o,
		.configure = configure,
		.owner = &one,
	};
	return program_serve(&server);
}

/* Options that say something only together. */
static bool belong_together(const struct options *o, struct fault *why)
{
	if (o->tls_cert || (!o->tls_listen && !o->tls_key))
		return true;
	return fault_set(why, FAULT_PERMANENT,
	                 "--%s needs a certificate: add --tls-cert FILE (postroom cert makes one for tests)",
	                 o->tls_listen ? "tls-port" : "tls-key");
}

int program_run(const struct program *p, int argc, char **argv)
{
	struct options options;
	struct fault why;
	log_set_program(options_program_name(p->which));
	switch (options_read(&options, p->which, argc, argv, &why)) {
	case OPTIONS_SERVE:
		break;
	case OPTIONS_HELP:
		options_print_help(stdout, p->which);
		return printed();
	case OPTIONS_VERSION:
		printf("%s %s\n", options_program_name(p->which), POSTROOM_VERSION);
		return printed();
	case OPTIONS_WRONG:
		return complain(options_program_name(p->which), &why, EX_USAGE);
	}
	if (!belong_together(&options, &why))
		return complain(options_program_name(p->which), &why, EX_USAGE);
	if (!options.course)
		options.course = course_of_program(argv[0]);
	if (options.verbose)
		log_set_level(LOG_LEVEL_INFO);
	return serve(p, &options);
}
