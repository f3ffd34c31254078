/*
 * pop3_client: a session with any POP3 server (RFC 1939; CAPA: RFC 2449), as a pure machine over talk.
 *
 * Each call below queues commands; client/link drives the talk until it is idle, and then `refused` says whether the
 * server said no. Only USER, PASS, LIST, RETR, DELE and QUIT are needed of a server: CAPA and TOP are used where they
 * are there, and what STAT and LIST say is never relied on to be right. In the extended manner CAPA comes first, then STLS
 * (RFC 2595), UTF8 (RFC 6856) and the strongest login there is: AUTH (RFC 5034), APOP, or USER and PASS. A password never
 * crosses in clear unless the manner allows it. It opens no socket and keeps no mail.
 */
#ifndef POSTROOM_PROTOCOL_POP3_CLIENT_H
#define POSTROOM_PROTOCOL_POP3_CLIENT_H

#include "protocol/talk_auth.h"

enum {
	POP3_CLIENT_MAILS_MAX = 1000000, /* mails of one list */
	POP3_CLIENT_LINE_MAX = 1024,     /* octets of a line of LIST or CAPA; longer ones are passed over */
	POP3_CLIENT_CAPA_MAX = 1024 * 1024,
	POP3_CLIENT_LIST_MAX = 64 * 1024 * 1024, /* octets of a list of so many mails */
	POP3_CLIENT_HEAD_MAX = 16 * 1024 * 1024, /* octets of what TOP n 0 brings */
	POP3_CLIENT_WINDOW = 32,                 /* commands on their way where the server takes pipelines */
};

struct pop3_client_mail {
	uint32_t number; /* the server's */
	uint64_t octets; /* as LIST says; 0 where it does not */
};

enum pop3_client_state {
	POP3_CLIENT_GREETING,
	POP3_CLIENT_OFFER, /* CAPA before the login */
	POP3_CLIENT_STLS,
	POP3_CLIENT_UTF8,
	POP3_CLIENT_AUTH,
	POP3_CLIENT_APOP,
	POP3_CLIENT_USER,
	POP3_CLIENT_PASS,
	POP3_CLIENT_CAPA,
	POP3_CLIENT_STAT,
	POP3_CLIENT_LIST,
	POP3_CLIENT_READY, /* logged in, nothing under way */
	POP3_CLIENT_SCAN,
	POP3_CLIENT_RETR,
	POP3_CLIENT_DELE,
	POP3_CLIENT_RSET,
	POP3_CLIENT_QUIT,
	POP3_CLIENT_END,
};

/* How the client logs in. */
struct pop3_client_manner {
	bool extended;            /* CAPA first, and what follows from it; else USER and PASS at once */
	bool secured;             /* the connection has TLS already */
	bool clear_login;         /* a login may go without TLS; looked at in the extended manner alone */
	struct talk_login *login; /* who logs in; never NULL */
};

/* What CAPA offers. */
struct pop3_client_offer {
	bool stls;
	bool utf8;
	struct buf mechanisms; /* of SASL, blanks between */
};

/* Who takes the mails' text. */
struct pop3_client_sink {
	void (*text)(void *owner, const char *octets, size_t n); /* LF line ends, unstuffed, cut anywhere */
	/* A mail of a scan is over; false: the server did not give it. */
	void (*end)(void *owner, size_t index, bool given);
	void *owner;
};

struct pop3_client {
	struct talk talk; /* first: the talk's role finds its client by it */
	enum pop3_client_state state;
	bool refused; /* the last call's command got -ERR; the words are in `refusal` */
	struct buf refusal;
	struct buf greeting; /* the server's first line: "+OK POP3 server ready" */

	bool bare;     /* set before the login: neither CAPA nor TOP is tried after it */
	bool no_offer; /* set before the login: CAPA is not tried before it, and so there is no STLS */
	bool capa;     /* the server has CAPA, so these two are certain */
	bool top;
	bool pipelining;

	bool counted; /* the last STAT's answer had a number */
	uint64_t stat_mails;
	struct pop3_client_mail *mails;
	size_t count;

	/* private */
	bool listed; /* the login is over: STAT and LIST are calls of their own */
	struct pop3_client_manner manner;
	bool secured;
	struct pop3_client_offer offer;
	const char *mechanism; /* of AUTH */
	const struct pop3_client_sink *sink;
	size_t cap;
	size_t asked; /* of a scan */
	size_t answered;
	bool no_top; /* a TOP was refused: RETR from then on */
	struct buf line;
	bool line_too_long;
};

void pop3_client_init(struct pop3_client *c, struct transcript_feed *feed);
void pop3_client_release(struct pop3_client *c);

/* The greeting, the login, CAPA, STAT, LIST: on READY, `mails` and `count` are the list. When it is refused, QUIT
 * was said and it is END. Name and password must live until the talk is idle. */
void pop3_client_login(struct pop3_client *c, const struct pop3_client_manner *manner);

/* From READY: the headers of all mails, in the list's order, with TOP n 0 or, where that is not there, RETR. */
void pop3_client_scan(struct pop3_client *c, const struct pop3_client_sink *sink);
/* From READY: a whole mail; the sink's end() is not called. */
void pop3_client_retrieve(struct pop3_client *c, uint32_t number, const struct pop3_client_sink *sink);
void pop3_client_delete(struct pop3_client *c, uint32_t number);
/* From READY: `stat_mails` anew. */
void pop3_client_stat(struct pop3_client *c);
/* From READY: `mails` and `count` anew; a refusal leaves them empty. */
void pop3_client_list(struct pop3_client *c);
/* From READY: takes the deletions back. */
void pop3_client_reset(struct pop3_client *c);
/* Deleted mails are gone for good with its +OK (RFC 1939 section 6). */
void pop3_client_quit(struct pop3_client *c);

/* Asking for something that the server need not have: a server that hangs up here may still serve a `bare` client, and before the login one with
 * `no_offer`. Never once STLS was offered: leaving that out is not simplicity. */
bool pop3_client_is_probing(const struct pop3_client *c);

#endif
