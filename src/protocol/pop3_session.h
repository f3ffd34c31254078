/*
 * pop3_session: what the files of the POP3 server share: the session, its states, its long answers and how it speaks. Private to pop3_server.c
 * and pop3_cmd_*.c.
 *
 * Whatever may have to wait (for the host, or for the peer to read) is a step: a function that goes on from the session's cursor and is called
 * again until it returns something else than NEXT_WAIT and NEXT_MORE.
 */
#ifndef POSTROOM_PROTOCOL_POP3_SESSION_H
#define POSTROOM_PROTOCOL_POP3_SESSION_H

#include "protocol/command.h"
#include "protocol/dot.h"
#include "protocol/pop3_origin.h"
#include "protocol/pop3_server.h"
#include "protocol/pop3_top.h"

enum {
	POP3_USER_MAX = 255,  /* octets of USER's argument */
	POP3_UNIQUE_MAX = 48, /* octets of what is the connection's own in APOP's time stamp */
};

/* Bits, for the table's rows. */
enum pop3_state {
	POP3_AUTHORIZATION = 1,
	POP3_TRANSACTION = 2,

	POP3_EITHER = POP3_AUTHORIZATION | POP3_TRANSACTION,
};

struct pop3_server {
	struct session base;
	const struct pop3_config *config;
	const struct pop3_host_ops *ops;
	void *host;
	struct transcript_feed feed;
	enum pop3_state state;
	unsigned errors;
	unsigned wrong_logins;
	bool wary;       /* the last command was AUTH: what follows may be a secret, command or not */
	bool closing;    /* the server ends; the long answer under way is the last */
	bool utf8;       /* UTF8 was said: mails are given as they are (RFC 6856) */
	bool exchanging; /* AUTH is under way: the next line is the client's response, not a command */

	/* What the host was asked. */
	bool asking;   /* inside of the host's function */
	bool answered; /* the answer is in */
	bool removed;
	char *detail; /* of the login's answer, or NULL; the challenge, where it was one */
	bool challenged;
	enum pop3_login login;

	/* The step under way, and its cursor. */
	bool begun;    /* its first line was said: it can no longer become -ERR */
	bool uidl;     /* of a list: unique ids, not sizes */
	bool whole;    /* RETR, not TOP */
	bool measured; /* `octets` is the mail's size: a host that forgets is not asked for ever */
	uint64_t octets;
	enum session_next (*step)(struct pop3_server *s);
	size_t index; /* the mail it is at */
	uint64_t offset;
	struct dot_encoder encoder;
	struct pop3_top top;
	struct pop3_origin *origin; /* how the mail came, while that is found out; else NULL */

	/* The maildrop. */
	size_t count;
	unsigned char *marks; /* bit i%8 of byte i/8; NULL until the first DELE */
	size_t marked;
	uint64_t marked_octets;

	size_t user_len; /* 0: USER was not said */
	char user[POP3_USER_MAX];
	char unique[POP3_UNIQUE_MAX]; /* "": the greeting had no time stamp, and there is no APOP */
};

static inline struct pop3_server *pop3_session_of(struct session *s)
{
	return (struct pop3_server *)s;
}

static inline bool pop3_session_marked(const struct pop3_server *s, size_t i)
{
	return s->marks && (s->marks[i / 8] >> (i % 8) & 1);
}

/* "+OK …"; NEXT_LINE, or NEXT_CLOSE: memory is out. */
enum session_next pop3_session_ok(struct pop3_server *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "-ERR …", counted as the client's error. */
enum session_next pop3_session_error(struct pop3_server *s, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* To what the server does not know, or was told not to offer. */
enum session_next pop3_session_unknown(struct pop3_server *s);
/* A whole "-ERR …" line for what is no error of the client's, and not counted. */
enum session_next pop3_session_refuse(struct pop3_server *s, const char *text);
/* Adds to the error that was just said that it was the last; NEXT_CLOSE. */
enum session_next pop3_session_too_many(struct pop3_server *s, const char *what);
/* The host met a fault: "-ERR [SYS/TEMP] …" or, where the answer has begun, the end of the connection: a client must never take a part for
 * the whole. */
enum session_next pop3_session_fault(struct pop3_server *s);

/* Whether what the host was asked for is there; otherwise *next is set. */
bool pop3_session_got(struct pop3_server *s, enum pop3_got how, enum session_next *next);

/* The course's word of farewell; NEXT_CLOSE. */
enum session_next pop3_session_goodbye(struct pop3_server *s);

/* Begins a step, and runs it for the first time. */
enum session_next pop3_session_run(struct pop3_server *s, enum session_next (*step)(struct pop3_server *));
/* A multi-line answer is complete. */
enum session_next pop3_session_end_lines(struct pop3_server *s);

/* A question that the host answers by pop3_server_login, _challenge or _committed is put between these two; asked() goes on at once where the answer
 * came inside, else waits. */
void pop3_session_ask(struct pop3_server *s);
enum session_next pop3_session_asked(struct pop3_server *s, enum session_next (*step)(struct pop3_server *));
/* The step comes once the host knows who the users are now. */
enum session_next pop3_session_refresh(struct pop3_server *s, enum session_next (*step)(struct pop3_server *));
/* The host's info of a mail, and a read at the session's cursor. A host that fetches at once is asked again at once. */
enum pop3_got pop3_session_info(struct pop3_server *s, size_t i, bool want_uid, struct pop3_mail *mail);
enum pop3_got pop3_session_read(struct pop3_server *s, size_t most, struct slice *octets);

/* A message's number (from 1), as an index. False: said why not, and *next is set. */
bool pop3_session_number(struct pop3_server *s, struct slice text, size_t *index, enum session_next *next);

/* pop3_cmd_login.c */
enum session_next pop3_cmd_user(struct session *s, struct slice argument);
enum session_next pop3_cmd_pass(struct session *s, struct slice argument);
enum session_next pop3_cmd_apop(struct session *s, struct slice argument);
/* Adds APOP's time stamp to the greeting that was just said, where APOP is offered. */
enum session_next pop3_login_stamp(struct pop3_server *s);
/* The step behind every login: what the host has answered. */
enum session_next pop3_login_answered(struct pop3_server *s);
/* pop3_cmd_auth.c */
enum session_next pop3_cmd_auth(struct session *s, struct slice argument);
/* A line of the exchange under way. */
enum session_next pop3_auth_response(struct pop3_server *s, const struct line *line);
/* pop3_cmd_session.c */
enum session_next pop3_cmd_stls(struct session *s, struct slice argument);
enum session_next pop3_cmd_utf8(struct session *s, struct slice argument);
enum session_next pop3_cmd_capa(struct session *s, struct slice argument);
enum session_next pop3_cmd_noop(struct session *s, struct slice argument);
enum session_next pop3_cmd_quit(struct session *s, struct slice argument);
/* pop3_cmd_list.c */
enum session_next pop3_cmd_stat(struct session *s, struct slice argument);
enum session_next pop3_cmd_list(struct session *s, struct slice argument);
enum session_next pop3_cmd_uidl(struct session *s, struct slice argument);
enum session_next pop3_cmd_dele(struct session *s, struct slice argument);
enum session_next pop3_cmd_rset(struct session *s, struct slice argument);
/* pop3_cmd_mail.c */
enum session_next pop3_cmd_retr(struct session *s, struct slice argument);
enum session_next pop3_cmd_top(struct session *s, struct slice argument);

#endif
