/*
 * session: the contract that every protocol session obeys, and what its driver promises in return.
 *
 * A session is a machine: it is given lines or octets, appends what it says to `out`, and returns what comes
 * next as a value. It owns no socket and never frees itself. Its driver (net/pump, below a net/conn or a test)
 * alone reads, writes, counts time and ends it. Everything here happens on one thread, the loop's.
 *
 *     struct smtp_server { struct session base; … };      `struct session` is the first member
 */
#ifndef POSTROOM_NET_SESSION_H
#define POSTROOM_NET_SESSION_H

#include "base/buf.h"
#include "base/slice.h"

/* Output beyond this mark asks a session to pause (session_enough); one reply may pass it, by at most
 * SESSION_OUT_MAX - SESSION_OUT_MARK octets. */
enum { SESSION_OUT_MARK = 64 * 1024, SESSION_OUT_MAX = 256 * 1024 };

/* What comes next. */
enum session_next {
	NEXT_LINE,  /* give me the next line */
	NEXT_BODY,  /* give me octets as they come */
	NEXT_WAIT,  /* an answer is under way (a job): nothing until session_wake() */
	NEXT_MORE,  /* I have more to say: call more() when the output is below the mark */
	NEXT_TLS,   /* send what I said, throw away what was read, do a TLS handshake, then call secured() */
	NEXT_CLOSE, /* send what I said, then close */
};

/* How lines end. The session sets `ends`, its driver obeys from the next line on. */
enum line_ends {
	LINE_ENDS_EITHER, /* LF, and a CR before it is dropped */
	LINE_ENDS_CRLF,   /* CR LF alone; a bare LF is a character of the line */
};

/* One line as it came, without its end. The text lives until the callback returns. */
struct line {
	struct slice text;
	bool bare_lf;  /* ended by LF without CR */
	bool too_long; /* was longer than line_max; the text is its beginning, the rest was thrown away */
};

/* What a handshake has agreed on. */
enum { SESSION_BINDING = 32 };
struct session_tls {
	char version[16]; /* "TLSv1.3" */
	char cipher[64];  /* "TLS_AES_256_GCM_SHA384" */
	/* tls-exporter (RFC 9266), for SCRAM-SHA-256-PLUS; without has_binding (TLS 1.2 with no extended master secret) there is none. */
	unsigned char binding[SESSION_BINDING];
	bool has_binding;
};

enum session_stop {
	STOP_IDLE, /* the peer said or took nothing for idle_ms: say so and NEXT_CLOSE */
	/* Instead of start(): */
	STOP_CROWDED,   /* too many connections */
	STOP_TOO_MANY,  /* … from the peer's address */
	STOP_TOO_OFTEN, /* … from there, within a short time */
	STOP_SHUTDOWN,  /* the server ends: NEXT_CLOSE, or go on with a mail in mid DATA and close after it */
	STOP_NOW,       /* its time is over too: NEXT_CLOSE, nothing unfinished is stored */
};

struct session;

struct session_ops {
	const char *protocol;                         /* "smtp", "pop3" */
	size_t line_max;                              /* octets of the longest line, its end included */
	int64_t idle_ms;                              /* how long the peer may be silent, or not read */
	enum session_next (*start)(struct session *); /* the greeting */
	enum session_next (*line)(struct session *, const struct line *);
	/* Takes up to n octets, sets *taken (at least 1), and says what comes next: from NEXT_LINE on the rest is
	 * lines again. */
	enum session_next (*body)(struct session *, const char *octets, size_t n, size_t *taken);
	enum session_next (*more)(struct session *);   /* after NEXT_MORE */
	enum session_next (*resume)(struct session *); /* after NEXT_WAIT and session_wake() */
	/* After NEXT_TLS: `tls` is set, and nothing that was sent in clear is left. A handshake that fails ends the connection. NULL: never asked for. */
	enum session_next (*secured)(struct session *);
	enum session_next (*stop)(struct session *, enum session_stop why); /* never while NEXT_WAIT is in force */
	/* The peer is gone, or all is said: gives back everything. Never while NEXT_WAIT is in force. */
	void (*free)(struct session *);
};

struct session {
	const struct session_ops *ops;
	enum line_ends ends;
	struct buf *out;                /* the driver's; set before start() */
	const struct session_tls *tls;  /* the driver's; NULL: in clear. Where TLS comes first, set before start() */
	int64_t idle_ms;                /* how long the peer may be silent; 0: ops->idle_ms */
	void (*wake)(struct session *); /* the driver's; use session_wake() */
	void *driver;                   /* the driver's own */
	bool gone;                      /* the driver's: the peer has left; what is said goes nowhere */
	bool farewell;                  /* with NEXT_CLOSE: the peer itself has asked for it, and has no more to say */
};

/* "My answer is in": ends NEXT_WAIT. On the loop's thread, outside of any callback of this session. The session is
 * still there when it returns: a connection ends in a later turn of its loop. */
static inline void session_wake(struct session *s)
{
	s->wake(s);
}

/* Whether the session should return NEXT_MORE and go on when the peer has read. */
static inline bool session_enough(const struct session *s)
{
	return s->out->len >= SESSION_OUT_MARK;
}

#endif
