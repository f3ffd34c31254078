/*
 * reload: see reload.h. Nothing of the new text is kept: the keys that hold at once are numbers.
 */
#include "server/reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/config_table.h"
#include "server/service.h"

/* These hold from now on, and postroom.conf(5) says so. */
static const char *const live[] = {
	"quota", "retain_age", "retain_size", "undelete", "max_per_address", "max_rate", "verbose",
};

static bool is_live(const char *key)
{
	for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
		if (strcmp(live[i], key) == 0)
			return true;
	}
	return false;
}

static bool same_listener(const struct config_listener *a, const struct config_listener *b)
{
	bool same = strcmp(a->name, b->name) == 0;
	for (size_t i = 0; same && i < config_listener_rows_count; i++)
		same = config_value_same(&config_listener_rows[i], a, b);
	return same;
}

static bool same_listeners(const struct config *a, const struct config *b)
{
	bool same = a->listeners_count == b->listeners_count;
	for (size_t i = 0; same && i < a->listeners_count; i++)
		same = same_listener(&a->listeners[i], &b->listeners[i]);
	return same;
}

static void tell_what_waits(const struct reload *r, const struct config *fresh)
{
	for (size_t i = 0; i < config_rows_count; i++) {
		const struct config_row *row = &config_rows[i];
		if (!is_live(row->key) && !config_value_same(row, r->running, fresh))
			log_warning("%s: %s has changed, and holds after a restart", r->path, row->key);
	}
	if (!same_listeners(r->running, fresh))
		log_warning("%s: the listeners have changed, and hold after a restart", r->path);
}

static void apply(const struct reload *r, const struct options *o, struct site *site)
{
	const struct retention_limits limits = site_retention(o);
	if (site->store) {
		site->store->quota = o->quota;
		site->store->undelete = o->undelete;
	}
	if (site->retention)
		retention_set(site->retention, &limits);
	if (site->service)
		service_limit(site->service, o->max_per_address, o->max_rate);
	log_set_level(o->verbose || r->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING);
}

static void tell_errors(const struct reload *r, const struct config_errors *errors, const struct fault *why)
{
	if (why->kind != FAULT_NONE)
		log_error("%s", why->text);
	for (size_t i = 0; why->kind == FAULT_NONE && i < errors->count; i++)
		log_error("%s: line %u: %s", r->path, errors->list[i].line, errors->list[i].text);
	log_error("%s: as it is it is not taken, and all holds as before", r->path);
}

/* Both are large for a thread's stack. */
struct reading {
	struct config config;
	struct config_errors errors;
};

void reload_config(const struct reload *r, struct site *site)
{
	struct reading *fresh = calloc(1, sizeof *fresh);
	struct fault why;
	if (!fresh) {
		log_error("%s cannot be read again: memory is out", r->path);
		return;
	}
	if (config_read(&fresh->config, r->path, &fresh->errors, &why)) {
		tell_what_waits(r, &fresh->config);
		apply(r, &fresh->config.options, site);
		log_warning("%s is read again", r->path);
		config_release(&fresh->config);
	} else {
		tell_errors(r, &fresh->errors, &why);
	}
	free(fresh);
}
