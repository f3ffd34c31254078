/*
 * attachment: names and new files. See attachment.h.
 */
#include "client/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/utf8.h"

enum { NUMBER_ROOM = 8 }; /* octets kept for "-1000" */

/* Both kinds of path: a mail may come from Windows. */
static struct slice last_part(struct slice name)
{
	size_t i = name.len;

	while (i > 0 && name.ptr[i - 1] != '/' && name.ptr[i - 1] != '\\')
		i--;
	return slice_skip(name, i);
}

static bool is_harmless(char c)
{
	static const char signs[] = " ._-+=@,()[]{}#~";

	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr(signs, c));
}

/* C1 controls, and what turns the reading direction or breaks a line: the marks U+061C, U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF. */
static bool drives(struct slice character)
{
	const unsigned char *c = (const unsigned char *)character.ptr;

	if (character.len == 2)
		return (c[0] == 0xC2 && c[1] < 0xA0) || (c[0] == 0xD8 && c[1] == 0x9C);
	if (character.len != 3)
		return false;
	unsigned code = (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
	return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
	       (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

/* Of the first character: what of it stays, nothing or one underscore in its place. */
static struct slice made_safe(struct slice name, size_t *taken)
{
	unsigned char c = (unsigned char)name.ptr[0];
	size_t len = utf8_character(name);

	*taken = len > 0 ? len : 1;
	struct slice character = slice_make(name.ptr, *taken);
	if (c < 0x20 || c == 0x7F || (len > 1 && drives(character)))
		return slice_make(name.ptr, 0);
	if (len == 0 || (c < 0x80 && !is_harmless((char)c)))
		return slice_str("_");
	return character;
}

/* A dot hides a file, a dash makes it look like an option. */
static bool is_leading(char c)
{
	return c == '.' || c == '-' || c == ' ';
}

void attachment_name(struct slice name, size_t number, char safe[ATTACHMENT_NAME_MAX + 1])
{
	size_t len = 0;

	name = last_part(name);
	while (name.len > 0) {
		size_t taken;
		struct slice put = made_safe(name, &taken);
		name = slice_skip(name, taken);
		if (len + put.len > ATTACHMENT_NAME_MAX - NUMBER_ROOM)
			break;
		if (len == 0 && put.len > 0 && is_leading(put.ptr[0]))
			continue;
		memcpy(safe + len, put.ptr, put.len);
		len += put.len;
	}
	while (len > 0 && (safe[len - 1] == ' ' || safe[len - 1] == '.'))
		len--;
	safe[len] = '\0';
	if (len == 0)
		snprintf(safe, ATTACHMENT_NAME_MAX + 1, "attachment-%zu", number);
}

/* "name-2.ext" */
static void number_name(const char *safe, unsigned number, char name[ATTACHMENT_NAME_MAX + 1])
{
	const char *dot = strrchr(safe, '.');
	int stem = dot && dot != safe ? (int)(dot - safe) : (int)strlen(safe);

	snprintf(name, ATTACHMENT_NAME_MAX + 1, "%.*s-%u%s", stem, safe, number, safe + stem);
}

static int create(int dir, const char *safe, char name[ATTACHMENT_NAME_MAX + 1])
{
	int fd = -1;

	memcpy(name, safe, strlen(safe) + 1);
	for (unsigned i = 2; i <= ATTACHMENT_TRIES_MAX; i++) {
		fd = file_open(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
		number_name(safe, i, name);
	}
	return fd;
}

bool attachment_save(const struct mime_view *v, size_t index, int dir, char name[ATTACHMENT_NAME_MAX + 1],
                     struct fault *why)
{
	char safe[ATTACHMENT_NAME_MAX + 1];

	attachment_name(slice_str(v->attachments[index].name), index + 1, safe);
	int fd = create(dir, safe, name);
	if (fd < 0)
		return fault_errno(why, "%s cannot be made", name);
	bool ok = mime_view_write(v, index, fd, why);
	if (close(fd) != 0 && ok)
		ok = fault_errno(why, "%s cannot be written", name);
	/* A part of an attachment is of no use. */
	if (!ok)
		unlinkat(dir, name, 0);
	return ok;
}
