/*
 * config_value: the values of postroom.conf, by their types. See config_table.h.
 */
#include "server/config_table.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_OCTETS = 64 };

static bool take_text(const char **to, const char *value, struct arena *memory)
{
	*to = NULL;
	if (*value == '\0')
		return true;
	*to = arena_dup(memory, slice_str(value));
	return *to != NULL;
}

/* What stands in replies and logs, or is the name of a file, has no control characters. */
static bool is_printable(const char *value)
{
	for (; *value; value++) {
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	}
	return true;
}

/* It stands in replies and in addresses: a host name or an address literal, nothing that could pass for more. */
static bool is_domain(const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
	size_t len = strlen(value);
	return len <= OPTIONS_DOMAIN_MAX && strspn(value, letters) == len;
}

static bool is_numeric(const char *value)
{
	unsigned char octets[16];
	return inet_pton(AF_INET, value, octets) == 1 || inet_pton(AF_INET6, value, octets) == 1;
}

static bool is_address(const char *value)
{
	if (strchr(value, '/'))
		return is_printable(value) && strlen(value) < LISTEN_ADDRESS_MAX;
	return strcmp(value, "*") == 0 || is_numeric(value);
}

static bool add_item(struct config_list *list, const char *value, struct arena *memory)
{
	if (list->count == sizeof list->items / sizeof *list->items)
		return false;
	list->items[list->count] = arena_dup(memory, slice_str(value));
	return list->items[list->count++] != NULL;
}

/* A number with one of the letters behind it, or none; each letter stands for its factor. */
static bool read_scaled(const struct config_row *row, const char *value, const char *letters, const uint64_t *factors,
                        uint64_t *number)
{
	struct slice digits = slice_str(value);
	uint64_t factor = 1;
	const char *letter = digits.len > 0 ? strchr(letters, slice_lower(digits.ptr[digits.len - 1])) : NULL;
	if (letter) {
		factor = factors[letter - letters];
		digits.len--;
	}
	if (!slice_number(digits, row->most / factor, number))
		return false;
	*number *= factor;
	return *number >= row->least;
}

static bool read_size(const struct config_row *row, const char *value, uint64_t *size)
{
	static const uint64_t factors[] = { 1ULL << 10, 1ULL << 20, 1ULL << 30 };
	return read_scaled(row, value, "kmg", factors, size);
}

static bool read_seconds(const struct config_row *row, const char *value, unsigned *seconds)
{
	static const uint64_t factors[] = { 1, 60, 3600, 86400 };
	uint64_t number;
	if (!read_scaled(row, value, "smhd", factors, &number))
		return false;
	*seconds = (unsigned)number;
	return true;
}

static bool read_flag(const char *value, bool *flag)
{
	*flag = strcmp(value, "true") == 0;
	return *flag || strcmp(value, "false") == 0;
}

static bool read_protocol(const char *value, enum config_protocol *protocol)
{
	for (enum config_protocol p = CONFIG_SMTP; p <= CONFIG_WEB; p++) {
		if (strcmp(value, config_protocol_name(p)) == 0)
			*protocol = p;
	}
	return *protocol != CONFIG_PROTOCOL_NONE || *value == '\0';
}

static void tell_expected(const struct config_row *row, char expected[120])
{
	static const char *const what[] = {
		[CONFIG_TEXT] = "a text without control characters",
		[CONFIG_PATH] = "a path without control characters",
		[CONFIG_USER] = "a user's name",
		[CONFIG_DOMAIN] = "a host name such as mail.example.org",
		[CONFIG_DOMAINS] = "host names such as example.org, at most 64",
		[CONFIG_FLAG] = "true or false",
		[CONFIG_SIZE] = "octets such as 52428800, or 50M, or 1G",
		[CONFIG_PROTOCOL] = "smtp, lmtp, pop3 or web",
		[CONFIG_ADDRESS] = "an address in numbers such as 127.0.0.1, or \"*\", or a path",
		[CONFIG_ADDRESSES] = "addresses in numbers such as 10.0.0.5, at most 64",
	};
	unsigned long long least = row->least, most = row->most;
	if (row->type == CONFIG_SECONDS)
		snprintf(expected, 120, "seconds from %llu to %llu, or a time such as 5m, 12h or 7d", least, most);
	else if (row->type == CONFIG_COUNT || row->type == CONFIG_NUMBER)
		snprintf(expected, 120, "a number from %llu to %llu", least, most);
	else
		snprintf(expected, 120, "%s", what[row->type]);
}

static bool read_count(const struct config_row *row, const char *value, uint64_t *number)
{
	return slice_number(slice_str(value), row->most, number) && *number >= row->least;
}

static bool set(const struct config_row *row, void *to, const char *value, struct arena *memory)
{
	uint64_t number;
	switch (row->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		return is_printable(value) && take_text(to, value, memory);
	case CONFIG_USER:
		return is_printable(value) && strlen(value) <= NAME_MAX_OCTETS && take_text(to, value, memory);
	case CONFIG_DOMAIN:
		return is_domain(value) && take_text(to, value, memory);
	case CONFIG_DOMAINS:
		return *value && is_domain(value) && add_item(to, value, memory);
	case CONFIG_FLAG:
		return read_flag(value, to);
	case CONFIG_SIZE:
		return read_size(row, value, to);
	case CONFIG_COUNT:
		if (!read_count(row, value, &number))
			return false;
		*(size_t *)to = (size_t)number;
		return true;
	case CONFIG_NUMBER:
		if (!read_count(row, value, &number))
			return false;
		*(unsigned *)to = (unsigned)number;
		return true;
	case CONFIG_SECONDS:
		return read_seconds(row, value, to);
	case CONFIG_PROTOCOL:
		return read_protocol(value, to);
	case CONFIG_ADDRESS:
		return is_address(value) && take_text(to, value, memory);
	case CONFIG_ADDRESSES:
		return is_numeric(value) && add_item(to, value, memory);
	}
	return false;
}

bool config_value_set(const struct config_row *row, void *base, const char *value, struct arena *memory,
                      char expected[120])
{
	tell_expected(row, expected);
	return set(row, (char *)base + row->place, value, memory);
}

bool config_set_defaults(const struct config_row *rows, size_t count, void *base, struct arena *memory)
{
	for (size_t i = 0; i < count; i++) {
		bool list = rows[i].type == CONFIG_DOMAINS || rows[i].type == CONFIG_ADDRESSES;
		if (!list && !set(&rows[i], (char *)base + rows[i].place, rows[i].usual, memory))
			return false;
	}
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = same_text(a->items[i], b->items[i]);
	return same;
}

static size_t size_of(enum config_type type)
{
	return type == CONFIG_FLAG       ? sizeof(bool)
	       : type == CONFIG_SIZE     ? sizeof(uint64_t)
	       : type == CONFIG_COUNT    ? sizeof(size_t)
	       : type == CONFIG_PROTOCOL ? sizeof(enum config_protocol)
	                                 : sizeof(unsigned);
}

bool config_value_same(const struct config_row *row, const void *a, const void *b)
{
	const char *x = (const char *)a + row->place, *y = (const char *)b + row->place;
	const char *texts[2];
	switch (row->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_USER:
	case CONFIG_DOMAIN:
	case CONFIG_ADDRESS:
		memcpy(&texts[0], x, sizeof texts[0]);
		memcpy(&texts[1], y, sizeof texts[1]);
		return same_text(texts[0], texts[1]);
	case CONFIG_DOMAINS:
	case CONFIG_ADDRESSES:
		return same_list((const struct config_list *)(const void *)x,
		                 (const struct config_list *)(const void *)y);
	default:
		return memcmp(x, y, size_of(row->type)) == 0;
	}
}
