/*
 * site: opened from the options, closed in the opposite order. See site.h.
 */
#include "server/site.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/aliases.h"
#include "base/file.h"
#include "base/log.h"
#include "net/tls.h"
#include "server/algorithms.h"
#include "server/faults.h"
#include "server/inboxes.h"
#include "server/login_delay.h"
#include "server/meters.h"
#include "server/penalty.h"
#include "sandbox/sandbox.h"
#include "server/turns.h"
#include "server/watch.h"

static void report(const char *text)
{
	log_warning("%s", text);
}

static bool open_directory(struct site *site, const struct options *o, struct fault *why)
{
	/* Not file_open(): the directory is the operator's own, and may well be a symbolic link. */
	site->dir = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (site->dir >= 0)
		return true;
	const char *advice = errno == ENOENT ? "create it, or say --dir DIR" : "say --dir DIR";
	return fault_set(why, FAULT_PERMANENT, "cannot read the directory %.100s: %s: %s", o->dir, strerror(errno),
	                 advice);
}

static bool open_course(struct site *site, const struct options *o, struct fault *why)
{
	site->loaded = o->course ? course_load(o->course, why) : course_detect(site->dir, o->dir, why);
	site->course = site->loaded;
	return site->course != NULL;
}

static void report_tls(bool in_use, const char *text)
{
	if (in_use)
		log_info("%s", text);
	else
		log_warning("%s", text);
}

static bool open_tls(struct site *site, const struct options *o, struct fault *why)
{
	if (!o->tls_cert)
		return true;
	site->tls = tls_server_new(o->tls_cert, o->tls_key, report_tls, why);
	return site->tls != NULL;
}

const char *site_users_file(const struct site *site)
{
	return site->options->users_file ? site->options->users_file : site->course->users_file;
}

const char *site_aliases_file(const struct site *site)
{
	return site->options->aliases_file ? site->options->aliases_file : SITE_ALIASES;
}

static bool open_users(struct site *site, const struct options *o, struct fault *why)
{
	const struct course *c = site->course;
	const struct users_form form = { .separator = c->separator, .schemes = c->standard };
	site->users = users_open(site->dir, o->dir, site_users_file(site), &form, report, why);
	return site->users != NULL;
}

/* Its being missing is no error, nor is it read before it is asked for. */
static bool open_aliases(struct site *site, const struct options *o, struct fault *why)
{
	site->aliases = aliases_open(site->dir, o->dir, site_aliases_file(site), site->users, report, why);
	return site->aliases != NULL;
}

/* Somebody has to get the postmaster's mail (RFC 5321 section 4.5.1). */
static bool check_postmaster(struct site *site, const struct options *o, struct fault *why)
{
	char user[USERS_NAME_MAX + 1];
	if (!o->postmaster || users_find(site->users, slice_str(o->postmaster), user))
		return true;
	return fault_set(why, FAULT_PERMANENT, "--postmaster '%.64s': there is no such user in %.100s/%.60s",
	                 o->postmaster, o->dir, site_users_file(site));
}

static bool open_store(struct site *site, const struct options *o, struct fault *why)
{
	site->store = file_store_new(site->dir, site->course->mailbox, why);
	if (!site->store)
		return false;
	site->store->quota = o->quota;
	site->store->undelete = o->undelete;
	return true;
}

static bool open_registry(struct site *site, struct fault *why)
{
	site->registry = registry_new(REGISTRY_CLIENT_MAX, REGISTRY_TOTAL_MAX);
	return site->registry || fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory");
}

static void name_domain(struct site *site, const struct options *o)
{
	char host[HOST_NAME_MAX + 1] = "";
	const char *domain = o->domain ? o->domain : site->course->domain;
	if (!domain && gethostname(host, sizeof host) == 0) {
		host[sizeof host - 1] = '\0';
		domain = host;
	}
	snprintf(site->domain, sizeof site->domain, "%s", domain && *domain ? domain : "localhost");
}

static bool configure_pop3(struct site *site, const struct options *o, struct transcript *transcript, struct fault *why)
{
	const bool standard = site->course->standard;
	site->pop3 = (struct pop3_config){
		.replies = site->course->replies,
		.transcript = transcript,
		.domain = site->domain,
		.apop = standard,
		.pass_trimmed = !standard,
		.tls = site->tls != NULL,
		.utf8 = standard,
		.auth_codes = standard,
		.idle_ms = (int64_t)o->pop3_timeout * 1000,
		.login_delay = o->login_delay,
	};
	if (o->login_delay > 0)
		site->login_delay = login_delay_new(o->login_delay);
	if (o->login_delay > 0 && !site->login_delay)
		return fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory");
	return true;
}

/* The web inbox hears what sessions say. */
static bool start_watch(struct site *site, const struct options *o, struct fault *why)
{
	if (!o->web)
		return true;
	site->watch = watch_new(o->web->link, sandbox_narrow_talk, why);
	site->smtp.sink = site->pop3.sink = site->watch ? watch_sink(site->watch) : NULL;
	/* Never with users' mail. */
	site->faults = o->catch_all ? faults_new() : NULL;
	return site->watch != NULL &&
	       ((bool)site->faults == o->catch_all || fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory"));
}

static bool configure(struct site *site, const struct options *o, struct fault *why)
{
	struct transcript *transcript = o->transcript ? transcript_new(STDOUT_FILENO, sandbox_narrow_talk) : NULL;
	if (o->transcript && !transcript)
		return fault_set(why, FAULT_TEMPORARY, "cannot start the transcript: out of memory");
	if (o->explain)
		transcript_explain(transcript, site->course->verbs, site->course->verbs_len);
	name_domain(site, o);
	site->smtp = (struct smtp_config){
		.replies = site->course->replies,
		.verbs = site->course->verbs,
		.verbs_count = site->course->verbs_len,
		.domain = site->domain,
		.max_size = o->max_size,
		.tls = site->tls != NULL,
		.auth_required = o->auth_required,
		.strict = site->course->standard,
		.idle_ms = (int64_t)o->smtp_timeout * 1000,
		.transcript = transcript,
	};
	site->lmtp = site->smtp;
	site->lmtp.lmtp = true;
	site->lmtp.auth_required = false;
	site->lmtp_remote = site->lmtp;
	site->lmtp_remote.auth_required = true;
	return configure_pop3(site, o, transcript, why) && start_watch(site, o, why);
}

static void prepare_user(void *owner, const char *name)
{
	struct site *site = owner;
	struct fault why;
	if (!site->store->ops->prepare(site->store, name, &why))
		log_warning("the mailbox of %s cannot be used: %s", name, why.text);
	retention_note(site->retention, name);
}

/* Any recipient is a user: there is no file to read them from. */
static enum site_step open_inboxes(struct site *site, const struct options *o, struct fault *why)
{
	const struct inboxes_limits limits = { .most = o->inboxes_max, .age = o->inboxes_age };
	site->users = users_open_any(why);
	if (!site->users || !open_store(site, o, why))
		return SITE_STORE;
	site->inboxes = inboxes_new(site->store, site->dir, &limits, why);
	return site->inboxes ? SITE_OPEN : SITE_DIRECTORY;
}

/* What mail rests in: with registration memory, else files of users. */
static enum site_step open_mail(struct site *site, const struct options *o, struct fault *why)
{
	if (site->course->registration)
		return open_registry(site, why) ? SITE_OPEN : SITE_STORE;
	if (o->catch_all)
		return open_inboxes(site, o, why);
	if (!open_users(site, o, why) || !open_aliases(site, o, why) || !check_postmaster(site, o, why))
		return SITE_USERS;
	return open_store(site, o, why) ? SITE_OPEN : SITE_STORE;
}

static enum site_step open_first(struct site *site, const struct options *o, struct fault *why)
{
	file_store_prepare();
	if (!algorithms_fetch(why))
		return SITE_STORE;
	if (!open_directory(site, o, why))
		return SITE_DIRECTORY;
	if (!open_course(site, o, why))
		return SITE_COURSE;
	return open_tls(site, o, why) ? SITE_OPEN : SITE_TLS;
}

/* Passwords, and what goes with them. */
static bool start_login(struct site *site, const struct options *o, struct fault *why)
{
	site->hashing = jobs_new(SITE_HASHING_MAX, why);
	if (!site->hashing)
		return false;
	jobs_begin_with(site->hashing, sandbox_narrow_hash);
	site->turns = turns_new(site->hashing, SITE_HASHING_MAX);
	site->penalty = penalty_new(o->slow_loopback);
	site->meters = meters_new();
	return (site->turns && site->penalty && site->meters) ||
	       fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory");
}

struct retention_limits site_retention(const struct options *o)
{
	return (struct retention_limits){ .age = o->retain_age, .size = o->retain_size, .undelete = o->undelete };
}

static bool start_jobs(struct site *site, struct fault *why)
{
	site->jobs = jobs_new(SITE_JOBS_MAX, why);
	if (!site->jobs)
		return false;
	jobs_begin_with(site->jobs, sandbox_narrow_disk);
	if (!site->store)
		return true;
	const struct retention_limits limits = site_retention(site->options);
	site->desk = delivery_desk_new(site->store, site->jobs);
	site->retention = retention_new(site->store, site->dir, site->users, &limits);
	if (!site->desk || !site->retention)
		return fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory");
	delivery_desk_tell(site->desk, site->retention);
	return true;
}

static enum site_step checked(struct site *site, enum site_step step)
{
	if (step != SITE_OPEN)
		site_close(site);
	return step;
}

enum site_step site_open(struct site *site, const struct options *options, struct fault *why)
{
	*site = (struct site){ .dir = -1, .options = options };
	pthread_mutex_init(&site->refreshing, NULL);
	return checked(site, open_first(site, options, why));
}

enum site_step site_start(struct site *site, struct fault *why)
{
	const struct options *o = site->options;
	enum site_step step = open_mail(site, o, why);
	if (step == SITE_OPEN && !(start_jobs(site, why) && start_login(site, o, why) && configure(site, o, why)))
		step = SITE_STORE;
	if (step == SITE_OPEN && site->users)
		users_each(site->users, prepare_user, site);
	return checked(site, step);
}

void site_close(struct site *site)
{
	jobs_free(site->hashing);
	jobs_free(site->jobs);
	turns_free(site->turns);
	penalty_free(site->penalty);
	meters_free(site->meters);
	delivery_desk_free(site->desk);
	retention_free(site->retention);
	inboxes_free(site->inboxes);
	if (site->store)
		site->store->ops->free(site->store);
	registry_free(site->registry);
	aliases_free(site->aliases);
	users_free(site->users);
	login_delay_free(site->login_delay);
	tls_server_free(site->tls);
	watch_free(site->watch);
	faults_free(site->faults);
	if (site->smtp.transcript)
		transcript_free(site->smtp.transcript);
	course_free(site->loaded);
	file_close(site->dir);
	pthread_mutex_destroy(&site->refreshing);
}

/* When a file changes, many sessions may see it at once: the first reads it, the others find it read. */
bool site_refresh_users(struct site *site)
{
	pthread_mutex_lock(&site->refreshing);
	if (users_changed(site->users)) {
		users_reload(site->users);
		users_each(site->users, prepare_user, site);
	}
	if (site->aliases && aliases_changed(site->aliases))
		aliases_reload(site->aliases);
	bool done = !users_changed(site->users) && !(site->aliases && aliases_changed(site->aliases));
	pthread_mutex_unlock(&site->refreshing);
	return done;
}
