/*
 * command_options: a row per option. See command_options.h.
 */
#include "client/command_options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "client/mime_compose.h"
#include "terminal/screen.h"
#include "mail/utf8.h"

enum { PORT_MAX = 65535, MESSAGE_MAX = 4096, RECODED_MAX = 4 * 1024 * 1024 };

enum command_option {
	OPTION_SERVER = 256,
	OPTION_USER,
	OPTION_PASSWORD_FILE,
	OPTION_CA,
	OPTION_TLS,
	OPTION_PLAINTEXT,
	OPTION_TRANSCRIPT,
	OPTION_FROM,
	OPTION_TO,
	OPTION_CC,
	OPTION_BCC,
	OPTION_SUBJECT,
	OPTION_ATTACH,
	OPTION_RAW,
	OPTION_SAVE,
	OPTION_HELP = 'h',
};

static const struct row {
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *command;  /* the only one that takes it; NULL: all do */
	enum command_option option;
	const char *help;
} rows[] = {
	{ "server", "HOST[:PORT]", NULL, OPTION_SERVER,
	  "the mail server (default ports: 2525 to send, 2110 for the others)" },
	{ "user", "NAME", NULL, OPTION_USER, "whom to log in as" },
	{ "password-file", "FILE", NULL, OPTION_PASSWORD_FILE,
	  "the password is its first line; - is standard input (not with send)" },
	{ "ca", "FILE", NULL, OPTION_CA,
	  "the CA that the server's certificate is checked with (default: the system's)" },
	{ "tls", NULL, NULL, OPTION_TLS, "TLS from the first octet, on any port (465 and 995 have it anyway)" },
	{ "plaintext", NULL, NULL, OPTION_PLAINTEXT, "a password may go in clear to another machine" },
	{ "transcript", NULL, NULL, OPTION_TRANSCRIPT,
	  "the dialogue with the server on standard error, passwords masked" },
	{ "help", NULL, NULL, OPTION_HELP, "print this text" },
	{ "from", "ADDRESS", "send", OPTION_FROM, "a@b, or Name <a@b>" },
	{ "to", "ADDRESS", "send", OPTION_TO, "with commas between several, and as often as needed" },
	{ "cc", "ADDRESS", "send", OPTION_CC, "likewise" },
	{ "bcc", "ADDRESS", "send", OPTION_BCC, "likewise; the mail does not name them" },
	{ "subject", "TEXT", "send", OPTION_SUBJECT, "in UTF-8, as the text on standard input is" },
	{ "attach", "FILE", "send", OPTION_ATTACH, "as often as needed" },
	{ "raw", NULL, "send", OPTION_RAW, "standard input is a whole mail with its header" },
	{ "raw", NULL, "show", OPTION_RAW, "the mail as it came, decoding nothing" },
	{ "save", "DIR", "show", OPTION_SAVE, "saves the attachments there, and prints where" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char usage[] =
        "usage: mailclient send --server HOST[:PORT] --from ADDRESS --to ADDRESS[,ADDRESS]... [OPTION]... < TEXT\n"
        "       mailclient list --server HOST[:PORT] --user NAME --password-file FILE\n"
        "       mailclient show --server HOST[:PORT] --user NAME --password-file FILE [--raw | --save DIR] NUMBER\n"
        "       mailclient delete --server HOST[:PORT] --user NAME --password-file FILE NUMBER...\n";

/* The options of one command's heading; those of all have none. */
static void print_rows(const char *command)
{
	printf("%s%s\n", command ? command : "", command ? ":" : "");
	for (size_t i = 0; i < ROWS; i++) {
		char left[32];
		if (!command != !rows[i].command || (command && strcmp(command, rows[i].command) != 0))
			continue;
		snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
		         rows[i].argument ? rows[i].argument : "");
		printf("  %-21s %s\n", left, rows[i].help);
	}
}

static void print_help(void)
{
	fputs(usage, stdout);
	print_rows(NULL);
	print_rows("send");
	print_rows("show");
}

/* ---- telling ---- */

int command_fail(const struct command_options *o, int status, const char *format, ...)
{
	struct screen errors;
	struct buf message;
	va_list args;

	buf_init(&message, MESSAGE_MAX);
	screen_init(&errors, stderr);
	va_start(args, format);
	buf_printf(&message, "%s: ", o->command);
	buf_vprintf(&message, format, args);
	va_end(args);
	screen_show_line(&errors, "mailclient ", buf_slice(&message));
	buf_release(&message);
	screen_release(&errors);
	return status;
}

/* ---- values ---- */

/* HOST, HOST:PORT, [ADDRESS]:PORT, or an IPv6 address alone. */
static int read_server(struct command_options *o, char *text)
{
	char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	char *end = bracket ? strchr(text, ']') : NULL;
	uint64_t port;

	if (bracket && (!end || (end[1] != '\0' && end[1] != ':')))
		return command_fail(o, EX_USAGE, "--server is HOST or HOST:PORT, not %s", text);
	if (bracket)
		colon = end[1] == ':' ? end + 1 : NULL;
	else if (colon && strchr(text, ':') != colon)
		colon = NULL;
	if (colon && (!slice_number(slice_str(colon + 1), PORT_MAX, &port) || port == 0))
		return command_fail(o, EX_USAGE, "a port is a number from 1 to 65535, not %s", colon + 1);
	if (colon) {
		o->port = (unsigned)port;
		*colon = '\0';
	}
	if (bracket)
		*end = '\0';
	o->server = text + bracket;
	if (o->server[0] == '\0')
		return command_fail(o, EX_USAGE, "--server is HOST or HOST:PORT");
	return EX_OK;
}

static int read_people(const struct command_options *o, struct people *people, const char *option, const char *typed)
{
	struct fault why;

	if (!people_add(people, slice_str(typed), &why))
		return command_fail(o, EX_USAGE, "--%s: %s", option, why.text);
	return EX_OK;
}

/* A line end in a value would begin a line of its own in the header. */
static int read_subject(struct command_options *o, const char *text)
{
	if (utf8_has_control(slice_str(text)))
		return command_fail(o, EX_USAGE, "--subject must hold no line end or other control character");
	if (mime_compose_find_invalid(slice_str(text)) < strlen(text))
		return command_fail(o, EX_USAGE, "--subject is not UTF-8");
	o->subject = text;
	return EX_OK;
}

static int add_file(struct command_options *o, const char *path)
{
	if (o->file_count == COMMAND_FILES_MAX)
		return command_fail(o, EX_USAGE, "more than %d files", COMMAND_FILES_MAX);
	o->files[o->file_count++] = path;
	return EX_OK;
}

/* A script's values are UTF-8 in every locale; what is not was typed in the locale's set. */
static char *as_utf8(struct command_options *o, char *value)
{
	struct slice typed = slice_str(value ? value : "");
	struct buf text;

	if (!o->local || mime_compose_find_invalid(typed) == typed.len)
		return value;
	buf_init(&text, RECODED_MAX);
	bool ok = buf_append_slice(&text, typed) && local_set_decode(o->local, &text, 0);
	char *utf8 = ok ? arena_dup(&o->recoded, buf_slice(&text)) : NULL;
	buf_release(&text);
	return utf8 ? utf8 : value;
}

static bool is_text(int option)
{
	return option == OPTION_SUBJECT || option == OPTION_FROM || option == OPTION_TO || option == OPTION_CC ||
	       option == OPTION_BCC;
}

static bool takes(const char *command, int option)
{
	for (size_t i = 0; i < ROWS; i++) {
		if ((int)rows[i].option == option && (!rows[i].command || strcmp(rows[i].command, command) == 0))
			return true;
	}
	return false;
}

/* Where an option that has no value is noted. */
static bool *flag_of(struct command_options *o, int option)
{
	return option == OPTION_TLS          ? &o->tls
	       : option == OPTION_PLAINTEXT  ? &o->plaintext
	       : option == OPTION_TRANSCRIPT ? &o->transcript
	       : option == OPTION_RAW        ? &o->raw
	                                     : NULL;
}

/* Where a value is kept as it is. */
static const char **word_of(struct command_options *o, int option)
{
	return option == OPTION_USER            ? &o->user
	       : option == OPTION_PASSWORD_FILE ? &o->password_file
	       : option == OPTION_CA            ? &o->ca
	       : option == OPTION_SAVE          ? &o->save
	                                        : NULL;
}

static int read_value(struct command_options *o, int option, char *value)
{
	switch (option) {
	case OPTION_SERVER:
		return read_server(o, value);
	case OPTION_FROM:
		return read_people(o, &o->from, "from", value);
	case OPTION_TO:
		return read_people(o, &o->to, "to", value);
	case OPTION_CC:
		return read_people(o, &o->cc, "cc", value);
	case OPTION_BCC:
		return read_people(o, &o->bcc, "bcc", value);
	case OPTION_SUBJECT:
		return read_subject(o, value);
	default:
		return add_file(o, value);
	}
}

static int take_option(struct command_options *o, int option, char *value)
{
	bool *flag = flag_of(o, option);
	const char **word = word_of(o, option);

	if (!flag && !word)
		return read_value(o, option, value);
	if (flag)
		*flag = true;
	else
		*word = value;
	return EX_OK;
}

/* ---- the password ---- */

static int read_password(struct command_options *o)
{
	bool from_input = strcmp(o->password_file, "-") == 0;
	char octet;

	if (from_input && strcmp(o->command, "send") == 0)
		return command_fail(o, EX_USAGE, "--password-file -: standard input is the mail's text; name a file");
	int fd = from_input ? STDIN_FILENO : open(o->password_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return command_fail(o, EX_NOINPUT, "cannot read the password from %s: %s", o->password_file,
		                    strerror(errno));
	/* Reserved at once, so that no growing buffer leaves a copy behind; octet by octet, as what follows the line is not ours. */
	bool fits = buf_reserve(&o->password, COMMAND_PASSWORD_MAX);
	while (fits && read(fd, &octet, 1) == 1 && octet != '\n')
		fits = buf_append_char(&o->password, octet);
	if (!from_input)
		file_close(fd);
	if (!fits)
		return command_fail(o, EX_USAGE, "the password is longer than %d octets", COMMAND_PASSWORD_MAX);
	if (o->password.len > 0 && o->password.data[o->password.len - 1] == '\r')
		o->password.len--;
	if (slice_has(buf_slice(&o->password), '\0'))
		return command_fail(o, EX_DATAERR, "the password in %s has a NUL", o->password_file);
	if (o->password.len == 0)
		return command_fail(o, EX_NOINPUT, "there is no password in %s", o->password_file);
	return EX_OK;
}

/* ---- all of them ---- */

static int check(struct command_options *o)
{
	bool sends = strcmp(o->command, "send") == 0;

	if (!o->server)
		return command_fail(o, EX_USAGE, "--server HOST is missing");
	if (!sends && !o->user)
		return command_fail(o, EX_USAGE, "--user NAME is missing");
	if ((o->user != NULL) != (o->password_file != NULL))
		return command_fail(o, EX_USAGE, "--user and --password-file belong together");
	if (o->user && utf8_has_control(slice_str(o->user)))
		return command_fail(o, EX_USAGE, "--user must hold no line end or other control character");
	if (o->port == 0)
		o->port = sends ? COMMAND_SMTP_PORT : COMMAND_POP3_PORT;
	return o->user ? read_password(o) : EX_OK;
}

static void make_known(struct option known[ROWS + 1])
{
	for (size_t i = 0; i < ROWS; i++)
		known[i] = (struct option){ .name = rows[i].name,
			                    .has_arg = rows[i].argument ? required_argument : no_argument,
			                    .val = (int)rows[i].option };
	known[ROWS] = (struct option){ 0 };
}

static int read_each(struct command_options *o, int argc, char **argv)
{
	struct option known[ROWS + 1];
	int option, status = EX_OK;

	make_known(known);
	opterr = 0;
	optind = 1;
	while (status == EX_OK && (option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		if (option == ':')
			status = command_fail(o, EX_USAGE, "an argument is missing behind %s", argv[optind - 1]);
		else if (option == '?')
			status = command_fail(o, EX_USAGE, "unknown option %s; --help lists them", argv[optind - 1]);
		else if (option == OPTION_HELP)
			status = -1;
		else if (!takes(o->command, option))
			status = command_fail(o, EX_USAGE, "%s is no option of this command", argv[optind - 1]);
		else
			status = take_option(o, option, is_text(option) ? as_utf8(o, optarg) : optarg);
	}
	return status;
}

int command_options_read(struct command_options *o, int argc, char **argv)
{
	*o = (struct command_options){ .command = argv[0] };
	buf_init(&o->password, COMMAND_PASSWORD_MAX);
	arena_init(&o->recoded, RECODED_MAX);
	o->local = local_set_of_locale();
	int status = read_each(o, argc, argv);
	if (status == -1) {
		print_help();
		exit(EX_OK);
	}
	o->operands = argv + optind;
	o->operand_count = (size_t)(argc - optind);
	return status == EX_OK ? check(o) : status;
}

void command_options_release(struct command_options *o)
{
	if (o->password.cap > 0)
		explicit_bzero(o->password.data, o->password.cap);
	buf_release(&o->password);
	arena_release(&o->recoded);
	local_set_free(o->local);
}
