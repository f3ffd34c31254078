/*
 * course: a course's data: which files, which texts, which limits. Loaded from courses/NAME.conf (compiled in) or from a
 * teacher's own file; nothing else in the programs knows a course by its name.
 */
#ifndef POSTROOM_COURSE_COURSE_H
#define POSTROOM_COURSE_COURSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/fault.h"
#include "course/replies.h"

/* What the client's menu entries do. */
enum course_action { ACTION_MANAGE, ACTION_SEND, ACTION_QUIT, ACTION_RETRIEVE, ACTION_COUNT };

struct course_menu_entry {
	char key;    /* what is typed: '1', 'a' */
	char *label; /* "Manage Mail" */
	enum course_action action;
};

/* A further spelling of a verb that the servers know: "MAIL_FROM:" for "MAIL FROM:". The client of such a course sends it first, and
 * the known one where the server answers 500 or 502. */
struct course_verb {
	char *spelling;
	char *means;
};

/* A further name of a program, which implies the course: "mailserver_stmp" of "smtpmail". */
struct course_program {
	char *name;
	char *program;
};

enum {
	COURSE_VERBS_MAX = 8,
	COURSE_PROGRAMS_MAX = 8,
	COURSE_MENU_MAX = 8,
	COURSE_SUBJECT_MAX = 1000,     /* the highest limit a course may set, in characters */
	COURSE_FILE_MAX = 64 * 1024,   /* octets of a course file */
	COURSE_MEMORY_MAX = 256 * 1024 /* octets of all its texts */
};

/* The client's texts; each is never NULL. */
struct course_client {
	struct course_menu_entry menu[COURSE_MENU_MAX];
	size_t menu_len;
	char *menu_mark;    /* between an entry's key and its label: ". " */
	char *ask_name;     /* "Username: " */
	char *ask_password; /* "Password: " */
	char *ask_choice;   /* "Enter your choice: " */
	char *compose_hint; /* said before a mail is typed */
	char *list_heading; /* "Sl. No.  Sender  Received  Subject" */
	char *ask_number;   /* "Enter mail no. to see: " */
	char *out_of_range; /* "Mail no. out of range, give again" */
	char *wrong_format; /* "Incorrect format" */
	char *sent;         /* "Mail sent successfully" */
	char *send_error;   /* "Error in sending mail: " */
	char *no_mail;      /* said in place of an empty list's lines */
	char *after_mail;   /* said under a mail that is shown, before one key is read */
	char *ask_command;  /* at the command prompt: "Command: " */
	char *login_again;  /* said before name and password are asked for again */
	char *no_command;   /* said there of a line that is no command */
	char *mail_count;   /* stands there before the number that STAT gave: "Mails: " */
	char *own_address;  /* stands before the address that a registration gave: "Your address: " */
	char delete_key;    /* 'd' */
	char save_key;      /* saves the attachments of the mail that is shown; '\0': no key does */
};

struct course {
	char *name;
	char *users_file; /* "user.txt"; NULL with registration */
	char separator;   /* ' ' for one or more blanks, or ',' */
	char *mailbox;    /* "mymailbox"; NULL with registration */

	/* Capabilities: what the programs can do beside, and a course switches on. */
	bool list_view;      /* the client's Manage shows a list and asks for a mail's number */
	bool command_prompt; /* the client's Manage reads STAT, LIST, RETR, DELE, RSET, QUIT at a prompt */
	bool registration; /* no users file: clients register by HELO or REGISTER, and fetch their mail by RETRIEVE; smtpmail alone */
	bool is_default; /* the client's where none is named */
	/* The RFCs' rules in place of an assignment's: domains are looked at, users' secrets may have a scheme, APOP, +tags, a Return-Path and an RFC 5321
	 * Received line on top, line ends in CR LF alone, no limit of the subject's length, passwords in clear over TLS or from this machine alone. */
	bool standard;

	struct course_verb verbs[COURSE_VERBS_MAX];
	size_t verbs_len;
	struct course_program programs[COURSE_PROGRAMS_MAX];
	size_t programs_len;

	char *domain;            /* NULL: the host name */
	unsigned subject_stored; /* characters */
	unsigned subject_typed;
	struct reply replies
	        [REPLY_COUNT]; /* the table with this course's texts; entries point into the course or the built-in table */
	struct course_client client;
	struct arena memory; /* all the texts above */
};

/* A built-in course by its name, or a file where `name` has a '/' or '.' in it or names a file that is there.
 * NULL: why says the file and line and what was expected, or which courses there are (FAULT_PERMANENT).
 * Loading uses libconfuse, which is not thread-safe: load at the start, before there are threads. */
struct course *course_load(const char *name, struct fault *why);
void course_free(struct course *c);

/* Finds the course by the users file that stands in the directory. NULL: there is none (FAULT_TEMPORARY: the text names the files that
 * were looked for), or there are two (FAULT_PERMANENT: both are named). */
struct course *course_detect(int dir, const char *dir_name, struct fault *why);

/* The built-in course that a program's further name implies ("mail_client"), or NULL; `path` is argv[0]. */
const char *course_of_program(const char *path);
/* The built-in course that is the client's where none is named (the first that says so, else the first). */
const char *course_default(void);

/* The names of the built-in courses, NULL at the end. */
const char *const *course_names(void);

#endif
