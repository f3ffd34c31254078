/*
 * uid: giving ordinals to equal mails, and writing ids down. See uid.h.
 */
#include "store/uid.h"

#include <stdio.h>
#include <stdlib.h>

/* A hash that was met, and the next ordinal for it. Open addressing; SHA-256's bytes are spread as they are. */
struct met {
	const unsigned char *hash;
	uint32_t next;
};

struct met_table {
	struct met *slots;
	size_t mask;
};

void uid_gone_add(struct uid_gone *gone, const struct uid *id)
{
	/* An id that nobody was told may be given again. */
	if (id->ordinal == UID_UNNUMBERED)
		return;
	gone->ids[gone->count % UID_GONE_MAX] = *id;
	gone->count++;
}

static struct met *met_find(const struct met_table *table, const unsigned char *hash)
{
	uint64_t at;
	memcpy(&at, hash, sizeof at);
	for (;; at++) {
		struct met *slot = &table->slots[at & table->mask];
		if (!slot->hash)
			slot->hash = hash;
		if (memcmp(slot->hash, hash, DRAFT_HASH) == 0)
			return slot;
	}
}

static void met_note(const struct met_table *table, const struct uid *id)
{
	if (id->ordinal == UID_UNNUMBERED)
		return;
	struct met *met = met_find(table, id->hash);
	if (id->ordinal >= met->next)
		met->next = id->ordinal + 1;
}

static bool met_init(struct met_table *table, size_t n)
{
	size_t size = 16;
	while (size < (n + UID_GONE_MAX) * 2)
		size *= 2;
	table->slots = calloc(size, sizeof *table->slots);
	table->mask = size - 1;
	return table->slots != NULL;
}

bool uid_number(struct uid *ids, size_t n, const struct uid_gone *gone)
{
	struct met_table table;
	if (!met_init(&table, n))
		return false;
	size_t remembered = gone->count < UID_GONE_MAX ? gone->count : UID_GONE_MAX;
	for (size_t i = 0; i < remembered; i++)
		met_note(&table, &gone->ids[i]);
	for (size_t i = 0; i < n; i++)
		met_note(&table, &ids[i]);
	for (size_t i = 0; i < n; i++) {
		if (ids[i].ordinal == UID_UNNUMBERED)
			ids[i].ordinal = met_find(&table, ids[i].hash)->next++;
	}
	free(table.slots);
	return true;
}

void uid_format(const struct uid *id, char text[STORE_UID_MAX])
{
	if (id->ordinal == UID_UNNUMBERED) {
		text[0] = '\0';
		return;
	}
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < DRAFT_HASH; i++) {
		*text++ = hex[id->hash[i] >> 4];
		*text++ = hex[id->hash[i] & 15];
	}
	*text = '\0';
	if (id->ordinal > 0)
		snprintf(text, STORE_UID_MAX - 2 * DRAFT_HASH, "-%u", id->ordinal);
}
