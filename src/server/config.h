/*
 * config: postroom.conf: what the file says, as values. config_table.c has the keys with their types, defaults and explanations; config_file.c reads the file.
 *
 * Reading tells all that is wrong, each with its line; nothing is opened but the file itself. Uses libconfuse, which is not thread-safe: before there are threads.
 */
#ifndef POSTROOM_SERVER_CONFIG_H
#define POSTROOM_SERVER_CONFIG_H

#include "base/arena.h"
#include "net/listen.h"
#include "server/options.h"

enum {
	CONFIG_FILE_MAX = 256 * 1024,   /* octets of a file */
	CONFIG_MEMORY_MAX = 512 * 1024, /* octets of all its texts */
	CONFIG_LISTENERS_MAX = 16,
	CONFIG_PROXIES_MAX = 16,
	CONFIG_NAME_MAX = 32, /* octets of a listener's name */
	CONFIG_ERRORS_MAX = 64,
};
#define CONFIG_FILE_USUAL "/etc/postroom/postroom.conf"

enum config_protocol { CONFIG_PROTOCOL_NONE, CONFIG_SMTP, CONFIG_LMTP, CONFIG_POP3, CONFIG_WEB };

/* A list of texts. */
struct config_list {
	const char *items[OPTIONS_DOMAINS_MAX];
	size_t count;
};

struct config_listener {
	const char *name; /* by which systemd gives its socket */
	enum config_protocol protocol;
	const char *address; /* "*": all; with a /: a UNIX socket */
	unsigned port;
	bool has_port;
	bool tls;
	struct config_list proxy; /* whose PROXY protocol is believed, and who must speak it */
	unsigned line;
};

struct config {
	struct options options; /* as the servers' own command lines fill it */
	struct config_list domains;
	struct config_list web_hosts;
	bool channel_binding;
	bool sandbox;
	const char *directory; /* NULL: a default one */
	struct config_listener listeners[CONFIG_LISTENERS_MAX];
	size_t listeners_count;
	struct arena memory;
};

/* What is wrong, in the order of the lines. */
struct config_errors {
	struct config_error {
		unsigned line; /* 0: of the whole file */
		char text[220];
	} list[CONFIG_ERRORS_MAX];
	size_t count; /* beyond the maximum they are not told */
};

/* The word for the protocol, in small letters. */
const char *config_protocol_name(enum config_protocol protocol);

/* What holds without a file: a catch-all server for this machine alone. False: memory is out. */
bool config_default(struct config *c);
/* Reads a text. False: something is wrong, which `errors` tells; the config is released. */
bool config_parse(struct config *c, const char *text, struct config_errors *errors);
/* Reads a file. False: it could not be read, with why; or something in it is wrong, and `why` is FAULT_NONE. */
bool config_read(struct config *c, const char *path, struct config_errors *errors, struct fault *why);
void config_release(struct config *c);

#endif
