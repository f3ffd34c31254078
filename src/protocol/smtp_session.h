/*
 * smtp_session: what the files of the SMTP server share: the session, its transaction, its states and how it answers. Private to smtp_server.c,
 * smtp_cmd_*.c and smtp_text.c.
 *
 * Session and transaction are two structs; an idle session holds no memory for a mail. Handlers have their effect and return what comes next;
 * what they say goes through smtp_session_say.
 */
#ifndef POSTROOM_PROTOCOL_SMTP_SESSION_H
#define POSTROOM_PROTOCOL_SMTP_SESSION_H

#include "protocol/command.h"
#include "protocol/dot.h"
#include "protocol/smtp_server.h"

enum { SMTP_CLIENT_MAX = 255 }; /* octets of HELO's argument: RFC 5321 section 4.5.3.1.2 */

enum {
	SMTP_TEXT_PIECE = 16 * 1024, /* octets decoded at a time */
	/* A mail's text may take this long, or as long as a peer may be silent where the operator said that; what takes longer must have come at this rate on average. Section 4.5.3.2.5 asks for three minutes
	 * from one segment to the next; whoever sends an octet now and then shall not hold a session for ever. */
	SMTP_TEXT_GRACE_MS = 5 * 60 * 1000,
	SMTP_TEXT_RATE = 100, /* octets a second */
	SMTP_WRONG_LOGINS_MAX = 3,
};

/* Bits, for the table's rows. */
enum smtp_state {
	SMTP_CONNECTED = 1, /* neither HELO nor EHLO yet */
	SMTP_GREETED = 2,
	SMTP_HAS_SENDER = 4,
	SMTP_HAS_RECIPIENT = 8, /* at least one was accepted */
	SMTP_IN_TEXT = 16,      /* between 354 and the answer to the final full stop */
	SMTP_IN_CHUNKS = 32,    /* behind a BDAT that was not the last: only BDAT goes on with the mail */
	SMTP_IN_LOGIN = 64,     /* between 334 and the client's answer: lines are no commands */

	SMTP_IN_MAIL = SMTP_HAS_SENDER | SMTP_HAS_RECIPIENT,
	SMTP_ANY = SMTP_CONNECTED | SMTP_GREETED | SMTP_IN_MAIL | SMTP_IN_CHUNKS,
};

/* From MAIL to the answer to the final full stop. */
struct smtp_transaction {
	struct address sender;
	uint64_t size;            /* what SIZE announced, or 0 */
	bool utf8;                /* SMTPUTF8 was said */
	struct address recipient; /* the last one asked for */
	size_t recipients;        /* how many were accepted */
	struct dot_decoder decoder;
	bool given_up; /* the host was told to forget it; the rest is read and thrown away, and then `refusal` is said */
	enum reply_id refusal;
};

/* The octets behind a BDAT. They are read to their end whatever becomes of them (RFC 3030 section 2). */
struct smtp_chunk {
	bool open;
	bool last;
	uint64_t size;
	uint64_t left;
	enum reply_id refusal; /* REPLY_CHUNK: they belong to the mail */
};

struct smtp_server {
	struct session base;
	const struct smtp_config *config;
	const struct smtp_host_ops *ops;
	void *host;
	struct transcript_feed feed;
	enum smtp_state state;
	unsigned errors;
	unsigned strangers;
	unsigned wrong_logins;
	bool heard;    /* the first command was read, and chose how lines end */
	bool enhanced; /* EHLO was said: RFC 2034 */
	bool authenticated;
	bool closing; /* the server ends; this mail is the last */
	char client[SMTP_CLIENT_MAX + 1];
	const char *address;           /* the one that the client has registered; NULL before, and elsewhere */
	bool retrieving;               /* amid the answer to RETRIEVE … */
	struct dot_encoder encoder;    /* … which goes through this */
	struct smtp_transaction *mail; /* NULL outside a transaction */
	struct smtp_chunk chunk;
	bool wary;            /* the last command was AUTH: what follows may be a secret, command or not */
	int64_t text_since;   /* clock_ms() when the text began, moved on by what was not the client's to fill … */
	int64_t text_paused;  /* … since when that is so: between chunks, or while the host works; 0: it is not */
	uint64_t text_octets; /* … and what came of it */
	/* What the host was asked. */
	bool asking;   /* inside the host's function */
	bool answered; /* the answer is in; for text: it takes more */
	enum reply_id answer;
	uint64_t number;
	const struct smtp_fault *fault;                   /* … or this, in place of it */
	char *challenge;                                  /* SASL's, in BASE64; owned */
	enum session_next (*take)(struct smtp_server *s); /* goes on with the answer */
};

/* The table, and how many of its rows a session goes by: those of registration, the last ones, only where clients register. */
extern const struct command smtp_commands[];
size_t smtp_commands_count(const struct smtp_server *s);
/* Whether the row is of a command that this session has. */
bool smtp_session_offers(const struct smtp_server *s, const struct command *row);
/* What has to be said before what was just said may be said, for people. */
const char *smtp_session_what_comes_first(const struct smtp_server *s);

static inline bool smtp_session_registers(const struct smtp_server *s)
{
	return s->ops->enroll != NULL;
}

static inline struct smtp_server *smtp_session_of(struct session *s)
{
	return (struct smtp_server *)s;
}

/* Says it, and counts it where it is an error in a command. `text` and `number` are for %t and %n. NEXT_LINE, or NEXT_CLOSE: memory is out. */
enum session_next smtp_session_say(struct smtp_server *s, enum reply_id id, const char *text, uint64_t number);
static inline enum session_next smtp_session_reply(struct smtp_server *s, enum reply_id id)
{
	return smtp_session_say(s, id, NULL, 0);
}
/* Says it whatever it is, without counting. */
enum session_next smtp_session_write(struct smtp_server *s, const struct reply *reply, const char *text,
                                     uint64_t number);
/* Says the fault that is the answer. */
enum session_next smtp_session_say_fault(struct smtp_server *s);
/* Says it without counting, as the last words. NEXT_CLOSE. */
enum session_next smtp_session_say_last(struct smtp_server *s, enum reply_id id);
/* The one place where a state changes. */
void smtp_session_enter(struct smtp_server *s, enum smtp_state state);
/* Around a question to the host: it is put between begin and end; end goes on at once where the answer came inside, else waits. */
void smtp_session_ask(struct smtp_server *s, enum session_next (*take)(struct smtp_server *s));
enum session_next smtp_session_asked(struct smtp_server *s);
/* Ends the transaction, if there is one: the host forgets it. Nothing else of the session changes. */
void smtp_session_end_mail(struct smtp_server *s);

/* smtp_cmd_session.c */
enum session_next smtp_cmd_helo(struct session *s, struct slice argument);
enum session_next smtp_cmd_ehlo(struct session *s, struct slice argument);
enum session_next smtp_cmd_starttls(struct session *s, struct slice argument);
enum session_next smtp_cmd_rset(struct session *s, struct slice argument);
enum session_next smtp_cmd_noop(struct session *s, struct slice argument);
enum session_next smtp_cmd_vrfy(struct session *s, struct slice argument);
enum session_next smtp_cmd_help(struct session *s, struct slice argument);
enum session_next smtp_cmd_quit(struct session *s, struct slice argument);
/* smtp_cmd_transaction.c */
enum session_next smtp_cmd_mail(struct session *s, struct slice argument);
enum session_next smtp_cmd_rcpt(struct session *s, struct slice argument);
enum session_next smtp_cmd_data(struct session *s, struct slice argument);
/* smtp_cmd_auth.c */
enum session_next smtp_cmd_auth(struct session *s, struct slice argument);
/* A line within an exchange. */
enum session_next smtp_auth_line(struct smtp_server *s, const struct line *line);
/* An AUTH command, or an answer, that is too long; the exchange is over. */
enum session_next smtp_auth_too_long(struct smtp_server *s);
/* smtp_cmd_bdat.c */
enum session_next smtp_cmd_bdat(struct session *s, struct slice argument);
enum session_next smtp_chunk(struct session *s, const char *octets, size_t n, size_t *taken);
/* A command that cannot be read; where it was to be a chunk, its mail is over. */
void smtp_bdat_is_lost(struct smtp_server *s, const struct command *row);
extern const char smtp_mail_form[];
extern const char smtp_rcpt_form[];
extern const char smtp_bdat_form[];
/* smtp_cmd_member.c */
enum session_next smtp_cmd_register(struct session *s, struct slice argument);
enum session_next smtp_cmd_retrieve(struct session *s, struct slice argument);
enum session_next smtp_retrieve_more(struct session *s);
/* Registers the client, where that is what a greeting does here. False: not now. */
bool smtp_member_enroll(struct smtp_server *s);
/* What is said where a mail has no recipient that was accepted. */
static inline enum reply_id smtp_session_no_recipients(const struct smtp_server *s)
{
	return s->config->lmtp ? REPLY_WRONG_ORDER : REPLY_NO_RECIPIENTS; /* RFC 2033 section 4.2 */
}
/* smtp_text.c */
enum session_next smtp_text(struct session *s, const char *octets, size_t n, size_t *taken);
/* A text begins: `peer` says how it is read. */
void smtp_text_begin(struct smtp_server *s, enum dot_peer peer);
/* Up to SMTP_TEXT_PIECE octets for the mail; goes on with `then` when the host has them. */
enum session_next smtp_text_take(struct smtp_server *s, struct slice octets, size_t *taken,
                                 enum session_next (*then)(struct smtp_server *s));
/* The text is complete: what becomes of the mail is asked and said. */
enum session_next smtp_text_end(struct smtp_server *s);
/* The mail cannot be taken, which is said at its end; nothing where that is so already. */
void smtp_text_give_up(struct smtp_server *s, enum reply_id why);
/* Octets that came are counted; whether they come fast enough. */
void smtp_text_count(struct smtp_server *s, size_t n);
bool smtp_text_is_slow(const struct smtp_server *s);
/* From here on it is not the client's turn to fill the text; from there on it is again. */
void smtp_text_pause(struct smtp_server *s);
void smtp_text_resume(struct smtp_server *s);

#endif
