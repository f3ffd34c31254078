/*
 * link: see link.h.
 */
#include "web/link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

enum { AT_ONCE = 256 }; /* messages that are taken before others have their turn */

struct question {
	uint64_t number; /* 0: free */
	link_answer *answer;
	void *asker; /* NULL: gone */
};

struct link {
	int fd;
	void (*told)(void *owner, const struct message *m);
	void *owner;
	uint64_t last;
	struct question questions[LINK_QUESTIONS_MAX];
	struct buf out;
	char in[MESSAGE_MAX];
};

struct link *link_new(int fd, void (*told)(void *owner, const struct message *m), void *owner)
{
	struct link *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->fd = fd;
	l->told = told;
	l->owner = owner;
	l->last = (uint64_t)getpid() << 32; /* answers to one that was there before are nobody's */
	buf_init(&l->out, (size_t)2 * MESSAGE_MAX);
	return l;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	file_close(l->fd);
	buf_wipe(&l->out);
	free(l);
}

int link_descriptor(const struct link *l)
{
	return l->fd;
}

static void answered(struct link *l, const struct message *m)
{
	for (size_t i = 0; i < LINK_QUESTIONS_MAX; i++) {
		struct question q = l->questions[i];
		if (q.number == 0 || q.number != m->numbers[0])
			continue;
		l->questions[i] = (struct question){ .number = 0 };
		if (q.asker)
			q.answer(q.asker, (enum message_outcome)m->numbers[1], m->texts[0]);
		return;
	}
}

bool link_read(struct link *l)
{
	struct message m;
	for (int i = 0; i < AT_ONCE; i++) {
		ssize_t n = recv(l->fd, l->in, sizeof l->in, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		if (!message_decode(&m, slice_make(l->in, (size_t)n)))
			continue;
		if (m.type == MESSAGE_ANSWER)
			answered(l, &m);
		else
			l->told(l->owner, &m);
	}
	return true;
}

bool link_ask(struct link *l, struct message *question, link_answer *answer, void *asker)
{
	size_t i = 0;
	while (i < LINK_QUESTIONS_MAX && l->questions[i].number != 0)
		i++;
	if (l->fd < 0 || i == LINK_QUESTIONS_MAX)
		return false;
	question->numbers[0] = ++l->last;
	bool sent = message_encode(question, &l->out) &&
	            send(l->fd, l->out.data, l->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)l->out.len;
	explicit_bzero(l->out.data, l->out.len); /* a password, perhaps */
	if (sent)
		l->questions[i] = (struct question){ l->last, answer, asker };
	return sent;
}

void link_tell(struct link *l, const struct message *m)
{
	if (l->fd >= 0 && message_encode(m, &l->out))
		(void)!send(l->fd, l->out.data, l->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void link_forget(struct link *l, const void *asker)
{
	for (size_t i = 0; i < LINK_QUESTIONS_MAX; i++) {
		if (l->questions[i].asker == asker)
			l->questions[i].asker = NULL;
	}
}
