/*
 * confine: first the user, then files, then calls: each is still needed for the one before. See confine.h.
 */
#include "server/confine.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "server/privileges.h"
#include "sandbox/sandbox.h"

/* The mail directory; and where the certificate, the key, the configuration, the users file and the aliases are, each by the name that was given and, if that is a link, in truth. */
enum { DIRECTORIES_MAX = 1 + 2 * 5, RESERVED_PORTS = 1024 };

struct directories {
	struct sandbox_directory list[DIRECTORIES_MAX];
	char paths[DIRECTORIES_MAX][PATH_MAX];
	size_t count;
};

static void add(struct directories *d, const char *path, bool writable)
{
	char *copy = d->paths[d->count];
	snprintf(copy, PATH_MAX, "%s", path);
	d->list[d->count++] =
	        (struct sandbox_directory){ .path = writable ? copy : dirname(copy), .writable = writable };
}

/* Read again when it changes, and then it may be another file in the same place: so the whole directory. */
static void add_place_of(struct directories *d, const char *file)
{
	char real[PATH_MAX];
	if (!file)
		return;
	add(d, file, false);
	if (realpath(file, real))
		add(d, real, false);
}

static void add_place_within(struct directories *d, const char *dir, const char *file)
{
	char path[PATH_MAX];
	if (file && file[0] == '/')
		add_place_of(d, file);
	else if (file && (size_t)snprintf(path, sizeof path, "%s/%s", dir, file) < sizeof path)
		add_place_of(d, path);
}

static bool confine_files(const struct options *o, const struct site *site, struct fault *why)
{
	struct directories *d = calloc(1, sizeof *d);
	if (!d)
		return fault_set(why, FAULT_FULL, "cannot start: memory is out");
	add(d, o->dir, true);
	d->list[0].prunable = o->catch_all;
	add_place_of(d, o->tls_cert);
	add_place_of(d, o->tls_key);
	add_place_of(d, o->config_file);
	add_place_within(d, o->dir, site_users_file(site));
	add_place_within(d, o->dir, site_aliases_file(site));
	bool ok = sandbox_files(d->list, d->count, why);
	free(d);
	return ok;
}

/* Libraries open a file for this, once. */
static void learn_time_zone(void)
{
	tzset();
}

bool confine(const struct options *o, const struct site *site, struct fault *why)
{
	char name[PRIVILEGES_NAME_MAX];
	learn_time_zone();
	if (!privileges_drop(o->user, site->dir, name, why))
		return false;
	if (o->no_sandbox)
		log_info("without a sandbox, as was asked for");
	return o->no_sandbox || (confine_files(o, site, why) && sandbox_calls(why));
}
