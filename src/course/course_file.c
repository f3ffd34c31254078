/*
 * course_file: the keys of a course file, with their defaults, limits and errors; see course_file.h and postroom-course(5).
 *
 * Every value is checked by libconfuse's validating callback at the moment it is read, so that an error names its line. What is
 * read is copied: libconfuse's own tree lives for one call of course_file_parse() alone.
 */
#include "course/course_file.h"

#include "base/buf.h"
#include "base/slice.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FILE_NAME_LEN = 200, /* octets; leaves room for what the store puts around a mailbox's name */
	DOMAIN_LEN = 255,
	VERB_LEN = 32,
	PROGRAM_LEN = 32,
	CLIENT_TEXT_MAX = 1000,
	PARSER_ROOM = 100 * 1024, /* octets that libconfuse takes for any text */
	HINT_MAX = 190,           /* longest list of keys that an error message shows */
};

/* Stands behind the text: what has no end swallows it. */
#define END_KEY "\4"

/* libconfuse hands its error function nothing of ours: this is where the one reading under way notes its errors. */
static struct {
	const char *file;
	struct fault *why; /* the first error stays */
} reading;

/* The client's texts are alike, and so stand in a table. */
static const struct client_text {
	const char *key;
	const char *usual;
	size_t place;
} client_texts[] = {
	{ "menu_mark", ". ", offsetof(struct course_client, menu_mark) },
	{ "ask_name", "Username: ", offsetof(struct course_client, ask_name) },
	{ "ask_password", "Password: ", offsetof(struct course_client, ask_password) },
	{ "ask_choice", "Enter your choice: ", offsetof(struct course_client, ask_choice) },
	{ "compose_hint", "Type the mail; end with a line that holds only a full stop.",
	  offsetof(struct course_client, compose_hint) },
	{ "wrong_format", "Incorrect format", offsetof(struct course_client, wrong_format) },
	{ "sent", "Mail sent successfully", offsetof(struct course_client, sent) },
	{ "send_error", "Error in sending mail: ", offsetof(struct course_client, send_error) },
	{ "list_heading", "Sl. No.  Sender  Received  Subject", offsetof(struct course_client, list_heading) },
	{ "no_mail", "No mail.", offsetof(struct course_client, no_mail) },
	{ "after_mail",
	  "d deletes this mail, any other key goes back to the list: ", offsetof(struct course_client, after_mail) },
	{ "ask_number", "Enter mail no. to see: ", offsetof(struct course_client, ask_number) },
	{ "out_of_range", "Mail no. out of range, give again", offsetof(struct course_client, out_of_range) },
	{ "ask_command",
	  "Command (STAT, LIST, RETR, DELE, RSET, QUIT): ", offsetof(struct course_client, ask_command) },
	{ "login_again", "Please give them again; an empty name goes back to the menu.",
	  offsetof(struct course_client, login_again) },
	{ "no_command", "The commands are STAT, LIST, RETR n, DELE n, RSET and QUIT",
	  offsetof(struct course_client, no_command) },
	{ "mail_count", "Mails: ", offsetof(struct course_client, mail_count) },
	{ "own_address", "Your address: ", offsetof(struct course_client, own_address) },
};
enum { CLIENT_TEXTS = sizeof client_texts / sizeof client_texts[0] };

static const char *const action_names[ACTION_COUNT] = {
	[ACTION_MANAGE] = "manage",
	[ACTION_SEND] = "send",
	[ACTION_RETRIEVE] = "retrieve",
	[ACTION_QUIT] = "quit",
};

/* The menu of a course that has none of its own: what it can do, numbered. */
static const struct usual_entry {
	const char *label;
	enum course_action action;
} usual_menu[] = {
	{ "Manage Mail", ACTION_MANAGE },
	{ "Send Mail", ACTION_SEND },
	{ "Retrieve Mail", ACTION_RETRIEVE },
	{ "Quit", ACTION_QUIT },
};

/* What a further verb may stand for: a verb, up to its argument. */
static const char *const known_verbs[] = {
	"MAIL FROM:", "RCPT TO:", "HELO", "EHLO", "DATA",     "RSET",
	"NOOP",       "VRFY",     "HELP", "QUIT", "REGISTER", "RETRIEVE",
};
/* Nor may a course take these away: what they begin is no matter of spelling. */
static const char *const reserved_verbs[] = { "AUTH", "BDAT", "STARTTLS" };
static const char *const known_programs[] = { "smtpmail", "popserver", "mailclient" };

/* Errors */

/* The keys of a section, where the list is short enough to be read. */
static void hint_keys(const cfg_t *section, char *hint, size_t size)
{
	size_t used = (size_t)snprintf(hint, size, "; the keys here are");
	for (const cfg_opt_t *o = section->opts; o->name && strcmp(o->name, END_KEY) != 0; o++) {
		int n = snprintf(hint + used, size - used, " %s", o->name);
		if (n < 0 || (size_t)n >= size - used) {
			snprintf(hint, size, "; the keys are listed in postroom-course(5)");
			return;
		}
		used += (size_t)n;
	}
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* libconfuse's own messages say what is wrong; this adds what was expected. */
static void hint_expected(const cfg_t *section, const char *message, char *hint, size_t size)
{
	*hint = '\0';
	if (starts(message, "no such option"))
		hint_keys(section, hint, size);
	else if (starts(message, "invalid integer"))
		snprintf(hint, size, ": expected a number");
	else if (starts(message, "invalid boolean"))
		snprintf(hint, size, ": expected true or false");
	else if (starts(message, "premature end"))
		snprintf(hint, size, ": expected a closing quote or a value");
}

static void note_error(cfg_t *section, const char *format, va_list args)
{
	char message[200], hint[HINT_MAX];
	if (reading.why->kind != FAULT_NONE)
		return;
	vsnprintf(message, sizeof message, format, args);
	if (strcmp(message, "no such option '" END_KEY "'") == 0) {
		fault_set(reading.why, FAULT_PERMANENT, "%s:%d: section '%s' has no end: add }", reading.file,
		          section->line - 1, cfg_name(section));
		return;
	}
	hint_expected(section, message, hint, sizeof hint);
	fault_set(reading.why, FAULT_PERMANENT, "%s:%d: %s%s", reading.file, section->line, message, hint);
}

static const char *value_of(const cfg_opt_t *opt)
{
	return opt->values[opt->nvalues - 1]->string;
}

/* Says what was expected; the result is what a validating callback returns for "no". */
static int expected(cfg_t *section, const cfg_opt_t *opt, const char *what)
{
	cfg_error(section, "bad value \"%.60s\" for %s: expected %s", value_of(opt), opt->name, what);
	return -1;
}

/* What values may be */

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool has_control(const char *text, const char *allowed)
{
	for (; *text; text++) {
		if (is_control(*text) && !strchr(allowed, *text))
			return true;
	}
	return false;
}

static int valid_file_name(cfg_t *section, cfg_opt_t *opt)
{
	const char *name = value_of(opt);
	if (!*name || *name == '.' || strchr(name, '/') || has_control(name, "") || strlen(name) > FILE_NAME_LEN)
		return expected(section, opt, "a plain file name, without / and not beginning with a full stop");
	return 0;
}

static int valid_separator(cfg_t *section, cfg_opt_t *opt)
{
	const char *word = value_of(opt);
	if (strcmp(word, "blanks") != 0 && strcmp(word, "comma") != 0)
		return expected(section, opt, "blanks or comma");
	return 0;
}

static int valid_domain(cfg_t *section, cfg_opt_t *opt)
{
	const char *domain = value_of(opt);
	if (!*domain || strlen(domain) > DOMAIN_LEN || has_control(domain, "") || strpbrk(domain, " <>@,\""))
		return expected(section, opt, "a domain name such as lab.example.org");
	return 0;
}

static int valid_limit(cfg_t *section, cfg_opt_t *opt)
{
	long limit = opt->values[opt->nvalues - 1]->number;
	if (limit >= 1 && limit <= COURSE_SUBJECT_MAX)
		return 0;
	cfg_error(section, "bad value %ld for %s: expected a number of characters from 1 to %d", limit, opt->name,
	          COURSE_SUBJECT_MAX);
	return -1;
}

static int valid_text(cfg_t *section, cfg_opt_t *opt)
{
	if (strlen(value_of(opt)) > CLIENT_TEXT_MAX || has_control(value_of(opt), "\n"))
		return expected(section, opt, "at most 1000 octets of text without control characters");
	return 0;
}

static int valid_key(cfg_t *section, cfg_opt_t *opt)
{
	const char *key = value_of(opt);
	if (strlen(key) != 1 || *key <= ' ' || *key > '~')
		return expected(section, opt, "one letter, digit or sign");
	return 0;
}

static bool find_action(const char *word, enum course_action *action)
{
	for (int a = 0; a < ACTION_COUNT; a++) {
		if (strcmp(word, action_names[a]) == 0) {
			*action = (enum course_action)a;
			return true;
		}
	}
	return false;
}

static int valid_action(cfg_t *section, cfg_opt_t *opt)
{
	enum course_action action;
	if (!find_action(value_of(opt), &action))
		return expected(section, opt, "manage, send, retrieve or quit");
	return 0;
}

static int valid_menu(cfg_t *section, cfg_opt_t *opt)
{
	cfg_t *entry = opt->values[opt->nvalues - 1]->section;
	const char *key = cfg_title(entry);
	if (strlen(key) != 1 || *key <= ' ' || *key > '~')
		cfg_error(section, "bad menu key \"%.20s\": expected one letter, digit or sign", key);
	else if (!cfg_getstr(entry, "label") || !cfg_getstr(entry, "action"))
		cfg_error(
		        section,
		        "menu \"%s\" is incomplete: expected label = \"…\" and action = manage, send, retrieve or quit",
		        key);
	else if (opt->nvalues > COURSE_MENU_MAX)
		cfg_error(section, "too many menu entries: expected at most %d", COURSE_MENU_MAX);
	else
		return 0;
	return -1;
}

/* "MAIL_FROM:": letters, digits and few signs, so that it is one word, and no verb that there is. */
static bool is_new_verb(const char *spelling)
{
	static const char signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:";
	struct slice word = slice_str(spelling);
	if (word.len == 0 || word.len > VERB_LEN || strspn(spelling, signs) != word.len)
		return false;
	for (size_t i = 0; i < sizeof known_verbs / sizeof known_verbs[0]; i++) {
		struct slice known = slice_str(known_verbs[i]);
		if (slice_equal_nocase(word, slice_word(&known)))
			return false;
	}
	for (size_t i = 0; i < sizeof reserved_verbs / sizeof reserved_verbs[0]; i++) {
		if (slice_equal_text_nocase(word, reserved_verbs[i]))
			return false;
	}
	return true;
}

static bool is_among(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, list[i]) == 0)
			return true;
	}
	return false;
}

static int valid_meaning(cfg_t *section, cfg_opt_t *opt)
{
	if (is_among(value_of(opt), known_verbs, sizeof known_verbs / sizeof known_verbs[0]))
		return 0;
	return expected(section, opt,
	                "MAIL FROM: or RCPT TO: (with the colon), HELO, EHLO, DATA, RSET, NOOP, VRFY, HELP, QUIT, "
	                "REGISTER or RETRIEVE");
}

static int valid_verb(cfg_t *section, cfg_opt_t *opt)
{
	cfg_t *entry = opt->values[opt->nvalues - 1]->section;
	const char *spelling = cfg_title(entry);
	if (!is_new_verb(spelling))
		cfg_error(section,
		          "bad verb \"%.40s\": expected one word that is no verb yet, such as MAIL_FROM:", spelling);
	else if (!cfg_getstr(entry, "means"))
		cfg_error(section, "verb \"%s\" is incomplete: expected means = \"MAIL FROM:\" or the like", spelling);
	else if (opt->nvalues > COURSE_VERBS_MAX)
		cfg_error(section, "too many verbs: expected at most %d", COURSE_VERBS_MAX);
	else
		return 0;
	return -1;
}

static int valid_program(cfg_t *section, cfg_opt_t *opt)
{
	if (is_among(value_of(opt), known_programs, sizeof known_programs / sizeof known_programs[0]))
		return 0;
	return expected(section, opt, "smtpmail, popserver or mailclient");
}

static int valid_program_name(cfg_t *section, cfg_opt_t *opt)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	cfg_t *entry = opt->values[opt->nvalues - 1]->section;
	const char *name = cfg_title(entry);
	size_t len = strlen(name);
	if (len == 0 || len > PROGRAM_LEN || *name == '-' || strspn(name, letters) != len)
		cfg_error(section, "bad program name \"%.40s\": expected small letters, digits, _ and -", name);
	else if (is_among(name, known_programs, sizeof known_programs / sizeof known_programs[0]))
		cfg_error(section, "bad program name \"%s\": expected one that no program has yet", name);
	else if (!cfg_getstr(entry, "program"))
		cfg_error(section, "program_name \"%s\" is incomplete: expected program = smtpmail or the like", name);
	else if (opt->nvalues > COURSE_PROGRAMS_MAX)
		cfg_error(section, "too many program names: expected at most %d", COURSE_PROGRAMS_MAX);
	else
		return 0;
	return -1;
}

static bool placeholders_known(const char *text)
{
	for (; *text; text++) {
		if (*text != '%')
			continue;
		text++;
		if (*text == '\0' || !strchr("dcsrnta%", *text))
			return false;
	}
	return true;
}

/* "220 %d Service Ready" or "+OK goodbye": what stands before the text must tell a peer the same as the built-in reply does, or
 * the dialogue would take another way. Returns the text, NULL if it does not. */
static const char *reply_text(const char *value, const struct reply *usual, int *code)
{
	size_t status = usual->code ? 3 : strcspn(usual->text, " "); /* "220", "+OK", "-ERR" */
	if (strlen(value) < status + 2 || value[status] != ' ' || strlen(value) > REPLY_TEXT_MAX)
		return NULL;
	if (usual->code == 0)
		return strncmp(value, usual->text, status) == 0 ? value : NULL;
	uint64_t number;
	if (!slice_number(slice_make(value, status), 599, &number) || (int)number / 100 != usual->code / 100)
		return NULL;
	*code = (int)number;
	return value + status + 1;
}

static const struct reply *find_reply(const char *key)
{
	const struct reply *row = replies_default;
	while (strcmp(row->key, key) != 0)
		row++;
	return row;
}

static int valid_reply(cfg_t *section, cfg_opt_t *opt)
{
	const struct reply *usual = find_reply(opt->name);
	char what[160];
	int code;
	if (has_control(value_of(opt), ""))
		return expected(section, opt, "one line without control characters");
	if (!placeholders_known(value_of(opt)))
		return expected(section, opt, "no % but %d %c %s %r %n %t %a and %%");
	if (reply_text(value_of(opt), usual, &code))
		return 0;
	if (usual->code)
		snprintf(what, sizeof what, "a code that begins with %d, a blank and a text, at most %d octets",
		         usual->code / 100, REPLY_TEXT_MAX);
	else
		snprintf(what, sizeof what, "%.*s, a blank and a text, at most %d octets",
		         (int)strcspn(usual->text, " "), usual->text, REPLY_TEXT_MAX);
	return expected(section, opt, what);
}

/* The keys */

static cfg_opt_t text_key(const char *key, const char *usual, cfg_validate_callback_t valid)
{
	cfg_opt_t opt = CFG_STR(key, usual, CFGF_NONE);
	opt.validcb = valid;
	return opt;
}

static cfg_opt_t number_key(const char *key, long usual, cfg_validate_callback_t valid)
{
	cfg_opt_t opt = CFG_INT(key, usual, CFGF_NONE);
	opt.validcb = valid;
	return opt;
}

/* A section that may come several times, each time with a title of its own. */
static cfg_opt_t titled_section(const char *name, cfg_opt_t *keys, cfg_validate_callback_t valid)
{
	cfg_opt_t opt = CFG_SEC(name, keys, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	opt.validcb = valid;
	return opt;
}

/* cfg_init() copies the keys, so they may live here. */
static cfg_t *new_tree(void)
{
	cfg_opt_t end = CFG_END();

	cfg_opt_t entry_keys[] = { text_key("label", NULL, valid_text), text_key("action", NULL, valid_action), end };
	cfg_opt_t menu = titled_section("menu", entry_keys, valid_menu);
	cfg_opt_t verb_keys[] = { text_key("means", NULL, valid_meaning), end };
	cfg_opt_t name_keys[] = { text_key("program", NULL, valid_program), end };

	cfg_opt_t client_keys[CLIENT_TEXTS + 4];
	for (size_t i = 0; i < CLIENT_TEXTS; i++)
		client_keys[i] = text_key(client_texts[i].key, client_texts[i].usual, valid_text);
	client_keys[CLIENT_TEXTS] = menu;
	client_keys[CLIENT_TEXTS + 1] = text_key("delete_key", "d", valid_key);
	client_keys[CLIENT_TEXTS + 2] = text_key("save_key", "", valid_key);
	client_keys[CLIENT_TEXTS + 3] = end;

	cfg_opt_t reply_keys[REPLY_COUNT + 1];
	for (size_t i = 0; i < REPLY_COUNT; i++)
		reply_keys[i] = text_key(replies_default[i].key, NULL, valid_reply);
	reply_keys[REPLY_COUNT] = end;

	cfg_opt_t keys[] = {
		text_key("users_file", NULL, valid_file_name),
		text_key("separator", "blanks", valid_separator),
		text_key("mailbox", NULL, valid_file_name),
		text_key("domain", NULL, valid_domain),
		number_key("subject_stored", 100, valid_limit),
		number_key("subject_typed", 50, valid_limit),
		CFG_BOOL("list_view", cfg_false, CFGF_NONE),
		CFG_BOOL("command_prompt", cfg_false, CFGF_NONE),
		CFG_BOOL("registration", cfg_false, CFGF_NONE),
		CFG_BOOL("standard", cfg_false, CFGF_NONE),
		CFG_BOOL("default", cfg_false, CFGF_NONE),
		titled_section("verb", verb_keys, valid_verb),
		titled_section("program_name", name_keys, valid_program_name),
		CFG_SEC("replies", reply_keys, CFGF_NONE),
		CFG_SEC("client", client_keys, CFGF_NONE),
		CFG_STR(END_KEY, NULL, CFGF_NODEFAULT),
		end,
	};
	return cfg_init(keys, CFGF_NONE);
}

/* From libconfuse's tree to the course */

/* NULL stays NULL; *ok becomes false where there is no memory. */
static char *copy_text(struct course *c, const char *text, bool *ok)
{
	if (!text)
		return NULL;
	char *copy = arena_dup(&c->memory, slice_str(text));
	*ok = *ok && copy;
	return copy;
}

static bool take_files(struct course *c, const char *name, cfg_t *tree)
{
	bool ok = true;
	c->name = copy_text(c, name, &ok);
	c->users_file = copy_text(c, cfg_getstr(tree, "users_file"), &ok);
	c->mailbox = copy_text(c, cfg_getstr(tree, "mailbox"), &ok);
	c->domain = copy_text(c, cfg_getstr(tree, "domain"), &ok);
	c->separator = strcmp(cfg_getstr(tree, "separator"), "comma") == 0 ? ',' : ' ';
	c->subject_stored = (unsigned)cfg_getint(tree, "subject_stored");
	c->subject_typed = (unsigned)cfg_getint(tree, "subject_typed");
	c->list_view = cfg_getbool(tree, "list_view");
	c->command_prompt = cfg_getbool(tree, "command_prompt");
	c->registration = cfg_getbool(tree, "registration");
	c->standard = cfg_getbool(tree, "standard");
	c->is_default = cfg_getbool(tree, "default");
	return ok;
}

static bool take_names(struct course *c, cfg_t *tree)
{
	bool ok = true;
	for (unsigned i = 0; i < cfg_size(tree, "verb"); i++) {
		cfg_t *entry = cfg_getnsec(tree, "verb", i);
		struct course_verb *to = &c->verbs[c->verbs_len++];
		to->spelling = copy_text(c, cfg_title(entry), &ok);
		to->means = copy_text(c, cfg_getstr(entry, "means"), &ok);
	}
	for (unsigned i = 0; i < cfg_size(tree, "program_name"); i++) {
		cfg_t *entry = cfg_getnsec(tree, "program_name", i);
		struct course_program *to = &c->programs[c->programs_len++];
		to->name = copy_text(c, cfg_title(entry), &ok);
		to->program = copy_text(c, cfg_getstr(entry, "program"), &ok);
	}
	return ok;
}

static bool take_replies(struct course *c, cfg_t *section)
{
	bool ok = true;
	for (size_t i = 0; i < REPLY_COUNT; i++) {
		struct reply *row = &c->replies[i];
		*row = replies_default[i];
		const char *value = cfg_getstr(section, row->key);
		if (value)
			row->text = copy_text(c, reply_text(value, &replies_default[i], &row->code), &ok);
	}
	return ok;
}

/* What the client's menu may offer follows from the course's capabilities. */
static bool can_do(const struct course *c, enum course_action action)
{
	if (action == ACTION_MANAGE)
		return c->list_view || c->command_prompt;
	return action != ACTION_RETRIEVE || c->registration;
}

static bool take_menu(struct course *c, cfg_t *section)
{
	struct course_client *client = &c->client;
	bool ok = true;
	for (unsigned i = 0; i < cfg_size(section, "menu"); i++) {
		cfg_t *entry = cfg_getnsec(section, "menu", i);
		struct course_menu_entry *to = &client->menu[client->menu_len++];
		to->key = cfg_title(entry)[0];
		to->label = copy_text(c, cfg_getstr(entry, "label"), &ok);
		find_action(cfg_getstr(entry, "action"), &to->action);
	}
	if (client->menu_len > 0)
		return ok;
	for (size_t i = 0; i < sizeof usual_menu / sizeof usual_menu[0]; i++) {
		const struct usual_entry *from = &usual_menu[i];
		if (!can_do(c, from->action))
			continue;
		char key = (char)('1' + client->menu_len);
		char *label = copy_text(c, from->label, &ok);
		client->menu[client->menu_len++] = (struct course_menu_entry){ key, label, from->action };
	}
	return ok;
}

static bool take_client(struct course *c, cfg_t *section)
{
	bool ok = true;
	for (size_t i = 0; i < CLIENT_TEXTS; i++) {
		char **place = (char **)((char *)&c->client + client_texts[i].place);
		*place = copy_text(c, cfg_getstr(section, client_texts[i].key), &ok);
	}
	c->client.delete_key = cfg_getstr(section, "delete_key")[0];
	c->client.save_key = cfg_getstr(section, "save_key")[0];
	return take_menu(c, section) && ok;
}

static bool has_action(const struct course_client *client, enum course_action action)
{
	for (size_t i = 0; i < client->menu_len; i++) {
		if (client->menu[i].action == action)
			return true;
	}
	return false;
}

/* What is wrong with the course as a whole, or NULL. */
static const char *check_files(const struct course *c)
{
	if (c->registration && (c->users_file || c->mailbox))
		return "a course with registration has no files: expected neither users_file nor mailbox";
	if (c->registration && c->standard)
		return "a course with registration has rules of its own: expected no standard = true";
	if (!c->registration && !c->users_file)
		return "users_file is missing: expected the users file's name, as in users_file = \"user.txt\"";
	if (!c->registration && !c->mailbox)
		return "mailbox is missing: expected the mailbox file's name, as in mailbox = \"mymailbox\"";
	return NULL;
}

static const char *check_client(const struct course *c)
{
	if (c->list_view + c->command_prompt + c->registration > 1)
		return "expected at most one of list_view, command_prompt and registration";
	if (has_action(&c->client, ACTION_MANAGE) && !can_do(c, ACTION_MANAGE))
		return "the menu offers manage: expected list_view = true or command_prompt = true";
	if (has_action(&c->client, ACTION_RETRIEVE) && !can_do(c, ACTION_RETRIEVE))
		return "the menu offers retrieve: expected registration = true";
	if (!has_action(&c->client, ACTION_QUIT))
		return "the menu has no way out: expected an entry with action = quit";
	return NULL;
}

static bool take(struct course *c, const char *name, cfg_t *tree, struct fault *why)
{
	if (!take_files(c, name, tree) || !take_names(c, tree) || !take_replies(c, cfg_getsec(tree, "replies")) ||
	    !take_client(c, cfg_getsec(tree, "client")))
		return fault_set(why, FAULT_TEMPORARY, "%s: out of memory", reading.file);
	const char *wrong = check_files(c);
	if (!wrong)
		wrong = check_client(c);
	return !wrong || fault_set(why, FAULT_PERMANENT, "%s: %s", reading.file, wrong);
}

/* libconfuse's scanner ends the process where memory is out: better to find that before. */
static bool has_room(const char *text)
{
	void *volatile room = malloc(PARSER_ROOM + 3 * strlen(text)); /* or it is not even asked for */
	free(room);
	return room != NULL;
}

static bool parse(cfg_t *tree, const char *text, struct fault *why)
{
	struct fault first = { .kind = FAULT_NONE };
	if (!has_room(text))
		return fault_set(why, FAULT_TEMPORARY, "%s: out of memory", reading.file);
	reading.why = &first;
	cfg_set_error_function(tree, note_error);
	bool ok = cfg_parse_buf(tree, text) == CFG_SUCCESS && first.kind == FAULT_NONE;
	reading.why = NULL;
	if (!ok && first.kind == FAULT_NONE)
		fault_set(&first, FAULT_PERMANENT, "%s:%d: expected KEY = VALUE or SECTION { … }", reading.file,
		          tree->line);
	if (!ok)
		*why = first;
	return ok;
}

/* NULL with why. */
static cfg_t *read_tree(const char *text, struct fault *why)
{
	cfg_t *tree = new_tree();
	if (!tree) {
		fault_set(why, FAULT_TEMPORARY, "%s: out of memory", reading.file);
		return NULL;
	}
	if (parse(tree, text, why))
		return tree;
	cfg_free(tree);
	return NULL;
}

/* With a key behind it, which a section or a comment that has no end takes in. */
static cfg_t *read_with_end(const char *text, struct fault *why)
{
	char *longer;
	if (asprintf(&longer, "%s\n" END_KEY "=1", text) < 0) {
		fault_set(why, FAULT_TEMPORARY, "%s: out of memory", reading.file);
		return NULL;
	}
	cfg_t *tree = read_tree(longer, why);
	free(longer);
	if (!tree || cfg_size(tree, END_KEY) > 0)
		return tree;
	fault_set(why, FAULT_PERMANENT, "%s: a comment that begins with /* has no end: add */", reading.file);
	cfg_free(tree);
	return NULL;
}

/* Twice, so that other errors are told as they are; the first tree is gone before the second comes, for the scanner begins anew only then. */
static cfg_t *read_whole(const char *text, struct fault *why)
{
	cfg_t *tree = read_tree(text, why);
	if (!tree)
		return NULL;
	cfg_free(tree);
	return read_with_end(text, why);
}

struct course *course_file_parse(const char *name, const char *file, const char *text, struct fault *why)
{
	reading.file = file;
	struct course *c = calloc(1, sizeof *c);
	if (c)
		arena_init(&c->memory, COURSE_MEMORY_MAX);
	else
		fault_set(why, FAULT_TEMPORARY, "%s: out of memory", file);
	cfg_t *tree = c ? read_whole(text, why) : NULL;
	bool ok = tree && take(c, name, tree, why);
	if (tree)
		cfg_free(tree);
	reading.file = NULL;
	if (ok)
		return c;
	course_free(c);
	return NULL;
}
