/*
 * replies: what the servers say, by situation.
 *
 * One table: the situation's name (the key in a course file), reply code, enhanced status code (RFC 3463, shown after EHLO alone), and the
 * text. A course file may override code and text. In texts %d is the server's domain, %c the client's name as it gave it, %s the sender, %r
 * the recipient, %n a number, %t a text that the situation brings along, %a
 * the address that the client has registered.
 */
#ifndef POSTROOM_COURSE_REPLIES_H
#define POSTROOM_COURSE_REPLIES_H

enum reply_id {
	/* SMTP: the session */
	REPLY_GREETING,        /* 220 */
	REPLY_CROWDED,         /* 421 too many connections */
	REPLY_TOO_MANY,        /* 421 too many connections from the peer's address */
	REPLY_TOO_OFTEN,       /* 421 … within a minute */
	REPLY_SHUTDOWN,        /* 421 */
	REPLY_IDLE,            /* 421 */
	REPLY_TOO_MANY_ERRORS, /* 421 */
	REPLY_TOO_SLOW,        /* 421 a mail's text that takes for ever */
	REPLY_GOODBYE,         /* 221 */
	REPLY_HELLO,           /* 250 to HELO, and the first line to EHLO */
	REPLY_RESET,           /* 250 */
	REPLY_NOOP,            /* 250 */
	REPLY_VRFY,            /* 252 */
	REPLY_HELP,            /* 214 */
	REPLY_TLS_START,       /* 220 STARTTLS */
	/* SMTP: AUTH (RFC 4954) */
	REPLY_AUTH_OK,        /* 235 */
	REPLY_AUTH_CHALLENGE, /* 334; %t in BASE64 */
	REPLY_AUTH_WRONG,     /* 535 */
	REPLY_AUTH_MALFORMED, /* 501 no BASE64, or not what the mechanism asks for */
	REPLY_AUTH_CANCELLED, /* 501 */
	REPLY_AUTH_MECHANISM, /* 504; %t the mechanisms that there are */
	REPLY_AUTH_NEEDS_TLS, /* 538 */
	REPLY_AUTH_REQUIRED,  /* 530 */
	REPLY_AUTH_LATER,     /* 454 */
	REPLY_AUTH_TOO_OFTEN, /* 421 */
	/* SMTP: the transaction */
	REPLY_SENDER_OK,           /* 250 */
	REPLY_RECIPIENT_OK,        /* 250 */
	REPLY_NO_SUCH_USER,        /* 550 */
	REPLY_DATA_START,          /* 354 */
	REPLY_ACCEPTED,            /* 250 */
	REPLY_NO_RECIPIENTS,       /* 554 DATA after MAIL without an accepted recipient */
	REPLY_TOO_MANY_RECIPIENTS, /* 452 */
	REPLY_TOO_BIG,             /* 552; %n the limit in octets */
	REPLY_BARE_CR,             /* 554 */
	REPLY_BARE_LF,             /* 554 where line ends are strict */
	REPLY_NO_LINE_END,         /* 554 BDAT: the last line has no end */
	REPLY_SUBJECT_TOO_LONG,    /* 554; %n the limit in characters */
	REPLY_LOOP,                /* 554 too many Received lines */
	REPLY_NO_RELAY,            /* 550 the domain is not ours */
	REPLY_NO_DOMAIN,           /* 550 a recipient without a domain, where domains are looked at */
	REPLY_NEEDS_SMTPUTF8,      /* 553 an address beyond ASCII without SMTPUTF8 */
	REPLY_MAILBOX_FULL,        /* 452 over the quota */
	REPLY_CHUNK,               /* 250; %n octets of a chunk were received */
	REPLY_STORAGE_FULL,        /* 452 */
	REPLY_TRY_LATER,           /* 451 */
	/* SMTP: in courses with registration */
	REPLY_REGISTERED,       /* 250; %a the client's own address */
	REPLY_NOT_YOUR_ADDRESS, /* 553 MAIL with another's address */
	REPLY_RETRIEVED,        /* 250; %n mails follow, then a full stop */
	/* SMTP: errors in what was typed; %t is the correct form */
	REPLY_UNKNOWN_COMMAND,   /* 500 */
	REPLY_NOT_IMPLEMENTED,   /* 502 a command of the RFCs that is not offered */
	REPLY_LINE_TOO_LONG,     /* 500 */
	REPLY_LINE_END,          /* 500 a command that ends in LF alone, where line ends are strict */
	REPLY_SYNTAX,            /* 501 */
	REPLY_WRONG_ORDER,       /* 503; %t what has to come first */
	REPLY_UNKNOWN_PARAMETER, /* 555 */
	/* POP3 (no codes; "+OK" and "-ERR" are part of the text) */
	REPLY_POP3_GREETING, /* +OK POP3 server ready */
	REPLY_POP3_GOODBYE,  /* +OK goodbye */
	REPLY_COUNT
};

struct reply {
	const char *key;      /* "greeting" */
	int code;             /* 0 for POP3 */
	const char *enhanced; /* "2.1.0" or NULL */
	const char *text;     /* "%d Service Ready" */
};

enum { REPLY_TEXT_MAX = 400 }; /* octets of a text, before its placeholders are filled in */

/* The built-in table, REPLY_COUNT rows in the order of the ids. */
extern const struct reply replies_default[REPLY_COUNT];

#endif
