/*
 * uid: unique ids of mails (RFC 1939 section 7): the hash of the stored bytes and, among equal mails, an ordinal.
 *
 * An ordinal is given once, the lowest that no equal mail has or had; the last removed ids are remembered so that they are not given
 * again. Pure.
 */
#ifndef POSTROOM_STORE_UID_H
#define POSTROOM_STORE_UID_H

#include "store/draft.h"
#include "store/store.h"

#define UID_UNNUMBERED UINT32_MAX
enum { UID_GONE_MAX = 32 };

struct uid {
	unsigned char hash[DRAFT_HASH];
	uint32_t ordinal;
};

/* The last removed ids, a ring. */
struct uid_gone {
	uint32_t count; /* ever added */
	struct uid ids[UID_GONE_MAX];
};

void uid_gone_add(struct uid_gone *gone, const struct uid *id);

/* Numbers what is unnumbered among n ids. Time and memory grow with n. False: memory is out, nothing is changed. */
bool uid_number(struct uid *ids, size_t n, const struct uid_gone *gone);

/* "" for an unnumbered one. */
void uid_format(const struct uid *id, char text[STORE_UID_MAX]);

#endif
