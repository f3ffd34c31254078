/*
 * explain_table: the sentences, a row per verb, per reply and per state; how they are chosen is explain.c's. Data alone, in explain_table_smtp.c,
 * explain_table_pop3.c, and, for lines of both, explain_table.c.
 *
 * In texts %v is the line that its verb should have been, and %s one that fits the state; # is the count a state goes with.
 */
#ifndef POSTROOM_PROTOCOL_EXPLAIN_TABLE_H
#define POSTROOM_PROTOCOL_EXPLAIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* The session as it looks from outside. Bits, for masks; both protocols begin with the first and end with the last. */
enum explain_state {
	EXPLAIN_SILENT = 1, /* the server has not spoken */

	EXPLAIN_SMTP_CONNECTED = 2,
	EXPLAIN_SMTP_GREETED = 4,
	EXPLAIN_SMTP_SENDER = 8,
	EXPLAIN_SMTP_RECIPIENT = 16,
	EXPLAIN_SMTP_TEXT = 32,
	EXPLAIN_SMTP_IN_MAIL = EXPLAIN_SMTP_SENDER | EXPLAIN_SMTP_RECIPIENT | EXPLAIN_SMTP_TEXT,
	EXPLAIN_SMTP_ANY = EXPLAIN_SMTP_CONNECTED | EXPLAIN_SMTP_GREETED | EXPLAIN_SMTP_IN_MAIL,

	EXPLAIN_POP3_NAMELESS = 64,
	EXPLAIN_POP3_NAMED = 128,
	EXPLAIN_POP3_EXCHANGE = 2048, /* the server waits for the answer to its challenge; no command fits */
	EXPLAIN_POP3_TRANSACTION = 256,
	EXPLAIN_POP3_LOGIN = EXPLAIN_POP3_NAMELESS | EXPLAIN_POP3_NAMED | EXPLAIN_POP3_EXCHANGE,
	EXPLAIN_POP3_ANY = EXPLAIN_POP3_LOGIN | EXPLAIN_POP3_TRANSACTION,

	EXPLAIN_OVER = 512,
	EXPLAIN_SMTP_LOGIN = 1024, /* the server waits for the answer to its challenge; no command fits */
};

/* What is no verb and yet is answered, or answers nothing. */
#define EXPLAIN_GREETING   "(greeting)"
#define EXPLAIN_TEXT_END   "(text)"       /* a row among SMTP's verbs */
#define EXPLAIN_UNKNOWN    "(unknown)"    /* a row among the verbs of both */
#define EXPLAIN_RESPONSE   "(response)"   /* … the line that answers a challenge */
#define EXPLAIN_LAST_CHUNK "(last chunk)" /* a row among SMTP's: a BDAT that is the last */
#define EXPLAIN_UNASKED    "(unasked)"

enum explain_argument { EXPLAIN_NO_ARGUMENT, EXPLAIN_MAY_ARGUMENT, EXPLAIN_NEEDS_ARGUMENT };

struct explain_verb {
	const char *verb;
	unsigned states; /* in which it is right */
	enum explain_argument argument;
	/* Which lines follow a positive reply: */
	bool lines;          /* … until a full stop */
	bool lines_if_alone; /* … where it came without an argument */
	const char *sentence;
	const char *section;
	const char *right; /* an example that is right */
};

/* What is seen to be wrong with the command that an error answers. */
enum explain_fault { EXPLAIN_ANY_FAULT, EXPLAIN_TOO_LONG, EXPLAIN_OUT_OF_ORDER, EXPLAIN_BAD_ARGUMENT };

enum explain_count { EXPLAIN_COUNT_STAYS, EXPLAIN_COUNT_UP, EXPLAIN_COUNT_ZERO };

/* The first row counts that fits. */
struct explain_reply {
	const char *verb; /* NULL: any */
	int code;         /* 550, or 5 for all of 5yz; POP3: 2 for +OK, 3 for "+ ", 5 for -ERR; 0: any */
	const char *tag;  /* "[IN-USE]" (RFC 2449), or NULL */
	enum explain_fault fault;
	unsigned from; /* states, 0: any */
	unsigned then; /* state, 0: it stays */
	enum explain_count count;
	const char *sentence;
	const char *right; /* what would have been right, as a sentence; NULL: nothing was wrong */
	const char *section;
};

struct explain_session_state {
	unsigned state;
	const char *text;
	const char *next;    /* a line that fits here */
	const char *hung_up; /* what it means when the connection ends here */
	const char *section; /* … and where that is said */
};

/* A line of EHLO's or CAPA's answer, by its first word. */
struct explain_extension {
	const char *word;
	const char *sentence;
	const char *section;
};

struct explain_protocol {
	const char *list_verb; /* whose answer lists extensions */
	size_t line_max;       /* octets of a command that every server takes, its end included */
	const struct explain_verb *verbs;
	size_t verbs_len;
	const struct explain_reply *replies;
	size_t replies_len;
	const struct explain_session_state *states;
	size_t states_len;
	const struct explain_extension *extensions;
	size_t extensions_len;
};

extern const struct explain_protocol explain_smtp;
extern const struct explain_protocol explain_pop3;

/* What is said about single lines, whatever protocol is spoken. */
struct explain_remark {
	const char *sentence;
	const char *section;
};

extern const struct explain_remark explain_connects;
extern const struct explain_remark explain_too_early;  /* the client speaks before the server */
extern const struct explain_remark explain_no_reply;   /* neither protocol knows such a line */
extern const struct explain_remark explain_more_lines; /* "250-" */
extern const struct explain_remark
        explain_no_extension;                         /* a line of EHLO's or CAPA's answer that is not in the table */
extern const struct explain_remark explain_stuffed;   /* a line of text with its full stop doubled */
extern const struct explain_remark explain_lines_end; /* the server's final full stop */
/* Added to the sentence about a verb in a course's own spelling, and to one about a reply that lines follow. */
extern const char explain_spelling[];
extern const char explain_lines_follow[];

#endif
