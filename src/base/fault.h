/*
 * fault: an error as a value.
 *
 * Whether trouble is temporary or permanent is decided where it is born, and becomes 4xx or 5xx,
 * [SYS/TEMP] or -ERR, retry or bounce, without anybody matching texts. A function that can fail returns
 * false and fills the caller's `struct fault`; on true the fault is left alone. The text says what
 * happened, where, and what to do; it is for the log and the operator, never for a peer.
 */
#ifndef POSTROOM_BASE_FAULT_H
#define POSTROOM_BASE_FAULT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_NONE = 0,
	FAULT_TEMPORARY, /* may work later: 451, [SYS/TEMP] */
	FAULT_FULL,      /* no room, may work later: 452, [SYS/TEMP] */
	FAULT_QUOTA,     /* no room in this mailbox, may work later: 452 4.2.2 */
	FAULT_BUSY,      /* somebody else holds it: [IN-USE] */
	FAULT_PERMANENT, /* will not work by waiting */
};

struct fault {
	enum fault_kind kind;
	int error; /* errno where it came from the system, else 0 */
	char text[240];
};

/* Both return false, so that a caller can say `return fault_set(why, …)`. `why` must not be NULL. */
bool fault_set(struct fault *why, enum fault_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The kind comes from errno (ENOSPC and EDQUOT: FULL, everything else that waiting may mend: TEMPORARY),
 * and ": " with the system's text is added. */
bool fault_errno(struct fault *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
