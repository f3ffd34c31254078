/*
 * Configurations of any text: whole values within their limits, or errors with their texts.
 */
#include "server/config.h"

#include "base/slice.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_config(const struct config *c)
{
	check(c->options.max_size > 0 && c->options.max_connections > 0 && c->options.workers <= OPTIONS_WORKERS_MAX);
	check(c->options.domains_count <= OPTIONS_DOMAINS_MAX);
	check(c->listeners_count > 0 && c->listeners_count <= CONFIG_LISTENERS_MAX);
	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct config_listener *l = &c->listeners[i];
		check(l->name && l->name[0] && l->address && l->protocol != CONFIG_PROTOCOL_NONE);
		check(l->port <= OPTIONS_PORT_MAX && (!l->tls || c->options.tls_cert));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config_errors errors;
	struct config c;
	char *text = slice_dup(slice_make((const char *)data, size));
	check(text != NULL);
	if (config_parse(&c, text, &errors)) {
		check(errors.count == 0);
		check_config(&c);
		config_release(&c);
	} else {
		check(errors.count > 0 && errors.list[0].text[0]);
	}
	free(text);
	return 0;
}
