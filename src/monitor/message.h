/*
 * message: what the mail process and the web process tell each other: a type and its fields, as one packet of a SOCK_SEQPACKET socket.
 *
 * A table in message.c says of each type how many numbers and texts it has. On the wire: an octet of type, the numbers with eight octets
 * each (least first), the texts with their length in four octets before them. No version: both ends are one release, begun by one another.
 * What comes from the web process is a stranger's: decoding takes nothing on trust. Pure.
 */
#ifndef POSTROOM_MONITOR_MESSAGE_H
#define POSTROOM_MONITOR_MESSAGE_H

#include "base/buf.h"
#include "base/slice.h"

enum {
	MESSAGE_MAX = 64 * 1024, /* octets of a packet */
	MESSAGE_NUMBERS_MAX = 6,
	MESSAGE_TEXTS_MAX = 5,
};

/* Times are milliseconds since 1970; lists are texts with a line end behind every member. */
enum message_type {
	/* From the mail process. */
	MESSAGE_HELLO = 1, /* users are configured (0, 1), port of SMTP, of POP3 (0: none) · domain, version */
	MESSAGE_OPENED,    /* session, time · protocol, peer */
	MESSAGE_LINE,      /* session, time, side ('C', 'S'), octets, enum message_line · text */
	MESSAGE_TEXT,      /* session, time, side, octets, lines of a mail's text that went by */
	MESSAGE_SECURED,   /* session, time · TLS version, cipher */
	MESSAGE_LOGGED_IN, /* session, time · user */
	MESSAGE_ENDED,     /* session, time · why */
	MESSAGE_DELIVERED, /* session, time, octets · mailbox, unique id, recipients (a list), login, sender */
	MESSAGE_METRICS,   /* "name value" (a list) */
	MESSAGE_LOST,      /* how many messages there was no room for, since the last of this kind */
	MESSAGE_ANSWER,    /* number, enum message_outcome · text for a person */
	/* From the web process; the number comes back in the answer. */
	MESSAGE_BEGUN,  /* it is there, perhaps once more: say MESSAGE_HELLO */
	MESSAGE_DELETE, /* number · mailbox, unique ids (a list) */
	MESSAGE_LOGIN,  /* number · peer, name, password */
	MESSAGE_FAULT, /* number, enum message_fault, reply code, delay in ms, chances in a million, seed · inbox, text of the reply */
	MESSAGE_TYPES,
};

/* Bits. */
enum message_line {
	MESSAGE_LINE_SECRET = 1, /* it goes on with a password, which is not told */
	MESSAGE_LINE_BODY = 2,   /* it ends a mail's text */
};

enum message_outcome { MESSAGE_DONE, MESSAGE_BUSY, MESSAGE_REFUSED, MESSAGE_FAILED };

/* What goes wrong on purpose with an inbox. */
enum message_fault {
	MESSAGE_FAULT_NONE,    /* nothing any more */
	MESSAGE_FAULT_RCPT,    /* RCPT is answered with the code */
	MESSAGE_FAULT_DATA,    /* the end of the mail is answered with the code */
	MESSAGE_FAULT_CUT,     /* the connection ends at RCPT */
	MESSAGE_FAULT_CUT_END, /* … at the end of the mail, which is not stored */
	MESSAGE_FAULT_LOGIN,   /* POP3: the login is refused */
	MESSAGE_FAULT_CUT_POP, /* POP3: the connection ends at the login */
	MESSAGE_FAULTS,
};

struct message {
	enum message_type type;
	uint64_t numbers[MESSAGE_NUMBERS_MAX];
	struct slice texts[MESSAGE_TEXTS_MAX]; /* the octets decoded from, or whoever encodes */
};

/* Puts the packet into `out`, whose content goes. False: longer than MESSAGE_MAX, or memory is out. */
bool message_encode(const struct message *m, struct buf *out);
/* False: no message. */
bool message_decode(struct message *m, struct slice packet);

/* The next member of a list, taken off its front. False: there is none. */
bool message_list_next(struct slice *list, struct slice *member);

#endif
