/*
 * config_table: the keys of postroom.conf: a labelled table, from which the file is read and checked, and the sample file and the manual page's list are printed.
 */
#ifndef POSTROOM_SERVER_CONFIG_TABLE_H
#define POSTROOM_SERVER_CONFIG_TABLE_H

#include <stdio.h>

#include "server/config.h"

enum config_type {
	CONFIG_TEXT,      /* const char *; empty: NULL */
	CONFIG_PATH,      /* the same, a file or directory */
	CONFIG_USER,      /* the same, a user's name */
	CONFIG_DOMAIN,    /* the same, a host name */
	CONFIG_DOMAINS,   /* struct config_list of them */
	CONFIG_FLAG,      /* bool: true or false */
	CONFIG_SIZE,      /* uint64_t, octets: 52428800, 50M, 1G */
	CONFIG_COUNT,     /* size_t */
	CONFIG_NUMBER,    /* unsigned */
	CONFIG_SECONDS,   /* unsigned: 90, 5m, 12h, 7d */
	CONFIG_PROTOCOL,  /* enum config_protocol */
	CONFIG_ADDRESS,   /* const char *: "*", a numeric address, or a path */
	CONFIG_ADDRESSES, /* struct config_list of numeric addresses */
};

struct config_row {
	const char *section; /* a heading, of the keys from here on; NULL: the one before */
	const char *key;
	enum config_type type;
	size_t place;      /* in struct config, or struct config_listener */
	const char *usual; /* what holds where the file does not say it, as it would be written */
	const char *help;  /* a sentence */
	uint64_t least, most;
};

extern const struct config_row config_rows[];
extern const size_t config_rows_count;
extern const struct config_row config_listener_rows[];
extern const size_t config_listener_rows_count;

/* The key that was meant, or NULL: none is near. */
const char *config_nearest(const struct config_row *rows, size_t count, const char *key);

/* Puts a value in its place; texts go to the arena. `expected` gets what would have been right. A list gets one more. False: it is none, or memory is out. */
bool config_value_set(const struct config_row *row, void *base, const char *value, struct arena *memory,
                      char expected[120]);
/* Whether two say the same of a row. */
bool config_value_same(const struct config_row *row, const void *a, const void *b);
/* All the defaults of a table. False: memory is out. */
bool config_set_defaults(const struct config_row *rows, size_t count, void *base, struct arena *memory);

/* A file that says everything, as a comment where it is the default. */
void config_print_sample(FILE *to);
/* The list of keys for postroom.conf(5), in mdoc. */
void config_print_man(FILE *to);

#endif
