/*
 * config_file: postroom.conf, read by libconfuse and the table of keys. See config.h.
 *
 * libconfuse stops at a key that it does not know. So that all that is wrong is told at once, such a setting is blanked out, and the text is read again;
 * after an error of the syntax nothing can be told of what follows.
 */
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "server/config_table.h"

enum { KEYS_MAX = 48 };

/* A key that is put at the end of the text: to libconfuse the end of a file ends a section, too, but in a listener it does not know this key. */
#define END_KEY "\4"

/* Where a key was said, and how many values it had then. */
struct seen {
	unsigned line;
	unsigned values;
	bool ended; /* a list was told as a whole, too */
};

/* libconfuse hands its callbacks nothing of ours: this is the one reading under way. */
static struct {
	struct config *config;
	struct config_errors *errors;
	size_t kept;                         /* of the errors, those that a new reading does not find again */
	const cfg_t *section;                /* of the last listener */
	struct seen seen[KEYS_MAX];          /* the file's keys */
	struct seen listener_seen[KEYS_MAX]; /* … and the listener's */
	char unknown[CONFIG_NAME_MAX * 4];   /* the key at which it stopped; "": another error */
	unsigned stopped;                    /* the line of that */
	bool ended;                          /* END_KEY was met */
} reading;

/* ---- errors ---- */

static void note(unsigned line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(unsigned line, const char *format, ...)
{
	struct config_errors *errors = reading.errors;
	va_list args;
	if (errors->count == CONFIG_ERRORS_MAX)
		return;
	struct config_error *e = &errors->list[errors->count++];
	e->line = line;
	va_start(args, format);
	vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
}

static int compare_lines(const void *a, const void *b)
{
	const struct config_error *x = a, *y = b;
	return x->line < y->line ? -1 : x->line > y->line;
}

static unsigned line_of(const cfg_t *section)
{
	return section->line > 0 ? (unsigned)section->line : 1;
}

/* "no such option 'prot'" */
static void take_unknown(const char *message)
{
	static const char begin[] = "no such option '";
	if (strncmp(message, begin, strlen(begin)) == 0)
		snprintf(reading.unknown, sizeof reading.unknown, "%.*s", (int)strcspn(message + strlen(begin), "'"),
		         message + strlen(begin));
}

static void note_unknown(const cfg_t *section)
{
	bool inside = strcmp(cfg_name((cfg_t *)section), "listener") == 0;
	const char *near = inside ? config_nearest(config_listener_rows, config_listener_rows_count, reading.unknown)
	                          : config_nearest(config_rows, config_rows_count, reading.unknown);
	const char *where = inside ? " of a listener" : "";
	if (strcmp(reading.unknown, END_KEY) == 0)
		note(reading.stopped - 1, "listener \"%.40s\" has no end: add }", cfg_title((cfg_t *)section));
	else if (near)
		note(reading.stopped, "there is no key '%.60s'%s: did you mean %s?", reading.unknown, where, near);
	else
		note(reading.stopped, "there is no key '%.60s'%s: postroom.conf(5) lists them", reading.unknown, where);
}

static void on_error(cfg_t *section, const char *format, va_list args)
{
	char message[200];
	vsnprintf(message, sizeof message, format, args);
	reading.stopped = line_of(section);
	reading.unknown[0] = '\0';
	take_unknown(message);
	if (reading.unknown[0])
		note_unknown(section);
	else
		note(reading.stopped, "%s", message);
}

/* ---- values ---- */

static const struct config_row *find(const struct config_row *rows, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	}
	return NULL;
}

/* Of a list this is called for each value, and once more at its end. */
static void take_value(const struct config_row *row, void *base, cfg_t *section, const cfg_opt_t *opt,
                       struct seen *seen)
{
	const char *value = opt->nvalues > 0 ? opt->values[opt->nvalues - 1]->string : NULL;
	char expected[120];
	bool list = row->type == CONFIG_DOMAINS || row->type == CONFIG_ADDRESSES;
	if (!value || (list && opt->nvalues == seen->values && !seen->ended)) {
		seen->ended = true;
		return;
	}
	if (seen->line > 0 && opt->nvalues <= seen->values)
		note(line_of(section), "%s was said in line %u", row->key, seen->line);
	else if (!config_value_set(row, base, value, &reading.config->memory, expected))
		note(line_of(section), "%s cannot be \"%.60s\": give %s", row->key, value, expected);
	*seen = (struct seen){ .line = line_of(section), .values = opt->nvalues };
}

static int on_value(cfg_t *section, cfg_opt_t *opt)
{
	const struct config_row *row = find(config_rows, config_rows_count, opt->name);
	take_value(row, reading.config, section, opt, &reading.seen[row - config_rows]);
	return 0;
}

/* The listener of a section: a new one with its first key, or at its end where it has none. NULL: one too many. */
static struct config_listener *listener_of(cfg_t *section)
{
	struct config *c = reading.config;
	if (section == reading.section)
		return &c->listeners[c->listeners_count - 1];
	if (c->listeners_count == CONFIG_LISTENERS_MAX)
		return NULL;
	struct config_listener *l = &c->listeners[c->listeners_count++];
	*l = (struct config_listener){ .line = line_of(section) };
	l->name = arena_dup(&c->memory, slice_str(cfg_title(section)));
	config_set_defaults(config_listener_rows, config_listener_rows_count, l, &c->memory);
	reading.section = section;
	memset(reading.listener_seen, 0, sizeof reading.listener_seen);
	return l;
}

static int on_listener_value(cfg_t *section, cfg_opt_t *opt)
{
	const struct config_row *row = find(config_listener_rows, config_listener_rows_count, opt->name);
	struct config_listener *l = listener_of(section);
	if (!l)
		return 0;
	if (strcmp(row->key, "port") == 0)
		l->has_port = true;
	take_value(row, l, section, opt, &reading.listener_seen[row - config_listener_rows]);
	return 0;
}

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t len = strlen(name);
	return len > 0 && len <= CONFIG_NAME_MAX && strspn(name, letters) == len;
}

static int on_listener(cfg_t *parent, cfg_opt_t *opt)
{
	cfg_t *section = opt->values[opt->nvalues - 1]->section;
	const struct config_listener *l = listener_of(section);
	unsigned line = line_of(parent);
	const char *name = cfg_title(section);
	if (!l) {
		note(line, "that is one listener too many: give at most %d", CONFIG_LISTENERS_MAX);
		return 0;
	}
	if (!is_name(name))
		note(line, "listener \"%.40s\": give a name of letters, digits, - and _, at most %d", name,
		     CONFIG_NAME_MAX);
	if (l->protocol == CONFIG_PROTOCOL_NONE && reading.listener_seen[0].line == 0)
		note(line, "listener \"%.40s\" has no protocol: add protocol = smtp, lmtp, pop3 or web", name);
	if (l->address && strchr(l->address, '/') ? l->has_port : !l->has_port)
		note(line,
		     l->has_port ? "listener \"%.40s\": a UNIX socket has no port: leave it out"
		                 : "listener \"%.40s\" has no port: add port = N",
		     name);
	return 0;
}

/* ---- what only several keys say together ---- */

static void check_tls(const struct config *c)
{
	if (c->options.tls_cert)
		return;
	if (c->options.tls_key)
		note(0, "tls_key needs a certificate: add tls_cert");
	for (size_t i = 0; i < c->listeners_count; i++) {
		if (c->listeners[i].tls)
			note(c->listeners[i].line,
			     "listener \"%.40s\" begins with TLS, which needs a certificate: add tls_cert",
			     c->listeners[i].name);
	}
}

static void check_places(const struct config *c)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		const struct config_listener *a = &c->listeners[i];
		if (a->proxy.count > 0 && a->address && strchr(a->address, '/'))
			note(a->line, "listener \"%.40s\": a UNIX socket has no proxy", a->name);
		for (size_t j = 0; j < i; j++) {
			const struct config_listener *b = &c->listeners[j];
			bool same = a->address && b->address && strcmp(a->address, b->address) == 0 &&
			            a->port == b->port && (a->port > 0 || strchr(a->address, '/'));
			if (same)
				note(a->line, "listener \"%.40s\" is where \"%.40s\" is: give another port", a->name,
				     b->name);
		}
	}
}

/* In catch_all there are no users, and no domain is another's. */
static void check_catch_all(const struct config *c)
{
	static const char *const pointless[] = { "domains", "users", "aliases", "postmaster" };
	for (size_t i = 0; c->options.catch_all && i < sizeof pointless / sizeof *pointless; i++) {
		const struct config_row *row = find(config_rows, config_rows_count, pointless[i]);
		unsigned line = reading.seen[row - config_rows].line;
		if (line > 0)
			note(line, "%s says nothing where catch_all takes mail for everybody: leave one of them out",
			     row->key);
	}
}

/* ---- reading ---- */

static cfg_opt_t key_of(const struct config_row *row, cfg_validate_callback_t on)
{
	bool list = row->type == CONFIG_DOMAINS || row->type == CONFIG_ADDRESSES;
	cfg_opt_t text = CFG_STR(row->key, NULL, CFGF_NODEFAULT);
	cfg_opt_t texts = CFG_STR_LIST(row->key, NULL, CFGF_NODEFAULT);
	cfg_opt_t opt = list ? texts : text;
	opt.validcb = on;
	return opt;
}

/* cfg_init() copies the keys, so they may live here. */
static cfg_t *new_tree(void)
{
	cfg_opt_t end = CFG_END();
	cfg_opt_t inner[KEYS_MAX], keys[KEYS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < config_listener_rows_count; i++)
		inner[i] = key_of(&config_listener_rows[i], on_listener_value);
	inner[config_listener_rows_count] = end;
	for (; n < config_rows_count; n++)
		keys[n] = key_of(&config_rows[n], on_value);
	cfg_opt_t listener = CFG_SEC("listener", inner, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	listener.validcb = on_listener;
	keys[n] = listener;
	keys[n + 1] = (cfg_opt_t)CFG_STR(END_KEY, NULL, CFGF_NODEFAULT);
	keys[n + 2] = end;
	return cfg_init(keys, CFGF_NONE);
}

static void begin_again(void)
{
	struct config *c = reading.config;
	config_release(c);
	*c = (struct config){ .directory = NULL };
	arena_init(&c->memory, CONFIG_MEMORY_MAX);
	if (!config_set_defaults(config_rows, config_rows_count, c, &c->memory))
		note(0, "memory is out");
	reading.section = NULL;
	reading.unknown[0] = '\0';
	reading.errors->count = reading.kept;
	memset(reading.seen, 0, sizeof reading.seen);
}

static bool is_word_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The word in a line, and not a part of another one. NULL: it is not there. */
static char *find_word(char *text, const char *word)
{
	size_t len = strlen(word);
	for (char *at = text; *at && *at != '\n'; at++) {
		bool begins = at == text || !is_word_letter(at[-1]);
		if (begins && strncmp(at, word, len) == 0 && !is_word_letter(at[len]))
			return at;
	}
	return NULL;
}

static char *find_line(char *text, unsigned line)
{
	for (unsigned n = 1; n < line && text; n++) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

/* The unknown key's setting, up to the end of its line, or of what it opened, becomes blanks. False: it was not found. */
static bool blank_out(char *text)
{
	char *line = find_line(text, reading.stopped);
	char *at = line ? find_word(line, reading.unknown) : NULL;
	int depth = 0;
	if (!at)
		return false;
	for (; *at && !(*at == '\n' && depth <= 0); at++) {
		depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
		if (depth < 0) /* the end of a listener that it stands in */
			break;
		if (*at != '\n')
			*at = ' ';
	}
	return true;
}

/* False: it stopped at an error. */
static bool parse_once(const char *text)
{
	begin_again();
	cfg_t *tree = new_tree();
	if (!tree) {
		note(0, "memory is out");
		return false;
	}
	cfg_set_error_function(tree, on_error);
	bool whole = cfg_parse_buf(tree, text) == CFG_SUCCESS;
	reading.ended = cfg_size(tree, END_KEY) > 0;
	if (!whole && !reading.unknown[0] && reading.errors->count == reading.kept) /* libconfuse did not say why */
		note(line_of(tree), "what stands here cannot be read");
	cfg_free(tree);
	return whole;
}

static unsigned count_lines(const char *text)
{
	unsigned n = 1;
	while ((text = strchr(text, '\n')) != NULL && *++text)
		n++;
	return n;
}

/* What was read as a whole, once more: does it end in a listener, or in a comment? */
static bool ends_outside(const char *text)
{
	char *longer;
	if (asprintf(&longer, "%s\n" END_KEY "=1", text) < 0) {
		note(0, "memory is out");
		return false;
	}
	bool whole = parse_once(longer);
	free(longer);
	if (whole && !reading.ended)
		note(count_lines(text), "a comment that begins with /* has no end: add */");
	return whole && reading.ended;
}

/* Its error stays, and it is not there the next time. */
static bool passes_over_unknown(char *text)
{
	struct config_errors *errors = reading.errors;
	if (!reading.unknown[0] || reading.kept == CONFIG_ERRORS_MAX / 2)
		return false;
	errors->list[reading.kept++] = errors->list[errors->count - 1];
	return blank_out(text);
}

static void put_together(struct config *c)
{
	for (size_t i = 0; i < c->domains.count; i++)
		c->options.domains[i] = c->domains.items[i];
	c->options.domains_count = c->domains.count;
	c->options.no_binding = !c->channel_binding;
	c->options.no_sandbox = !c->sandbox;
	c->options.transcript |= c->options.explain;
	c->options.course = "standard";
}

/* The usual ones. */
static void listen_as_usual(struct config *c)
{
	if (c->listeners_count > 0)
		return;
	c->listeners[0] = (struct config_listener){
		.name = "smtp", .protocol = CONFIG_SMTP, .address = "127.0.0.1", .port = 2525, .has_port = true
	};
	c->listeners[1] = (struct config_listener){
		.name = "pop3", .protocol = CONFIG_POP3, .address = "127.0.0.1", .port = 2110, .has_port = true
	};
	c->listeners[2] = (struct config_listener){
		.name = "web", .protocol = CONFIG_WEB, .address = "127.0.0.1", .port = 8025, .has_port = true
	};
	c->listeners_count = 3;
}

bool config_parse(struct config *c, const char *text, struct config_errors *errors)
{
	*c = (struct config){ .directory = NULL };
	*errors = (struct config_errors){ .count = 0 };
	memset(&reading, 0, sizeof reading);
	reading.config = c;
	reading.errors = errors;
	char *copy = strdup(text);
	bool whole = copy && parse_once(copy);
	while (copy && !whole && passes_over_unknown(copy))
		whole = parse_once(copy);
	whole = whole && ends_outside(copy);
	if (whole) {
		check_tls(c);
		check_places(c);
		check_catch_all(c);
		listen_as_usual(c);
		put_together(c);
	}
	if (!copy)
		note(0, "memory is out");
	free(copy);
	qsort(errors->list, errors->count, sizeof errors->list[0], compare_lines);
	if (errors->count == 0)
		return true;
	config_release(c);
	return false;
}

bool config_default(struct config *c)
{
	struct config_errors errors;
	return config_parse(c, "catch_all = true\n", &errors);
}

static char *read_text(int fd, const char *path, struct fault *why)
{
	char *text = malloc(CONFIG_FILE_MAX + 2);
	ssize_t n = text ? file_read(fd, text, CONFIG_FILE_MAX + 1, 0) : -1;
	if (!text || n < 0)
		fault_errno(why, "cannot read %.150s", path);
	else if (n > CONFIG_FILE_MAX || memchr(text, '\0', (size_t)n))
		fault_set(why, FAULT_PERMANENT, "%.150s is no text of at most %d octets", path, CONFIG_FILE_MAX);
	else {
		text[n] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

bool config_read(struct config *c, const char *path, struct config_errors *errors, struct fault *why)
{
	*why = (struct fault){ .kind = FAULT_NONE };
	*errors = (struct config_errors){ .count = 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC); /* the operator's own: it may well be a link */
	if (fd < 0)
		return fault_errno(why, "cannot read %.150s", path);
	char *text = read_text(fd, path, why);
	file_close(fd);
	bool ok = text && config_parse(c, text, errors);
	free(text);
	return ok;
}

void config_release(struct config *c)
{
	arena_release(&c->memory);
}
