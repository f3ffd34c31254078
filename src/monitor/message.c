/*
 * message: the table of types, and the two directions. See message.h.
 */
#include "monitor/message.h"

struct shape {
	size_t numbers;
	size_t texts;
};

static const struct shape shapes[MESSAGE_TYPES] = {
	[MESSAGE_HELLO] = { 3, 2 },  [MESSAGE_OPENED] = { 2, 2 },    [MESSAGE_LINE] = { 5, 1 },
	[MESSAGE_TEXT] = { 5, 0 },   [MESSAGE_SECURED] = { 2, 2 },   [MESSAGE_LOGGED_IN] = { 2, 1 },
	[MESSAGE_ENDED] = { 2, 1 },  [MESSAGE_DELIVERED] = { 3, 5 }, [MESSAGE_METRICS] = { 0, 1 },
	[MESSAGE_BEGUN] = { 0, 0 },  [MESSAGE_LOST] = { 1, 0 },      [MESSAGE_ANSWER] = { 2, 1 },
	[MESSAGE_DELETE] = { 1, 2 }, [MESSAGE_LOGIN] = { 1, 3 },     [MESSAGE_FAULT] = { 6, 2 },
};

static bool known(unsigned type)
{
	return type > 0 && type < MESSAGE_TYPES;
}

static bool put_number(struct buf *out, uint64_t value, size_t octets)
{
	bool ok = true;
	for (size_t i = 0; i < octets; i++)
		ok = ok && buf_append_char(out, (char)(value >> (8 * i) & 0xff));
	return ok;
}

static bool take_number(struct slice *rest, uint64_t *value, size_t octets)
{
	if (rest->len < octets)
		return false;
	*value = 0;
	for (size_t i = 0; i < octets; i++)
		*value |= (uint64_t)(unsigned char)rest->ptr[i] << (8 * i);
	*rest = slice_skip(*rest, octets);
	return true;
}

static bool put_text(struct buf *out, struct slice text)
{
	return put_number(out, text.len, 4) && buf_append_slice(out, text);
}

static bool take_text(struct slice *rest, struct slice *text)
{
	uint64_t len;
	if (!take_number(rest, &len, 4) || len > rest->len)
		return false;
	*text = slice_make(rest->ptr, (size_t)len);
	*rest = slice_skip(*rest, (size_t)len);
	return true;
}

bool message_encode(const struct message *m, struct buf *out)
{
	buf_clear(out);
	bool ok = known(m->type) && buf_append_char(out, (char)m->type);
	for (size_t i = 0; ok && i < shapes[m->type].numbers; i++)
		ok = put_number(out, m->numbers[i], 8);
	for (size_t i = 0; ok && i < shapes[m->type].texts; i++)
		ok = put_text(out, m->texts[i]);
	return ok && out->len <= MESSAGE_MAX;
}

bool message_decode(struct message *m, struct slice packet)
{
	*m = (struct message){ .type = MESSAGE_TYPES };
	if (packet.len == 0 || packet.len > MESSAGE_MAX || !known((unsigned char)packet.ptr[0]))
		return false;
	m->type = (enum message_type)packet.ptr[0];
	struct slice rest = slice_skip(packet, 1);
	bool ok = true;
	for (size_t i = 0; ok && i < shapes[m->type].numbers; i++)
		ok = take_number(&rest, &m->numbers[i], 8);
	for (size_t i = 0; ok && i < shapes[m->type].texts; i++)
		ok = take_text(&rest, &m->texts[i]);
	return ok && rest.len == 0;
}

bool message_list_next(struct slice *list, struct slice *member)
{
	if (list->len == 0)
		return false;
	*member = slice_make(list->ptr, slice_find(*list, '\n'));
	*list = slice_skip(*list, member->len + 1);
	return true;
}
