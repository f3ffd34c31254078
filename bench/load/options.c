/*
 * options: see options.h.
 */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>

#include "link.h"

static void set(const struct option_row *row, const char *value)
{
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)row->value = true;
		break;
	case OPTION_TEXT:
		*(const char **)row->value = value;
		break;
	case OPTION_SIZE:
		*(size_t *)row->value = strtoul(value, NULL, 10);
		break;
	case OPTION_NUMBER:
		*(uint64_t *)row->value = strtoull(value, NULL, 10);
		break;
	case OPTION_SECONDS:
		*(double *)row->value = strtod(value, NULL);
		break;
	}
}

/* Both tables in one, without the last's end. */
static size_t join(const struct option_row *first, const struct option_row *second, struct option_row all[OPTIONS_MAX])
{
	size_t n = 0;
	for (; first->name; first++)
		all[n++] = *first;
	for (; second->name && n < OPTIONS_MAX; second++)
		all[n++] = *second;
	return n;
}

void options_take(int argc, char **argv, struct plan *plan, const struct option_row *own, const char *usage)
{
	const struct option_row of_plan[] = {
		{ "address", OPTION_TEXT, &plan->address },
		{ "port", OPTION_SIZE, &plan->port },
		{ "connections", OPTION_SIZE, &plan->connections },
		{ "seconds", OPTION_SECONDS, &plan->seconds },
		{ "users", OPTION_SIZE, &plan->users },
		{ "tls", OPTION_FLAG, &plan->tls },
		{ "resume", OPTION_FLAG, &plan->resume },
		{ NULL, OPTION_FLAG, NULL },
	};
	struct option_row rows[OPTIONS_MAX];
	struct option options[OPTIONS_MAX + 1] = { { NULL, 0, NULL, 0 } };
	size_t n = join(of_plan, own, rows);
	int index;
	for (size_t i = 0; i < n; i++)
		options[i] = (struct option){ rows[i].name, rows[i].kind != OPTION_FLAG, NULL, 1 };
	for (int found; (found = getopt_long(argc, argv, "", options, &index)) != -1;) {
		if (found != 1)
			die("%s", usage);
		set(&rows[index], optarg);
	}
	if (plan->port == 0 || plan->connections == 0 || plan->users == 0 || optind != argc)
		die("%s", usage);
}
